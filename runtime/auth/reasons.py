"""Every way a credential can be refused, by a stable name: logged, and sent to the caller.

Where Clerk's SDKs have a name for the refusal, it is theirs. `docs/auth.md` prints this table.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any, Final, Self

import msgspec

LONGEST: Final = 80  # characters of a value in a log line


def shown(value: Any) -> str:
    """Return a claim or header member as a log line may have it: a scalar, short; of others the type."""
    if value is None:
        return "none"
    if isinstance(value, tuple | list):
        return f"a list of {len(value)}: {', '.join(shown(each) for each in value[:3])}"[:LONGEST]
    if not isinstance(value, str | int | float):
        return "an object"
    return msgspec.json.encode(value).decode()[:LONGEST]


def one_of(values: Iterable[str]) -> str:
    """Return what is accepted, for a log line."""
    return " or ".join(sorted(values))


class Reason(StrEnum):
    """A refusal: its name on the wire, what it means, and what to do about it."""

    meaning: str
    cure: str

    def __new__(cls, name: str, meaning: str, cure: str) -> Self:
        """Make the member a string that knows its explanation."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.meaning = meaning
        member.cure = cure
        return member

    MISSING = (
        "token-missing",
        "The request has no `Authorization: Bearer` header.",
        "Send the result of `getToken()`; it is null while nobody is signed in.",
    )
    HEADER_MALFORMED = (
        "authorization-malformed",
        "There are several `Authorization` headers, or one without a scheme.",
        "Send exactly one, `Authorization: Bearer <token>`.",
    )
    TOO_LARGE = (
        "token-too-large",
        "The token is longer than any that Clerk makes.",
        "Shrink the custom claims of the JWT template or session token.",
    )
    INVALID = (
        "token-invalid",
        "The credential cannot be read: not three base64url parts with JSON objects inside, or a header this "
        "service does not understand.",
        "Send the token unchanged, without quotes or a truncated end.",
    )
    ALGORITHM = (
        "token-invalid-algorithm",
        "The token is not signed with RS256.",
        "Use a token that Clerk signed; a JWT template with a custom HS256 key is not accepted.",
    )
    UNKNOWN_KEY = (
        "jwk-kid-mismatch",
        "The instance has no key with the token's `kid`.",
        "The token was issued by another Clerk instance: use one publishable key on both sides.",
    )
    SIGNATURE = (
        "token-invalid-signature",
        "The signature does not match the instance's key.",
        "The token was changed, or `CLERK_JWT_KEY` belongs to another instance.",
    )
    CLAIMS = (
        "token-verification-failed",
        "A required claim is missing or of the wrong type (`sub`, `exp`, `nbf`, `iat`).",
        "Check the custom claims of the session token or JWT template.",
    )
    AUDIENCE = (
        "token-invalid-audience",
        "The token has an `aud` that is not in `CLERK_AUDIENCE`.",
        "Add it there, or drop `aud` from the JWT template.",
    )
    PARTY = (
        "token-invalid-authorized-parties",
        "`azp`, the origin the token was made for, is missing or not in `CLERK_AUTHORIZED_PARTIES`.",
        "Add the app's origin to `CLERK_AUTHORIZED_PARTIES`; for tokens without `azp`, as of a mobile "
        "app, set `CLERK_ACCEPT_WITHOUT_PARTY=true`.",
    )
    ISSUER = (
        "token-invalid-issuer",
        "`iss` is not this Clerk instance.",
        "Behind a proxy or on a satellite domain, set `CLERK_ISSUER` to what the tokens carry.",
    )
    EXPIRED = (
        "token-expired",
        "The token has expired (session tokens live 60 seconds).",
        "Call `getToken()` for every request instead of keeping its result.",
    )
    EARLY = (
        "token-not-active-yet",
        "The token's `nbf` is in the future.",
        "Synchronise the clocks; they differ by more than `CLERK_CLOCK_SKEW` seconds.",
    )
    FUTURE = (
        "token-iat-in-the-future",
        "The token's `iat` is in the future.",
        "Synchronise the clocks; they differ by more than `CLERK_CLOCK_SKEW` seconds.",
    )
    KIND = (
        "token-type-mismatch",
        "The function does not accept this type of token, such as a JWT template's, or a machine's where a "
        "session is required.",
        "Call `getToken()` without a template, or list the type in the function's `token_types`.",
    )
    PENDING = (
        "session-pending",
        "The session has tasks to finish, such as choosing an organisation.",
        "Finish them in the app, or set `pending=True` in the function's config.",
    )
    CROSS_SITE = (
        "cookie-cross-site",
        "The cookie came with a request that another site may have caused.",
        "Send a bearer token, or a JSON request from an origin in `CLERK_AUTHORIZED_PARTIES`.",
    )
    OUTDATED = (
        "cookie-outdated",
        "The session cookie is older than the browser's last sign-in or sign-out.",
        "Let the page's Clerk script renew the session, then repeat the request.",
    )
    UNVERIFIABLE = (
        "token-type-not-configured",
        "This type of machine token is accepted here, but there is no secret key to verify it with.",
        "Set `CLERK_SECRET_KEY` (or `CLERK_MACHINE_SECRET_KEY`).",
    )
