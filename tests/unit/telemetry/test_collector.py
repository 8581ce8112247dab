"""The collector's configuration, as far as it can be judged without the collector.

The names, keys and kinds of values below are those of the schemas that upstream publishes beside each
component (`config.schema.yaml`), up to v0.162; where an `otelcol` is installed it judges the file itself.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from runtime.config import Policy
from runtime.settings.reading import variables
from runtime.telemetry.providers import _BATCH_DELAY, _EXPORT_TIMEOUT
from runtime.telemetry.redaction import scrub

FILE = Path(__file__).parents[3] / "otel-collector.yaml"

DURATION, TEXT, NUMBER, FLAG = r"\d+(ms|s|m)", r".+", r"\d+", r"(True|False)"
TEXTS = (TEXT,)
_SERVER = {"endpoint": TEXT}
_POLICY = {
    "name": TEXT,
    "type": r"status_code|latency|string_attribute|probabilistic",
    "status_code": {"status_codes": (r"OK|ERROR|UNSET",)},
    "latency": {"threshold_ms": NUMBER},
    "string_attribute": {"key": TEXT, "values": TEXTS, "enabled_regex_matching": FLAG},
    "probabilistic": {"sampling_percentage": NUMBER},
}
KNOWN: dict[str, dict[str, Any]] = {
    "extensions": {"health_check": {"endpoint": TEXT, "path": TEXT}},
    "receivers": {"otlp": {"protocols": {"http": _SERVER, "grpc": _SERVER}}},
    "processors": {
        "memory_limiter": {"check_interval": DURATION, "limit_mib": NUMBER, "spike_limit_mib": NUMBER},
        "filter": {"error_mode": r"ignore|propagate|silent", "trace_conditions": TEXTS},
        "redaction": {
            "allow_all_keys": FLAG,
            "blocked_key_patterns": TEXTS,
            "blocked_values": TEXTS,
            "db_sanitizer": {"sql": {"enabled": FLAG, "attributes": TEXTS}},
            "summary": r"debug|info|silent",
        },
        "tail_sampling": {
            "decision_wait": DURATION,
            "num_traces": NUMBER,
            "expected_new_traces_per_sec": NUMBER,
            "decision_cache": {"sampled_cache_size": NUMBER},
            "policies": (_POLICY,),
        },
    },
    "exporters": {
        "otlp_http": {
            "endpoint": TEXT,
            "headers": {"authorization": TEXT},
            "compression": r"gzip|zstd|snappy|none",
            "timeout": DURATION,
            "retry_on_failure": {
                "enabled": FLAG,
                "initial_interval": DURATION,
                "max_interval": DURATION,
                "max_elapsed_time": DURATION,
            },
            "sending_queue": {
                "enabled": FLAG,
                "sizer": r"requests|items|bytes",
                "queue_size": NUMBER,
                "batch": {"flush_timeout": DURATION, "min_size": NUMBER, "max_size": NUMBER},
            },
        }
    },
}
"""Names and kinds of values, of what is used, from upstream's `config.schema.yaml` of each component."""
VARIABLES = {
    "PORT",
    "MEMORY_LIMIT_MIB",
    "DECISION_WAIT",
    "NUM_TRACES",
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
        assert list(_misfits(settings, known, name)) == []


def _misfits(value: Any, known: Any, where: str) -> Iterator[str]:
    """Yield what a schema does not have; defaults stand for variables of the environment."""
    if isinstance(known, dict) and isinstance(value, dict):
        yield from (f"{where}.{key}: unknown" for key in value.keys() - known.keys())
        for key in value.keys() & known.keys():
            yield from _misfits(value[key], known[key], f"{where}.{key}")
    elif isinstance(known, tuple) and isinstance(value, list):
        for each in value:
            yield from _misfits(each, known[0], where)
    elif not isinstance(known, str) or not re.fullmatch(known, default_of(value)):
        yield f"{where}: {value!r} does not fit"


def default_of(value: Any) -> str:
    """Return a value as the collector reads it where no variable is set."""
    return re.sub(r"\$\{env:([A-Z_]+)(?::-([^}]*))?\}", lambda found: found[2] or found[1], str(value))


def test_a_schema_finds_a_misspelt_key_and_a_value_of_another_kind():
    known = KNOWN["processors"]["tail_sampling"]
    wrong = {
        "decision_wait": 10,
        "policies": [{"name": "slow", "type": "latency", "latency": {"threshold": 1}}],
    }

    assert sorted(_misfits(wrong, known, "tail_sampling")) == [
        "tail_sampling.decision_wait: 10 does not fit",
        "tail_sampling.policies.latency.threshold: unknown",
    ]


def test_a_trace_is_judged_after_the_longest_default_timeout_and_not_forgotten_before(config):
    sampling = config["processors"]["tail_sampling"]
    wait = int(default_of(sampling["decision_wait"]).removesuffix("s"))
    until_it_arrives = 2 * _BATCH_DELAY + 2 * _EXPORT_TIMEOUT  # the first span at once, the last one late

    assert wait >= Policy().timeout + until_it_arrives
    assert int(default_of(sampling["num_traces"])) >= wait * sampling["expected_new_traces_per_sec"]
    assert "non_sampled_cache_size" not in sampling["decision_cache"]  # a late fault is judged anew


def test_logs_are_received_and_redacted(config):
    assert config["service"]["pipelines"]["logs"]["processors"] == ["memory_limiter", "redaction"]


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
    assert policies["string_attribute"]["string_attribute"]["key"] == "gen_ai.operation.name"
    assert set(policies) == {"status_code", "latency", "string_attribute", "probabilistic"}


def test_health_checks_are_dropped_and_nothing_that_only_looks_like_one(config):
    (condition,) = config["processors"]["filter/health"]["trace_conditions"]
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
