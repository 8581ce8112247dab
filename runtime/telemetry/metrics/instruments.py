"""What is counted: requests by route, outcomes of authentication, broken functions, the event loop's lag.

What happens per request is kept as plain numbers and read when the exporter asks, so that it costs a request
next to nothing.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator

from opentelemetry.metrics import CallbackOptions, Meter, Observation
from opentelemetry.semconv._incubating.metrics.http_metrics import HTTP_SERVER_ACTIVE_REQUESTS
from opentelemetry.semconv.attributes.http_attributes import HTTP_REQUEST_METHOD, HTTP_ROUTE

from runtime.asgi.invocation import Invocation
from runtime.telemetry.metrics.durations import Durations


class Metrics:
    """The instruments of one service.

    Attributes:
        active: the requests being worked on; who adds one discards it.
        auth_outcomes: how many calls ended in each outcome.
        durations: seconds of a request, as `http.server.request.duration`.
    """

    def __init__(self, meter: Meter, durations: Durations) -> None:
        self.active: set[Invocation] = set()
        self.auth_outcomes: Counter[str] = Counter()
        self.durations = durations
        self._quarantined: Callable[[], int] = lambda: 0
        self._lag = meter.create_histogram(
            "annex.event_loop.lag",
            unit="s",
            description="How much later than asked the event loop woke up.",
            explicit_bucket_boundaries_advisory=(0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5),
        )
        meter.create_observable_up_down_counter(
            HTTP_SERVER_ACTIVE_REQUESTS,
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
            description="Function files that are out of service.",
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
        routes = Counter(
            (invocation.method, invocation.endpoint.template if invocation.endpoint else "")
            for invocation in tuple(self.active)
        )
        for (method, route), count in routes.items():
            attributes = {HTTP_REQUEST_METHOD: method, HTTP_ROUTE: route}
            yield Observation(count, {key: value for key, value in attributes.items() if value})

    def _observe_auth(self, _: CallbackOptions) -> Iterator[Observation]:
        for outcome, count in tuple(self.auth_outcomes.items()):
            yield Observation(count, {"annex.auth": outcome})

    def _observe_quarantined(self, _: CallbackOptions) -> Iterator[Observation]:
        yield Observation(self._quarantined())
