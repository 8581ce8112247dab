"""What Starlette's and Litestar's tests ask of a service from outside, asked of functions behind our server.

The cases were written anew. Taken:

| class | from | cases here |
| --- | --- | --- |
| path, query: types, escapes, lists | Starlette test_convertors; Litestar test_path_params, test_query_params | `PATHS`, `QUERIES` |
| cookies: lenient, odd, invalid ones | Starlette test_requests (Tornado's); Litestar test_cookie_params | `COOKIES` |
| headers: case, lists, encodings | Starlette test_requests; Litestar test_header_params | `HEADERS` |
| JSON bodies | Litestar test_json_data | `BODIES` |
| forms: encodings, names of files, boundaries | Starlette test_formparsers; Litestar test_multipart_data | `FORMS`, `PARTS`, `BROKEN` |
| CORS, OPTIONS | Starlette test_cors; Litestar test_option_requests, test_cors | `PREFLIGHTS`, `READABLE` |
| cookies, headers, redirects of answers | Starlette test_responses; Litestar test_response_cookies, test_redirect_response | `ANSWERS`, `REDIRECTS` |
| 204, HEAD, 405 | Starlette test_endpoints; Litestar test_base_response | `METHODS` |
| paths of files from callers | Starlette test_staticfiles | `ESCAPES` |

Not taken: sessions, templates, mounts, WebSockets, dependency injection and background tasks, which the
service does not have. Ranges and validators are asked in tests/integration/http/test_contents.py,
compression in test_representations.py there.
"""  # noqa: E501  a table

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from runtime.app import create_app
from runtime.settings import load
from tests.fixtures.app import ORIGIN
from tests.fixtures.clerk import Issuer
from tests.fixtures.listening import listening
from tests.fixtures.routing import write_tree

pytestmark = pytest.mark.asyncio(loop_scope="module")  # one service answers all of them

