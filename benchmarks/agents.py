"""What agent runs cost: overhead of a run, time to tear one down, memory of a stream that waits.

    .venv/bin/python -m benchmarks.agents [--streams 1000]

The overhead is measured with a model that answers at once, beside the same team of AutoGen without us;
tear-down with a model, or a tool, that never does; the idle streams on a real `annex serve` over sockets, each
waiting for the first word of a model. The same streams follow on a server made like AutoGen's FastAPI sample,
and on the AG-UI endpoint of Microsoft's Agent Framework. The peers get an environment of their own.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from shared.agents import (
    Agent,
    Agents,
    Conversation,
    MessageDelta,
    ModelSettings,
    RunLimits,
    RunStream,
    Team,
    ToolCall,
    Turn,
)
from shared.identity import User
from shared.secret import Secret
from tests.fixtures.agents import PATIENCE, ModelServer, calls, eventually, says
from tests.fixtures.clerk import Issuer
from tests.fixtures.service import annex, free_port

PEERS = Path(tempfile.gettempdir()) / "annex-bench-agents"
NEEDED = (
    "fastapi",
    "uvicorn",
    "autogen-agentchat==0.7.5",
    "autogen-ext[openai]==0.7.5",
    "agent-framework-core",
    "agent-framework-ag-ui",
    "agent-framework-openai",
)
TURN = {"id": "1", "role": "user", "content": "Risk-on?"}
AGUI = {"threadId": "1", "runId": "1", "messages": [TURN], "tools": [], "context": [], "state": {}}


class Stream(NamedTuple):
    """A stream that is held open: where, what is sent, and the first that comes."""

    path: str
    body: dict[str, Any] | None
    opened: bytes


OURS = Stream("/idle", {"messages": [{"role": "user", "content": "Risk-on?"}]}, b"run_started")
BARE = Stream("/plain", None, b": open")
HOSTS = {
    "autogen_fastapi": ("AutoGen's FastAPI sample", OURS),
    "agent_framework_agui": (
        "Agent Framework's AG-UI endpoint",
        Stream("/idle", AGUI | {"forwardedProps": {}}, b"RUN_STARTED"),
    ),
}
ASK = Conversation(messages=(Turn(role="user", content="Is the market risk-on?"),))
IDLE = '''"""A run that waits for its model."""

from collections.abc import AsyncIterator

from runtime import Function, User
from shared.agents import Agent, AgentEvent, Agents, Conversation, Team

config = Function(timeout=300)


async def post(data: Conversation, agents: Agents, user: User) -> AsyncIterator[AgentEvent]:
    """Wait."""
    return await agents.run(Team("idle", (Agent("analyst", "Wait."),)), data, user=user)
'''
PLAIN = '''"""A stream that waits, without agents: what the service itself takes."""

import asyncio
from collections.abc import AsyncIterator

from runtime import Event, Function

config = Function(timeout=300)


class Tick(Event, tag="tick", frozen=True):
    """Never comes."""


async def post() -> AsyncIterator[Tick]:
    """Wait."""
    await asyncio.Event().wait()
    yield Tick()
'''


def milliseconds(samples: list[float]) -> str:
    ordered = sorted(samples)
    median, worst = statistics.median(ordered) * 1e3, ordered[-1] * 1e3
    return f"median {median:.1f} ms, worst {worst:.1f} ms of {len(ordered)}"


async def overhead(folder: Path) -> None:
    """A team of two speaks ten times; every reply is there at once."""
    pair = (Agent("analyst", "Read."), Agent("critic", "Doubt."))
    team = Team("pair", pair, max_turns=10, replay=folder / "replies.json")
    models = ModelSettings(may_replay=True, replay_pace=0)
    async with Agents(models, RunLimits(per_user=9, total=9), secret=Secret("x")) as agents:
        samples = []
        for _ in range(60):
            started = time.process_time()
            async for _ in await agents.run(team, ASK, user=User("user_1")):
                pass
            samples.append(time.process_time() - started)
        print(f"processor time of a run of 10 messages    {milliseconds(samples[10:])}")


async def plain() -> None:
    """The same conversation by AutoGen alone."""
    from autogen_agentchat.agents import AssistantAgent
    from autogen_agentchat.conditions import MaxMessageTermination
    from autogen_agentchat.teams import RoundRobinGroupChat
    from autogen_ext.models.replay import ReplayChatCompletionClient

    samples = []
    for _ in range(60):
        started = time.process_time()
        model = ReplayChatCompletionClient(["Risk-on."] * 10)
        pair = [AssistantAgent(name, model, model_client_stream=True) for name in ("analyst", "critic")]
        team = RoundRobinGroupChat([*pair], termination_condition=MaxMessageTermination(11))
        async for _ in team.run_stream(task="Is the market risk-on?"):
            pass
        samples.append(time.process_time() - started)
    print(f"the same by AutoGen alone                  {milliseconds(samples[10:])}")


def peers() -> Path:
    """Return the Python of the peers' environment, which is made at the first time."""
    if not PEERS.exists():
        subprocess.run([sys.executable, "-m", "venv", PEERS], check=True)
        subprocess.run([PEERS / "bin/pip", "install", "-q", *NEEDED], check=True)
    return PEERS / "bin/python"


