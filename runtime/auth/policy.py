"""Authorisation: Clerk's `has()`, and the policy of one function applied to a verified caller. Pure.

Every given dimension (organisation, billing, re-verification) must hold and at least one must be given;
what is missing or malformed denies. Machine credentials have scopes: `has` is always false for them.
"""

import logging
from collections.abc import Mapping
from typing import Any

import msgspec

from runtime.auth.reasons import Reason
from runtime.config import Policy, Reverification, grants_of
from shared.errors import Forbidden, Unauthenticated
from shared.identity import User

logger = logging.getLogger(__name__)


def require(user: User, policy: Policy) -> None:
    """Check a caller against a policy.

    The answer never says which part was missing: the log does. A public function requires nothing.

    Raises:
        Unauthenticated: ``session-pending``; a session with open tasks counts as signed out.
        Forbidden: the caller is known and may not do this.
    """
    if user.status == "pending" and not policy.pending:
        raise Unauthenticated(Reason.PENDING, expected="`sts` active", came="pending")
    if policy.public:
        return
    if lacking := _lacking(user, policy):
        logger.info("auth.forbidden", extra={"reason": lacking})
        demanded = getattr(policy, lacking)
        raise Forbidden(
            lacking="an active organisation" if lacking == "org" else f"the {lacking} {demanded!r}"
        )
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
    """Return what `auth().has()` returns in the app."""
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
        verdicts.append(_is_recent(user.factor_ages, reverification))
    return user.token_type == "session" and bool(verdicts) and all(verdicts)


def prefixed(name: str) -> str:
    """Return the name of a role or permission with exactly one ``org:`` in front."""
    while name.startswith("org:"):
        name = name.removeprefix("org:")
    return f"org:{name}"


def _has_role(user: User, role: str) -> bool:
    organization = user.organization
    return organization is not None and organization.role == prefixed(role)


def _has_permission(user: User, permission: str) -> bool:
    organization = user.organization
    return organization is not None and prefixed(permission) in organization.permissions


def _is_granted(grants: frozenset[str], asked: str) -> bool:
    try:
        return not grants.isdisjoint(grants_of(asked))
    except ValueError:
        return False


def _is_recent(ages: tuple[int, int] | None, value: str | Mapping[str, Any]) -> bool:
    try:
        wanted = Reverification.parse(value)
    except ValueError:
        return False
    if ages is None or ages == (-1, -1):
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


def _hint(value: str | Mapping[str, Any]) -> dict[str, object]:
    """Return the `clerk_error` that makes the app's Clerk components ask the user to verify again."""
    wanted = Reverification.parse(value)
    metadata = {"reverification": {"level": wanted.level, "afterMinutes": wanted.after_minutes}}
    return {"type": "forbidden", "reason": "reverification-error", "metadata": metadata}
