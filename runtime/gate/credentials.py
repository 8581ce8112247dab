"""The two ways to pass the gate: a caller's credential, or the signature of a webhook."""

from typing import Protocol

from runtime.asgi.invocation import SCOPE_KEY, Invocation
from runtime.asgi.messages import ASGIApp, Receive, Scope, Send
from runtime.auth import Webhooks
from runtime.config import Policy
from runtime.gate.body import Replay, read_body
from runtime.gate.call import ResponseGuard
from runtime.http.errors import refuse
from shared.errors import Unauthenticated
from shared.identity import User


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


def verify_webhook(app: ASGIApp, *, webhooks: Webhooks) -> ASGIApp:
    """Step: verify the signature of the raw body, answer 204 to a delivery that was handled before."""

    async def verified(scope: Scope, receive: Receive, send: Send) -> None:
        invocation: Invocation = scope[SCOPE_KEY]
        body = await read_body(receive, invocation)
        if body is None:
            return
        invocation.auth = "webhook-refused"
        delivery = webhooks.verify(list(scope["headers"]), body)
        invocation.auth = "webhook"
        if delivery.is_duplicate:
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        guard = ResponseGuard(send)
        try:
            await app(scope, Replay(body, receive), guard)
        finally:
            # The function's errors are answered further in: only the status shows whether it succeeded.
            delivery.end(succeeded=guard.finished and 200 <= guard.status < 300)

    return verified
