"""What leaves a function: only what its return annotation names, at every depth."""

import logging
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from tests.fixtures.routing import Caller, Response, write_tree

TYPES = """
    from collections.abc import AsyncIterator, Sequence
    from dataclasses import dataclass, field as dataclass_field
    from datetime import UTC, date, datetime
    from decimal import Decimal
    from enum import Enum, IntEnum, StrEnum
    from typing import Any, Generic, Literal, NamedTuple, NotRequired, TypedDict, TypeVar
    from uuid import UUID

    from attrs import define
    from litestar import Response
    from msgspec import UNSET, Raw, Struct, UnsetType, convert, field

    from runtime import Event


    class PublicUser(Struct):
        name: str
        age: int = 0


    class StoredUser(PublicUser):
        password_hash: str = "hunter2"


    class Team(Struct, rename="camel"):
        first_user: PublicUser
        members: list[PublicUser] = []
        by_name: dict[str, PublicUser] = {}
        lead: PublicUser | None = None
        pair: tuple[PublicUser, int] | None = None


    T = TypeVar("T")


    class Page(Struct, Generic[T]):
        rows: list[T]


    @dataclass
    class Card:
        name: str
        user: PublicUser | None = None


    @dataclass
    class StoredCard(Card):
        password_hash: str = "hunter2"


    class Row(TypedDict):
        name: str
        note: NotRequired[str]


    class Point(NamedTuple):
        x: int
        user: PublicUser


    class Cat(Struct, tag="cat"):
        name: str


    class Dog(Struct, tag="dog"):
        name: str


    @define(slots=False)
    class Note:
        text: str
        stars: int = 0


    @dataclass
    class Draft:
        name: str = "new"
        tags: list[str] = dataclass_field(default_factory=list)


    def marked(record):
        record.secret = "hunter2"
        return record


    class StoredDog(Dog, tag="stored"):
        password_hash: str = "hunter2"


    class Tree(Struct):
        user: PublicUser
        children: list["Tree"] = []


    class Tick(Event, tag="tick"):
        value: int


    class Tock(Event, tag="tock"):
        user: PublicUser


    class StoredTick(Tick, tag="stored"):
        password_hash: str = "hunter2"


    class Regime(Enum):
        ON = "on"


    class Level(IntEnum):
        LOW = 1


    class Side(StrEnum):
        ABOVE = "above"


    class Everything(Struct, omit_defaults=True, rename={"whole": "all"}):
        whole: float
        at: datetime
        day: date
        key: UUID
        share: Decimal
        regime: Regime
        side: Literal["above", "below", 1]
        nothing: None = None
        maybe: int | UnsetType = UNSET
        either: int | str | None = None
        raw: Any = None
        flags: set[str] = set()
        counts: dict[int, float] = {}


    ANY: Any = StoredUser("Ada", 36)
    STORED: Any = StoredUser("Ada", 36)
    EVERYTHING = Everything(
        whole=1,
        at=datetime(2026, 11, 25, tzinfo=UTC),
        day=date(2026, 11, 25),
        key=UUID(int=7),
        share=Decimal("1.50"),
        regime=Regime.ON,
        side=1,
        either="x",
        raw={"a": [1]},
        flags={"f"},
        counts={1: 2.5},
    )
"""


def function(annotation: str, expression: str) -> str:
    return dedent(TYPES) + f"\n\nasync def get() -> {annotation}:\n    return {expression}\n"


async def ask(root: Path, annotation: str, expression: str) -> Response:
    write_tree(root, {"a.py": function(annotation, expression)})
    caller = Caller.of(root)
    assert caller.table.faults == ()
    return await caller.get("/a")


ADA = {"name": "Ada", "age": 36}


