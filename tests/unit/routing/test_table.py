"""The table shown, explained and locked, and new functions written."""

import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from runtime.commands.new import ScaffoldError, scaffold
from runtime.routing import RouteTable, discover
from runtime.routing.display import WIDTH, as_json, as_text, auth_of, explanation
from runtime.routing.lock import drift, write
from tests.fixtures.routing import Caller, write_tree

TREE = {
    "index.py": """
        from runtime import Function

        config = Function(public=True)

        async def get() -> str:
            return "ok"
    """,
    "signals/_config.py": """
        from runtime import Folder

        config = Folder(permission="org:signals:read", timeout=10)
    """,
    "signals/[symbol].py": """
        from runtime import Function

        config = Function(timeout=5, methods={"delete": {"timeout": 2}})

        async def get(symbol: str) -> str:
            return symbol

        async def delete(symbol: str) -> None:
            return None
    """,
    "hooks/clerk.py": """
        from runtime import Function

        config = Function(webhook="clerk", path="/.well-known/hook")

        async def post() -> None:
            return None
    """,
    "broken.py": "async def get() -> complex:\n    return 1j\n",
}


@pytest.fixture
def table(tmp_path: Path) -> RouteTable:
    write_tree(tmp_path, TREE)
    return discover(tmp_path)


def test_table_is_sorted_by_url_and_fits_80_columns(table: RouteTable) -> None:
    text = re.sub(r" +import \d+\.\d ms", lambda it: "import 0.0 ms".rjust(len(it[0])), as_text(table))

    assert text.splitlines() == [
        "4 routes serve, from 3 files; 1 in quarantine",
        "",
        "index.py                                                           import 0.0 ms",
        "  GET     /                                  public                 25 s",
        "hooks/clerk.py                                                     import 0.0 ms",
        "  POST    /.well-known/hook                  webhook clerk          25 s  path=",
        "broken.py                                                            quarantined",
        "  GET     /broken                            session                25 s  503",
        "  ! line 1: get returns a type without a JSON form: msgspec does not support",
        "    complex. Return a msgspec Struct, a list or dict of them, None, a content",
        f"    type or AsyncIterator[Event]. (error {table.faults[0].error_id})",
        "signals/[symbol].py                                                import 0.0 ms",
        "  DELETE  /signals/{symbol}                  org:signals:read        2 s",
        "  GET     /signals/{symbol}                  org:signals:read        5 s",
    ]
    assert max(len(line) for line in text.splitlines()) <= WIDTH


def test_table_has_colours_only_where_asked(table: RouteTable) -> None:
    assert "\033[" not in as_text(table)
    assert "\033[31mquarantined\033[0m" in as_text(table, colour=True)


def test_file_that_is_slow_to_import_is_marked(tmp_path: Path) -> None:
    write_tree(
        tmp_path, {"a.py": "import time\n\ntime.sleep(0.6)\n\nasync def get() -> None:\n    return None\n"}
    )

    assert re.search(r"^a\.py +import 0\.\d\d s  SLOW$", as_text(discover(tmp_path)), re.MULTILINE)


def test_fault_without_a_route_is_shown_too(tmp_path: Path) -> None:
    write_tree(tmp_path, {"a b.py": "async def get() -> None:\n    return None\n"})

    assert "a b.py\n  ! 'a b' contains ' ', which a URL cannot contain" in as_text(discover(tmp_path))


def test_json_is_for_machines(table: RouteTable) -> None:
    decoded = msgspec.json.decode(as_json(table))

    (symbol,) = [
        each
        for each in decoded["routes"]
        if each["file"] == "signals/[symbol].py" and each["method"] == "GET"
    ]
    assert symbol.pop("import_seconds") > 0
    assert symbol == {
        "method": "GET",
        "url": "/signals/{symbol}",
        "file": "signals/[symbol].py",
        "auth": "org:signals:read",
        "public": False,
        "timeout": 5.0,
        "stream": False,
        "state": "serving",
        "error_id": None,
    }
    assert decoded["faults"][0]["file"] == "broken.py"


