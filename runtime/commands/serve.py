"""`annex serve`: the service as production runs it."""

import argparse
import sys

from runtime.app import BrokenFunctions, create_app
from runtime.server.interpreter import settle
from runtime.server.process import end_now
from runtime.server.process import run as run_server
from runtime.settings import Settings
from runtime.telemetry import configure_logging, unblocked


def arguments(_: argparse.ArgumentParser) -> None:
    """Declare none."""


def run(_: argparse.Namespace, settings: Settings) -> int:
    """Serve as production does: one process, graceful drain."""
    with unblocked():
        configure_logging(settings.telemetry, production=settings.is_production)
        try:
            application = create_app(settings)
        except BrokenFunctions as error:
            print(error, file=sys.stderr)
            return 1
        if settings.work.is_served and application.queue is not None and application.table.jobs:
            application.have_worker_beside()
        settle()
        if not run_server(application, settings):
            end_now(0)
    return 0
