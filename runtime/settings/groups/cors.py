"""The settings of cross-origin requests."""

from typing import Annotated

from msgspec import Struct

from runtime.settings.variable import from_env


class CorsSettings(Struct, frozen=True, kw_only=True):
    """Which web origins may read answers."""

    origins: Annotated[
        tuple[str, ...],
        from_env(
            "CORS_ORIGINS",
            doc="Exact origins and patterns such as `https://app-*-team.vercel.app`, comma-separated (`*` never crosses a dot).",
        ),
    ] = ()
    credentials: Annotated[
        bool,
        from_env("CORS_CREDENTIALS", doc="Allow cookies cross-origin; not needed for bearer tokens."),
    ] = False
    headers: Annotated[
        tuple[str, ...],
        from_env(
            "CORS_HEADERS",
            doc="Request headers that pages may send beside the usual ones, such as `X-Tenant`, comma-separated.",
        ),
    ] = ()