@pytest.mark.parametrize(
    ("annotation", "expression", "expected"),
    [
        ("PublicUser", "STORED", ADA),
        ("PublicUser | None", "STORED", ADA),
        ("list[PublicUser]", "[PublicUser('Bo'), STORED]", [{"name": "Bo", "age": 0}, ADA]),
        ("Sequence[PublicUser]", "(STORED,)", [ADA]),
        ("dict[str, PublicUser]", "{'a': STORED}", {"a": ADA}),
        ("dict[str, list[PublicUser | None]]", "{'a': [None, STORED]}", {"a": [None, ADA]}),
        ("tuple[int, PublicUser]", "(1, STORED)", [1, ADA]),
        ("tuple[PublicUser, ...]", "(STORED,)", [ADA]),
        ("Point", "Point(1, STORED)", [1, ADA]),
        ("Page[PublicUser]", "Page([STORED])", {"rows": [ADA]}),
        ("Card", "StoredCard('Ada')", {"name": "Ada", "user": None}),
        ("Card", "Card('Ada', STORED)", {"name": "Ada", "user": ADA}),
        ("Row", "{'name': 'Ada', 'password_hash': 'hunter2'}", {"name": "Ada"}),
        (
            "list[Row]",
            "[{'name': 'Ada', 'note': 'n', 'password_hash': 'hunter2'}]",
            [{"name": "Ada", "note": "n"}],
        ),
        ("Cat | Dog", "StoredDog('Rex')", {"type": "dog", "name": "Rex"}),
        ("list[Cat | Dog | None]", "[None, StoredDog('Rex')]", [None, {"type": "dog", "name": "Rex"}]),
        ("PublicUser", "{'name': 'Ada', 'age': 36, 'password_hash': 'hunter2'}", ADA),
        ("Cat | Dog", "{'type': 'dog', 'name': 'Rex', 'hash': 'hunter2'}", {"type": "dog", "name": "Rex"}),
        (
            "Tree",
            "Tree(STORED, [Tree(PublicUser('Bo'), [Tree(STORED)])])",
            {
                "user": ADA,
                "children": [
                    {"user": {"name": "Bo", "age": 0}, "children": [{"user": ADA, "children": []}]},
                ],
            },
        ),
        (
            "Team",
            "Team(STORED, [STORED], {'a': STORED}, STORED, (STORED, 1))",
            {"firstUser": ADA, "members": [ADA], "byName": {"a": ADA}, "lead": ADA, "pair": [ADA, 1]},
        ),
        ("Note", "marked(Note('x'))", {"text": "x", "stars": 0}),
        ("Card", "marked(Card('x'))", {"name": "x", "user": None}),
        ("Draft", "convert({}, Draft)", {"name": "new", "tags": []}),
        ("Draft", "{'name': 'x'}", {"name": "x", "tags": []}),
    ],
)
async def test_only_what_the_annotation_names_leaves(
    tmp_path: Path, annotation: str, expression: str, expected: Any
) -> None:
    answer = await ask(tmp_path, annotation, expression)

    assert b"hunter2" not in answer.body
    assert (answer.status, answer.json) == (200, expected)


