"""Every TypeScript block of the docs compiles, against the functions that its page is about."""

import json
import re
from pathlib import Path
from typing import NamedTuple

import pytest

from runtime.bridge import artefacts
from runtime.routing import discover
from tests.fixtures import stock_app
from tests.fixtures.node import ROOT, install, run
from tests.fixtures.routing import write_tree

pytestmark = pytest.mark.timeout(600)

DOCS = ROOT / "docs"
BLOCK = re.compile(r"^```(?:tsx?|jsx?|typescript)\n(.*?)^```", re.DOTALL | re.MULTILINE)
CHATS, RAILWAY = (ROOT / "tests" / "fixtures" / name for name in ("chat_clients", "railway_iac"))

GIVEN = {
    "chat-clients.md": """
        const backend = "http://localhost:8000", runId = "run_1", token = "t";
        const headers = { Authorization: `Bearer ${token}` };
    """,
    "responses.md": """
        import { backend } from "@/annex/server";
        import { Redirected } from "@/annex/index";
        import { redirect } from "next/navigation";
        const body = { symbol: "SPY" };
    """,
}
"""What a page leaves out of its blocks, since it says so in words or in another block."""

READINGS = '''
    """Readings."""

    from datetime import datetime
    from decimal import Decimal
    from typing import Annotated, Literal
    from uuid import UUID

    from msgspec import Meta, Struct

    type Instant = Annotated[datetime, Meta(tz=True)]


    class NewSignal(Struct, rename="camel"):
        """A reading as it is taken."""

        symbol: str
        regime: Literal["RISK_ON", "NEUTRAL", "RISK_OFF"]
        value: Decimal
        confidence: float
        observed_at: Instant
        factors: dict[str, float] = {}


    class Signal(NewSignal, kw_only=True, rename="camel"):
        """A reading."""

        id: UUID
        factors: dict[str, float]
        created_at: Instant
        created_by: str | None


    class SignalPage(Struct, rename="camel"):
        """Some readings."""

        items: list[Signal]
        next_cursor: str | None
'''
FUNCTIONS = {
    "signals/_readings.py": READINGS,
    "signals/index.py": '''
    """Readings: a page of them, and a new one."""

    from runtime import Conflict

    from ._readings import NewSignal, Signal, SignalPage


    async def get(limit: int = 50, cursor: str | None = None) -> SignalPage:
        """Return a page."""
        return SignalPage([], None)


    async def post(data: NewSignal) -> Signal:
        """Record one."""
        raise Conflict("It is there already.")
''',
    "signals/[symbol].py": '''
    """The readings of a symbol."""

    from runtime import NotFound

    from ._readings import Signal


    async def get(symbol: str) -> Signal:
        """Return the newest."""
        raise NotFound("signal", symbol)


    async def delete(symbol: str) -> None:
        """Delete all."""
''',
    "signals/[symbol]/live.py": '''
    """The readings of a symbol, as they come."""

    from collections.abc import AsyncIterator

    from runtime import Event

    from .._readings import Signal


    class Reading(Event, tag="reading", kw_only=True, frozen=True):
        """A new one."""

        signal: Signal


    async def get(symbol: str) -> AsyncIterator[Reading]:
        """Follow it."""
        for one in list[Reading]():
            yield one
''',
    "vault.py": '''
    """What is behind a fresh sign-in."""

    from runtime import Function

    config = Function(reverification="strict")


    async def get() -> str:
        """Open it."""
        return "open"
''',
    "checkout.py": '''
    """Pay."""

    from msgspec import Struct

    from runtime import Redirect


    class Basket(Struct):
        """What is paid for."""

        symbol: str


    async def post(data: Basket) -> Basket | Redirect:
        """Pay, or be sent to a bank."""
        return data
''',
    "hello.py": '''
    """Greet."""


    async def get(name: str) -> str:
        """Greet somebody."""
        return name
''',
    "imports.py": '''
    """A job, so that there are runs."""


    async def job() -> None:
        """Import."""
''',
}


class Block(NamedTuple):
    """A block of a page: a module, or the part of one that the page's other words complete."""

    page: str
    number: int
    code: str


def blocks() -> list[Block]:
    """Return the blocks that no test of the pages for Next.js builds in an app: those name their file."""
    found = []
    for page in sorted(DOCS.glob("*.md")):
        for number, code in enumerate(BLOCK.findall(page.read_text()), start=1):
            if not (page.name.startswith("nextjs") and code.startswith("// ")):
                found.append(Block(page.name, number, code))
    return found


@pytest.fixture(scope="module")
def project(node: str, compilers: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An app with the client of the functions of the pages, the libraries, and each block as a module."""
    folder = tmp_path_factory.mktemp("docs")
    write_tree(folder / "functions", FUNCTIONS)
    for text in re.findall(
        r"^```python\n(# functions/.*?)^```$", (DOCS / "responses.md").read_text(), re.DOTALL | re.MULTILINE
    ):
        place, _, code = text.partition("\n")
        write_tree(folder, {place.removeprefix("# "): code})
    table = discover(folder / "functions")
    assert not table.faults
    artefacts.write(folder, table.operations, app=folder / "annex")
    modules = folder / "node_modules"
    modules.mkdir()
    for needed in (CHATS, RAILWAY):
        install(needed)
    packages = {
        stock_app.packages(): ("@clerk", "@types", "next", "react", "react-dom", "server-only"),
        compilers / "node_modules": ("@tanstack", "msw", "swr"),
        CHATS / "node_modules": ("@ag-ui", "@ai-sdk", "ai"),
        RAILWAY / "node_modules": ("railway",),
    }
    for place, names in packages.items():
        for name in names:
            (modules / name).symlink_to(place / name)
    for page, number, code in blocks():
        given = GIVEN.get(page, "").replace("        ", "")
        (folder / f"{page.removesuffix('.md')}-{number}.tsx").write_text(f"{given}{code}\nexport {{}};\n")
    options = {
        "target": "ES2017", "lib": ["dom", "dom.iterable", "esnext"], "module": "esnext", "strict": True,
        "moduleResolution": "bundler", "noEmit": True, "skipLibCheck": True, "jsx": "react-jsx",
        "types": ["node", "react"], "paths": {"@/*": ["./*"]},
    }  # fmt: skip
    (folder / "tsconfig.json").write_text(json.dumps({"compilerOptions": options, "include": ["*.tsx"]}))
    return folder


@pytest.mark.parametrize("version", ["typescript", "typescript7"])
def test_every_block_of_the_docs_compiles(node: str, compilers: Path, project: Path, version: str):
    assert len(blocks()) > 12
    compiler = compilers / "node_modules" / version / "bin" / "tsc"
    checked = run(node, compiler, "--project", project, cwd=project)
    assert checked.returncode == 0, checked.stdout