@pytest.mark.parametrize(("stall", "said"), [(1.5, "1.5 s"), (60, "60 s, or until the timeout")])
def test_explanation_says_how_long_one_step_may_hold_the_loop(
    table: RouteTable, stall: float, said: str
) -> None:
    text = explanation(table, "DELETE", "/signals/SPY", stall=stall)

    assert re.search(rf"^  one step +{said} +ANNEX_STALL$", text or "", re.MULTILINE)


@pytest.mark.parametrize(
    ("is_shared", "counted"), [(False, ["concurrency", "rate_limit"]), (True, ["concurrency"])]
)
def test_explanation_says_which_limits_each_worker_counts(
    tmp_path: Path, is_shared: bool, counted: list[str]
) -> None:
    policy = "public=True, concurrency=2, rate_limit='5/minute'"
    limited = f"from runtime import Function\n\nconfig = Function({policy})\n"
    (tmp_path / "limited.py").write_text(f"{limited}\n\nasync def get() -> str:\n    return ''\n")

    text = explanation(discover(tmp_path), "GET", "/limited", is_shared=is_shared)

    assert re.findall(r"^  (\w+) .*; each worker counts its own calls$", text or "", re.MULTILINE) == counted


@pytest.mark.parametrize("path", ["/signals/{symbol}", "/signals/SPY"])
def test_explanation_says_where_each_value_comes_from(table: RouteTable, path: str) -> None:
    text = explanation(table, "DELETE", path)

    assert text is not None
    assert "DELETE /signals/{symbol}\n  file        signals/[symbol].py" in text
    assert re.search(r"^  timeout +2 +signals/\[symbol\]\.py methods\.delete$", text, re.MULTILINE)
    assert re.search(r"^  permission +org:signals:read +signals/_config\.py$", text, re.MULTILINE)
    assert re.search(r"^  max_body +1048576 +project default$", text, re.MULTILINE)
    assert "one step" not in text
    assert ("'SPY' in this URL" in text) is (path == "/signals/SPY")


def test_explanation_of_a_quarantined_route_names_the_cause(table: RouteTable) -> None:
    text = explanation(table, "GET", "/broken")

    assert text is not None
    assert f"quarantined (error {table.faults[0].error_id})" in text
    assert str(table.faults[0]) in text


def test_there_is_no_explanation_of_what_is_not_there(table: RouteTable) -> None:
    assert explanation(table, "GET", "/nowhere") is None
    assert explanation(table, "POST", "/signals/SPY") is None


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ("", "session"),
        ("org=True", "org"),
        ("role='org:admin', org=True", "org:admin"),
        ("feature='alerts', plan='pro'", "alerts pro"),
        ("token_types=('session', 'm2m_token')", "session/m2m"),
        ("reverification='strict'", "reverified"),
    ],
)
def test_auth_is_told_in_a_few_words(tmp_path: Path, config: str, expected: str) -> None:
    handler = "async def get() -> None:\n    return None\n"
    write_tree(tmp_path, {"a.py": f"from runtime import Function\nconfig = Function({config})\n\n{handler}"})

    assert auth_of(discover(tmp_path).endpoints[0].policy) == expected


# The lock --------------------------------------------------------------------------------------------------


def test_lock_lists_every_open_route_sorted(table: RouteTable, tmp_path: Path) -> None:
    text = write(tmp_path, table).read_text("utf-8")

    assert text.splitlines()[1:] == ["GET /  index.py", "POST /.well-known/hook  hooks/clerk.py"]
    assert drift(tmp_path, table) == []


def test_lock_tells_drift_in_either_direction(table: RouteTable, tmp_path: Path) -> None:
    (tmp_path / "public.lock").write_text("GET /  index.py\nGET /old  old.py\n")

    assert drift(tmp_path, table) == [
        "'POST /.well-known/hook  hooks/clerk.py' is public but not listed in public.lock. "
        "Add the line, or make the route private.",
        "'GET /old  old.py' is in public.lock but not public. Remove the line.",
    ]


