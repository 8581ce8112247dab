"""`annex routes`: the route table."""

import argparse
import sys

from runtime.commands.table import table_to_show
from runtime.routing.display import as_json, as_text
from runtime.routing.extensions.listing import extended
from runtime.settings import Settings


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command accepts."""
    parser.add_argument("--json", action="store_true", help="for machines")


def run(given: argparse.Namespace, settings: Settings) -> int:
    """Print the route table."""
    table = extended(table_to_show(settings), budget=settings.limits.import_budget)
    print(as_json(table) if given.json else as_text(table, colour=sys.stdout.isatty()))
    return 0