HEAD = """
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import Meta, Struct

from runtime import Cookie, File, Form, Function, Header, NotFound, Redirect, Reply, SetCookie, Upload

config = Function(public=True)
"""
FUNCTIONS = {
    "index.py": "async def get() -> str: return 'home'\n",
    "ints/[value].py": "async def get(value: int) -> int: return value\n",
    "floats/[value].py": "async def get(value: float) -> float: return value\n",
    "uuids/[value].py": "async def get(value: UUID) -> UUID: return value\n",
    "dates/[value].py": "async def get(value: date) -> date: return value\n",
    "decimals/[value].py": "async def get(value: Decimal) -> Decimal: return value\n",
    "texts/[value].py": "async def get(value: str) -> str: return value\n",
    "bools/[value].py": "async def get(value: bool) -> bool: return value\n",
    "bounded/[value].py": "async def get(value: Annotated[int, Meta(ge=1, le=9)]) -> int: return value\n",
    "rest/[...value].py": "async def get(value: str) -> str: return value\n",
    "files/[...name].py": """
async def get(name: str) -> File:
    root = Path(FOLDER).resolve()
    path = (root / name).resolve()
    try:
        is_shown = path.is_relative_to(root) and path.is_file()
    except OSError:  # a name that is too long
        is_shown = False
    if not is_shown:
        raise NotFound("file", name)
    return File(path, inline=True)
""",
    "queries.py": """
class Side(Enum):
    BUY = "buy"


async def get(
    q: str = "none", n: int = 0, tags: list[str] = [], numbers: list[int] = [], on: bool = False,
    when: datetime | None = None, side: Side | None = None, kind: Literal["a", "b"] = "a",
    at: time | None = None, size: Annotated[int, Meta(gt=0, le=100)] = 1, either: int | str | None = None,
) -> dict[str, Any]:
    return {**locals()}
""",
    "cookies.py": """
async def get(
    a: Annotated[str | None, Cookie()] = None, keebler: Annotated[str | None, Cookie()] = None,
    important: Annotated[str | None, Cookie("importantCookie")] = None,
    term: Annotated[str | None, Cookie("key-term")] = None, n: Annotated[int, Cookie()] = 0,
) -> list[Any]:
    return [a, keebler, important, term, n]
""",
    "headers.py": """
async def get(
    token: Annotated[str, Header("X-Token")] = "none",
    numbers: Annotated[list[int], Header("X-Numbers")] = [],
    x_long_name: Annotated[str, Header()] = "none",
) -> list[Any]:
    return [token, numbers, x_long_name]
""",
    "bodies.py": """
class Body(Struct):
    name: str
    age: int = 18


async def post(data: Body) -> Body: return data
async def put(data: dict[str, Any] = {}) -> dict[str, Any]: return data
async def patch(data: list[int] | None = None) -> list[int] | None: return data
""",
    "forms.py": """
class Sent(Struct):
    some: str = ""
    tags: list[str] = []
    n: int | None = None
    file: Upload | None = None
    files: list[Upload] = []


async def post(data: Annotated[Sent, Form()]) -> dict[str, Any]:
    told = [
        [each.filename, each.content_type, (await each.read()).decode()]
        for each in [*([data.file] if data.file else []), *data.files]
    ]
    return {"some": data.some, "tags": data.tags, "n": data.n, "files": told}
""",
    "answers.py": """
STRICT = {"max_age": 10, "path": "/x", "domain": "a.b", "samesite": "strict"}


async def get(how: str) -> Reply[str]:
    return {
        "cookie": lambda: Reply("", cookies=[SetCookie("a", "b", **STRICT)]),
        "plain": lambda: Reply("", cookies=[SetCookie("a", "b", secure=False, httponly=False)]),
        "two": lambda: Reply("", cookies=[SetCookie("a", "b"), SetCookie("c", "d")]),
        "gone": lambda: Reply("", cookies=[SetCookie.deleted("a")]),
        "header": lambda: Reply("", headers={"X-Case": "Kept As It Is", "x-empty": ""}),
    }[how]()


async def post(url: str, status: int = 303) -> Redirect:
    return Redirect(url, status=status)


async def put() -> None: ...
""",
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    root = tmp_path_factory.mktemp("cases")
    folder = root / "shown"
    (folder / "sub").mkdir(parents=True)
    (folder / "example.txt").write_text("shown")
    (root / "secret.txt").write_text("hunter2")
    (folder / "link.txt").symlink_to(root / "secret.txt")
    files = {name: f"{HEAD}FOLDER = {str(folder)!r}\n{text}" for name, text in FUNCTIONS.items()}
    write_tree(root / "functions", files)
    environment = {"ANNEX_ENV": "test", "CORS_ORIGINS": ORIGIN, "CLERK_JWT_KEY": Issuer().pem}
    application = create_app(load({**environment, "ANNEX_FUNCTIONS": str(root / "functions")}))
    assert application.table.faults == ()
    async with (
        application.running(),
        listening(application) as server,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", timeout=30) as http,
    ):
        yield http


UUID_TEXT = "542226d1-7199-41a0-9cba-aaa6d85932a3"
UNBOUNDED = object()  # of the right type, and refused with 400
PATHS: list[tuple[str, Any]] = [
    ("/", "home"), ("/ints/7", 7), ("/ints/-7", -7), ("/ints/007", None), ("/ints/1.0", 1),
    ("/ints/x", None), ("/ints/", None), ("/ints/7/", 7), ("/ints//7", 7), ("/ints/7x", None),
    ("/ints/%37", 7), ("/ints/+7", None), ("/floats/1.01", 1.01), ("/floats/25", 25.0),
    ("/floats/1e3", 1000.0), ("/floats/nan", UNBOUNDED), ("/floats/inf", UNBOUNDED),
    (f"/uuids/{UUID_TEXT}", UUID_TEXT), (f"/uuids/{UUID_TEXT.replace('-', '')}", UUID_TEXT),
    ("/uuids/x", None), ("/dates/2023-07-15", "2023-07-15"), ("/dates/2023-13-01", None),
    ("/dates/2023-02-30", None), ("/decimals/1.00001", "1.00001"), ("/decimals/NaN", UNBOUNDED),
    ("/decimals/1e9999", UNBOUNDED), ("/texts/a%20b", "a b"), ("/texts/a+b", "a+b"), ("/texts/%C3%BC", "ü"),
    ("/texts/ü", "ü"), ("/texts/a%2Fb", "a/b"), ("/texts/a.b", "a.b"), ("/texts/%25", "%"),
    ("/texts/a%3Fb", "a?b"), ("/texts/a;b=c", "a;b=c"), ("/texts/%00", None), ("/texts/%2e%2e", None),
    ("/texts/a/b", None), ("/texts/%ff", "\ufffd"), ("/bools/true", True), ("/bools/0", False),
    ("/bools/yes", None), ("/bounded/9", 9), ("/bounded/10", None), ("/bounded/0", None),
    ("/rest/a/b/c", "a/b/c"), ("/rest/a%2Fb", "a/b"), ("/rest/%2Fetc/passwd", None), ("/rest/", None),
    ("/TEXTS/a", None), ("/nowhere", None),
]  # fmt: skip


@pytest.mark.parametrize(("path", "value"), PATHS)
async def test_a_path_is_a_value_of_its_type_or_no_route(service: httpx.AsyncClient, path: str, value: Any):
    answer = await service.get(path)

    if value is None:
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    elif value is UNBOUNDED:
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_input")
    else:
        assert (answer.status_code, answer.json()) == (200, value)


LARGE = 99999999999999999999
QUERIES: list[tuple[str, dict[str, Any] | set[str]]] = [
    ("", {"q": "none", "n": 0, "tags": [], "on": False, "when": None, "kind": "a"}), ("q=", {"q": ""}),
    ("q", {"q": ""}), ("q=a=b", {"q": "a=b"}), ("q=a+b", {"q": "a b"}), ("q=a%2Bb", {"q": "a+b"}),
    ("q=%C3%BC", {"q": "ü"}), ("q=%E4%BD%A0%E5%A5%BD", {"q": "你好"}), ("q=a%26b", {"q": "a&b"}),
    ("q=a;b", {"q": "a;b"}), ("&&q=a&", {"q": "a"}), ("%71=a", {"q": "a"}), ("unknown=1", {"q": "none"}),
    ("q=a&q=b", {"q"}), ("n=1", {"n": 1}), ("n=-1", {"n": -1}), ("n=1.5", {"n"}), ("n=", {"n"}),
    ("n=x", {"n"}), (f"n={LARGE}", {"n": LARGE}), ("tags=a&tags=b", {"tags": ["a", "b"]}),
    ("tags=a", {"tags": ["a"]}), ("tags=a,b", {"tags": ["a,b"]}),
    ("numbers=1&numbers=2", {"numbers": [1, 2]}), ("numbers=1&numbers=x", {"numbers.1"}),
    ("on=true", {"on": True}), ("on=1", {"on": True}), ("on=false", {"on": False}), ("on=maybe", {"on"}),
    ("when=2023-07-15T15:45:34.073314", {"when": "2023-07-15T15:45:34.073314"}),
    ("when=2023-07-15T15:45:34%2B02:00", {"when": "2023-07-15T15:45:34+02:00"}), ("when=soon", {"when"}),
    ("side=buy", {"side": "buy"}), ("side=BUY", {"side"}), ("kind=b", {"kind": "b"}), ("kind=c", {"kind"}),
    ("at=01:02:03", {"at": "01:02:03"}), ("size=100", {"size": 100}), ("size=101", {"size"}),
    ("size=0", {"size"}), ("either=1", {"either": "1"}), ("either=x", {"either": "x"}),
    ("n=x&size=0&kind=c", {"n", "size", "kind"}),
]  # fmt: skip


@pytest.mark.parametrize(("query", "told"), QUERIES)
async def test_a_query_is_read_as_its_types_say(
    service: httpx.AsyncClient, query: str, told: dict[str, Any] | set[str]
):
    answer = await service.get(f"/queries?{query}")

    if isinstance(told, set):
        assert answer.status_code == 400
        assert {each["field"] for each in answer.json()["errors"]} == told
    else:
        assert answer.status_code == 200
        assert {name: answer.json()[name] for name in told} == told


NO_COOKIE = [None, None, None, None, 0]
A_IS_B = ["b", None, None, None, 0]
COOKIES: list[tuple[str, list[Any] | int]] = [
    ("a=b", A_IS_B), ("a=b; n=5", ["b", None, None, None, 5]), ("n=x", 400), ("", NO_COOKIE),
    ("a=b; vienna=finger", A_IS_B), ("keebler=E=mc2", [None, "E=mc2", None, None, 0]),
    (r'keebler="E=mc2; L=\"Loves\"; fudge=\012;"', [None, '"E=mc2', None, None, 0]),
    ('provider={"a":"b","c":["d e"]}; importantCookie=yes; x=y', [None, None, "yes", None, 0]),
    ("key-term=value:term", [None, None, None, "value:term", 0]), ("a=[; d=r", ["[", None, None, None, 0]),
    ("a=b; a=c", 400), ("abc; unnamed; a=b", A_IS_B), ('"; a=b', A_IS_B), ('a="b"', A_IS_B),
    ("a = b ;;  ; = ; n = 3", ["b", None, None, None, 3]), ("a=", ["", None, None, None, 0]),
    ("A=b", NO_COOKIE), ("a=b,c", ["b,c", None, None, None, 0]), ("a=%20", ["%20", None, None, None, 0]),
]  # fmt: skip


@pytest.mark.parametrize(("line", "told"), COOKIES)
async def test_cookies_are_read_as_browsers_write_them(
    service: httpx.AsyncClient, line: str, told: list[Any] | int
):
    answer = await service.get("/cookies", headers={"Cookie": line})

    assert (answer.status_code if isinstance(told, int) else answer.json()) == told


HEADERS: list[tuple[list[tuple[str, bytes]], list[Any] | int]] = [
    ([], ["none", [], "none"]), ([("x-TOKEN", b"abc")], ["abc", [], "none"]),
    ([("X-Token", b"")], ["", [], "none"]), ([("X-Token", b"a"), ("x-token", b"b")], 400),
    ([("X-Token", b"\xfc")], ["ü", [], "none"]), ([("X-Numbers", b"1, 2,,3")], ["none", [1, 2, 3], "none"]),
    ([("X-Numbers", b"1"), ("X-Numbers", b"2")], ["none", [1, 2], "none"]), ([("X-Numbers", b"1, x")], 400),
    ([("X-Long-Name", b"a b")], ["none", [], "a b"]), ([("X_Long_Name", b"a")], ["none", [], "none"]),
]  # fmt: skip


@pytest.mark.parametrize(("headers", "told"), HEADERS)
async def test_headers_are_read_whatever_their_case(
    service: httpx.AsyncClient, headers: list[tuple[str, bytes]], told: list[Any] | int
):
    fields = [(name.encode(), value) for name, value in headers]
    answer = await service.get("/headers", headers=fields)

    assert (answer.status_code if isinstance(told, int) else answer.json()) == told


JSON = "application/json"
GOOD_BODY, READ = b'{"name": "a"}', {"name": "a", "age": 18}
BODIES: list[tuple[str, str | None, bytes, int, Any]] = [
    ("POST", JSON, GOOD_BODY, 200, READ), ("POST", JSON, b"{}", 400, None), ("POST", JSON, b"", 400, None),
    ("POST", None, b"", 400, None), ("POST", None, GOOD_BODY, 415, None),
    ("POST", "text/plain", GOOD_BODY, 415, None), ("POST", "text/json", GOOD_BODY, 415, None),
    ("POST", "application/x-www-form-urlencoded", b"name=a", 415, None),
    ("POST", "application/json; charset=utf-8", GOOD_BODY, 200, READ),
    ("POST", "APPLICATION/JSON", GOOD_BODY, 200, READ),
    ("POST", "application/vnd.api+json", GOOD_BODY, 200, READ),
    ("POST", JSON, b'{"name": "a", "age": "1"}', 400, None),
    ("POST", JSON, b'{"name": "a", "more": 1}', 200, READ), ("POST", JSON, b"null", 400, None),
    ("POST", JSON, b"[]", 400, None), ("POST", JSON, b'{"name": "a"', 400, None),
    ("POST", JSON, b'{"name": "a"}x', 400, None), ("POST", JSON, b"{'name': 'a'}", 400, None),
    ("POST", JSON, b'\xef\xbb\xbf{"name": "a"}', 400, None), ("POST", JSON, b'{"name": "\xff"}', 400, None),
    ("POST", JSON, b' {"name":\n"\\u00fc"} ', 200, {"name": "ü", "age": 18}), ("PUT", JSON, b"{}", 200, {}),
    ("PUT", None, b"", 200, {}), ("PUT", JSON, b'{"a": [1, null]}', 200, {"a": [1, None]}),
    ("PATCH", None, b"", 200, None), ("PATCH", JSON, b"null", 200, None),
    ("PATCH", JSON, b"[1, 2]", 200, [1, 2]), ("PATCH", JSON, b"[1, 2.5]", 400, None),
]  # fmt: skip


@pytest.mark.parametrize(("method", "kind", "body", "status", "told"), BODIES)
async def test_a_json_body_is_read_or_refused(
    service: httpx.AsyncClient, method: str, kind: str | None, body: bytes, status: int, told: Any
):
    headers = {"Content-Type": kind} if kind else {}
    answer = await service.request(method, "/bodies", content=body, headers=headers)

    assert answer.status_code == status
    assert status != 200 or answer.json() == told


FORMS: list[tuple[bytes, dict[str, Any] | int]] = [
    (b"some=da+ta", {"some": "da ta"}), (b"some=da%20ta", {"some": "da ta"}), (b"some", {"some": ""}),
    (b"some=%C3%BC&tags=a&tags=b", {"some": "ü", "tags": ["a", "b"]}), (b"", {"some": ""}),
    (b"so%6De=a", {"some": "a"}), (b"some=a%26b%3Dc", {"some": "a&b=c"}), (b"n=5", {"n": 5}),
    (b"n=", {"n": None}), (b"n=x", 400), (b"some=a&some=b", 400), (b"some=%ff", 400),
    (b"other=1", {"some": ""}),
]  # fmt: skip


@pytest.mark.parametrize(("body", "told"), FORMS)
async def test_an_urlencoded_form_is_read_as_pages_write_it(
    service: httpx.AsyncClient, body: bytes, told: dict[str, Any] | int
):
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await service.post("/forms", content=body, headers=headers)

    if isinstance(told, int):
        assert answer.status_code == told
    else:
        assert {name: answer.json()[name] for name in told} == told


def part(disposition: bytes, body: bytes, *more: bytes) -> bytes:
    head = b"".join(line + b"\r\n" for line in (b"Content-Disposition: form-data; " + disposition, *more))
    return b"--B\r\n" + head + b"\r\n" + body + b"\r\n"


PLAIN = b"Content-Type: text/plain"
FILE = b'name="file"; filename='
TWO_FILES = part(b'name="files"; filename="1"', b"1", PLAIN) + part(
    b'name="files"; filename="2"', b"2", PLAIN
)
PARTS: list[tuple[bytes, dict[str, Any]]] = [
    (part(b'name="some"', b"data"), {"some": "data"}),
    (part(b"name=some", b"data"), {"some": "data"}),
    (part(b'name="some"', b"\xc3\xbc"), {"some": "ü"}),
    (part(b'name="some"', b"\xfc", b"Content-Type: text/plain; charset=latin-1"), {"some": "ü"}),
    (part(b'name="some"', b"a\r\nb\r\n--C"), {"some": "a\r\nb\r\n--C"}),
    (part(b'name="some"', b""), {"some": ""}),
    (part(b'name="tags"', b"a") + part(b'name="tags"', b"b"), {"tags": ["a", "b"]}),
    (part(FILE + b'"a.txt"', b"<x>", PLAIN), {"files": [["a.txt", "text/plain", "<x>"]]}),
    (part(FILE + b'"a.txt"', b"<x>"), {"files": [["a.txt", "text/plain", "<x>"]]}),
    (part(FILE + '"文書.txt"'.encode(), b"x", PLAIN), {"files": [["文書.txt", "text/plain", "x"]]}),
    (part(FILE + b'"a;b\\"c.txt"', b"x", PLAIN), {"files": [['a;b"c.txt', "text/plain", "x"]]}),
    (part(FILE + b'""', b""), {"files": []}),
    (part(FILE + b'"empty.txt"', b"", PLAIN), {"files": [["empty.txt", "text/plain", ""]]}),
    (
        TWO_FILES + part(b'name="some"', b"s"),
        {"files": [["1", "text/plain", "1"], ["2", "text/plain", "2"]], "some": "s"},
    ),
]


@pytest.mark.parametrize(("parts", "told"), PARTS)
async def test_a_multipart_form_is_read_as_browsers_and_tools_write_it(
    service: httpx.AsyncClient, parts: bytes, told: dict[str, Any]
):
    headers = {"Content-Type": "multipart/form-data; boundary=B"}
    answer = await service.post("/forms", content=parts + b"--B--\r\n", headers=headers)

    assert answer.status_code == 200, answer.text
    assert {name: answer.json()[name] for name in told} == told


MULTIPART = "multipart/form-data; boundary=B"
END = b"--B--\r\n"
ODD_CHARSET = b"Content-Type: text/plain; charset=latin-80"
BROKEN = {
    "no boundary": ("multipart/form-data", part(b'name="some"', b"x") + END),
    "an empty boundary": ("multipart/form-data; boundary=", part(b'name="some"', b"x") + END),
    "another boundary": ("multipart/form-data; boundary=C", part(b'name="some"', b"x") + END),
    "no end": (MULTIPART, part(b'name="some"', b"x")),
    "no name": (MULTIPART, part(b'="some"', b"x") + END),
    "no disposition": (MULTIPART, b"--B\r\nX: y\r\n\r\nx\r\n" + END),
    "no head": (MULTIPART, b"--B\r\nx\r\n" + END),
    "another encoding": (MULTIPART, part(b'name="some"', b"\xff") + END),
    "an unknown encoding": (MULTIPART, part(b'name="some"', b"x", ODD_CHARSET) + END),
    "too many": (MULTIPART, b"".join(part(b'name="n%d"' % number, b"") for number in range(1001)) + END),
    "text where a file is expected": (MULTIPART, part(b'name="file"', b"x") + END),
    "nothing": (MULTIPART, b""),
}


@pytest.mark.parametrize("case", BROKEN)
async def test_a_multipart_form_that_is_none_is_400(service: httpx.AsyncClient, case: str):
    kind, body = BROKEN[case]
    answer = await service.post("/forms", content=body, headers={"Content-Type": kind})

    assert answer.status_code == 400, answer.text
    assert answer.json()["code"] in {"malformed_request", "invalid_input"}


ASK, WITH = "Access-Control-Request-Method", "Access-Control-Request-Headers"
PREFLIGHTS: list[tuple[dict[str, str], str | None]] = [
    ({"Origin": ORIGIN, ASK: "GET"}, ORIGIN),
    ({"Origin": ORIGIN, ASK: "DELETE"}, ORIGIN),
    ({"Origin": ORIGIN, ASK: "POST", WITH: "content-type, authorization"}, ORIGIN),
    ({"Origin": ORIGIN, ASK: "GET", WITH: "x-token"}, ORIGIN),
    ({"Origin": "https://evil.example.com", ASK: "GET"}, None),
    ({"Origin": f"{ORIGIN}.evil.com", ASK: "GET"}, None),
    ({"Origin": ORIGIN.replace("https", "http"), ASK: "GET"}, None),
    ({"Origin": "null", ASK: "GET"}, None),
    ({"Origin": f"{ORIGIN}/", ASK: "GET"}, None),
]


@pytest.mark.parametrize(("headers", "allowed"), PREFLIGHTS)
async def test_a_preflight_is_granted_to_the_origins_of_the_app_alone(
    service: httpx.AsyncClient, headers: dict[str, str], allowed: str | None
):
    answer = await service.options("/headers", headers=headers)

    assert answer.is_success == (allowed is not None)
    assert answer.headers.get("access-control-allow-origin") == allowed
    assert "Origin" in answer.headers["vary"]


READABLE = [
    ("GET", "/", 200), ("GET", "/nowhere", 404), ("PUT", "/", 405), ("POST", "/bodies", 400),
    ("GET", "/answers?how=x", 500), ("GET", "/queries?n=x", 400), ("OPTIONS", "/", 204),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "status"), READABLE)
