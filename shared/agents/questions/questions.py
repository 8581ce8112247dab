"""The questions that runs end with, and the answers that runs begin with."""

import logging
from functools import partial

from shared.agents.conversation.transcript import Conversation, Turn
from shared.agents.events import InputRequired
from shared.agents.holder import Holder, Permits
from shared.agents.questions.continuation import Asked, Continuations
from shared.agents.questions.question import Question
from shared.agents.running.run import TeamRun
from shared.errors import AnnexError, Unavailable
from shared.identity import User

log = logging.getLogger(__name__)

_TEAR_DOWN_LIMIT = 10.0
"""Seconds in which a run whose time is used up has certainly ended."""


class Questions:
    """Puts questions to the person, and uses each answer for one successful run.

    Args:
        continuations: issues and redeems the tokens.
        permits: whether a caller meets the demands of the function that asked.
    """

    def __init__(self, continuations: Continuations, permits: Permits) -> None:
        self._continuations = continuations
        self._permits = permits
        self._answered: dict[str, Asked] = {}

    def ask(self, run: TeamRun, question: Question) -> InputRequired:
        """Return the event that puts a question to the person, with its continuation."""
        token, expires_at = self._continuations.issue(
            user_id=run.holder.user_id,
            organization_id=run.holder.organization_id,
            demands=run.holder.demands,
            team=run.team,
            run_id=run.id,
            agent=question.agent,
            question=question.text,
            call=question.digest,
        )
        return InputRequired(
            agent=question.agent,
            question=question.text,
            continuation=token,
            expires_at=expires_at,
            call=question.call,
        )

    async def redeem(
        self, conversation: Conversation, team: str, user: User, *, seconds: float
    ) -> tuple[tuple[Turn, ...], Asked | None]:
        """Return the turns with the question that the last of them answers, and what was asked.

        Args:
            conversation: with a continuation, where it answers a question.
            team: whom the person answers.
            user: who answers.
            seconds: the longest time that the run may take.

        Raises:
            Invalid: the continuation is not valid.
            Conflict: the continuation was used before.
        """
        turns = conversation.messages
        if conversation.continuation is None:
            return turns, None
        here = Holder.of(user)
        asked = await self._continuations.redeem(
            conversation.continuation,
            user_id=here.user_id,
            organization_id=here.organization_id,
            team=team,
            permits=partial(self._permits, user),
            seconds=seconds + _TEAR_DOWN_LIMIT,
        )
        *before, answer = turns
        if before and before[-1].content == asked.question:
            return turns, asked
        return (*before, Turn(role="assistant", agent=asked.agent, content=asked.question), answer), asked

    def note(self, run: TeamRun, asked: Asked) -> None:
        """Note that `run` has begun with the answer to `asked`."""
        self._answered[run.id] = asked

    async def settle(self, run: TeamRun) -> None:
        """Use up the continuation that a run began with if the run succeeded; else it can be used again."""
        asked = self._answered.pop(run.id, None)
        if asked is None:
            return
        has_failed = isinstance(run.ending, AnnexError) or run.ending == "cancelled"
        try:
            await self._continuations.settle(asked, is_used=not has_failed)
        except Unavailable:
            log.warning(
                "a continuation could not be marked as used: its store does not respond",
                extra={"run_id": run.id},
            )
