"""Seals what queued work holds of people before it is written: payloads, callers, results, errors.

AES-256-GCM of the `cryptography` package, with a key for each run that HKDF (RFC 5869) makes of ANNEX_SECRET:
no key seals more than one run, and what was sealed for one run or field opens for no other.
"""

import secrets
from collections.abc import Iterable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from runtime.settings import Settings
from shared.errors import Unavailable
from shared.secret import MadeSecret, Secret

MARK = b"\x01"  # no JSON text begins with it
NONCE = 12  # bytes
FIELDS = ("data", "user", "result", "error")


class Seal:
    """Seals with the first secret and opens with each; without one it leaves everything as it is."""

    def __init__(self, keys: Iterable[Secret | None]) -> None:
        self._keys = [each.reveal().encode() for each in keys if each is not None]

    @classmethod
    def of(cls, settings: Settings) -> "Seal":
        """Return the seal of ANNEX_SECRET, which also opens what ANNEX_SECRET_OLD has sealed."""
        if settings.secret is None or isinstance(settings.secret, MadeSecret):
            return cls(())
        return cls((settings.secret, settings.old_secret))

    def close(self, run_id: str, field: str, text: bytes) -> bytes:
        """Return `text` sealed for one field of one run; nothing stays nothing."""
        if not self._keys or not text:
            return text
        nonce = secrets.token_bytes(NONCE)
        return MARK + nonce + _cipher(self._keys[0], run_id).encrypt(nonce, text, field.encode())

    def open(self, run_id: str, field: str, sealed: bytes) -> bytes:
        """Return what was sealed; what never was, such as from before ANNEX_SECRET was set, as it is.

        Raises:
            Unavailable: none of the secrets has sealed it for this field of this run.
        """
        if not sealed.startswith(MARK):
            return sealed
        nonce, text = sealed[1 : 1 + NONCE], sealed[1 + NONCE :]
        for key in self._keys:
            try:
                return _cipher(key, run_id).decrypt(nonce, text, field.encode())
            except (InvalidTag, ValueError):
                continue
        raise Unavailable(SEALED, retry_after=None)

    def opened(self, run_id: str, fields: dict[str, bytes]) -> dict[str, bytes]:
        """Return the fields of a run, opened.

        Raises:
            Unavailable: as `open`.
        """
        found = {name: self.open(run_id, name, fields[name]) for name in FIELDS if name in fields}
        return {**fields, **found}


SEALED = "This run is sealed with another secret: set ANNEX_SECRET_OLD to the one that it was queued with."


def _cipher(key: bytes, run_id: str) -> AESGCM:
    made = HKDF(algorithm=SHA256(), length=32, salt=None, info=f"annex work {run_id}".encode())
    return AESGCM(made.derive(key))
