"""`DATABASE_URL` as the Next.js app wrote it: Prisma's, node-pg's, postgres.js's and libpq's dialects.

A pure function of the text. What it refuses it names, with the cure; no message, notice or repr ever shows a
part of the URL that could be a secret. Every row of the table in docs/database.md is a test.
"""

import re
from urllib.parse import unquote

from shared.database.connection.parameters import HOSTLIST, Words, read_hosts
from shared.database.connection.target import InvalidDatabaseUrl, Target
from shared.secret import Secret


def translate(url: str) -> Target:
    """Translate the URL of the app.

    Raises:
        InvalidDatabaseUrl: it cannot be used; says the cure.
    """
    text = _unwrapped(url)
    scheme, _, rest = text.partition("://")
    _check_scheme(scheme, rest)
    before, _, query = rest.partition("?")
    authority, _, path = before.partition("/")
    _check_escapes(authority, path, query)
    credentials, _, hostlist = authority.rpartition("@")
    user, _, password = credentials.partition(":")
    words = Words(
        hosts=read_hosts(hostlist),
        user=unquote(user),
        password=Secret(unquote(password)) if password else None,
        database=unquote(path),
    )
    pairs = _pairs(query)
    words.carries_secret = any("password" in name for name, _ in pairs)
    for name, value in pairs:
        words.read(name, value)
    return words.target()


def _unwrapped(url: str) -> str:
    text = url.strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'`":
        text = text[1:-1].strip()
    if "${{" in text or re.match(r"\$\{?\w+\}?$", text):
        raise InvalidDatabaseUrl("it is a reference that was not filled in; check the variable it points at")
    if text.startswith("DATABASE_URL"):
        raise InvalidDatabaseUrl("it repeats its own name; remove `DATABASE_URL=` from the value")
    if text.startswith("psql "):
        raise InvalidDatabaseUrl("it is a psql command; keep only the URL that stands in quotes")
    return text


def _check_scheme(scheme: str, rest: str) -> None:
    name = scheme.partition("+")[0].lower()
    if name == "prisma" or scheme.lower() == "prisma+postgres":
        raise InvalidDatabaseUrl(
            "it points at Prisma's proxy (prisma://), which speaks Prisma's own protocol; "
            "use the direct postgresql:// URL (often DIRECT_URL)"
        )
    if name in {"mysql", "mariadb", "sqlserver", "mongodb", "sqlite", "file", "cockroachdb"}:
        raise InvalidDatabaseUrl(f"it is a URL for {name}; Annex needs PostgreSQL (postgresql://)")
    if name not in {"postgres", "postgresql"} or not rest:
        raise InvalidDatabaseUrl("expected postgresql://user:password@host:port/database")


def _check_escapes(authority: str, path: str, query: str) -> None:
    """Find the marks that cut a password in two, before any of its pieces is taken for a host or a name."""
    cut = (
        "@" in path
        or "@" in query
        or (":" in authority and "@" not in authority and not HOSTLIST.fullmatch(authority))
    )
    if cut or "#" in authority + path + query:
        raise InvalidDatabaseUrl(
            "the user or password contains a character that cuts the URL apart (one of / ? # @); "
            "percent-encode it: / is %2F, ? is %3F, # is %23, @ is %40"
        )


def _pairs(query: str) -> list[tuple[str, str]]:
    pairs = (part.partition("=") for part in query.split("&") if part)
    return [(unquote(name), unquote(value)) for name, _, value in pairs]
