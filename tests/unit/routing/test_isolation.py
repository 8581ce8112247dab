"""Whatever is in one file, discovery ends, says so, and serves the others."""

import os
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.config import Policy
from runtime.routing import discover
from tests.fixtures.reference_router import misserved
from tests.fixtures.routing import Caller, write_tree

GOOD = "async def get() -> str:\n    return 'ok'\n"
EQUAL = "class Equal:\n    level = 0\n    def __eq__(self, other): return True\n"
SOURCE = '''"""Readings."""

from msgspec import Struct

from runtime import Database, Function, NotFound, User

config = Function(timeout=5, public=False, permission="org:signals:read", methods={"post": {"timeout": 9}})


class Reading(Struct):
    symbol: str
    value: float | None = None


async def get(symbol: str, db: Database, user: User, limit: int = 20) -> list[Reading]:
    return [Reading(symbol)] * limit


def post(symbol: str, data: Reading) -> Reading:
    return data
'''


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A file with a few of its characters lost, doubled, or replaced."""
    text = SOURCE
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text) - 1))
        end = min(len(text), start + draw(st.integers(0, 12)))
        put = draw(
            st.sampled_from(
                ["", text[start:end] * 2, "(", ")", ":", "\n", "\t", "[", "'", "None", "é", "\x00", "=", ","]
            )
        )
        text = text[:start] + put + text[end:]
        text = text or " "
    return text.encode()


@settings(max_examples=200, deadline=None)
@given(text=damaged() | st.binary(max_size=60))
def test_damaged_file_never_stops_discovery_nor_opens_a_route(text: bytes) -> None:
    with tempfile.TemporaryDirectory(prefix="annex-tree-") as folder:
        write_tree(Path(folder), {"good.py": GOOD, "signals/[symbol].py": ""})
        (Path(folder) / "signals" / "[symbol].py").write_bytes(text)

        table = discover(Path(folder), import_budget=5)

    served = {each.endpoint.file for each in table.operations}
    assert "good.py" in served
    assert ("signals/[symbol].py" in served) is (not table.faults)
    assert not [each for each in table.endpoints if each.policy.public or each.policy.webhook]


NAMES = st.sampled_from(
    [
        *("a", "A", "b", "index", "[id]", "[slug]", "[id]", "[...rest]", "[class]", "[body]", "(g)", "(h)"),
        *("[[x]]", "x[y]", "a b", "_a", "test_a", "v1.2", "météo", "health", "__init__", "[id].json"),
    ]
)
HANDLERS = st.sampled_from(
    [
        GOOD,
        "async def get(id: str) -> str:\n    return id\n",
        "async def post(id: int) -> int:\n    return id\n",
        "async def get(id: str, slug: str) -> str:\n    return id\n",
        "async def get(rest: str) -> str:\n    return rest\n",
        "async def get( -> str:\n",
        f"from runtime import Function\nconfig = Function(public=True)\n{GOOD}",
        f"from runtime import Function\nconfig = Function(path='/a')\n{GOOD}",
    ]
)


@settings(max_examples=150, deadline=None)
@given(files=st.dictionaries(st.lists(NAMES, min_size=1, max_size=4).map("/".join), HANDLERS, max_size=7))
def test_no_tree_stops_discovery_and_what_serves_is_reached(files: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory(prefix="annex-tree-") as folder:
        write_tree(Path(folder), {f"{name}.py": text for name, text in files.items()})

        table = discover(Path(folder))

    assert misserved(table) == []
    broken = {fault.file for fault in table.faults}
    assert not broken & {each.endpoint.file for each in table.operations}
    for endpoint in table.endpoints:
        assert endpoint.error_id is None or endpoint.file in broken


@pytest.mark.parametrize(
    "text", ["(" * 5000, "[" * 100 + "]" * 100, "-" * 100_000 + "1", "x = " + "a." * 20_000 + "b"]
)
def test_source_nested_without_end_is_a_fault(tmp_path: Path, text: str) -> None:
    write_tree(tmp_path, {"good.py": GOOD, "deep.py": f"{text}\n\n{GOOD}"})

    table = discover(tmp_path)

    assert "good.py" in {each.endpoint.file for each in table.operations}
    assert {fault.file for fault in table.faults} <= {"deep.py"}


def test_unreadable_config_leaves_the_file_closed(tmp_path: Path) -> None:
    text = f"from runtime import Function\nconfig = Function(public=True, timeot=5)\n{GOOD}"
    write_tree(tmp_path, {"a.py": text})

    (endpoint,) = discover(tmp_path).endpoints

    assert endpoint.policy == Policy()


def test_two_open_files_in_conflict_are_closed(tmp_path: Path) -> None:
    text = f"from runtime import Function\nconfig = Function(public=True{{}})\n{GOOD}"
    write_tree(tmp_path, {"(a)/x.py": text.format(""), "(b)/x.py": text.format(", timeout=3")})

    (endpoint,) = discover(tmp_path).endpoints

    assert (endpoint.template, endpoint.policy) == ("/x", Policy())


def test_error_id_is_the_same_at_every_start(tmp_path: Path) -> None:
    write_tree(tmp_path, {"a.py": "import nowhere\n\n" + GOOD})

    first, second = discover(tmp_path), discover(tmp_path)

    assert first.endpoints[0].error_id == second.endpoints[0].error_id == first.faults[0].error_id


async def test_file_may_import_a_private_neighbour_and_postpone_annotations(tmp_path: Path) -> None:
    write_tree(
        tmp_path,
        {
            "v1.2/(desk)/_levels.py": "class Level:\n    value = 3\n",
            "v1.2/(desk)/[...rest].py": """
                from __future__ import annotations

                import pickle
                from dataclasses import dataclass

                from ._levels import Level

                @dataclass
                class Point:
                    at: str

                async def get(rest: str) -> list[object]:
                    return [Level.value, pickle.loads(pickle.dumps(Point(rest))).at]
            """,
        },
    )

    assert (await Caller.of(tmp_path).get("/v1.2/a/b")).json == [3, "a/b"]


async def test_decorated_handler_keeps_its_signature(tmp_path: Path) -> None:
    write_tree(
        tmp_path,
        {
            "a.py": """
                import functools

                def doubled(function):
                    @functools.wraps(function)
                    async def inner(**given):
                        return 2 * await function(**given)

                    return inner

                @doubled
                async def get(limit: int) -> int:
                    return limit
            """
        },
    )

    assert (await Caller.of(tmp_path).get("/a?limit=4")).json == 8


def test_annotation_that_misbehaves_costs_its_own_file_alone(tmp_path: Path) -> None:
    text = """
        class Odd(type):
            def __hash__(cls):
                raise RuntimeError("no hash")

        class Level(metaclass=Odd):
            pass

        async def get(level: Level) -> None:
            return None
    """
    write_tree(tmp_path, {"a.py": text, "good.py": GOOD})

    table = discover(tmp_path)

    assert [each.endpoint.file for each in table.operations] == ["good.py"]
    assert [str(fault) for fault in table.faults] == [
        "a.py:3: Reading the signature failed: RuntimeError: no hash. "
        "Fix the error and save; `annex dev` reloads the file on save."
    ]


def test_what_an_import_takes_from_a_library_is_named_where_the_signature_fails_for_want_of_it(tmp_path):
    text = f"import typing\ndel typing.get_type_hints\n{GOOD}"
    write_tree(tmp_path, {"a.py": text, "good.py": GOOD})

    table = discover(tmp_path)

    assert [each.endpoint.file for each in table.operations] == ["good.py"]
    assert [str(fault) for fault in table.faults] == [
        "a.py: The import changed functions of other libraries. Use another name for your own function."
    ]


def test_an_annotation_that_never_ends_is_named_as_the_signature_and_leaves_no_module(tmp_path):
    text = 'async def get(a: "[None for _ in iter(int, 1)]") -> None:\n    return None\n'
    write_tree(tmp_path, {"a.py": text, "good.py": GOOD})

    before = {*sys.modules}
    table = discover(tmp_path, import_budget=0.5)

    assert [each.endpoint.file for each in table.operations] == ["good.py"]
    assert "Reading the signature was still running after 0.5 s." in str(table.faults[0])
    assert not [name for name in {*sys.modules} - before if name.endswith(".a")]


def test_what_one_file_adds_to_the_process_no_later_one_may_remove(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("ADDED", "")
    monkeypatch.delenv("ADDED")
    adds = f"import os\nos.environ['ADDED'] = 'by a'\n{GOOD}"
    removes = f"import os\ndel os.environ['ADDED']\n{GOOD}"
    write_tree(tmp_path, {"a.py": adds, "b.py": GOOD, "c.py": removes})

    table = discover(tmp_path)

    assert [(fault.file, fault.found) for fault in table.faults] == [
        ("c.py", "The import changed the process's environment.")
    ]
    assert os.environ["ADDED"] == "by a"


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ("import sys\nsys.path = [*sys.path]", "the module search path (sys.path)"),
        ("import builtins\nlen, builtins.len = len, max", "Python's built-in functions"),
        (
            "import json\nclass Odd:\n    def __eq__(self, other): raise OSError\njson.dumps = Odd()",
            "functions of other libraries",
        ),
        ("import json\ndel json.dumps\njson.more = 1", "functions of other libraries"),
        (f"{EQUAL}import json\njson.dumps = Equal()", "functions of other libraries"),
        (
            f"{EQUAL}import sys\nEqual.__call__ = print\nsys.excepthook = Equal()",
            "the hooks for uncaught exceptions",
        ),
        (f"{EQUAL}import threading\nthreading.setprofile(Equal())", "the tracing of threads"),
        (f"{EQUAL}import sys\nsys.stdout = Equal()\nsys.stdout.closed = False", "the standard streams"),
        (
            f"{EQUAL}import logging\nhandlers = logging.getLogger().handlers\n"
            "handlers[:] = [Equal()] * len(handlers)",
            "the service's log",
        ),
    ],
)
def test_what_only_looks_as_before_is_a_change_and_costs_the_next_file_nothing(
    tmp_path: Path, change: str, what: str
) -> None:
    write_tree(tmp_path, {"a.py": GOOD, "b.py": f"{change}\n{GOOD}", "c.py": GOOD})

    table = discover(tmp_path)

    assert [(fault.file, fault.found) for fault in table.faults] == [("b.py", f"The import changed {what}.")]
