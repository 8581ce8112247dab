"""What asyncpg and the network raise, as our nouns: the one place where a database fault gets its name.

PostgreSQL's own words may carry values, so none of them reaches a caller, a span or a log; what is kept is
the SQLSTATE, the constraint's name and, for faults of our own SQL, the identifier the server could not use.
"""

import ssl
from collections.abc import Callable
from typing import Any

import asyncpg

from shared.errors import AnnexError, Conflict, DatabaseUnavailable, DeadlineExceeded, Invalid


class QueryFailed(Exception):
    """Our SQL, or the types it was given, is wrong: a bug, so it becomes an opaque 500 and a line in the log.

    Attributes:
        sqlstate: the server's five characters, ``""`` when the driver refused before asking it.
    """

    def __init__(self, problem: str, *, sqlstate: str = "") -> None:
        super().__init__(f"{problem} (SQLSTATE {sqlstate})" if sqlstate else problem)
        self.sqlstate = sqlstate


class ConstraintViolated(Conflict):
    """The change breaks a rule of the schema.

    Attributes:
        kind: ``unique``, ``foreign_key``, ``check``, ``not_null`` or ``exclusion``.
        constraint: its name, for code that wants to say it better; not part of `detail`.
    """

    def __init__(self, kind: str, constraint: str = "") -> None:
        super().__init__(_RULES[kind])
        self.kind = kind
        self.constraint = constraint


class SerializationFailure(Conflict):
    """Another transaction got in between (40001, 40P01); the whole transaction may be tried again."""

    def __init__(self) -> None:
        super().__init__("Something else changed the same data at the same time; try again.", retry_after=0)


class ConnectionLost(DatabaseUnavailable):
    """The connection broke while a statement was on its way."""


class SchemaChanged(DatabaseUnavailable):
    """The app's migration changed a table or a type in use; the next try sees the new one.

    Attributes:
        done: the statement was carried out and only its answer could not be read.
    """

    def __init__(self, *, done: bool) -> None:
        super().__init__(reason="a migration changed a table in use", retry_after=None if done else 1)
        self.done = done


class PoolerDetected(DatabaseUnavailable):
    """A transaction pooler answered although none was declared; from now on the pool treats it as one."""


class OutcomeUnknown(DatabaseUnavailable):
    """The connection was lost while a change was on its way, which may or may not be saved."""

    def __init__(self) -> None:
        super().__init__(
            "The database went away while the change was being saved; check before trying again.",
            reason="the connection was lost during a change",
            retry_after=None,
        )


_RULES = {
    "unique": "This already exists.",
    "foreign_key": "Something that this refers to, or that refers to this, stands in the way.",
    "check": "A value is outside what the data allows.",
    "not_null": "A value that the data needs is missing.",
    "exclusion": "This overlaps with something that exists.",
}
_CONSTRAINTS = {
    "23001": "foreign_key",  # PostgreSQL 18 tells RESTRICT apart
    "23502": "not_null",
    "23503": "foreign_key",
    "23505": "unique",
    "23514": "check",
    "23P01": "exclusion",
}
# Text too long, number or date out of range, unreadable text, a NUL character: the value, not our SQL.
_CALLERS_VALUE = ("22001", "22003", "22007", "22008", "22P02", "22021")
_TIMED_OUT = ("57014", "25P03", "25P04")
_UNAVAILABLE = ("53", "57P", "28", "3D", "58", "XX", "55P03")
_POOLER = ("26000", "42P05")


def translate(error: BaseException) -> BaseException:
    """Return what to raise instead of `error`; our own errors and cancellation come back as they are."""
    if isinstance(error, AnnexError | QueryFailed):
        return error
    for kind, name in _NAMED:
        if isinstance(error, kind):
            return name(error)
    return error


def while_connecting(error: BaseException) -> BaseException:
    """As `translate`, for what happens before there is a connection: every fault means unavailable."""
    if not isinstance(error, Exception) or isinstance(error, AnnexError | QueryFailed):
        return error
    if _is_pooler_refusal(error):
        return PoolerDetected(reason="a pooler refused the startup settings")
    return DatabaseUnavailable(reason=reason(error))


