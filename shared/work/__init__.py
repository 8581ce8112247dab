"""Work that outlives the request, as functions speak of it: `Jobs` queues it, `Run` is one try at it."""

from shared.work.jobs import Desk, Jobs, NoDesk, UnknownJob, WrongPayload
from shared.work.run import (
    MAX_RESULT,
    Asleep,
    Run,
    RunBook,
    RunError,
    RunState,
    RunTakenOver,
    SavedRun,
    StepTooLarge,
)
from shared.work.standby import Call, Standby

__all__ = [
    "MAX_RESULT",
    "Asleep",
    "Call",
    "Desk",
    "Jobs",
    "NoDesk",
    "Run",
    "RunBook",
    "RunError",
    "RunState",
    "RunTakenOver",
    "SavedRun",
    "Standby",
    "StepTooLarge",
    "UnknownJob",
    "WrongPayload",
]
