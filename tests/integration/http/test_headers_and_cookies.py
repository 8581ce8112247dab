"""Headers and cookies as inputs: validated with the rest, allowed by CORS, kept out of shared caches."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from runtime.bridge import openapi
from runtime.commands.checking.examination import examine
from runtime.routing import discover
from tests.fixtures.app import ORIGIN, Caller, Compose
from tests.fixtures.routing import write_tree

QUOTES = '''"""Quotes, for whoever shows a key."""

from datetime import date
from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from runtime import Cookie, Function, Header

config = Function(public=True, cache=60)


class Theme(StrEnum):
    DARK = "dark"
    LIGHT = "light"


type Key = Annotated[str, Header()]


async def get(
    x_api_key: Key,
    limit: int = 5,
    depth: Annotated[int, Header("X-Depth"), Meta(ge=1, le=9)] = 3,
    since: Annotated[date | None, Header("X-Since")] = None,
    tags: Annotated[list[str], Header("X-Tag")] = [],
    theme: Annotated[Theme, Cookie] = Theme.LIGHT,
    visits: Annotated[int, Cookie("v")] | None = None,
) -> list[str]:
    """Say what was asked for."""
    return [x_api_key, str(limit), str(depth), str(since), "+".join(tags), theme, str(visits)]
'''
PLAIN = '''"""The same for everybody."""

from runtime import Function

config = Function(public=True, cache=60)


async def get() -> str:
    """Say it."""
    return "open"
'''


@pytest.fixture
async def service(tmp_path: Path, compose: Compose) -> AsyncIterator[Caller]:
    (tmp_path / "quotes.py").write_text(QUOTES)
    (tmp_path / "plain.py").write_text(PLAIN)
    async with compose(tmp_path) as caller:
        yield caller


async def test_headers_and_cookies_are_read_as_their_types(service: Caller) -> None:
    headers = [
        ("x-api-key", "k"), ("X-DEPTH", "4"), ("X-Since", "2026-01-02"), ("X-Tag", "a, b"), ("X-Tag", "c"),
        ("Cookie", 'theme="dark"; other=1; v=7'),
    ]  # fmt: skip
    answer = await service.anonymous("GET", "/quotes", headers=headers)

    assert answer.json() == ["k", "5", "4", "2026-01-02", "a+b+c", "dark", "7"]


async def test_what_is_not_sent_has_its_default(service: Caller) -> None:
    answer = await service.anonymous("GET", "/quotes", headers={"X-Api-Key": ""})

    assert answer.json() == ["", "5", "3", "None", "", "light", "None"]


async def test_everything_that_is_wrong_is_told_at_once(service: Caller) -> None:
    headers = [
        ("X-Depth", "10"),
        ("X-Since", "soon"),
        ("X-Since", "later"),
        ("Cookie", "theme=pink; v=x; v=y"),
    ]
    answer = await service.anonymous("GET", "/quotes?limit=many", headers=headers)

    assert answer.status_code == 400
    assert answer.json()["errors"] == [
        {"location": "query", "field": "limit", "message": "Expected `int`."},
        {"location": "header", "field": "X-Api-Key", "message": "Required."},
        {"location": "header", "field": "X-Depth", "message": "Expected `int` <= 9."},
        {"location": "header", "field": "X-Since", "message": "Given more than once."},
        {"location": "cookie", "field": "theme", "message": "Invalid enum value 'pink'."},
        {"location": "cookie", "field": "v", "message": "Given more than once."},
    ]


async def test_pages_may_send_the_headers_that_functions_take(service: Caller) -> None:
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "GET"}
    answer = await service.anonymous("OPTIONS", "/quotes", headers=asked)
    allowed = answer.headers["access-control-allow-headers"].split(", ")

    assert {"X-Api-Key", "X-Depth", "X-Since", "X-Tag", "Authorization"} <= {*allowed}
    assert len({name.lower() for name in allowed}) == len(allowed)


async def test_an_answer_that_depends_on_a_header_is_in_no_shared_cache(service: Caller) -> None:
    answer = await service.anonymous("GET", "/quotes", headers={"X-Api-Key": "k"})
    plain = await service.anonymous("GET", "/plain")

    assert answer.headers["cache-control"] == "private, max-age=60"
    assert {"X-Api-Key", "X-Depth", "Authorization", "Cookie"} <= {*answer.headers["vary"].split(", ")}
    assert plain.headers["cache-control"] == "public, max-age=60"


def test_they_stand_in_the_contract(tmp_path: Path) -> None:
    write_tree(tmp_path, {"quotes.py": QUOTES})

    (described,) = openapi.document(discover(tmp_path).operations)["paths"].values()
    places = {(one["in"], one["name"]): one["required"] for one in described["get"]["parameters"]}
    schemas = {one["name"]: one["schema"] for one in described["get"]["parameters"]}
    assert places == {
        ("header", "X-Api-Key"): True,
        ("query", "limit"): False,
        ("header", "X-Depth"): False,
        ("header", "X-Since"): False,
        ("header", "X-Tag"): False,
        ("cookie", "theme"): False,
        ("cookie", "v"): False,
    }
    assert schemas["X-Depth"] == {"type": "integer", "minimum": 1, "maximum": 9, "default": 3}
    assert schemas["X-Since"] == {"type": "string", "format": "date"}


@pytest.mark.parametrize(
    ("parameter", "told"),
    [
        ('key: Annotated[str, Header("Authorization")]', "Take User;"),
        ('key: Annotated[str, Header("cookie")]', 'Annotated[str, Cookie("theme")]'),
        ('key: Annotated[str, Cookie("__session")]', "Take User."),
        ('key: Annotated[str, Cookie("__session_ab12")]', "Take User."),
        ('key: Annotated[str, Header("X Key")]', "cannot be the name of a header"),
        ("key: Annotated[str, Header(), Cookie()]", "more than one source"),
        ("key: Annotated[dict, Header()]", "a header cannot hold dict"),
        ("key: Annotated[list[Struct], Cookie()]", "a cookie cannot hold"),
        ("key: Annotated[User, Header()]", "a header cannot hold"),
        ("id: Annotated[str, Header()]", "is in the path, and is a Header as well"),
        ("key: str = Header()", "Write key: Annotated[str, Header()]."),
        ("key: str = Cookie", "Write key: Annotated[str, Cookie()]."),
        ('a: Annotated[str, Header("X-A")], b: Annotated[str, Header("x-a")]', "reads x-a, as a does"),
        ("key: Annotated[str, Form()]", "data: Annotated[SomeStruct, Form()]"),
        ("data: Annotated[Struct, Form()]", "a GET has no body"),
    ],
)
def test_a_source_that_cannot_be_is_a_fault_with_its_cure(tmp_path: Path, parameter: str, told: str) -> None:
    source = f"""
        from typing import Annotated
        from msgspec import Struct
        from runtime import Cookie, Form, Header, User
        async def get(*, {parameter}) -> str: ...
        async def post(id: str) -> str: ...
    """
    write_tree(tmp_path, {"[id].py": source})

    (fault,) = discover(tmp_path).faults
    assert told in f"{fault.found} {fault.cure}"


LIKE_HEADERS = """
from runtime import Function

