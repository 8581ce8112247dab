"""The gate in front of every function: who may pass, how many, how much, how long.

One middleware of Litestar, so that it stands behind the router (the matched function's policy decides, never
a path) and inside the exception handlers (whatever it raises becomes a problem document). What a policy does
not ask for costs nothing: each endpoint's plan is made once, at its first request.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Protocol, cast

from runtime.asgi.invocation import SCOPE_KEY, Invocation
from runtime.asgi.messages import ASGIApp, Receive, Scope, Send
from runtime.auth import Webhooks
from runtime.config import Endpoint, Policy, Rate, WebhookScheme
from runtime.gate.call import GRACE, Call, Cut, Reply
from runtime.gate.deadline import seconds_allowed
from runtime.gate.disconnect import CallerLeft, Replay, has_left, read_body
from runtime.gate.leftovers import Reaper
from runtime.gate.limits import Bulkhead, counted, refuse_length
from runtime.gate.plan import Plan, place, read_head
from runtime.gate.rates import MemoryRates, RateStore, caller_of, headers
from runtime.http.problems import refuse
from shared.errors import DeadlineExceeded, RateLimited, Unauthenticated
from shared.identity import User

CALLER_LEFT = "caller_left"  # in logs and spans: nobody was there to be answered


class Unanswered(Exception):
    """A function came to its end before its answer did."""


class Authority(Protocol):
    """What the gate needs of `runtime.auth.Authenticator`."""

    async def authenticate(self, scope: Scope, policy: Policy) -> User | None:
        """Return the caller, None where the policy is public."""
        ...


class Gate:
    """Given to `Litestar(middleware=[gate])`, which calls it once for every route handler.

    One gate outlives the apps that hot swap puts behind it. Owned by `async with`: inside, tasks that
    functions leave behind are found and ended.
    """

    def __init__(
        self,
        authenticator: Authority,
        webhooks: Mapping[WebhookScheme, Webhooks],
        *,
        rates: RateStore | None = None,
        grace: float = GRACE,
    ) -> None:
        """Build the gate.

        Args:
            authenticator: verifies credentials.
            webhooks: verify the deliveries of each scheme.
            rates: where rate limits are counted, closed at the end; in this process by default.
            grace: seconds a cancelled function has for its clean-up before it is abandoned.
        """
        self.reaper = Reaper()
        self._authenticator = authenticator
        self._webhooks = webhooks
        self._grace = grace
        self._rates = rates or MemoryRates()
        self._bulkheads: dict[tuple[str, int, int], Bulkhead] = {}

    async def __aenter__(self) -> "Gate":
        await self.reaper.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.reaper.__aexit__(*exc)
        await self._rates.close()

    def __call__(self, app: Any) -> Any:
        """Stand in front of one route handler's app; any ASGI app, however its types are spelt."""
        plan: Plan | None = None

        async def enter(scope: Scope, receive: Receive, send: Send) -> None:
            nonlocal plan
            if plan is None:
                endpoint = scope["route_handler"].opt.get("endpoint")
                if endpoint is None:
                    await app(scope, receive, send)
                    return
                plan = self._plan(endpoint)
            try:
                await self._serve(plan, app, scope, receive, send)
            except CallerLeft:
                scope[SCOPE_KEY].error = CALLER_LEFT

        return enter

    def _plan(self, endpoint: Endpoint) -> Plan:
        policy, bulkhead = endpoint.policy, None
        if policy.concurrency:
            key = (place(endpoint, "concurrency"), policy.concurrency, policy.queue)
            bulkhead = self._bulkheads.setdefault(key, Bulkhead(policy.concurrency, policy.queue))
        return Plan(endpoint, bulkhead)

    async def _serve(self, plan: Plan, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        invocation: Invocation = scope[SCOPE_KEY]
        invocation.endpoint = plan.endpoint
        policy = plan.policy
        length, chunked, timeout = read_head(scope)
        seconds = policy.timeout if timeout is None else seconds_allowed(policy.timeout, timeout)
        invocation.deadline = asyncio.get_running_loop().time() + seconds
        if policy.webhook is None and (refusal := await self._authenticate(invocation, scope, policy)):
            await refuse(send, refusal, invocation)
            return
        if plan.rate is not None:
            await self._count(invocation, plan, plan.rate)
        if length is not None:
            refuse_length(length, policy.max_body)
        if chunked:
            receive = counted(receive, policy.max_body)
        if policy.webhook is not None:
            await self._deliver(plan, app, scope, receive, send)
            return
        if plan.watch:
            receive = Replay(await read_body(receive, invocation.deadline), receive)
        await self._call(plan, app, scope, receive, Reply(send))

    async def _deliver(self, plan: Plan, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        invocation: Invocation = scope[SCOPE_KEY]
        body = await read_body(receive, cast("float", invocation.deadline))
        invocation.auth = "webhook-refused"
        verifier = self._webhooks[cast("WebhookScheme", plan.policy.webhook)]
        delivery = verifier.verify(list(scope["headers"]), body)
        invocation.auth = "webhook"
        if delivery.is_duplicate:
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        reply = Reply(send)
        try:
            await self._call(plan, app, scope, Replay(body, receive), reply)
        finally:
            # Errors are answered further in and never come by here: the status alone tells.
            delivery.end(succeeded=reply.finished and 200 <= reply.status < 300)

    async def _authenticate(
        self, invocation: Invocation, scope: Scope, policy: Policy
    ) -> Unauthenticated | None:
        """Return the refusal of a caller without a good credential.

        Anybody can cause one, and an exception on its way through every room would cost more than an answer.
        """
        try:
            user = await self._authenticator.authenticate(scope, policy)
        except Unauthenticated as error:
            invocation.auth = error.reason
            return error.with_traceback(None)
        invocation.user = user
        invocation.auth = "public" if user is None else user.token_type
        return None

    async def _count(self, invocation: Invocation, plan: Plan, rate: Rate) -> None:
        user = invocation.user
        who = user.user_id if user else caller_of(invocation.client)
        verdict = await self._rates.take(f"{plan.rate_name}:{who}", rate)
        invocation.response_headers.extend(headers(rate, verdict))
        if not verdict.allowed:
            raise RateLimited("Too many calls; try again later.", retry_after=verdict.wait)

    async def _call(self, plan: Plan, app: ASGIApp, scope: Scope, receive: Receive, reply: Reply) -> None:
        invocation: Invocation = scope[SCOPE_KEY]
        deadline: Any = invocation.deadline
        if plan.bulkhead is not None:
            await plan.bulkhead.enter(deadline)
        call = Call(reply, deadline=deadline, stream=plan.endpoint.stream, grace=self._grace)
        watcher: asyncio.Task[None] | None = None
        if plan.watch and isinstance(receive, Replay):
            watcher = receive.watch(lambda: call.end(Cut.DISCONNECT))
        invocation.tasks = set()
        try:
            await call.run(app, scope, receive)
        finally:
            if watcher is not None:
                watcher.cancel()
            self._leave(plan, invocation, call.task)
        if call.cut is None:
            if not reply.finished and not await has_left(receive):
                raise Unanswered
        elif call.cut is Cut.DISCONNECT:
            invocation.error = CALLER_LEFT
        else:
            invocation.error = DeadlineExceeded.code
            if not reply.finished:
                raise DeadlineExceeded

    def _leave(self, plan: Plan, invocation: Invocation, task: asyncio.Task[None] | None) -> None:
        """Give back what the call held; one that was abandoned keeps its slot until it really ends."""
        if task is not None and not task.done() and invocation.tasks is not None:
            invocation.tasks.add(task)
            task.add_done_callback(invocation.tasks.discard)
            if plan.bulkhead is not None:
                task.add_done_callback(plan.bulkhead.leave)
        elif plan.bulkhead is not None:
            plan.bulkhead.leave()
        self.reaper.release(invocation)
