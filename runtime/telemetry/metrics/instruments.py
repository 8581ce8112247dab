"""The instruments: active requests, outcomes of authentication, quarantined files, the event loop's lag.

What happens per request is kept as plain numbers and read at each export, so that it costs a request next to
nothing.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator

from opentelemetry.metrics import CallbackOptions, Meter, Observation
from opentelemetry.semconv.attributes.http_attributes import HTTP_REQUEST_METHOD
from opentelemetry.semconv.attributes.url_attributes import URL_SCHEME
from opentelemetry.util.http import sanitize_method

from runtime.asgi.invocation import Invocation
from runtime.telemetry.metrics.durations import Durations


class Metrics:
    """The instruments of one service.

    Attributes:
        active: the scheme of each request in progress; who adds one removes it.
        auth_outcomes: how many calls ended in each outcome.
        durations: seconds of a request, as `http.server.request.duration`.
    """

    def __init__(self, meter: Meter, durations: Durations) -> None:
        self.active: dict[Invocation, str] = {}
        self._seen: set[tuple[str, str]] = set()
        self.auth_outcomes: Counter[str] = Counter()
        self.durations = durations
        self._quarantined: Callable[[], int] = lambda: 0
        self._lag = meter.create_histogram(
            "annex.event_loop.lag",
            unit="s",
            description="Delay of the event loop: how late a timer fired.",
            explicit_bucket_boundaries_advisory=(0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5),
        )
        meter.create_observable_up_down_counter(
            "http.server.active_requests",
            [self._observe_active],
            unit="{request}",
            description="Number of active HTTP server requests.",
        )
        meter.create_observable_counter(
            "annex.auth.outcomes",
            [self._observe_auth],
            unit="{request}",
            description="Requests by the outcome of authentication.",
        )
        meter.create_observable_gauge(
            "annex.functions.quarantined",
            [self._observe_quarantined],
            unit="{file}",
            description="Function files in quarantine.",
        )

    def watch_quarantined(self, count: Callable[[], int]) -> None:
        """Report `count()` as the number of quarantined files from now on."""
        self._quarantined = count

    def watch_loop(self, loop: asyncio.AbstractEventLoop, *, interval: float = 0.5) -> Callable[[], None]:
        """Measure the loop's lag every `interval` seconds; call what is returned to stop."""
        handle: asyncio.TimerHandle

        def wake(due: float) -> None:
            nonlocal handle
            now = loop.time()
            self._lag.record(max(now - due, 0))
            handle = loop.call_at(now + interval, wake, now + interval)

        due = loop.time() + interval
        handle = loop.call_at(due, wake, due)

        def stop() -> None:
            handle.cancel()

        return stop

    def _observe_active(self, _: CallbackOptions) -> Iterator[Observation]:
        active = Counter(
            (sanitize_method(each.method), scheme) for each, scheme in self.active.copy().items()
        )
        self._seen |= active.keys()
        for method, scheme in self._seen:  # a series that is over ends with 0
            yield Observation(active[method, scheme], {HTTP_REQUEST_METHOD: method, URL_SCHEME: scheme})

    def _observe_auth(self, _: CallbackOptions) -> Iterator[Observation]:
        for outcome, count in tuple(self.auth_outcomes.items()):
            yield Observation(count, {"annex.auth": outcome})

    def _observe_quarantined(self, _: CallbackOptions) -> Iterator[Observation]:
        yield Observation(self._quarantined())
