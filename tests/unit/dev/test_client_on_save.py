"""What `annex dev` does to the client when a file is saved."""

import pytest

from runtime.dev.session import _write_client
from runtime.routing import discover
from tests.fixtures.constructs import CONSTRUCTS
from tests.fixtures.routing import write_tree


@pytest.fixture
def project(tmp_path, monkeypatch):
    write_tree(tmp_path / "functions", CONSTRUCTS)
    (tmp_path / "client").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_client_is_rewritten(project):
    _write_client(discover(project / "functions"))
    assert '"/ticks"' in (project / "client" / "schema.ts").read_text()


def test_a_broken_file_leaves_its_types_in_the_client(project):
    _write_client(discover(project / "functions"))
    (project / "functions" / "ticks.py").write_text("async de")
    _write_client(discover(project / "functions"))
    assert '"/ticks"' in (project / "client" / "schema.ts").read_text()


def test_a_save_leaves_the_contract_to_the_commands(project):
    _write_client(discover(project / "functions"))
    assert not (project / "contracts").exists()


def test_a_project_without_a_client_gets_none(project):
    (project / "client").rmdir()
    _write_client(discover(project / "functions"))
    assert not (project / "contracts").exists()


def test_the_client_in_the_app_is_rewritten_with_its_core(project):
    (project / "client").rmdir()
    app = project / "web" / "annex"

    _write_client(discover(project / "functions"), app)

    assert '"/ticks"' in (app / "schema.ts").read_text()
    assert (app / "server.ts").exists()
    assert not (project / "client").exists()
