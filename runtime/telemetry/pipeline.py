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
from runtime.telemetry.providers import SCHEMA, Exit, doubt_of, meters_of, resource_of, tracers_of

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricExporter
    from opentelemetry.sdk.trace import SpanProcessor

logger = logging.getLogger(__name__)


class Telemetry:
    """Everything that leaves the process about itself: made by `start`, ended by `stop`.

    Attributes:
        settings: what it was started with.
        tracer_provider: for rooms that take one instead of the process's.
        meter_provider: likewise.
        tracer: makes the server spans.
        metrics: the service's own instruments.
    """

    def __init__(
        self,
        settings: Settings,
        tracers: trace.TracerProvider,
        meters: metrics.MeterProvider,
        way_out: Exit,
    ) -> None:
        self.settings = settings
        self.tracer: Tracer = tracers.get_tracer("annex", schema_url=SCHEMA)
        self.metrics = Metrics(meters.get_meter("annex", schema_url=SCHEMA), way_out.durations)
        self.tracer_provider = tracers
        self.meter_provider = meters
        self._way_out = way_out
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
            processors: see every recorded span besides the exporter.
            exporters: are given the metrics besides the collector.
        """
        way_out = Exit()
        try:
            resource = resource_of(settings)
            tracers = tracers_of(settings, resource, processors, way_out)
            meters = meters_of(settings, resource, exporters, way_out)
        except Exception as error:  # noqa: BLE001 - fail-open: no fault of telemetry stops a boot
            logger.warning("Telemetry is off, it could not be set up: %s", type(error).__name__)
            tracers, meters = NoOpTracerProvider(), NoOpMeterProvider()
        if doubt := doubt_of(settings.telemetry.endpoint):
            logger.warning("OTEL_EXPORTER_OTLP_ENDPOINT: %s", doubt)
        install(tracers, meters)
        return cls(settings, tracers, meters, way_out)

    def histogram(self, scope: str, name: str, description: str, bounds: Sequence[float]) -> Labelled:
        """Return a histogram of seconds, for attribute sets that are few and known; one for each name."""
        known = self._way_out.histograms.setdefault(scope, [])
        made = next((each for each in known if each.name == name), None)
        if made is None:
            known.append(made := Labelled(name, description, bounds))
        return made

    def watch(self, *, quarantined: Callable[[], int]) -> None:
        """From now on report the running loop's lag, and how many files `quarantined()` says are out."""
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
            with suppress(RuntimeError):  # the loop is gone: nobody waits any more
                loop.call_soon_threadsafe(done.set)

        threading.Thread(target=close, name="annex-telemetry-stop", daemon=True).start()
        try:
            async with asyncio.timeout(budget):
                await done.wait()
        except TimeoutError:
            self._way_out.is_shut.set()
            logger.warning("Telemetry was not flushed within %.1f s; what was queued is lost.", budget)
            return False
        return True

    def _close(self, budget: float) -> None:
        deadline = time.monotonic() + budget
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
