"""One borrowed connection: who has it, for how long, and in what state it goes back."""

from types import TracebackType
from typing import Protocol

import asyncpg

from shared.database.errors import QueryFailed
from shared.database.pool.members import PoolMember
from shared.database.statements.statement import After
from shared.errors import DatabaseUnavailable, DeadlineExceeded


def is_unfinished(error: BaseException | None) -> bool:
    """Whether a statement may still be running on its connection after `error`."""
    return isinstance(error, DatabaseUnavailable | DeadlineExceeded) or not isinstance(
        error, Exception | None
    )


class LeaseOwner(Protocol):
    """The pool, as a lease sees it."""

    def release(self, member: PoolMember, error: BaseException | None, *, after: After) -> None:
        """Take a connection back; `error` ended its use, None when nothing did."""


class Lease:
    """One borrowed connection: ``with lease as connection``.

    Attributes:
        after: what the connection needs before it is lent again.
    """

    __slots__ = ("_member", "_owner", "after")

    def __init__(self, owner: LeaseOwner, member: PoolMember) -> None:
        self._owner = owner
        self._member: PoolMember | None = member
        self.after = After.KEEP

    @property
    def connection(self) -> asyncpg.Connection:
        """The connection, as long as it is borrowed.

        Raises:
            QueryFailed: it was given back; another caller may have it.
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
        """Give the connection back; `error` ended its use, None when nothing did."""
        member, self._member = self._member, None
        if member is not None:
            self._owner.release(member, error, after=self.after)
