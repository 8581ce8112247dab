"""Code of the app that a plain read may run although its text calls no function: views, policies, casts."""

from typing import NamedTuple

import asyncpg

from shared.database.statements.statement import After, Statement

# Objects below 16384 are the server's own; an extension's are trusted as those are.
_OWN = """
    oid >= 16384 AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_depend AS d
        WHERE d.classid = o.tableoid AND d.objid = o.oid AND d.deptype = 'e'
    )
"""
_QUESTION = f"""
SELECT ARRAY(
    SELECT relname::text FROM pg_catalog.pg_class AS o
    WHERE (relkind IN ('v', 'f', 'c') OR relrowsecurity) AND {_OWN}
    UNION SELECT proname::text FROM pg_catalog.pg_proc AS o WHERE {_OWN}
    UNION SELECT typname::text FROM pg_catalog.pg_type AS o WHERE typtype = 'd' AND {_OWN}
) AS names,
EXISTS (SELECT FROM pg_catalog.pg_operator AS o WHERE {_OWN})
OR EXISTS (SELECT FROM pg_catalog.pg_cast AS o WHERE castfunc <> 0 AND {_OWN}) AS anywhere
"""  # noqa: S608  two constants


class Unseen(NamedTuple):
    """Objects of the app that run code of the app when they are read.

    Attributes:
        names: of views, foreign tables, tables with row-level security, functions, domains, composite types.
        anywhere: there are operators or casts, which no name in a statement tells of.
    """

    names: frozenset[str]
    anywhere: bool

    def after(self, statement: Statement) -> After:
        """Return what a connection needs after a statement."""
        if statement.after is After.KEEP and (self.anywhere or not self.names.isdisjoint(statement.names)):
            return After.RESET
        return statement.after


UNKNOWN = Unseen(frozenset(), anywhere=True)


async def read(connection: asyncpg.Connection) -> Unseen:
    """Ask the catalogue, in one round trip and some milliseconds."""
    try:
        [(names, anywhere)] = await connection.fetch(_QUESTION)
    except asyncpg.PostgresError:
        return UNKNOWN
    return Unseen(frozenset(names), anywhere)
