"""The development issuer: signs tokens in Clerk's format with a key of its own.

Its tokens are verified by the same code as Clerk's; what differs is only which public key the verifier holds.
Production never holds one, and there is no flag that turns verification off.
"""

import os
import secrets
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Self

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from runtime.auth.clerk.instance import is_configured
from runtime.settings import Settings, SettingsError, SettingsFault
from runtime.settings.groups.clerk import ClerkSettings

ISSUER: Final = "https://issuer.annex.localhost"
KEY_ID: Final = "ins_annex_development"
KEY_FILE: Final = Path(".annex/issuer.pem")
LIFETIME: Final = 60.0  # seconds, as Clerk's session tokens


class DevelopmentIssuer:
    """A key and the tokens it signs.

    Args:
        key: one is made when there is none.
        party: the `azp` of every token.
    """

    def __init__(self, key: rsa.RSAPrivateKey | None = None, *, party: str | None = None) -> None:
        self._party = party
        self._key = key or rsa.generate_private_key(public_exponent=65537, key_size=2048)

    @classmethod
    def from_settings(cls, settings: Settings, *, file: Path = KEY_FILE) -> Self:
        """Open the key that a development server on this machine verifies with.

        Raises:
            SettingsError: in production, or where Clerk is configured: its tokens are the only ones then.
        """
        if settings.is_production:
            raise SettingsError(
                (SettingsFault("ANNEX_ENV", "the development issuer is not available in production"),)
            )
        if is_configured(settings.clerk):
            cure = (
                "Clerk is configured, so only its tokens are accepted; unset it to use the development issuer"
            )
            raise SettingsError((SettingsFault("CLERK_PUBLISHABLE_KEY", cure),))
        return cls.of(settings.clerk, file)

    @classmethod
    def of(cls, clerk: ClerkSettings, file: Path) -> Self:
        """Open the key in `file`, for tokens of the first authorised party."""
        return cls.open(file, party=next(iter(clerk.authorized_parties), None))

    @classmethod
    def open(cls, file: Path, *, party: str | None = None) -> Self:
        """Read the key from `file`, or make both. The file is readable by its owner alone.

        Raises:
            SettingsError: the file is something else.
        """
        if not file.exists():
            _write_once(file, cls().pem())
        return cls(_read(file), party=party)

    @property
    def public_key(self) -> rsa.RSAPublicKey:
        """What a verifier holds."""
        return self._key.public_key()

    def token(
        self,
        user: str = "user_dev",
        *,
        organization: str | None = None,
        role: str = "admin",
        permissions: tuple[str, ...] = (),
        lifetime: float = LIFETIME,
        claims: dict[str, Any] | None = None,
    ) -> str:
        """Return a session token, version 2.

        Args:
            user: the `sub`.
            organization: id of the active organisation; none without.
            role: in the organisation.
            permissions: such as ``org:signals:read``.
            lifetime: seconds until it expires.
            claims: laid over all of these.
        """
        now = time.time()
        payload: dict[str, Any] = {
            "v": 2,
            "iss": ISSUER,
            "sub": user,
            "sid": f"sess_{secrets.token_hex(12)}",
            "jti": secrets.token_hex(10),
            "iat": int(now),
            "nbf": int(now) - 10,
            "exp": int(now + lifetime),
            "fva": [0, -1],
            "sts": "active",
        }
        if self._party:
            payload["azp"] = self._party
        if organization:
            payload |= organization_claims(organization, role=role, permissions=permissions)
        return jwt.encode(payload | (claims or {}), self._key, algorithm="RS256", headers={"kid": KEY_ID})

    def pem(self) -> bytes:
        """Return the private key as its file has it."""
        return self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


def _read(file: Path) -> rsa.RSAPrivateKey:
    try:
        text = file.read_bytes()
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
        raise SettingsError((SettingsFault(str(file), problem),)) from None
    try:
        key = serialization.load_pem_private_key(text, password=None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise SettingsError(
            (SettingsFault(str(file), "expected an RSA private key; delete the file to create one"),)
        )
    return key


def organization_claims(
    identifier: str, *, role: str, permissions: tuple[str, ...], slug: str | None = None
) -> dict[str, Any]:
    """Pack an organisation as version 2 does: names once, and one integer of bits a feature."""
    pairs = [
        permission.removeprefix("org:").rpartition(":")[::2] for permission in dict.fromkeys(permissions)
    ]
    features = list(dict.fromkeys(feature for feature, _ in pairs))
    names = list(dict.fromkeys(name for _, name in pairs))
    masks = [sum(1 << names.index(name) for feature, name in pairs if feature == each) for each in features]
    packed = {
        "id": identifier,
        "rol": role.removeprefix("org:"),
        "slg": slug or identifier.removeprefix("org_"),
    }
    if pairs:
        packed |= {"per": ",".join(names), "fpm": ",".join(map(str, masks))}
    return {"o": packed, "fea": ",".join(f"o:{feature}" for feature in features)}


def _write_once(file: Path, text: bytes) -> None:
    """Write `file` unless another process was first; a reader never sees half of it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(text)
    with suppress(FileExistsError):
        file.hardlink_to(draft)
    draft.unlink()
