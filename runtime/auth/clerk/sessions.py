"""The claims of a Clerk session token, versions 1 and 2, as a `User`.

Version 2 packs an organisation's permissions into bits: each feature has an integer whose bit *i* grants the
*i*-th permission name. A claim of the wrong type gives nothing, as in Clerk's SDKs; it never fails the token.
"""

from collections.abc import Iterator
from typing import Any, Final

from runtime.auth.policy import prefixed
from shared.identity import Claims, Organization, User

_SCOPES: Final = {"o": "o", "u": "u", "ou": "ou", "uo": "ou"}
_DIGITS: Final = 512  # more bits than any instance has permissions; int() of a long text is quadratic


def user_of(claims: Claims) -> User:
    """Return the user of a verified session token. `claims` must have a string `sub` and a numeric `exp`."""
    status = claims.get("sts")
    return User(
        user_id=claims["sub"],
        session_id=_text(claims.get("sid")),
        organization=_organization(claims),
        plans=frozenset(_scoped(claims.get("pla"))),
        features=frozenset(_scoped(claims.get("fea"))),
        factor_ages=_factor_ages(claims.get("fva")),
        status="pending" if status == "pending" else "active",
        actor=_object(claims.get("act")),
        expires_at=claims["exp"],
        claims=claims,
    )


def _organization(claims: Claims) -> Organization | None:
    return _organization_v2(claims) if claims.get("v") == 2 else _organization_v1(claims)


def _organization_v1(claims: Claims) -> Organization | None:
    identifier = _text(claims.get("org_id"))
    if not identifier:
        return None
    permissions = claims.get("org_permissions")
    names = permissions if isinstance(permissions, tuple) else ()
    return Organization(
        id=identifier,
        role=_role(claims.get("org_role")),
        slug=_text(claims.get("org_slug")),
        permissions=frozenset(name for name in names if isinstance(name, str)),
    )


def _organization_v2(claims: Claims) -> Organization | None:
    packed = _object(claims.get("o")) or {}
    identifier = _text(packed.get("id"))
    if not identifier:
        return None
    return Organization(
        id=identifier,
        role=_role(packed.get("rol")),
        slug=_text(packed.get("slg")),
        permissions=frozenset(_permissions(packed, _scoped(claims.get("fea")))),
    )


def _permissions(packed: dict[str, Any], features: tuple[str, ...]) -> Iterator[str]:
    names, masks = _elements(packed.get("per")), _elements(packed.get("fpm"))
    of_organization = [feature.removeprefix("o:") for feature in features if feature.startswith("o:")]
    for feature, mask in zip(of_organization, masks, strict=False):
        bits = int(mask) if mask.isascii() and mask.isdigit() and len(mask) <= _DIGITS else 0
        for position, name in enumerate(names):
            if bits >> position & 1:
                yield f"org:{feature}:{name}"


def _scoped(value: Any) -> tuple[str, ...]:
    """Read ``o:alerts,ou:exports`` into ``o:alerts``, ``o:exports``, ``u:exports``.

    One element without a scope makes the whole claim worth nothing: Clerk's SDK throws there, then denies.
    """
    pairs = [element.partition(":") for element in _elements(value)]
    if not all(separator for _, separator, _ in pairs):
        return ()
    return tuple(f"{letter}:{name}" for scope, _, name in pairs for letter in _SCOPES.get(scope, ""))


def _elements(value: Any) -> list[str]:
    if not isinstance(value, str) or not value:
        return []
    return [element.strip() for element in value.split(",")]


def _factor_ages(value: Any) -> tuple[int, int] | None:
    if not isinstance(value, tuple) or len(value) != 2 or not all(_is_age(age) for age in value):
        return None
    return int(value[0]), int(value[1])


def _is_age(value: Any) -> bool:
    return (
        isinstance(value, int | float) and not isinstance(value, bool) and value >= -1 and value == int(value)
    )


def _role(value: Any) -> str | None:
    return prefixed(value) if isinstance(value, str) and value else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _object(value: Any) -> dict[str, Any] | None:
    return value if isinstance(value, dict) else None
