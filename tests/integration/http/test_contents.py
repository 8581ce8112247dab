"""Files and contents: media types, names, ranges, validators, compression; files and iterators in pieces."""

import asyncio
import email
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from runtime import Content, Csv, File
from runtime.answers.content import disposition
from runtime.routing.calling.replies.body import opened
from tests.fixtures.app import Caller, Compose
from tests.fixtures.listening import listening, peer

CONTENTS = '''"""Contents."""

import io
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from runtime import Content, Csv, File, Function, Html, Png, Reply

config = Function(public=True, cache=60, methods={{"post": {{"status": 201}}}})
FOLDER = Path({folder!r})
OPEN = []


class Geo(Content, media="application/geo+json"):
    """A map."""


async def pieces() -> AsyncIterator[str]:
    OPEN.append("pieces")
    try:
        for row in range(3):
            yield f"SPY,{{row}}\\n"
    finally:
        OPEN.clear()


def rows(count: int) -> Iterator[bytes]:
    yield from (b"SPY,%d\\n" % row for row in range(count))


async def get(how: str = "text") -> Csv:
    """Answer in one of many ways."""
    match how:
        case "bytes":
            return Csv(b"0123456789", name="rows.csv")
        case "long":
            return Csv("SPY,1\\n" * 1000)
        case "empty":
            return Csv(b"")
        case "pieces":
            return Csv(pieces())
        case "rows":
            return Csv(rows(100_000))
        case "open":
            return Csv(io.BytesIO(b"SPY"))
        case "file":
            return Csv(FOLDER / "rows.csv")
        case "missing":
            return Csv(FOLDER / "missing.csv")
        case "folder":
            return Csv(FOLDER)
        case "pipe":
            return Csv(FOLDER / "pipe")
        case "misfit":
            return Html("<p>")
        case "plain":
            return "SPY"
        case "tagged":
            return Csv("SPY", etag="v1")
        case "fails":
            return Csv(one / 0 for one in range(3))
    return Csv("SPY,ü\\n")


async def post() -> Reply[Geo]:
    """Answer with a type of one's own."""
    return Reply(Geo(b"{{}}"), headers={{"X-Own": "1"}})


async def put(path: str) -> File:
    """Send a file."""
    return File(FOLDER / path)


async def patch() -> Html:
    """Show a page."""
    return Html("<p>SPY", name="page.html", inline=True)
'''
LARGE = '''"""A large file."""

from collections.abc import AsyncIterator
from pathlib import Path

from runtime import File, Function

config = Function(public=True)
STATE = {{"sent": 0, "closed": 0}}


async def pieces() -> AsyncIterator[bytes]:
    try:
        while True:
            STATE["sent"] += 1
            yield b"x" * 65536
    finally:
        STATE["closed"] += 1


async def get() -> File:
    """Send it."""
    return File(Path({folder!r}) / "large.bin")


async def post() -> File:
    """Send without end."""
    return File(pieces())


async def put() -> dict[str, int]:
    """Say how far it is."""
    return STATE
'''
SIZE = 64 * 1024 * 1024


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "rows.csv").write_text("SPY,1\n" * 1000)
    os.utime(folder / "rows.csv", (1_700_000_000, 1_700_000_000))
    (folder / "a b.pdf").write_bytes(b"%PDF")
    os.mkfifo(folder / "pipe")
    with (folder / "large.bin").open("wb") as large:
        large.truncate(SIZE)
    return folder


@pytest.fixture
async def service(tmp_path: Path, folder: Path, compose: Compose) -> AsyncIterator[Caller]:
    functions = tmp_path / "functions"
    functions.mkdir()
    (functions / "contents.py").write_text(CONTENTS.format(folder=str(folder)))
    (functions / "large.py").write_text(LARGE.format(folder=str(folder)))
    async with compose(functions) as caller:
        assert not caller.application.table.faults
        yield caller


