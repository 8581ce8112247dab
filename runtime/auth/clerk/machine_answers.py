"""What Clerk's Backend API answers about an opaque token."""

import logging
from typing import Final

import msgspec
from msgspec import Struct

from runtime.auth.foreign import json_object
from runtime.auth.outbound import OutboundResponse
from runtime.auth.verified import NEVER, Validity, Verified
from shared.errors import KeysUnavailable
from shared.identity import Claims, Organization, User

logger = logging.getLogger(__name__)

_SECRET_MEMBERS: Final = ("token", "secret")


class MachineToken(Struct):
    """What the Backend API says about an opaque token; times in milliseconds."""

    subject: str = ""
    scopes: list[str] | None = None
    revoked: bool = False
    expired: bool = False
    active: bool = True
    expiration: float | None = None


def read_answer(kind: str, response: OutboundResponse) -> Verified | None:
    """Return the principal of a token, None for a token that is not accepted.

    Raises:
        KeysUnavailable: the answer says nothing about the token.
    """
    if response.status in {400, 404, 410, 422}:
        return None
    if response.status != 200:
        # 401 and 403 are about our secret key: the caller has done nothing wrong.
        logger.error("auth.machine.refused", extra={"kind": kind, "status": response.status})
        raise KeysUnavailable(retry_after=30)
    members = json_object(response.body)
    try:
        answer = msgspec.convert(members, MachineToken)
    except msgspec.ValidationError:
        logger.error("auth.machine.unreadable", extra={"kind": kind})  # noqa: TRY400  # the text is Clerk's
        raise KeysUnavailable(retry_after=30) from None
    if answer.revoked or answer.expired or not answer.active or not answer.subject:
        return None
    kept = {name: value for name, value in (members or {}).items() if name not in _SECRET_MEMBERS}
    return _principal(kind, answer, Claims(kept))


def _principal(kind: str, answer: MachineToken, claims: Claims) -> Verified:
    expires_at = NEVER if answer.expiration is None else answer.expiration / 1000
    user = User(
        user_id=answer.subject,
        token_type=kind,
        organization=Organization(answer.subject) if answer.subject.startswith("org_") else None,
        scopes=frozenset(answer.scopes or ()),
        expires_at=0 if answer.expiration is None else expires_at,
        claims=claims,
    )
    return Verified(user, Validity(expires_at))
