"""Who calls in `annex token` and `annex call`: the same person with the same options."""

import argparse

from runtime.dev.caller import DevelopmentCaller

USER, ORGANIZATION, ROLE = "user_1", "org_1", "org:admin"


def caller_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options that say who is calling."""
    parser.add_argument("--user", "--as", dest="user", metavar="USER", help=f"such as {USER}")
    parser.add_argument("--org", metavar="ORG", help=f"active organisation ({ORGANIZATION}); empty for none")
    parser.add_argument("--role", metavar="ROLE", help=f"in that organisation ({ROLE})")
    parser.add_argument(
        "--permissions",
        metavar="LIST",
        help="comma-separated, empty for none; all that functions ask for by default",
    )


def caller(given: argparse.Namespace) -> DevelopmentCaller:
    """Return who is calling, with the defaults of both commands."""
    return DevelopmentCaller(
        user=USER if given.user is None else given.user,
        org=ORGANIZATION if given.org is None else given.org,
        role=given.role or ROLE,
        permissions=given.permissions,
    )


def names_somebody(given: argparse.Namespace) -> bool:
    """Whether any of the options was given."""
    return any(value is not None for value in (given.user, given.org, given.role, given.permissions))
