"""The caller's claims inside one transaction, where row-level security policies read them.

``request.jwt.claims`` is PostgREST's name for them, which Supabase and Neon have taken over.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from shared.identity import User

type CallerClaims = User | Mapping[str, Any]


def settings(caller: CallerClaims | None, role: str | None) -> str:
    """Return what follows BEGIN so that claims and role hold until the transaction ends; ``""`` for neither.

    The claims are those of the token, with `sub` for a machine credential too.
    """
    local = {}
    if caller is not None:
        local["request.jwt.claims"] = msgspec.json.encode(_claims(caller)).decode()
    if role is not None:
        local["role"] = role
    calls = ", ".join(
        f"set_config({_literal(name)}, {_literal(value)}, true)" for name, value in local.items()
    )
    return f"; SELECT {calls}" if calls else ""


def _claims(caller: CallerClaims) -> Mapping[str, Any]:
    return {**caller.claims, "sub": caller.user_id} if isinstance(caller, User) else caller


def _literal(text: str) -> str:
    """Quote `text` so that it means the same whatever `standard_conforming_strings` is."""
    return "E'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
