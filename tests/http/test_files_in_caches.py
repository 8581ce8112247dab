"""Files through a real nginx cache and a real Chromium: parts, validation, never two versions in one."""

import gzip
import itertools
import os
import wave
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Browser

from tests.fixtures.nginx import Cache
from tests.fixtures.routing import write_tree
from tests.fixtures.service import Service, annex, until

FILES = """
from pathlib import Path

from runtime import File, Function, Html

config = Function(public=True, cache={cache})


async def get(name: str) -> File:
    return File(Path({folder!r}) / name, inline=True)
"""
PAGE = """
from runtime import Function, Html

config = Function(public=True)


async def get() -> Html:
    return Html('<audio id="a" preload="auto" src="/files?name=sound.wav"></audio>', inline=True)
"""
OLD = b"".join(b"%05d" % number for number in range(1000))
NEW = OLD.replace(b"0", b"x")
_clocks = itertools.count(1_700_000_000)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    with wave.open(str(folder / "sound.wav"), "wb") as sound:
        sound.setparams((1, 2, 44_100, 0, "NONE", ""))
        sound.writeframes(bytes(2 * 44_100 * 60))
    write_tree(
        folder / "functions",
        {
            "files.py": FILES.format(cache=60, folder=str(folder)),
            "brief.py": FILES.format(cache=1, folder=str(folder)),
            "page.py": PAGE,
        },
    )
    return folder


@pytest.fixture(scope="module")
def service(folder: Path) -> Iterator[Service]:
    with annex(
        "serve", folder, {"ANNEX_ENV": "test", "ANNEX_FUNCTIONS": str(folder / "functions")}
    ) as running:
        yield running


@pytest.fixture
def name(folder: Path) -> str:
    """A file of this test's own, with the old content."""
    name = f"{uuid4().hex}.txt"
    written(folder / name, OLD)
    return name


def written(path: Path, content: bytes) -> None:
    path.with_suffix(".new").write_bytes(content)
    clock = next(_clocks)
    os.utime(path.with_suffix(".new"), (clock, clock))
    path.with_suffix(".new").replace(path)


def get(url: str, **headers: str) -> httpx.Response:
    named = {"Accept-Encoding": "identity"} | {key.replace("_", "-"): value for key, value in headers.items()}
    return httpx.get(url, headers=named, timeout=30)


def test_a_cache_gives_parts_of_what_it_keeps(service: Service, nginx: Cache, name: str):
    url = f"{nginx(service.url)}/files?name={name}"
    whole, part = get(url), get(url, Range="bytes=10-19")
    several = get(url, Range="bytes=0-4,100-104")

    assert (whole.headers["x-cache"], part.headers["x-cache"]) == ("MISS", "HIT")
    assert (part.status_code, part.content) == (206, OLD[10:20])
    assert part.headers["content-range"] == f"bytes 10-19/{len(OLD)}"
    assert part.headers["etag"] == whole.headers["etag"]
    assert several.status_code == 206
    assert OLD[100:105] in several.content


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=1500-2499", 1500, 2499),
        ("bytes=0-0", 0, 0),
        ("bytes=-1", 4999, 4999),
        ("bytes=4500-", 4500, 4999),
    ],
)
def test_a_cache_of_slices_puts_a_part_together(
    service: Service, nginx: Cache, name: str, asked: str, first: int, last: int
):
    url = f"{nginx(service.url)}/sliced/files?name={name}"
    part, again, whole = get(url, Range=asked), get(url, Range=asked), get(url)

    assert (part.status_code, part.content) == (206, OLD[first : last + 1])
    assert part.headers["content-range"] == f"bytes {first}-{last}/{len(OLD)}"
    assert (again.content, again.headers["x-cache"]) == (part.content, "HIT")
    assert whole.content == OLD


def test_slices_of_two_versions_are_never_put_together(
    service: Service, nginx: Cache, folder: Path, name: str
):
    url = f"{nginx(service.url)}/sliced/files?name={name}"
    before = get(url, Range="bytes=0-999")
    written(folder / name, NEW)
    received = b""
    try:
        with httpx.stream("GET", url, headers={"Accept-Encoding": "identity"}) as answer:
            for piece in answer.iter_raw():
                received += piece
    except httpx.RemoteProtocolError:
        pass  # nginx notices by the tag, and cuts

    assert before.content == OLD[:1000]
    assert received in (OLD[: len(received)], NEW[: len(received)])


