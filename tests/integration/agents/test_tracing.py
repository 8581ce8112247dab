"""What telemetry learns of a run: who called what, how long, how many tokens; never what was said."""

import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from runtime.settings import load
from runtime.telemetry import Telemetry
from shared.agents import (
    Agent,
    AgentEvent,
    Agents,
    Budget,
    ModelSettings,
    RunDone,
    RunFailed,
    RunLimits,
    Team,
)
from shared.secret import Secret
from tests.fixtures.agents import AgentsMaker, ModelServer, Reply, ask, caller, calls, says

CANARY = "canary"


@pytest.fixture
async def exporter() -> AsyncIterator[InMemorySpanExporter]:
    """Every span before anything is taken out of it."""
    caught = InMemorySpanExporter()
    telemetry = Telemetry.start(load({"ANNEX_ENV": "test"}), processors=[SimpleSpanProcessor(caught)])
    yield caught
    await telemetry.stop(5)


async def latest(symbol: str) -> str:
    """Return the newest reading."""
    return f"canary-result of {symbol}"


async def fragile(symbol: str) -> str:
    """Fail with text of its own."""
    raise RuntimeError(f"canary-exception about {symbol}")


TEAM = Team(
    "regime",
    (Agent("analyst", "canary-instructions", (latest, fragile)), Agent("critic", "")),
    until="AGREED",
)


async def play(agents: Agents, team: Team = TEAM, **options: Any) -> list[AgentEvent]:
    with trace.get_tracer("test").start_as_current_span("POST /agents/regime"):
        stream = await agents.run(team, ask("canary-question"), user=caller(), **options)
        return [event async for event in stream]


def tree(spans: tuple[ReadableSpan, ...]) -> dict[str, set[str]]:
    """Name the children of every span."""
    by_id = {span.context.span_id: span.name for span in spans if span.context}
    children: dict[str, set[str]] = {}
    for span in spans:
        if span.parent is not None:
            children.setdefault(by_id[span.parent.span_id], set()).add(span.name)
    return children


async def test_agents_model_calls_and_tools_are_spans_below_the_request(
    make_agents: AgentsMaker, model_server: ModelServer, exporter: InMemorySpanExporter
):
    model_server.script(calls("latest", symbol="SPY"), says("It is."), says("AGREED"))
    async with make_agents() as agents:
        await play(agents)
    spans = exporter.get_finished_spans()
    assert tree(spans) == {
        "POST /agents/regime": {"invoke_workflow regime"},
        "invoke_workflow regime": {
            "create_agent analyst",
            "create_agent critic",
            "invoke_agent analyst",
            "invoke_agent critic",
        },
        "invoke_agent analyst": {"chat test-model", "execute_tool latest"},
        "invoke_agent critic": {"chat test-model"},
    }
    run = next(span for span in spans if span.name == "invoke_workflow regime")
    assert run.attributes is not None
    assert run.attributes["annex.run.ending"] == "completed"
    assert (run.attributes["gen_ai.usage.input_tokens"], run.attributes["gen_ai.usage.output_tokens"]) == (
        30,
        15,
    )
    chat = next(span for span in spans if span.name == "chat test-model")
    assert dict(chat.attributes or {}) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "test-model",
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 5,
        "gen_ai.response.finish_reasons": ("function_calls",),
    }
    assert all(span.status.is_ok or span.status.is_unset for span in spans)


SCRIPTS: dict[str, list[Reply]] = {
    "a discussion": [calls("latest", symbol="canary-argument"), says("canary-answer"), says("AGREED")],
    "a failing tool": [calls("fragile", symbol="canary-argument"), says("AGREED")],
    "arguments that do not fit": [calls("latest", wrong="canary-argument"), says("AGREED")],
    "no such tool": [calls("canary_tool", symbol="canary-argument"), says("AGREED")],
    "a provider's error": [says("", status=400)],
    "a connection that breaks": [says("canary-answer canary-again", cut_after=1)],
}


