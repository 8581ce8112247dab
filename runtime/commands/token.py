"""`annex token`: a session token for development."""

import argparse
import sys

from runtime.commands.caller import caller, caller_arguments
from runtime.settings import Settings


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command accepts."""
    caller_arguments(parser)


def run(given: argparse.Namespace, settings: Settings) -> int:
    """Print a token of the development issuer."""
    from runtime.dev.session import token  # not in a production image

    wanted = caller(given)
    if settings.is_production:
        print("annex token: there is no development issuer in production.", file=sys.stderr)
        return 2
    if not wanted["user"]:
        print("annex token: --user must not be empty; the default is user_1.", file=sys.stderr)
        return 2
    print(token(settings, **wanted))
    return 0
