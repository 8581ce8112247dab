"""A service that does everything once; what it sends is what OpenTelemetry's conventions describe."""

from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest

from tests.fixtures.agents import ModelServer, calls, says
from tests.fixtures.clerk import Issuer
from tests.fixtures.conventions import BOUNDS, REQUIRED, deviations
from tests.fixtures.production import environment, functions_of, served
from tests.fixtures.service import annex
from tests.fixtures.telemetry import Receiver
from tests.fixtures.valkey import RedisServer

ALL = '''"""Do what can be seen from outside."""

import logging
import threading

from opentelemetry import metrics, trace
from runtime import Database, Function, Http, Jobs
from shared.errors import Conflict

config = Function(public=True, retries=0)
logger = logging.getLogger(__name__)
tracer = trace.get_tracer(__name__)
counter = metrics.get_meter(__name__).create_counter("desk.orders", unit="{order}")


async def get(db: Database, http: Http, model: str) -> str:
    """Ask the database and another service, with tracer, meter and logger of its own."""
    with tracer.start_as_current_span("price", attributes={"desk.symbol": "SPY"}):
        await db.fetch_value("SELECT relname FROM pg_class LIMIT 1")
        threading.Thread(target=logger.info, args=("priced in a thread",)).start()
    counter.add(1, {"desk.kind": "limit"})
    logger.info("priced", extra={"symbol": "SPY"})
    try:
        await db.fetch_value("SELECT 1/0")
    except Exception:
        logger.warning("the database refused", exc_info=True)
    await http.get(model)
    return "done"


async def put(jobs: Jobs) -> list[str]:
    """Queue work that ends well, and work that does not."""
    return [(await jobs.enqueue("/all", each)).id for each in ("good", "bad")]


async def job(data: str, db: Database) -> str:
    """Do it later."""
    if data == "bad":
        raise ValueError("K1tt3n")
    return str(await db.fetch_value("SELECT 7"))


async def delete() -> None:
    """Refuse."""
    raise Conflict("There is one already.")


async def post() -> None:
    """Fail."""
    raise ValueError("K1tt3n")
'''

TEAM = '''"""Two agents."""

from collections.abc import AsyncIterator

from runtime import Function, User
from shared.agents import Agent, AgentEvent, Agents, Conversation, Team

config = Function(timeout=60)


async def post(data: Conversation, agents: Agents, user: User) -> AsyncIterator[AgentEvent]:
    """Discuss."""

    async def latest(symbol: str) -> str:
        """Return the newest reading."""
        return f"{symbol} 1.0"

    agents_ = Agent("analyst", "Judge.", tools=(latest,)), Agent("critic", "Doubt.")
    return await agents.run(Team("desk", agents_, until="AGREED"), data, user=user)
'''


@pytest.mark.timeout(300)
async def test_everything_that_is_sent_is_what_the_conventions_describe(
    tmp_path: Path,
    issuer: Issuer,
    database_url: str,
    redis_server: RedisServer,
    model_server: ModelServer,
    otlp: Receiver,
):
    functions = functions_of(tmp_path, {"all.py": ALL, "team.py": TEAM})
    model_server.script(calls("latest", symbol="SPY"), says("It is."), says("AGREED"), says("", status=500))
    told = environment(
        issuer, database_url, functions,
        REDIS_URL=redis_server.url,
        OTEL_EXPORTER_OTLP_ENDPOINT=otlp.http,
        OTEL_LOGS_EXPORTER="otlp",
        OTEL_METRIC_EXPORT_INTERVAL="1000",
        OPENAI_API_KEY="sk-none", OPENAI_BASE_URL=model_server.url, ANNEX_MODEL="test-model",
        ANNEX_TRACE_MESSAGES="true",
    )  # fmt: skip
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(served(tmp_path, told))
        (tmp_path / "work").mkdir()
        stack.enter_context(annex("work", tmp_path / "work", told, wait=False))
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=service.url, timeout=60))
        seen = await http.get("/all", params={"model": f"{model_server.url}/nowhere"})
        refused, failed = await http.delete("/all"), await http.post("/all")
        queued = await http.put("/all", headers={"User-Agent": ""})
        signed = {"Authorization": f"Bearer {issuer.token()}"}
        asked = {"messages": [{"role": "user", "content": "And now?"}]}
        talks = [await http.post("/team", json=asked, headers=signed) for _ in range(2)]
        await http.request("BREW", "/nowhere")
        await otlp.until(lambda: sum(span.name == "process /all" for span in otlp.spans) == 2, 90)
        wanted = (REQUIRED.keys() | BOUNDS.keys() | {"desk.orders"}) - {"db.client.connection.timeouts"}
        wanted -= {"db.client.connection.wait_time"}  # needs a wait of a millisecond
        await otlp.until(lambda: wanted <= otlp.metrics.keys(), 90)
        await otlp.until(lambda: any(record.body == "priced in a thread" for record in otlp.logs), 90)

    assert [each.status_code for each in (seen, refused, failed, queued, *talks)] == [
        200,
        409,
        500,
        200,
        200,
        200,
    ]
    found = deviations(otlp, own="desk.")
    assert not found, "\n".join(found)
    request, price = await otlp.span("GET /all"), await otlp.span("price")
    assert (price.trace_id, price.parent_id) == (request.trace_id, request.span_id)
    lines = {record.body: record for record in otlp.logs if record.trace_id == request.trace_id}
    assert {"priced", "priced in a thread", "the database refused"} <= lines.keys()
    assert lines["priced"].attributes["symbol"] == "SPY"
    assert lines["priced in a thread"].span_id == price.span_id
    assert lines["the database refused"].attributes["exception.type"] == "shared.database.errors.QueryFailed"
    assert b"K1tt3n" not in b"".join(otlp.raw)
    assert (await otlp.span("POST /team")).attributes["user.id"].startswith("user_")
    for metric in ("http.server.request.duration", "db.client.operation.duration"):
        assert request.trace_id in otlp.exemplars[metric]
