"""Why a run ended, and how its reader learns it."""

from shared.agents.events import RunDone, RunFailed, StopReason, TokenUsage
from shared.errors import AnnexError

type Ending = StopReason | AnnexError


def ending_name(ending: Ending | None) -> str:
    """Return what spans and metrics call an ending; none yet is a run that was cancelled."""
    ending = ending or "cancelled"
    return ending.code if isinstance(ending, AnnexError) else ending


def last_event_of(ending: Ending | None, usage: TokenUsage) -> RunDone | RunFailed:
    """Return the last event of a run that ended so."""
    ending = ending or "cancelled"
    if not isinstance(ending, AnnexError):
        return RunDone(stop_reason=ending, usage=usage)
    retryable = ending.retry_after is not None
    return RunFailed(code=ending.code, detail=ending.detail, retryable=retryable, usage=usage)
