"""Errors for Sentry, where `SENTRY_DSN` is set: one event for each that the log has, with its call.

The SDK is used without its integrations: they replace functions of the interpreter and of Litestar, send each
error a second time, and know nothing of routes and callers here.
"""

import logging
from collections.abc import Callable
from typing import Any

from opentelemetry.trace import format_span_id, format_trace_id, get_current_span

from runtime.asgi.invocation import current
from runtime.settings import Settings
from runtime.telemetry.logs.lines import message_text
from runtime.telemetry.logs.setup import limits_of
from runtime.telemetry.redaction import scrub

logger = logging.getLogger(__name__)

FLUSH = 2.0  # seconds for the last events
_ACCESS = "annex.access"  # tells again what a line before it has told


def sentry_of(settings: Settings) -> Callable[[], None] | None:
    """Send the log's error lines to Sentry from now on; return what ends that, None without a DSN."""
    dsn = settings.telemetry.sentry_dsn
    if dsn is None or settings.telemetry.disabled:
        return None
    try:
        import sentry_sdk
        from sentry_sdk.integrations.logging import EventHandler
    except ImportError:
        logger.warning("SENTRY_DSN is set, and sentry-sdk is not installed: run `uv add sentry-sdk`.")
        return None
    with_texts = settings.telemetry.exception_messages or not settings.is_production
    sentry_sdk.init(
        dsn=dsn.reveal(),
        release=settings.commit,
        environment=settings.railway_environment or settings.environment,
        default_integrations=False,
        auto_enabling_integrations=False,
        include_local_variables=False,  # they hold bodies and tokens
        before_send=lambda event, hint: described(event, hint["log_record"], with_texts=with_texts),
    )
    handler = EventHandler(level=logging.ERROR)
    handler.addFilter(_is_first_telling)
    for each in limits_of(settings.telemetry):
        handler.addFilter(each)
    logging.getLogger().addHandler(handler)

    def close() -> None:
        logging.getLogger().removeHandler(handler)
        sentry_sdk.get_client().close(timeout=FLUSH)

    return close


def described(event: Any, record: logging.LogRecord, *, with_texts: bool) -> Any:
    """Return an event with route, caller and trace, and without what the log leaves out."""
    ids = get_current_span().get_span_context()
    if ids.is_valid:
        trace = {"trace_id": format_trace_id(ids.trace_id), "span_id": format_span_id(ids.span_id)}
        event.setdefault("contexts", {})["trace"] = trace
    invocation = current.get()
    if invocation is not None:
        tags = event.setdefault("tags", {})
        tags["request_id"] = invocation.request_id
        if invocation.endpoint is not None:
            event["transaction"] = f"{invocation.method} {invocation.endpoint.template}"
            tags["function"] = invocation.endpoint.file
        if invocation.user is not None:
            event["user"] = {"id": invocation.user.user_id}
    if not with_texts:
        for each in event.get("exception", {}).get("values", ()):
            each["value"] = ""
    text = message_text(record, messages=with_texts)
    event["logentry"] = {"message": event["logentry"]["message"] if record.args else text, "formatted": text}
    return _scrubbed(event)


def _is_first_telling(record: logging.LogRecord) -> bool:
    return record.name != _ACCESS


def _scrubbed(value: Any) -> Any:
    if isinstance(value, str):
        return scrub(value)
    if isinstance(value, dict):
        return {key: _scrubbed(each) for key, each in value.items()}
    return [_scrubbed(each) for each in value] if isinstance(value, list | tuple) else value
