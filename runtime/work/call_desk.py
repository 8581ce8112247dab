"""Calls of functions that a worker makes again: each began a run of agents whose process may die."""

import asyncio
from contextlib import suppress

import msgspec

from runtime.asgi.invocation import AGAIN_KEY, BODY_KEY, SCOPE_KEY
from runtime.asgi.messages import Scope
from runtime.routing.input_kind import InputKind
from runtime.routing.operation import Operation
from runtime.work.catalogue import call_name
from runtime.work.desk import WorkDesk, trace_of_caller
from runtime.work.kept_call import KeptCall
from runtime.work.queue.queue import Queue, new_id
from runtime.work.queue.runs import NOBODY
from runtime.work.worker.book import STEP
from shared.errors import Unavailable
from shared.work import MAX_RESULT, Run, RunTakenOver, SavedRun


class CallDesk:
    """Has workers stand by for runs that are played in the process of their call.

    Args:
        queue: where a call waits for a worker, delayed for as long as the run is heard of.
        desk: knows what is served, and seals what is kept.
        lease: seconds of silence after which a worker makes the call again.
    """

    def __init__(self, queue: Queue, desk: WorkDesk, *, lease: float) -> None:
        self.queue = queue
        self.desk = desk
        self.lease = lease

    def call(self, scope: Scope, operation: Operation) -> "FunctionCall":
        """Return the call of this request."""
        return FunctionCall(self, scope, operation)


class FunctionCall:
    """One call, as `shared.work.Call`; it begins one run that a worker stands by for."""

    def __init__(self, calls: CallDesk, scope: Scope, operation: Operation) -> None:
        self._calls = calls
        self._scope = scope
        self._operation = operation
        self._is_new = AGAIN_KEY not in scope
        self._run: Run | None = scope.get(AGAIN_KEY)

    def taken_up(self) -> Run | None:
        """As `Call.taken_up`."""
        run, self._run = self._run, None
        return run

    def standby(self) -> "QueuedCall | None":
        """As `Call.standby`; None too for a large body."""
        is_known = call_name(self._operation.endpoint) in self._calls.desk.catalogue.calls
        is_kept = is_known and self._is_new and len(self._scope.get(BODY_KEY, b"")) <= MAX_RESULT
        self._is_new = False
        return QueuedCall(self._calls, self._scope, self._operation) if is_kept else None


class QueuedCall:
    """A call that waits in the queue, as `shared.work.Standby`; also where its run is saved."""

    def __init__(self, calls: CallDesk, scope: Scope, operation: Operation) -> None:
        self._queue = calls.queue
        self._desk = calls.desk
        self._lease = calls.lease
        self._scope = scope
        self._operation = operation
        self._id = new_id()

    async def begin(self, seconds: float) -> SavedRun:
        """As `Standby.begin`."""
        name = call_name(self._operation.endpoint)
        route = self._desk.catalogue.calls[name].route
        data = msgspec.json.encode(self._kept(seconds))
        fields = self._desk.fields(self._id, route, self._scope[SCOPE_KEY].user, name, data)
        # Readers know the run as one of agents; as queued work it is nobody's.
        fields |= {"job": name, "holder": NOBODY, "trace": trace_of_caller()}
        await self._queue.enqueue(self._id, fields, key="", delay=self._lease)
        return SavedRun(self._id, self)

    async def attend(self) -> None:
        """As `Standby.attend`; while the queue is away nothing can take the run."""
        is_ours = True
        while is_ours:
            await asyncio.sleep(self._lease / 4)
            with suppress(Unavailable):
                is_ours = await self._queue.postpone(self._id, self._lease)

    async def release(self) -> None:
        """As `Standby.release`."""
        await self._queue.postpone(self._id, 0)

    async def drop(self) -> None:
        """As `Standby.drop`."""
        await self._queue.forget(self._id)

    async def steps(self) -> dict[str, bytes]:
        """As `SaveBook.steps`: what plays the run first finds nothing."""
        return {}

    async def keep(self, name: str, result: bytes) -> None:
        """As `SaveBook.keep`."""
        field = f"{STEP}{name}"
        sealed = self._desk.seal.close(self._id, field, result)
        if not await self._queue.postpone(self._id, self._lease, field, sealed):
            raise RunTakenOver

    def _kept(self, seconds: float) -> KeptCall:
        asked = {
            each.field.lower().encode("ascii")
            for each in self._operation.inputs
            if each.kind is InputKind.HEADER
        }
        return KeptCall(
            values=self._scope["path_params"],
            query=self._scope["query_string"],
            headers=[(name, value) for name, value in self._scope["headers"] if name in asked],
            body=self._scope.get(BODY_KEY, b""),
            seconds=seconds,
        )
