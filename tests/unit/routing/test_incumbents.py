"""Where two files conflict, the one that the committed contract or lock knows keeps its place."""

import json
from pathlib import Path

import pytest

from runtime.bridge import artefacts
from runtime.routing import discover
from runtime.routing.lock import write
from tests.fixtures.reference_router import misserved
from tests.fixtures.routing import Caller, write_tree

GET = "async def get() -> str:\n    return 'first'\n"
ITEM = "async def get(symbol: str) -> str:\n    return 'first'\n"
NUMBER = "async def get(number: int) -> str:\n    return 'first'\n"
OPEN = f"from runtime import Function\nconfig = Function(public=True)\n{GET}"
BROKEN = "async def get( -> str:\n"


def moved(url: str) -> str:
    return f"from runtime import Function\nconfig = Function(path='{url}')\n{GET}"


CONFLICTS = {
    "another name of the parameter, broken": ({"a/[symbol].py": ITEM}, {"a/[id].py": BROKEN}),
    "another name of the parameter": (
        {"a/[symbol].py": ITEM},
        {"a/[id].py": "async def post(id: str) -> str:\n    return 'second'\n"},
    ),
    "another name of the parameter, deeper": (
        {"a/[symbol].py": ITEM, "a/[symbol]/b.py": ITEM},
        {"a/[id]/c.py": "async def get(id: str) -> str:\n    return 'second'\n"},
    ),
    "a catch-all": (
        {"a/[symbol].py": ITEM},
        {"a/[...rest].py": "async def get(rest: str) -> str:\n    return 'x'\n"},
    ),
    "a name that differs in case": ({"a/b.py": GET}, {"A/c.py": GET}),
    "a file that differs in case": ({"a/b.py": GET}, {"a/B.py": GET}),
    "the same URL through a group": ({"b.py": GET}, {"(a)/b.py": GET}),
    "the same URL through two groups": ({"(z)/b.py": GET}, {"(a)/b.py": GET}),
    "the same URL by path": ({"b.py": GET}, {"a.py": moved("/b")}),
    "the same URL by path, moved first": ({"b.py": moved("/x")}, {"x.py": GET}),
    "an index": ({"b.py": GET}, {"b/index.py": GET}),
    "a file beside an index": ({"b/index.py": GET}, {"b.py": GET}),
    "another type of the parameter": (
        {"a/[number].py": NUMBER},
        {"a/[number]/b.py": "async def get(number: str) -> str:\n    return 'second'\n"},
    ),
    "two other types of the parameter": (
        {"a/[number].py": NUMBER},
        {
            "a/[number]/b.py": "async def get(number: str) -> str:\n    return 'second'\n"
            "async def post(number: bool) -> str:\n    return 'second'\n"
        },
    ),
    "two newcomers": ({"b.py": GET}, {"(a)/b.py": GET, "(c)/b.py": GET}),
}


def accepted(functions: Path, files: dict[str, str]) -> None:
    """Write files, and commit their contract and lock."""
    write_tree(functions, files)
    table = discover(functions)
    assert table.faults == ()
    artefacts.write(functions.parent, table.operations)
    write(functions, table)


@pytest.mark.parametrize("name", CONFLICTS)
def test_the_newcomer_alone_is_refused_and_both_are_named(tmp_path: Path, name: str) -> None:
    before, newcomers = CONFLICTS[name]
    functions = tmp_path / "functions"
    accepted(functions, before)
    write_tree(functions, newcomers)

    table = discover(functions)

    assert {each.endpoint.file for each in table.operations} == set(before)
    assert {fault.file for fault in table.faults} == set(newcomers)
    told = " ".join(fault.found for fault in table.faults if "Invalid" not in fault.found)
    assert any(file in told for file in before)
    assert misserved(table) == []


@pytest.mark.parametrize(
    "name", [name for name in CONFLICTS if "broken" not in name and "newcomers" not in name]
)
def test_where_neither_is_known_both_are_refused(tmp_path: Path, name: str) -> None:
    before, newcomers = CONFLICTS[name]
    write_tree(tmp_path, {**before, **newcomers})

    table = discover(tmp_path)

    assert set(newcomers) <= {fault.file for fault in table.faults}
    assert {fault.file for fault in table.faults} & set(before)


