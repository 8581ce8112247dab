"""`annex routes`: the route table."""

import argparse
import sys

from runtime.routing import discover
from runtime.routing.display import as_json, as_text
from runtime.routing.extensions.listing import extended
from runtime.settings import Settings


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command accepts."""
    parser.add_argument("--json", action="store_true", help="for machines")


def run(given: argparse.Namespace, settings: Settings) -> int:
    """Print the route table."""
    budget = settings.limits.import_budget
    table = extended(discover(settings.functions, import_budget=budget), budget=budget)
    print(as_json(table) if given.json else as_text(table, colour=sys.stdout.isatty()))
    return 0
