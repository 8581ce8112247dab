"""What an identity provider is to the rest of the runtime: two small protocols, implemented by one folder.

A provider derives from `Identity`, whose other members have defaults, and may bring a verifier of webhooks.
The bearer token, the order of checks, the policy and the refusals are the same for all providers
(`runtime.auth.authenticator`).
"""

from collections.abc import Callable, Container
from typing import Protocol, Self

from runtime.asgi.messages import Headers
from runtime.auth.tokens.keys import KeyState
from runtime.auth.verified import Verified


class TokenSigner(Protocol):
    """Signs tokens that this service accepts; exists in development alone."""

    def token(
        self,
        user: str,
        *,
        organization: str | None = None,
        role: str = "admin",
        permissions: tuple[str, ...] = (),
        lifetime: float = 60,
    ) -> str:
        """Return a session token that expires after `lifetime` seconds."""
        ...


class Identity(Protocol):
    """Finds out whom a credential belongs to. As a context manager it owns its connections and tasks.

    Attributes:
        clock_skew: seconds that the provider's clock and ours may differ.
        issuer: signs tokens in development; None where the provider alone does.
    """

    clock_skew: float = 5
    issuer: TokenSigner | None = None

    async def verify(self, token: bytes, allowed: Container[str]) -> Verified:
        """Return the caller of a credential; time and policy are checked by whoever asks.

        Args:
            token: what follows `Bearer`, or a cookie's value.
            allowed: the token types that the function accepts, to refuse others before any work.

        Raises:
            Unauthenticated: with the reason.
            KeysUnavailable: the provider cannot be reached and nothing is known of the credential.
        """
        ...

    def remembered(self, token: bytes) -> Verified | None:  # noqa: ARG002  # the protocol's signature
        """Return what `verify` found before and is still true, None where it has to be asked."""
        return None

    def asks(self, token: bytes) -> str | None:  # noqa: ARG002  # likewise
        """Return the type of a credential that `verify` would ask somebody else about, None otherwise.

        Each address has a budget for those, so that invented ones cost nobody else anything.
        """
        return None

    def cookie(self, method: str, headers: Headers) -> bytes | None:  # noqa: ARG002  # likewise
        """Return the session token among a browser's cookies, None without one or where none is accepted.

        Raises:
            Unauthenticated: another site may have caused the request.
        """
        return None

    def key_state(self) -> KeyState:
        """Return whether tokens can be verified."""
        return KeyState()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        return None


class Webhooks(Protocol):
    """Verifies the deliveries of one sender, which `Function(webhook=...)` names."""

    def verify(self, headers: Headers, body: bytes) -> "Delivery":
        """Accept a delivery or refuse it.

        Args:
            headers: of the request, names in lower case.
            body: the raw bytes.

        Raises:
            Invalid: the signature, the time or the form is wrong.
            Conflict: received before.
            Unavailable: no signing secret is configured.
        """
        ...


class Delivery:
    """One accepted webhook message.

    Attributes:
        id: the sender's name of the message, the same for each retry.
        moment: that it was signed for, in seconds since the epoch; None where the sender signs no time.
        is_duplicate: handled already; answer 2xx and do not run the function.
    """

    def __init__(
        self,
        identifier: str,
        *,
        moment: int | None = None,
        is_duplicate: bool = False,
        on_end: Callable[[bool], None] = lambda _succeeded: None,
    ) -> None:
        self.id = identifier
        self.moment = moment
        self.is_duplicate = is_duplicate
        self._on_end = on_end

    def end(self, *, succeeded: bool) -> None:
        """Report how the function ended: a failed delivery may come again, a handled one is a duplicate."""
        self._on_end(succeeded)
