"""Forms as one struct, as pages and webhooks send them: texts, lists, files, and everything that is wrong."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from runtime.bridge import openapi
from runtime.routing import discover
from tests.fixtures.app import Caller, Compose
from tests.fixtures.routing import write_tree

HEAD = '''"""A form."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, NotRequired, TypedDict

from msgspec import Meta, Struct

from runtime import Form, Function, Header, Upload

config = Function(public=True)


class Side(StrEnum):
    BUY = "buy"
    SELL = "sell"

'''
ORDER = '''
class Order(Struct, forbid_unknown_fields=True, rename="camel"):
    symbol: Annotated[str, Meta(min_length=1)]
    side: Side
    how_many: Annotated[int, Meta(ge=1)]
    due: date | None = None
    tags: Annotated[list[str], Meta(max_length=2)] = []
    urgent: bool = False
    at_most: Decimal | None = None
    note: str = "none"

    def __post_init__(self) -> None:
        if self.note == "bad":
            raise ValueError("A note must not be bad.")


async def post(
    data: Annotated[Order, Form()], trace: Annotated[int, Header("X-Trace")] = 0, page: int = 0
) -> dict[str, str]:
    """Say what arrived."""
    return {name: repr(getattr(data, name)) for name in data.__struct_fields__}
'''
REPORT = '''
class Report(Struct):
    title: str
    file: Upload
    others: list[Upload] = []
    cover: Annotated[Upload | None, Meta(description="of the report")] = None


async def post(data: Annotated[Report, Form()]) -> list[str]:
    """Name the files."""
    files = [data.file, *data.others, *([data.cover] if data.cover else [])]
    return [data.title, *[f"{each.filename}={(await each.read()).decode()}" for each in files]]
'''
OPTIONAL = '''
@dataclass
class Filter:
    text: str = ""
    picture: Upload | None = None


class Seen(TypedDict):
    level: int
    note: NotRequired[str]


async def post(data: Annotated[Filter | None, Form()] = None) -> str:
    """Say what arrived."""
    return repr(data)


async def put(data: Annotated[Seen, Form]) -> str:
    """Say what arrived."""
    return repr(data)
