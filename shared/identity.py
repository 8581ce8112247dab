"""The caller, as an immutable value made from a verified credential."""

from collections.abc import Mapping
from typing import Any, Never

from msgspec import Struct


class Claims(dict[str, Any]):
    """A JSON object that is immutable at every level.

    A verified token is cached for many requests, so a function must not change the claims that another one
    reads. In every other respect it is a dict: it compares, iterates and encodes as one.
    """

    __slots__ = ()

    def __init__(self, members: Mapping[str, Any] | None = None) -> None:
        super().__init__({name: _frozen(value) for name, value in (members or {}).items()})

    def __reduce__(self) -> tuple[Any, ...]:
        return Claims, (dict(self),)  # pickle would set its members one by one

    def _refuse(self, *_args: object, **_kwargs: object) -> Never:
        raise TypeError("claims are read-only")

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse


def _frozen(value: Any) -> Any:
    if isinstance(value, dict):
        return Claims(value)
    if isinstance(value, list):
        return tuple(_frozen(item) for item in value)
    return value


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
        user_id: the token's ``sub``: ``user_…`` for a session, else the id of a machine or client.
        session_id: ``sess_…``, None for machine credentials.
        organization: the active organisation, None without one.
        plans: ``scope:name`` pairs, scope ``o`` or ``u``.
        features: as ``plans``.
        factor_ages: minutes since the first and second factor were verified, -1 where not enrolled.
        status: ``active`` or ``pending``.
        actor: the claims of the impersonator, None without impersonation.
        token_type: ``session``, ``m2m_token``, ``oauth_token`` or ``api_key``.
        scopes: of machine credentials.
        expires_at: seconds since the epoch, 0 for a machine credential that never expires.
        claims: every claim of the token, unchanged; read-only.
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
    claims: dict[str, Any] = Claims()


class Member(User, frozen=True, kw_only=True):
    """A verified caller with an active organisation: `organization` is never None.

    A handler that takes a `Member` refuses every other caller with 403.
    """

    organization: Organization

    @classmethod
    def of(cls, user: User) -> "Member | None":
        """Return the caller as a member, None without an active organisation."""
        if user.organization is None or isinstance(user, cls):
            return user if isinstance(user, cls) else None
        return cls(**{name: getattr(user, name) for name in cls.__struct_fields__})