async def get(service: Caller, how: str, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await service.anonymous("GET", "/contents", params={"how": how}, headers=named)


@pytest.mark.parametrize(
    ("how", "body"),
    [
        ("text", "SPY,ü\n".encode()),
        ("bytes", b"0123456789"),
        ("empty", b""),
        ("pieces", b"SPY,0\nSPY,1\nSPY,2\n"),
        ("rows", b"".join(b"SPY,%d\n" % row for row in range(100_000))),
        ("open", b"SPY"),
        ("file", b"SPY,1\n" * 1000),
    ],
)
async def test_a_content_is_sent_with_its_media_type(service: Caller, how: str, body: bytes):
    answer = await get(service, how, Accept_Encoding="identity")

    assert (answer.status_code, answer.content) == (200, body)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["cache-control"] == "public, max-age=60"


async def test_a_type_of_ones_own_is_one_line_and_may_stand_in_a_reply(service: Caller):
    answer = await service.anonymous("POST", "/contents")

    assert (answer.status_code, answer.content) == (201, b"{}")
    assert (answer.headers["content-type"], answer.headers["x-own"]) == ("application/geo+json", "1")


async def test_a_file_has_the_type_and_the_name_of_its_path(service: Caller):
    answer = await service.anonymous("PUT", "/contents?path=a b.pdf")

    assert (answer.content, answer.headers["content-type"]) == (b"%PDF", "application/pdf")
    assert answer.headers["content-disposition"] == 'attachment; filename="a b.pdf"'


async def test_a_page_is_shown_and_has_a_name_to_be_saved_under(service: Caller):
    answer = await service.anonymous("PATCH", "/contents")

    assert answer.headers["content-disposition"] == 'inline; filename="page.html"'


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rows.csv", 'attachment; filename="rows.csv"'),
        (
            "Gebühren €.csv",
            "attachment; filename=\"Geb_hren _.csv\"; filename*=UTF-8''Geb%C3%BChren%20%E2%82%AC.csv",
        ),
        ('a"b\\c/d\r\ne.csv', 'attachment; filename="a_b_c_d__e.csv"'),
        ("100%41.csv", "attachment; filename=\"100%41.csv\"; filename*=UTF-8''100%2541.csv"),
        ("what?.csv", 'attachment; filename="what?.csv"'),
    ],
)
def test_a_name_is_written_for_old_and_new_browsers(name: str, value: str):
    assert disposition(name) == value.encode()


@pytest.mark.parametrize("media", ["", "text", "text/", "text/csv\r\nX: 1", "text/csv; charset", "a b/c"])
def test_a_media_type_that_cannot_be_sent_is_refused(media: str):
    with pytest.raises(ValueError, match="media type"):
        type("Own", (Content,), {}, media=media)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        (
            "missing",
            "returned the file `missing.csv`, which does not exist. Write it first, or raise NotFound.",
        ),
        ("folder", "returned the file `files`, which is no regular file."),
        ("pipe", "returned the file `pipe`, which is no regular file."),
        ("misfit", "Expected `Csv`, got `Html`."),
        ("plain", "Expected `Csv`, got `str`."),
    ],
)
async def test_what_cannot_be_sent_is_an_error_that_names_function_and_file(
    service: Caller, folder: Path, caplog: pytest.LogCaptureFixture, how: str, said: str
):
    answer = await get(service, how)

    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    (line,) = [record.getMessage() for record in caplog.records if record.name == "runtime.http.errors"]
    assert line.startswith("contents.py, line ")
    assert said in line
    assert str(folder) not in line + answer.text


async def test_an_iterator_that_fails_before_its_first_piece_is_a_500(service: Caller):
    answer = await get(service, "fails")

    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")


