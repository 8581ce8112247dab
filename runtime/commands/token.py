"""`annex token`: a session token for development."""

import argparse
import sys

from runtime.settings import Settings


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command accepts."""
    parser.add_argument("--user", default="user_1", metavar="USER")
    parser.add_argument("--org", default="org_1", metavar="ORG", help="active organisation; empty for none")
    parser.add_argument("--role", default="org:admin", metavar="ROLE")
    parser.add_argument(
        "--permissions", metavar="LIST", help="comma-separated; all that functions ask for by default"
    )


def run(given: argparse.Namespace, settings: Settings) -> int:
    """Print a token of the development issuer."""
    from runtime.dev.session import token  # not in a production image

    if settings.is_production:
        print("annex token: there is no development issuer in production.", file=sys.stderr)
        return 2
    if not given.user:
        print("annex token: --user must not be empty; the default is user_1.", file=sys.stderr)
        return 2
    print(token(settings, user=given.user, org=given.org, role=given.role, permissions=given.permissions))
    return 0
