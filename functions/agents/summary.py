"""One agent sums up a symbol's readings, in a form that the caller can rely on."""

from pathlib import Path
from typing import Literal

from msgspec import Struct

from runtime import Database, Function, NotFound, User
from shared.agents import Agent, Agents, Conversation, Turn
from shared.market import Symbol, latest_signal

config = Function(timeout=60, rate_limit="30/minute", read_only=True, cancel_on_disconnect=True)

REPLIES = Path(__file__).with_name("_replies") / "summary.json"
SUMMARY = Agent("summary", "You sum one reading up for a busy reader. Add nothing that it does not say.")


class SummaryRequest(Struct):
    """What to sum up."""

    symbol: Symbol


class RegimeSummary(Struct):
    """A reading in words."""

    headline: str
    stance: Literal["risk_on", "neutral", "risk_off"]
    reasons: list[str]


async def post(data: SummaryRequest, agents: Agents, db: Database, user: User) -> RegimeSummary:
    """Sum up the newest reading of a symbol."""
    signal = await latest_signal(db, data.symbol)
    if signal is None:
        raise NotFound("signal", data.symbol)
    reading = f"{signal.symbol}: {signal.regime}, {signal.value}, {signal.confidence}, {signal.factors}"
    conversation = Conversation(messages=(Turn(role="user", content=reading),))
    return await agents.answer(SUMMARY, conversation, RegimeSummary, user=user, replay=REPLIES)
