"""Input that does not fit, in the composed service: everything that is wrong, at once, and never a 500."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.app import Caller, Compose

ALERTS = '''"""Alerts on a symbol's level."""

from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

from runtime import Function

config = Function(public=True, max_body=100_000)


class Level(Struct, forbid_unknown_fields=True):
    at: float
    side: Literal["above", "below"]


class Alert(Struct, forbid_unknown_fields=True):
    name: Annotated[str, Meta(min_length=1, max_length=20)]
    levels: Annotated[list[Level], Meta(max_length=500)]
    share: Decimal | None = None
    tree: dict | None = None


async def post(watch: UUID, data: Alert, limit: Annotated[int, Meta(ge=1, le=9)] = 5, hour: int = 0) -> int:
    """Make an alert."""
    return len(data.levels)


async def get(watch: UUID, limit: int, side: list[Literal["above", "below"]]) -> int:
    """List alerts."""
    return limit
'''
URL = "/alerts/6f1c7d0e-0000-4000-8000-000000000000"
GOOD = b'{"name": "SPY", "levels": [{"at": 1, "side": "above"}]}'
JSON = {"Content-Type": "application/json"}


@pytest.fixture
async def service(tmp_path: Path, compose: Compose) -> AsyncIterator[Caller]:
    (tmp_path / "alerts").mkdir()
    (tmp_path / "alerts" / "[watch].py").write_text(ALERTS)
    async with compose(tmp_path) as caller:
        yield caller


async def post(service: Caller, body: Any, query: str = "", **headers: str) -> tuple[int, Any]:
    answer = await service.anonymous("POST", URL + query, content=body, headers={**JSON, **headers})
    return answer.status_code, answer.json()


async def test_good_input_is_taken(service: Caller):
    assert await post(service, GOOD) == (200, 1)


async def test_every_bad_field_of_query_and_body_is_told_at_once(service: Caller):
    body = (
        b'{"name": "", "levels": [{"at": "high", "side": "above"}, {"side": "left", "why": 1}],'
        b' "share": [], "colour": "red"}'
    )
    status, problem = await post(service, body, "?limit=10&hour=noon")

    assert (status, problem["code"]) == (400, "invalid_input")
    assert [(error["location"], error["field"]) for error in problem["errors"]] == [
        ("query", "limit"),
        ("query", "hour"),
        ("body", "name"),
        ("body", "levels.0.at"),
        ("body", "levels.1.at"),
        ("body", "levels.1.side"),
        ("body", "levels.1.why"),
        ("body", "share"),
        ("body", "colour"),
    ]


async def test_every_missing_parameter_is_told_at_once(service: Caller):
    answer = await service.anonymous("GET", URL)

    assert answer.status_code == 400
    assert [(error["field"], error["message"]) for error in answer.json()["errors"]] == [
        ("limit", "Required."),
        ("side", "Required."),
    ]


async def test_path_value_of_another_type_is_no_route(service: Caller):
    answer = await service.anonymous("POST", "/alerts/SPY", content=GOOD, headers=JSON)

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_errors_are_told_up_to_a_bound(service: Caller):
    levels = b",".join([b"{}"] * 500)
    _, problem = await post(service, b'{"name": "SPY", "levels": [%s]}' % levels)

    assert len(problem["errors"]) == 100


async def test_problem_repeats_neither_the_query_nor_the_body(service: Caller):
    answer = await service.anonymous(
        "POST", f"{URL}?limit=hunter2", content=b'{"name": 1, "hunter2": ', headers=JSON
    )

    assert answer.status_code == 400
    assert "hunter2" not in answer.text


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"",
        b"nope",
        b'{"name": NaN}',
        b'{"name": "\xff"}',
        b"\xff\xfe",
        b'{"name": "\\ud800", "levels": []}',
        b'{"tree": ' + b'{"a":' * 5000 + b"1" + b"}" * 5001,
        b"[" * 50_000,
        b'{"unknown": ' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'{"name": "SPY", "levels": [' + b"9" * 20_000 + b"]}",
    ],
    ids=lambda body: repr(body[:20]),
)
async def test_body_that_cannot_be_read_is_the_callers_mistake(service: Caller, body: bytes):
    status, problem = await post(service, body)

    assert status == 400
    assert problem["code"] in {"malformed_request", "invalid_input"}


async def test_deep_nesting_that_can_be_read_is_answered(service: Caller):
    depth = 200
    body = b'{"name": "SPY", "levels": [], "tree": ' + b'{"a":' * depth + b"1" + b"}" * depth + b"}"

    assert (await post(service, body))[0] == 200


@pytest.mark.parametrize("kind", ["text/plain", "", "application/x-www-form-urlencoded", "text/json"])
async def test_body_of_another_type_is_refused_with_415(service: Caller, kind: str):
    answer = await service.anonymous("POST", URL, content=GOOD, headers={"Content-Type": kind})

    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    "kind", ["application/json; charset=utf-8", "Application/JSON", "application/vnd.a+json"]
)
async def test_json_is_known_by_every_name_it_goes_by(service: Caller, kind: str):
    assert (await post(service, GOOD, **{"Content-Type": kind}))[0] == 200


async def test_body_over_the_limit_is_refused_with_413(service: Caller):
    status, problem = await post(service, b" " * 100_001)

    assert (status, problem["code"]) == (413, "body_too_large")


UPLOAD = '''"""A file of readings."""

from litestar.datastructures import UploadFile

from runtime import Function

config = Function(public=True)


async def post(data: UploadFile) -> int:
    """Count bytes."""
    return len(await data.read())
'''
RAW = '''"""Whatever comes."""

from runtime import Function, Request

config = Function(public=True)


async def post(request: Request) -> str:
    """Read the body by hand."""
    return str(await request.json())
'''


@pytest.mark.parametrize("kind", ["multipart/form-data", "multipart/form-data; boundary=x"])
async def test_form_that_cannot_be_read_is_the_callers_mistake(tmp_path: Path, compose: Compose, kind: str):
    (tmp_path / "upload.py").write_text(UPLOAD)
    async with compose(tmp_path) as service:
        answers = [
            await service.anonymous("POST", "/upload", content=body, headers={"Content-Type": kind})
            for body in (
                b"",
                b"--",
                b"--x\r\n",
                b"--x\r\nContent-Disposition: form-data\r\n\r\n--x--",
                b"\xff" * 99,
            )
        ]

    assert {answer.status_code for answer in answers} == {400}


@pytest.mark.parametrize("body", [b"{", b'"\xff"', b"[" * 50_000])
async def test_body_that_a_function_reads_by_hand_is_the_callers_mistake_too(
    tmp_path: Path, compose: Compose, body: bytes
):
    (tmp_path / "raw.py").write_text(RAW)
    async with compose(tmp_path) as service:
        answer = await service.anonymous("POST", "/raw", content=body, headers=JSON)

    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_request")


async def test_get_answers_head_options_and_405_for_the_rest(service: Caller):
    head = await service.anonymous("HEAD", f"{URL}?limit=1&side=above")
    options = await service.anonymous("OPTIONS", URL)
    refused = await service.anonymous("DELETE", URL)

    assert (head.status_code, head.content, head.headers["content-type"]) == (200, b"", "application/json")
    assert (options.status_code, options.headers["allow"]) == (204, "GET, HEAD, OPTIONS, POST")
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD, OPTIONS, POST")
    assert refused.json()["code"] == "method_not_allowed"
