"""The settings of what a process takes on."""

from typing import Annotated

from msgspec import Struct

from runtime.settings.variable import from_env


class LimitSettings(Struct, frozen=True, kw_only=True):
    """What the service as a whole takes on."""

    workers: Annotated[
        str, from_env("ANNEX_WORKERS", doc="Processes that serve; `auto` is one for each core.")
    ] = "1"
    spare: Annotated[
        bool,
        from_env(
            "ANNEX_SPARE",
            doc="Keep one more process that has imported everything and stands by; without it the place of a worker is empty while another one starts. `false` saves its memory.",
        ),
    ] = True
    max_connections: Annotated[int, from_env("ANNEX_MAX_CONNECTIONS", doc="Open sockets of one worker.")] = (
        2000
    )
    max_concurrency: Annotated[
        int,
        from_env(
            "ANNEX_MAX_CONCURRENCY",
            doc="Concurrent requests of one worker; the rest get 503 with Retry-After.",
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
    stall: Annotated[
        float,
        from_env(
            "ANNEX_STALL",
            doc="Seconds that one step of an `async def` function (the code between two awaits) may hold the event loop before it is interrupted; a worker that is still silent a second later is replaced. 0 for never.",
        ),
    ] = 2.0
    hang_timeout: Annotated[
        float,
        from_env(
            "ANNEX_HANG_TIMEOUT",
            doc="Seconds for which a worker's event loop may be blocked at most before it is replaced, where `ANNEX_STALL` has not ended it; 0 for never, as in development.",
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
