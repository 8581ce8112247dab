"""A signed token split into its parts, before anything in it is trusted.

`PyJWT` offers the header only by decoding the whole token a second time, and its claim checks differ from
Clerk's in order and in meaning (`aud` without an expected audience, booleans as numbers). So the three parts
are read here, once, and its algorithm object checks the signature.
"""

import base64
import binascii
import re
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import RSAAlgorithm
from msgspec import Struct

from runtime.auth.foreign import json_object
from runtime.auth.reasons import Reason, one_of, shown
from shared.errors import Unauthenticated

MAX_BYTES: Final = 16 * 1024  # four times what fits into a cookie, the limit Clerk itself names
_PARTS: Final = re.compile(rb"([A-Za-z0-9_-]+={0,2})\.([A-Za-z0-9_-]+={0,2})\.([A-Za-z0-9_-]+={0,2})")
OAUTH_TYPES: Final = ("at+jwt", "application/at+jwt")  # RFC 9068
_TYPES: Final = ("JWT", *OAUTH_TYPES)  # a tuple: what is looked up may be any JSON value
_RS256: Final = RSAAlgorithm(RSAAlgorithm.SHA256)


class Token(Struct, frozen=True):
    """What a token says, unverified.

    Attributes:
        header: ``typ``, ``alg``, ``kid``, ``cat``.
        claims: the payload.
        signed: the bytes that the signature covers.
        signature: the raw signature.
    """

    header: dict[str, Any]
    claims: dict[str, Any]
    signed: bytes
    signature: bytes

    @property
    def kid(self) -> str | None:
        """The name of the key, as far as the header has one."""
        return self.header.get("kid")

    def is_signed_by(self, key: RSAPublicKey) -> bool:
        """RS256, whatever the header says."""
        return _RS256.verify(self.signed, key, self.signature)


def parse(text: bytes) -> Token:
    """Take a JWS in compact form (RFC 7515, 7.1) apart and check its header.

    Raises:
        Unauthenticated: ``token-too-large``, ``token-invalid`` or ``token-invalid-algorithm``.
    """
    if len(text) > MAX_BYTES:
        expected, came = f"at most {MAX_BYTES} bytes", f"{len(text)} bytes"
        raise Unauthenticated(Reason.TOO_LARGE, expected=expected, came=came)
    parts = _PARTS.fullmatch(text)
    if parts is None:
        dots = text.count(b".")
        came = (
            f"{dots + 1} parts" if dots != 2 else "a character that base64url does not have, or an empty part"
        )
        raise Unauthenticated(Reason.INVALID, expected="three parts in base64url", came=came)
    header = _object(parts[1], "header")
    _check_header(header)
    claims = _object(parts[2], "payload")
    return Token(header, claims, text[: parts.end(2)], _decoded(parts[3], "signature"))


def _check_header(header: dict[str, Any]) -> None:
    if (misfit := _misfit(header)) is not None:
        raise Unauthenticated(Reason.INVALID, expected=misfit[0], came=misfit[1])
    # RS384 and RS512 are in Clerk's list, but no instance signs sessions with them: one algorithm, no choice.
    if header.get("alg") != "RS256":
        raise Unauthenticated(Reason.ALGORITHM, expected="RS256", came=shown(header.get("alg")))


def _misfit(header: dict[str, Any]) -> tuple[str, str] | None:
    """Return what was expected of a header and what came, None where all of it is understood.

    `typ` fits, `kid` is a name, and no extension is critical (RFC 7515, 4.1.11): we know none. Keys that the
    token brings along (`jwk`, `jku`, `x5c`, `x5u`) are not looked at.
    """
    if header.get("typ", "JWT") not in _TYPES:
        return f"`typ` {one_of(_TYPES)}", shown(header["typ"])
    if not isinstance(header.get("kid", ""), str):
        return "`kid` a text", shown(header["kid"])
    return ("no critical extension", "`crit`") if "crit" in header else None


def _decoded(part: bytes, name: str) -> bytes:
    """Read base64url, padded in full or not at all, without stray bits at its end."""
    bare = part.rstrip(b"=")
    full = bare + b"=" * (-len(bare) % 4)
    refusal = Unauthenticated(Reason.INVALID, expected=f"the {name} in base64url", came="stray characters")
    try:
        decoded = base64.urlsafe_b64decode(full)
    except binascii.Error:
        raise refusal from None
    if part not in (bare, full) or base64.urlsafe_b64encode(decoded) != full:
        raise refusal
    return decoded


def _object(part: bytes, name: str) -> dict[str, Any]:
    members = json_object(_decoded(part, name))
    if members is None:
        raise Unauthenticated(Reason.INVALID, expected=f"the {name} a JSON object", came="something else")
    return members
