"""The telemetry of one service, from its start to its end.

Nothing here may stop a boot, slow a request or hold up an exit.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from opentelemetry import metrics, trace
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.trace import NoOpTracerProvider, Tracer

from runtime.settings import Settings
from runtime.telemetry.metrics.histograms import Labelled
from runtime.telemetry.metrics.instruments import Metrics
from runtime.telemetry.process import install, release
from runtime.telemetry.providers import (
    SCHEMA,
    ExportState,
    doubt_of,
    logs_of,
    meters_of,
    resource_of,
    tracers_of,
)
from runtime.telemetry.sentry import sentry_of
from runtime.telemetry.spans.tracers import Tracers

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricExporter
    from opentelemetry.sdk.trace import SpanProcessor

logger = logging.getLogger(__name__)


class Telemetry:
    """Tracing and metrics of one service: made by `start`, ended by `stop`.

    Attributes:
        settings: what it was started with.
        tracer_provider: for packages that take one instead of the global provider.
        meter_provider: likewise.
        tracer: makes the server spans.
        metrics: the service's own instruments.
    """

    def __init__(
        self,
        settings: Settings,
        tracers: trace.TracerProvider,
        meters: metrics.MeterProvider,
        state: ExportState,
    ) -> None:
        self.settings = settings
        self.tracer: Tracer = tracers.get_tracer("annex", schema_url=SCHEMA)
        self.metrics = Metrics(meters.get_meter("annex", schema_url=SCHEMA), state.durations)
        self.tracer_provider = tracers
        self.meter_provider = meters
        self._state = state
        self._stop_watching: Callable[[], None] = lambda: None

    @classmethod
    def start(
        cls,
        settings: Settings,
        *,
        processors: Sequence["SpanProcessor"] = (),
        exporters: Sequence["MetricExporter"] = (),
    ) -> Self:
        """Build the providers and make them the ones that `opentelemetry.trace` hands out; never raises.

        Args:
            settings: where to send, as whom, how much.
            processors: are given every recorded span besides the exporter.
            exporters: are given the metrics besides the collector.
        """
        state = ExportState(has_exemplars=settings.telemetry.exemplar_filter == "trace_based")
        tracers: trace.TracerProvider = NoOpTracerProvider()
        try:
            resource = resource_of(settings)
            tracers = tracers_of(settings, resource, processors, state)
            meters = meters_of(settings, resource, exporters, state)
            state.logs = logs_of(settings, resource, state)
            state.close_sentry = sentry_of(settings)
        except Exception as error:  # noqa: BLE001 - fail-open: no fault of telemetry stops a boot
            logger.warning("Telemetry is off: its setup failed with %s", type(error).__name__)
            if isinstance(tracers, Tracers):
                tracers.shutdown()
            tracers, meters = NoOpTracerProvider(), NoOpMeterProvider()
        if doubt := doubt_of(settings.telemetry.endpoint):
            logger.warning("OTEL_EXPORTER_OTLP_ENDPOINT: %s", doubt)
        install(tracers, meters)
        return cls(settings, tracers, meters, state)

    def histogram(self, scope: str, name: str, description: str, bounds: Sequence[float]) -> Labelled:
        """Return a histogram of seconds, for attribute sets that are few and known; one for each name."""
        known = self._state.histograms.setdefault(scope, [])
        made = next((each for each in known if each.name == name), None)
        if made is None:
            known.append(made := Labelled(name, description, bounds))
            made.has_exemplars = self._state.has_exemplars
        return made

    def watch(self, *, quarantined: Callable[[], int]) -> None:
        """Report the lag of the running loop, and `quarantined()` as the number of quarantined files."""
        self.metrics.watch_quarantined(quarantined)
        self._stop_watching = self.metrics.watch_loop(asyncio.get_running_loop())

    async def stop(self, budget: float = 3.0) -> bool:
        """Send what is queued and close, within `budget` seconds; True when all of it was done.

        The providers' own `shutdown` blocks for as long as a collector lets it, so it runs in a daemon thread
        that is left behind when the time is up.
        """
        self._stop_watching()
        release(self.tracer_provider)
        loop, done = asyncio.get_running_loop(), asyncio.Event()

        def close() -> None:
            self._close(budget)
            with suppress(RuntimeError):  # the loop is closed, nothing waits
                loop.call_soon_threadsafe(done.set)

        threading.Thread(target=close, name="annex-telemetry-stop", daemon=True).start()
        try:
            async with asyncio.timeout(budget):
                await done.wait()
        except TimeoutError:
            self._state.is_shut.set()
            logger.warning(
                "Telemetry was not flushed within %.1f s; queued spans and metrics are lost.", budget
            )
            return False
        return True

    def _close(self, budget: float) -> None:
        deadline = time.monotonic() + budget
        if self._state.logs is not None:
            self._state.logs.close()
        if self._state.close_sentry is not None:
            self._state.close_sentry()
        for provider in (self.tracer_provider, self.meter_provider):
            shutdown: Callable[..., None] | None = getattr(provider, "shutdown", None)
            if shutdown is None:
                continue
            left = max(deadline - time.monotonic(), 0.1) * 1000
            try:
                if isinstance(provider, metrics.MeterProvider):
                    shutdown(timeout_millis=left)
                else:
                    shutdown()
            except Exception as error:  # noqa: BLE001 - an exporter's fault must not reach the shutdown
                logger.warning("Telemetry did not close cleanly: %s", type(error).__name__)
