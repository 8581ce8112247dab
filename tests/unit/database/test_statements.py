"""What is read from the text of a statement, and that its literals never are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.database.statements.statement import After, describe
from tests.fixtures.sessions import LASTING, LOCAL


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
    "sql",
    [
        "SELECT 'please SET and LISTEN'",
        'SELECT "offset" FROM settings',
        'SELECT count(*), max("a") FROM "Signal" WHERE lower("b") IN ($1) GROUP BY (c) ORDER BY 1;',
        "SELECT coalesce(a, 'it''s'), E'it\\'s (x', $$f(1)$$, $a$ g(2) $a$, U&'d' -- h(3)\nFROM t",
        "SELECT 1 /* f(/* 2 */ 3) */",
        "WITH recent AS (SELECT 1 AS id) SELECT id::numeric(10, 2) FROM recent",
        "SELECT * FROM jsonb_array_elements($1) AS t(item)",
        "VALUES (1), (2)",
    ],
)
def test_a_plain_read_leaves_nothing_in_its_session(sql: str):
    assert describe(sql).after is After.KEEP


@pytest.mark.parametrize(
    "sql",
    [
        "",
        "SET work_mem TO '1GB'",
        'UPDATE "Signal" SET value = 1',
        'INSERT INTO "Jobs" (load) VALUES ($1)',
        "SELECT of_the_app(1)",
        "SELECT app.lower('x')",
        'SELECT "lower"(1)',
        "SELECT a\u017fcii(1)",
        "SELECT 'C:\\'",
        "SELECT 'without an end",
        "SELECT $a$ without an end $b$",
        "SELECT 1 /* without /* an */ end",
        "SELECT 1; SELECT 2",
        "SELECT 1 INTO t",
        "(SELECT 1)",
        "SELECT '" + "x" * 100_000 + "'",
    ],
)
def test_after_anything_else_the_session_is_reset(sql: str):
    assert describe(sql).after is After.RESET


@pytest.mark.parametrize(
    "sql",
    ["DISCARD ALL", "deallocate x", "LOAD 'auto_explain'", "SELECT 1; DEALLOCATE ALL", "DO $$ LOAD 'a' $$"],
)
def test_what_no_reset_can_undo_costs_the_connection(sql: str):
    assert describe(sql).after is After.CLOSE


@pytest.mark.parametrize(
    "literal", ["'C:\\'", "E'a\\''", "E'a'\n'\\''", "$a$'$a$", "/* /* */ ' */ ''", "e'\\\\'"]
)
def test_a_literal_does_not_open_the_next_one(literal: str):
    assert describe(f"SELECT {literal}, ' FROM K1tt3n ' FROM \"Signal\"").summary == "SELECT Signal"


@given(st.text(alphabet="FROMINTOUPDATEJOINk '\"\\$", max_size=30))
def test_no_literal_becomes_part_of_a_summary(text: str):
    literal = "'FROM K1tt3n " + text.replace("'", "''").replace("\\", "") + "'"

    assert "K1tt3n" not in describe(f'SELECT {literal} FROM "Signal"').summary


@pytest.mark.parametrize(("sql", "name"), LASTING)
def test_what_outlives_its_transaction_is_named(sql: str, name: str):
    found = describe(sql).lasting

    assert found is not None
    assert found.name == name


@pytest.mark.parametrize("sql", LOCAL)
def test_what_ends_with_its_transaction_does_not_last(sql: str):
    assert describe(sql).lasting is None


def test_names_hold_letters_digits_dollars_and_all_beyond_ascii():
    """PostgreSQL, 4.1.1."""
    characters = [*map(chr, range(1, 0x300)), "\u20ac", "\U0001f600"]

    held = [each for each in characters if describe(f"SELECT 1 FROM a{each}b").tables == (f"a{each}b",)]
    first = [each for each in characters if describe(f"SELECT 1 FROM {each}b").tables == (f"{each}b",)]

    beyond = [each for each in characters if ord(each) > 0x7F]
    assert held == [*"$0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz", *beyond]
    assert first == [*"ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz", *beyond]
