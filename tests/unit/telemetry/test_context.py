"""Whose trace a request belongs to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.trace import SpanContext, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from runtime.telemetry.spans.context import NOBODY, Origin, is_private, origin_of

PARENT = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TRACE_ID = 0x0AF7651916CD43DD8448EB211C80319C


def parent(origin: Origin) -> SpanContext:
    return get_current_span(origin.parent).get_span_context()


@pytest.mark.parametrize(
    ("trust", "client", "is_continued"),
    [
        ("always", "203.0.113.9", True),
        ("private", "10.1.2.3", True),
        ("private", "fd12:7c1b::3", True),
        ("private", "127.0.0.1", True),
        ("private", "203.0.113.9", False),
        ("private", "100.64.0.7", False),
        ("private", "not an address", False),
        ("never", "10.1.2.3", False),
    ],
)
def test_trace_is_continued_for_callers_we_trust_and_linked_for_others(trust, client, is_continued):
    origin = origin_of([(b"traceparent", PARENT)], client, trust)

    if is_continued:
        assert (parent(origin).trace_id, parent(origin).is_remote, origin.links) == (TRACE_ID, True, ())
    else:
        assert not parent(origin).is_valid
        assert [link.context.trace_id for link in origin.links] == [TRACE_ID]


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"traceparent", b"")],
        [(b"traceparent", b"00-" + b"0" * 32 + b"-b7ad6b7169203331-01")],
        [(b"traceparent", b"00-0af7651916cd43dd8448eb211c80319c-" + b"0" * 16 + b"-01")],
        [(b"traceparent", PARENT.upper())],
        [(b"traceparent", b"ff" + PARENT[2:])],
        [(b"traceparent", b"\xff\\x")],
        [(b"traceparent", PARENT), (b"traceparent", PARENT)],
        [(b"tracestate", b"vendor=1")],
        [(b"baggage", b"\xff\\x")],
    ],
)
def test_junk_starts_a_new_trace(headers):
    assert origin_of(headers, "127.0.0.1", "always") is NOBODY


def test_trace_state_travels_with_its_parent():
    headers = [(b"traceparent", PARENT), (b"tracestate", b"a=1"), (b"tracestate", b"b=2")]

    assert dict(parent(origin_of(headers, "127.0.0.1", "private")).trace_state) == {"a": "1", "b": "2"}


hexadecimal = st.text("0123456789abcdefA", min_size=15, max_size=33)
plausible = st.one_of(
    st.builds(
        "{}-{}-{}-{}{}".format,
        st.sampled_from(["00", "01", "cc", "ff", "0"]),
        st.one_of(st.just("0af7651916cd43dd8448eb211c80319c"), st.just("0" * 32), hexadecimal),
        st.one_of(st.just("b7ad6b7169203331"), st.just("0" * 16), hexadecimal),
        st.sampled_from(["00", "01", "03", "ff", "1", "zz"]),
        st.sampled_from(["", " ", "-", "-what-comes-later"]),
    ),
    st.text(max_size=80).filter(lambda text: text.isascii()),
)


@given(plausible)
def test_our_reading_of_a_traceparent_is_the_propagators(header):
    theirs = get_current_span(TraceContextTextMapPropagator().extract({"traceparent": header}))

    ours = origin_of([(b"traceparent", header.encode())], "", "always")

    assert parent(ours) == theirs.get_span_context()


def test_address_in_ipv6_dress_and_with_a_zone_is_recognised():
    assert is_private("::ffff:192.168.1.1")
    assert is_private("fe80::1%eth0")
    assert not is_private("::ffff:8.8.8.8")
