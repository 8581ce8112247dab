"""`annex smoke`: after a deploy, test a running service from outside, over the network."""

import argparse
import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx

from runtime.bridge import openapi
from runtime.bridge.describable import divide
from runtime.bridge.sample import private_get
from runtime.commands.finding import Finding, lines, status
from runtime.commands.table import table_of
from runtime.settings import Settings

RESPONSE_TIMEOUT = 10.0  # seconds
UNKNOWN_ORIGIN = "https://not-our-app.example"
SECURITY = ("x-content-type-options", "referrer-policy", "x-request-id")
SKIPPED = "skipped: no private GET without parameters was found; name one with --path"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command accepts."""
    parser.add_argument("url", metavar="URL", help="such as https://annex-production.up.railway.app")
    parser.add_argument("--token", metavar="TOKEN", help="a session token; ANNEX_SMOKE_TOKEN otherwise")
    parser.add_argument("--origin", metavar="ORIGIN", help="an origin that must be allowed")
    parser.add_argument(
        "--path", metavar="PATH", help="a private endpoint to GET; by default the first without parameters"
    )


def run(given: argparse.Namespace, settings: Settings) -> int:
    """Test a deployed service: health, authentication, errors, CORS, a call with a token."""

    def local() -> str | None:
        table = table_of(settings)
        return private_get(openapi.document(divide(table.operations)[0]))

    token = given.token or (settings.smoke_token.reveal() if settings.smoke_token else None)
    smoke = Smoke(given.url, token=token, origin=given.origin, path=given.path, fallback=local)
    findings = asyncio.run(smoke.run())
    print(*lines(findings), sep="\n")
    return status(findings)


class Smoke:
    """Tests one running service.

    Args:
        url: of the service.
        token: a session token for the call that must succeed; without one that call is skipped.
        origin: an origin that must be allowed; without one only an unknown origin is tried.
        path: a private endpoint that the token's user may GET; None for the first of the service's contract.
        fallback: finds one where the service does not publish its contract.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None,
        origin: str | None,
        path: str | None = None,
        fallback: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._url = url.rstrip("/")
        self._token = token
        self._origin = origin
        self._path = path
        self._fallback = fallback

    async def run(self) -> list[Finding]:
        """Return the findings in order; a service that does not respond is one finding."""
        async with httpx.AsyncClient(base_url=self._url, timeout=RESPONSE_TIMEOUT) as http:
            try:
                return [finding async for finding in self._findings(http)]
            except httpx.UnsupportedProtocol:
                text = f"{self._url} is not a URL: begin it with https:// or http://"
            except httpx.HTTPError as error:
                text = f"{self._url} does not respond: {type(error).__name__}"
            return [Finding("reach", text, is_fault=True)]

    async def _findings(self, http: httpx.AsyncClient) -> AsyncIterator[Finding]:
        yield _status("live", await http.get("/health/live"), 200)
        ready = await http.get("/health/ready")
        yield _status("ready", ready, 200, more=_health(ready))
        path = self._path or await self._published(http) or await asyncio.to_thread(self._fallback)
        if path is None:
            yield Finding("auth", SKIPPED)
        else:
            refused = await http.get(path)
            yield _status("auth", refused, 401, problem="unauthenticated", header="www-authenticate")
            forged = await http.get(path, headers={"Authorization": "Bearer e30.e30.e30"})
            yield _status("auth", forged, 401, problem="unauthenticated")
        missing = await http.get("/no-such-route-here")
        yield _status("errors", missing, 404, problem="not_found")
        yield _headers(missing)
        yield _is_refused(await _preflight(http, path, UNKNOWN_ORIGIN))
        if self._origin:
            yield _is_allowed(await _preflight(http, path, self._origin), self._origin)
        if path is None:
            yield Finding("signed", SKIPPED)
        elif self._token:
            signed = await http.get(path, headers={"Authorization": f"Bearer {self._token}"})
            yield _status("signed", signed, 200)
        else:
            yield Finding("signed", "skipped: no token; give one with --token, or set ANNEX_SMOKE_TOKEN")

    async def _published(self, http: httpx.AsyncClient) -> str | None:
        """Return a path from the contract that the service publishes, None where it publishes none."""
        contract = _body(await http.get("/openapi.json"))
        return private_get(contract) if "paths" in contract else None


async def _preflight(http: httpx.AsyncClient, path: str | None, origin: str) -> httpx.Response:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "authorization",
    }
    return await http.options(path or "/", headers=headers)


def _status(
    area: str,
    answer: httpx.Response,
    expected: int,
    *,
    problem: str = "",
    header: str = "",
    more: str = "",
) -> Finding:
    request = f"{answer.request.method} {answer.request.url.path}"
    code = _body(answer).get("code", "") if problem else ""
    is_fine = answer.status_code == expected and code == problem and (not header or header in answer.headers)
    text = f"{request} returns {answer.status_code} {code}".rstrip() + more
    return Finding(
        area, text if is_fine else f"{text}, expected {expected} {problem}".rstrip(), is_fault=not is_fine
    )


def _health(answer: httpx.Response) -> str:
    body = _body(answer)
    bad = [name for name, check in body.get("checks", {}).items() if check.get("status") != "ok"]
    return f", version {body.get('version', '?')}" + (f", not ok: {', '.join(bad)}" if bad else "")


def _headers(answer: httpx.Response) -> Finding:
    missing = [name for name in SECURITY if name not in answer.headers]
    if answer.request.url.scheme == "https" and "strict-transport-security" not in answer.headers:
        missing.append("strict-transport-security")
    if missing:
        return Finding("headers", f"missing on an error: {', '.join(missing)}", is_fault=True)
    return Finding("headers", "an error has the security headers and a request id")


def _is_refused(answer: httpx.Response) -> Finding:
    allowed = answer.headers.get("access-control-allow-origin")
    if allowed in {UNKNOWN_ORIGIN, "*"}:
        return Finding("cors", "any origin is allowed: set CORS_ORIGINS", is_fault=True)
    return Finding("cors", "an unknown origin is not allowed")


def _is_allowed(answer: httpx.Response, origin: str) -> Finding:
    if answer.headers.get("access-control-allow-origin") != origin:
        return Finding("cors", f"{origin} is not allowed: add it to CORS_ORIGINS", is_fault=True)
    return Finding("cors", f"{origin} is allowed")


def _body(answer: httpx.Response) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
