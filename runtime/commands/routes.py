"""`annex routes`: the route table."""

import argparse
import sys

from runtime.commands.table import table_to_show
from runtime.routing.display import as_json, as_text
from runtime.routing.extensions.listing import extended
from runtime.routing.own_settings import as_dotenv
from runtime.settings import Settings


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command accepts."""
    parser.add_argument("--json", action="store_true", help="for machines")
    parser.add_argument(
        "--settings", action="store_true", help="the functions' own variables instead, as a .env.example"
    )


def run(given: argparse.Namespace, settings: Settings) -> int:
    """Print the route table."""
    table = extended(table_to_show(settings), budget=settings.limits.import_budget)
    if given.settings:
        print(as_dotenv(table, settings.own))
        return 0
    print(as_json(table) if given.json else as_text(table, colour=sys.stdout.isatty()))
    return 0
