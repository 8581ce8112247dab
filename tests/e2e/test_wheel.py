"""The product as a team installs it: from its wheel, in an environment of its own."""

import sys
import zipfile
from pathlib import Path

import pytest

from tests.fixtures.service import ROOT
from tests.fixtures.wheel import run

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def installed(uv: str, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment that holds the wheel without extras."""
    folder = tmp_path_factory.mktemp("installed") / "venv"
    for command in (
        (uv, "venv", "--quiet", "--python", sys.executable, folder),
        (uv, "pip", "install", "--quiet", "--python", folder / "bin/python", wheel),
    ):
        done = run(*command, cwd=folder.parent)
        assert done.returncode == 0, done.stderr
    return folder / "bin"


def test_the_wheel_holds_the_product_and_nothing_of_the_example(wheel: Path):
    names = [Path(name) for name in zipfile.ZipFile(wheel).namelist()]

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
