"""A team whose run survives a deploy: a job plays it, and another worker goes on after the last turn."""

from collections.abc import AsyncIterator

from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.conditions import MaxMessageTermination, TextMentionTermination
from autogen_agentchat.teams import RoundRobinGroupChat

from runtime import Function, Jobs, Run, User
from shared.agents import AgentEvent, Agents, Conversation
from shared.agents.autogen import Parts

config = Function(timeout=300)


def team(parts: Parts) -> RoundRobinGroupChat:
    """Build the team of one run, or of what is left of it."""
    model = parts.model()
    analyst = AssistantAgent("analyst", model, model_client_stream=True)
    critic = AssistantAgent("critic", model, model_client_stream=True)
    end = parts.turns(TextMentionTermination("AGREED") | MaxMessageTermination(10))
    return RoundRobinGroupChat([analyst, critic], termination_condition=end)


async def post(data: Conversation, agents: Agents, jobs: Jobs, user: User) -> AsyncIterator[AgentEvent]:
    """Queue a discussion and follow it; it goes on when the reader leaves."""
    run = await jobs.enqueue("/lasting", data.plain())
    return await agents.follow(run.id, data, user=user)


async def job(data: Conversation, agents: Agents, run: Run, user: User) -> None:
    """Lead the discussion."""
    await agents.work(team, data, run, user=user)
