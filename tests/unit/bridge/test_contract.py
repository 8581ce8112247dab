"""What an old client can fail at is breaking; everything else is additive."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from runtime.bridge import contract, openapi
from runtime.routing import discover
from tests.fixtures.routing import write_tree

BEFORE = '''
from collections.abc import AsyncIterator
from enum import StrEnum
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from runtime import Event, Function

config = Function(public=True)


class Side(StrEnum):
    BUY = "buy"
    SELL = "sell"


class Order(Struct):
    symbol: str
    size: Annotated[int, Meta(ge=1, le=100)]
    note: str = ""


class Fill(Struct):
    symbol: str
    side: Side
    price: str | None
    legs: list[Order] = []


async def post(data: Order, dry: bool = False) -> Fill:
    """Place an order."""
    raise NotImplementedError


async def get(symbol: str) -> list[Fill]:
    """List fills."""
    raise NotImplementedError


class Tree(Struct):
    leaf: int
    branches: "list[Tree]" = []


class Grown(Event, tag="grown"):
    height: int


class Felled(Event, tag="felled"):
    height: int


async def put() -> Tree:
    """Plant."""
    raise NotImplementedError


async def patch(data: Tree) -> AsyncIterator[Grown]:
    """Watch."""
    yield Grown(height=1)
'''


def changes(tmp_path, *edits: tuple[str, str]) -> list[str]:
    after = BEFORE
    for old, new in edits:
        assert old in after
        after = after.replace(old, new)
    documents = []
    for name, text in (("before", BEFORE), ("after", after)):
        write_tree(tmp_path / name, {"orders.py": text})
        table = discover(tmp_path / name)
        assert not table.faults, table.faults
        documents.append(openapi.document(table.operations))
    return [str(change) for change in contract.compare(*documents)]


def test_nothing_changed_is_nothing_said(tmp_path):
    assert changes(tmp_path) == []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("async def get(symbol: str)", "async def _get(symbol: str)", "GET /orders: the route was removed."),
        ("public=True", "public=False", "POST /orders: a session is now required."),
        ("    note: str", "    account: str\n    note: str", "orders body.account: the field was added"),
        ("    note: str = \"\"\n", "", "POST /orders body.note: the field was removed."),
        ("le=100", "le=50", "POST /orders body.size: `maximum` changed from 100 to 50."),
        ("size: Annotated[int, Meta(ge=1, le=100)]", "size: str", "body.size: the type changed from number"),
        ("    symbol: str\n    side", "    side", "POST /orders response.symbol: the field was removed."),
        ("price: str | None", "price: float | None", "response.price: the value number was added."),
        ('SELL = "sell"', 'SELL = "sell"\n    SHORT = "short"', 'response.side: the value "short" was added'),
        ("async def get(symbol: str)", "async def get(symbol: str, day: str)", "the parameter was added"),
        ("async def get(symbol: str)", "async def get(ticker: str = '')", "the parameter was removed"),
        ("dry: bool = False", "dry: bool", "query.dry: the parameter is now required."),
        ("async def put()", "async def put(data: Tree)", "body: a body was added."),
        ("    symbol: str\n    size", '    symbol: Annotated[str, Meta(pattern="^A")]\n    size', "pattern"),
        ("    leaf: int", "    leaf: str", "orders response.leaf: the type changed from number to string"),
        ("AsyncIterator[Grown]", "AsyncIterator[Grown | Felled]", 'response: the value "felled" was added.'),
        ("height: int", "height: float | None", "PATCH /orders response.height: the value null was added."),
        ("list[Order] = []", "list[Order] | UnsetType = UNSET", "legs: the field is now optional."),
        ("-> list[Fill]", "-> None", "from application/json to none"),
        ("-> list[Fill]", "-> list[str]", "GET /orders response[]: the type changed from Fill to string."),
    ],
)  # fmt: skip
def test_what_an_old_client_can_fail_at_is_breaking(tmp_path, old, new, told):
    assert any(told in line for line in changes(tmp_path, (old, new)) if line.startswith("breaking"))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("async def get(", 'async def delete() -> None:\n    pass\n\n\nasync def get(', "route was added"),
        ('note: str = ""', 'note: str = ""\n    tag: str = ""', "orders body.tag: the field was added"),
        ("    side: Side", "    side: Side\n    venue: str", "orders response.venue: the field was added"),
        ("async def get(symbol: str)", "async def get(symbol: str, day: str = '')", "day: the parameter"),
        ("async def put()", "async def put(data: Tree | None = None)", "body: a body was added."),
        ("price: str | None", "price: str", "the value null was removed."),
        ("raise NotImplementedError", "raise Conflict('x')", "the error `conflict` was added."),
    ],
)  # fmt: skip
def test_what_an_old_client_does_not_notice_is_additive(tmp_path, old, new, told):
    edits = [(old, new)] + (
        [("import Event, Function", "import Conflict, Event, Function")] if "Conflict" in new else []
    )
    lines = changes(tmp_path, *edits)
    assert lines
    assert all(line.startswith("additive") for line in lines)
    assert any(told in line for line in lines)


def test_tighter_requirements_on_the_session_are_breaking(tmp_path):
    lines = changes(tmp_path, ("Function(public=True)", 'Function(permission="org:orders:write")'))
    assert any("the permission 'org:orders:write' is now required." in line for line in lines)


def test_breaking_changes_come_first(tmp_path):
    lines = changes(tmp_path, ("    symbol: str\n    side", "    venue: str\n    side"))
    kinds = [line.partition(":")[0] for line in lines]
    assert kinds == sorted(kinds, reverse=True)


GONE = contract.ContractChange("breaking", "GET /orders", "the route was removed.")
FIELD = contract.ContractChange("breaking", "POST /orders body.account", "the field was added.")
MORE = contract.ContractChange("additive", "GET /fills", "the route was added.")


@pytest.mark.parametrize(
    ("changelog", "left"),
    [
        ("", [GONE, FIELD]),
        ("# Changelog\n\n## Unreleased\n\n- Breaking: GET /orders is now GET /fills.\n", [FIELD]),
        (
            "## Unreleased\n\n- Breaking: `POST /orders`, GET /orders:\n  see the guide.\n\n## 1.0.0\n",
            [],
        ),
        ("## Unreleased\n\n## 1.0.0\n\n- Breaking: GET /orders, POST /orders\n", [GONE, FIELD]),
        ("## Unreleased\n\n- Changed: GET /orders, POST /orders\n", [GONE, FIELD]),
    ],
)
def test_a_breaking_change_is_acknowledged_by_its_route_under_unreleased(changelog, left):
    assert contract.unacknowledged([GONE, FIELD, MORE], changelog) == left


JOB = '''
import msgspec

from runtime import Function

config = Function(public=True)


class Letter(msgspec.Struct):
    to: str
    copies: int = 1


async def job(data: Letter) -> str:
    """Send it."""
    raise NotImplementedError
'''


def described(folder: Path, text: str) -> dict[str, Any]:
    write_tree(folder, {"mail.py": text})
    return openapi.document(discover(folder).described)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("copies: int = 1", "copies: int", "breaking: JOB /mail body.copies: the field is now required."),
        ("to: str", "to: int", "breaking: JOB /mail body.to: the type changed from string to number."),
        ("    copies: int = 1\n", "", "breaking: JOB /mail body.copies: the field was removed."),
        (
            "copies: int = 1",
            'copies: int = 1\n    note: str = ""',
            "additive: JOB /mail body.note: the field was added.",
        ),
        ("-> str", "-> int", "breaking: JOB /mail response: the type changed from string to number."),
        ("async def job(data: Letter)", "async def get()", "breaking: JOB /mail: the job was removed."),
        ("public=True", "permission='org:mail:send'", ""),
    ],
)
def test_a_change_that_queued_work_would_not_survive_is_breaking(
    tmp_path: Path, old: str, new: str, said: str
):
    before, after = (
        described(tmp_path / name, text) for name, text in (("a", JOB), ("b", JOB.replace(old, new)))
    )
    found = [str(each) for each in contract.compare(before, after) if "/mail" in str(each)]
    assert said in (found or [""])


def test_a_contract_from_before_ranges_were_said_is_no_other_contract(tmp_path):
    write_tree(tmp_path, {"orders.py": BEFORE})
    new = openapi.document(discover(tmp_path).operations)
    old = msgspec.json.decode(msgspec.json.encode(new).replace(b',"format":"double-int"', b""))
    assert old != new
    assert (contract.compare(old, new), contract.compare(new, old)) == ([], [])
