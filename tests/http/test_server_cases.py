"""What uvicorn's tests of its HTTP protocol ask of a server, asked of ours over a socket.

The cases were written anew from tests/protocols/test_http.py and test_utils.py of uvicorn. Taken:

| class | cases here |
| --- | --- |
| methods, bodies, raw and root paths | `ONE_ANSWER` |
| keep-alive, close, HTTP/1.0, pipelining | `KEPT` |
| chunks from and to the caller, HEAD | `ONE_ANSWER`, `test_a_body_of_unknown_length_is_sent_in_chunks` |
| fields: characters, large ones, in pieces | `VALUES`, `test_a_head_that_comes_in_pieces_is_one_head` |
| no request, no version, no target | `REFUSED` |
| applications that say too much, too little or nothing | `WRONG` |
| Expect | `test_100_continue_is_sent_once_the_body_is_wanted` |
| callers that leave | `test_an_application_learns_that_its_caller_left` |

Not taken: lifespan, reloading, WebSockets and `root_path`, which this service does not have, and limits,
timeouts, upgrades and half-closed connections, which tests/unit/server asks in more ways than uvicorn does.
"""

import asyncio
from typing import Any

import pytest

from tests.fixtures.listening import listening, peer

GET = b"GET / HTTP/1.1\r\nHost: annex\r\n\r\n"


