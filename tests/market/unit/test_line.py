"""The line between product and example: the product names no function, table or module of the example."""

import re
import subprocess
from pathlib import Path

import pytest

from shared.market.schema import ENUMS, TABLES
from tests.fixtures.clone import clone

PRODUCT = [path for path in sorted(Path("runtime").rglob("*")) if path.suffix in {".py", ".html", ".sql"}]
FUNCTIONS = {
    path.relative_to("functions").with_suffix("").as_posix().removesuffix("/index")
    for path in Path("functions").rglob("*.py")
} - {"index"}
# A word of English may be a file's name: alone it counts as a path only behind a slash.
PATHS = {f"/{name}" for name in FUNCTIONS} | {name for name in FUNCTIONS if "/" in name}
PATHS |= {path.replace("[", "{").replace("]", "}") for path in PATHS}
TABLE_NAMES = {f'"{each.name}"' for each in (*TABLES, *ENUMS)}
WORDS = [*map(re.escape, PATHS | TABLE_NAMES), r"shared[./]market"]
NAMED = re.compile(rf"(?<![\w/])(?:{'|'.join(sorted(WORDS, key=len, reverse=True))})(?!\w)")


def test_no_file_of_the_runtime_names_a_function_or_a_table_of_the_example():
    lines = [
        f"{path}:{number}: {line.strip()}"
        for path in PRODUCT
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if NAMED.search(line)
    ]

    assert lines == []


@pytest.mark.parametrize(
    "line",
    [
        'PRIVATE = "/me"',
        'get("/signals/SPY")',
        "`signals/[symbol].py` and GET",
        "``GET /signals/{symbol}``",
        "to_regclass('public.\"Signal\"')",
        "from shared.market.schema import TABLES",
    ],
)
def test_a_line_that_names_one_would_be_found(line: str):
    assert NAMED.search(line)


def make(target: str, cwd: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = ["make", "--no-print-directory", *options, target]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=60)


def test_the_command_that_deletes_the_example_knows_all_of_its_functions():
    printed = make("print", Path.cwd(), "--eval", "print: ; @echo $(EXAMPLE)")

    deleted = {Path(path) for path in printed.stdout.split()}
    assert {path for path in deleted if not path.exists()} == set()
    functions = {
        path for path in Path("functions").iterdir() if path.name not in {"public.lock", "__pycache__"}
    }
    assert functions <= deleted


def test_the_example_is_not_deleted_while_something_is_uncommitted(tmp_path: Path):
    folder = clone(tmp_path)
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)

    refused = make("without-example", folder)

    assert refused.returncode != 0
    assert (
        refused.stdout == "Commit or discard your changes first, so that git can restore what is deleted.\n"
    )
    assert (folder / "shared" / "market").exists()
