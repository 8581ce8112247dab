"""A connection while somebody has it: in whose hands, for how long, and in what state it goes back."""

from types import TracebackType
from typing import Protocol

import asyncpg

from shared.database.failures import QueryFailed
from shared.database.statements import After
from shared.errors import DatabaseUnavailable, DeadlineExceeded


def is_unfinished(error: BaseException | None) -> bool:
    """Whether after `error` a statement may still be at work on its connection."""
    return isinstance(error, DatabaseUnavailable | DeadlineExceeded) or not isinstance(
        error, Exception | None
    )


class Member:
    """One connection of the pool: lent, idle, or being put in order.

    Attributes:
        connection: to the server.
        loans: how many more there may be.
        idle_since: its last answer, on the clock of `time.monotonic`.
    """

    __slots__ = ("connection", "idle_since", "loans")

    def __init__(self, connection: asyncpg.Connection, loans: int) -> None:
        self.connection = connection
        self.loans = loans
        self.idle_since = 0.0

    @property
    def is_usable(self) -> bool:
        """Whether it may be lent once more."""
        return self.loans > 0 and not self.connection.is_closed()


class Owner(Protocol):
    """Who lends connections."""

    def release(self, member: Member, error: BaseException | None, *, after: After) -> None:
        """Take one back from who ended with `error`."""


class Lease:
    """One borrowed connection: ``with lease as connection``.

    Attributes:
        after: what must be done with it before the next one gets it.
    """

    __slots__ = ("_member", "_owner", "after")

    def __init__(self, owner: Owner, member: Member) -> None:
        self._owner = owner
        self._member: Member | None = member
        self.after = After.KEEP

    @property
    def connection(self) -> asyncpg.Connection:
        """The connection, as long as it is borrowed.

        Raises:
            QueryFailed: it was given back, and may be somebody else's by now.
        """
        if self._member is None:
            raise QueryFailed("A transaction was used after its end")
        return self._member.connection

    def __enter__(self) -> asyncpg.Connection:
        return self.connection

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end(error)

    def end(self, error: BaseException | None) -> None:
        """Give the connection back, used until `error` if there was one."""
        member, self._member = self._member, None
        if member is not None:
            self._owner.release(member, error, after=self.after)


def is_in_transaction(connection: asyncpg.Connection) -> bool:
    """Whether there is something to roll back; a broken connection has nothing."""
    return not connection.is_closed() and connection.is_in_transaction()
