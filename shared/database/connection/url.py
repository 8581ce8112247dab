"""Translates `DATABASE_URL` from the dialects of Prisma, node-pg, postgres.js and libpq.

A pure function. Messages name the problem and the cure; no message, notice or repr shows a part of the URL
that could be a secret. Every row of the table in docs/database.md is a test.
"""

import re
from urllib.parse import unquote

from shared.database.connection.hosts import HOSTLIST, read_hosts
from shared.database.connection.known_parameters import read_all
from shared.database.connection.parameters import Parameters
from shared.database.connection.target import InvalidDatabaseUrl, Target
from shared.secret import Secret


def translate(url: str) -> Target:
    """Translate the app's database URL.

    Raises:
        InvalidDatabaseUrl: the URL cannot be used; the message gives the cure.
    """
    text = _unwrapped(url)
    scheme, _, rest = text.partition("://")
    _check_scheme(scheme, rest)
    before, _, query = rest.partition("?")
    authority, _, path = before.partition("/")
    _check_escapes(authority, path, query)
    credentials, _, hostlist = authority.rpartition("@")
    user, _, password = credentials.partition(":")
    parameters = Parameters(
        hosts=read_hosts(hostlist),
        user=unquote(user),
        password=Secret(unquote(password)) if password else None,
        database=unquote(path),
    )
    read_all(parameters, _pairs(query))
    return parameters.target()


def _unwrapped(url: str) -> str:
    text = url.strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'`":
        text = text[1:-1].strip()
    if "${{" in text or re.match(r"\$\{?\w+\}?$", text):
        raise InvalidDatabaseUrl("it is an unresolved reference; check the variable that it refers to")
    if text.startswith("DATABASE_URL"):
        raise InvalidDatabaseUrl("it starts with its own name; remove `DATABASE_URL=` from the value")
    if text.startswith("psql "):
        raise InvalidDatabaseUrl("it is a psql command; keep only the URL inside the quotes")
    return text


def _check_scheme(scheme: str, rest: str) -> None:
    name = scheme.partition("+")[0].lower()
    if name == "prisma" or scheme.lower() == "prisma+postgres":
        raise InvalidDatabaseUrl(
            "it is a URL of Prisma's proxy (prisma://), which is not PostgreSQL; "
            "use the direct postgresql:// URL (often DIRECT_URL)"
        )
    if name in {"mysql", "mariadb", "sqlserver", "mongodb", "sqlite", "file", "cockroachdb"}:
        raise InvalidDatabaseUrl(f"it is a {name} URL; Annex requires PostgreSQL (postgresql://)")
    if name not in {"postgres", "postgresql"} or not rest:
        raise InvalidDatabaseUrl("expected postgresql://user:password@host:port/database")


def _check_escapes(authority: str, path: str, query: str) -> None:
    """Detect unescaped delimiters in a password before a part of it is taken for a host or a name."""
    is_split = (
        "@" in path
        or "@" in query
        or (":" in authority and "@" not in authority and not HOSTLIST.fullmatch(authority))
    )
    if is_split or "#" in authority + path + query:
        raise InvalidDatabaseUrl(
            "the user or password contains an unescaped / ? # or @; "
            "percent-encode it: / as %2F, ? as %3F, # as %23, @ as %40"
        )


def _pairs(query: str) -> list[tuple[str, str]]:
    pairs = (part.partition("=") for part in query.split("&") if part)
    return [(unquote(name), unquote(value)) for name, _, value in pairs]
