"""`annex work`: a worker for queued work, beside the service or in one of its own."""

import argparse
import asyncio
import os
import signal
import sys

from runtime.settings import Settings
from shared.secret import Secret

CLOSING = 10.0  # seconds after its drain in which a worker closes what is open


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command accepts."""
    parser.add_argument(
        "--worker", help=argparse.SUPPRESS
    )  # given to the child process, with its keeper's id
    parser.add_argument("--drain", type=float, help=argparse.SUPPRESS)  # seconds, from the keeper
    parser.add_argument("--parent", type=int, default=0, help=argparse.SUPPRESS)  # with which it ends


def run(given: argparse.Namespace, settings: Settings) -> int:
    """Do queued work until SIGTERM: jobs, schedules, what is to be tried again."""
    if settings.redis_url is None:
        print("annex work: REDIS_URL is not set. Set it to a Valkey or Redis server.", file=sys.stderr)
        return 1
    return _work(given, settings) if given.worker else _keep(given, settings, settings.redis_url)


def _keep(given: argparse.Namespace, settings: Settings, url: Secret) -> int:
    from runtime.telemetry import configure_logging
    from runtime.work.worker.keeper import Keeper, end_with_parent

    if given.parent:
        end_with_parent(given.parent)
    configure_logging(settings.telemetry, production=settings.is_production)
    drain = settings.limits.drain_timeout
    program = [sys.executable, "-m", "runtime.commands.cli", "work", "--parent", str(os.getpid())]
    program += ["--drain", str(drain), "--worker"]
    budget = drain + CLOSING
    Keeper(url, lambda name: [*program, name], lease=settings.work.lease, stop_budget=budget).run()
    return 0


def _work(given: argparse.Namespace, settings: Settings) -> int:
    from msgspec.structs import replace

    from runtime.app import BrokenFunctions, create_app
    from runtime.rehearsal import rehearse
    from runtime.server.process import end_now
    from runtime.telemetry import configure_logging, unblocked
    from runtime.work.worker.keeper import end_with_parent

    end_with_parent(given.parent)

    async def work() -> None:
        async with application.running():
            worker = application.worker(given.worker)
            loop = asyncio.get_running_loop()
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, worker.stop)
            await worker.run(drain=given.drain)
        end_now(0)  # a thread that does not end would hold the process

    with unblocked():
        configure_logging(settings.telemetry, production=settings.is_production)
        try:
            refused = rehearse(settings.functions, budget=settings.limits.import_budget)
            # A job may hold the loop for as long as it likes: nobody waits, and the keeper has its lease.
            limits = replace(settings.limits, stall=0, hang_timeout=0)
            application = create_app(replace(settings, limits=limits), refused=refused)
        except BrokenFunctions as error:
            print(error, file=sys.stderr)
            return 1
        asyncio.run(work())
    return 0