class Mirror:
    """Answers with what it was asked."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        query = b"?" + scope["query_string"] if scope["query_string"] else b""
        told = b" ".join([scope["method"].encode(), scope["raw_path"] + query, body])
        fields = dict(scope["headers"])
        head = [(b"content-length", b"%d" % len(told)), (b"x-told", fields.get(b"x-tell", b"-"))]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": told})


def split(answer: bytes) -> tuple[int, dict[bytes, bytes], bytes]:
    """Return status, header fields (in lower case) and the rest of an answer."""
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    fields = dict(line.split(b": ", 1) for line in lines)
    return int(first.split()[1]), {name.lower(): value for name, value in fields.items()}, body


async def asked(app: Any, request: bytes, *more: bytes) -> bytes:
    """Return all that comes back on one connection, to its end."""
    async with listening(app, keep_alive=0.2) as server, peer(server) as caller:
        for piece in (request, *more):
            await caller.send(piece)
            await asyncio.sleep(0)
        return await caller.rest()


LONG = b"x" * 100_000
CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
ONE_ANSWER = [
    (b"GET / HTTP/1.1\r\nHost: annex\r\n\r\n", b"GET / "),
    (b"DELETE /a HTTP/1.1\r\nHost: annex\r\n\r\n", b"DELETE /a "),
    (b"OPTIONS /a HTTP/1.1\r\nHost: annex\r\n\r\n", b"OPTIONS /a "),
    (b"PURGE /a HTTP/1.1\r\nHost: annex\r\n\r\n", b"PURGE /a "),
    (b"GET /one%2Ftwo HTTP/1.1\r\nHost: annex\r\n\r\n", b"GET /one%2Ftwo "),
    (b"GET /%C3%BC?a=%20&b= HTTP/1.1\r\nHost: annex\r\n\r\n", b"GET /%C3%BC?a=%20&b= "),
    (b"GET /a?b?c#d HTTP/1.1\r\nHost: annex\r\n\r\n", b"GET /a?b?c "),
    (b"GET http://annex/a?b HTTP/1.1\r\nHost: annex\r\n\r\n", b"GET /a?b "),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n\r\n{'a':1}", b"POST / {'a':1}"),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", b"POST / "),
    (b"POST / HTTP/1.1\r\nHost: a\r\n\r\n", b"POST / "),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" + LONG, b"POST / " + LONG),
    (CHUNKED + b"3\r\nfoo\r\n3\r\nbar\r\n0\r\n\r\n", b"POST / foobar"),
    (CHUNKED + b"0\r\n\r\n", b"POST / "),
    (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", b"GET / abc"),
    (b"get / HTTP/1.1\r\nHost: a\r\n\r\n", None),
]  # fmt: skip


@pytest.mark.parametrize(("request_", "told"), ONE_ANSWER, ids=lambda value: str(value)[:60])
async def test_a_request_is_read_as_it_was_written(request_: bytes, told: bytes | None):
    status, _, body = split(await asked(Mirror(), request_))

    assert (status, body if told else None) == ((200, told) if told else (400, None))


@pytest.mark.parametrize(("request_", "told"), ONE_ANSWER[:-1], ids=lambda value: str(value)[:60])
async def test_a_request_in_two_pieces_is_read_as_in_one(request_: bytes, told: bytes):
    middle = len(request_) // 2

    assert split(await asked(Mirror(), request_[:middle], request_[middle:]))[2] == told


@pytest.mark.parametrize(
    ("requests", "answers", "closed"),
    [
        ([GET], 1, False),
        ([GET, GET, GET], 3, False),
        ([GET * 3], 3, False),
        ([GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), GET], 1, True),
        ([GET.replace(b"\r\n\r\n", b"\r\nConnection: Close, x\r\n\r\n"), GET], 1, True),
        ([GET.replace(b"\r\n\r\n", b"\r\nConnection: keep-alive\r\n\r\n"), GET], 2, False),
        ([b"GET / HTTP/1.0\r\n\r\n", GET], 1, True),
        ([b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", GET], 1, True),
        ([b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" + GET], 2, False),
        ([b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc" + GET], 1, True),
        ([GET * 2 + b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + GET], 3, True),
    ],
)
async def test_a_connection_is_kept_or_closed_as_its_requests_say(
    requests: list[bytes], answers: int, closed: bool
):
    told = await asked(Mirror(), *requests)

    assert told.count(b"HTTP/1.1 200 ") == answers
    assert told.count(b"HTTP/1.") == answers
    assert (b"\r\nconnection: close\r\n" in told.lower()) == closed


VALUES = [b"a", b"a b", b"\ta\t", b"\xfc", b"(),/:;<=>?@[\\]{}", b'"quoted"', b"%00", b"~" * 8000, b""]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value[:20]))
async def test_a_value_may_have_every_character_of_the_grammar(value: bytes):
    request = b"GET / HTTP/1.1\r\nHost: a\r\nX-Tell: " + value + b"\r\n\r\n"
    status, fields, _ = split(await asked(Mirror(), request))

    assert (status, fields[b"x-told"].strip()) == (200, value.strip())


@pytest.mark.parametrize("octet", [0, 1, 8, 10, 11, 12, 13, 14, 27, 31, 127], ids=hex)
async def test_a_value_has_no_control_characters(octet: int):
    request = b"GET / HTTP/1.1\r\nHost: a\r\nX-Tell: a%cb\r\n\r\n" % octet

    assert split(await asked(Mirror(), request))[0] == 400


@pytest.mark.parametrize("octet", [*b' \t"(),/:;<=>?@[\\]{}', 0, 127, 128, 255], ids=hex)
async def test_a_fields_name_is_a_token(octet: int):
    request = b"GET / HTTP/1.1\r\nHost: a\r\nX%cY: a\r\n\r\n" % octet
    status, _, _ = split(await asked(Mirror(), request))

    assert status == (200 if octet == ord(":") else 400)  # `X:Y: a` is a field X


async def test_a_head_that_comes_in_pieces_is_one_head():
    cookie = b"x" * 12_000
    request = b"GET / HTTP/1.1\r\nHost: a\r\nCookie: " + cookie + b"\r\nX-Tell: end\r\n\r\n"
    pieces = [request[start : start + 1000] for start in range(0, len(request), 1000)]
    status, fields, _ = split(await asked(Mirror(), *pieces))

    assert (status, fields[b"x-told"]) == (200, b"end")


REFUSED = [
    b"GET / HTTP/x.y\r\nHost: a\r\n\r\n",
    b"GET HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1 x\r\nHost: a\r\n\r\n",
    b"GET / HTTP/3.7\r\nHost: a\r\n\r\n",
    b"GET / HTTPS/1.1\r\nHost: a\r\n\r\n",
    b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n",
    b" GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"G\xe4T / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost a\r\n\r\n",
    b"GET / HTTP/1.1\r\n: a\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(40),
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
    b"\x00" * 64,
    b"{}\r\n\r\n",
]


@pytest.mark.parametrize("request_", REFUSED, ids=lambda value: repr(value[:30]))
async def test_what_is_no_request_is_400_and_the_connection_ends(request_: bytes):
    told = await asked(Mirror(), request_ + GET)
    status, fields, _ = split(told)

    assert (status, told.count(b"HTTP/1.1 ")) == (400, 1)
    assert (fields[b"connection"], fields[b"content-type"]) == (b"close", b"application/problem+json")


START = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"3")]}
BODY = {"type": "http.response.body", "body": b"abc"}
OPEN = {"type": "http.response.start", "status": 200, "headers": []}
PIECE = {"type": "http.response.body", "body": b"abc", "more_body": True}
WRONG: dict[str, tuple[list[dict[str, Any]], bytes | None]] = {
    "nothing": ([], None),
    "a body without a head": ([BODY], None),
    "two heads": ([START | {"status": 201}, START, BODY], b"abc"),  # the second replaces the first
    "a head alone": ([START], None),
    "too long": ([START, BODY | {"body": b"abcd"}], None),
    "too short": ([START, BODY | {"body": b"ab"}], None),
    "a second body": ([START, BODY, BODY], b"abc"),
    "a split field": ([START | {"headers": [(b"x", b"a\r\nSet-Cookie: b")]}, BODY], None),
    "a split name": ([START | {"headers": [(b"x: y\r\nz", b"a")]}, BODY], None),
    "no status": ([START | {"status": 99}, BODY], None),
    "an interim status": ([START | {"status": 101}, BODY], None),
    "a status of no class": ([START | {"status": 600}, BODY], None),
    "a text": ([START | {"headers": [("x", "a")]}, BODY], None),
}


@pytest.mark.parametrize("case", WRONG)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
async def test_a_wrong_application_costs_its_own_answer_and_no_other(case: str):
    messages, body = WRONG[case]
    seen = 0

    async def wrong(scope: Any, receive: Any, send: Any) -> None:
        nonlocal seen
        seen += 1
        if scope["path"] == "/good":
            return await Mirror()(scope, receive, send)
        for message in messages:
            await send(message)
        return None

    async with listening(wrong) as server:
        async with peer(server) as caller:
            await caller.send(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
            told = await caller.rest()
        async with peer(server) as caller:
            await caller.send(b"GET /good HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            good = await caller.rest()

    assert split(good)[2] == b"GET /good "
    assert b"set-cookie" not in told.lower()
    assert told.count(b"HTTP/1.1 ") <= 1
    if body is not None:
        assert split(told)[2] == body
    elif told:  # else the connection was closed, as it is where an answer cannot be made whole
        status, fields, rest = split(told)
        assert status == 500 or int(fields[b"content-length"]) > len(rest)


async def test_a_body_of_unknown_length_is_sent_in_chunks():
    async def open_ended(scope: Any, receive: Any, send: Any) -> None:
        await send(OPEN)
        await send(PIECE)
        await send(PIECE | {"body": b""})
        await send(BODY | {"body": b"d"})

    whole = await asked(open_ended, GET)
    head = await asked(open_ended, GET.replace(b"GET", b"HEAD"))
    old = await asked(open_ended, b"GET / HTTP/1.0\r\n\r\n")

    assert split(whole)[1][b"transfer-encoding"] == b"chunked"
    assert split(whole)[2].endswith(b"\r\n0\r\n\r\n")
    assert b"".join(split(whole)[2].split(b"\r\n")[1:4:2]) == b"abcd"
    assert split(head)[2] == b""
    assert (b"transfer-encoding" in split(old)[1], split(old)[2]) == (False, b"abcd")


async def test_100_continue_is_sent_once_the_body_is_wanted():
    async def refusing(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/taken":
            await receive()
        await send(START)
        await send(BODY)

    head = b"POST %b HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
    async with listening(refusing) as server:
        async with peer(server) as caller:
            await caller.send(head % b"/taken")
            assert await caller.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            await caller.send(b"abc")
            assert (await caller.response()).startswith(b"HTTP/1.1 200 ")
        async with peer(server) as caller:
            await caller.send(head % b"/refused")
            assert (await caller.response()).startswith(b"HTTP/1.1 200 ")


async def test_an_application_learns_that_its_caller_left():
    learned: asyncio.Queue[str] = asyncio.Queue()

    async def waiting(scope: Any, receive: Any, send: Any) -> None:
        while (message := await receive())["type"] != "http.disconnect":
            pass
        learned.put_nowait(message["type"])

    async with listening(waiting) as server:
        async with peer(server) as caller:
            await caller.send(GET)
        async with asyncio.timeout(20):
            assert await learned.get() == "http.disconnect"