@pytest.mark.parametrize(
    ("annotation", "expression", "place"),
    [
        ("int", "'hunter2'", "the whole value: Expected `int`, got `str`."),
        ("str", "7", "the whole value: Expected `str`, got `int`."),
        ("int", "True", "the whole value: Expected `int`, got `bool`."),
        ("float", "True", "the whole value: Expected `float`, got `bool`."),
        ("int", "1.5", "the whole value: Expected `int`, got `float`."),
        ("list[int]", "{'hunter2': 1}", "the whole value: Expected `list`, got `dict`."),
        ("list[int]", "'hunter2'", "the whole value: Expected `list`, got `str`."),
        ("list[int]", "[1, 'hunter2']", "1: Expected `int`, got `str`."),
        ("PublicUser", "None", "the whole value: Expected `PublicUser`, got `NoneType`."),
        ("PublicUser", "PublicUser('Ada', 'hunter2')", "age: Expected `int`, got `str`."),
        ("PublicUser", "PublicUser(None)", "name: Expected `str`, got `NoneType`."),
        ("PublicUser", "StoredUser(7)", "name: Expected `str`, got `int`."),
        ("PublicUser", "{'age': 1}", "name: Required."),
        ("PublicUser | None", "'hunter2'", "the whole value: Expected `PublicUser`, got `str`."),
        (
            "Team",
            "Team(PublicUser('Bo'), [PublicUser('Bo', 'hunter2')])",
            "members.0.age: Expected `int`, got `str`.",
        ),
        ("Team", "Team(PublicUser('Bo'), [None])", "members.0: Expected `PublicUser`, got `NoneType`."),
        (
            "Team",
            "Team(PublicUser('Bo'), by_name={'hunter2': 1})",
            "by_name.*: Expected `PublicUser`, got `int`.",
        ),
        ("Page[int]", "Page(['hunter2'])", "rows.0: Expected `int`, got `str`."),
        ("Card", "Card(7)", "name: Expected `str`, got `int`."),
        ("Row", "{'note': 'hunter2'}", "name: Required."),
        ("Row", "{'name': 7}", "name: Expected `str`, got `int`."),
        ("Cat | Dog", "Cat(7)", "name: Expected `str`, got `int`."),
        ("Cat | Dog", "STORED", "the whole value: Expected `Cat | Dog`, got `StoredUser`."),
        ("tuple[int, str]", "(1,)", "the whole value: Expected `tuple`, got `tuple`."),
        ("dict[str, int]", "{1: 1}", "*: Expected `str`, got `int`."),
        ("Literal['a', 'b']", "'hunter2'", "the whole value: Expected `literal`, got `str`."),
        ("Regime", "'hunter2'", "the whole value: Expected `Regime`, got `str`."),
        ("date", "'hunter2'", "the whole value: Expected `date`, got `str`."),
        ("int | str", "[1]", "the whole value: Expected `int | str`, got `list`."),
        ("str", "object()", "the whole value: Expected `str`, got `object`."),
        ("Tree", "Tree(PublicUser('Bo'), [Tree(7)])", "children.0.user: Expected `PublicUser`, got `int`."),
        ("Response[bytes]", "{'a': 'hunter2'}", "the whole value: Expected `Response`, got `dict`."),
        ("Raw", "STORED", "the whole value: Expected `Raw`, got `StoredUser`."),
        ("list[Raw]", "[{'hunter2': 1}]", "0: Expected `Raw`, got `dict`."),
        ("Raw | None", "STORED", "the whole value: Expected `Raw`, got `StoredUser`."),
        ("AsyncIterator[Tick]", "None", "the whole value: Expected an iterator of events, got `NoneType`."),
    ],
)
async def test_answer_that_does_not_fit_is_a_500_that_names_function_and_field(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, annotation: str, expression: str, place: str
) -> None:
    answer = await ask(tmp_path, annotation, expression)

    line = function(annotation, expression).splitlines().index(f"async def get() -> {annotation}:") + 1
    assert (answer.status, answer.json["code"]) == (500, "internal_error")
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    assert record.getMessage() == (
        f"a.py, line {line - 1}: get returned a value that does not fit its annotation: {place} "
        "Return what the annotation says, or change the annotation."
    )
    assert "hunter2" not in answer.body.decode() + caplog.text


@pytest.mark.parametrize(
    ("annotation", "expression", "expected"),
    [
        ("float", "1", 1),
        ("str", "Side.ABOVE", "above"),
        ("int", "Level.LOW", 1),
        ("Regime", "'on'", "on"),
        ("datetime", "'2026-11-25T00:00:00Z'", "2026-11-25T00:00:00Z"),
        ("object", "STORED", ADA | {"password_hash": "hunter2"}),
        ("dict[str, Any]", "{'a': [STORED]}", {"a": [ADA | {"password_hash": "hunter2"}]}),
        ("int | None", "None", None),
        ("Raw", "Raw(b'[1]')", [1]),
        ("Response[bytes]", "Response(b'ok', media_type='text/plain')", "ok"),
        ("PublicUser", "Response(b'ok', media_type='text/plain')", "ok"),
        (
            "Everything",
            "EVERYTHING",
            {
                "all": 1,
                "at": "2026-11-25T00:00:00Z",
                "day": "2026-11-25",
                "key": "00000000-0000-0000-0000-000000000007",
                "share": "1.50",
                "regime": "on",
                "side": 1,
                "either": "x",
                "raw": {"a": [1]},
                "flags": ["f"],
                "counts": {"1": 2.5},
            },
        ),
    ],
)
async def test_answer_that_fits_leaves_as_it_is(
    tmp_path: Path, annotation: str, expression: str, expected: Any
) -> None:
    answer = await ask(tmp_path, annotation, expression)

    assert answer.status == 200
    assert (answer.body.decode() if expected == "ok" else answer.json) == expected


async def test_plain_function_is_held_to_its_annotation_too(tmp_path: Path) -> None:
    write_tree(tmp_path, {"a.py": function("PublicUser", "STORED").replace("async def", "def")})

    assert (await Caller.of(tmp_path).get("/a")).json == ADA