async def peer(module: str, streams: int) -> None:
    """Open `streams` runs on another host of agents, and leave them waiting."""
    port = free_port()
    async with SilentModel() as model:
        command = (peers(), "-m", "uvicorn", f"benchmarks.peers.{module}:app", "--port", str(port))
        environment = {**os.environ, "OPENAI_BASE_URL": model.url}
        process = await asyncio.create_subprocess_exec(
            *command, "--log-level", "critical", env=environment, stderr=asyncio.subprocess.DEVNULL
        )
        try:
            while not await is_open(port):  # noqa: ASYNC110  # another process has no event
                await asyncio.sleep(0.2)
            title, stream = HOSTS[module]
            print(f"{title}:")
            await hold(port, Issuer(), psutil.Process(process.pid), stream, streams, model)
        except TimeoutError:
            print(f"{model.open} model calls are still under way {PATIENCE} s after their readers left")
        finally:
            process.kill()
            await process.wait()


async def is_open(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionError:
        return False
    writer.close()
    return True


async def teardown() -> None:
    """End runs in the middle of something and take the time until nothing of them is left."""

    async def wait(symbol: str) -> str:
        """Wait."""
        await asyncio.Event().wait()
        return symbol

    async def resist(symbol: str) -> str:
        """Swallow every cancellation but the second."""
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.Event().wait()
        return symbol

    team = Team("pair", (Agent("analyst", "", (wait, resist)), Agent("critic", "")))
    scripts = {
        "before the first word": says("Risk-on", hold_after=0),
        "in mid answer": says("Risk-on for now", hold_after=2),
        "in a tool": calls("wait", symbol="SPY"),
        "in a tool that resists": calls("resist", symbol="SPY"),
    }
    with ModelServer() as server:
        key = Secret("sk-benchmark")
        models = ModelSettings(api_key=key, base_url=server.url, model="test-model", retries=0)
        async with Agents(models, RunLimits(per_user=9, total=9), secret=Secret("x")) as agents:
            for name, script in scripts.items():
                server.script(script)
                samples = [await one_teardown(agents, team, server) for _ in range(30)]
                print(f"ended {name:<34}  {milliseconds(samples)}")


async def one_teardown(agents: Agents, team: Team, server: ModelServer) -> float:
    server.holding.clear()
    stream: RunStream = await agents.run(team, ASK, user=User("user_1"))
    await anext(stream)
    if server.choose({}).calls:
        async for event in stream:
            if isinstance(event, ToolCall):
                break
        await asyncio.sleep(0.01)
    else:
        await server.held()
    if server.choose({}).hold_after:
        async for event in stream:
            if isinstance(event, MessageDelta):
                break
    started = time.perf_counter()
    await stream.aclose()
    return time.perf_counter() - started


class SilentModel:
    """Takes calls and never answers; knows how many are open."""

    def __init__(self) -> None:
        self.open = 0
        self.url = ""

    async def __aenter__(self) -> "SilentModel":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=2000)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        try:
            while await reader.read(65536):
                pass
        except ConnectionError:
            pass
        finally:
            self.open -= 1
            writer.close()


