"""`annex client`: the contract and the TypeScript client."""

import argparse
import sys
from pathlib import Path

from runtime.bridge import artefacts
from runtime.bridge.describable import divide
from runtime.commands.table import table_of
from runtime.settings import Settings
from runtime.settings.project import read_project


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command accepts."""
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 when something is out of date"
    )
    parser.add_argument(
        "--into",
        type=Path,
        metavar="FOLDER",
        help="the folder of the app that gets the client; [tool.annex] client by default",
    )


def run(given: argparse.Namespace, settings: Settings) -> int:
    """Write the contract and the TypeScript client from the functions, or check that they are up to date."""
    root = settings.functions.resolve().parent
    table = table_of(settings)
    if faults := [*table.faults, *divide(table.described)[1]]:
        print("annex client: some functions are broken, so the contract would lose them:", file=sys.stderr)
        print(*faults, sep="\n", file=sys.stderr)
        return 1
    app = given.into.resolve() if given.into else read_project(root).client
    if given.check:
        stale = artefacts.stale(root, table.described, app=app)
        lines = [f"{path} is out of date; run `annex client` and commit the result." for path in stale]
        print(*(lines or ["contract and TypeScript client are up to date"]), sep="\n")
        return 1 if stale else 0
    lines = [f"wrote {path}" for path in artefacts.write(root, table.described, app=app)]
    print(*(lines or ["contract and TypeScript client were already up to date"]), sep="\n")
    return 0
