"""Random legal trees, built and asked for real: the router keeps the rules of the reference on every URL."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from litestar import Litestar, get

from runtime.config import METHODS
from runtime.routing import discover
from runtime.routing.matching.tree import is_refused
from runtime.routing.reading.names import Segment
from runtime.routing.reading.tree import shape_of
from tests.fixtures.reference_router import ReferenceRouter, urls_of
from tests.fixtures.routing import Caller, write_tree

type Route = tuple[Segment, ...]

STATIC = st.sampled_from(["a", "b", "me", "météo", "x-1"])
PARTS = st.sampled_from(
    ["a", "b", "/b", "me", "météo", "x-1", "A", "a/b", "%2F", "a b", "..", ".", "é?#", "0", "\x00", ""]
)


@st.composite
def routes(draw: st.DrawFn) -> Route:
    depth = draw(st.integers(0, 4))
    segments: list[Segment] = []
    for level in range(depth):
        kind = draw(st.sampled_from(["static", "static", "dynamic"]))
        segments.append(
            Segment("static", draw(STATIC)) if kind == "static" else Segment("dynamic", f"p{level}")
        )
    if draw(st.booleans()) and draw(st.booleans()):
        segments.append(Segment("rest", "rest"))
    return tuple(segments)


@st.composite
def trees(draw: st.DrawFn) -> dict[str, tuple[Route, list[str]]]:
    """Files of a legal tree, each with its URL and methods."""
    files: dict[str, tuple[Route, list[str]]] = {}
    taken: set[str] = set()
    kinds: dict[str, str] = {}
    for route in draw(st.lists(routes(), min_size=1, max_size=10)):
        wanted = {shape_of(route[:i]): each.kind for i, each in enumerate(route) if each.kind != "static"}
        if shape_of(route) in taken or any(kinds.get(place, kind) != kind for place, kind in wanted.items()):
            continue
        taken.add(shape_of(route))
        kinds |= wanted
        methods = draw(st.lists(st.sampled_from(METHODS), min_size=1, max_size=3, unique=True))
        files[draw(_spelled(route))] = (route, methods)
    return files


@st.composite
def _spelled(draw: st.DrawFn, route: Route) -> str:
    """A file of this URL: with or without index.py, inside of groups or not."""
    names = [
        {"static": each.text, "dynamic": f"[{each.text}]", "rest": f"[...{each.text}]"}[each.kind]
        for each in route
    ]
    if not route or (route[-1].kind != "rest" and draw(st.booleans())):
        names.append("index")
    group = draw(st.sampled_from(["", "(internal)/"]))
    return f"{group}{'/'.join(names)}.py"


def _source(file: str, route: Route, methods: list[str]) -> str:
    names = [each.text for each in route if each.kind != "static"]
    inputs = ", ".join(f"{name}: str" for name in names)
    values = ", ".join(f"{name!r}: {name}" for name in names)
    return "\n\n".join(
        f"async def {method}({inputs}) -> dict[str, object]:\n"
        f"    return {{'file': {file!r}, 'method': {method.upper()!r}, 'values': {{{values}}}}}"
        for method in methods
    )


@pytest.fixture
def root() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="annex-tree-"))
    yield folder
    shutil.rmtree(folder)


def _urls(data: st.DataObject, tree: dict[str, tuple[Route, list[str]]]) -> list[list[str]]:
    made = [url.strip("/").split("/") for url in urls_of([route for route, _ in tree.values()])]
    drawn = data.draw(st.lists(st.lists(PARTS, max_size=5), max_size=15))
    return [*made, *drawn]


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(tree=trees(), data=st.data())
async def test_router_and_reference_agree_on_every_url_of_every_legal_tree(
    root: Path, tree: dict[str, tuple[Route, list[str]]], data: st.DataObject
) -> None:
    shutil.rmtree(root)
    write_tree(root, {file: _source(file, route, methods) for file, (route, methods) in tree.items()})
    table = discover(root)
    caller = Caller(table)
    reference = ReferenceRouter(route for route, _ in tree.values())
    owners = {route: (file, methods) for file, (route, methods) in tree.items()}

    assert table.faults == ()
    for parts in _urls(data, tree):
        slash = data.draw(st.sampled_from(["/", "//"]))
        url = "/" + slash.join(quote(part, safe="") for part in parts) + data.draw(st.sampled_from(["", "/"]))
        method = data.draw(st.sampled_from(METHODS))
        answer = await caller.send(method.upper(), url)
        kept = [part for part in parts if part]
        match = None if is_refused("/" + "/".join(kept)) else reference.match_segments(kept)
        if match is None:
            assert answer.status == 404, url
            continue
        file, methods = owners[match.segments]
        if method not in methods:
            assert answer.status == 405, url
            assert set(methods) <= set(answer.headers["allow"].lower().split(", ")), url
            continue
        expected = {"file": file, "method": method.upper(), "values": match.values}
        assert (answer.status, answer.json) == (200, expected), url


TROUBLE = {
    "users/me/[key].py": "async def get(key: str) -> str:\n    return key",
    "users/[id].py": "async def get(id: str) -> str:\n    return id",
    "a/[...rest].py": "async def get(rest: str) -> str:\n    return rest",
    "a/b/[key].py": "async def get(key: str) -> str:\n    return key",
}


async def test_a_search_that_finds_nothing_goes_on_with_the_next_branch(tmp_path: Path) -> None:
    write_tree(tmp_path, TROUBLE)
    caller = Caller.of(tmp_path)

    answers = [
        (await caller.get(url)).json for url in ("/users/me", "/users/me/k", "/a/b", "/a/b/k", "/a/b/k/x")
    ]

    assert answers == ["me", "k", "b", "k", "b/k/x"]


async def test_stock_router_still_gives_up_where_a_branch_ends() -> None:
    """When this fails, litestar#4991 is mended, and the tree may have become unnecessary."""

    @get(["/users/me/{key:str}", "/users/{id:str}"])
    async def handler() -> str:
        return "found"

    app: Any = Litestar([handler], openapi_config=None)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as http:
        statuses = [(await http.get(url)).status_code for url in ("/users/you", "/users/me")]

    assert statuses == [200, 404]