config = Function(public=True)

async def get(x_api_key: str, user_agent: str = "", authorization: str = "", symbol: str = "") -> str: ...
async def post(traceparent: str, stripe_signature: str, X_Hub_Signature: str, xs: str, range: str) -> str: ...
"""


async def test_a_query_parameter_that_is_named_like_a_header_is_told_and_serves(
    tmp_path: Path, compose: Compose, caplog: pytest.LogCaptureFixture
) -> None:
    write_tree(tmp_path, {"quotes.py": LIKE_HEADERS})

    async with compose(tmp_path) as caller:
        table, settings = caller.application.table, caller.application.settings
    told = [finding for finding in examine(settings, table, root=tmp_path) if finding.area == "inputs"]

    assert table.faults == ()
    assert [finding.text.partition(": ")[2] for finding in told] == [
        "get(x_api_key) is a query parameter, not a header. "
        "If a header is meant, write x_api_key: Annotated[str, Header()].",
        "get(user_agent) is a query parameter, not a header. "
        "If a header is meant, write user_agent: Annotated[str, Header()].",
        "get(authorization) is a query parameter, not a header. Take User.",
        *(
            f"post({name}) is a query parameter, not a header. "
            f"If a header is meant, write {name}: Annotated[str, Header()]."
            for name in ("traceparent", "stripe_signature", "X_Hub_Signature")
        ),
    ]
    assert not any(finding.is_fault for finding in told)
    assert {finding.rendered(colour=False)[0] for finding in told} == {"?"}
    assert "function input in doubt: quotes.py:5: get(x_api_key)" in caplog.text
