"""The `annex` command: each subcommand a few lines that call a room.

Exit statuses: 0 fine, 1 something is wrong and was said, 2 the command line or the settings cannot be used.
"""

import argparse
import asyncio
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

from runtime.settings import Settings, SettingsError, from_environment

type Command = Callable[[argparse.Namespace, Settings], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    given = _parser().parse_args(arguments)
    from runtime.auth import check_clerk

    try:
        return int(given.run(given, from_environment(given.defaults, checks=[check_clerk])))
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def dev(given: argparse.Namespace, settings: Settings) -> int:
    """Serve with everything brought along: database, issuer, hot swap."""
    from runtime.dev.session import serve

    return serve(settings, traces=given.traces)


def serve(_: argparse.Namespace, settings: Settings) -> int:
    """Serve as production does: one process, graceful drain."""
    from runtime.app import BrokenFunctions, create_app
    from runtime.server import end_now, run
    from runtime.telemetry import configure_logging

    configure_logging(settings.telemetry, production=settings.is_production)
    try:
        application = create_app(settings)
    except BrokenFunctions as error:
        print(error, file=sys.stderr)
        return 1
    if not run(application, settings):
        end_now(0)
    return 0


def client(given: argparse.Namespace, settings: Settings) -> int:
    """Write the contract and the TypeScript client from the functions, or verify that they are fresh."""
    from runtime.bridge import artefacts
    from runtime.routing import discover

    root = settings.functions.resolve().parent
    table = discover(settings.functions, import_budget=settings.limits.import_budget)
    if table.faults:
        print("annex client: some functions are broken, so the contract would lose them:", file=sys.stderr)
        print(*table.faults, sep="\n", file=sys.stderr)
        return 1
    if given.check:
        for path in (stale := artefacts.stale(root, table.operations)):
            print(f"{path} is stale; run `annex client` and commit what it writes.")
        return 1 if stale else 0
    for path in artefacts.write(root, table.operations):
        print(f"wrote {path}")
    if given.into:
        for path in artefacts.copy_into(given.into, root):
            print(f"copied {path}")
    return 0


def routes(given: argparse.Namespace, settings: Settings) -> int:
    """Print the route table."""
    from runtime.routing import discover
    from runtime.routing.display import as_json, as_text

    table = discover(settings.functions, import_budget=settings.limits.import_budget)
    print(as_json(table) if given.json else as_text(table, colour=sys.stdout.isatty()))
    return 0


def check(given: argparse.Namespace, settings: Settings) -> int:
    """Say everything that can be known without a request."""
    from runtime.check import check as examine
    from runtime.check import check_database
    from runtime.routing import discover
    from runtime.routing.lock import write

    if given.update_lock:
        write(settings.functions, discover(settings.functions))
    findings = examine(settings, since=given.contract)
    if given.database:
        findings += asyncio.run(check_database(settings))
    for finding in findings:
        print(finding.rendered(colour=sys.stdout.isatty()))
    return 1 if any(finding.is_fault for finding in findings) else 0


def explain(given: argparse.Namespace, settings: Settings) -> int:
    """Print one endpoint's policy and the origin of each value."""
    from runtime.routing import discover
    from runtime.routing.display import explanation

    table = discover(settings.functions, import_budget=settings.limits.import_budget)
    text = explanation(table, given.method.upper(), given.path)
    print(text or f"{given.method.upper()} {given.path}: no such route; `annex routes` lists them.")
    return 0 if text else 1


def new(given: argparse.Namespace, settings: Settings) -> int:
    """Write a function file and its test."""
    from runtime.routing.scaffold import ScaffoldError, scaffold

    try:
        written = scaffold(settings.functions, given.name, methods=tuple(given.methods.split(",")))
    except ScaffoldError as error:
        print(error, file=sys.stderr)
        return 1
    for path in written:
        print(f"wrote {path}")
    return 0


def call(given: argparse.Namespace, settings: Settings) -> int:
    """Send one request through the real app, in this process."""
    from runtime.dev.session import call as send

    status, text = asyncio.run(
        send(settings, given.method.upper(), given.path, data=given.data, user=given.user, org=given.org)
    )
    print(text)
    return 0 if status < 400 else 1


def token(given: argparse.Namespace, settings: Settings) -> int:
    """Print a token of the development issuer."""
    from runtime.dev.session import token as sign

    if settings.is_production:
        print("annex token: there is no development issuer in production.", file=sys.stderr)
        return 2
    print(sign(settings, user=given.user, org=given.org, role=given.role, permissions=given.permissions))
    return 0


def doctor(given: argparse.Namespace, settings: Settings) -> int:
    """Say what this process sees: its settings as they take effect, and whether what it needs answers."""
    from runtime.doctor import as_json, examine, variables

    findings = asyncio.run(examine(settings))
    if given.json:
        print(as_json(settings, findings).decode())
    else:
        print(f"{settings.environment}; set away from the default:")
        print(*(f"  {line}" for line in variables(settings)), sep="\n")
        print(*(finding.rendered(colour=sys.stdout.isatty()) for finding in findings), sep="\n")
    return 1 if any(finding.is_fault for finding in findings) else 0


def smoke(given: argparse.Namespace, settings: Settings) -> int:
    """Ask a deployed service whether it does what it promises."""
    from runtime.smoke import Smoke

    token = given.token or (settings.smoke_token.reveal() if settings.smoke_token else None)
    findings = asyncio.run(Smoke(given.url, token=token, origin=given.origin, path=given.path).run())
    print(*(finding.rendered(colour=sys.stdout.isatty()) for finding in findings), sep="\n")
    return 1 if any(finding.is_fault for finding in findings) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="annex", description="The Python wing of a Next.js app: a file in functions/ is an endpoint."
    )
    parser.add_argument("--version", action="version", version=f"annex {version('annex')}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def command(run: Command, help_text: str, **defaults: str) -> argparse.ArgumentParser:
        added = commands.add_parser(run.__name__, help=help_text, description=run.__doc__)
        added.set_defaults(run=run, defaults=defaults)
        return added

    developing = command(dev, "serve with hot swap, an embedded PostgreSQL and a development issuer")
    developing.add_argument("--traces", action="store_true", help="print the waterfall of each request")
    command(serve, "serve in production: one process, graceful drain")
    bridging = command(client, "write (or verify) the TypeScript client and the contract")
    bridging.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 when something is stale"
    )
    bridging.add_argument(
        "--into", type=Path, metavar="FOLDER", help="also copy the client into a folder of the app"
    )

    command(routes, "print the table: method, URL, file, auth, timeout, state").add_argument(
        "--json", action="store_true", help="for machines"
    )

    checking = command(
        check, "say everything that can be known without a request; exit 1 with causes and cures"
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

    explaining = command(explain, "print file, policy and the origin of each value")
    explaining.add_argument("method", metavar="METHOD", help="such as GET")
    explaining.add_argument("path", metavar="PATH", help="such as /signals/{symbol} or /signals/SPY")

    writing = command(new, "write a new function file and its test")
    writing.add_argument("name", metavar="NAME", help="such as signals/[symbol]")
    writing.add_argument("--methods", default="get", help="comma-separated, such as get,post")

    calling = command(call, "send one request through the real app, in this process")
    calling.add_argument("method", metavar="METHOD", help="such as GET")
    calling.add_argument("path", metavar="PATH", help="such as /signals/SPY")
    calling.add_argument("--data", metavar="JSON", help="the body")
    calling.add_argument("--as", dest="user", metavar="USER", help="the user to call as; none: no token")
    calling.add_argument("--org", metavar="ORG", help="the user's active organisation")

    signing = command(token, "print a token of the development issuer (refused in production)")
    signing.add_argument("--user", default="user_1", metavar="USER")
    signing.add_argument("--org", default="org_1", metavar="ORG", help="active organisation; empty for none")
    signing.add_argument("--role", default="org:admin", metavar="ROLE")
    signing.add_argument(
        "--permissions", metavar="LIST", help="comma-separated; all that functions ask for by default"
    )

    command(doctor, "say what this process sees: settings in effect, and what it depends on").add_argument(
        "--json", action="store_true", help="for machines"
    )

    smoking = command(smoke, "ask a deployed service: health, auth, errors, CORS, a signed call")
    smoking.add_argument("url", metavar="URL", help="such as https://annex-production.up.railway.app")
    smoking.add_argument("--token", metavar="TOKEN", help="a session token; ANNEX_SMOKE_TOKEN otherwise")
    smoking.add_argument("--origin", metavar="ORIGIN", help="an origin that must be allowed")
    smoking.add_argument("--path", default="/me", metavar="PATH", help="a private endpoint to GET")
    return parser


if __name__ == "__main__":
    sys.exit(main())
