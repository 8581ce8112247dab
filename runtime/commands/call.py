"""`annex call`: one request through the app, without a server."""

import argparse

from runtime.settings import Settings


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command accepts."""
    parser.add_argument("method", metavar="METHOD", help="such as GET")
    parser.add_argument("path", metavar="PATH", help="such as /orders/17")
    parser.add_argument("--data", metavar="JSON", help="the body")
    parser.add_argument("--as", dest="user", metavar="USER", help="the user to call as; none: no token")
    parser.add_argument("--org", metavar="ORG", help="the user's active organisation")


def run(given: argparse.Namespace, settings: Settings) -> int:
    """Send one request through the real app, in this process."""
    from runtime.dev.session import call  # not in a production image

    status, text = call(
        settings, given.method.upper(), given.path, data=given.data, user=given.user, org=given.org
    )
    print(text)
    return 0 if status < 400 else 1
