"""Settings of a function's own: read at start by name, and told by name where they are missing."""

import logging
from pathlib import Path

import pytest

from runtime.commands.cli import main
from runtime.routing import discover
from runtime.settings import load
from tests.fixtures.app import Compose
from tests.fixtures.routing import write_tree

CHARGE = '''"""Charge a card."""

from enum import StrEnum
from typing import Annotated, Literal

from msgspec import Meta

from runtime import Function, Secret, Settings

config = Function(public=True)


class Mode(StrEnum):
    TEST = "test"
    LIVE = "live"


class Stripe(Settings, kw_only=True):
    stripe_key: Secret
    stripe_mode: Mode = Mode.TEST
    stripe_retries: Annotated[int, Meta(ge=0, le=9)] = 3
    stripe_regions: list[str] = []
    stripe_on: bool = True


async def get(keys: Stripe) -> list[str]:
    """Say what it has."""
    return [
        keys.stripe_key.reveal(), keys.stripe_mode, str(keys.stripe_retries), "+".join(keys.stripe_regions),
        str(keys.stripe_on),
    ]
'''
OTHER = '''"""Nothing of its own."""

from runtime import Function

config = Function(public=True)


async def get() -> str:
    """Answer."""
    return "here"
'''
GIVEN = {"STRIPE_KEY": "sk_hunter2", "STRIPE_RETRIES": "5", "STRIPE_REGIONS": "eu, us", "STRIPE_ON": "false"}


async def test_a_function_has_its_own_variables(tmp_path: Path, compose: Compose) -> None:
    write_tree(tmp_path, {"charge.py": CHARGE})

    async with compose(tmp_path, **GIVEN) as caller:
        answer = await caller.anonymous("GET", "/charge")

    assert answer.json() == ["sk_hunter2", "test", "5", "eu+us", "False"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, ["STRIPE_KEY is not set."]),
        ({"STRIPE_KEY": "  "}, ["STRIPE_KEY is not set."]),
        (
            {"STRIPE_MODE": "hunter2", "STRIPE_RETRIES": "hunter2"},
            [
                "STRIPE_KEY is not set.",
                "STRIPE_MODE is set, but not to one of test, live.",
                "STRIPE_RETRIES is set, but not to `int` within its bounds.",
            ],
        ),
        (
            {"STRIPE_KEY": "k", "STRIPE_RETRIES": "10"},
            ["STRIPE_RETRIES is set, but not to `int` within its bounds."],
        ),
        (
            {"STRIPE_KEY": "k", "STRIPE_ON": "hunter2"},
            ["STRIPE_ON is set, but not to `bool` within its bounds."],
        ),
    ],
)
async def test_what_is_missing_or_wrong_closes_the_file_alone_and_is_named_without_its_value(
    tmp_path: Path, compose: Compose, caplog: pytest.LogCaptureFixture, given: dict[str, str], told: list[str]
) -> None:
    caplog.set_level(logging.INFO)
    write_tree(tmp_path, {"charge.py": CHARGE, "other.py": OTHER})

    async with compose(tmp_path, **given) as caller:
        closed = await caller.anonymous("GET", "/charge")
        other = await caller.anonymous("GET", "/other")
        faults = caller.application.table.faults

    assert (closed.status_code, other.json()) == (503, "here")
    assert [fault.found.removeprefix("get(keys): ") for fault in faults] == told
    assert all("in development in .env" in fault.cure for fault in faults)
    assert "hunter2" not in caplog.text


def test_settings_show_nothing_of_the_environment() -> None:
    assert "hunter2" not in repr(load({"ANNEX_ENV": "test", "STRIPE_KEY": "hunter2"}))


@pytest.mark.parametrize("annotation", ["Settings", "Keys | None", "Keys | int"])
def test_settings_that_are_not_one_struct_are_a_fault(tmp_path: Path, annotation: str) -> None:
    source = f"""
        from runtime import Settings
        class Keys(Settings):
            level: int = 1
        async def get(keys: {annotation}) -> str: ...
    """
    write_tree(tmp_path, {"keys.py": source})

    (fault,) = discover(tmp_path).faults
    assert fault.cure == "Write class Keys(Settings), with a field for each variable, and take Keys."


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_tree(tmp_path, {"functions/charge.py": CHARGE, "functions/other.py": OTHER})
    (tmp_path / ".env").write_text("ANNEX_ENV=development\nSTRIPE_REGIONS=hunter2\n")
    monkeypatch.chdir(tmp_path)


def test_a_command_writes_the_variables_as_an_example_of_a_dotenv(
    project: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["routes", "--settings"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "# required, Secret: charge.py",
        "STRIPE_KEY=",
        "# Mode: charge.py",
        "STRIPE_MODE=test",
        "# bool: charge.py",
        "STRIPE_ON=true",
        "# list[str]: charge.py",
        "STRIPE_REGIONS=",
        "# int: charge.py",
        "STRIPE_RETRIES=3",
    ]


def test_explain_shows_which_are_set(project: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "GET", "/charge"]) == 0
    shown = [line.split() for line in capsys.readouterr().out.splitlines() if "STRIPE_" in line[:12]]

    assert ["STRIPE_KEY", "not", "set", "Secret"] in shown
    assert ["STRIPE_REGIONS", "set", "list[str]"] in shown
    assert ["STRIPE_RETRIES", "default", "3", "int"] in shown
