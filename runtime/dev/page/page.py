"""`/_annex`: what the service is doing, for the developer at this machine.

Put around the service by `annex dev` alone; no module that serves in production imports this package. It can
sign development tokens, so it answers this machine alone: no connection of another host, and no host name
that a web page made resolve to this machine (DNS rebinding).
"""

import ipaddress
import secrets
from pathlib import Path
from typing import Any

import msgspec

from runtime.app import Application
from runtime.asgi.messages import ASGIApp, Message, Receive, Scope, Send, header, send_answer
from runtime.config import Endpoint
from runtime.dev.page.example import example, type_name
from runtime.dev.page.jobs import JobRequest, JobsView
from runtime.dev.page.recorder import Recorder, Span
from runtime.routing import InputKind, Operation
from runtime.routing.display import auth_of

PREFIX = "/_annex"
PAGE = Path(__file__).with_name("page.html")
LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
FORWARDED = (b"forwarded", b"via", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip")
"""What a proxy adds: behind one on this machine, such as a tunnel, everybody comes from this machine."""
POLICY = (
    "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
JSON = (b"content-type", b"application/json")
NO_STORE = (b"cache-control", b"no-store")


class Wanted(msgspec.Struct):
    """Whose token the page asks for."""

    user: str
    org: str = ""
    permissions: tuple[str, ...] = ()


class DeveloperPage:
    """ASGI wrapper: answers below `/_annex` for this machine, passes everything else on."""

    def __init__(self, app: ASGIApp, application: Application, recorder: Recorder) -> None:
        self._app = app
        self._application = application
        self._recorder = recorder
        self._jobs = JobsView(application)

    async def __call__(  # noqa: PLR0911  # a table, read as one
        self, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Serve one connection."""
        is_ours = scope["type"] == "http" and f"{scope['path']}/".startswith(f"{PREFIX}/")
        if not is_ours or not _is_local(scope):
            return await self._app(scope, receive, send)
        asked = scope["method"], scope["path"].removeprefix(PREFIX).rstrip("/")
        match asked:
            case "GET", "":
                return await self._page(send)
            case "GET", "/state":
                return await self._state(scope, send)
            case "GET", path if path.startswith("/traces/"):
                return await self._trace(path.removeprefix("/traces/"), send)
            case "GET", "/jobs":
                return await _send_json(send, 200, await self._jobs.state())
            case "POST", "/jobs":
                return await self._job(scope, receive, send)
            case "POST", "/token":
                return await self._token(scope, receive, send)
        return await _send_json(send, 404, {"detail": "There is no such page."})

    async def _page(self, send: Send) -> None:
        nonce = secrets.token_urlsafe(16)
        body = PAGE.read_text("utf-8").replace("{nonce}", nonce).encode()
        headers = [
            (b"content-type", b"text/html; charset=utf-8"),
            (b"content-security-policy", POLICY.format(nonce=nonce).encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"no-referrer"),
            NO_STORE,
        ]
        await send_answer(send, 200, headers, body)

    async def _state(self, scope: Scope, send: Send) -> None:
        if scope["query_string"] == f"after={self._recorder.serial}".encode():
            return await send_answer(send, 204, [NO_STORE], b"")
        application = self._application
        return await _send_json(
            send,
            200,
            {
                "serial": self._recorder.serial,
                "signs": application.identity.issuer is not None,
                "functions": _functions(application),
                "requests": [_request(*found) for found in self._recorder.requests()],
                "lines": self._recorder.lines(),
            },
        )

    async def _trace(self, identity: str, send: Send) -> None:
        trace = self._recorder.trace(identity)
        if trace is None:
            return await _send_json(send, 404, {"detail": "This trace is no longer kept."})
        return await _send_json(send, 200, {"spans": trace.spans, "lines": self._recorder.lines(identity)})

    async def _job(self, scope: Scope, receive: Receive, send: Send) -> None:
        if header(scope, b"content-type") != b"application/json":  # which no page of another site can send
            return await _send_json(send, 409, {"detail": "Send JSON."})
        try:
            asked = msgspec.json.decode(await _body(receive), type=JobRequest)
        except msgspec.DecodeError:
            return await _send_json(send, 400, {"detail": "Name an action and a job or run."})
        return await _send_json(send, *await self._jobs.do(asked))

    async def _token(self, scope: Scope, receive: Receive, send: Send) -> None:
        issuer = self._application.identity.issuer
        if issuer is None or header(scope, b"content-type") != b"application/json":
            return await _send_json(
                send, 409, {"detail": "Clerk is configured; paste a token that it has signed."}
            )
        try:
            wanted = msgspec.json.decode(await _body(receive), type=Wanted)
        except msgspec.DecodeError:
            return await _send_json(send, 400, {"detail": "Name a user."})
        token = issuer.token(
            wanted.user,
            organization=wanted.org or None,
            role="org:admin",
            permissions=wanted.permissions,
        )
        return await _send_json(send, 200, {"token": token})


def _is_local(scope: Scope) -> bool:
    """Return whether the request comes from this machine, through no proxy, and names it as the host."""
    if any(header(scope, name) is not None for name in FORWARDED):
        return False
    host = (header(scope, b"host") or b"").decode("latin-1")
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    client = scope.get("client")
    try:
        address = ipaddress.ip_address(client[0] if client else "")
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None) or address
    return bool(mapped.is_loopback) and name in LOCAL_NAMES


def _functions(application: Application) -> list[dict[str, Any]]:
    faults = {fault.file: fault for fault in application.table.faults}
    operations = {_key(operation.endpoint): operation for operation in application.table.operations}
    return [
        {
            "method": endpoint.method,
            "template": endpoint.template,
            "file": endpoint.file,
            "auth": auth_of(endpoint.policy),
            "permission": endpoint.policy.permission,
            "timeout": endpoint.policy.timeout,
            "stream": endpoint.stream,
            "fault": str(faults[endpoint.file]) if endpoint.file in faults else None,
            **_described(operations.get(_key(endpoint))),
        }
        for endpoint in application.table.endpoints
    ]


def _key(endpoint: Endpoint) -> tuple[str, str]:
    return endpoint.method, endpoint.template


def _described(operation: Operation | None) -> dict[str, Any]:
    if operation is None:
        return {"doc": None, "inputs": [], "body": None}
    body = next((given for given in operation.inputs if given.kind is InputKind.BODY), None)
    return {
        "doc": operation.doc,
        "inputs": [
            {
                "name": given.field,
                "source": given.kind.location,
                "type": type_name(given.annotation),
                "required": given.default is msgspec.NODEFAULT,
                "default": _as_text(given.default),
            }
            for given in operation.inputs
            if given.kind.is_parameter
        ],
        "body": None
        if body is None
        else msgspec.json.format(msgspec.json.encode(example(body.annotation))).decode(),
    }


def _as_text(default: Any) -> str | None:
    """Return a default as the query string would spell it."""
    if default is msgspec.NODEFAULT or default is None:
        return None
    return str(default).lower() if isinstance(default, bool) else str(msgspec.to_builtins(default))


def _request(trace: str, span: Span) -> dict[str, Any]:
    attributes = span.attributes
    return {
        "trace": trace,
        "span": span.id,
        "name": span.name,
        "start": span.start,
        "duration": span.duration,
        "error": span.is_error,
        "status": attributes.get("http.response.status_code", 0),
        "method": attributes.get("http.request.method", ""),
        "path": attributes.get("url.path", ""),
        "function": attributes.get("annex.function", ""),
        "auth": attributes.get("annex.auth", ""),
        "code": attributes.get("annex.error", ""),
        "request_id": attributes.get("annex.request_id", ""),
    }


async def _body(receive: Receive) -> bytes:
    body = b""
    while len(body) < 64 * 1024:
        message: Message = await receive()
        body += message.get("body", b"")
        if message["type"] != "http.request" or not message.get("more_body"):
            break
    return body


async def _send_json(send: Send, status: int, value: Any) -> None:
    await send_answer(send, status, [JSON, NO_STORE], msgspec.json.encode(value, enc_hook=str))