async def test_every_answer_is_readable_by_the_app_and_by_no_other_page(
    service: httpx.AsyncClient, method: str, path: str, status: int
):
    origins = [{"Origin": ORIGIN}, {"Origin": "https://evil.example.com"}, {}]
    answers = [await service.request(method, path, headers=headers) for headers in origins]

    assert [answer.status_code for answer in answers] == [status] * 3
    readable = [answer.headers.get("access-control-allow-origin") for answer in answers]
    assert readable == [ORIGIN, None, None]
    assert all("Origin" in answer.headers["vary"] for answer in answers)


DEFAULTS = "Path=/; Secure; HttpOnly; SameSite=Lax"
ANSWERS: list[tuple[str, list[tuple[str, str]]]] = [
    ("cookie", [("set-cookie", "a=b; Path=/x; Max-Age=10; Domain=a.b; Secure; HttpOnly; SameSite=Strict")]),
    ("plain", [("set-cookie", "a=b; Path=/; SameSite=Lax")]),
    ("two", [("set-cookie", f"a=b; {DEFAULTS}"), ("set-cookie", f"c=d; {DEFAULTS}")]),
    ("gone", [("set-cookie", "a=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax")]),
    ("header", [("x-case", "Kept As It Is"), ("x-empty", "")]),
]