async def idle(streams: int, folder: Path) -> None:
    """Open `streams` runs on one process and leave them waiting."""
    issuer = Issuer()
    async with SilentModel() as model:
        environment = {
            "ANNEX_ENV": "test",
            "ANNEX_FUNCTIONS": str(folder / "functions"),
            "ANNEX_MAX_CONCURRENCY": str(streams + 100),
            "ANNEX_MAX_CONNECTIONS": str(streams + 100),
            "ANNEX_RUNS_PER_USER": str(streams + 100),
            "ANNEX_RUNS_TOTAL": str(streams + 100),
            "CLERK_JWT_KEY": issuer.pem,
            "HOST": "127.0.0.1",
            "OPENAI_API_KEY": "sk-benchmark",
            "OPENAI_BASE_URL": model.url,
        }
        with annex("serve", folder, environment) as service:
            process = service.worker
            await hold(service.port, issuer, process, BARE, streams, None)
            for _ in range(2):  # the second time shows whether the first left anything
                await hold(service.port, issuer, process, OURS, streams, model)


async def hold(
    port: int,
    issuer: Issuer,
    process: psutil.Process,
    stream: Stream,
    streams: int,
    model: SilentModel | None,
) -> None:
    body = json.dumps(stream.body) if stream.body else ""
    head = f"POST {stream.path} HTTP/1.1\r\nHost: annex\r\nAuthorization: Bearer {issuer.token()}\r\n"
    head += "Content-Type: application/json\r\n"
    request = f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()
    warm = [await opened(port, request, stream.opened) for _ in range(20)]
    before = process.memory_info().rss
    started = time.perf_counter()
    connections = [await opened(port, request, stream.opened) for _ in range(streams)]
    opening = time.perf_counter() - started
    await eventually(lambda: model is None or model.open >= streams)
    await asyncio.sleep(1)
    each = (process.memory_info().rss - before) / streams / 1024
    cpu = process.cpu_times()
    await asyncio.sleep(20)  # more than one heartbeat
    used = process.cpu_times()
    load = (used.user + used.system - cpu.user - cpu.system) / 20
    print(
        f"{streams} idle streams of {stream.path:<8} {each:.0f} KiB each, {load:.1%} of a core, "
        f"{opening / streams * 1e3:.1f} ms to open one"
    )
    started = time.perf_counter()
    for _, writer in warm + connections:
        writer.close()
    await eventually(lambda: model is None or not model.open)
    if model is not None:
        print(
            f"{streams} readers gone at once: no model call left after {time.perf_counter() - started:.2f} s"
        )
    await asyncio.sleep(2)
    print(f"  memory above the start: {(process.memory_info().rss - before) / 2**20:.0f} MiB")


async def opened(port: int, request: bytes, first: bytes) -> tuple[Any, Any]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    await reader.readuntil(first)
    return reader, writer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=1000)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "replies.json").write_text(json.dumps([{"text": "Risk-on."}] * 10))
        (folder / "functions").mkdir()
        (folder / "functions" / "idle.py").write_text(IDLE)
        (folder / "functions" / "plain.py").write_text(PLAIN)
        asyncio.run(overhead(folder))
        asyncio.run(plain())
        asyncio.run(teardown())
        asyncio.run(idle(wanted.streams, folder))
        for module in HOSTS:
            asyncio.run(peer(module, wanted.streams))


if __name__ == "__main__":
    main()
