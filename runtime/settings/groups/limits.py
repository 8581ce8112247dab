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
    isolated_processes: Annotated[
        int | None,
        from_env(
            "ANNEX_ISOLATED_PROCESSES",
            doc="Processes of functions with `isolate=True` at once, of one worker; as many as cores, and at least 2. Further calls wait.",
        ),
    ] = None
    import_budget: Annotated[
        float,
        from_env(
            "ANNEX_IMPORT_BUDGET",
            doc="Seconds one function file may take to import before it is quarantined.",
        ),
    ] = 10.0
    hang_timeout: Annotated[
        float,
        from_env(
            "ANNEX_HANG_TIMEOUT",
            doc="Seconds the event loop may be blocked before the process exits, to be restarted by the platform; 0 for never, as in development.",
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
