"""Public RSA keys as providers publish them: a JWKS document (RFC 7517). Pure."""

from typing import Any, Final, NamedTuple

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import RSAAlgorithm
from jwt.exceptions import InvalidKeyError

from runtime.auth.foreign import json_object

MIN_BITS: Final = 2048
MAX_KEYS: Final = 32


class KeySetError(Exception):
    """What came back is not a set of usable keys."""


class KeyState(NamedTuple):
    """Whether tokens can be verified.

    Attributes:
        is_usable: there is a key to verify them with.
        problem: why the keys cannot be renewed, in words; empty where they can.
    """

    is_usable: bool = True
    problem: str = ""


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
