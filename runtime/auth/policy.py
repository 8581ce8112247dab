"""Who may pass: Clerk's `has()`, and the policy of one function laid over a verified caller. Pure.

Every asked dimension (organisation, billing, re-verification) must hold and at least one must have been
asked; what is missing or malformed denies. Machine credentials have scopes: `has` is always false for them.
"""

import logging
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from runtime.auth.clerk.sessions import prefixed
from runtime.auth.reasons import Reason
from runtime.config import Policy, Reverification
from shared.errors import Forbidden, Unauthenticated
from shared.identity import User

logger = logging.getLogger(__name__)


_SCOPES: Final = {"o": "o", "org": "o", "organization": "o", "u": "u", "user": "u"}


def require(user: User, policy: Policy) -> None:
    """Let the caller pass or say no.

    The answer never tells which part was missing: that is for the log. A public function asks for nothing.

    Raises:
        Unauthenticated: ``session-pending``; a session with open tasks counts as signed out.
        Forbidden: the caller is known and may not do this.
    """
    if user.status == "pending" and not policy.pending:
        raise Unauthenticated(Reason.PENDING)
    if policy.public:
        return
    if lacking := _lacking(user, policy):
        logger.info("auth.forbidden", extra={"reason": lacking})
        raise Forbidden
    if policy.reverification is not None and not has(user, reverification=policy.reverification):
        logger.info("auth.forbidden", extra={"reason": "reverification"})
        raise Forbidden(
            "Verify your sign-in again to do this.", extra={"clerk_error": _hint(policy.reverification)}
        )


def permits(user: User, demands: str) -> bool:
    """Whether a caller meets what `Policy.demands` said of another function: an agent run keeps it."""
    policy = msgspec.json.decode(demands, type=Policy)
    try:
        require(user, policy)
    except (Forbidden, Unauthenticated):
        return False
    return user.token_type in policy.token_types


def _lacking(user: User, policy: Policy) -> str:
    if policy.org and user.organization is None:
        return "org"
    if policy.role is not None and not has(user, role=policy.role):
        return "role"
    if policy.permission is not None and not has(user, permission=policy.permission):
        return "permission"
    if policy.feature is not None and not has(user, feature=policy.feature):
        return "feature"
    if policy.plan is not None and not has(user, plan=policy.plan):
        return "plan"
    return ""


def has(
    user: User,
    *,
    role: str | None = None,
    permission: str | None = None,
    feature: str | None = None,
    plan: str | None = None,
    reverification: str | Mapping[str, Any] | None = None,
) -> bool:
    """Answer as `auth().has()` does in the app."""
    verdicts = []
    if role is not None:
        verdicts.append(_has_role(user, role))
    if permission is not None:
        verdicts.append(_has_permission(user, permission))
    if feature is not None:
        verdicts.append(_is_granted(user.features, feature))
    if plan is not None:
        verdicts.append(_is_granted(user.plans, plan))
    if reverification is not None:
        verdicts.append(_is_fresh(user.factor_ages, _parse(reverification)))
    return user.token_type == "session" and bool(verdicts) and all(verdicts)


def _has_role(user: User, role: str) -> bool:
    organization = user.organization
    return organization is not None and organization.role == prefixed(role)


def _has_permission(user: User, permission: str) -> bool:
    organization = user.organization
    return organization is not None and prefixed(permission) in organization.permissions


def _is_granted(grants: frozenset[str], asked: str) -> bool:
    scope, separator, name = asked.partition(":")
    if not separator:
        return f"o:{asked}" in grants or f"u:{asked}" in grants
    return scope in _SCOPES and f"{_SCOPES[scope]}:{name}" in grants


def _is_fresh(ages: tuple[int, int] | None, wanted: Reverification | None) -> bool:
    if ages is None or wanted is None or ages == (-1, -1):
        return False
    first, second = (None if age == -1 else wanted.after_minutes > age for age in ages)
    match wanted.level, first, second:
        case "first_factor", _, _:
            return first is True
        case _, _, None:
            return first is True
        case "second_factor", _, _:
            return second is True
        case _:
            return first is True and second is True


def _parse(value: str | Mapping[str, Any]) -> Reverification | None:
    try:
        return Reverification.parse(value)
    except ValueError:
        return None


def _hint(value: str | Mapping[str, Any]) -> dict[str, object]:
    """Return the `clerk_error` that makes the app's Clerk components ask the user to verify again."""
    wanted = _parse(value) or Reverification.parse("strict")
    metadata = {"reverification": {"level": wanted.level, "afterMinutes": wanted.after_minutes}}
    return {"type": "forbidden", "reason": "reverification-error", "metadata": metadata}
