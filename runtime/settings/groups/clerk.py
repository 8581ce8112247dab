"""The settings of Clerk."""

from typing import Annotated

from msgspec import Struct

from runtime.settings.variable import from_env
from shared.secret import Secret


class ClerkSettings(Struct, frozen=True, kw_only=True):
    """How callers are verified."""

    publishable_key: Annotated[
        str | None,
        from_env(
            "CLERK_PUBLISHABLE_KEY",
            "NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY",
            doc="The app's publishable key; names the issuer and where its public keys are.",
        ),
    ] = None
    secret_key: Annotated[
        Secret | None,
        from_env(
            "CLERK_SECRET_KEY",
            doc="Needed for opaque machine tokens, and for keys from the Backend API.",
        ),
    ] = None
    jwt_key: Annotated[
        str | None,
        from_env(
            "CLERK_JWT_KEY",
            doc="The instance's public key (PEM). Set, tokens are verified without any network.",
        ),
    ] = None
    issuers: Annotated[
        tuple[str, ...],
        from_env(
            "CLERK_ISSUER",
            doc="The `iss` that tokens carry, when it is not the publishable key's host (proxy, satellite domains); several separated by commas.",
        ),
    ] = ()
    jwks_url: Annotated[
        str | None,
        from_env(
            "CLERK_JWKS_URL",
            doc="Where public keys are fetched from, when not from the publishable key's host.",
        ),
    ] = None
    api_url: Annotated[str, from_env("CLERK_API_URL", doc="Clerk's Backend API.")] = "https://api.clerk.com"
    authorized_parties: Annotated[
        tuple[str, ...],
        from_env(
            "CLERK_AUTHORIZED_PARTIES",
            doc="Origins whose tokens are accepted (`azp`), and patterns of preview deployments such as `https://*.preview.example.com`, comma-separated. Set it in production.",
        ),
    ] = ()
    accept_without_party: Annotated[
        bool,
        from_env(
            "CLERK_ACCEPT_WITHOUT_PARTY",
            doc="Also accept tokens that name no origin (`azp`), such as those of mobile apps and servers.",
        ),
    ] = False
    audience: Annotated[
        tuple[str, ...],
        from_env("CLERK_AUDIENCE", doc="Accepted `aud` values, checked only for tokens that carry one."),
    ] = ()
    machine_secret_key: Annotated[
        Secret | None, from_env("CLERK_MACHINE_SECRET_KEY", doc="Verifies opaque M2M tokens.")
    ] = None
    webhook_secret: Annotated[
        Secret | None,
        from_env(
            "CLERK_WEBHOOK_SIGNING_SECRET",
            "CLERK_WEBHOOK_SECRET",
            doc="`whsec_…`: checks the signature of Clerk's webhooks.",
        ),
    ] = None
    clock_skew: Annotated[
        float, from_env("CLERK_CLOCK_SKEW", doc="Seconds that our clock and Clerk's may differ.")
    ] = 5.0
    accept_cookies: Annotated[
        bool,
        from_env(
            "CLERK_ACCEPT_COOKIES",
            doc="Also accept the `__session` cookie, with cross-site checks.",
        ),
    ] = False
    accept_templates: Annotated[
        bool,
        from_env(
            "CLERK_ACCEPT_TEMPLATES",
            doc="Also accept tokens made from a JWT template (they outlive their session).",
        ),
    ] = False
