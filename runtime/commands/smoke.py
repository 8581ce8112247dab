"""After a deploy: does the service at this URL do what it promises? Asked from outside, over the network."""

from collections.abc import AsyncIterator
from typing import Any

import httpx

from runtime.commands.check import Finding

PATIENCE = 10.0  # seconds for one answer
STRANGER = "https://not-our-app.example"
PRIVATE = "/me"
SECURITY = ("x-content-type-options", "referrer-policy", "x-request-id")


class Smoke:
    """Asks one running service.

    Args:
        url: where it is.
        token: a session token for the signed call; without one that call is left out, and said so.
        origin: an origin that must be allowed; without one only strangers are tried.
        path: a private endpoint that a signed caller may GET.
    """

    def __init__(self, url: str, *, token: str | None, origin: str | None, path: str = PRIVATE) -> None:
        self._url = url.rstrip("/")
        self._token = token
        self._origin = origin
        self._path = path

    async def run(self) -> list[Finding]:
        """Return what was found, in the order asked; a service that does not answer is one finding."""
        async with httpx.AsyncClient(base_url=self._url, timeout=PATIENCE) as http:
            try:
                return [finding async for finding in self._ask(http)]
            except httpx.UnsupportedProtocol:
                told = f"{self._url} is no URL: begin it with https:// or http://"
            except httpx.HTTPError as error:
                told = f"{self._url} does not answer: {type(error).__name__}"
            return [Finding("reach", told, is_fault=True)]

    async def _ask(self, http: httpx.AsyncClient) -> AsyncIterator[Finding]:
        yield _status("live", await http.get("/health/live"), 200)
        ready = await http.get("/health/ready")
        yield _status("ready", ready, 200, more=_health(ready))
        refused = await http.get(self._path)
        yield _status("auth", refused, 401, problem="unauthenticated", header="www-authenticate")
        forged = await http.get(self._path, headers={"Authorization": "Bearer e30.e30.e30"})
        yield _status("auth", forged, 401, problem="unauthenticated")
        missing = await http.get("/no-such-route-here")
        yield _status("errors", missing, 404, problem="not_found")
        yield _headers(missing)
        yield _shut_out(await self._preflight(http, STRANGER))
        if self._origin:
            yield _let_in(await self._preflight(http, self._origin), self._origin)
        if self._token:
            signed = await http.get(self._path, headers={"Authorization": f"Bearer {self._token}"})
            yield _status("signed", signed, 200)
        else:
            yield Finding("signed", "left out: no token (give one with --token, or set ANNEX_SMOKE_TOKEN)")

    async def _preflight(self, http: httpx.AsyncClient, origin: str) -> httpx.Response:
        asked = {
            "Origin": origin,
            "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": "authorization",
        }
        return await http.options(self._path, headers=asked)


def _status(
    area: str,
    answer: httpx.Response,
    expected: int,
    *,
    problem: str = "",
    header: str = "",
    more: str = "",
) -> Finding:
    asked = f"{answer.request.method} {answer.request.url.path}"
    code = _body(answer).get("code", "") if problem else ""
    fine = answer.status_code == expected and code == problem and (not header or header in answer.headers)
    text = f"{asked} answers {answer.status_code} {code}".rstrip() + more
    return Finding(
        area, text if fine else f"{text}, expected {expected} {problem}".rstrip(), is_fault=not fine
    )


def _health(answer: httpx.Response) -> str:
    told = _body(answer)
    bad = [name for name, check in told.get("checks", {}).items() if check.get("status") != "ok"]
    return f", version {told.get('version', '?')}" + (f", not ok: {', '.join(bad)}" if bad else "")


def _headers(answer: httpx.Response) -> Finding:
    missing = [name for name in SECURITY if name not in answer.headers]
    if answer.request.url.scheme == "https" and "strict-transport-security" not in answer.headers:
        missing.append("strict-transport-security")
    if missing:
        return Finding("headers", f"missing on an error: {', '.join(missing)}", is_fault=True)
    return Finding("headers", "an error carries the security headers and its request id")


def _shut_out(answer: httpx.Response) -> Finding:
    allowed = answer.headers.get("access-control-allow-origin")
    if allowed in {STRANGER, "*"}:
        return Finding("cors", "any origin is allowed: set CORS_ORIGINS", is_fault=True)
    return Finding("cors", "an unknown origin is not allowed")


def _let_in(answer: httpx.Response, origin: str) -> Finding:
    if answer.headers.get("access-control-allow-origin") != origin:
        return Finding("cors", f"{origin} is not allowed: add it to CORS_ORIGINS", is_fault=True)
    return Finding("cors", f"{origin} is allowed")


def _body(answer: httpx.Response) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
