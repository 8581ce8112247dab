"""The product as a team installs it: from its wheel, in an environment of its own."""

import re
import shutil
import sys
import zipfile
from pathlib import Path

import pytest

import runtime
from tests.fixtures.node import install
from tests.fixtures.routing import write_tree
from tests.fixtures.service import ROOT
from tests.fixtures.wheel import run

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def installed(uv: str, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment that holds the wheel without extras."""
    folder = tmp_path_factory.mktemp("installed") / "venv"
    for command in (
        (uv, "venv", "--quiet", "--python", sys.executable, folder),
        (uv, "pip", "install", "--quiet", "--python", folder / "bin/python", wheel, "pytest"),
    ):
        done = run(*command, cwd=folder.parent)
        assert done.returncode == 0, done.stderr
    return folder / "bin"


def test_the_wheel_holds_the_product_and_nothing_of_the_example(wheel: Path):
    names = [Path(name) for name in zipfile.ZipFile(wheel).namelist()]

    assert wheel.stat().st_size < 1_000_000  # bytes; 850,000 as this was written, 560 files
    assert {name.parts[0] for name in names if "dist-info" not in name.parts[0]} == {"runtime", "shared"}
    written = {path.name for path in (ROOT / "client").iterdir() if path.is_file()}
    generated = {"schema.ts", "vocabulary.ts"}
    client = {path.name for path in names if path.parent == Path("runtime/bridge/client")}
    assert client == written - generated
    assert Path("runtime/starting/templates/otel-collector.yaml") in names
    assert not [
        name for name in names if "market" in name.parts or (name.suffix == ".sql" and "shared" in name.parts)
    ]
    assert Path("runtime/dev/postgres/role.sql") in names


PAGES = {page: (ROOT / "docs" / f"{page}.md").read_text() for page in ("recipes", "start")}
TEMPLATES = ROOT / "runtime" / "starting" / "templates"
MORE = ("PIL", "pandas", "redis", "reportlab", "xlsxwriter")  # libraries that the wheel does not bring
NAMES = ", ".join(runtime.__all__)
WRONG = "from runtime import User\n\n\ndef get(user: User) -> int:\n    return user.user_id\n"
FACE = f'''
"""Every name of the face, and answers of every kind."""

from collections.abc import AsyncIterator
from typing import Annotated

from msgspec import Struct

from runtime import {NAMES}

config = Function(timeout=5, status=201)
policy = Folder(role="org:admin")
inputs = [Cookie, Form, Upload, Settings, Request, Secret, Member]
answers = [Csv, Event, File, Html, Pdf, Png, Text, Xlsx, SetCookie, Content]
errors = [Conflict, Forbidden, Invalid, RateLimited, Unavailable]


class Note(Struct):
    text: str


async def get(db: Database, user: User, theme: Annotated[str, Header()] = "") -> Reply[list[Note]]:
    notes = await db.fetch(Note, "SELECT text FROM note WHERE owner = $1", user.user_id)
    return Reply(notes, headers={{"X-Theme": theme}})


async def put(http: Http, jobs: Jobs) -> Redirect:
    run = await jobs.enqueue("/notes", Note((await http.get("https://example.com")).text))
    return Redirect(f"/runs/{{run.id}}")


async def job(data: Note, run: Run) -> None:
    if not data.text:
        raise NotFound("note", data.text)
    await run.progress(0.5)


async def lines() -> AsyncIterator[str]:
    yield "id"
'''


@pytest.fixture(scope="module")
def pyright(node: str) -> tuple[str, str]:
    folder = ROOT / "tests" / "fixtures" / "pyright"
    install(folder)
    return node, str(folder / "node_modules" / "pyright" / "index.js")


def test_strict_type_checkers_find_the_one_mistake_in_a_project_that_depends_on_the_wheel(
    installed: Path, pyright: tuple[str, str], tmp_path: Path
):
    recipes = dict(re.findall(r"^```python\n# (\S+)\n(.*?)^```", PAGES["recipes"], re.MULTILINE | re.DOTALL))
    (example,) = re.findall(r'^```python\n("""tests.*?)^```', PAGES["start"], re.MULTILINE | re.DOTALL)
    tree = {name: text for name, text in recipes.items() if not any(each in text for each in MORE)}
    write_tree(
        tmp_path,
        {**tree, "functions/notes.py": FACE, "functions/wrong.py": WRONG, "tests/test_more.py": example},
    )
    shutil.copy(TEMPLATES / "hello.py", tmp_path / "functions")
    shutil.copy(TEMPLATES / "test_hello.py", tmp_path / "tests")
    (tmp_path / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict"}')
    python = installed / "python"
    mypy = (
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--explicit-package-bases",
        "--python-executable",
        python,
    )

    by_pyright = run(*pyright, "--pythonpath", python, "--project", tmp_path, cwd=tmp_path).stdout
    by_mypy = run(*mypy, "functions", "shared", "tests", cwd=tmp_path).stdout

    assert by_pyright.count(" - error: ") == by_pyright.count("wrong.py:5:12 - error: ") == 1, by_pyright
    assert by_mypy.count(" error: ") == by_mypy.count("wrong.py:5: error: ") == 1, by_mypy


def test_dev_without_its_extra_says_in_one_sentence_what_to_install(installed: Path, tmp_path: Path):
    (tmp_path / "functions").mkdir()

    result = run(installed / "annex", "dev", cwd=tmp_path)

    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == "annex: this command needs watchfiles: install annex-functions[dev].\n"


def test_a_service_without_the_example_is_checked_and_listed(installed: Path, tmp_path: Path):
    (tmp_path / "functions").mkdir()
    (tmp_path / "functions" / "me.py").write_text(
        "from runtime import User\n\n\nasync def get(user: User) -> str:\n    return user.user_id\n"
    )

    checked = run(installed / "annex", "check", cwd=tmp_path)
    listed = run(installed / "annex", "routes", cwd=tmp_path)

    assert (checked.returncode, checked.stderr) == (0, "")
    assert "/me" in listed.stdout