RANGES = [
    ("bytes=0-3", 206, b"0123", "bytes 0-3/10"),
    ("bytes=4-", 206, b"456789", "bytes 4-9/10"),
    ("bytes=-3", 206, b"789", "bytes 7-9/10"),
    ("bytes=-30", 206, b"0123456789", "bytes 0-9/10"),
    ("bytes=0-99", 206, b"0123456789", "bytes 0-9/10"),
    ("bytes=9-9", 206, b"9", "bytes 9-9/10"),
    ("BYTES = 0-3 ", 206, b"0123", "bytes 0-3/10"),
    ("bytes=0-99999999999999999999", 206, b"0123456789", "bytes 0-9/10"),
    ("bytes=10-", 416, None, "bytes */10"),
    ("bytes=10-20", 416, None, "bytes */10"),
    ("bytes=-0", 416, None, "bytes */10"),
    ("bytes=5-4", 200, b"0123456789", None),
    ("bytes=-", 200, b"0123456789", None),
    ("bytes=", 200, b"0123456789", None),
    ("bytes=a-b", 200, b"0123456789", None),
    ("bytes", 200, b"0123456789", None),
    ("lines=0-3", 200, b"0123456789", None),
    ("bytes=0-1,2-3", 206, b"0123", "bytes 0-3/10"),
    ("bytes=4-5,0-4", 206, b"012345", "bytes 0-5/10"),
    ("bytes=0-1,20-", 206, b"01", "bytes 0-1/10"),
    ("bytes=,0-1,", 206, b"01", "bytes 0-1/10"),
    ("bytes=0-,-10", 206, b"0123456789", "bytes 0-9/10"),
    ("bytes=20-,30-", 416, None, "bytes */10"),
    ("bytes=0-1,5-4", 200, b"0123456789", None),
    ("bytes=0-1,x", 200, b"0123456789", None),
    ("bytes=0-1 4-5", 200, b"0123456789", None),
    ("bytes=" + ",".join(["0-0", "2-2"] * 9), 200, b"0123456789", None),
    ("bytes=--1", 200, b"0123456789", None),
]


@pytest.mark.parametrize(("asked", "status", "body", "told"), RANGES)
async def test_a_part_is_sent_as_rfc_9110_says(
    service: Caller, asked: str, status: int, body: bytes | None, told: str | None
):
    answer = await get(service, "bytes", Range=asked)

    assert (answer.status_code, answer.headers.get("content-range")) == (status, told)
    assert body is None or answer.content == body
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert body is not None or answer.json()["code"] == "range_not_satisfiable"


def parts_of(answer: httpx.Response) -> list[tuple[str, str, bytes]]:
    """Return content type, range and body of each part, as any reader of MIME sees them."""
    head = f"Content-Type: {answer.headers['content-type']}\r\n\r\n".encode()
    message = email.message_from_bytes(head + answer.content)
    assert not message.defects
    return [
        (part["content-type"], part["content-range"], part.get_payload(decode=True))  # type: ignore[index,union-attr,misc]
        for part in message.get_payload()
    ]


@pytest.mark.parametrize("how", ["bytes", "file"])
async def test_several_parts_are_sent_one_after_another_as_they_were_asked_for(service: Caller, how: str):
    whole = (await get(service, how, Accept_Encoding="identity")).content
    answer = await get(service, how, Range="bytes=4-5, 0-1, -2", Accept_Encoding="gzip")
    size = len(whole)

    assert answer.status_code == 206
    assert answer.headers["content-type"].startswith("multipart/byteranges; boundary=")
    assert not {"content-range", "content-encoding"} & set(answer.headers)
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert parts_of(answer) == [
        ("text/csv; charset=utf-8", f"bytes 4-5/{size}", whole[4:6]),
        ("text/csv; charset=utf-8", f"bytes 0-1/{size}", whole[:2]),
        ("text/csv; charset=utf-8", f"bytes {size - 2}-{size - 1}/{size}", whole[-2:]),
    ]


async def test_parts_that_add_up_to_more_than_the_body_are_not_sent_twice(service: Caller):
    answer = await get(service, "bytes", Range="bytes=" + ",".join(["0-9"] * 16))

    assert (answer.status_code, answer.content) == (206, b"0123456789")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If-Match": "{tag}"}, 200),
        ({"If-Match": '"x", {tag}'}, 200),
        ({"If-Match": "*"}, 200),
        ({"If-Match": '"x"'}, 412),
        ({"If-Match": "W/{tag}"}, 412),
        ({"If-Match": '"x"', "If-None-Match": "{tag}"}, 412),
        ({"If-Match": "{tag}", "If-None-Match": "{tag}"}, 304),
        ({"If-Match": "{tag}", "Range": "bytes=0-1"}, 206),
        ({"If-Match": '"x"', "Range": "bytes=0-1"}, 412),
        ({"If-Match": '"x"', "Range": "bytes=999-"}, 412),
        ({"If-Unmodified-Since": "Tue, 14 Nov 2023 22:13:20 GMT"}, 200),
        ({"If-Unmodified-Since": "Tue, 14 Nov 2023 22:13:19 GMT"}, 412),
        ({"If-Unmodified-Since": "Tue, 14 Nov 2023 22:13:19 GMT", "If-Match": "{tag}"}, 200),
        ({"If-Unmodified-Since": "yesterday"}, 200),
    ],
)
async def test_a_caller_who_demands_another_version_gets_412(
    service: Caller, headers: dict[str, str], status: int
):
    tag = (await get(service, "file", Accept_Encoding="identity")).headers["etag"]
    named = {name.replace("-", "_"): value.format(tag=tag) for name, value in headers.items()}
    answer = await get(service, "file", Accept_Encoding="identity", **named)

    assert answer.status_code == status
    if status == 412:
        assert answer.json()["code"] == "precondition_failed"
        assert "etag" not in answer.headers


