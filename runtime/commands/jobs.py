"""`annex jobs`: what waits, what failed for good, and what to do about it."""

import argparse
import asyncio
import sys
from typing import TYPE_CHECKING

import msgspec

from runtime.settings import Settings

if TYPE_CHECKING:
    from runtime.work.queue import Queue


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command accepts."""
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--dead", action="store_true", help="list the runs that failed for good, newest first")
    what.add_argument("--retry", metavar="RUN", help="queue a run that failed for good again")
    what.add_argument("--cancel", metavar="RUN", help="end a run")
    what.add_argument("--show", metavar="RUN", help="print what is kept of a run")


def run(given: argparse.Namespace, settings: Settings) -> int:
    """List queued work; show, retry or cancel one run."""
    from shared.errors import Unavailable

    if settings.redis_url is None:
        print("annex jobs: REDIS_URL is not set. Set it to the service's Valkey or Redis.", file=sys.stderr)
        return 1
    try:
        return asyncio.run(_answer(given, settings))
    except Unavailable as error:
        print(f"annex jobs: {error.detail}", file=sys.stderr)
        return 1


async def _answer(given: argparse.Namespace, settings: Settings) -> int:
    from runtime.work.queue import Queue

    assert settings.redis_url is not None  # noqa: S101  # checked by `run`
    queue = Queue.from_url(settings.redis_url)
    try:
        if given.retry:
            return _said(
                await queue.revive(given.retry), f"{given.retry} is queued again", "no such dead letter"
            )
        if given.cancel:
            is_known = bool(await queue.read(given.cancel))
            await queue.cancel(given.cancel)
            return _said(is_known, f"{given.cancel} is ended, or ends within seconds", "no such run")
        if given.show:
            return await _show(queue, given.show)
        lines = (
            [await _line(queue, each) for each in await queue.dead()] if given.dead else await _depths(queue)
        )
        print("\n".join(lines) or ("no dead letters" if given.dead else "nothing was ever queued"))
        return 0
    finally:
        await queue.close()


def _said(done: bool, success: str, failure: str) -> int:  # noqa: FBT001  # one outcome
    print(success if done else f"annex jobs: {failure}", file=sys.stdout if done else sys.stderr)
    return 0 if done else 1


async def _depths(queue: "Queue") -> list[str]:
    found = sorted(await queue.depths())
    return [
        f"{each.job}: {each.waiting} waiting, {each.running} running, oldest {each.oldest:.0f} s"
        for each in found
    ]


async def _line(queue: "Queue", run_id: str) -> str:
    from runtime.work.runs import state_of

    fields = await queue.read(run_id)
    if not fields:
        return f"{run_id}: its time is over"
    state = state_of(run_id, fields)
    code = state.error.code if state.error else ""
    return f"{run_id} {state.job} {state.finished_at:%Y-%m-%d %H:%M:%S}Z, {state.tries} tries: {code}"


async def _show(queue: "Queue", run_id: str) -> int:
    from runtime.work.runs import state_of

    fields = await queue.read(run_id)
    if not fields:
        return _said(False, "", "no such run")  # noqa: FBT003
    print(msgspec.json.format(msgspec.json.encode(state_of(run_id, fields)), indent=2).decode())
    return 0
