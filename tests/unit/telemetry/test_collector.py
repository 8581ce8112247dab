"""The collector's configuration, as far as it can be judged without the collector.

The names and keys below are those of upstream's component READMEs at v0.162; where an `otelcol` is installed
it judges the file itself.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from runtime.settings.reading import variables
from runtime.telemetry.redaction import scrub

FILE = Path(__file__).parents[3] / "otel-collector.yaml"

KNOWN: dict[str, dict[str, set[str]]] = {
    "extensions": {"health_check": {"endpoint", "path"}},
    "receivers": {"otlp": {"protocols"}},
    "processors": {
        "memory_limiter": {"check_interval", "limit_mib", "spike_limit_mib"},
        "filter": {"error_mode", "traces"},
        "redaction": {
            "allow_all_keys",
            "blocked_key_patterns",
            "blocked_values",
            "db_sanitizer",
            "summary",
        },
        "tail_sampling": {
            "decision_wait",
            "num_traces",
            "expected_new_traces_per_sec",
            "decision_cache",
            "policies",
        },
    },
    "exporters": {
        "otlp_http": {
            "endpoint",
            "headers",
            "compression",
            "timeout",
            "retry_on_failure",
            "sending_queue",
        }
    },
}
VARIABLES = {
    "PORT",
    "MEMORY_LIMIT_MIB",
    "SLOW_MS",
    "SAMPLE_PERCENT",
    "BACKEND_ENDPOINT",
    "BACKEND_AUTHORIZATION",
}


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(FILE.read_text("utf-8"))
    return loaded


def test_every_component_is_defined_once_and_used(config):
    pipelines = config["service"]["pipelines"].values()
    used = {
        kind: {name for pipeline in pipelines for name in pipeline[kind]}
        for kind in ("receivers", "processors", "exporters")
    }
    used["extensions"] = set(config["service"]["extensions"])

    assert {kind: set(config[kind]) for kind in used} == used


@pytest.mark.parametrize("kind", KNOWN)
def test_components_and_their_keys_are_upstreams(config, kind):
    for name, settings in config[kind].items():
        known = KNOWN[kind].get(name.partition("/")[0])
        assert known is not None, f"{name} is not a component that upstream still has"
        assert set(settings) <= known


def test_deprecated_names_are_not_used(config):
    assert not {"batch", "otlphttp", "otlp", "logging"} & {*config["processors"], *config["exporters"]}


def test_pipelines_refuse_first_and_judge_last(config):
    assert config["service"]["pipelines"]["traces"]["processors"] == [
        "memory_limiter",
        "filter/health",
        "redaction",
        "tail_sampling",
    ]


def test_every_endpoint_listens_on_both_address_families(config):
    protocols = config["receivers"]["otlp"]["protocols"]
    endpoints = [config["extensions"]["health_check"]["endpoint"]]
    endpoints += [protocol["endpoint"] for protocol in protocols.values()]

    assert all(endpoint.startswith("[::]:") for endpoint in endpoints)


def test_service_is_told_to_send_to_the_port_that_listens(config):
    (doc,) = [known.doc for known, _ in variables() if "OTEL_EXPORTER_OTLP_ENDPOINT" in known.names]

    assert ".railway.internal:4318" in doc
    assert config["receivers"]["otlp"]["protocols"]["http"]["endpoint"].endswith(":4318")


def test_only_documented_variables_are_read():
    text = FILE.read_text("utf-8")
    substituted = re.findall(r"\$\{env:([A-Z_]+)(?::-[^}]*)?\}", text)

    assert set(substituted) == VARIABLES
    assert re.search(r"\$[A-Z]", re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE)) is None


def test_faults_and_slow_traces_are_kept(config):
    policies = {policy["type"]: policy for policy in config["processors"]["tail_sampling"]["policies"]}

    assert policies["status_code"]["status_code"] == {"status_codes": ["ERROR"]}
    assert policies["latency"]["latency"]["threshold_ms"] == "${env:SLOW_MS:-1000}"
    assert set(policies) == {"status_code", "latency", "probabilistic"}


def test_health_checks_are_dropped_and_nothing_that_only_looks_like_one(config):
    (condition,) = config["processors"]["filter/health"]["traces"]["span"]
    pattern = re.search(r'"(\^[^"]+)"', condition)
    assert pattern is not None

    matches = [
        path for path in ("/health", "/health/ready", "/healthy", "/api/health") if re.match(pattern[1], path)
    ]
    assert matches == ["/health", "/health/ready"]


@pytest.mark.parametrize(
    "secret",
    [
        "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ1In0.c2ln",
        "sk_live_a1b2c3d4",
        "whsec_MfKQ9r8",
        "postgres://app:hunter2@db.internal/app",
    ],
)
def test_collector_and_service_agree_on_what_a_secret_looks_like(config, secret):
    blocked = [re.compile(pattern) for pattern in config["processors"]["redaction"]["blocked_values"]]

    assert any(pattern.search(secret) for pattern in blocked)
    assert scrub(secret) != secret


@pytest.mark.parametrize(
    "value", ["risk_readings", "task_results", "mark_prices", "SELECT FROM task_results"]
)
def test_collector_keeps_names_that_only_look_like_keys(config, value):
    blocked = [re.compile(pattern) for pattern in config["processors"]["redaction"]["blocked_values"]]

    assert not any(pattern.search(value) for pattern in blocked)


def test_own_lines_go_to_standard_output_as_json(config):
    assert config["service"]["telemetry"]["logs"] == {
        "level": "info",
        "encoding": "json",
        "output_paths": ["stdout"],
        "error_output_paths": ["stdout"],
    }


def test_real_collector_accepts_the_file():
    found = shutil.which("otelcol-contrib") or shutil.which("otelcol")
    if found is None:
        pytest.skip("otel-collector.yaml was not judged by the real program: no otelcol-contrib on PATH")
    told = dict.fromkeys(VARIABLES, "1") | {"BACKEND_ENDPOINT": "http://127.0.0.1:4318"}

    judged = subprocess.run(
        [found, "validate", f"--config={FILE}"],
        env={**os.environ, **told},
        capture_output=True,
        text=True,
        check=False,
    )

    assert judged.returncode == 0, judged.stderr
