"""What is read from the text of a statement, and that its literals never are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.database.statements import describe


@pytest.mark.parametrize(
    ("sql", "summary"),
    [
        ('SELECT s.id FROM "Signal" s JOIN "Instrument" i ON true', "SELECT Signal Instrument"),
        ('select id from public."Signal"', "SELECT Signal"),
        ("INSERT INTO \"Signal\" (id) VALUES ('a')", "INSERT Signal"),
        ('UPDATE "Signal" SET value = 1', "UPDATE Signal"),
        ('DELETE FROM ONLY "Signal" USING "Instrument"', "DELETE Signal"),
        ('WITH s AS (INSERT INTO "Signal" (id) VALUES (1) RETURNING *) SELECT * FROM s', "SELECT Signal"),
        ("WITH recent(id) AS (SELECT id FROM signals) DELETE FROM old", "DELETE signals old"),
        ("SELECT * FROM generate_series(1, 3)", "SELECT"),
        ("SELECT extract(epoch FROM now())", "SELECT"),
        ("-- from secret\nSELECT /* from secret */ 1", "SELECT"),
        ("SELECT ' from secret ', $$ from secret $$, E'\\' from secret'", "SELECT"),
        ("BEGIN ISOLATION LEVEL SERIALIZABLE", "BEGIN"),
        ("", "QUERY"),
    ],
)
def test_a_statement_is_summed_up_as_operation_and_tables(sql: str, summary: str):
    assert describe(sql).summary == summary


@pytest.mark.parametrize(
    ("sql", "touches"),
    [
        ("SET work_mem TO '1GB'", True),
        ("SELECT set_config('a.b', 'c', false)", True),
        ("SELECT pg_try_advisory_lock(1)", True),
        ("LISTEN signals", True),
        ("DECLARE c CURSOR WITH HOLD FOR SELECT 1", True),
        ("CREATE TEMP TABLE t AS SELECT 1", True),
        ('UPDATE "Signal" SET value = 1', False),
        ("INSERT INTO a VALUES (1) ON CONFLICT (id) DO UPDATE SET v = 1", False),
        ("SELECT 'please SET and LISTEN'", False),
        ('SELECT "offset" FROM settings', False),
    ],
)
def test_only_statements_that_may_change_the_session_cost_a_reset(sql: str, touches: bool):
    assert describe(sql).touches_session is touches


@given(st.text(alphabet="FROMINTOUPDATEJOINk '\"\\$", max_size=30))
def test_no_literal_becomes_part_of_a_summary(text: str):
    literal = "'FROM K1tt3n " + text.replace("'", "''").replace("\\", "") + "'"

    assert "K1tt3n" not in describe(f'SELECT {literal} FROM "Signal"').summary
