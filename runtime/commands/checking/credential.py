"""What this service makes of one token, step by step, in the order in which a request's is checked."""

import time
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from runtime.auth.authenticator import TOKEN_TYPES
from runtime.auth.clerk import ClerkIdentity
from runtime.auth.clerk.machines import opaque_kind
from runtime.auth.policy import require
from runtime.auth.reasons import Reason, shown
from runtime.auth.tokens.signed import parse
from runtime.auth.verified import Verified
from runtime.commands.finding import Finding
from runtime.config import Policy
from runtime.settings import Settings
from shared.errors import KeysUnavailable, Unauthenticated
from shared.identity import User


class Step(NamedTuple):
    """One thing that is checked: what it looks at, and the refusals that it ends in."""

    name: str
    looks_at: tuple[str, ...]
    refusals: frozenset[Reason]


SIGNED: Final = (
    Step("form", ("typ",), frozenset({Reason.TOO_LARGE, Reason.INVALID})),
    Step("algorithm", ("alg",), frozenset({Reason.ALGORITHM})),
    Step("type", ("cat",), frozenset({Reason.KIND})),
    Step("key", ("kid",), frozenset({Reason.UNKNOWN_KEY})),
    Step("signature", (), frozenset({Reason.SIGNATURE})),
    Step("claims", ("v", "sts"), frozenset({Reason.CLAIMS})),
    Step("audience", ("aud",), frozenset({Reason.AUDIENCE})),
    Step("party", ("azp",), frozenset({Reason.PARTY})),
    Step("issuer", ("iss",), frozenset({Reason.ISSUER})),
    Step("times", ("iat", "nbf", "exp"), frozenset({Reason.EXPIRED, Reason.EARLY, Reason.FUTURE})),
    Step("session", (), frozenset({Reason.PENDING})),
)
OPAQUE: Final = (
    Step("secret key", (), frozenset({Reason.UNVERIFIABLE})),
    Step("Clerk", (), frozenset({Reason.INVALID})),
    Step("audience", ("aud",), frozenset({Reason.AUDIENCE})),
    Step("times", (), frozenset({Reason.EXPIRED})),
)


async def explain_token(settings: Settings, text: str) -> list[Finding]:
    """Return a finding for each step up to the one that refuses the token; then who the caller is.

    Args:
        settings: in effect; the keys are fetched as they say.
        text: the token as it was copied, with or without `Bearer`.
    """
    token = text.strip().removeprefix("Bearer ").strip().encode()
    steps = OPAQUE if opaque_kind(token) else SIGNED
    async with ClerkIdentity.from_settings(settings.clerk, production=settings.is_production) as identity:
        try:
            verified = await identity.verify(token, TOKEN_TYPES)
            verified.validity.check(time.time(), identity.clock_skew)
            require(verified.user, Policy(token_types=TOKEN_TYPES))
        except Unauthenticated as refusal:
            return [*_walked(steps, token, refusal)]
        except KeysUnavailable:
            text = "cannot be fetched, so nothing is known of the token; `annex doctor` says why"
            return [Finding("keys", text, is_fault=True)]
    return [*_walked(steps, token, None), Finding("caller", _described(verified))]


def _walked(steps: tuple[Step, ...], token: bytes, refusal: Unauthenticated | None) -> Iterator[Finding]:
    members = _members(token)
    for step in steps:
        if refusal is not None and refusal.reason in step.refusals:
            yield Finding(step.name, _refused(refusal), is_fault=True)
            return
        facts = [f"`{name}` {shown(members[name])}" for name in step.looks_at if name in members]
        yield Finding(step.name, ", ".join(facts) or "as it must be")


def _members(token: bytes) -> dict[str, Any]:
    """Return the members of header and payload, none where they cannot be read."""
    try:
        parsed = parse(token)
    except Unauthenticated:
        return {}
    return parsed.claims | parsed.header


def _refused(refusal: Unauthenticated) -> str:
    reason = refusal.reason
    cure = refusal.cure or (reason.cure if isinstance(reason, Reason) else "")
    facts = f"expected {refusal.expected}; came {refusal.came}. " if refusal.came else ""
    return f"{reason}: {facts}{cure}"


def _described(verified: Verified) -> str:
    user: User = verified.user
    organization = user.organization
    parts = [f"{user.token_type} of {user.user_id}"]
    if organization is not None:
        parts.append(f"organisation {organization.id}, role {organization.role or 'none'}")
        parts.append(f"permissions {', '.join(sorted(organization.permissions)) or 'none'}")
    elif user.token_type == "session":
        parts.append("no active organisation")
    if user.scopes:
        parts.append(f"scopes {', '.join(sorted(user.scopes))}")
    return "; ".join(parts)
