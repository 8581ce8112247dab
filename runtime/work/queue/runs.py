"""What is kept of a run, as it is written and read."""

import contextlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from runtime.work.queue.queue import RunFields
from runtime.work.queue.seal import FIELDS, Seal
from shared.agents.holder import Holder
from shared.errors import Unavailable
from shared.identity import Claims, User
from shared.work import RunError, RunState

_holder = msgspec.json.Decoder(Holder).decode
_user = msgspec.json.Decoder(User).decode
_error = msgspec.json.Decoder(RunError).decode

NOBODY = b""


def identity_of(caller: User | None) -> bytes:
    """Return a caller as a run keeps it."""
    return NOBODY if caller is None else msgspec.json.encode(caller)


def caller_of(fields: RunFields) -> User | None:
    """Return as whom a run is done."""
    if fields["user"] == NOBODY:
        return None
    user = _user(fields["user"])
    return msgspec.structs.replace(user, claims=Claims(user.claims))


def holder_of(fields: RunFields) -> Holder | None:
    """Return who may read a run, None for nobody."""
    return _holder(fields["holder"]) if fields.get("holder") else None


def state_of(run_id: str, fields: RunFields) -> RunState:
    """Return what its caller learns of a run."""
    return RunState(
        id=run_id,
        job=fields["path"].decode(),
        state=_state(fields["state"]),
        progress=float(fields.get("progress", b"0")),
        result=msgspec.json.decode(fields["result"]) if fields.get("result") else None,
        error=_error(fields["error"]) if fields.get("error") else None,
        tries=int(fields["tries"]),
        queued_at=_moment(fields["queued"]),
        started_at=_moment(fields["started"]) if "started" in fields else None,
        finished_at=_moment(fields["finished"]) if "finished" in fields else None,
    )


def listed(
    runs: Mapping[str, RunFields], seal: Seal, *, job: str | None = None, state: str | None = None
) -> list[RunState]:
    """Return runs without payloads and results, the newest first; of one job's file, in one state."""
    states = [
        state_of(run_id, _overview(run_id, fields, seal))
        for run_id, fields in runs.items()
        if job is None or fields["job"].decode() == job
    ]
    found = [each for each in states if state is None or each.state == state]
    return sorted(found, key=lambda each: each.queued_at, reverse=True)


def _overview(run_id: str, fields: RunFields, seal: Seal) -> RunFields:
    """Return what is not sealed, with the error where this process can open it."""
    found = {name: value for name, value in fields.items() if name not in FIELDS}
    with contextlib.suppress(Unavailable):
        found["error"] = seal.open(run_id, "error", fields.get("error", b""))
    return found


def _state(value: bytes) -> Any:
    """One that is held for a transaction is queued, as far as its caller can see."""
    return "queued" if value == b"held" else value.decode()


def _moment(milliseconds: bytes) -> datetime:
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC)
