"""The token that connects a person's answer with the question: signed, expiring, used up by one success.

Nothing is stored while the person thinks. The token carries the question, signed (HMAC-SHA256) for one user
in one organisation, one policy, one team and 15 minutes. All of these are checked when it comes back with the
answer.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from secrets import token_urlsafe
from time import time

import msgspec
from msgspec import Struct

from shared.agents.questions.spent import Spent
from shared.errors import Conflict, FieldError, Invalid
from shared.secret import Secret

CONTINUATION_LIFETIME = 900.0
"""Seconds that a person has to answer."""


class Asked(Struct, frozen=True, array_like=True):
    """What was asked, in which run, of whom; new members come last, so that older tokens can be read."""

    id: str
    expires_at: float
    user_id: str
    team: str
    run_id: str
    agent: str
    question: str
    organization_id: str | None = None
    demands: str = ""
    call: str = ""


class Continuations:
    """Issues and redeems continuations.

    Args:
        secret: the same for all replicas.
        spent: where used tokens are remembered.
        clock: seconds since the epoch.
    """

    def __init__(self, secret: Secret, spent: Spent, clock: Callable[[], float] = time) -> None:
        self._key = hmac.digest(secret.reveal().encode(), b"annex agent continuation", "sha256")
        self._spent = spent
        self._clock = clock

    def issue(  # noqa: PLR0913  the members of the token
        self,
        *,
        user_id: str,
        team: str,
        run_id: str,
        agent: str,
        question: str,
        organization_id: str | None = None,
        demands: str = "",
        call: str = "",
    ) -> tuple[str, datetime]:
        """Return a token for one question, and when it expires."""
        expires_at = self._clock() + CONTINUATION_LIFETIME
        asked = Asked(
            token_urlsafe(16),
            expires_at,
            user_id,
            team,
            run_id,
            agent,
            question,
            organization_id,
            demands,
            call,
        )
        payload = urlsafe_b64encode(msgspec.msgpack.encode(asked))
        return f"{payload.decode()}.{self._sign(payload)}", datetime.fromtimestamp(expires_at, UTC)

    async def redeem(
        self,
        token: str,
        *,
        user_id: str,
        team: str,
        organization_id: str | None = None,
        permits: Callable[[str], bool] = lambda _: False,
        seconds: float = CONTINUATION_LIFETIME,
    ) -> Asked:
        """Return what was asked, and hold the token until `settle` says whether it is used up.

        Args:
            token: as the person's app sent it.
            user_id: who answers.
            team: whom they answer.
            organization_id: the answerer's active organisation.
            permits: whether the answerer meets the demands of the function that asked; unasked without any.
            seconds: how long the token is held at most: should the process die, it is good again after that.

        Raises:
            Invalid: it is not ours, expired, or another user's, organisation's, policy's or team's.
            Conflict: it was used before.
        """
        asked = self._read(token)
        if (
            asked is None
            or (asked.user_id, asked.organization_id, asked.team) != (user_id, organization_id, team)
            or (asked.demands and not permits(asked.demands))
        ):
            raise _refused("This continuation is not valid.")
        left = asked.expires_at - self._clock()
        if left <= 0:
            raise _refused("This continuation has expired; start the run again.")
        if not await self._spent.spend(asked.id, min(left, seconds)):
            raise Conflict("This continuation has already been used.")
        return asked

    async def settle(self, asked: Asked, *, is_used: bool) -> None:
        """Use a held token up, or let it be used again."""
        left = asked.expires_at - self._clock()
        if not is_used:
            await self._spent.forget(asked.id)
        elif left > 0:
            await self._spent.keep(asked.id, left)

    def _sign(self, payload: bytes) -> str:
        return hmac.new(self._key, payload, "sha256").hexdigest()

    def _read(self, token: str) -> Asked | None:
        payload, _, signature = token.rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._sign(payload.encode()).encode()):
            return None
        return msgspec.msgpack.decode(urlsafe_b64decode(payload), type=Asked)


def _refused(message: str) -> Invalid:
    return Invalid(errors=(FieldError("body", "continuation", message),))
