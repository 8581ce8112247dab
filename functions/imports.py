"""A long import of readings: queued here, done by a worker, followed by its run."""

from typing import Annotated

from msgspec import Meta, Struct

from runtime import Database, Function, Jobs, Run, User
from shared.market import NewSignal, record_unless_known

config = Function(
    tags=("signals",),
    permission="org:signals:write",
    timeout=10,
    retries=1,
    methods={"job": {"timeout": 600}, "post": {"status": 202}},
)


class Import(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The readings to record, in their order."""

    readings: Annotated[list[NewSignal], Meta(min_length=1, max_length=2000)]


class Imported(Struct, frozen=True, kw_only=True):
    """What came of an import; `known` is how many readings there were already."""

    recorded: int
    known: int


class Queued(Struct, frozen=True, kw_only=True):
    """The run that does the work, for `/runs/{id}`."""

    id: str


async def post(data: Import, jobs: Jobs) -> Queued:
    """Queue an import and return its run."""
    return Queued(id=(await jobs.enqueue("/imports", data)).id)


async def job(data: Import, db: Database, run: Run, user: User) -> Imported:
    """Record each reading; one that is there already is passed over, so a second try does no harm."""
    recorded = 0
    for number, reading in enumerate(data.readings, start=1):
        recorded += await record_unless_known(db, reading, user.user_id)
        await run.progress(number / len(data.readings))
    return Imported(recorded=recorded, known=len(data.readings) - recorded)
