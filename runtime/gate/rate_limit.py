"""The rate limit of an endpoint: who is counted, and what the caller reads about it."""

import math

from runtime.asgi.addresses import caller_of
from runtime.asgi.invocation import SCOPE_KEY, Invocation
from runtime.asgi.messages import ASGIApp, Receive, Scope, Send
from runtime.config import Rate
from runtime.gate.rates import RateDecision, RateStore
from shared.errors import RateLimited


def limit_rate(app: ASGIApp, *, store: RateStore, rate: Rate, name: str) -> ASGIApp:
    """Step: count the call for its user, or for its address without one, and refuse it over `rate`."""

    async def limited(scope: Scope, receive: Receive, send: Send) -> None:
        invocation: Invocation = scope[SCOPE_KEY]
        user = invocation.user
        caller = user.user_id if user else caller_of(invocation.client)
        decision = await store.take(f"{name}:{caller}", rate)
        invocation.response_headers.extend(headers(rate, decision))
        if not decision.allowed:
            raise RateLimited("Too many calls; try again later.", retry_after=decision.wait)
        await app(scope, receive, send)

    return limited


def headers(rate: Rate, decision: RateDecision) -> list[tuple[bytes, bytes]]:
    """Return the response header fields (draft-ietf-httpapi-ratelimit-headers-10)."""
    return [
        (b"ratelimit-policy", b'"default";q=%d;w=%d' % rate),
        (b"ratelimit", b'"default";r=%d;t=%d' % (decision.remaining, math.ceil(decision.wait))),
    ]
