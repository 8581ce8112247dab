"""What asyncpg and the network raise, translated into our errors; nothing else translates them.

PostgreSQL's messages can contain values, so none reaches a caller, a span or a log. What is kept is the
SQLSTATE, the constraint's name and, for a bug in our SQL, the identifier that the server did not find.
"""

import errno
import re
import ssl
from collections.abc import Callable
from typing import Any

import asyncpg
import msgspec

from shared.database.errors import (
    ArgumentRefused,
    ConnectionLost,
    ConstraintViolated,
    OutOfDescriptors,
    OutOfRange,
    PoolerDetected,
    QueryFailed,
    ReadOnlyServer,
    SchemaChanged,
    SerializationFailure,
    SilentServer,
    ValueRefused,
)
from shared.errors import AnnexError, DatabaseUnavailable, DeadlineExceeded

_CONSTRAINTS = {
    "23001": "foreign_key",  # RESTRICT, since PostgreSQL 18
    "23502": "not_null",
    "23503": "foreign_key",
    "23505": "unique",
    "23514": "check",
    "23P01": "exclusion",
}
# Text too long, a number or date out of range, a range the wrong way round, a NUL: the value, not our SQL.
_INVALID_VALUE = ("22000", "22001", "22003", "22007", "22008", "22P02", "22P03", "22P05", "22021")
_TIMED_OUT = ("57014", "25P03", "25P04")
_UNAVAILABLE = ("53", "57P", "28", "3D", "58", "XX")
_POOLER = ("26000", "42P05")
# A statement that SQL prepared has the name that it was given there.
_OF_DRIVER = re.compile(r"__asyncpg_|PGBOUNCER_|unnamed")


def translate(error: BaseException) -> BaseException:
    """Return what to raise instead of `error`; our own errors and cancellation are returned unchanged."""
    if isinstance(error, AnnexError | QueryFailed):
        return error
    for kind, name in _NAMED:
        if isinstance(error, kind):
            return name(error)
    return error


def while_connecting(error: BaseException) -> BaseException:
    """As `translate`, for errors while connecting: each means that the database is unavailable."""
    if not isinstance(error, Exception) or isinstance(error, AnnexError | QueryFailed):
        return error
    if isinstance(error, OSError) and error.errno in {errno.EMFILE, errno.ENFILE}:
        return OutOfDescriptors()
    if _is_pooler_refusal(error):
        return PoolerDetected(reason="a pooler rejected the startup parameters")
    return DatabaseUnavailable(reason=reason(error))


def reason(error: BaseException) -> str:
    """Return why there is no connection, for the log; contains no text that came from outside."""
    sqlstate = getattr(error, "sqlstate", None)
    if sqlstate:
        known = _PLAIN.get(sqlstate) or _PLAIN.get(sqlstate[:2]) or "the server refused the connection"
        return f"{known} ({sqlstate})"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"TLS: the server's certificate was rejected ({error.verify_message})"
    if isinstance(error, ssl.SSLError):
        return "TLS: handshake failed"
    if isinstance(error, ConnectionError) and "rejected SSL" in str(error):
        return "TLS: not supported by the server; use sslmode=prefer or sslmode=disable"
    for kind, words in _KINDS:
        if isinstance(error, kind):
            return words
    return type(error).__name__


_PLAIN = {
    "28P01": "wrong password",
    "28": "the role is not allowed to log in",
    "3D": "the database does not exist",
    "53300": "the server has no free connections",
    "57P01": "the server is shutting down",
    "57P03": "the server is starting up",
    "08": "the connection was lost",
}
_KINDS: tuple[tuple[type[BaseException], str], ...] = (
    (TimeoutError, "no response in time"),
    (ConnectionRefusedError, "connection refused: nothing listens at the address"),
    (FileNotFoundError, "the socket or a certificate file does not exist"),
    (PermissionError, "no permission to open the socket or a certificate file"),
    (ConnectionError, "the connection was lost"),
    (OSError, "the host cannot be resolved or reached"),
    (asyncpg.InterfaceError, "the connection is closed"),
)


def _from_server(error: asyncpg.PostgresError) -> Exception:
    if isinstance(error, asyncpg.DataError) and not error.severity:
        return ArgumentRefused()  # by the driver
    state = error.sqlstate or ""
    if isinstance(error, asyncpg.InvalidCachedStatementError):
        return SchemaChanged(done=False)
    if state in _CONSTRAINTS:
        return ConstraintViolated(_CONSTRAINTS[state], getattr(error, "constraint_name", None) or "")
    for states, name in _BY_STATE:
        if state.startswith(states):
            return name(error)
    return QueryFailed(_bug(error, state), sqlstate=state)


def _bug(error: asyncpg.PostgresError, state: str) -> str:
    if state == "42501":
        return "The database role lacks a privilege for this statement; grant it to the role"
    if state == "25P02":
        return "A statement was sent after an earlier one in the same transaction had failed"
    if state.startswith("42"):
        # Class 42 is about names and syntax of the statement, never about values.
        return str(getattr(error, "message", "") or type(error).__name__)
    return type(error).__name__


def _from_connection(error: BaseException) -> Exception:
    if "another operation is in progress" in str(error):
        return QueryFailed("Two statements ran at once in one transaction; await each before the next")
    if type(error) is asyncpg.InterfaceError and str(error).startswith("query argument"):
        return ArgumentRefused()
    if type(error) is asyncpg.InterfaceError and "argument" in str(error):
        return QueryFailed("The number of parameters differs from the number of placeholders")
    return ConnectionLost(reason=reason(error))


def _lost_statement(error: BaseException) -> Exception:
    if not _OF_DRIVER.search(str(error)):
        return QueryFailed(type(error).__name__, sqlstate=getattr(error, "sqlstate", ""))
    return PoolerDetected(reason="a prepared statement was lost, as behind a transaction pooler")


def _is_pooler_refusal(error: BaseException) -> bool:
    return isinstance(error, asyncpg.PostgresError) and "startup parameter" in str(error)


def _late(_: BaseException) -> DeadlineExceeded:
    return DeadlineExceeded("The database did not respond in time.")


_BY_STATE: tuple[tuple[tuple[str, ...], Callable[[BaseException], Exception]], ...] = (
    (("40001", "40P01", "55P03"), lambda _: SerializationFailure()),
    (("25006",), lambda _: ReadOnlyServer()),
    (_TIMED_OUT, _late),
    (_INVALID_VALUE, lambda _: OutOfRange()),
    (_POOLER, _lost_statement),
    (("08",), lambda error: ConnectionLost(reason=reason(error))),
    (_UNAVAILABLE, lambda error: DatabaseUnavailable(reason=reason(error))),
)
# Specific types first: every TimeoutError is an OSError.
_NAMED: tuple[tuple[type[BaseException], Callable[[Any], Exception]], ...] = (
    (asyncpg.PostgresError, _from_server),
    (asyncpg.OutdatedSchemaCacheError, lambda _: SchemaChanged(done=True)),
    (TimeoutError, lambda _: SilentServer()),
    (UnicodeEncodeError, lambda _: OutOfRange()),
    (OSError, _from_connection),
    (asyncpg.InterfaceError, _from_connection),
    (asyncpg.InternalClientError, _from_connection),
    # Raised by decoders.
    (ValueError, ValueRefused),
    (OverflowError, ValueRefused),
    (msgspec.DecodeError, ValueRefused),
)
