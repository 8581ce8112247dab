"""What a function sees of its caller behind a proxy: what a trusted one says, and nobody else."""

from pathlib import Path

import httpx
import pytest

from tests.fixtures.app import Compose
from tests.fixtures.listening import listening

SEEN = '''"""Who asks, and how."""

from runtime import Function, Request

config = Function(public=True)


async def get(request: Request) -> dict[str, str]:
    """Tell."""
    return {"url": str(request.url), "base": str(request.base_url), "client": request.client.host}
'''
SAID = {"X-Real-IP": "203.0.113.7", "X-Forwarded-Proto": "https", "Host": "api.example.com"}


@pytest.mark.parametrize(
    ("trusted", "said", "scheme", "client"),
    [
        ("127.0.0.0/8", {}, "https", "203.0.113.7"),
        ("127.0.0.0/8", {"X-Real-IP": "2001:db8::7"}, "https", "2001:db8::7"),
        ("127.0.0.0/8", {"X-Real-IP": "unknown"}, "https", "127.0.0.1"),
        ("127.0.0.0/8", {"X-Forwarded-Proto": "http"}, "http", "203.0.113.7"),
        ("127.0.0.0/8", {"X-Forwarded-Proto": "javascript"}, "http", "203.0.113.7"),
        ("10.0.0.0/8", {}, "http", "127.0.0.1"),
    ],
)
async def test_url_and_client_are_what_a_trusted_proxy_says(
    tmp_path: Path, compose: Compose, trusted: str, said: dict[str, str], scheme: str, client: str
):
    (tmp_path / "seen.py").write_text(SEEN)
    async with (
        compose(tmp_path, ANNEX_TRUSTED_PROXIES=trusted) as caller,
        listening(caller.application) as server,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", headers=SAID | said) as http,
    ):
        answer = await http.get("/seen?a=1")

    assert answer.json() == {
        "url": f"{scheme}://api.example.com/seen?a=1",
        "base": f"{scheme}://api.example.com/",
        "client": client,
    }
