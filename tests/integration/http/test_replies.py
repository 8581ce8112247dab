"""`Reply[T]` and `Redirect`: a status, headers and cookies of an answer's own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from runtime import Redirect, Reply, SetCookie
from tests.fixtures.app import ORIGIN, Caller, Compose

ORDERS = '''"""Orders."""

from msgspec import Struct

from runtime import Function, Redirect, Reply, SetCookie

config = Function(public=True, cache=60, methods={"post": {"status": 202}})


class Order(Struct):
    symbol: str


class Stored(Order):
    secret: str


async def get(how: str = "plain") -> Reply[Order]:
    """Answer in one of many ways."""
    match how:
        case "created":
            headers = {"Location": "/orders/7", "Cache-Control": "max-age=5"}
            headers["Content-Type"] = "application/geo+json"
            return Reply(Order("SPY"), status=201, headers=headers)
        case "cookie":
            theme = SetCookie("theme", "dark", max_age=60)
            return Reply(Order("SPY"), cookies=[theme, SetCookie.deleted("old")])
        case "service":
            headers = {"X-Request-Id": "mine", "Access-Control-Allow-Origin": "*", "X-Own": "1"}
            headers["Content-Length"] = "1"
            return Reply(Order("SPY"), headers=headers)
        case "narrowed":
            return Reply(Stored("SPY", "hunter2"))
        case "misfit":
            return Reply("SPY")
        case "bodiless":
            return Reply(Order("SPY"), status=204)
        case "bare":
            return Order("SPY")
    return Reply(Order("SPY"))


async def post(how: str = "plain") -> Reply[None]:
    """Answer without a body."""
    return Reply(status=205) if how == "reset" else Reply(headers={"X-Own": "1"})


async def put() -> Order:
    """Answer with a head that is not announced."""
    return Reply(Order("SPY"))


async def delete(to: str = "/orders") -> Redirect:
    """Go elsewhere."""
    return Redirect(to, cookies=[SetCookie("theme", "dark")]) if to != "nothing" else None


async def patch(how: str = "order") -> Order | Redirect:
    """Answer or go elsewhere."""
    return Order("SPY") if how == "order" else Redirect("https://example.com/", status=307)
'''


@pytest.fixture
async def service(tmp_path: Path, compose: Compose) -> AsyncIterator[Caller]:
    (tmp_path / "orders.py").write_text(ORDERS)
    async with compose(tmp_path) as caller:
        assert not caller.application.table.faults
        yield caller


async def test_a_reply_has_a_status_and_headers_of_its_own(service: Caller):
    answer = await service.anonymous("GET", "/orders?how=created")

    assert (answer.status_code, answer.json()) == (201, {"symbol": "SPY"})
    assert answer.headers["location"] == "/orders/7"
    assert answer.headers.get_list("cache-control") == ["max-age=5"]
    assert answer.headers.get_list("content-type") == ["application/geo+json"]


@pytest.mark.parametrize("how", ["plain", "bare"])
async def test_where_a_reply_says_nothing_the_config_holds(service: Caller, how: str):
    answer = await service.anonymous("GET", "/orders", params={"how": how})

    assert (answer.status_code, answer.json()) == (200, {"symbol": "SPY"})
    assert answer.headers["cache-control"] == "public, max-age=60"
    assert answer.headers["etag"]


async def test_cookies_are_set_and_their_answer_is_in_no_shared_cache(service: Caller):
    answer = await service.anonymous("GET", "/orders?how=cookie")

    assert answer.headers.get_list("set-cookie") == [
        "theme=dark; Path=/; Max-Age=60; Secure; HttpOnly; SameSite=Lax",
        "old=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax",
    ]
    assert answer.headers["cache-control"] == "private, max-age=60"
    assert "Cookie" in answer.headers["vary"]


async def test_the_services_headers_stay_the_services(service: Caller):
    answer = await service.anonymous("GET", "/orders?how=service", headers={"Origin": ORIGIN})

    assert answer.headers.get_list("access-control-allow-origin") == [ORIGIN]
    assert answer.headers["x-request-id"] != "mine"
    assert (answer.headers.get_list("content-length"), answer.headers["x-own"]) == (["16"], "1")


async def test_only_what_the_type_inside_names_leaves(service: Caller):
    answer = await service.anonymous("GET", "/orders?how=narrowed")

    assert answer.json() == {"symbol": "SPY"}


@pytest.mark.parametrize(
    ("method", "path", "said"),
    [
        ("GET", "/orders?how=misfit", "Expected `Order`, got `str`."),
        ("GET", "/orders?how=bodiless", "A status 204 allows no body. Choose another status."),
        ("PUT", "/orders", "Expected no `Reply`. Annotate `-> Reply[...]`."),
        ("DELETE", "/orders?to=nothing", "Expected `Redirect`, got `NoneType`."),
    ],
)
async def test_what_does_not_fit_is_an_error_that_names_the_function(
    service: Caller, caplog: pytest.LogCaptureFixture, method: str, path: str, said: str
):
    answer = await service.anonymous(method, path)

    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    (line,) = [record.getMessage() for record in caplog.records if record.name == "runtime.http.errors"]
    assert line.startswith("orders.py, line ")
    assert said in line


@pytest.mark.parametrize(("how", "status"), [("plain", 202), ("reset", 205)])
async def test_a_reply_without_a_value_has_no_body(service: Caller, how: str, status: int):
    answer = await service.anonymous("POST", "/orders", params={"how": how})

    assert (answer.status_code, answer.content) == (status, b"")
    assert "content-type" not in answer.headers


async def test_a_redirect_is_303_and_may_set_a_cookie(service: Caller):
    answer = await service.anonymous("DELETE", "/orders")

    assert (answer.status_code, answer.headers["location"]) == (303, "/orders")
    assert answer.headers["set-cookie"].startswith("theme=dark")
    assert (answer.headers["cache-control"], answer.content) == ("no-store", b"")


async def test_a_function_may_answer_or_redirect(service: Caller):
    order = await service.anonymous("PATCH", "/orders")
    moved = await service.anonymous("PATCH", "/orders?how=away")

    assert order.json() == {"symbol": "SPY"}
    assert (moved.status_code, moved.headers["location"]) == (307, "https://example.com/")


@pytest.mark.parametrize(
    ("url", "location"),
    [
        ("/orders?from=a&to=b#end", "/orders?from=a&to=b#end"),
        ("next", "next"),
        ("https://example.com/a b", "https://example.com/a%20b"),
        ("/a%20b", "/a%20b"),
        ("/ü", "/%C3%BC"),
        ("/\r\nSet-Cookie: a=b", "/%0D%0ASet-Cookie:%20a=b"),
        ("https://bücher.example/ü", "https://xn--bcher-kva.example/%C3%BC"),
        ("/\x00\x7f\ud800", "/%00%7F?"),
        ("java\nscript:alert(1)", "java%0Ascript:alert(1)"),
    ],
)
def test_the_url_of_a_redirect_is_sent_in_ascii(url: str, location: str):
    assert Redirect(url).fields[0] == (b"location", location.encode())


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        " JavaScript:x",
        "data:text/html,x",
        "//evil.example",
        "/\\evil",
        "",
        "https:///x",
    ],
)
def test_a_redirect_leads_to_a_web_address_or_a_path_alone(url: str):
    with pytest.raises(ValueError, match=r"^A Redirect "):
        Redirect(url)


@pytest.mark.parametrize("status", [200, 300, 304, 305, 404])
def test_a_redirect_has_one_of_five_statuses(status: int):
    with pytest.raises(ValueError, match="use 301, 302, 303, 307 or 308"):
        Redirect("/", status=status)


@pytest.mark.parametrize("status", [100, 206, 304, 404, 500, 700])
def test_a_reply_is_a_success(status: int):
    with pytest.raises(ValueError, match="raise an error such as NotFound, or return a Redirect"):
        Reply(None, status=status)


@pytest.mark.parametrize("headers", [{"X Y": "1"}, {"": "1"}, {"X": "1\r\nY: 2"}, {"X": "ü"}, {"X": "\x00"}])
def test_a_header_that_cannot_be_sent_is_refused(headers: dict[str, str]):
    with pytest.raises(ValueError, match="header"):
        Reply(None, headers=headers)


@pytest.mark.parametrize(
    "options",
    [
        {"name": "a b"},
        {"value": "a b"},
        {"value": "a;b"},
        {"value": "ü"},
        {"path": "/;x"},
        {"domain": "a\r\nb"},
        {"samesite": "none", "secure": False},
        {"samesite": "sometimes"},
        {"name": "__Host-a", "domain": "example.com"},
        {"name": "__Host-a", "path": "/x"},
        {"name": "__Secure-a", "secure": False},
    ],
)
def test_a_cookie_that_browsers_would_ignore_is_refused(options: dict[str, str]):
    with pytest.raises(ValueError, match=r"cookie"):
        SetCookie(**{"name": "theme", "value": "dark", **options})  # type: ignore[arg-type]
