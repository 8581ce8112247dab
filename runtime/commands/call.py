"""`annex call`: one request through the app, without a server."""

import argparse
import sys
from pathlib import Path

from runtime.commands.caller import caller, caller_arguments, names_somebody
from runtime.settings import Settings


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command accepts."""
    parser.add_argument("method", metavar="METHOD", help="such as GET")
    parser.add_argument("path", metavar="PATH", help="such as /orders/17")
    parser.add_argument("--data", metavar="JSON", help="the body")
    parser.add_argument(
        "--header", action="append", default=[], metavar="'NAME: VALUE'", help="a header; may be repeated"
    )
    parser.add_argument(
        "--file", action="append", default=[], metavar="FIELD=PATH", help="a file to upload; may be repeated"
    )
    caller_arguments(parser)


def run(given: argparse.Namespace, settings: Settings) -> int:
    """Send one request through the real app, in this process; as nobody unless an option says as whom."""
    from runtime.dev.session import call  # not in a production image

    headers = [tuple(part.strip() for part in each.partition(":")[::2]) for each in given.header]
    files = [(field, Path(path)) for field, _, path in (each.partition("=") for each in given.file)]
    if wrong := _wrong(given, headers, files):
        print(f"annex call: {wrong}", file=sys.stderr)
        return 2
    wanted = caller(given) if names_somebody(given) else None
    method = given.method.upper()
    status, text = call(
        settings, method, given.path, data=given.data, headers=headers, files=files, caller=wanted
    )
    print(text)
    if status == 401 and wanted is None:
        print("annex call: no token was sent; --user user_1 calls as a signed-in user.", file=sys.stderr)
    return 0 if status < 400 else 1


def _wrong(
    given: argparse.Namespace, headers: list[tuple[str, ...]], files: list[tuple[str, Path]]
) -> str | None:
    """Return what is wrong with the options, None when nothing is."""
    if given.user == "":
        return "--user must not be empty; leave it out to call as nobody."
    for text, (name, _) in zip(given.header, headers, strict=True):
        if ":" not in text or not name:
            return f"--header {text!r} is not 'NAME: VALUE'."
    for text, (field, path) in zip(given.file, files, strict=True):
        if not field or "=" not in text:
            return f"--file {text!r} is not FIELD=PATH."
        if not path.is_file():
            return f"--file {text!r}: there is no such file."
    return "--data and --file cannot be sent together." if given.data is not None and files else None
