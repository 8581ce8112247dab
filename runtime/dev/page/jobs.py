"""The jobs on the developer's page: what waits, runs and has ended, and what to do about it."""

from typing import Any, Literal

import msgspec

from runtime.app import Application
from runtime.config import Endpoint
from runtime.dev.page.example import example
from runtime.routing import InputKind, Operation
from runtime.work.desk import WorkDesk
from runtime.work.queue.runs import listed
from shared.errors import AnnexError, Unavailable
from shared.work import RunState, UnknownJob, WrongPayload

SHOWN = 50  # runs


class JobRequest(msgspec.Struct):
    """What the page asks for: `name` is the path of a job to `run`, else a run."""

    action: Literal["run", "retry", "cancel", "show"]
    name: str
    data: str | None = None


class JobsView:
    """Jobs and runs of one application."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def state(self) -> dict[str, Any]:
        """Return the jobs, and the newest runs without what they hold; no runs where there is no queue."""
        application = self._application
        faults = {fault.file: str(fault) for fault in application.table.faults}
        jobs = [_job(each.endpoint, each.operation, faults) for each in application.table.jobs]
        return {"jobs": jobs, "runs": await self._runs()}

    async def _runs(self) -> list[RunState]:
        desk, queue = self._application.desk, self._application.queue
        if queue is None or not isinstance(desk, WorkDesk):
            return []
        try:
            return listed(await queue.runs(SHOWN), desk.seal)[:SHOWN]
        except Unavailable:
            return []

    async def do(self, asked: JobRequest) -> tuple[int, Any]:
        """Do what the page asks for and return a status and an answer."""
        desk, queue = self._application.desk, self._application.queue
        if queue is None or not isinstance(desk, WorkDesk):
            return 409, {"detail": "Queued work is off: set REDIS_URL to a Valkey or Redis server."}
        try:
            match asked.action:
                case "run":
                    return 200, await desk.enqueue_by_hand(asked.name, asked.data or None)
                case "retry":
                    await queue.revive(asked.name)
                case "cancel":
                    await queue.cancel(asked.name)
            fields = await queue.read(asked.name)
            return (
                (200, desk.state(asked.name, fields))
                if fields
                else (404, {"detail": "There is no such run."})
            )
        except (UnknownJob, WrongPayload) as error:
            return 400, {"detail": str(error)}
        except AnnexError as error:
            return 409, {"detail": error.detail}


def _job(endpoint: Endpoint, operation: Operation | None, faults: dict[str, str]) -> dict[str, Any]:
    inputs = operation.inputs if operation else ()
    body = next((each.annotation for each in inputs if each.kind is InputKind.BODY), None)
    return {
        "template": endpoint.template,
        "file": endpoint.file,
        "schedule": endpoint.policy.schedule and f"{endpoint.policy.schedule} {endpoint.policy.timezone}",
        "doc": operation.doc if operation else None,
        "fault": faults.get(endpoint.file),
        "body": None if body is None else msgspec.json.format(msgspec.json.encode(example(body))).decode(),
    }