@pytest.mark.parametrize(("how", "fields"), ANSWERS)
async def test_cookies_and_headers_of_an_answer_are_sent_as_they_were_set(
    service: httpx.AsyncClient, how: str, fields: list[tuple[str, str]]
):
    answer = await service.get(f"/answers?how={how}")
    names = {name for name, _ in fields}

    assert [(name, value) for name, value in answer.headers.multi_items() if name in names] == fields


REDIRECTS = [
    ("/a b", "/a%20b"), ("/%20", "/%20"), ("/?a=b&c=d#e", "/?a=b&c=d#e"), ("relative", "relative"),
    ("/I ♥ Starlette/", "/I%20%E2%99%A5%20Starlette/"), ("?page=2", "?page=2"),
    ("https://a.example.com/x", "https://a.example.com/x"), ("javascript:alert(1)", None), ("", None),
    ("/a\r\nSet-Cookie: b=c", "/a%0D%0ASet-Cookie:%20b=c"), ("//evil.example.com", None),
    ("/\\evil.example.com", None), ("\\\\evil.example.com", None), (" //evil.example.com", None),
    ("/\t/evil.example.com", "/%09/evil.example.com"), ("data:text/html,x", None),
]  # fmt: skip


@pytest.mark.parametrize(("url", "location"), REDIRECTS)
@pytest.mark.parametrize("status", [302, 308])
async def test_a_redirect_is_sent_in_ascii_and_never_elsewhere_unseen(
    service: httpx.AsyncClient, url: str, location: str | None, status: int
):
    answer = await service.post("/answers", params={"url": url, "status": status})
    told = (answer.status_code, answer.headers.get("location"))

    assert told == ((status, location) if location else (500, None))
    assert "set-cookie" not in answer.headers
    assert location is None or (answer.content, answer.headers["content-length"]) == (b"", "0")


