"""`annex serve`: the service as production runs it."""

import argparse

from runtime.settings import Settings


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what a worker is told; a person gives none."""
    parser.add_argument("--worker", metavar="DESCRIPTORS", help=argparse.SUPPRESS)


def run(given: argparse.Namespace, settings: Settings) -> int:
    """Serve as production does: a parent that keeps its workers, graceful drain."""
    if not given.worker:
        from runtime.server.handover import become_parent

        become_parent(settings)
    from runtime.server.worker.work import work  # the application, which the parent does without

    return work(settings, given.worker)
