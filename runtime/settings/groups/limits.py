"""The settings of what a process takes on."""

from typing import Annotated

from msgspec import Struct

from runtime.settings.variable import from_env


class LimitSettings(Struct, frozen=True, kw_only=True):
    """What the service as a whole takes on."""

    max_connections: Annotated[int, from_env("ANNEX_MAX_CONNECTIONS", doc="Open sockets of one process.")] = (
        2000
    )
    max_concurrency: Annotated[
        int,
        from_env(
            "ANNEX_MAX_CONCURRENCY",
            doc="Concurrent requests of one process; the rest get 503 with Retry-After.",
        ),
    ] = 400
    import_budget: Annotated[
        float,
        from_env(
            "ANNEX_IMPORT_BUDGET",
            doc="Seconds one function file may take to import before it is quarantined.",
        ),
    ] = 10.0
    stall: Annotated[
        float,
        from_env(
            "ANNEX_STALL",
            doc="Seconds that one step of an `async def` function (the code between two awaits) may hold the event loop before it is interrupted; 0 for never.",
        ),
    ] = 2.0
    hang_timeout: Annotated[
        float,
        from_env(
            "ANNEX_HANG_TIMEOUT",
            doc="Seconds the event loop may be blocked, by what cannot be interrupted, before the process exits, to be restarted by the platform; 0 for never, as in development.",
        ),
    ] = 60.0
    drain_timeout: Annotated[
        float,
        from_env(
            "ANNEX_DRAIN_TIMEOUT",
            doc="Seconds in-flight requests get after SIGTERM; keep it below Railway's draining seconds.",
        ),
    ] = 20.0
    drain_delay: Annotated[
        float,
        from_env(
            "ANNEX_DRAIN_DELAY",
            doc="Seconds to keep accepting requests after SIGTERM, sending `Connection: close`, so that keep-alive clients move to the new deployment; none in development.",
        ),
    ] = 3.0
