"""Serves the contract: `/openapi.json` for machines, `/docs` for people."""

import hashlib
import logging
from collections.abc import Awaitable, Iterable
from functools import cached_property
from typing import Any

from runtime.asgi import urls
from runtime.asgi.invocation import SCOPE_KEY
from runtime.asgi.messages import ASGIApp, Fields, Receive, Scope, Send, send_answer
from runtime.bridge import openapi
from runtime.bridge.describable import divide
from runtime.bridge.reference.page import HTML, PARTS, POLICY, page
from runtime.config import Policy
from runtime.http.problems import send_problem
from runtime.routing import Operation
from runtime.routing.calling.answers.codings import coding_of
from runtime.routing.calling.answers.representation import Representation, is_known, values_of
from shared.errors import MethodNotAllowed

logger = logging.getLogger(__name__)

PATHS = urls.REFERENCE | {f"{url}/" for url in (urls.CONTRACT, urls.PAGE)}


class ReferencePage:
    """Stage: answers the contract, its page and what that loads; makes each when it is first asked for.

    Args:
        app: what answers everything else.
        operations: what the contract describes.
        signs: whether the page offers to sign in, with tokens of the development issuer.
    """

    def __init__(self, app: ASGIApp, operations: Iterable[Operation], *, signs: bool = False) -> None:
        self._app = app
        self._operations = tuple(operations)
        self._signs = signs
        self._representation = Representation(Policy(), "GET")
        self._made: dict[str, tuple[bytes, bytes, bytes]] = {}
        self._answers: dict[tuple[str, bytes | None], tuple[int, Fields, bytes]] = {}

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Answer GET and HEAD of these paths, pass anything else on."""
        return self._answer(scope, send) if scope["path"] in PATHS else self._app(scope, receive, send)

    async def _answer(self, scope: Scope, send: Send) -> None:
        """Answer, compressed where the caller takes that, with 304 when the caller's copy is current.

        Anybody may ask, and the viewer costs 40 ms to compress: each coding is made once.
        """
        if scope["method"] not in {"GET", "HEAD"}:
            return await send_problem(send, MethodNotAllowed(("GET", "HEAD")), scope[SCOPE_KEY])
        path = scope["path"]
        if path not in self._made:
            kind, body = self._make(path)
            self._made[path] = kind, body, f'"{hashlib.sha256(body).hexdigest()[:16]}"'.encode()
        kind, body, tag = self._made[path]
        fields = [(b"content-type", kind), (b"etag", tag), (b"cache-control", b"no-cache")]
        fields.append((b"content-security-policy", POLICY))
        key = path, coding_of(b",".join(values_of(scope, b"accept-encoding")))
        if is_known(scope, tag) or key not in self._answers:
            answer = await self._representation.of(scope, 200, fields, body)
            if answer[0] != 200:
                return await send_answer(send, *answer)
            self._answers[key] = answer
        return await send_answer(send, *self._answers[key])

    def _make(self, path: str) -> tuple[bytes, bytes]:
        """Return the media type and the content of one path."""
        if path in PARTS:
            return PARTS[path].kind, PARTS[path].read()
        if path.rstrip("/") == urls.CONTRACT:
            return b"application/json", openapi.encode(self._contract)
        return HTML, page(self._contract, below=path.endswith("/"), signs=self._signs).encode()

    @cached_property
    def _contract(self) -> dict[str, Any]:
        operations, faults = divide(self._operations)
        for fault in faults:
            logger.error("left out of the contract: %s", fault)
        return openapi.document(operations)