async def test_very_long_path_is_answered(tmp_path: Path) -> None:
    write_tree(tmp_path, {"files/[...rest].py": "async def get(rest: str) -> int:\n    return len(rest)"})
    caller = Caller.of(tmp_path)

    deep = await caller.get("/files" + "/x" * 50_000)
    lost = await caller.get("/nowhere" + "/x" * 50_000)

    assert (deep.status, deep.json) == (200, 99_999)
    assert lost.status == 404


async def test_case_matters_in_urls(tmp_path: Path) -> None:
    write_tree(tmp_path, {"Reports.py": "async def get() -> str:\n    return 'ok'"})
    caller = Caller.of(tmp_path)

    assert (await caller.get("/Reports")).status == 200
    assert (await caller.get("/reports")).status == 404


def test_names_that_differ_in_case_alone_are_refused(tmp_path: Path) -> None:
    write_tree(tmp_path, dict.fromkeys(("Users.py", "users.py"), "async def get() -> str:\n    return 'ok'"))

    assert [str(fault) for fault in discover(tmp_path).faults] == [
        "Users.py: /Users and /users differ only in case, here and in users.py. "
        "Rename one; some file systems cannot tell them apart.",
        "users.py: /Users and /users differ only in case, here and in Users.py. "
        "Rename one; some file systems cannot tell them apart.",
    ]


def test_linked_folder_is_told_and_not_followed(tmp_path: Path) -> None:
    write_tree(tmp_path / "functions", {"a.py": "async def get() -> str:\n    return 'ok'"})
    write_tree(tmp_path / "elsewhere", {"b.py": "async def get() -> str:\n    return 'ok'"})
    (tmp_path / "functions" / "linked").symlink_to(tmp_path / "elsewhere")

    table = discover(tmp_path / "functions")

    assert [endpoint.file for endpoint in table.endpoints] == ["a.py"]
    assert [str(fault) for fault in table.faults] == [
        "linked: This folder is a symbolic link, which is not followed. Replace the link with the folder."
    ]


def test_missing_folder_is_a_fault_and_no_crash(tmp_path: Path) -> None:
    table = discover(tmp_path / "functions")

    assert table.endpoints == ()
    assert str(table.faults[0]) == (
        "functions folder: It does not exist (ANNEX_FUNCTIONS, by default `functions`). "
        "Create the folder, or set ANNEX_FUNCTIONS."
    )