def test_a_stale_copy_is_validated_and_kept_or_replaced(
    service: Service, nginx: Cache, folder: Path, name: str
):
    url = f"{nginx(service.url)}/revalidated/brief?name={name}"
    first = get(url)
    until(lambda: get(url).headers["x-cache"] == "REVALIDATED")  # the service said 304
    kept = get(url)
    written(folder / name, NEW)
    until(lambda: get(url).content == NEW)

    assert first.headers["x-cache"] == "MISS"
    assert (kept.status_code, kept.content, kept.headers["etag"]) == (200, OLD, first.headers["etag"])
    assert get(url).headers["etag"] != first.headers["etag"]


def test_a_compressed_copy_is_for_those_who_take_it(service: Service, nginx: Cache, name: str):
    url = f"{nginx(service.url)}/files?name={name}"
    with httpx.stream("GET", url, headers={"Accept-Encoding": "gzip"}) as answer:
        packed = b"".join(answer.iter_raw())
    plain = get(url)

    assert (answer.headers["content-encoding"], gzip.decompress(packed)) == ("gzip", OLD)
    assert ("content-encoding" in plain.headers, plain.content) == (False, OLD)


def test_a_download_goes_on_only_with_the_version_that_it_began_with(
    service: Service, nginx: Cache, folder: Path, name: str
):
    url = f"{nginx(service.url)}/brief?name={name}"
    tag = get(url).headers["etag"]
    same = get(f"{service.url}/brief?name={name}", Range="bytes=4990-", If_Range=tag)
    written(folder / name, NEW)
    until(lambda: get(url).content == NEW)
    other = get(url, Range="bytes=4990-", If_Range=tag)
    demanded = get(f"{service.url}/brief?name={name}", If_Match=tag)

    assert (same.status_code, same.content) == (206, OLD[4990:])
    assert (other.status_code, other.content) == (200, NEW)
    assert (demanded.status_code, demanded.json()["code"]) == (412, "precondition_failed")
    assert demanded.headers["cache-control"] == "no-store"


@pytest.mark.timeout(240)
def test_a_browser_plays_a_sound_from_its_middle_without_having_loaded_it(
    service: Service, chromium: Browser
):
    page = chromium.new_page()
    asked: list[str] = []
    statuses: list[int] = []
    page.on("request", lambda request: asked.append(request.headers.get("range", "")))
    page.on("response", lambda answer: statuses.append(answer.status))
    page.goto(f"{service.url}/page")
    found = page.evaluate(
        """async () => {
            const sound = document.getElementById("a");
            const happens = (name) => new Promise((done, fail) => {
                sound.addEventListener(name, done, { once: true });
                sound.addEventListener("error", () => fail(sound.error.message), { once: true });
            });
            if (sound.readyState < 1) await happens("loadedmetadata");
            const seeked = happens("seeked");
            sound.currentTime = 50;
            await seeked;
            return [sound.duration, sound.seekable.end(0), sound.currentTime].map(Math.round);
        }"""
    )
    page.close()

    assert found == [60, 60, 50]
    assert any(each.startswith("bytes=") for each in asked)
    assert 206 in statuses
    assert not [status for status in statuses if status >= 400]


def test_a_browser_validates_its_copy_and_sees_the_new_version(
    service: Service, chromium: Browser, folder: Path, name: str
):
    page = chromium.new_page()
    page.goto(f"{service.url}/page")
    statuses: list[int] = []
    network = page.context.new_cdp_session(page)
    network.on("Network.responseReceivedExtraInfo", lambda seen: statuses.append(seen["statusCode"]))
    network.send("Network.enable")
    load = """async (url) => {
        const answer = await fetch(url, { cache: "no-cache" });
        return [answer.status, await answer.text()];
    }"""
    url = f"/files?name={name}"
    first, again = page.evaluate(load, url), page.evaluate(load, url)
    written(folder / name, NEW)
    changed = page.evaluate(load, url)
    page.close()

    assert [first, again] == [[200, OLD.decode()]] * 2
    assert statuses == [200, 304, 200]
    assert changed == [200, NEW.decode()]
