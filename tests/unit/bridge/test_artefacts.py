"""The committed files: written when stale, left alone when fresh, copied into an app without their tests."""

import json
import subprocess

import pytest

from runtime.bridge import artefacts, baseline, vocabulary
from runtime.bridge.openapi import docstrings
from runtime.http.problems import status_of
from runtime.routing import discover
from shared.errors import AnnexError
from tests.fixtures.constructs import CONSTRUCTS
from tests.fixtures.routing import write_tree


@pytest.fixture
def operations(tmp_path):
    write_tree(tmp_path / "functions", CONSTRUCTS)
    return discover(tmp_path / "functions").operations


def test_only_what_is_stale_is_written(tmp_path, operations):
    assert set(artefacts.write(tmp_path, operations)) == set(artefacts.render(operations))
    assert artefacts.stale(tmp_path, operations) == []
    schema = tmp_path / "client" / "schema.ts"
    schema.write_text("// changed by hand")
    assert artefacts.stale(tmp_path, operations) == [schema.relative_to(tmp_path)]
    assert artefacts.write(tmp_path, operations) == [schema.relative_to(tmp_path)]
    assert artefacts.write(tmp_path, operations) == []


def test_an_app_gets_the_whole_client_without_its_tests_and_only_what_changed(tmp_path, operations):
    app = tmp_path / "app" / "annex"

    written = artefacts.write(tmp_path, operations, app=app)

    assert {"server.ts", "browser.tsx", "schema.ts", "vocabulary.ts", "README.md"} <= {
        path.name for path in written if path.parent == app
    }
    assert not any("test" in path.name for path in written)
    assert not (tmp_path / "client").exists()
    assert artefacts.write(tmp_path, operations, app=app) == []


def test_a_client_in_the_app_that_somebody_changed_is_stale(tmp_path, operations):
    app = tmp_path / "app" / "annex"
    artefacts.write(tmp_path, operations, app=app)
    (app / "server.ts").write_text("// mine")

    assert artefacts.stale(tmp_path, operations, app=app) == [app / "server.ts"]


def test_every_error_that_can_leave_the_service_is_in_the_vocabulary():
    codes = vocabulary.error_codes()
    waiting, seen = [AnnexError], set()
    while waiting:
        error = waiting.pop()
        waiting += error.__subclasses__()
        if error is not AnnexError and error.__module__.startswith(("shared.", "runtime.")):
            seen.add((error.code, status_of(error)))
    assert seen == {(code, status) for code, facts in codes.items() for status in facts["statuses"]}
    assert all(facts["meaning"] for facts in codes.values())


def test_a_code_with_two_statuses_names_both_and_means_one_thing():
    codes = vocabulary.error_codes()
    unknown = codes["outcome_unknown"]

    assert {code for code, facts in codes.items() if len(facts["statuses"]) > 1} == {"outcome_unknown"}
    assert (unknown["status"], unknown["statuses"], unknown["retryable"]) == (503, [409, 503], False)
    assert unknown["meaning"].startswith("409: The first call with this `Idempotency-Key`")
    assert " 503: The database connection was lost" in unknown["meaning"]


def test_enums_and_permissions_of_the_functions_are_shared_words(operations):
    words = vocabulary.vocabulary(operations)
    assert words.constants["enums"]["Side"] == {"BUY": "buy", "SELL": "sell"}
    assert words.permissions == ["org:items:write"]
    assert '"org:items:write"' in vocabulary.typescript(words)


def git(folder, *words):
    identity = ("-c", "user.name=ada", "-c", "user.email=ada@example.com")
    subprocess.run(["git", "-C", str(folder), *identity, *words], check=True, capture_output=True)


def test_the_baseline_is_the_contract_that_git_has(tmp_path, operations):
    git(tmp_path, "init", "-q")
    artefacts.write(tmp_path, operations)
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "Add the contract")
    (tmp_path / artefacts.CONTRACT).write_text("{}")
    committed = baseline.committed(tmp_path, "HEAD")
    assert committed == json.loads(artefacts.render(operations)[artefacts.CONTRACT])


@pytest.mark.parametrize("revision", ["nowhere", "--help", ""])
def test_a_revision_without_a_contract_is_told(tmp_path, revision):
    git(tmp_path, "init", "-q")
    with pytest.raises(baseline.NoBaseline, match="name a revision"):
        baseline.committed(tmp_path, revision)


def test_without_git_there_is_no_baseline(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(baseline.NoBaseline, match="git was not found on PATH"):
        baseline.committed(tmp_path, "HEAD")


def test_a_docstring_is_taken_apart_by_its_sections():
    text = """One line
    that goes on.

    More prose.

    Args:
        symbol (str): of the
            instrument.
        limit: how many.

    Raises:
        NotFound: there is none.
    """
    read = docstrings.read(text)
    assert read.summary == "One line that goes on."
    assert read.description == "More prose."
    assert read.names == {"symbol": "of the instrument.", "limit": "how many."}
    assert read.raises == ("NotFound",)
    assert docstrings.read(None) == docstrings.Docstring("", {}, ())
