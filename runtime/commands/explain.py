"""`annex explain`: the policy of one endpoint."""

import argparse

from runtime.commands.table import table_to_show
from runtime.routing.display import explanation
from runtime.routing.own_settings import variables_of
from runtime.settings import Settings


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command accepts."""
    parser.add_argument("method", metavar="METHOD", help="such as GET")
    parser.add_argument("path", metavar="PATH", help="such as /orders/{id} or /orders/17")


def run(given: argparse.Namespace, settings: Settings) -> int:
    """Print one endpoint's policy and the origin of each value."""
    table = table_to_show(settings)
    text = explanation(
        table,
        given.method.upper(),
        given.path,
        stall=settings.limits.stall,
        is_shared=settings.redis_url is not None,
    )
    print(text or f"{given.method.upper()} {given.path}: no such route; `annex routes` lists them.")
    found = table.find(given.method.upper(), given.path)
    for file, variable in variables_of(table, settings.own):
        if found and file == found[0].endpoint.file:
            default = "not set" if variable.default is None else f"default {variable.default or 'None'}"
            print(f"  {variable.name:<20} {'set' if variable.is_set else default:<26} {variable.kind}")
    return 0 if text else 1
