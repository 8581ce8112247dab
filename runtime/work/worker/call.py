"""One try of a job: its function is called as for a request, with the payload as body and no socket.

So is a function whose call is made again, with what is kept of its request.
"""

import asyncio
import time
from typing import Any

import msgspec

from runtime.asgi.invocation import AGAIN_KEY, RUN_KEY, SCOPE_KEY, Invocation, current
from runtime.asgi.messages import Message
from runtime.gate.call import GRACE, call_function
from runtime.gate.leftovers import Reaper
from runtime.work.catalogue import Found
from runtime.work.kept_call import KeptCall
from runtime.work.queue.queue import Taken
from runtime.work.queue.runs import caller_of
from shared.work import MAX_RESULT, Run, RunBook


class CallFailed(Exception):
    """The stream of a call that was made again ended with an error of its function."""


class ResultTooLarge(Exception):
    """A job returned more than a run can keep."""


def invocation_of(run: Taken) -> Invocation:
    """Return the record of a try; the run's id stands where a request has its own."""
    invocation = Invocation(request_id=run.id, client="", method="JOB", started=time.perf_counter())
    invocation.auth = "job"
    return invocation


async def call(
    found: Found,
    run: Taken,
    invocation: Invocation,
    app: Any,
    reaper: Reaper,
    book: RunBook,
) -> bytes:
    """Do one try and return its result as JSON.

    Args:
        found: the job.
        run: what was queued, opened.
        invocation: of this try.
        app: the Litestar application, whose state holds what functions ask for.
        reaper: ends the tasks that it leaves behind.
        book: where the try is written down.

    Raises:
        Exception: whatever the job raised, or that it took too long.
    """
    endpoint = found.route.endpoint
    again = msgspec.json.decode(run.fields["data"], type=KeptCall) if endpoint.method != "JOB" else None
    seconds = endpoint.policy.timeout + (again.seconds if again else 0)
    invocation.user = caller_of(run.fields)
    invocation.endpoint = endpoint
    invocation.deadline = asyncio.get_running_loop().time() + seconds
    current.set(invocation)
    path = run.fields["path"].decode()
    scope: dict[str, Any] = {
        "type": "http",
        "method": endpoint.method,
        "path": path,
        "raw_path": path.encode(),
        "path_template": endpoint.template,
        "path_params": again.values if again else found.values,
        "query_string": again.query if again else b"",
        "headers": [(b"content-type", b"application/json"), *(again.headers if again else ())],
        "app": app,
        "litestar_app": app,
        SCOPE_KEY: invocation,
        AGAIN_KEY if again else RUN_KEY: Run(run.id, run.number, book),
    }
    body = again.body if again else run.fields["data"] or _nothing(found)
    answer = _Answer(is_kept=again is None)
    function = call_function(found.made(), reaper=reaper, stream=False, watch=False, grace=GRACE)
    await function(scope, _Payload(body).receive, answer.send)
    if again and invocation.error:
        raise CallFailed(invocation.error)
    if len(answer.body) > MAX_RESULT:
        raise ResultTooLarge(f"The job returned {len(answer.body)} bytes; a run keeps {MAX_RESULT}.")
    return bytes(answer.body) or b"null"


def _nothing(found: Found) -> bytes:
    """A schedule sends no fields."""
    return b"{}" if found.route.endpoint.policy.schedule else b""


class _Payload:
    """What a job reads as its body."""

    def __init__(self, body: bytes) -> None:
        self._messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive(self) -> Message:
        return self._messages.pop() if self._messages else {"type": "http.disconnect"}


class _Answer:
    """Collects what a job returns; of a call that is made again, nothing: its readers have the run."""

    def __init__(self, *, is_kept: bool) -> None:
        self.body = bytearray()
        self._is_kept = is_kept

    async def send(self, message: Message) -> None:
        if self._is_kept:
            self.body += message.get("body", b"")
