"""Functions whose URL begins like one of the runtime's own are seen like any other."""

import logging
from pathlib import Path

import pytest

from tests.fixtures.app import Compose
from tests.fixtures.telemetry import Receiver

PLAIN = '''"""A function."""

from runtime import Function

config = Function(public=True)


async def get() -> str:
    """Answer."""
    return "SPY"
'''


@pytest.mark.parametrize("path", ["/health/history", "/healthy", "/docs/history", "/openapi.json/history"])
async def test_a_function_beside_a_url_of_the_runtimes_has_span_and_access_line(
    tmp_path: Path, compose: Compose, otlp: Receiver, caplog: pytest.LogCaptureFixture, path: str
):
    caplog.set_level(logging.INFO, "annex.access")
    file = tmp_path / f"{path.removeprefix('/')}.py"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(PLAIN)
    async with compose(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=otlp.http) as caller:
        answer = await caller.anonymous("GET", path)
    span = await otlp.span(f"GET {path}")

    assert (answer.status_code, answer.json()) == (200, "SPY")
    assert span.attributes["http.route"] == path
    assert [r.getMessage() for r in caplog.records if r.name == "annex.access"] == [f"GET {path} 200"]
