"""Forms and uploads that cannot be read, name a part twice, or break off: never a fault of ours."""

import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fixtures.app import Caller, Compose
from tests.fixtures.listening import listening, peer, until

ONE = '''"""A file of readings."""

from runtime import Function, Upload

config = Function(public=True)


async def post(data: Upload) -> int:
    """Count bytes."""
    return len(await data.read())
'''
NAMED = '''"""Files of readings, by name."""

from runtime import Function, Upload

config = Function(public=True)


async def post(data: dict[str, Upload]) -> dict[str, int]:
    """Count bytes."""
    return {name: len(await each.read()) for name, each in data.items()}
'''
FORM = '''"""A form, read by hand."""

from runtime import Function, Request

config = Function(public=True)


async def post(request: Request) -> list[str]:
    """Name the fields."""
    return sorted((await request.form()).keys())
'''
STREAM = '''"""A body, read by hand, piece by piece."""

from runtime import Function, Request

config = Function(public=True)


async def post(request: Request) -> int:
    """Count bytes."""
    return sum([len(piece) async for piece in request.stream()])
'''
JSON = '''"""A body."""

from runtime import Function

config = Function(public=True)


async def post(data: dict[str, int]) -> int:
    """Count."""
    return len(data)
'''
FILES = {"one": ONE, "named": NAMED, "form": FORM, "stream": STREAM, "json": JSON}
FORM_DATA = {"Content-Type": "multipart/form-data; boundary=x"}
FILE = b'--x\r\nContent-Disposition: form-data; name="a"; filename="a.csv"\r\n\r\nSPY\r\n'


@pytest.fixture
async def service(tmp_path: Path, compose: Compose) -> AsyncIterator[Caller]:
    for name, text in FILES.items():
        (tmp_path / f"{name}.py").write_text(text)
    async with compose(tmp_path) as caller:
        yield caller


def field(value: bytes, kind: bytes = b"") -> bytes:
    kind = b"Content-Type: %s\r\n" % kind if kind else b""
    return b'--x\r\nContent-Disposition: form-data; name="note"\r\n%s\r\n%s\r\n' % (kind, value)


UNDECODABLE = [
    field(b"\xff"),
    field(b"\xc3("),
    field(b"\xed\xa0\x80"),
    field(b"SPY", b"text/plain; charset=nowhere"),
    field(b"SPY", b"text/plain; charset=rot13"),
    field(b"SPY", b"text/plain; charset=base64"),
    field(b"\xff", b"text/plain; charset=ascii"),
    field(b"\x00", b"text/plain; charset=utf-16"),
    field(b"xn--\xff", b"text/plain; charset=idna"),
    b'--x\r\nContent-Disposition: form-data; name="\xff"\r\n\r\nSPY\r\n',
    b'--x\r\nContent-Disposition: form-data; name="b"; filename="\xff"\r\n\r\nSPY\r\n',
    b"--x\r\nContent-Disposition: attachment\r\n\r\nSPY\r\n",
    b"--x\r\n\r\nSPY\r\n",
    b"--x\r\nno field\r\n\r\nSPY\r\n",
]


@pytest.mark.parametrize("path", ["/one", "/named", "/form"])
async def test_multipart_that_cannot_be_decoded_is_the_callers_mistake(service: Caller, path: str):
    told = {}
    for part in UNDECODABLE:
        answer = await service.anonymous("POST", path, content=FILE + part + b"--x--\r\n", headers=FORM_DATA)
        told[part] = (answer.status_code, "malformed_request" in answer.text)

    assert told == dict.fromkeys(UNDECODABLE, (400, True))


@pytest.mark.parametrize("body", [b"note=%FF", b"note=\xff", b"\xff=1"])
async def test_bytes_of_an_urlencoded_form_that_are_no_text_are_no_fault_of_ours(
    service: Caller, body: bytes
):
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await service.anonymous("POST", "/form", content=body, headers=kind)

    assert answer.status_code in {200, 400}


async def test_a_boundary_that_is_missing_or_wrong_is_the_callers_mistake(service: Caller):
    answers = [
        await service.anonymous("POST", path, content=FILE + b"--x--\r\n", headers={"Content-Type": kind})
        for path in ("/one", "/form")
        for kind in (
            "multipart/form-data",
            "multipart/form-data; boundary=",
            'multipart/form-data; boundary=""',
            "multipart/form-data; boundary=y",
            f"multipart/form-data; boundary={'x' * 300}",
        )
    ]

    assert {answer.status_code for answer in answers} == {400}


async def test_two_files_of_one_name_are_told_where_only_one_can_be_given(service: Caller):
    files = [("a", ("a.csv", b"1")), ("a", ("b.csv", b"22")), ("b", ("b.csv", b"333"))]
    answer = await service.anonymous("POST", "/named", files=files)

    assert answer.status_code == 400
    assert answer.json()["errors"] == [{"location": "body", "field": "a", "message": "Given more than once."}]


async def test_files_of_different_names_are_all_given(service: Caller):
    files = [("a", ("a.csv", b"1")), ("b", ("b.csv", b"22"))]
    answer = await service.anonymous("POST", "/named", files=files)

    assert answer.json() == {"a": 1, "b": 2}


@pytest.mark.parametrize(
    ("path", "kind", "begun"),
    [
        ("/one", "multipart/form-data; boundary=x", FILE),
        ("/form", "multipart/form-data; boundary=x", FILE),
        ("/form", "application/x-www-form-urlencoded", b"note=SP"),
        ("/stream", "text/csv", b"SPY"),
        ("/json", "application/json", b'{"SPY": '),
    ],
)
@pytest.mark.parametrize("length", ["Content-Length: 9999", "Transfer-Encoding: chunked"])
async def test_a_caller_that_leaves_during_an_upload_is_no_fault_of_ours(
    service: Caller, caplog: pytest.LogCaptureFixture, path: str, kind: str, begun: bytes, length: str
):
    caplog.set_level(logging.INFO, "annex.access")
    head = f"POST {path} HTTP/1.1\r\nHost: annex\r\nContent-Type: {kind}\r\n{length}\r\n\r\n".encode()
    if "chunked" in length:
        begun = b"%x\r\n%s\r\n" % (len(begun), begun)

    async with listening(service.application) as server:
        async with peer(server) as connection:
            await connection.send(head + begun)
            await until(service.application.under_way)
        await until(lambda: any(record.name == "annex.access" for record in caplog.records))
    (line,) = [record for record in caplog.records if record.name == "annex.access"]

    assert (line.getMessage(), line.error) == (f"POST {path} cut off", "caller_left")  # type: ignore[attr-defined]  # an extra of ours
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []
