"""The gate in front of every function: the steps that a policy asks for, in the order of a call.

It stands behind the router, so the policy of the matched function decides, never a path.
"""

from collections.abc import Mapping
from functools import partial

from runtime.asgi.stages import Stage, Stages
from runtime.auth import Webhooks
from runtime.config import Endpoint, Policy, Rate, WebhookScheme
from runtime.gate.arrival import arrive
from runtime.gate.body import limit_body, read_first
from runtime.gate.bulkhead import Bulkhead, give_back_slot, take_slot
from runtime.gate.call import GRACE, call_function
from runtime.gate.credentials import Authority, authenticate, verify_webhook
from runtime.gate.deliveries import SharedDeliveries
from runtime.gate.idempotency.answers import AnswerStore, MemoryAnswers
from runtime.gate.idempotency.step import repeat_answer
from runtime.gate.leftovers import Reaper
from runtime.gate.rate_limit import limit_rate
from runtime.gate.rates import MemoryRates, RateStore


class Gate:
    """Makes the steps of each endpoint, and owns what they share.

    One gate outlives the route tables that are swapped behind it. Inside `async with`, tasks that
    functions leave behind are found and ended.
    """

    def __init__(
        self,
        authority: Authority,
        webhooks: Mapping[WebhookScheme, Webhooks],
        *,
        rates: RateStore | None = None,
        answers: AnswerStore | None = None,
        deliveries: SharedDeliveries | None = None,
        grace: float = GRACE,
    ) -> None:
        """Build the gate.

        Args:
            authority: verifies credentials.
            webhooks: verify the deliveries of each scheme.
            rates: where rate limits are counted, closed at the end; in this process by default.
            answers: where first answers are kept, closed at the end; in this process by default.
            deliveries: what replicas know of webhook deliveries, closed at the end; nothing by default.
            grace: seconds that a cancelled function has to clean up before it is abandoned.
        """
        self.reaper = Reaper()
        self._authority = authority
        self._webhooks = webhooks
        self._grace = grace
        self._rates = rates or MemoryRates()
        self._answers = answers or MemoryAnswers()
        self._deliveries = deliveries
        self._bulkheads: dict[tuple[str, int, int], Bulkhead] = {}

    async def __aenter__(self) -> "Gate":
        await self.reaper.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.reaper.__aexit__(*exc)
        await self._rates.close()
        await self._answers.close()
        if self._deliveries is not None:
            await self._deliveries.close()

    def steps(self, endpoint: Endpoint) -> Stages:
        """Return the steps of a call, in order; None where the endpoint's policy does not ask for one."""
        policy, authority = endpoint.policy, self._authority
        asked = policy.cancel_on_disconnect
        watch = (endpoint.stream or policy.isolate) if asked is None else asked
        webhooks = self._webhooks[policy.webhook] if policy.webhook else None
        slots, rate = self._bulkhead(endpoint), self._rate(endpoint)
        return {
            "arrive": partial(arrive, endpoint=endpoint),
            "authenticate": None if webhooks else partial(authenticate, authority=authority, policy=policy),
            "limit rate": rate,
            "limit body": partial(limit_body, limit=policy.max_body),
            "verify webhook": self._verification(webhooks, policy) if webhooks else None,
            "read first": read_first if watch and not webhooks else None,
            "repeat answer": self._repetition(endpoint),
            "take slot": partial(take_slot, bulkhead=slots) if slots else None,
            "call function": partial(
                call_function, reaper=self.reaper, stream=endpoint.stream, watch=watch, grace=self._grace
            ),
            "give back slot": partial(give_back_slot, bulkhead=slots) if slots else None,
        }

    def _verification(self, webhooks: Webhooks, policy: Policy) -> Stage:
        return partial(verify_webhook, webhooks=webhooks, policy=policy, shared=self._deliveries)

    def _repetition(self, endpoint: Endpoint) -> Stage | None:
        policy = endpoint.policy
        if not policy.idempotent or endpoint.method == "GET":
            return None
        return partial(repeat_answer, store=self._answers, policy=policy, kept=policy.idempotent)

    def _rate(self, endpoint: Endpoint) -> Stage | None:
        if not endpoint.policy.rate_limit:
            return None
        rate = Rate.parse(endpoint.policy.rate_limit)
        return partial(limit_rate, store=self._rates, rate=rate, name=_counted_as(endpoint, "rate_limit"))

    def _bulkhead(self, endpoint: Endpoint) -> Bulkhead | None:
        """Return the bulkhead of `endpoint`; the endpoints whose limit stands in one place share one."""
        policy = endpoint.policy
        if not policy.concurrency:
            return None
        key = (_counted_as(endpoint, "concurrency"), policy.concurrency, policy.queue)
        return self._bulkheads.setdefault(key, Bulkhead(policy.concurrency, policy.queue))


def _counted_as(endpoint: Endpoint, key: str) -> str:
    """Return what a limit counts: one file, whose methods share it, unless it is set for this method."""
    origin = endpoint.policy.origins.get(key, "")
    return f"{endpoint.file} {endpoint.method}" if " methods." in origin else endpoint.file
