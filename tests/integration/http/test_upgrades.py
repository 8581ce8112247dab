"""A request for a WebSocket: refused with a sentence that says what to use instead."""

from pathlib import Path

import httpx
import pytest

from tests.fixtures.app import ORIGIN, Compose
from tests.fixtures.listening import listening

PLAIN = '''"""A function that knows nothing of WebSockets."""

from runtime import Function

config = Function(public=True)


async def get() -> str:
    """Answer a plain GET."""
    return "SPY"
'''
KEY = {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version": "13"}


@pytest.mark.parametrize(
    ("upgrade", "status"),
    [
        ({"Connection": "Upgrade", "Upgrade": "websocket", **KEY}, 426),
        ({"Connection": "keep-alive, Upgrade", "Upgrade": "WebSocket", **KEY}, 426),
        ({"Connection": "Upgrade", "Upgrade": "h2c", "HTTP2-Settings": ""}, 200),
        ({"Upgrade": "websocket"}, 200),
        ({}, 200),
    ],
)
async def test_a_websocket_is_refused_and_the_sentence_says_what_to_use(
    tmp_path: Path, compose: Compose, upgrade: dict[str, str], status: int
):
    (tmp_path / "plain.py").write_text(PLAIN)
    async with (
        compose(tmp_path) as caller,
        listening(caller.application) as server,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", headers={"Origin": ORIGIN}) as http,
    ):
        answer = await http.get("/plain", headers=upgrade)

    assert answer.status_code == status
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    if status == 426:
        assert answer.json()["code"] == "upgrade_required"
        assert "event stream" in answer.json()["detail"]
        assert answer.headers["upgrade"]
