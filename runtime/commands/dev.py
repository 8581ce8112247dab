"""`annex dev`: the service with everything that production gets from elsewhere."""

import argparse

from runtime.settings import Settings


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command accepts."""
    parser.add_argument("--traces", action="store_true", help="print the waterfall of each request")


def run(given: argparse.Namespace, settings: Settings) -> int:
    """Serve with hot swap, an embedded database and a development issuer."""
    from runtime.dev.session import serve  # not in a production image

    return serve(settings, traces=given.traces)
