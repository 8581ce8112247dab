"""Who is calling: the one immutable value that a verified credential becomes."""

from typing import Any

from msgspec import Struct, field


class Organization(Struct, frozen=True):
    """The session's active organisation.

    Attributes:
        id: ``org_…``.
        role: with its ``org:`` prefix, such as ``org:admin``.
        slug: may be absent from the token.
        permissions: with their prefix, such as ``org:signals:read``.
    """

    id: str
    role: str | None = None
    slug: str | None = None
    permissions: frozenset[str] = frozenset()


class User(Struct, frozen=True):
    """The verified caller.

    Attributes:
        user_id: the token's ``sub``; ``user_…`` for a session, a machine's or client's id otherwise.
        session_id: ``sess_…``, None for machine credentials.
        organization: the active organisation, None without one.
        plans: ``scope:name`` pairs, scope ``o`` or ``u``.
        features: as ``plans``.
        factor_ages: minutes since the first and second factor were verified, -1 where not enrolled.
        status: ``active`` or ``pending``.
        actor: the claims of the impersonator, None when nobody impersonates.
        token_type: ``session``, ``m2m_token``, ``oauth_token`` or ``api_key``.
        scopes: of machine credentials.
        expires_at: seconds since the epoch.
        claims: every claim of the token, as it was.
    """

    user_id: str
    session_id: str | None = None
    organization: Organization | None = None
    plans: frozenset[str] = frozenset()
    features: frozenset[str] = frozenset()
    factor_ages: tuple[int, int] | None = None
    status: str = "active"
    actor: dict[str, Any] | None = None
    token_type: str = "session"
    scopes: frozenset[str] = frozenset()
    expires_at: float = 0
    claims: dict[str, Any] = field(default_factory=dict)
