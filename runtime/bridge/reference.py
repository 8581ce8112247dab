"""Serves the contract: `/openapi.json` for machines, `/docs` as one page without scripts for people.

The page is written here because the common viewers load from a CDN; this one works without internet and
needs no exception from a content security policy.
"""

import hashlib
import json
import logging
from collections.abc import Awaitable, Iterable, Iterator
from html import escape
from typing import Any

from runtime.asgi import urls
from runtime.asgi.invocation import SCOPE_KEY
from runtime.asgi.messages import ASGIApp, Receive, Scope, Send, header, send_answer
from runtime.bridge import openapi
from runtime.bridge.describable import divide
from runtime.bridge.openapi.schemas import PREFIX
from runtime.bridge.typescript import type_of
from runtime.config import METHODS
from runtime.http.problems import send_problem
from runtime.routing import Operation
from shared.errors import MethodNotAllowed

logger = logging.getLogger(__name__)

PATHS = urls.REFERENCE | {f"{url}/" for url in urls.REFERENCE}
POLICY = b"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"


class ReferencePage:
    """Stage: answers both paths; renders each at its first request and keeps it."""

    def __init__(self, app: ASGIApp, operations: Iterable[Operation]) -> None:
        self._app = app
        self._operations = tuple(operations)
        self._files: dict[str, tuple[bytes, bytes, bytes]] = {}

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Answer GET and HEAD of both paths, pass anything else on."""
        return self._answer(scope, send) if scope["path"] in PATHS else self._app(scope, receive, send)

    async def _answer(self, scope: Scope, send: Send) -> None:
        """Answer, with 304 when the caller's copy is current."""
        if scope["method"] not in {"GET", "HEAD"}:
            return await send_problem(send, MethodNotAllowed(("GET", "HEAD")), scope[SCOPE_KEY])
        kind, body, tag = self._file(scope["path"].rstrip("/"))
        headers = [(b"etag", tag), (b"cache-control", b"no-cache"), (b"content-security-policy", POLICY)]
        if header(scope, b"if-none-match") == tag:
            return await send_answer(send, 304, headers, b"")
        return await send_answer(send, 200, [(b"content-type", kind), *headers], body)

    def _file(self, path: str) -> tuple[bytes, bytes, bytes]:
        if path not in self._files:
            operations, faults = divide(self._operations)
            for fault in faults:
                logger.error("left out of the contract: %s", fault)
            contract = openapi.document(operations)
            is_page = path == urls.PAGE
            body = page(contract).encode() if is_page else openapi.encode(contract)
            kind = b"text/html; charset=utf-8" if is_page else b"application/json"
            self._files[path] = kind, body, f'"{hashlib.sha256(body).hexdigest()[:16]}"'.encode()
        return self._files[path]


def page(contract: dict[str, Any]) -> str:
    """Write the reference page; text from functions is escaped."""
    operations = [
        (path, method, item[method])
        for path, item in contract["paths"].items()
        for method in METHODS
        if method in item
    ]
    info = contract["info"]
    return "".join([
        "<!doctype html><html lang=en><meta charset=utf-8>",
        "<meta name=viewport content='width=device-width,initial-scale=1'>",
        f"<title>{escape(info['title'])}: reference</title><style>{_STYLE}</style><main>",
        f"<h1>{escape(info['title'])} <small>{escape(info['version'])}</small></h1>",
        "<p>Every function of this service. For machines: <a href=openapi.json>openapi.json</a>.</p><nav>",
        *(_link(*one) for one in operations),
        "</nav>",
        *(section for one in operations for section in _operation(*one)),
        "<h2 id=types>Types</h2>",
        *(part for one in contract["components"]["schemas"].items() for part in _schema(*one)),
        "</main></html>\n",
    ])  # fmt: skip


def _link(path: str, method: str, operation: dict[str, Any]) -> str:
    return f"<a href='#{escape(operation['operationId'])}'><b class={method}>{method}</b> {escape(path)}</a>"


def _operation(path: str, method: str, operation: dict[str, Any]) -> Iterator[str]:
    yield f"<section id='{escape(operation['operationId'])}'>"
    yield f"<h3><b class={method}>{method}</b> {escape(path)}"
    yield f"{' <i>deprecated</i>' if operation.get('deprecated') else ''}</h3>"
    for text in (operation.get("summary", ""), operation.get("description", "")):
        yield f"<p>{escape(text)}</p>" if text else ""
    yield "<table>"
    for one in operation.get("parameters", []):
        need = "" if one["required"] else " (optional)"
        yield _row(f"{one['in']} {one['name']}", _typed(one["schema"]), one.get("description", "") + need)
    for media, content in operation.get("requestBody", {}).get("content", {}).items():
        yield _row("body", _typed(content["schema"]), media)
    for status, response in operation["responses"].items():
        for media, content in response.get("content", {}).items():
            if status != "default":
                yield _row(status, _typed(content["schema"]), media)
        if not response.get("content"):
            yield _row(status, "no content", "")
    yield _row("errors", escape(", ".join(operation["x-error-codes"])) or "only those of every route", "")
    yield _row("requires", escape(_needs(operation)), operation["x-file"])
    yield "</table></section>"


def _needs(operation: dict[str, Any]) -> str:
    if not operation["security"]:
        return "no credential: public"
    schemes = ", ".join(name for scheme in operation["security"] for name in scheme)
    more = [f"{key} {json.dumps(value)}" for key, value in operation.get("x-requires", {}).items()]
    return ", ".join([schemes, *more])


def _schema(name: str, schema: dict[str, Any]) -> Iterator[str]:
    yield f"<section id='type-{escape(name)}'><h3>{escape(name)}</h3>"
    yield f"<p>{escape(schema.get('description', ''))}</p>"
    yield "<table>"
    required = schema.get("required", [])
    for field, value in schema.get("properties", {}).items():
        need = "" if field in required else " (optional)"
        yield _row(field, _typed(value), value.get("description", "") + need)
    if "properties" not in schema:
        yield _row("", _typed(schema), "")
    yield "</table></section>"


def _typed(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = escape(schema["$ref"].removeprefix(PREFIX))
        return f"<a href='#type-{name}'>{name}</a>"
    return escape(type_of(schema))


def _row(name: str, kind: str, text: str) -> str:
    return f"<tr><th>{escape(name)}<td><code>{kind}</code><td>{escape(text)}"


_STYLE = """
:root{color-scheme:light dark;font:15px/1.5 system-ui,sans-serif}
body{margin:0}
main{max-width:60rem;margin:auto;padding:1rem}
nav{display:grid;gap:.2rem}
a{color:inherit}
h3{font-family:ui-monospace,monospace;margin:0;overflow-wrap:anywhere}
section{border-top:1px solid #8884;padding:1rem 0}
b{display:inline-block;min-width:4.5em;text-transform:uppercase;font-size:.85em}
.get{color:#16794c}.post{color:#1f5fbf}.put,.patch{color:#9a6700}.delete{color:#c0392b}
table{border-collapse:collapse;width:100%}
th{text-align:left;font-weight:600;white-space:nowrap}
th,td{padding:.2rem .8rem .2rem 0;vertical-align:top}
code{overflow-wrap:anywhere}
@media(prefers-color-scheme:dark){.get{color:#5fd39b}.post{color:#7fb0ff}.put,.patch{color:#e3b341}.delete{color:#ff8a80}}
"""
