"""What becomes of each variable of OpenTelemetry's specification: read, or refused at start with the cure.

A variable that is set and ignored is a mistake that nobody finds. `docs/telemetry.md` prints this table.
"""

import re
from collections.abc import Callable
from typing import Final, NamedTuple

_FIXED: Final = "not a setting here, since the stop of the service waits for it; unset it"


class OtelVariable(NamedTuple):
    """Variables of one kind.

    Attributes:
        names: a pattern for the whole name.
        shown: the names as the docs have them.
        meaning: what it does here, or why it is refused.
        refusal: returns the cure for a value that is not honoured, empty for one that is.
    """

    names: str
    shown: str
    meaning: str
    refusal: Callable[[str], str] = lambda _: ""


def _only(*values: str, cure: str = "") -> Callable[[str], str]:
    """Refuse what is none of these values, which are what happens here in any case."""
    expected = f"expected {' or '.join(values)}" + (f"; {cure}" if cure else "")
    return lambda text: "" if text.lower() in values else expected


def _never(cure: str) -> Callable[[str], str]:
    return lambda _: cure


SIGNAL: Final = "(TRACES_|METRICS_|LOGS_)?"
VARIABLES: Final = (
    OtelVariable("OTEL_SDK_DISABLED", "OTEL_SDK_DISABLED", "`true` turns everything off"),
    OtelVariable(
        "OTEL_SERVICE_NAME|OTEL_RESOURCE_ATTRIBUTES|OTEL_EXPERIMENTAL_RESOURCE_DETECTORS",
        "OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES, OTEL_EXPERIMENTAL_RESOURCE_DETECTORS",
        "the resource; `service.name` is the first one's, else that of the attributes, else `annex`",
    ),
    OtelVariable(
        f"OTEL_EXPORTER_OTLP_{SIGNAL}(ENDPOINT|HEADERS)",
        "OTEL_EXPORTER_OTLP_ENDPOINT, …_HEADERS; …_TRACES_…, …_METRICS_… and …_LOGS_… of both",
        "where a signal goes; the signal's own endpoint is used as it is, the common one with `/v1/traces`",
    ),
    OtelVariable(
        "OTEL_EXPORTER_OTLP_(TRACES_|METRICS_)?(COMPRESSION|CERTIFICATE|CLIENT_KEY|CLIENT_CERTIFICATE)",
        "…_COMPRESSION, …_CERTIFICATE, …_CLIENT_KEY, …_CLIENT_CERTIFICATE of traces and metrics",
        "as the specification says; logs leave as traces do",
    ),
    OtelVariable(
        f"OTEL_EXPORTER_OTLP_{SIGNAL}PROTOCOL",
        "…_PROTOCOL of all",
        "`http/protobuf` only",
        _only("http/protobuf", cure="set it, and a collector's port for HTTP, usually 4318"),
    ),
    OtelVariable(
        f"OTEL_EXPORTER_OTLP_{SIGNAL}INSECURE",
        "…_INSECURE of all",
        "refused: for gRPC; the scheme of the endpoint decides",
        _never("only for gRPC; the scheme of the endpoint decides, unset it"),
    ),
    OtelVariable(
        f"OTEL_EXPORTER_OTLP_{SIGNAL}TIMEOUT",
        "…_TIMEOUT of all",
        "refused: a batch has 2 seconds with all its retries",
        _never(_FIXED),
    ),
    OtelVariable(
        "OTEL_EXPORTER_OTLP_LOGS_(COMPRESSION|CERTIFICATE|CLIENT_KEY|CLIENT_CERTIFICATE)",
        "OTEL_EXPORTER_OTLP_LOGS_COMPRESSION, …_CERTIFICATE, …_CLIENT_KEY, …_CLIENT_CERTIFICATE",
        "refused: logs leave as traces do",
        _never("logs leave as traces do; set the variable without LOGS_, or that of the traces"),
    ),
    OtelVariable(
        "OTEL_BLRP_[A-Z_]+|OTEL_LOGRECORD_[A-Z_]+",
        "OTEL_BLRP_…, OTEL_LOGRECORD_…",
        "refused: 2,048 lines wait, 512 leave at once, every 2 s",
        _never(_FIXED),
    ),
    OtelVariable(
        "OTEL_(TRACES|METRICS)_EXPORTER",
        "OTEL_TRACES_EXPORTER, OTEL_METRICS_EXPORTER",
        "`otlp` or `none`",
        _only("otlp", "none"),
    ),
    OtelVariable(
        "OTEL_LOGS_EXPORTER",
        "OTEL_LOGS_EXPORTER",
        "`otlp`: lines are sent, and written to standard output as well; `console`, `none`: only written",
        _only("otlp", "none", "console"),
    ),
    OtelVariable(
        "OTEL_TRACES_SAMPLER",
        "OTEL_TRACES_SAMPLER",
        "`parentbased_always_on`, `parentbased_always_off` or `parentbased_traceidratio`",
        _only(
            "parentbased_always_on",
            "parentbased_always_off",
            "parentbased_traceidratio",
            cure="a caller's decision is always kept",
        ),
    ),
    OtelVariable(
        "OTEL_TRACES_SAMPLER_ARG", "OTEL_TRACES_SAMPLER_ARG", "the share of `parentbased_traceidratio`"
    ),
    OtelVariable(
        "OTEL_PROPAGATORS",
        "OTEL_PROPAGATORS",
        "`tracecontext`, with or without `baggage`, which is not read; see `ANNEX_TRUST_TRACEPARENT`",
        lambda text: (
            ""
            if "tracecontext" in (parts := {part.strip() for part in text.split(",")})
            and parts <= {"tracecontext", "baggage"}
            else "expected tracecontext, baggage; ANNEX_TRUST_TRACEPARENT=never continues no trace"
        ),
    ),
    OtelVariable(
        "OTEL_METRIC_EXPORT_INTERVAL", "OTEL_METRIC_EXPORT_INTERVAL", "milliseconds between two exports"
    ),
    OtelVariable(
        "OTEL_METRIC_EXPORT_TIMEOUT",
        "OTEL_METRIC_EXPORT_TIMEOUT",
        "refused: an export has 2 seconds",
        _never(_FIXED),
    ),
    OtelVariable(
        "OTEL_METRICS_EXEMPLAR_FILTER",
        "OTEL_METRICS_EXEMPLAR_FILTER",
        "`trace_based` or `always_off`",
        _only("trace_based", "always_off"),
    ),
    OtelVariable(
        "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
        "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
        "`cumulative` only; a collector's `cumulativetodelta` converts",
        _only("cumulative", cure="let the collector convert (cumulativetodelta)"),
    ),
    OtelVariable(
        "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
        "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
        "`explicit_bucket_histogram` only",
        _only("explicit_bucket_histogram"),
    ),
    OtelVariable(
        "OTEL_BSP_[A-Z_]+",
        "OTEL_BSP_…",
        "refused: 2,048 spans wait, 512 leave at once, every 2 s",
        _never(_FIXED),
    ),
    OtelVariable(
        "OTEL_(ATTRIBUTE|SPAN|EVENT|LINK)_[A-Z_]+_LIMIT",
        "OTEL_ATTRIBUTE_…_LIMIT, OTEL_SPAN_…, OTEL_EVENT_…, OTEL_LINK_…",
        "refused: 64 attributes of a span, 32 events, 16 links",
        _never("the limits of a span are fixed here; unset it"),
    ),
    OtelVariable("OTEL_LOG_LEVEL", "OTEL_LOG_LEVEL", "refused: `LOG_LEVEL`", _never("set LOG_LEVEL instead")),
    OtelVariable(
        "OTEL_CONFIG_FILE|OTEL_EXPERIMENTAL_CONFIG_FILE",
        "OTEL_CONFIG_FILE",
        "refused: these variables are the configuration",
        _never("declarative configuration is not read; set the variables instead"),
    ),
    OtelVariable(
        "OTEL_EXPORTER_(ZIPKIN|PROMETHEUS|JAEGER)_[A-Z_]+",
        "OTEL_EXPORTER_ZIPKIN_…, …_PROMETHEUS_…, …_JAEGER_…",
        "refused: OTLP is sent; a collector speaks the others",
        _never("only OTLP is sent; let a collector convert"),
    ),
    OtelVariable(
        "OTEL_(PYTHON|INSTRUMENTATION|SEMCONV)_[A-Z_]+",
        "OTEL_PYTHON_…, OTEL_INSTRUMENTATION_…, OTEL_SEMCONV_…",
        "read by the libraries that define them",
    ),
)


def refusal_of(name: str, text: str) -> str:
    """Return why a variable that is set is not honoured, with the cure; empty where it is."""
    found = next((one for one in VARIABLES if re.fullmatch(one.names, name)), None)
    return "not a variable of OpenTelemetry; check the spelling" if found is None else found.refusal(text)
