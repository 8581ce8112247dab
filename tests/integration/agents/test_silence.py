"""What is said stays out of logs and spans, also in a team that a function builds with AutoGen itself."""

import subprocess
import sys

SCRIPT = """
import asyncio, logging
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, ConsoleSpanExporter
from shared.agents import Agents, ModelSettings, RunLimits
from shared.secret import Secret

async def main():
    logging.basicConfig(level=logging.DEBUG)
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter()))
    trace.set_tracer_provider(provider)
    async with Agents(ModelSettings(), RunLimits(per_user=1, total=1), secret=Secret("x")):
        from autogen_agentchat.agents import AssistantAgent
        from autogen_agentchat.teams import RoundRobinGroupChat
        from autogen_ext.models.replay import ReplayChatCompletionClient
        model = ReplayChatCompletionClient(["canary-answer", "canary-answer"])
        team = RoundRobinGroupChat([AssistantAgent("analyst", model)], max_turns=2)
        result = await team.run(task="canary-question")
        print("messages:", len(result.messages))

asyncio.run(main())
"""


def test_a_team_of_autogens_own_is_silent_in_a_process_where_no_run_has_begun():
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert "messages: 3" in done.stdout, done.stderr
    assert "canary" not in done.stdout + done.stderr