METHODS: list[tuple[str, str, int, set[str]]] = [
    ("HEAD", "/", 200, set()), ("HEAD", "/nowhere", 404, set()), ("OPTIONS", "/nowhere", 404, set()),
    ("HEAD", "/bodies", 405, {"OPTIONS", "PATCH", "POST", "PUT"}),
    ("OPTIONS", "/", 204, {"GET", "HEAD", "OPTIONS"}),
    ("OPTIONS", "/answers", 204, {"GET", "HEAD", "OPTIONS", "POST", "PUT"}), ("PUT", "/answers", 204, set()),
    ("POST", "/", 405, {"GET", "HEAD", "OPTIONS"}), ("TRACE", "/", 405, {"GET", "HEAD", "OPTIONS"}),
    ("PROPFIND", "/", 405, {"GET", "HEAD", "OPTIONS"}),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "status", "allow"), METHODS)
async def test_a_method_is_served_or_told_which_are(
    service: httpx.AsyncClient, method: str, path: str, status: int, allow: set[str]
):
    answer = await service.request(method, path)

    assert answer.status_code == status
    assert {*filter(None, answer.headers.get("allow", "").split(", "))} == allow
    if method == "HEAD" or status == 204:
        assert answer.content == b""
    if status == 204:
        assert not {"content-length", "content-type", "transfer-encoding"} & set(answer.headers)


ESCAPES = [
    "../secret.txt", "..%2fsecret.txt", "%2e%2e/secret.txt", "%2e%2e%2fsecret.txt", "sub/../../secret.txt",
    "sub%2f..%2f..%2fsecret.txt", "....//secret.txt", "..%5csecret.txt", "%2fetc%2fpasswd", "/etc/passwd",
    "link.txt", "sub", "sub/", ".", "example.txt%00.png", "example.txt/x", "x" * 300, "missing.txt", "~root",
    "..%c0%afsecret.txt", "%252e%252e%252fsecret.txt",
]  # fmt: skip


@pytest.mark.parametrize("name", ESCAPES)
async def test_no_name_leads_out_of_a_folder_of_files(service: httpx.AsyncClient, name: str):
    request = service.build_request("GET", "/")
    request.url = request.url.copy_with(raw_path=b"/files/" + name.encode())
    answer = await service.send(request)

    assert answer.status_code == 404
    assert "hunter2" not in answer.text


async def test_a_name_inside_of_the_folder_is_served(service: httpx.AsyncClient):
    answer = await service.get("/files/example.txt")

    assert (answer.status_code, answer.text, answer.headers["content-type"]) == (200, "shown", "text/plain")
