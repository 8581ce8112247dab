"""Public RSA keys as they are published: a JWKS document (RFC 7517) or PEM text. Pure."""

from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from jwt.algorithms import RSAAlgorithm
from jwt.exceptions import InvalidKeyError

from runtime.auth.foreign import json_object

MIN_BITS: Final = 2048
MAX_KEYS: Final = 32


class KeySetError(Exception):
    """What came back is not a set of usable keys."""


def read_key_set(text: bytes) -> dict[str, RSAPublicKey]:
    """Read a JWKS document; keys that cannot verify RS256 are left out.

    Raises:
        KeySetError: not a JWKS, or no usable key in it.
    """
    entries = (json_object(text) or {}).get("keys")
    if not isinstance(entries, list):
        raise KeySetError("no list of keys")
    keys = {entry["kid"]: key for entry in entries[:MAX_KEYS] if (key := _read_key(entry)) is not None}
    if not keys:
        raise KeySetError("no usable key")
    return keys


def _read_key(entry: Any) -> RSAPublicKey | None:
    if not isinstance(entry, dict) or not isinstance(entry.get("kid"), str):
        return None
    if entry.get("kty") != "RSA" or entry.get("alg", "RS256") != "RS256" or entry.get("use", "sig") != "sig":
        return None
    try:
        key = RSAAlgorithm.from_jwk({name: entry.get(name) for name in ("kty", "n", "e")})
    except (InvalidKeyError, ValueError, TypeError):
        return None
    return key if isinstance(key, RSAPublicKey) and key.key_size >= MIN_BITS else None


def read_pem(text: str) -> RSAPublicKey:
    r"""Read a public key as people paste it: with newlines, with literal ``\n``, on one line, unframed.

    Raises:
        ValueError: not a public RSA key of 2048 bits or more; the message says what to do.
    """
    body = text.replace("\\n", "").replace("\\r", "")
    body = "".join(
        body.replace("-----BEGIN PUBLIC KEY-----", "").replace("-----END PUBLIC KEY-----", "").split()
    )
    framed = f"-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n"
    try:
        key = load_pem_public_key(framed.encode("ascii"))
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError(
            "expected the PEM public key from Clerk's dashboard, API keys, JWKS public key"
        ) from None
    if not isinstance(key, RSAPublicKey) or key.key_size < MIN_BITS:
        raise ValueError(f"expected a public RSA key of at least {MIN_BITS} bits")
    return key
