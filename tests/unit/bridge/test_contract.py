"""What an old client can fail at is breaking; everything else is additive."""

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
        ("async def get(symbol: str)", "async def _get(symbol: str)", "GET /orders: the route is gone."),
        ("public=True", "public=False", "POST /orders: it needs a session now."),
        ("    note: str", "    account: str\n    note: str", "POST /orders body.account: a new field."),
        ("    note: str = \"\"\n", "", "POST /orders body.note: the field is gone."),
        ("le=100", "le=50", "POST /orders body.size: `maximum` was 100 and is 50."),
        ("size: Annotated[int, Meta(ge=1, le=100)]", "size: str", "body.size: its type was number"),
        ("    symbol: str\n    side", "    side", "POST /orders answer.symbol: the field is gone."),
        ("price: str | None", "price: float | None", "answer.price: number is a new value of it."),
        ('SELL = "sell"', 'SELL = "sell"\n    SHORT = "short"', 'answer.side: "short" is a new value of it.'),
        ("async def get(symbol: str)", "async def get(symbol: str, day: str)", "day: a new parameter."),
        ("async def get(symbol: str)", "async def get(ticker: str = '')", "symbol: the parameter is gone"),
        ("dry: bool = False", "dry: bool", "query.dry: the parameter is required now."),
        ("async def put()", "async def put(data: Tree)", "body: it takes a body now."),
        ("    symbol: str\n    size", '    symbol: Annotated[str, Meta(pattern="^A")]\n    size', "pattern"),
        ("    leaf: int", "    leaf: str", "PUT /orders answer.leaf: its type was number and is string."),
        ("AsyncIterator[Grown]", "AsyncIterator[Grown | Felled]", 'answer: "felled" is a new value of it.'),
        ("height: int", "height: float | None", "PATCH /orders answer.height: null is a new value of it."),
        ("list[Order] = []", "list[Order] | UnsetType = UNSET", "legs: the field may be left out now."),
        ("-> list[Fill]", "-> None", "GET /orders answer: it answers nothing instead of application/json."),
        ("-> list[Fill]", "-> list[str]", "GET /orders answer[]: its type was Fill and is string."),
    ],
)  # fmt: skip
def test_what_an_old_client_can_fail_at_is_breaking(tmp_path, old, new, told):
    assert any(told in line for line in changes(tmp_path, (old, new)) if line.startswith("breaking"))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("async def get(", 'async def delete() -> None:\n    pass\n\n\nasync def get(', "a new route."),
        ('note: str = ""', 'note: str = ""\n    tag: str = ""', "POST /orders body.tag: a new field."),
        ("    side: Side", "    side: Side\n    venue: str", "POST /orders answer.venue: a new field."),
        ("async def get(symbol: str)", "async def get(symbol: str, day: str = '')", "day: a new parameter."),
        ("async def put()", "async def put(data: Tree | None = None)", "body: it takes a body now."),
        ("price: str | None", "price: str", "null is no longer one of its values."),
        ("raise NotImplementedError", "raise Conflict('x')", "it can also answer the error `conflict`."),
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
    assert any("it requires the permission 'org:orders:write' now." in line for line in lines)


def test_breaking_changes_come_first(tmp_path):
    lines = changes(tmp_path, ("    symbol: str\n    side", "    venue: str\n    side"))
    kinds = [line.partition(":")[0] for line in lines]
    assert kinds == sorted(kinds, reverse=True)


GONE = contract.Change("breaking", "GET /orders", "the route is gone.")
FIELD = contract.Change("breaking", "POST /orders body.account", "a new field.")
MORE = contract.Change("additive", "GET /fills", "a new route.")


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
