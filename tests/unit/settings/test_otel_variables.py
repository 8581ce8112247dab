"""Every variable of OpenTelemetry's specification is honoured or refused by name."""

import re
from typing import Literal

import pytest
from opentelemetry import environment_variables as api
from opentelemetry.sdk import environment_variables as sdk

from runtime.settings import SettingsError, load
from runtime.settings.opentelemetry.otel_variables import VARIABLES
from shared.secret import Secret

SIGNALS: tuple[Literal["traces", "metrics", "logs"], ...] = ("traces", "metrics", "logs")
SPECIFIED = sorted({
    value for module in (api, sdk) for name, value in vars(module).items() if name.startswith("OTEL_")
})  # fmt: skip


@pytest.mark.parametrize("name", SPECIFIED)
def test_a_specified_variable_is_in_the_table_once(name):
    assert len([one for one in VARIABLES if re.fullmatch(one.names, name)]) == 1


REFUSED = [
    ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "http/protobuf"),
    ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json", "http/protobuf"),
    ("OTEL_EXPORTER_OTLP_TIMEOUT", "10000", "unset"),
    ("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "10000", "unset"),
    ("OTEL_EXPORTER_OTLP_INSECURE", "true", "scheme"),
    ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta", "cumulative"),
    (
        "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
        "base2_exponential_bucket_histogram",
        "explicit",
    ),
    ("OTEL_TRACES_EXPORTER", "console", "otlp or none"),
    ("OTEL_METRICS_EXPORTER", "prometheus", "otlp or none"),
    ("OTEL_LOGS_EXPORTER", "zipkin", "otlp"),
    ("OTEL_EXPORTER_OTLP_LOGS_COMPRESSION", "gzip", "traces"),
    ("OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", "grpc", "http/protobuf"),
    ("OTEL_BLRP_SCHEDULE_DELAY", "100", "unset"),
    ("OTEL_TRACES_SAMPLER", "always_on", "parentbased_always_on"),
    ("OTEL_TRACES_SAMPLER", "jaeger_remote", "parentbased_always_on"),
    ("OTEL_PROPAGATORS", "b3", "tracecontext"),
    ("OTEL_PROPAGATORS", "none", "ANNEX_TRUST_TRACEPARENT"),
    ("OTEL_BSP_SCHEDULE_DELAY", "100", "unset"),
    ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "5", "unset"),
    ("OTEL_METRICS_EXEMPLAR_FILTER", "always_on", "trace_based"),
    ("OTEL_METRIC_EXPORT_TIMEOUT", "100", "unset"),
    ("OTEL_METRIC_EXPORT_INTERVAL", "5", "1000"),
    ("OTEL_METRIC_EXPORT_INTERVAL", "soon", "number"),
    ("OTEL_LOG_LEVEL", "debug", "LOG_LEVEL"),
    ("OTEL_CONFIG_FILE", "otel.yaml", "variables"),
    ("OTEL_EXPORTER_ZIPKIN_ENDPOINT", "http://z:9411", "OTLP"),
    ("OTEL_EXPORTER_OLTP_ENDPOINT", "http://c:4318", "spelling"),
]


@pytest.mark.parametrize(("name", "text", "cure"), REFUSED)
def test_what_is_not_honoured_is_refused_by_name_with_the_cure(name, text, cure):
    with pytest.raises(SettingsError) as refusal:
        load({name: text})

    (fault,) = refusal.value.faults
    assert fault.name == name
    assert cure in fault.problem


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        ("OTEL_PROPAGATORS", "tracecontext,baggage"),
        ("OTEL_LOGS_EXPORTER", "none"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/etc/ca.pem"),
        ("OTEL_SEMCONV_STABILITY_OPT_IN", "http"),
        ("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "false"),
        ("OTEL_BSP_SCHEDULE_DELAY", ""),
    ],
)
def test_what_happens_anyhow_is_accepted(name, text):
    load({name: text})


def test_a_signal_goes_to_its_own_endpoint_as_it_is_with_its_own_headers():
    telemetry = load({
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://common:4318/",
        "OTEL_EXPORTER_OTLP_HEADERS": "a=common",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://traces.example/otlp",
        "OTEL_EXPORTER_OTLP_TRACES_HEADERS": "a=traces",
    }).telemetry  # fmt: skip

    assert telemetry.destination("traces") == ("https://traces.example/otlp", Secret("a=traces"))
    assert telemetry.destination("metrics") == ("http://common:4318/v1/metrics", Secret("a=common"))


@pytest.mark.parametrize(
    ("environment", "sent"),
    [
        ({}, set()),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://t:4318/v1/traces"}, {"traces"}),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://t:4318/v1/metrics"}, {"metrics"}),
        ({"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "http://t:4318/v1/logs"}, {"logs"}),
        (
            {"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "http://t:4318/v1/logs", "OTEL_LOGS_EXPORTER": "console"},
            set(),
        ),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, {"traces", "metrics"}),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_LOGS_EXPORTER": "otlp"}, {*SIGNALS}),
        ({"OTEL_LOGS_EXPORTER": "otlp"}, set()),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_METRICS_EXPORTER": "none"}, {"traces"}),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_TRACES_EXPORTER": "none"}, {"metrics"}),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_SDK_DISABLED": "true"}, set()),
    ],
)
def test_a_signal_is_sent_where_it_has_somewhere_to_go(environment, sent):
    telemetry = load(environment).telemetry

    assert {signal for signal in SIGNALS if telemetry.destination(signal)} == sent


@pytest.mark.parametrize(
    ("environment", "name"),
    [
        ({}, "annex"),
        ({"OTEL_RESOURCE_ATTRIBUTES": "service.name=desk,team=rates"}, "desk"),
        ({"OTEL_RESOURCE_ATTRIBUTES": "service.name=desk", "OTEL_SERVICE_NAME": "own"}, "own"),
        ({"OTEL_RESOURCE_ATTRIBUTES": "service.name=desk", "OTEL_SERVICE_NAME": " "}, "desk"),
        ({"OTEL_RESOURCE_ATTRIBUTES": "team=rates"}, "annex"),
    ],
)
def test_the_service_is_named_as_the_specification_says(environment, name):
    assert load(environment).telemetry.service_name == name


@pytest.mark.parametrize(
    ("environment", "share"),
    [
        ({"OTEL_TRACES_SAMPLER": "parentbased_always_on", "OTEL_TRACES_SAMPLER_ARG": "0.1"}, 1),
        ({"OTEL_TRACES_SAMPLER": "parentbased_always_off"}, 0),
        ({"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.25"}, 0.25),
        ({"OTEL_TRACES_SAMPLER_ARG": "0.5"}, 0.5),
    ],
)
def test_the_sampler_decides_the_share(environment, share):
    assert load(environment).telemetry.share == share
