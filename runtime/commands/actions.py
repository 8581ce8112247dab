"""What each `annex` command does: a few lines that call a room, and the exit status.

0 is fine, 1 means that something is wrong and was said, 2 that command line or settings cannot be used.
Rooms are imported where they are called, so that no command pays for another's.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Callable

from runtime.commands.verdict import Line, Verdict, reach
from runtime.settings import Settings


def dev(given: argparse.Namespace, settings: Settings) -> int:
    """Serve with everything brought along: database, issuer, hot swap."""
    from runtime.dev.session import serve

    return serve(settings, traces=given.traces)


def serve(_: argparse.Namespace, settings: Settings) -> int:
    """Serve as production does: one process, graceful drain."""
    from runtime.app import BrokenFunctions, create_app
    from runtime.server.process import end_now, run
    from runtime.telemetry import configure_logging, unblocked

    with unblocked():
        configure_logging(settings.telemetry, production=settings.is_production)
        try:
            application = create_app(settings)
        except BrokenFunctions as error:
            print(error, file=sys.stderr)
            return 1
        if not run(application, settings):
            end_now(0)
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
    if given.tell is None:
        verdict = reach(given.arguments, budget=settings.limits.import_budget)
        print(*verdict.lines, sep="\n")
        return verdict.status
    line = Line(given.tell)
    line.tell(_examined(given, settings, line.at))
    return 0


def _examined(given: argparse.Namespace, settings: Settings, report: Callable[[str], None]) -> Verdict:
    from runtime.commands.check import check as examine
    from runtime.commands.check import check_database
    from runtime.routing import Fault, discover
    from runtime.routing.importing.guard import Witness
    from runtime.routing.lock import write

    is_shown = sys.stdout.isatty()
    witness = Witness(report, tuple(Fault(**each) for each in json.loads(given.refused)))
    table = discover(settings.functions, import_budget=settings.limits.import_budget, witness=witness)
    if given.update_lock:
        write(settings.functions, table)
    findings = examine(settings, table, root=settings.functions.resolve().parent, since=given.contract)
    if given.database:
        findings += asyncio.run(check_database(settings))
    lines = [finding.rendered(colour=is_shown) for finding in findings]
    return Verdict(lines, 1 if any(finding.is_fault for finding in findings) else 0)


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
    from runtime.commands.scaffold import ScaffoldError, scaffold

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

    status, text = send(
        settings, given.method.upper(), given.path, data=given.data, user=given.user, org=given.org
    )
    print(text)
    return 0 if status < 400 else 1


def token(given: argparse.Namespace, settings: Settings) -> int:
    """Print a token of the development issuer."""
    from runtime.dev.session import token as sign

    if settings.is_production:
        print("annex token: there is no development issuer in production.", file=sys.stderr)
        return 2
    if not given.user:
        print("annex token: a token needs a user; leave --user out for user_1.", file=sys.stderr)
        return 2
    print(sign(settings, user=given.user, org=given.org, role=given.role, permissions=given.permissions))
    return 0


def client(given: argparse.Namespace, settings: Settings) -> int:
    """Write the contract and the TypeScript client from the functions, or verify that they are fresh."""
    from runtime.bridge import artefacts
    from runtime.bridge.describable import divide
    from runtime.routing import discover

    root = settings.functions.resolve().parent
    table = discover(settings.functions, import_budget=settings.limits.import_budget)
    if faults := [*table.faults, *divide(table.operations)[1]]:
        print("annex client: some functions are broken, so the contract would lose them:", file=sys.stderr)
        print(*faults, sep="\n", file=sys.stderr)
        return 1
    if given.check:
        stale = artefacts.stale(root, table.operations)
        lines = [f"{path} is stale; run `annex client` and commit what it writes." for path in stale]
        print(*(lines or ["contract and TypeScript say what the functions say"]), sep="\n")
        return 1 if stale else 0
    lines = [f"wrote {path}" for path in artefacts.write(root, table.operations)]
    if given.into:
        lines += [f"copied {path}" for path in artefacts.copy_into(given.into, root)]
    print(*(lines or ["contract and TypeScript said already what the functions say"]), sep="\n")
    return 0


def doctor(given: argparse.Namespace, settings: Settings) -> int:
    """Say what this process sees: its settings as they take effect, and whether what it needs answers."""
    from runtime.commands.doctor import as_json, examine, variables

    findings = asyncio.run(examine(settings))
    if given.json:
        print(as_json(settings, findings).decode())
    else:
        print(f"{settings.environment}; set away from the default:")
        print(*([f"  {line}" for line in variables(settings)] or ["  nothing"]), sep="\n")
        print(*(finding.rendered(colour=sys.stdout.isatty()) for finding in findings), sep="\n")
    return 1 if any(finding.is_fault for finding in findings) else 0


def smoke(given: argparse.Namespace, settings: Settings) -> int:
    """Ask a deployed service whether it does what it promises."""
    from runtime.commands.smoke import Smoke

    token = given.token or (settings.smoke_token.reveal() if settings.smoke_token else None)
    findings = asyncio.run(Smoke(given.url, token=token, origin=given.origin, path=given.path).run())
    print(*(finding.rendered(colour=sys.stdout.isatty()) for finding in findings), sep="\n")
    return 1 if any(finding.is_fault for finding in findings) else 0
