"""An analyst and a critic discuss the market's regime, streamed while they speak."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from runtime import Database, Function, User
from shared.agents import Agent, AgentEvent, Agents, Conversation, Team
from shared.market import HistoryPoint, Signal, latest_signal, signal_history

config = Function(timeout=300, rate_limit="30/minute", read_only=True)

ANALYST = "You judge whether markets seek or flee risk. Look readings up before you claim anything; be brief."
CRITIC = "You doubt the analyst's case against the readings. Say AGREED once nothing is left to doubt."
REPLIES = Path(__file__).with_name("_replies") / "regime.json"


async def post(
    data: Conversation, agents: Agents, db: Database, user: User, *, detach: bool = False
) -> AsyncIterator[AgentEvent]:
    """Discuss the question that the conversation ends with; `detach` lets it go on when you leave."""

    async def latest(symbol: str) -> Signal | None:
        """Return the newest reading of a symbol or a ratio, such as SPY or HYG-LQD."""
        return await latest_signal(db, symbol)

    async def last_quarter(symbol: str) -> list[HistoryPoint]:
        """Return a symbol's readings of the last 90 days, oldest first."""
        now = datetime.now(UTC)
        return await signal_history(db, symbol, now - timedelta(days=90), now)

    analyst = Agent("analyst", ANALYST, tools=(latest, last_quarter), may_ask=True)
    critic = Agent("critic", CRITIC, tools=(latest,))
    team = Team("regime", (analyst, critic), until="AGREED", max_turns=6, replay=REPLIES)
    return await agents.run(team, data, user=user, detach=detach)
