"""Which Clerk instance this service belongs to, read from its settings."""

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from runtime.auth.clerk.webhooks import check_secret
from runtime.auth.tokens.keys import MIN_BITS
from runtime.settings import Settings, SettingsFault
from runtime.settings.groups.clerk import ClerkSettings
from runtime.settings.origins import origins
from runtime.settings.rules import is_url
from shared.secret import Secret

_PUBLISHABLE: Final = re.compile(r"pk_(?:test|live)_([A-Za-z0-9+/_-]+={0,2})")
_ISSUER: Final = re.compile(r"https?://[a-z0-9.-]+(?::\d+)?(?:/.*)?")
_ORIGIN: Final = re.compile(r"[a-z][a-z0-9+.-]*://[^/*\s]+")
_SOUND: Final = "https://app.example.com"
MAX_SKEW: Final = 60
_LABEL: Final = re.compile(r"-----BEGIN ([A-Z ]+)-----")
_DECORATION: Final = re.compile(r"""-----(?:BEGIN|END) PUBLIC KEY-----|\\+[nr]|["'`\\\s]""")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]*={0,2}")
_COPY: Final = "copy the JWKS public key (PEM) whole from Clerk's dashboard, API keys"
_HOST: Final = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+(?::\d+)?")


def frontend_host(publishable_key: str) -> str:
    """Return the Frontend API's host that a publishable key spells.

    Raises:
        ValueError: not a publishable key; the message says what one looks like.
    """
    shape = _PUBLISHABLE.fullmatch(publishable_key)
    text = shape[1].rstrip("=") if shape else ""
    try:
        host = base64.b64decode(
            text + "=" * (-len(text) % 4), altchars=b"-_" if "-" in text else None
        ).decode("ascii")
    except (binascii.Error, UnicodeDecodeError):
        host = ""
    if not host.endswith("$") or not _HOST.fullmatch(host[:-1]):
        raise ValueError("expected `pk_test_…` or `pk_live_…`, copied whole from Clerk's dashboard")
    return host[:-1]


def read_pem(text: str) -> RSAPublicKey:
    r"""Read a public key as people paste it: in quotes, with literal ``\n``, on one line, unframed.

    Raises:
        ValueError: not a public RSA key of 2048 bits or more; the message names the cause.
    """
    label = _LABEL.search(text)
    if label and label[1] != "PUBLIC KEY":
        raise ValueError(f"found a PEM {label[1].lower()}; {_COPY}")
    body = _DECORATION.sub("", text)
    if not _BASE64.fullmatch(body):
        raise ValueError(f"it holds a character that no PEM public key has; {_COPY}")
    try:
        key = load_pem_public_key(f"-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n".encode())
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError(f"the PEM public key is cut off or changed; {_COPY}") from None
    if not isinstance(key, RSAPublicKey) or key.key_size < MIN_BITS:
        raise ValueError(f"expected a public RSA key of at least {MIN_BITS} bits")
    return key


def is_configured(clerk: ClerkSettings) -> bool:
    """Whether the settings say where keys come from."""
    return bool(clerk.jwt_key or clerk.jwks_url or clerk.publishable_key or clerk.secret_key)


def issuers_of(clerk: ClerkSettings) -> frozenset[str]:
    """Return every `iss` that tokens may carry; none when the settings do not say."""
    if clerk.issuers:
        # A proxy's URL is often written with a slash that Clerk leaves out.
        return frozenset(clerk.issuers) | {issuer.rstrip("/") for issuer in clerk.issuers}
    return frozenset({f"https://{frontend_host(clerk.publishable_key)}"} if clerk.publishable_key else ())


def keys_source(clerk: ClerkSettings) -> tuple[str, Secret | None]:
    """Return where public keys are fetched from, and the secret key that must be shown there."""
    if clerk.jwks_url:
        return clerk.jwks_url, None
    if clerk.publishable_key:
        return f"https://{frontend_host(clerk.publishable_key)}/.well-known/jwks.json", None
    return f"{clerk.api_url.rstrip('/')}/v1/jwks", clerk.secret_key


