"""Where functions hand in work: everything is checked before anything is queued."""

import asyncio
import hashlib
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import msgspec
from opentelemetry.trace import SpanKind, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from runtime.routing import RouteTable
from runtime.routing.input_kind import InputKind
from runtime.routing.table import Route
from runtime.work.catalogue import Catalogue, by_hand, payload
from runtime.work.queue.queue import Queue, RunFields, new_id
from runtime.work.queue.runs import NOBODY, holder_of, identity_of, state_of
from runtime.work.queue.seal import Seal
from shared.agents.holder import Holder, Permits
from shared.database.transactions.transaction import open_transaction
from shared.errors import Forbidden, NotFound, Unavailable
from shared.identity import User
from shared.work import RunState

MAX_KEY = 200  # characters
MAX_DELAY = 366 * 24 * 3600.0  # seconds
KEY_WAIT = 4.0  # seconds for another transaction to end
KEY_LOOKS = 40
logger = logging.getLogger(__name__)
_PROPAGATOR = TraceContextTextMapPropagator()


class WorkDesk:
    """Queues work and finds runs.

    Args:
        queue: where work waits.
        table: returns the routes that are served now.
        permits: whether a caller meets a policy's demands.
        kept: seconds for which a run is kept after its end.
        tracer: makes the span of handing in.
        seal: closes what is written and opens what is read.
    """

    def __init__(  # the parts, all by name
        self,
        queue: Queue,
        table: Callable[[], RouteTable],
        permits: Permits,
        *,
        kept: int,
        tracer: Tracer,
        seal: Seal,
    ) -> None:
        self.seal = seal
        self._queue = queue
        self._table = table
        self._permits = permits
        self._kept = kept
        self._tracer = tracer
        self._catalogue: Catalogue | None = None

    @property
    def catalogue(self) -> Catalogue:
        """The jobs that are served now."""
        table = self._table()
        if self._catalogue is None or self._catalogue.table is not table:
            self._catalogue = Catalogue(table)
        return self._catalogue

    async def enqueue(
        self, caller: User | None, path: str, data: Any, *, key: str | None, delay: float
    ) -> RunState:
        """As `Jobs.enqueue`."""
        route = self._find(path)
        if key is not None and not 0 < len(key) <= MAX_KEY:
            raise ValueError(f"A key has 1 to {MAX_KEY} characters.")
        if not 0 <= delay <= MAX_DELAY:
            raise ValueError("A delay is 0 to 366 days, in seconds.")
        body = payload(route, data)
        self._admit(route, caller)
        return await self._queued(route, caller, path, body, key=key, delay=delay)

    async def enqueue_by_hand(self, path: str, text: str | None) -> RunState:
        """Queue a job with a JSON text, as nobody and whatever its policy asks for: for who runs the service.

        Raises:
            UnknownJob, WrongPayload, Unavailable: as `Jobs.enqueue`.
            Forbidden: it takes a caller, and nobody is none.
        """
        route = self._find(path)
        body = payload(route, by_hand(route, text))
        _check_caller(route, None)
        return await self._queued(route, None, path, body, key=None, delay=0)

    def _find(self, path: str) -> Route:
        route = self.catalogue.find(path).route
        if route.operation is None:
            raise Unavailable(f"The job at {path!r} is in quarantine; nothing was queued.", retry_after=None)
        return route

    async def _queued(  # what is queued, by name
        self, route: Route, caller: User | None, path: str, body: bytes, *, key: str | None, delay: float
    ) -> RunState:
        new = new_id()
        fields = self.fields(new, route, caller, path, body)
        kept_under = _key_of(route, fields["holder"], key) if key else ""
        if key:
            fields["key"] = kept_under
        template = route.endpoint.template
        with self._tracer.start_as_current_span(f"send {template}", kind=SpanKind.PRODUCER) as span:
            fields["trace"] = trace_of_caller()
            run_id = await self._write(new, fields, key=kept_under, delay=delay)
            span.set_attributes(
                {
                    **self._queue.broker,
                    "messaging.system": "redis",
                    "messaging.operation.name": "send",
                    "messaging.operation.type": "send",
                    "messaging.destination.name": template,
                    "messaging.message.id": run_id,
                }
            )
        if run_id == new:  # what is known of it need not be read
            return RunState(id=run_id, job=path, state="queued", queued_at=datetime.now(UTC))
        return self.state(run_id, await self._fields(run_id))

    async def _write(self, new: str, fields: dict[str, Any], *, key: str, delay: float) -> str:
        """Queue a run; inside a transaction, hold it for the commit."""
        transaction = open_transaction()
        number = await transaction.number() if transaction else ""
        for _ in range(KEY_LOOKS):
            run_id = await self._queue.enqueue(new, fields, key=key, delay=delay, transaction=number)
            if run_id == new and transaction:
                transaction.follow(partial(self._release, new))
            if run_id:
                return run_id
            await asyncio.sleep(KEY_WAIT / KEY_LOOKS)
        raise Unavailable(
            "Work is being queued under this key in a transaction that has not ended; try again."
        )

    async def _release(self, run_id: str, is_committed: bool) -> None:  # noqa: FBT001  # as it follows
        try:
            await self._queue.release(run_id, is_committed=is_committed)
        except Unavailable:
            logger.warning(
                "a worker will ask the database what became of a transaction", extra={"run_id": run_id}
            )

    def fields(
        self, run_id: str, route: Route, caller: User | None, path: str, data: bytes
    ) -> dict[str, Any]:
        """Return what is written of a new run."""
        policy = route.endpoint.policy
        holder = None if caller is None else Holder.of(caller, policy.demands or "{}")
        return {
            "job": route.endpoint.template,
            "path": path,
            "data": self.seal.close(run_id, "data", data),
            "user": self.seal.close(run_id, "user", identity_of(caller)),
            "holder": NOBODY if holder is None else msgspec.json.encode(holder),
            "retries": policy.retries,
            "kept": self._kept,
        }

    async def find(self, caller: User | None, run_id: str) -> RunState:
        """As `Jobs.find`."""
        return self.state(run_id, await self._held(caller, run_id))

    def state(self, run_id: str, fields: RunFields) -> RunState:
        """Return what is told of a run.

        Raises:
            Unavailable: it is sealed with a secret that this process does not have.
        """
        return state_of(run_id, self.seal.opened(run_id, fields))

    async def cancel(self, caller: User | None, run_id: str) -> None:
        """As `Jobs.cancel`."""
        await self._held(caller, run_id)
        await self._queue.cancel(run_id)

    async def _held(self, caller: User | None, run_id: str) -> RunFields:
        fields = await self._queue.read(run_id) if len(run_id) <= MAX_KEY else {}
        holder = holder_of(fields) if fields.get("state") else None
        if caller is None or holder is None or not holder.admits(caller, self._permits):
            raise NotFound("run", run_id)
        return fields

    async def _fields(self, run_id: str) -> RunFields:
        fields = await self._queue.read(run_id)
        if not fields:
            raise Unavailable("The queue has lost what was queued; try again.")
        return fields

    def _admit(self, route: Route, caller: User | None) -> None:
        """Check the job's policy; what admits callers without a credential takes them as they are."""
        policy = route.endpoint.policy
        _check_caller(route, caller)
        if policy.public:
            return
        allowed = not policy.demands if caller is None else self._permits(caller, policy.demands or "{}")
        if not allowed:
            raise Forbidden(lacking=f"what the job {route.endpoint.template} asks for")


def _check_caller(route: Route, caller: User | None) -> None:
    """Check that a job which takes a caller gets one."""
    kinds = {each.kind: each for each in route.operation.inputs} if route.operation else {}
    asks = kinds.get(InputKind.USER)
    if InputKind.MEMBER in kinds and (caller is None or caller.organization is None):
        raise Forbidden(lacking="an active organisation")
    if caller is None and asks is not None and type(None) not in getattr(asks.annotation, "__args__", ()):
        raise Forbidden(lacking="a caller, as its job takes a User")


def _key_of(route: Route, holder: bytes, key: str) -> str:
    parts = (route.endpoint.template.encode(), holder, key.encode())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def trace_of_caller() -> str:
    """Return the trace of who queues, for the span of who does it."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier)
    return carrier.get("traceparent", "")
