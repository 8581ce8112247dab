"""Requests to a provider over HTTP: bounded in time and size, never redirected, never decompressed.

The library and the certificates it trusts take about a tenth of a second to load, so they are loaded off the
loop at the first request; a service that verifies without any network never loads them.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx


class OutboundResponse(NamedTuple):
    """The status and body of a response."""

    status: int
    body: bytes


class NoResponse(Exception):
    """Nothing usable came back; the text names the cause and carries nothing of the exchange."""


class Outbound:
    """One HTTP client, created when it is first needed. Close it, or own it by ``async with``."""

    def __init__(self) -> None:
        self._client: httpx.AsyncClient | None = None
        self._making = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def ask(
        self,
        url: str,
        *,
        headers: Mapping[str, str],
        timeout: float,
        limit: int,
        json: Mapping[str, Any] | None = None,
    ) -> OutboundResponse:
        """Send a GET, or a POST where there is JSON to send.

        Args:
            url: absolute.
            headers: beside the usual ones.
            timeout: seconds for the whole exchange.
            limit: bytes of the reply's body.
            json: the request's body.

        Raises:
            NoResponse: no connection, no answer in time, or too much of it.
        """
        try:
            async with asyncio.timeout(timeout):
                client = await self._ready()
                # Unpacking happens before a limit on size could be looked at.
                given = {"accept": "application/json", "accept-encoding": "identity", **headers}
                request = client.build_request(
                    "GET" if json is None else "POST", url, headers=given, json=json
                )
                # A redirect would send the secret to another host.
                response = await client.send(request, stream=True, follow_redirects=False)
                async with aclosing(response):
                    return OutboundResponse(response.status_code, await _body(response, limit))
        except NoResponse:
            raise
        except Exception as fault:  # noqa: BLE001  # names, certificates, sockets, protocol: each has its own
            raise NoResponse(type(fault).__name__) from None

    async def _ready(self) -> httpx.AsyncClient:
        async with self._making:
            if self._client is None:
                self._client = await asyncio.to_thread(_make)
            return self._client


def _make() -> httpx.AsyncClient:
    import httpx

    return httpx.AsyncClient(timeout=None)  # noqa: S113  # every exchange is bounded as a whole


async def _body(response: httpx.Response, limit: int) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > limit:
            raise NoResponse(f"more than {limit} bytes")
    return bytes(body)
