"""A worker from its import to its end."""

import logging
import sys

from runtime.app import BrokenFunctions, create_app
from runtime.rehearsal import forked, rehearse
from runtime.server.descriptors import raise_limit
from runtime.server.ending import end_now
from runtime.server.handover import worker_count
from runtime.server.interpreter import settle
from runtime.server.late_imports import import_late
from runtime.server.parent.refusal import no_process
from runtime.server.process import run
from runtime.server.worker.forks import contain_forks
from runtime.server.worker.link import Link
from runtime.server.worker.share import share
from runtime.settings import Settings
from runtime.telemetry import configure_logging, unblocked

logger = logging.getLogger(__name__)

PARTS = 2  # in which many files are tried at a time, where there is a core for each
ALONE = (
    "%d workers without REDIS_URL: each knows its own rate limits, webhook deliveries and agent runs alone; "
    "set REDIS_URL"
)


def work(settings: Settings, descriptors: str) -> int:
    """Import everything, stand by, serve when called; return the exit status.

    Args:
        settings: of the service.
        descriptors: what the parent has opened for this worker.
    """
    link = Link.open(descriptors)
    refused = link.refused
    if refused is None:  # before there is a second thread, with which a process must not fork
        try:
            parts = min(PARTS, worker_count("auto"))
            refused = rehearse(
                settings.functions, budget=settings.limits.import_budget, start=forked, parts=parts
            )
        except OSError as error:
            sys.stderr.write(f"Cannot try the function files in a child process: {no_process(error)}.\n")
            return 1
        link.say(refused=refused)
    with unblocked():
        link.note_crashes()  # again: whoever enables faulthandler decides where it writes
        mine = share(settings, number=link.number, workers=link.workers, secret=link.secret)
        configure_logging(mine.telemetry, production=mine.is_production)
        raise_limit()
        import_late()
        try:
            application = create_app(mine, recorded=link.recorded, refused=refused)
        except BrokenFunctions as error:
            sys.stderr.write(f"{error}\n")
            return 1
        settle()
        contain_forks()
        if link.workers > 1 and link.number == 1 and settings.redis_url is None:
            logger.warning(ALONE, link.workers)
        link.say(jobs=application.has_work)
        state = link.stand_by()
        if state is None:
            return 0
        application.service = state
        application.alive = link.beat
        application.isolated.is_in_haste = link.is_in_haste
        application.close(state["closed"])
        if not run(application, mine, link):
            end_now(0)
    return 0
