"""The settings of traces, metrics and logs."""

from typing import Annotated, Literal

from msgspec import Struct

from runtime.settings.variable import from_env
from shared.secret import Secret


class TelemetrySettings(Struct, frozen=True, kw_only=True):
    """Where traces, metrics and logs go. The `OTEL_*` names are OpenTelemetry's own."""

    endpoint: Annotated[
        str | None,
        from_env(
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            doc="Base URL of an OTLP/HTTP collector (`http://collector.railway.internal:4318`). Unset: nothing is sent.",
        ),
    ] = None
    headers: Annotated[
        Secret | None,
        from_env(
            "OTEL_EXPORTER_OTLP_HEADERS",
            doc="Headers for the collector, `name=value` separated by commas.",
        ),
    ] = None
    traces_endpoint: Annotated[
        str | None,
        from_env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", doc="Full URL for traces, used as it is."),
    ] = None
    metrics_endpoint: Annotated[
        str | None,
        from_env("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", doc="Full URL for metrics, used as it is."),
    ] = None
    logs_endpoint: Annotated[
        str | None, from_env("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", doc="Full URL for logs, used as it is.")
    ] = None
    traces_headers: Annotated[
        Secret | None,
        from_env("OTEL_EXPORTER_OTLP_TRACES_HEADERS", doc="Headers for traces, instead of the common ones."),
    ] = None
    metrics_headers: Annotated[
        Secret | None,
        from_env(
            "OTEL_EXPORTER_OTLP_METRICS_HEADERS", doc="Headers for metrics, instead of the common ones."
        ),
    ] = None
    logs_headers: Annotated[
        Secret | None,
        from_env("OTEL_EXPORTER_OTLP_LOGS_HEADERS", doc="Headers for logs, instead of the common ones."),
    ] = None
    traces_exporter: Annotated[
        Literal["otlp", "none"], from_env("OTEL_TRACES_EXPORTER", doc="`none` sends no traces.")
    ] = "otlp"
    metrics_exporter: Annotated[
        Literal["otlp", "none"], from_env("OTEL_METRICS_EXPORTER", doc="`none` sends no metrics.")
    ] = "otlp"
    logs_exporter: Annotated[
        Literal["otlp", "console", "none"] | None,
        from_env(
            "OTEL_LOGS_EXPORTER",
            doc="`otlp` sends the log's lines besides writing them; so does an endpoint for logs. `console` and `none` only write them.",
        ),
    ] = None
    exemplar_filter: Annotated[
        Literal["trace_based", "always_off"],
        from_env(
            "OTEL_METRICS_EXEMPLAR_FILTER",
            doc="`trace_based`: histograms name the trace of a measurement in each bucket; `always_off`: they do not.",
        ),
    ] = "trace_based"
    metric_interval: Annotated[
        int, from_env("OTEL_METRIC_EXPORT_INTERVAL", doc="Milliseconds between two exports of metrics.")
    ] = 30_000
    service_name: Annotated[str, from_env("OTEL_SERVICE_NAME", doc="`service.name` of everything sent.")] = (
        "annex"
    )
    sampler: Annotated[
        Literal["parentbased_traceidratio", "parentbased_always_on", "parentbased_always_off"],
        from_env("OTEL_TRACES_SAMPLER", doc="Which new traces are recorded; a caller's decision is kept."),
    ] = "parentbased_traceidratio"
    sample_ratio: Annotated[
        float,
        from_env(
            "OTEL_TRACES_SAMPLER_ARG",
            doc="Share of new traces that are recorded, 0 to 1. Leave at 1 when the collector samples tails.",
        ),
    ] = 1.0
    disabled: Annotated[bool, from_env("OTEL_SDK_DISABLED", doc="Turn OpenTelemetry off.")] = False
    sentry_dsn: Annotated[
        Secret | None,
        from_env(
            "SENTRY_DSN",
            doc="Errors of the log become events in Sentry; needs the package `sentry-sdk` (docs/vendors.md).",
        ),
    ] = None
    trust_traceparent: Annotated[
        Literal["always", "private", "never"],
        from_env(
            "ANNEX_TRUST_TRACEPARENT",
            doc="Whose `traceparent` is continued: everybody's, only that of callers on private networks (others are linked), or nobody's.",
        ),
    ] = "private"
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        from_env("LOG_LEVEL", doc="Least severe line written."),
    ] = "info"
    log_format: Annotated[
        Literal["json", "text"] | None,
        from_env(
            "LOG_FORMAT",
            doc="`json` in production, `text` (coloured on a terminal) in development.",
        ),
    ] = None
    access_log_rate: Annotated[
        int,
        from_env(
            "ANNEX_ACCESS_LOG_RATE",
            doc="Access lines a second for successes, and as many for failures; the rest are counted and left out.",
        ),
    ] = 50
    exception_messages: Annotated[
        bool,
        from_env(
            "ANNEX_EXCEPTION_MESSAGES",
            doc="Write the text of unexpected exceptions to the log; it can quote what a caller sent. Always on in development.",
        ),
    ] = False

    def destination(self, signal: Literal["traces", "metrics", "logs"]) -> tuple[str, Secret | None] | None:
        """Return URL and headers for a signal, None where it is not sent."""
        exporter, own, headers = {
            "traces": (self.traces_exporter, self.traces_endpoint, self.traces_headers),
            "metrics": (self.metrics_exporter, self.metrics_endpoint, self.metrics_headers),
            "logs": (self._logs, self.logs_endpoint, self.logs_headers),
        }[signal]
        # OTLP/HTTP wants the path of a signal appended to the common endpoint only.
        url = own or (f"{self.endpoint.rstrip('/')}/v1/{signal}" if self.endpoint else None)
        if self.disabled or exporter != "otlp" or url is None:
            return None
        return url, headers or self.headers

    @property
    def _logs(self) -> str:
        """Where lines go besides standard output: unlike the other signals, nowhere unless it is asked for."""
        return self.logs_exporter or ("otlp" if self.logs_endpoint else "none")

    @property
    def share(self) -> float:
        """The share of new traces that are recorded."""
        return {"parentbased_always_on": 1.0, "parentbased_always_off": 0.0}.get(
            self.sampler, self.sample_ratio
        )
