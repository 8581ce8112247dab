"""`annex dev`: the service with everything that production gets from elsewhere."""

import argparse
import sys
from pathlib import Path

from runtime.settings import Settings
from runtime.settings.project import read_project


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command accepts."""
    parser.add_argument(
        "--into",
        type=Path,
        metavar="FOLDER",
        help="the folder of the app whose client is rewritten on save; [tool.annex] client by default",
    )
    parser.add_argument(
        "--with", dest="command", metavar="COMMAND", help="also run this in the app, such as 'npm run dev'"
    )
    parser.add_argument("--traces", action="store_true", help="print the waterfall of each request")


def run(given: argparse.Namespace, settings: Settings) -> int:
    """Serve with hot swap, an embedded database and a development issuer."""
    from runtime.dev.beside import app_of
    from runtime.dev.session import serve  # not in a production image

    app = given.into.resolve() if given.into else read_project(settings.functions.resolve().parent).client
    folder = app_of(app) if app else Path()
    if given.command and not folder.is_dir():
        print(f"annex dev: --with: there is no folder {folder}.", file=sys.stderr)
        return 2
    return serve(settings, traces=given.traces, client=app, command=given.command)