'''
FILES = {"order": ORDER, "report": REPORT, "optional": OPTIONAL}
URLENCODED = {"Content-Type": "application/x-www-form-urlencoded"}
GOOD = {"symbol": "SPY", "side": "buy", "howMany": "3"}


@pytest.fixture
async def service(tmp_path: Path, compose: Compose) -> AsyncIterator[Caller]:
    for name, text in FILES.items():
        (tmp_path / f"{name}.py").write_text(HEAD + text)
    async with compose(tmp_path) as caller:
        yield caller


def as_multipart(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the options of a request whose parts are texts alone."""
    pairs = [
        (name, (None, one))
        for name, value in fields.items()
        for one in ([value] if isinstance(value, str) else value)
    ]
    return {"files": pairs}


@pytest.mark.parametrize(
    "how", [lambda fields: {"data": fields}, as_multipart], ids=["urlencoded", "multipart"]
)
async def test_fields_are_read_as_their_types_however_the_form_is_sent(service: Caller, how: Any) -> None:
    given = {
        **GOOD,
        "due": "2026-01-02",
        "tags": ["a", "b"],
        "urgent": "on",
        "atMost": "1.50",
        "note": "é &=+",
    }
    answer = await service.anonymous("POST", "/order", **how(given))

    assert answer.json() == {
        "symbol": "'SPY'",
        "side": "<Side.BUY: 'buy'>",
        "how_many": "3",
        "due": "datetime.date(2026, 1, 2)",
        "tags": "['a', 'b']",
        "urgent": "True",
        "at_most": "Decimal('1.50')",
        "note": "'é &=+'",
    }


async def test_a_field_that_a_page_left_empty_has_its_default_unless_it_is_text(service: Caller) -> None:
    answer = await service.anonymous("POST", "/order", data={**GOOD, "due": "", "atMost": "", "note": ""})

    assert (answer.json()["due"], answer.json()["at_most"], answer.json()["note"]) == ("None", "None", "''")


async def test_everything_that_is_wrong_is_told_at_once(service: Caller) -> None:
    form = {
        "symbol": "",
        "howMany": "0",
        "due": "soon",
        "atMost": "NaN",
        "urgent": "perhaps",
        "colour": "red",
    }
    answer = await service.anonymous("POST", "/order?page=x", data=form, headers={"X-Trace": "x"})

    assert answer.status_code == 400
    assert [
        (each["location"], each["field"], each["message"].split(" ")[0]) for each in answer.json()["errors"]
    ] == [
        ("query", "page", "Expected"),
        ("header", "X-Trace", "Expected"),
        ("body", "symbol", "Expected"),
        ("body", "side", "Required."),
        ("body", "howMany", "Expected"),
        ("body", "due", "Invalid"),
        ("body", "urgent", "Expected"),
        ("body", "atMost", "Expected"),
        ("body", "colour", "Unknown"),
    ]


@pytest.mark.parametrize(
    ("form", "field", "message"),
    [
        ({**GOOD, "symbol": ["SPY", "TLT"]}, "symbol", "Given more than once."),
        ({**GOOD, "note": "bad"}, "", "A note must not be bad."),
    ],
)
async def test_a_field_given_twice_and_the_structs_own_objection_are_told(
    service: Caller, form: dict[str, Any], field: str, message: str
) -> None:
    answer = await service.anonymous("POST", "/order", data=form)

    assert answer.status_code == 400
    assert answer.json()["errors"] == [{"location": "body", "field": field, "message": message}]


async def test_a_file_where_text_is_expected_is_told(service: Caller) -> None:
    answer = await service.anonymous("POST", "/order", data=GOOD, files={"note": ("n.txt", b"n")})

    assert answer.json()["errors"] == [
        {"location": "body", "field": "note", "message": "Expected text, got a file."}
    ]


async def test_files_and_fields_arrive_together(service: Caller) -> None:
    files = [("file", ("a.csv", b"1")), ("others", ("b.csv", b"2")), ("others", ("c.csv", b"3"))]
    answer = await service.anonymous("POST", "/report", data={"title": "Q1"}, files=files)

    assert answer.json() == ["Q1", "a.csv=1", "b.csv=2", "c.csv=3"]


async def test_files_that_are_missing_or_are_text_or_come_twice_are_told(service: Caller) -> None:
    files = [("cover", ("a.png", b"1")), ("cover", ("b.png", b"2"))]
    answer = await service.anonymous("POST", "/report", data={"others": "text"}, files=files)

    assert [(each["field"], each["message"]) for each in answer.json()["errors"]] == [
        ("title", "Required."),
        ("file", "Required."),
        ("others", "Expected a file."),
        ("cover", "Given more than once."),
    ]


@pytest.mark.parametrize(
    ("path", "headers", "body"),
    [
        ("/order", {"Content-Type": "application/json"}, b"{}"),
        ("/order", {"Content-Type": "text/plain"}, b"symbol=SPY"),
        ("/report", URLENCODED, b"title=Q1"),
    ],
)
async def test_another_content_type_is_415(
    service: Caller, path: str, headers: dict[str, str], body: bytes
) -> None:
    answer = await service.anonymous("POST", path, content=body, headers=headers)

    assert (answer.status_code, "multipart/form-data" in answer.json()["detail"]) == (415, True)


@pytest.mark.parametrize("body", [b"note=%FF", b"note=\xff", b"\xff=1", b"&".join([b"a=1"] * 1001)])
async def test_a_form_that_is_no_text_or_has_too_many_fields_is_400(service: Caller, body: bytes) -> None:
    answer = await service.anonymous("POST", "/order", content=body, headers=URLENCODED)

    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_request")


async def test_a_form_that_may_be_absent_may_be_absent(service: Caller) -> None:
    absent = await service.anonymous("POST", "/optional")
    empty = await service.anonymous("POST", "/optional", content=b"", headers=URLENCODED)
    seen = await service.anonymous("PUT", "/optional", data={"level": "4"})
    nothing = await service.anonymous("PUT", "/optional")

    assert absent.json() == "None"
    assert empty.json() == "Filter(text='', picture=None)"
    assert seen.json() == "{'level': 4}"
    assert nothing.json()["errors"] == [{"location": "body", "field": "", "message": "Required."}]


def test_a_form_stands_in_the_contract_with_its_media_types(tmp_path: Path) -> None:
    write_tree(tmp_path, {f"{name}.py": HEAD + text for name, text in FILES.items()})

    contract = openapi.document(discover(tmp_path).operations)
    body = {path: item["post"]["requestBody"] for path, item in contract["paths"].items()}
    file = {"type": "string", "contentMediaType": "application/octet-stream"}
    assert [*body["/order"]["content"]] == ["multipart/form-data", "application/x-www-form-urlencoded"]
    assert [*body["/report"]["content"]] == ["multipart/form-data"]
    assert [body[path]["required"] for path in ("/order", "/optional")] == [True, False]
    report = contract["components"]["schemas"]["Report"]
    assert report["required"] == ["title", "file"]
    assert report["properties"]["file"] == file
    assert report["properties"]["others"]["items"] == file


@pytest.mark.parametrize(
    ("parameter", "told"),
    [
        ("data: Report", "Write data: Annotated[Report, Form()]."),
        ("data: Report | None = None", "Write data: Annotated["),
        ("data: list[Report]", "data: Annotated[SomeStruct, Form()]"),
        ("data: Nested", "data: Annotated[SomeStruct, Form()]"),
        ("data: dict[str, Report]", "data: Annotated[SomeStruct, Form()]"),
        ("data: Annotated[dict[str, str], Form()]", "a form cannot be dict[str, str]"),
        ("data: Annotated[Report | Nested, Form()]", "a form cannot be"),
        ("data: Annotated[Nested, Form()]", "the form's field inner cannot be Report"),
        ("report: Annotated[Report, Form()]", "is not named data"),
        ("file: Upload", "data: Annotated[SomeStruct, Form()]"),
    ],
)
def test_a_form_that_cannot_be_is_a_fault_with_its_cure(tmp_path: Path, parameter: str, told: str) -> None:
    source = f"""
        from typing import Annotated
        from msgspec import Struct
        from runtime import Form, Upload

        class Report(Struct):
            file: Upload

        class Nested(Struct):
            inner: Report

        async def post({parameter}) -> str: ...
    """
    write_tree(tmp_path, {"form.py": source})

    (fault,) = discover(tmp_path).faults
    assert told in f"{fault.found} {fault.cure}"