def reason(error: BaseException) -> str:
    """Say in a few words why there is no connection, without any text that came from outside."""
    sqlstate = getattr(error, "sqlstate", None)
    if sqlstate:
        return f"{_PLAIN.get(sqlstate) or _PLAIN.get(sqlstate[:2]) or 'refused by the server'} ({sqlstate})"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"TLS: the server's certificate is not accepted ({error.verify_message})"
    if isinstance(error, ssl.SSLError):
        return "TLS: the handshake failed"
    if isinstance(error, ConnectionError) and "rejected SSL" in str(error):
        return "TLS: the server does not speak it; use sslmode=prefer or disable"
    for kind, words in _KINDS:
        if isinstance(error, kind):
            return words
    return type(error).__name__


_PLAIN = {
    "28P01": "the password is wrong",
    "28": "the role may not log in",
    "3D": "there is no such database",
    "53300": "the server has no connection left",
    "57P01": "the server is shutting down",
    "57P03": "the server is starting",
    "08": "the connection was lost",
}
_KINDS: tuple[tuple[type[BaseException], str], ...] = (
    (TimeoutError, "no answer in time"),
    (ConnectionRefusedError, "nothing listens at its address"),
    (FileNotFoundError, "its socket, or a certificate file, does not exist"),
    (PermissionError, "its socket, or a certificate file, may not be opened"),
    (ConnectionError, "the connection was lost"),
    (OSError, "its host cannot be found or reached"),
    (asyncpg.InterfaceError, "the connection is closed"),
)


def _from_server(error: asyncpg.PostgresError) -> Exception:
    if isinstance(error, asyncpg.DataError) and not error.severity:
        return _from_driver_value(error)  # it bears the server's class, but never left this process
    state = error.sqlstate or ""
    if isinstance(error, asyncpg.InvalidCachedStatementError | asyncpg.OutdatedSchemaCacheError):
        return SchemaChanged(done=isinstance(error, asyncpg.OutdatedSchemaCacheError))
    if state in _CONSTRAINTS:
        return ConstraintViolated(_CONSTRAINTS[state], getattr(error, "constraint_name", None) or "")
    for states, name in _BY_STATE:
        if state.startswith(states):
            return name(error)
    return QueryFailed(_bug(error, state), sqlstate=state)


def _bug(error: asyncpg.PostgresError, state: str) -> str:
    if state == "25006":
        return "A function that declares read_only=True tried to write"
    if state == "42501":
        return "The database role may not do this; grant it, or do not ask for it"
    if state == "25P02":
        return "A statement was sent after another one had failed in the same transaction"
    if state.startswith("42"):
        # Class 42 is about the statement itself: names and syntax, never values.
        return str(getattr(error, "message", "") or type(error).__name__)
    return type(error).__name__


def _from_driver_value(error: asyncpg.DataError) -> Exception:
    if isinstance(error.__cause__, OverflowError | UnicodeError):
        return _outside(error)
    words = str(error)
    argument = next((word.rstrip(":,") for word in words.split() if word.startswith("$")), "a parameter")
    return QueryFailed(f"{argument} is not of the type that the statement needs")


def _from_connection(error: BaseException) -> Exception:
    if "another operation is in progress" in str(error):
        return QueryFailed("Two statements at once on one transaction; await one before sending the next")
    if type(error) is asyncpg.InterfaceError and "argument" in str(error):
        return QueryFailed("The number of parameters is not the number of placeholders")
    return ConnectionLost(reason=reason(error))


def _is_pooler_refusal(error: BaseException) -> bool:
    return isinstance(error, asyncpg.PostgresError) and "startup parameter" in str(error)


def _outside(_: BaseException) -> Invalid:
    return Invalid("A value is outside what the database can hold.")


def _late(_: BaseException) -> DeadlineExceeded:
    return DeadlineExceeded("The database did not answer in time.")


_BY_STATE: tuple[tuple[tuple[str, ...], Callable[[BaseException], Exception]], ...] = (
    (("40001", "40P01"), lambda _: SerializationFailure()),
    (_TIMED_OUT, _late),
    (_CALLERS_VALUE, _outside),
    (_POOLER, lambda _: PoolerDetected(reason="a prepared statement was not where it was made")),
    (("08",), lambda error: ConnectionLost(reason=reason(error))),
    (_UNAVAILABLE, lambda error: DatabaseUnavailable(reason=reason(error))),
)
# From the narrow to the wide: every TimeoutError is an OSError.
_NAMED: tuple[tuple[type[BaseException], Callable[[Any], Exception]], ...] = (
    (asyncpg.PostgresError, _from_server),
    (TimeoutError, _late),
    (UnicodeEncodeError, _outside),
    (OSError, _from_connection),
    (asyncpg.InterfaceError, _from_connection),
    (asyncpg.InternalClientError, _from_connection),
)
