"""The whole service in this process, without a socket: router, gate, functions, database."""

from contextlib import AsyncExitStack
from typing import Any, Self

import httpx
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from msgspec import Struct
from opentelemetry.sdk.trace import SpanProcessor

from runtime.app import Application, create_app
from runtime.auth.clerk import DevelopmentIssuer
from runtime.settings import Settings
from runtime.telemetry import Telemetry
from runtime.testing.loop import LoopThread


class Caller(Struct, frozen=True):
    """A signed-in user.

    Attributes:
        user: the id.
        organization: id of the active one, None for none.
        role: in the organisation.
        permissions: such as ``org:invoices:read``.
        claims: of the session token, laid over all of these; those of a JWT template, for instance.
    """

    user: str = "user_1"
    organization: str | None = "org_1"
    role: str = "org:admin"
    permissions: tuple[str, ...] = ()
    claims: dict[str, Any] = {}


class Service:
    """A running service that a test sends requests to; usable while it is entered.

    Attributes:
        application: what answers.
    """

    def __init__(
        self, settings: Settings, issuer: DevelopmentIssuer, loop: LoopThread, processor: SpanProcessor
    ) -> None:
        self.application: Application = create_app(
            settings, telemetry=Telemetry.start(settings, processors=[processor])
        )
        self._issuer = issuer
        self._loop = loop
        self._running = AsyncExitStack()

    def __enter__(self) -> Self:
        self._loop.run(self._running.enter_async_context(self.application.running()))
        transport = httpx.ASGITransport(self.application)
        self._http = httpx.AsyncClient(transport=transport, base_url="http://annex")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.run(self._http.aclose())
        self._loop.run(self._running.aclose())

    def request(
        self, method: str, path: str, *, caller: Caller | None = None, **options: Any
    ) -> httpx.Response:
        """Send a request and return the whole answer.

        Args:
            method: such as ``GET``.
            path: with its query.
            caller: who sends it; nobody by default.
            options: of `httpx.AsyncClient.request`, such as ``json``, ``headers`` and ``files``.
        """
        headers = httpx.Headers(options.pop("headers", None))
        if caller is not None:
            headers["Authorization"] = f"Bearer {self.token(caller)}"
        return self._loop.run(self._http.request(method, path, headers=headers, **options))

    def get(self, path: str, *, caller: Caller | None = None, **options: Any) -> httpx.Response:
        """Send a GET; see `request`."""
        return self.request("GET", path, caller=caller, **options)

    def post(self, path: str, *, caller: Caller | None = None, **options: Any) -> httpx.Response:
        """Send a POST; see `request`."""
        return self.request("POST", path, caller=caller, **options)

    def put(self, path: str, *, caller: Caller | None = None, **options: Any) -> httpx.Response:
        """Send a PUT; see `request`."""
        return self.request("PUT", path, caller=caller, **options)

    def patch(self, path: str, *, caller: Caller | None = None, **options: Any) -> httpx.Response:
        """Send a PATCH; see `request`."""
        return self.request("PATCH", path, caller=caller, **options)

    def delete(self, path: str, *, caller: Caller | None = None, **options: Any) -> httpx.Response:
        """Send a DELETE; see `request`."""
        return self.request("DELETE", path, caller=caller, **options)

    def token(self, caller: Caller) -> str:
        """Return a session token of somebody."""
        return self._issuer.token(
            caller.user,
            organization=caller.organization,
            role=caller.role,
            permissions=caller.permissions,
            claims=caller.claims,
        )


def public_pem(issuer: DevelopmentIssuer) -> str:
    """Return the key that the service verifies the issuer's tokens with, as `CLERK_JWT_KEY` has it."""
    return issuer.public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
