"""Work that outlives the request, as functions speak of it: `Jobs` queues it, `Run` is one try at it."""

from shared.work.jobs import Desk, Jobs, NoDesk, UnknownJob, WrongPayload
from shared.work.run import Run, RunError, RunState

__all__ = ["Desk", "Jobs", "NoDesk", "Run", "RunError", "RunState", "UnknownJob", "WrongPayload"]
