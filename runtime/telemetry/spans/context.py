"""Which trace a request belongs to: W3C Trace Context, continued for trusted callers and linked for others.

A caller who may set `traceparent` decides what is recorded (its sampled flag) and into whose trace it goes.
Baggage is not read: it would be passed on to every service we call.
"""

import re
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Literal, NamedTuple

from opentelemetry.context import Context
from opentelemetry.propagators.textmap import Getter
from opentelemetry.trace import (
    INVALID_SPAN,
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    TraceFlags,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from runtime.asgi.messages import Headers

type Trust = Literal["always", "private", "never"]

ROOT = Context()
(_SPAN,) = set_span_in_context(INVALID_SPAN, ROOT)  # the key that the API keeps a span under
_PROPAGATOR = TraceContextTextMapPropagator()
# Not 100.64.0.0/10: Railway's edge forwards the whole internet from there.
_PRIVATE = tuple(
    ip_network(block)
    for block in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "127.0.0.0/8",
        "::1/128",
        "fc00::/7",
        "fe80::/10",
    )
)


def holding(span: Span) -> Context:
    """Return a context that holds `span` and nothing else."""
    return Context({_SPAN: span})


class Origin(NamedTuple):
    """The parent of a new server span, or the root with a link to the span that was claimed."""

    parent: Context
    links: tuple[Link, ...]


NOBODY = Origin(ROOT, ())


def origin_of(headers: Headers, client: str, trust: Trust) -> Origin:
    """Decide the parent of a request from its raw headers and its caller's address.

    Junk, all-zero ids and a repeated `traceparent` start a new trace (W3C Trace Context, section 4.3).
    """
    carrier: dict[str, list[str]] = {}
    for name, value in headers:
        if name in _FIELDS:
            carrier.setdefault(_FIELDS[name], []).append(value.decode("latin-1"))
    claimed = _claimed(carrier) if carrier else None
    if claimed is None:
        return NOBODY
    if trust == "always" or (trust == "private" and is_private(client)):
        return Origin(holding(NonRecordingSpan(claimed)), ())
    return Origin(ROOT, (Link(claimed),))


@lru_cache(maxsize=1024)
def is_private(address: str) -> bool:
    """Return whether an address is of this machine or a private network; False for anything else."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    return any(ip in block for block in _PRIVATE)


def _claimed(carrier: dict[str, list[str]]) -> SpanContext | None:
    """Return the span that the caller says is the parent.

    What nearly every caller sends, version 00 without state, is read here in half the time; all else by
    OpenTelemetry's propagator. A test holds both to the same answers.
    """
    parents = carrier.get("traceparent", ())
    if len(parents) != 1:
        return None
    plain = _PLAIN(parents[0]) if len(carrier) == 1 else None
    if plain is not None:
        trace_id, span_id, flags = plain.groups()
        context = SpanContext(int(trace_id, 16), int(span_id, 16), True, TraceFlags(int(flags, 16)))  # noqa: FBT003 - is_remote
    else:
        context = get_current_span(_PROPAGATOR.extract(carrier, ROOT, _GETTER)).get_span_context()
    return context if context.is_valid else None


class _Fields(Getter[dict[str, list[str]]]):
    """Reads a carrier that holds every value of a field as a list."""

    def get(self, carrier: dict[str, list[str]], key: str) -> list[str] | None:
        return carrier.get(key)

    def keys(self, carrier: dict[str, list[str]]) -> list[str]:
        return list(carrier)


_FIELDS = {b"traceparent": "traceparent", b"tracestate": "tracestate"}
_GETTER = _Fields()
_PLAIN = re.compile("00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})").fullmatch
