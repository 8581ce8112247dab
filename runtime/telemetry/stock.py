"""The stock ASGI instrumentation, around what is Litestar's own and not a function."""

from collections.abc import Iterator

from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.semconv.attributes.http_attributes import HTTP_ROUTE
from opentelemetry.trace import TracerProvider

from runtime.asgi.invocation import SCOPE_KEY, Invocation
from runtime.asgi.messages import ASGIApp, Receive, Scope, Send
from runtime.asgi.stages import Stage
from runtime.settings.reading import prefer_stable_conventions

_WHOLE = "annex.stock.scope"


def stock_tracing(tracers: TracerProvider, name: str, route: str) -> Stage:
    """Return a stage that puts `OpenTelemetryMiddleware` around an application.

    Its span lies below our server span. It is shown a scope without query string, which it would record, and
    with readable headers, as it raises on others, and with the caller's address that the proxies tell; the
    application gets the real one. Durations are counted once, by us.

    Args:
        tracers: makes its tracer.
        name: of the span, such as ``GET /metrics``.
        route: the template.
    """
    prefer_stable_conventions()
    from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware

    def stage(app: ASGIApp) -> ASGIApp:
        async def inner(scope: Scope, receive: Receive, send: Send) -> None:
            await app(scope[_WHOLE], receive, send)

        stock = OpenTelemetryMiddleware(
            inner,
            default_span_details=lambda _: (name, {HTTP_ROUTE: route}),
            tracer_provider=tracers,
            meter_provider=NoOpMeterProvider(),
            exclude_spans=["receive", "send"],
        )

        async def outer(scope: Scope, receive: Receive, send: Send) -> None:
            invocation: Invocation = scope[SCOPE_KEY]
            shown = {
                **scope,
                "headers": list(_readable(scope)),
                "query_string": b"",
                "client": (invocation.client, None),
                _WHOLE: scope,
            }
            await stock(shown, receive, send)

        return outer

    return stage


def _readable(scope: Scope) -> Iterator[tuple[bytes, bytes]]:
    for name, value in scope["headers"]:
        if name in {b"host", b"user-agent"}:
            yield name, value.decode("latin-1").encode()