def test_a_broken_file_takes_no_place_from_a_healthy_one_that_is_new_too(tmp_path: Path) -> None:
    write_tree(tmp_path, {"a/[symbol].py": ITEM, "a/[id].py": BROKEN})

    table = discover(tmp_path)

    assert [each.endpoint.file for each in table.operations] == ["a/[symbol].py"]


def test_a_newcomer_does_not_get_the_url_of_an_incumbent_that_is_broken_now(tmp_path: Path) -> None:
    functions = tmp_path / "functions"
    accepted(functions, {"b.py": GET})
    write_tree(functions, {"b.py": BROKEN, "(a)/b.py": GET})

    table = discover(functions)

    assert table.operations == ()
    assert {fault.file for fault in table.faults} == {"b.py", "(a)/b.py"}


def test_the_lock_alone_tells_who_was_first(tmp_path: Path) -> None:
    write_tree(tmp_path, {"b.py": OPEN, "(a)/b.py": OPEN, "public.lock": "GET /b  b.py\n"})

    table = discover(tmp_path)

    assert [each.endpoint.file for each in table.operations] == ["b.py"]


def test_a_file_that_moved_onto_another_url_is_a_newcomer_there(tmp_path: Path) -> None:
    functions = tmp_path / "functions"
    accepted(functions, {"a.py": GET, "b.py": GET})
    write_tree(functions, {"a.py": moved("/b")})

    table = discover(functions)

    assert [each.endpoint.file for each in table.operations] == ["b.py"]


def test_a_file_that_changed_the_type_of_its_parameter_gives_way_to_those_that_did_not(
    tmp_path: Path,
) -> None:
    functions = tmp_path / "functions"
    accepted(functions, {"a/[number].py": NUMBER, "a/[number]/b.py": NUMBER})
    write_tree(functions, {"a/[number].py": NUMBER.replace("int", "str")})

    table = discover(functions)

    assert [each.endpoint.file for each in table.operations] == ["a/[number]/b.py"]


@pytest.mark.parametrize("text", [b"", b"\xff", b"[]", b'{"paths": []}', b'{"paths": {"/b": {"get": 1}}}'])
def test_a_contract_that_cannot_be_read_tells_nothing(tmp_path: Path, text: bytes) -> None:
    write_tree(tmp_path / "functions", {"b.py": GET, "(a)/b.py": GET})
    (tmp_path / "contracts").mkdir()
    (tmp_path / "contracts" / "openapi.json").write_bytes(text)

    assert discover(tmp_path / "functions").operations == ()


async def test_the_incumbent_answers_while_the_newcomer_is_refused(tmp_path: Path) -> None:
    functions = tmp_path / "functions"
    accepted(functions, {"a/[symbol].py": ITEM})
    write_tree(functions, {"a/[id].py": "async def post(id: str) -> str:\n    return 'second'\n"})
    caller = Caller.of(functions)

    assert (await caller.get("/a/x")).json == "first"
    assert (await caller.send("POST", "/a/x", json=None)).status == 503


def test_the_committed_contract_names_the_file_of_each_operation(tmp_path: Path) -> None:
    accepted(tmp_path / "functions", {"b.py": GET})

    contract = json.loads((tmp_path / "contracts" / "openapi.json").read_text())

    assert contract["paths"]["/b"]["get"]["x-file"] == "b.py"


def test_a_file_beside_a_folder_of_its_name_and_the_files_below_serve(tmp_path: Path) -> None:
    levels = "from {}_levels import LEVEL\n" + GET
    write_tree(
        tmp_path,
        {
            "reports.py": levels.format(".reports."),
            "reports/_levels.py": "LEVEL = 1\n",
            "reports/daily.py": levels.format("."),
        },
    )

    assert discover(tmp_path).faults == ()