async def test_a_demand_is_for_get_alone_and_never_changes_what_a_function_did(service: Caller):
    headers = {"If-Match": '"x"'}
    head = await service.anonymous("HEAD", "/contents?how=file", headers=headers)
    post = await service.anonymous("POST", "/contents", headers=headers)

    assert (head.status_code, post.status_code) == (412, 201)


@pytest.mark.parametrize("body", [5, None, object(), [1, 2], iter([None])])
async def test_what_is_neither_text_nor_bytes_is_refused_and_never_sent_as_zeros(body: object):
    with pytest.raises(TypeError, match="text or bytes"):
        async with opened(Csv(body), tags=False) as found:  # type: ignore[arg-type]
            _ = [piece async for piece in found.pieces(0, None)]


@pytest.mark.parametrize(("how", "asked"), [("empty", "bytes=-5"), ("pieces", "bytes=0-3")])
async def test_what_has_no_parts_is_sent_whole(service: Caller, how: str, asked: str):
    answer = await get(service, how, Range=asked)

    assert answer.status_code == 200
    assert "content-range" not in answer.headers


async def test_a_part_is_for_get_alone(service: Caller):
    head = await service.anonymous("HEAD", "/contents?how=bytes", headers={"Range": "bytes=0-3"})
    post = await service.anonymous("POST", "/contents", headers={"Range": "bytes=0-0"})

    assert (head.status_code, head.headers["content-length"]) == (200, "10")
    assert (post.status_code, post.content) == (201, b"{}")


async def test_a_part_of_a_compressible_body_is_not_compressed(service: Caller):
    whole = await get(service, "long", Accept_Encoding="gzip")
    part = await get(service, "long", Accept_Encoding="gzip", Range="bytes=0-2999")

    assert (whole.headers["content-encoding"], whole.headers["etag"][:2]) == ("gzip", "W/")
    assert "accept-ranges" not in whole.headers
    assert "content-encoding" not in part.headers
    assert (part.status_code, len(part.content)) == (206, 3000)
    assert "Accept-Encoding" in part.headers["vary"]


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        ("{tag}", 206),
        ('"another"', 200),
        ("W/{tag}", 200),
        ("Tue, 14 Nov 2023 22:13:20 GMT", 206),
        ("Tue, 14 Nov 2023 22:13:21 GMT", 200),
        ("yesterday", 200),
    ],
)
async def test_a_part_is_sent_only_of_the_body_that_the_caller_has(
    service: Caller, condition: str, status: int
):
    tag = (await get(service, "file", Accept_Encoding="identity")).headers["etag"]
    answer = await get(service, "file", Range="bytes=0-3", If_Range=condition.format(tag=tag))

    assert answer.status_code == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If-None-Match": "{tag}"}, 304),
        ({"If-None-Match": "W/{tag}"}, 304),
        ({"If-None-Match": '"x", {tag}'}, 304),
        ({"If-None-Match": "*"}, 304),
        ({"If-None-Match": '"x"'}, 200),
        ({"If-Modified-Since": "Tue, 14 Nov 2023 22:13:20 GMT"}, 304),
        ({"If-Modified-Since": "Tue, 14 Nov 2023 22:13:19 GMT"}, 200),
        ({"If-Modified-Since": "nonsense"}, 200),
        ({"If-None-Match": '"x"', "If-Modified-Since": "Tue, 14 Nov 2023 22:13:20 GMT"}, 200),
        ({"If-None-Match": "{tag}", "Range": "bytes=0-3"}, 304),
    ],
)
async def test_a_caller_who_has_a_file_gets_304(service: Caller, headers: dict[str, str], status: int):
    first = await get(service, "file", Accept_Encoding="identity")
    tag = first.headers["etag"]
    headers = {name: value.format(tag=tag) for name, value in headers.items()}
    answer = await get(service, "file", **headers)

    assert first.headers["last-modified"] == "Tue, 14 Nov 2023 22:13:20 GMT"
    assert answer.status_code == status
    if status == 304:
        assert answer.content == b""
        assert not {"content-length", "content-type", "content-encoding"} & set(answer.headers)
        assert [answer.headers[name] for name in ("etag", "cache-control", "vary")] == [
            first.headers[name] for name in ("etag", "cache-control", "vary")
        ]


