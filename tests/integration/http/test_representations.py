"""304 for what a caller has, compression for what a caller takes, and neither where it is switched off."""

import gzip
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import brotli  # type: ignore[import-untyped]
import pytest
import zstandard

from runtime.routing.calling.answers import codings
from tests.fixtures.app import Caller, Compose

ROWS = '''"""Readings."""

from collections.abc import AsyncIterator

from litestar import Response

from runtime import Event, Function

config = Function(public=True, {config})


async def get(rows: int = 1000) -> list[str]:
    """List."""
    return ["SPY"] * rows


async def post(kind: str = "text/csv", cache: str = "no-store") -> Response[str]:
    """Answer by hand."""
    return Response("SPY,1\\n" * 1000, media_type=kind, headers={{"Cache-Control": cache}})


async def put() -> AsyncIterator[Event]:
    """Stream."""
    for _ in range(200):
        yield Event()
'''


DECODERS = {
    "gzip": gzip.decompress,
    "br": brotli.decompress,
    "zstd": lambda body: zstandard.ZstdDecompressor().decompressobj().decompress(body),
    None: bytes,
}


@pytest.fixture
async def service(tmp_path: Path, compose: Compose) -> AsyncIterator[Caller]:
    configs = {"cached": "cache=60", "plain": "timeout=5", "bare": "cache=60, etag=False, compress=False"}
    for name, config in configs.items():
        (tmp_path / f"{name}.py").write_text(ROWS.format(config=config))
    async with compose(tmp_path) as caller:
        yield caller


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip", "gzip"),
        ("gzip, deflate", "gzip"),
        ("gzip, deflate, br", "br"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("br;q=1, gzip;q=0.2", "br"),
        ("br;q=0.2, gzip;q=1", "gzip"),
        ("zstd;q=0, br;q=0.5, gzip;q=0.4", "br"),
        ("zstd;q=0.1, br;q=0.1, gzip;q=0.1", "zstd"),
        ("identity;q=1, br;q=0.001", "br"),
        ("gzip;q=1.000, br;q=1", "br"),
        ("x-gzip", None),
        ("*", "zstd"),
        ("gzip;q=0.0, *", "zstd"),
        ("GZIP", "gzip"),
        ("gzip;q=0", None),
        ("*;q=0", None),
        ("identity", None),
        ("", None),
        ("gzip;q=x", None),
    ],
)
async def test_a_long_body_is_compressed_for_who_takes_it(service: Caller, accepted: str, coding: str | None):
    headers = {"Accept-Encoding": accepted}
    async with service.http.stream("GET", "/plain", headers=headers) as answer:
        raw = b"".join([piece async for piece in answer.aiter_raw()])

    assert answer.headers.get("content-encoding") == coding
    assert len(DECODERS[coding](raw)) == 6001
    assert int(answer.headers["content-length"]) == len(raw)
    assert "Accept-Encoding" in answer.headers["vary"]


@pytest.mark.parametrize(
    "missing", [("brotli",), ("zstandard", "compression"), ("brotli", "zstandard", "compression")]
)
def test_a_coding_whose_library_is_not_installed_is_not_offered(missing: tuple[str, ...]):
    hidden = "; ".join(f"sys.modules[{name!r}] = None" for name in missing)
    code = f"import sys; {hidden}; from {codings.__name__} import CODINGS; print(*map(bytes.decode, CODINGS))"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    gone = {"br"} if missing == ("brotli",) else {"zstd"} if "brotli" not in missing else {"br", "zstd"}
    assert printed.split() == [name for name in ("zstd", "br", "gzip") if name not in gone]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/plain?rows=9"),
        ("GET", "/bare"),
        ("POST", "/bare"),
        ("POST", "/plain?kind=image/png"),
        ("POST", "/plain?cache=no-transform"),
        ("POST", "/plain?kind=text/event-stream"),
        ("PUT", "/plain"),
    ],
)
async def test_what_is_short_packed_streamed_or_switched_off_is_sent_as_it_is(
    service: Caller, method: str, path: str
):
    answer = await service.anonymous(method, path, headers={"Accept-Encoding": "gzip"})

    assert answer.status_code == 200
    assert "content-encoding" not in answer.headers


async def test_a_returned_text_is_compressed_too(service: Caller):
    answer = await service.anonymous("POST", "/plain", headers={"Accept-Encoding": "gzip"})

    assert (answer.headers["content-encoding"], answer.text) == ("gzip", "SPY,1\n" * 1000)


@pytest.mark.parametrize("known", ["{}", '"x", {}', "*", "W/{}"])
async def test_a_caller_who_has_a_cached_answer_gets_304(service: Caller, known: str):
    first = await service.anonymous("GET", "/cached", headers={"Accept-Encoding": "gzip"})
    known = known.format(first.headers["etag"].removeprefix("W/"))
    again = await service.anonymous("GET", "/cached", headers={"If-None-Match": known})
    other = await service.anonymous("GET", "/cached?rows=2", headers={"If-None-Match": known})

    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers["cache-control"] == first.headers["cache-control"]
    assert again.headers["vary"] == first.headers["vary"]
    assert not {"content-length", "content-type", "content-encoding"} & set(again.headers)
    assert other.status_code == (304 if known == "*" else 200)


@pytest.mark.parametrize("path", ["/plain", "/bare"])
async def test_without_cache_or_with_etag_switched_off_there_is_none(service: Caller, path: str):
    answer = await service.anonymous("GET", path, headers={"If-None-Match": "*"})

    assert answer.status_code == 200
    assert "etag" not in answer.headers


async def test_head_has_the_headers_of_get(service: Caller):
    headers = {"Accept-Encoding": "gzip"}
    head = await service.anonymous("HEAD", "/cached", headers=headers)
    get = await service.anonymous("GET", "/cached", headers=headers)

    names = ("etag", "content-length", "content-encoding", "vary", "cache-control")
    assert [head.headers[name] for name in names] == [get.headers[name] for name in names]
    assert head.content == b""