def check_clerk(settings: Settings) -> Iterator[SettingsFault]:
    """Yield the faults of Clerk's settings, and of secrets of its form, for `runtime.settings.load`."""
    yield from faults(settings.clerk, production=settings.is_production)
    yield from _unreadable("SVIX_WEBHOOK_SECRET", check_secret, settings.webhooks.svix)


def faults(clerk: ClerkSettings, *, production: bool) -> Iterator[SettingsFault]:
    """Yield what is wrong with the settings, by name and with the cure."""
    url = _https if production else _http
    yield from _unreadable("CLERK_PUBLISHABLE_KEY", frontend_host, clerk.publishable_key)
    yield from _unreadable("CLERK_JWT_KEY", read_pem, clerk.jwt_key)
    yield from _unreadable("CLERK_JWKS_URL", url, clerk.jwks_url)
    yield from _unreadable("CLERK_API_URL", url, clerk.api_url)
    yield from _unreadable("CLERK_WEBHOOK_SIGNING_SECRET", check_secret, clerk.webhook_secret)
    yield from _unreadable("CLERK_ISSUER", _issuers, clerk.issuers)
    yield from _unreadable("CLERK_CLOCK_SKEW", _skew, clerk.clock_skew)
    yield from _unreadable("CLERK_AUTHORIZED_PARTIES", _parties, clerk.authorized_parties)
    if production and not is_configured(clerk):
        yield SettingsFault(
            "CLERK_PUBLISHABLE_KEY",
            "production needs Clerk: copy NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY from the Next.js service",
        )
    if clerk.accept_cookies and not clerk.authorized_parties:
        yield SettingsFault(
            "CLERK_AUTHORIZED_PARTIES",
            "required by CLERK_ACCEPT_COOKIES: list the origins that may send cookies",
        )


def warnings(clerk: ClerkSettings, *, production: bool) -> Iterator[SettingsFault]:
    """Yield what works but is weaker than it should be."""
    if production and not clerk.authorized_parties:
        yield SettingsFault(
            "CLERK_AUTHORIZED_PARTIES",
            "unset, so tokens made for any origin of this instance are accepted; list the app's origins",
        )
    for problem in origins.claimable(clerk.authorized_parties):
        yield SettingsFault("CLERK_AUTHORIZED_PARTIES", problem)
    if production and (clerk.publishable_key or "").startswith("pk_test_"):
        yield SettingsFault("CLERK_PUBLISHABLE_KEY", "a development instance's key in production")
    if production and not issuers_of(clerk):
        yield SettingsFault(
            "CLERK_ISSUER", "unset, and there is no publishable key to derive it from: `iss` is not checked"
        )


def _unreadable[T](name: str, read: Callable[[T], object], value: T | None) -> Iterator[SettingsFault]:
    try:
        if value:
            read(value)
    except ValueError as error:
        yield SettingsFault(name, str(error))


def _http(url: str) -> None:
    if not is_url(url):
        raise ValueError("expected an absolute URL without user, `?` or `#`")


def _https(url: str) -> None:
    _http(url)
    if not url.startswith("https:"):
        raise ValueError("expected an https URL: whoever can change the keys can sign in as anybody")


def _issuers(issuers: Iterable[str]) -> None:
    if not all(is_url(issuer) and _ISSUER.fullmatch(issuer) for issuer in issuers):
        raise ValueError(
            "expected URLs such as https://clerk.example.com, host in lower case, separated by commas"
        )


def _parties(parties: Iterable[str]) -> None:
    if not all("*" in party or _ORIGIN.fullmatch(party) for party in parties) or "*" in parties:
        raise ValueError("expected origins, scheme and host alone, such as https://app.example.com")
    for problem in origins.faults(party if "*" in party else _SOUND for party in parties):
        raise ValueError(problem)


def _skew(seconds: float) -> None:
    if seconds > MAX_SKEW:
        raise ValueError(f"expected at most {MAX_SKEW} seconds: expired tokens are accepted for that long")