async def test_a_functions_own_tag_is_sent(service: Caller):
    answer = await get(service, "tagged")

    assert answer.headers["etag"] == '"v1"'


@pytest.mark.parametrize("how", ["bytes", "long", "file", "pieces"])
async def test_head_has_the_headers_of_get_and_runs_no_iterator(service: Caller, how: str):
    whole = await get(service, how)
    head = await service.anonymous("HEAD", "/contents", params={"how": how})

    names = ("content-type", "content-length", "etag", "last-modified", "content-disposition")
    assert [head.headers.get(name) for name in names] == [whole.headers.get(name) for name in names]
    assert head.content == b""


@pytest.mark.parametrize("options", [{"etag": 'a"b'}, {"etag": ""}, {"modified": datetime(2026, 1, 1)}])  # noqa: DTZ001
def test_a_validator_that_cannot_be_sent_is_refused(options: dict[str, object]):
    with pytest.raises(ValueError, match=r"etag|modified"):
        Csv("SPY", **options)  # type: ignore[arg-type]


async def test_a_time_in_the_future_is_not_sent(service: Caller, folder: Path):
    os.utime(folder / "rows.csv", (4_000_000_000, 4_000_000_000))
    answer = await get(service, "file")

    assert datetime.strptime(answer.headers["last-modified"], "%a, %d %b %Y %H:%M:%S GMT").replace(
        tzinfo=UTC
    ) <= datetime.now(UTC)


def test_a_file_without_a_known_ending_is_octets():
    assert File(b"x", name="x.unknown").media == File(b"x").media == "application/octet-stream"


async def test_a_large_file_arrives_whole_over_the_wire(service: Caller):
    async with listening(service.application) as server:
        seen = 0
        async with (
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as http,
            http.stream("GET", "/large") as answer,
        ):
            async for piece in answer.aiter_raw():
                seen += len(piece)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as http:
            part = await http.get("/large", headers={"Range": f"bytes={SIZE - 5}-"})
            parts = await http.get("/large", headers={"Range": f"bytes={SIZE - 5}-,0-1"})

    assert (seen, answer.headers["content-length"]) == (SIZE, str(SIZE))
    assert (part.status_code, part.content) == (206, b"\0" * 5)
    assert [body for _, _, body in parts_of(parts)] == [b"\0" * 5, b"\0" * 2]


async def test_a_slow_caller_slows_an_iterator_and_one_who_leaves_ends_it(service: Caller):
    async def state() -> dict[str, int]:
        numbers: dict[str, int] = (await service.anonymous("PUT", "/large")).json()
        return numbers

    async with listening(service.application) as server:
        async with peer(server) as caller:
            await caller.send(b"POST /large HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
            await caller.reader.readexactly(100_000)
            before = -1
            while before != (before := (await state())["sent"]):  # noqa: ASYNC110  # nobody tells
                await asyncio.sleep(0.2)
            assert before * 65536 < 32 * 1024 * 1024  # what sockets and buffers hold, and then it waits
        await until_closed(state)

    assert (await state())["closed"] == 1


async def until_closed(state) -> None:
    async with asyncio.timeout(20):
        while not (await state())["closed"]:  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.05)