def test_lock_out_of_order_is_drift_too(table: RouteTable, tmp_path: Path) -> None:
    path = write(tmp_path, table)
    heading, *lines = path.read_text("utf-8").splitlines()
    path.write_text("\n".join([heading, *reversed(lines)]))

    assert drift(tmp_path, table) == ["public.lock is not sorted, or lists a route twice. Sort it."]


def test_missing_lock_is_drift_where_a_route_is_open(table: RouteTable, tmp_path: Path) -> None:
    assert len(drift(tmp_path, table)) == 2


def test_file_whose_import_fails_stays_in_the_lock(tmp_path: Path) -> None:
    write_tree(tmp_path, {"index.py": TREE["index.py"]})
    write(tmp_path, discover(tmp_path))
    (tmp_path / "index.py").write_text("import nowhere\n" + (tmp_path / "index.py").read_text())

    assert drift(tmp_path, discover(tmp_path)) == []


# New functions ---------------------------------------------------------------------------------------------

NAMES = ["signals/[symbol]", "index", "reports/[...rest]", "(internal)/2024/user", "note/[note]/daily-report"]


@pytest.mark.parametrize("name", NAMES)
async def test_written_function_serves_as_it_is(tmp_path: Path, name: str) -> None:
    methods = ("get", "post", "put", "patch", "delete")

    function, test = scaffold(tmp_path / "functions", name, methods=methods)

    caller = Caller.of(tmp_path / "functions")
    assert [str(fault) for fault in caller.table.faults] == []
    assert {each.method for each in caller.table.endpoints} == {method.upper() for method in methods}
    assert function == tmp_path / "functions" / f"{name}.py"
    assert test.is_relative_to(tmp_path / "tests" / "functions")


@pytest.mark.parametrize("name", ["functions/orders", "./functions/orders.py", "orders.py"])
def test_path_of_the_file_is_taken_for_its_name(tmp_path: Path, name: str) -> None:
    function, _ = scaffold(tmp_path / "functions", name)

    assert function == tmp_path / "functions" / "orders.py"


def test_written_function_and_its_test_are_clean_and_pass(tmp_path: Path) -> None:
    paths = scaffold(tmp_path / "functions", "signals/[symbol]", methods=("get", "post", "delete"))
    repository = Path(__file__).parents[3]

    def run(*command: str) -> str:
        result = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=tmp_path,
            env={"PYTHONPATH": str(repository), "PATH": ""},
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    config = str(repository / "pyproject.toml")
    run("ruff", "check", "--no-cache", "--config", config, *map(str, paths))
    run("ruff", "format", "--no-cache", "--config", config, "--check", *map(str, paths))
    passed = run("pytest", "-q", "-p", "no:cacheprovider", "--rootdir", ".", str(paths[1]))
    assert "3 passed" in passed


@pytest.mark.parametrize(
    ("name", "methods", "message"),
    [
        ("signals", ("got",), "There is no method 'got'; methods are get, post, put, patch, delete."),
        (
            "_signals",
            ("get",),
            "_signals.py would be private (a name that begins with '_' or '.', or a test).",
        ),
        (
            "[class]",
            ("get",),
            "[class].py: [class]: 'class' is a Python keyword, so no handler can take it as a parameter. "
            "Name it like a variable, such as [symbol].",
        ),
    ],
)
def test_name_that_cannot_be_a_route_is_refused(
    tmp_path: Path, name: str, methods: tuple[str, ...], message: str
) -> None:
    with pytest.raises(ScaffoldError) as error:
        scaffold(tmp_path, name, methods=methods)

    assert str(error.value) == message


def test_existing_file_is_never_written_over(tmp_path: Path) -> None:
    scaffold(tmp_path / "functions", "signals")

    with pytest.raises(ScaffoldError, match="exists already"):
        scaffold(tmp_path / "functions", "signals")