@pytest.mark.parametrize("script", SCRIPTS)
async def test_no_word_of_a_conversation_is_in_a_span_or_a_log_line(
    script: str,
    make_agents: AgentsMaker,
    model_server: ModelServer,
    exporter: InMemorySpanExporter,
    caplog: pytest.LogCaptureFixture,
):
    model_server.script(*SCRIPTS[script])
    with caplog.at_level(logging.DEBUG):
        async with make_agents() as agents:
            events = await play(agents)
    assert isinstance(events[-1], RunDone | RunFailed)
    assert CANARY in repr(model_server.requests)
    written = "\n".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records)
    assert CANARY not in written
    for span in exporter.get_finished_spans():
        assert CANARY not in span.to_json()


async def test_an_answer_in_a_wrong_form_is_not_quoted_either(
    make_agents: AgentsMaker,
    model_server: ModelServer,
    exporter: InMemorySpanExporter,
    caplog: pytest.LogCaptureFixture,
):
    model_server.script(says('{"number": "canary-answer"}'))
    team = Team("summary", (Agent("summary", "", output=Budget),))
    with caplog.at_level(logging.DEBUG):
        async with make_agents() as agents:
            events = await play(agents, team)
    assert isinstance(events[-1], RunFailed)
    assert CANARY not in "\n".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records)
    assert all(CANARY not in span.to_json() for span in exporter.get_finished_spans())


async def test_message_text_is_recorded_once_it_is_switched_on(
    make_agents: AgentsMaker, model_server: ModelServer, exporter: InMemorySpanExporter
):
    model_server.script(says("canary-answer AGREED"))
    async with make_agents(trace_messages=True) as agents:
        await play(agents)
    chat = next(span for span in exporter.get_finished_spans() if span.name == "chat test-model")
    assert chat.attributes is not None
    assert "canary-question" in str(chat.attributes["gen_ai.input.messages"])
    assert "canary-answer" in str(chat.attributes["gen_ai.output.messages"])


async def test_a_cancelled_run_is_no_error(
    make_agents: AgentsMaker, model_server: ModelServer, exporter: InMemorySpanExporter
):
    model_server.script(says("It is risk-on", hold_after=1))
    async with make_agents() as agents:
        with trace.get_tracer("test").start_as_current_span("POST /agents/regime"):
            stream = await agents.run(TEAM, ask(), user=caller())
            await anext(stream)
            await model_server.held()
            await stream.aclose()
    spans = exporter.get_finished_spans()
    assert {"chat test-model", "invoke_agent analyst", "invoke_workflow regime"} <= {
        span.name for span in spans
    }
    assert all(span.status.is_unset for span in spans)


def numbers(text: str) -> tuple[float, ...]:
    return tuple(float(each) for each in text.split())


BUCKETS = {
    "gen_ai.client.token.usage": numbers(
        "1 4 16 64 256 1024 4096 16384 65536 262144 1048576 4194304 16777216 67108864"
    ),
    "gen_ai.client.operation.duration": numbers(
        "0.01 0.02 0.04 0.08 0.16 0.32 0.64 1.28 2.56 5.12 10.24 20.48 40.96 81.92"
    ),
}
"""As the GenAI conventions advise."""


async def test_tokens_and_endings_are_counted(model_server: ModelServer):
    model_server.script(says("AGREED"))
    reader = InMemoryMetricReader()
    models = ModelSettings(api_key=Secret("sk-key"), base_url=model_server.url, model="test-model", retries=0)
    limits = RunLimits(per_user=1, total=1)
    provider = MeterProvider([reader])
    async with Agents(models, limits, secret=Secret("x"), meter_provider=provider) as agents:
        await play(agents)
    data = reader.get_metrics_data()
    assert data is not None
    points = {
        metric.name: {
            tuple(sorted((point.attributes or {}).items())): point for point in metric.data.data_points
        }
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }
    assert sorted(getattr(point, "sum") for point in points["gen_ai.client.token.usage"].values()) == [5, 10]  # noqa: B009  # a histogram's
    bounds = {name: {getattr(each, "explicit_bounds") for each in points[name].values()} for name in BUCKETS}  # noqa: B009
    assert bounds == {name: {expected} for name, expected in BUCKETS.items()}
    (ended,) = points["annex.agent.runs"]
    assert ended == (("annex.agent.team", "regime"), ("annex.run.ending", "completed"))
    assert [getattr(point, "value") for point in points["annex.agent.runs.active"].values()] == [0]  # noqa: B009  # a sum's
    provider.shutdown()
