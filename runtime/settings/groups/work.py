"""The settings of queued work."""

from typing import Annotated

from msgspec import Struct

from runtime.settings.variable import from_env


class WorkSettings(Struct, frozen=True, kw_only=True):
    """How queued work is done."""

    is_served: Annotated[
        bool,
        from_env(
            "ANNEX_JOBS",
            doc="`annex serve` also does queued work; set false where `annex work` runs elsewhere.",
        ),
    ] = True
    at_once: Annotated[int, from_env("ANNEX_JOBS_AT_ONCE", doc="Jobs that one worker does at once.")] = 10
    lease: Annotated[
        float,
        from_env(
            "ANNEX_JOB_LEASE",
            doc="Seconds after which the work of a worker that is silent is given to another; at least 1.",
        ),
    ] = 15.0
    backoff: Annotated[
        float,
        from_env(
            "ANNEX_JOB_BACKOFF",
            doc="Seconds before a job is tried again; doubled with each try, up to an hour.",
        ),
    ] = 5.0
    runs_kept: Annotated[
        int, from_env("ANNEX_RUNS_KEPT", doc="Seconds for which runs, results and dead letters are kept.")
    ] = 604800
