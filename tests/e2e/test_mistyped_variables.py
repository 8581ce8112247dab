"""A secret in the wrong variable, or in the right one in a wrong form, is in no output."""

import subprocess
from itertools import cycle
from pathlib import Path

import pytest

from runtime.auth.clerk import check_clerk
from runtime.commands.doctor import variables as shown
from runtime.settings import SettingsError, load
from runtime.settings.reading import variables
from tests.e2e.test_commands import run
from tests.fixtures.service import annex

CANARY = "sk_live_CANARYcanary4242"
OTEL = [
    "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
    "OTEL_EXPORTER_OTLP_METRICS_HEADERS",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TIMEOUT",
    "OTEL_EXPORTER_OTLP_COMPRESSION",
    "OTEL_EXPORTER_OTLP_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
    "OTEL_METRIC_EXPORT_INTERVAL",
    "OTEL_RESOURCE_ATTRIBUTES",
    "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS",
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_BSP_SCHEDULE_DELAY",
    "OTEL_PROPAGATORS",
]
NAMES = [name for variable, _ in variables() for name in variable.names] + OTEL
SHAPES = [
    "{0}",
    "x-honeycomb-team: {0}",
    "https://user:{0}@127.0.0.1:1/app",
    "http://127.0.0.1:1/?api-key={0}",
    "postgresql://app:p/{0}@127.0.0.1:{0}/app?sslmode={0}",
    "redis://:{0}@127.0.0.1:{0}",
]
STARTED = {"ANNEX_ENV": "test", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}


def loaded(environment: dict[str, str]) -> str:
    """Return what is told about the faults of an environment, or what `annex doctor` shows of it."""
    try:
        return "".join(shown(load(environment, checks=[check_clerk])))
    except SettingsError as error:
        return str(error)


def told(result: subprocess.CompletedProcess[str]) -> str:
    return result.stdout + result.stderr


@pytest.mark.parametrize(("command", "first"), [("check", 0), ("doctor", 2), ("serve", 4)])
def test_no_command_shows_what_stands_in_a_mistyped_variable(tmp_path: Path, command: str, first: int):
    (tmp_path / "functions").mkdir()
    shapes = cycle([*SHAPES[first:], *SHAPES[:first]])
    wrong = {name: shape.format(CANARY) for name, shape in zip(NAMES, shapes, strict=False)}
    output = told(run(command, cwd=tmp_path, **wrong))
    assert "CANARY" not in output
    assert "Traceback" not in output
    assert "OTEL_METRIC_EXPORT_INTERVAL: expected a number" in output


@pytest.mark.parametrize("name", NAMES)
def test_no_key_is_shown_whichever_variable_it_was_put_into(name: str):
    for shape in (*SHAPES, "https://127.0.0.1:1/{0}"):
        assert "CANARY" not in loaded({name: shape.format(CANARY)}), shape


def test_headers_with_a_colon_are_refused_by_name(tmp_path: Path):
    result = run("serve", cwd=tmp_path, OTEL_EXPORTER_OTLP_HEADERS=f"x-honeycomb-team: {CANARY}")
    assert result.returncode == 2
    assert "OTEL_EXPORTER_OTLP_HEADERS: expected name=value" in result.stderr
    assert CANARY not in told(result)


def test_a_served_process_shows_no_key_of_a_path_that_fails(tmp_path: Path):
    (tmp_path / "functions").mkdir()
    endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:1/{CANARY}"}
    settings = {**STARTED, **endpoint, "ANNEX_FUNCTIONS": str(tmp_path / "functions")}
    with annex("serve", tmp_path, settings) as service:
        assert service.stop() == 0
        assert "CANARY" not in service.log


@pytest.mark.parametrize(
    "text",
    ["hunter2", "collector:4318", "ftp://hunter2", "http://:hunter2", "http://h:hunter2", "http:///v1"],
)
@pytest.mark.parametrize("name", ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"])
def test_a_collector_endpoint_that_is_no_http_url_is_a_fault_by_name(name: str, text: str):
    with pytest.raises(SettingsError) as refused:
        load({"ANNEX_ENV": "test", name: text})

    assert f"{name}: expected a URL such as" in str(refused.value)
    assert "hunter2" not in str(refused.value)
