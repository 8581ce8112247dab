"""`annex jobs`: what waits, what runs, what failed for good, and what to do about it."""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import msgspec

from runtime.settings import Settings

if TYPE_CHECKING:
    from runtime.work.desk import WorkDesk
    from runtime.work.queue.queue import Queue
    from shared.work import RunState

STATES = ("queued", "running", "done", "failed", "cancelled")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command accepts."""
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--list", action="store_true", help="list runs, the newest first")
    what.add_argument("--dead", action="store_true", help="list the runs that failed for good")
    what.add_argument("--show", metavar="RUN", help="print what is kept of a run")
    what.add_argument("--retry", metavar="RUN", help="queue a run that failed for good again")
    what.add_argument("--cancel", metavar="RUN", help="end a run")
    what.add_argument("--run", metavar="PATH", help="queue a job by hand, as nobody")
    parser.add_argument("--data", metavar="JSON", help="what a job takes that is queued by hand")
    parser.add_argument("--job", metavar="PATH", help="list runs of this file alone")
    parser.add_argument("--state", choices=STATES, help="list runs in this state alone")
    parser.add_argument("--limit", type=int, default=50, help="runs that are listed (50)")


def run(given: argparse.Namespace, settings: Settings) -> int:
    """List queued work; show, retry, cancel or queue one run."""
    from shared.errors import Forbidden, Unavailable
    from shared.work import UnknownJob, WrongPayload

    if settings.redis_url is None:
        print("annex jobs: REDIS_URL is not set. Set it to the service's Valkey or Redis.", file=sys.stderr)
        return 1
    try:
        return asyncio.run(_answer(given, settings))
    except Forbidden:
        text = f"the job at {given.run!r} takes a caller; queue it from a function instead"
    except (UnknownJob, WrongPayload) as error:
        text = str(error)
    except Unavailable as error:
        text = error.detail
    print(f"annex jobs: {text}", file=sys.stderr)
    return 1


async def _answer(given: argparse.Namespace, settings: Settings) -> int:
    from runtime.work.queue.queue import Queue

    assert settings.redis_url is not None  # noqa: S101  # checked by `run`
    queue = Queue.from_url(settings.redis_url)
    actions: dict[str, Callable[[WorkDesk, Queue, argparse.Namespace], Awaitable[int]]] = {
        "retry": _retry,
        "cancel": _cancel,
        "show": _show,
        "run": _run,
    }
    chosen = [action for name, action in actions.items() if getattr(given, name)]
    is_filtered = given.list or given.dead or given.job or given.state
    action = chosen[0] if chosen else _list if is_filtered else _depths
    try:
        return await action(_desk(queue, settings, needs_files=bool(given.run)), queue, given)
    finally:
        await queue.close()


def _desk(queue: "Queue", settings: Settings, *, needs_files: bool) -> "WorkDesk":
    from opentelemetry.trace import get_tracer

    from runtime.commands.table import table_of
    from runtime.routing import RouteTable
    from runtime.work.desk import WorkDesk
    from runtime.work.queue.seal import Seal

    table = table_of(settings) if needs_files else RouteTable(settings.functions, (), ())
    kept = settings.work.runs_kept
    return WorkDesk(
        queue,
        lambda: table,
        lambda *_: False,
        kept=kept,
        tracer=get_tracer("annex"),
        seal=Seal.of(settings),
    )


async def _retry(_: "WorkDesk", queue: "Queue", given: argparse.Namespace) -> int:
    is_done = await queue.revive(given.retry)
    return _said(f"{given.retry} is queued again", "" if is_done else "no such dead letter")


async def _cancel(_: "WorkDesk", queue: "Queue", given: argparse.Namespace) -> int:
    is_known = bool(await queue.read(given.cancel))
    await queue.cancel(given.cancel)
    return _said(f"{given.cancel} is ended, or ends within seconds", "" if is_known else "no such run")


async def _run(desk: "WorkDesk", _: "Queue", given: argparse.Namespace) -> int:
    state = await desk.enqueue_by_hand(given.run, given.data)
    return _said(f"{state.id} is queued", "")


async def _show(desk: "WorkDesk", queue: "Queue", given: argparse.Namespace) -> int:
    fields = await queue.read(given.show)
    if not fields:
        return _said("", "no such run")
    state = desk.state(given.show, fields)
    return _said(msgspec.json.format(msgspec.json.encode(state), indent=2).decode(), "")


async def _depths(_: "WorkDesk", queue: "Queue", given: argparse.Namespace) -> int:  # noqa: ARG001  # as the others
    lines = [
        f"{each.job}: {each.waiting} waiting, {each.running} running, oldest {each.oldest:.0f} s"
        for each in sorted(await queue.depths())
    ]
    return _said("\n".join(lines) or "nothing was ever queued", "")


async def _list(desk: "WorkDesk", queue: "Queue", given: argparse.Namespace) -> int:
    from runtime.work.queue.runs import listed

    state = "failed" if given.dead else given.state
    found = listed(await queue.runs(given.limit), desk.seal, job=given.job, state=state)[: given.limit]
    return _said("\n".join(_line(each) for each in found) or "no such runs", "")


def _line(run: "RunState") -> str:
    why = f": {run.error.code}" if run.error else ""
    return f"{run.id} {run.state:9} {run.job} {run.queued_at:%Y-%m-%d %H:%M:%S}Z, tries: {run.tries}{why}"


def _said(success: str, failure: str) -> int:
    if failure:
        print(f"annex jobs: {failure}", file=sys.stderr)
        return 1
    print(success)
    return 0
