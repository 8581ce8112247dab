"""Row-level security by the caller's claims, with policies as people write them for Supabase and Neon."""

import asyncio
from collections.abc import AsyncIterator, Callable

import asyncpg
import pytest
from msgspec import Struct

from shared.database import Database, QueryFailed, Transaction
from shared.identity import User
from shared.secret import Secret

POLICIES = """
CREATE SCHEMA auth;
CREATE FUNCTION auth.jwt() RETURNS jsonb LANGUAGE sql STABLE
    AS $$ SELECT nullif(current_setting('request.jwt.claims', true), '')::jsonb $$;
CREATE TABLE notes (id int, owner text DEFAULT (auth.jwt() ->> 'sub'), org text, body text);
INSERT INTO notes VALUES (1, 'user_a', 'org_1'), (2, 'user_b', 'org_1'), (3, 'user_c', 'org_2');
ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON notes FOR ALL TO PUBLIC
    USING ((SELECT auth.jwt() ->> 'sub') = owner) WITH CHECK ((SELECT auth.jwt() ->> 'sub') = owner);
CREATE POLICY org ON notes FOR SELECT TO PUBLIC USING ((SELECT auth.jwt() -> 'o' ->> 'id') = org);
GRANT USAGE ON SCHEMA auth TO PUBLIC;
GRANT ALL ON notes TO PUBLIC;
DO $$ BEGIN CREATE ROLE authenticated; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
DO $$ BEGIN CREATE ROLE forbidden; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
GRANT authenticated TO annex;
CREATE TABLE shared_notes (body text);
ALTER TABLE shared_notes ENABLE ROW LEVEL SECURITY;
CREATE POLICY people ON shared_notes TO authenticated USING (true);
GRANT SELECT ON shared_notes TO annex, authenticated;
INSERT INTO shared_notes VALUES ('hello');
"""
ALICE = User("user_a", claims={"sub": "user_a", "o": {"id": "org_9"}})
BOB = User("user_b", claims={"sub": "user_b", "o": {"id": "org_1"}})
HOSTILE = "x', true), set_config('role', 'postgres', true) --\\' \\"


class Note(Struct):
    id: int


@pytest.fixture
async def guarded(owner_url: str) -> AsyncIterator[None]:
    owner = await asyncpg.connect(owner_url)
    await owner.execute(POLICIES)
    yield
    await owner.execute("DROP OWNED BY authenticated; DROP ROLE authenticated; DROP ROLE forbidden")
    await owner.close()


@pytest.fixture(params=["direct", "behind a pooler"])
async def served(
    request: pytest.FixtureRequest, guarded: None, database_url: str, pgbouncer: Callable[..., str]
) -> AsyncIterator[Database]:
    url = database_url if request.param == "direct" else pgbouncer()
    async with Database.from_url(Secret(url), pool_max=2) as database:
        yield database


async def notes(
    database: Database, caller: User | dict[str, object] | None, role: str | None = None
) -> list[int]:
    async with database.transaction(claims=caller, role=role) as transaction:
        return [note.id for note in await transaction.fetch(Note, "SELECT id FROM notes ORDER BY id")]


async def test_each_caller_sees_and_changes_only_what_the_policies_allow(served: Database):
    assert await notes(served, ALICE) == [1]
    assert await notes(served, BOB) == [1, 2]
    assert await notes(served, {"sub": "user_c"}, role="authenticated") == [3]
    assert await notes(served, None) == []

    async with served.transaction(claims=BOB) as transaction:
        assert await transaction.execute("UPDATE notes SET body = 'mine'") == 1
        await transaction.execute("INSERT INTO notes (id) VALUES (4)")
    with pytest.raises(QueryFailed, match="lacks a privilege"):
        async with served.transaction(claims=BOB) as transaction:
            await transaction.execute("INSERT INTO notes (id, owner) VALUES (5, 'user_a')")
    assert await notes(served, BOB) == [1, 2, 4]


async def test_a_role_holds_for_the_transaction_alone(served: Database):
    async with served.transaction(claims=ALICE, role="authenticated") as transaction:
        assert await transaction.fetch_value("SELECT current_user::text") == "authenticated"
        assert await transaction.fetch_value("SELECT count(*) FROM shared_notes") == 1

    assert await served.fetch_value("SELECT current_user::text") == "annex"


async def test_nothing_of_the_claims_is_there_for_the_next_caller(served: Database):
    async def ask(caller: User) -> None:
        async def work(transaction: Transaction) -> None:
            assert await transaction.fetch_value("SELECT auth.jwt() ->> 'sub'") == caller.user_id

        await served.transaction(claims=caller).run(work)
        assert await served.fetch_value("SELECT auth.jwt()") is None
        with pytest.raises(ZeroDivisionError):
            async with served.transaction(claims=caller):
                raise ZeroDivisionError
        assert await served.fetch_value("SELECT auth.jwt()") is None

    await asyncio.gather(*(ask(User(f"user_{number}", claims={})) for number in range(20)))


@pytest.mark.parametrize("read_only", [False, True])
async def test_claims_are_values_whatever_they_contain(served: Database, read_only: bool):
    claims = {"sub": HOSTILE, "name": "é\u2028'\"\\", "n": [1, None, {"a": "$1"}]}
    async with served.transaction(
        claims=claims, read_only=read_only, isolation="serializable"
    ) as transaction:
        assert await transaction.fetch_value("SELECT auth.jwt()") == claims
        assert await transaction.fetch_value("SELECT current_user::text") == "annex"


@pytest.mark.parametrize("role", ["forbidden", "nobody'; --", "postgres"])
async def test_a_role_that_may_not_be_taken_is_named_with_the_cure(served: Database, role: str):
    with pytest.raises(QueryFailed, match="GRANT it to the service's role") as refused:
        async with served.transaction(claims=ALICE, role=role):
            pass

    assert repr(role) in str(refused.value)
    assert await served.fetch_value("SELECT current_user::text") == "annex"
