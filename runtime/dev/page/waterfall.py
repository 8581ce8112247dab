"""A trace as a text diagram: which span waited for which, and how long."""

from collections.abc import Iterator

from runtime.dev.page.recorder import Span, Trace

WIDTH = 36  # columns of the picture
NAME = 44


def waterfall(trace: Trace, *, colour: bool = False) -> str:
    """Return a line a span, children below their parents, bars on one scale."""
    spans = sorted(trace.spans, key=lambda span: span.start)
    begin = min(span.start for span in spans)
    end = max(span.start + span.duration / 1000 for span in spans)
    scale = WIDTH / max((end - begin) * 1000, 0.001)
    return "\n".join(_line(span, depth, begin, scale, colour=colour) for span, depth in _nested(spans))


def _nested(spans: list[Span]) -> Iterator[tuple[Span, int]]:
    """Yield the spans depth first; one whose parent was never seen is a root."""
    known = {span.id for span in spans}
    children: dict[str, list[Span]] = {}
    for span in spans:
        children.setdefault(span.parent if span.parent in known else "", []).append(span)
    waiting = [(span, 0) for span in reversed(children.get("", []))]
    while waiting:
        span, depth = waiting.pop()
        yield span, depth
        waiting += [(child, depth + 1) for child in reversed(children.get(span.id, []))]


def _line(span: Span, depth: int, begin: float, scale: float, *, colour: bool) -> str:
    left = min(round((span.start - begin) * 1000 * scale), WIDTH - 1)
    length = max(1, min(round(span.duration * scale), WIDTH - left))
    bar = " " * left + "━" * length + " " * (WIDTH - left - length)
    name = f"{'  ' * depth}{span.name}"[:NAME]
    status = span.attributes.get("http.response.status_code", "")
    text = f"  {name:<{NAME}} {bar} {span.duration:8.1f} ms {status}".rstrip()
    if not colour:
        return text
    code = "31" if span.is_error else "36" if span.kind == "server" else "2"
    return f"\x1b[{code}m{text}\x1b[0m"
