"""What is asked of a server: each case one request, over and over."""

from dataclasses import dataclass, field
from pathlib import Path

ORIGIN = "https://app.example.com"


@dataclass(frozen=True)
class Case:
    """One request and the status that must come back.

    Attributes:
        name: of its row.
        path: with its query.
        signed: sends the session token.
        peers: who takes part, besides ours.
        functions: copies of one more function that ours has beside its own.
    """

    name: str
    path: str
    status: int = 200
    method: str = "GET"
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    signed: bool = True
    peers: tuple[str, ...] = ("fastapi_stack",)
    functions: int = 0


BARE = (
    "raw_asgi",
    "starlette_bare",
    "litestar_bare",
    "fastapi_bare",
    "fastapi_stack",
    "fastapi_stack_granian",
    "nextjs",
    "blacksheep_bare",
    "robyn_bare",
)
PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type",
}

CASES = (
    Case("get", "/items/7", peers=BARE),
    # Compared with the GET, and so taken right after it.
    Case("no token", "/items/7", status=401, signed=False, peers=("fastapi_stack", "nextjs")),
    Case("get, 200 functions", "/items/7", peers=(), functions=200),
    Case("get, 2000 functions", "/items/7", peers=(), functions=2000),
    Case(
        "post",
        "/items",
        method="POST",
        body='{"id": 7, "name": "SPY"}',
        headers={"Content-Type": "application/json"},
        peers=BARE[1:],
    ),
    Case("database, by key", "/latest/NORTH", peers=("fastapi_stack", "nextjs")),
    Case("database, 100 rows", "/newest", peers=("fastapi_stack",)),
    Case("stream, 100 events", "/ticks", peers=("fastapi_stack",)),
    Case("preflight", "/items", method="OPTIONS", signed=False, status=204, headers=PREFLIGHT),
)


def multiply(target: Path, count: int) -> None:
    """Write `count` further functions below `target`."""
    for number in range(count):
        folder = target / f"more{number // 50}"
        folder.mkdir(exist_ok=True)
        (folder / f"f{number}.py").write_text(
            '"""One of many."""\n\n\nasync def get() -> int:\n    """Return a number."""\n    return 1\n'
        )
