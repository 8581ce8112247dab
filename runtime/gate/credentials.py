"""The two ways to pass the gate: a caller's credential, or the signature of a webhook."""

from typing import Protocol

from runtime.asgi.invocation import SCOPE_KEY, Invocation
from runtime.asgi.messages import ASGIApp, Receive, Scope, Send
from runtime.auth import Webhooks
from runtime.config import Policy
from runtime.gate.body import Replay, read_body
from runtime.gate.call import ResponseGuard
from runtime.gate.deliveries import SharedDeliveries
from runtime.http.errors import refuse
from shared.errors import Unauthenticated
from shared.identity import User

LEASE_MARGIN = 30.0  # seconds beyond a function's timeout in which it may still be cleaning up


class Authority(Protocol):
    """What the gate needs of `runtime.auth.Authenticator`."""

    async def authenticate(self, scope: Scope, policy: Policy) -> User | None:
        """Return the caller, None where the policy is public."""
        ...


def authenticate(app: ASGIApp, *, authority: Authority, policy: Policy) -> ASGIApp:
    """Step: find the user, or answer 401."""

    async def authenticated(scope: Scope, receive: Receive, send: Send) -> None:
        invocation: Invocation = scope[SCOPE_KEY]
        try:
            user = await authority.authenticate(scope, policy)
        except Unauthenticated as error:
            # Answered here: anybody can cause one, and raising it through all stages would cost more.
            invocation.auth = error.reason
            return await refuse(send, error.with_traceback(None), invocation)
        invocation.user = user
        invocation.auth = "public" if user is None else user.token_type
        return await app(scope, receive, send)

    return authenticated


def verify_webhook(
    app: ASGIApp, *, webhooks: Webhooks, policy: Policy, shared: SharedDeliveries | None = None
) -> ASGIApp:
    """Step: verify the signature of the raw body, answer 204 to a delivery that was handled before.

    Args:
        app: the function.
        webhooks: verifies the deliveries of the sender.
        policy: of the function.
        shared: what replicas have seen; None where each process is on its own.
    """

    async def verified(scope: Scope, receive: Receive, send: Send) -> None:
        invocation: Invocation = scope[SCOPE_KEY]
        body = await read_body(receive, invocation)
        if body is None:
            return
        invocation.auth = "webhook-refused"
        delivery = webhooks.verify(list(scope["headers"]), body)
        invocation.auth = "webhook"
        claim = None
        if shared is not None and not delivery.is_duplicate:
            claim = await shared.claim(str(policy.webhook), delivery, lease=policy.timeout + LEASE_MARGIN)
        if delivery.is_duplicate or (claim is not None and claim.is_done):
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        guard = ResponseGuard(send)
        try:
            await app(scope, Replay(body, receive), guard)
        finally:
            # The function's errors are answered further in: only the status shows whether it succeeded.
            succeeded = guard.finished and 200 <= guard.status < 300
            delivery.end(succeeded=succeeded)
            if claim is not None:
                await claim.end(succeeded=succeeded)

    return verified
