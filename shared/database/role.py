"""What the database role could do to the schema although the service never needs to."""

from msgspec import Struct

from shared.database.queries import Queries


class _Powers(Struct):
    role: str
    superuser: bool
    creates_databases: bool
    creates_roles: bool
    creates_schemas: bool
    creates_temporary: bool
    creates_in: list[str]
    owns: int


_POWERS = """
SELECT r."rolname" AS "role", r."rolsuper" AS "superuser", r."rolcreatedb" AS "creates_databases",
       r."rolcreaterole" AS "creates_roles",
       has_database_privilege(current_database(), 'CREATE') AS "creates_schemas",
       has_database_privilege(current_database(), 'TEMPORARY') AS "creates_temporary",
       ARRAY(
           SELECT n."nspname"::text FROM pg_namespace n
           WHERE n."nspname" !~ '^pg_' AND n."nspname" <> 'information_schema'
             AND has_schema_privilege(n."oid", 'CREATE')
           ORDER BY 1
       ) AS "creates_in",
       (
           SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n."oid" = c."relnamespace"
           WHERE c."relkind" IN ('r', 'p', 'v', 'm', 'S') AND n."nspname" !~ '^pg_'
             AND n."nspname" <> 'information_schema' AND pg_has_role(c."relowner", 'USAGE')
       ) AS "owns"
FROM pg_roles r WHERE r."rolname" = current_user
"""


async def powers(db: Queries) -> list[str]:
    """Return one sentence for each unneeded privilege; empty for a role of least privilege."""
    row = await db.fetch_one(_Powers, _POWERS)
    if row is None:
        return []
    if row.superuser:
        return [f"{row.role} is a superuser and may change every database of the server"]
    privileges = [
        (row.creates_databases, "may create databases"),
        (row.creates_roles, "may create roles"),
        (row.creates_schemas, "may create schemas in this database"),
        (row.creates_temporary, "may create temporary tables, which hide the app's tables of the same name"),
        (bool(row.creates_in), f"may create tables in {', '.join(row.creates_in)}"),
        (row.owns > 0, f"owns tables, views or sequences ({row.owns}) and may alter and drop them"),
    ]
    return [f"{row.role} {power}" for holds, power in privileges if holds]
