"""The session cookie, for services whose settings accept it.

A browser also sends cookies with requests that another site caused. Those are refused here: by the origin,
by the browser's fetch metadata, and by the content types that a form can send.
"""

import base64
import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final, Self

from msgspec import Struct

from runtime.asgi.messages import Headers
from runtime.auth.clerk.checks import exact_of, patterns_of
from runtime.auth.clerk.instance import frontend_host
from runtime.auth.reasons import Reason, shown
from runtime.auth.tokens.signed import parse
from runtime.settings.groups.clerk import ClerkSettings
from shared.errors import Unauthenticated

_SAFE: Final = ("GET", "HEAD", "OPTIONS")


class SessionCookies(Struct, frozen=True, kw_only=True):
    """Finds the session of one instance among a browser's cookies.

    Attributes:
        origins: pages that may act with the cookie.
        patterns: of further pages, those of preview deployments.
        suffix: of this instance's cookies, empty when it is not known.
        host: the instance's Frontend API, empty when it is not known.
    """

    origins: frozenset[str]
    patterns: re.Pattern[str] | None = None
    suffix: str = ""
    host: str = ""

    @classmethod
    def of(cls, clerk: ClerkSettings) -> Self:
        """Return the cookies of the instance that the settings name."""
        parties, key = clerk.authorized_parties, clerk.publishable_key
        return cls(
            origins=frozenset(exact_of(parties)),
            patterns=patterns_of(parties),
            suffix=suffix_of(key) if key else "",
            host=frontend_host(key) if key else "",
        )

    def find(self, method: str, headers: Headers) -> bytes | None:
        """Return the session token, None without one.

        Raises:
            Unauthenticated: ``cookie-cross-site`` or ``cookie-outdated``.
        """
        fields = dict(headers)
        cookies = _read(fields.get(b"cookie", b""))
        suffixed = self._is_suffixed(cookies)
        session = cookies.get(self._name("__session", suffixed=suffixed))
        if not session:
            return None
        self._check_site(method, fields)
        _check_age(session, cookies.get(self._name("__client_uat", suffixed=suffixed)))
        return session

    def _check_site(self, method: str, fields: Mapping[bytes, bytes]) -> None:
        origin = fields.get(b"origin", b"").decode("latin-1")
        is_listed = origin in self.origins or bool(self.patterns and self.patterns.fullmatch(origin))
        if method in _SAFE:
            # Without an Origin no other site sees the answer, and a safe method changes nothing.
            is_ours = is_listed or (not origin and fields.get(b"sec-fetch-site") != b"cross-site")
        else:
            is_ours = is_listed and _is_beyond_forms(fields.get(b"content-type", b""))
        if not is_ours:
            came = f"origin {shown(origin or None)}, {method}"
            raise Unauthenticated(Reason.CROSS_SITE, expected="a page of the app", came=came)

    def _name(self, name: str, *, suffixed: bool) -> str:
        return f"{name}_{self.suffix}" if suffixed else name

    def _is_suffixed(self, cookies: Mapping[str, bytes]) -> bool:
        """Choose between the two sets of cookies that a browser may hold, in the order of Clerk's SDK."""
        if not self.suffix:
            return False
        plain = _claims(cookies.get("__session"))
        if cookies.get("__session") and not plain.get("iss"):
            return False
        if cookies.get("__session") and not self._is_ours(plain):
            return True
        return self._is_suffixed_newer(cookies, plain)

    def _is_suffixed_newer(self, cookies: Mapping[str, bytes], plain: Mapping[str, Any]) -> bool:
        suffixed = cookies.get(f"__session_{self.suffix}")
        suffixed_uat, plain_uat = cookies.get(f"__client_uat_{self.suffix}"), cookies.get("__client_uat")
        is_plain_signed_in = plain_uat != b"0"
        if is_plain_signed_in and (suffixed_uat == b"0" or _issued(plain) > _issued(_claims(suffixed))):
            return False
        return bool(suffixed_uat)

    def _is_ours(self, claims: Mapping[str, Any]) -> bool:
        issuer = claims.get("iss")
        return (
            isinstance(issuer, str) and issuer.removeprefix("https://").removeprefix("http://") == self.host
        )


def suffix_of(publishable_key: str) -> str:
    """Return what an instance's cookies end with: eight characters of the key's SHA-1."""
    digest = hashlib.sha1(publishable_key.encode(), usedforsecurity=False).digest()
    return base64.urlsafe_b64encode(digest).decode()[:8]


def _read(header: bytes) -> dict[str, bytes]:
    """Read a `Cookie` header (RFC 6265, 4.2.1); of two with one name the first counts."""
    cookies: dict[str, bytes] = {}
    for pair in header.split(b";"):
        name, _, value = pair.strip().partition(b"=")
        cookies.setdefault(name.decode("latin-1"), value.strip(b'"'))
    return cookies


def _check_age(session: bytes, client_updated_at: bytes | None) -> None:
    """Refuse a session older than the last sign-in or sign-out, if the browser reports one."""
    if client_updated_at is None or not client_updated_at.isdigit():
        return
    updated_at = int(client_updated_at[:16])
    issued = _issued(_claims(session))
    if updated_at == 0 or issued < updated_at:
        came = "a browser that is signed out" if updated_at == 0 else f"{updated_at - issued:.0f} s older"
        raise Unauthenticated(Reason.OUTDATED, expected="a session since the last sign-in", came=came)


def _is_beyond_forms(content_type: bytes) -> bool:
    kind = content_type.partition(b";")[0].strip().lower()
    return not kind or kind == b"application/json" or kind.endswith(b"+json")


def _claims(session: bytes | None) -> Mapping[str, Any]:
    """Read claims to choose between two cookies; the one that is chosen is verified afterwards."""
    try:
        return parse(session).claims if session else {}
    except Unauthenticated:
        return {}


def _issued(claims: Mapping[str, Any]) -> float:
    issued = claims.get("iat")
    return issued if isinstance(issued, int | float) else 0