EVENTS = """

    async def ticks() -> AsyncIterator[Any]:
        yield {first}
        yield {second}


    async def get() -> AsyncIterator[{annotation}]:
        return ticks()
"""


async def stream(root: Path, annotation: str, first: str, second: str) -> str:
    text = TYPES + EVENTS.format(annotation=annotation, first=first, second=second)
    write_tree(root, {"a.py": text})
    caller = Caller.of(root)
    assert caller.table.faults == ()
    return (await caller.get("/a")).body.decode()


async def test_event_leaves_with_what_its_annotation_names(tmp_path: Path) -> None:
    body = await stream(tmp_path, "Tick | Tock", "StoredTick(value=1)", "Tock(user=STORED)")

    assert "hunter2" not in body
    assert 'event: tick\ndata: {"type":"tick","value":1}\n' in body
    assert 'event: tock\ndata: {"type":"tock","user":{"name":"Ada","age":36}}\n' in body
    assert "event: done" in body


async def test_event_that_does_not_fit_ends_the_stream_with_an_error(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    body = await stream(tmp_path, "Tick", "Tick(value=1)", "Tick(value='hunter2')")

    assert "event: error" in body
    assert "value: Expected `int`, got `str`." in caplog.text
    assert "hunter2" not in body + caplog.text


@pytest.mark.parametrize("annotation", ["Event", "Tick | Tock"])
async def test_each_event_of_a_stream_is_held_to_its_own_fields(tmp_path: Path, annotation: str) -> None:
    body = await stream(tmp_path, annotation, "Tock(user=STORED)", "Tock(user=7)")

    assert 'event: tock\ndata: {"type":"tock","user":{"name":"Ada","age":36}}\n' in body
    assert body.count("event: tock") == 1
    assert "event: error" in body
    assert "hunter2" not in body


async def test_what_is_no_event_does_not_leave_in_a_stream_of_any_event(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    body = await stream(tmp_path, "Event", "STORED", "Tick(value=1)")

    assert "hunter2" not in body
    assert "event: error" in body
    assert "Expected `Event`, got `StoredUser`." in caplog.text


async def test_stream_of_any_event_takes_every_event(tmp_path: Path) -> None:
    body = await stream(tmp_path, "Event", "Tick(value=1)", "Tock(user=PublicUser('Bo'))")

    assert 'data: {"type":"tick","value":1}' in body


@pytest.mark.parametrize("annotation", ["Draft", "object", "dict[str, Any]"])
async def test_dataclass_read_from_a_body_is_returned_with_its_defaults(
    tmp_path: Path, annotation: str
) -> None:
    value = "{'draft': data}" if annotation.startswith("dict") else "data"
    write_tree(
        tmp_path,
        {"a.py": f"{TYPES}\n\n    async def post(data: Draft) -> {annotation}:\n        return {value}\n"},
    )

    answer = await Caller.of(tmp_path).send("POST", "/a", json={})

    assert answer.json in ({"name": "new", "tags": []}, {"draft": {"name": "new", "tags": []}})


@pytest.mark.parametrize(
    ("annotation", "expression", "place"),
    [
        ("list[float | None]", "[None, INFINITE]", "1"),
        ("dict[str, float | None]", "{'a': None, 'b': INFINITE}", "*"),
        ("tuple[None, float]", "(None, INFINITE)", "1"),
        ("list[Measured]", "[Measured(None, 1.5), Measured(None, INFINITE)]", "1.value"),
        ("Measured | None", "Measured(None, INFINITE)", "value"),
        ("Any", "[None, INFINITE]", "1"),
        ("Loose", "Loose(None, {'a': [INFINITE]})", "value.*.0"),
        ("list[Loose]", "[Loose(None, 1), Loose(None, {'a': INFINITE})]", "1.value.*"),
    ],
)
async def test_an_infinite_number_is_refused_beside_what_is_none(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, annotation: str, expression: str, place: str
) -> None:
    more = """
        INFINITE = float("inf")

        class Measured(Struct):
            note: str | None
            value: float

        class Loose(Struct):
            note: str | None
            value: Any
    """
    text = function(annotation, expression).replace("\n\nasync def", f"{dedent(more)}\n\nasync def")
    write_tree(tmp_path, {"a.py": text})

    answer = await Caller.of(tmp_path).get("/a")

    assert (answer.status, answer.json["code"]) == (500, "internal_error")
    assert f"{place}: Expected a finite number." in caplog.text
