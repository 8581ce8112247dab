"""`annex check`: everything that can be known without a request."""

import argparse
import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path

from runtime.commands.checking.verdict import ReportPipe, Verdict, verdict
from runtime.refusal import Refusal
from runtime.rehearsal import Rehearsal
from runtime.settings import Settings


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command accepts."""
    parser.add_argument(
        "--accept",
        "--update-lock",
        dest="accept",
        action="store_true",
        help="first write the routes that are public now to public.lock, and the contract",
    )
    parser.add_argument(
        "--database",
        nargs="?",
        const="",
        metavar="MIGRATIONS",
        help="also compare the live database with what the service's SQL relies on; with a folder, such as"
        " ../web/prisma/migrations, a database made from its .sql files instead",
    )
    parser.add_argument(
        "--contract",
        nargs="?",
        const="HEAD",
        metavar="REVISION",
        help="also classify what changed since the contract of a git revision (HEAD)",
    )
    parser.add_argument("--report-to", type=int, help=argparse.SUPPRESS)  # given to the child process


def run(given: argparse.Namespace, settings: Settings) -> int:
    """Check everything that can be known without a request."""
    if given.report_to is None:
        budget = settings.limits.import_budget
        with Rehearsal(settings.functions, budget=budget) as rehearsal:
            reached = verdict(given.arguments, rehearsal.refusals, budget=budget)
        print(*reached.lines, sep="\n")
        return reached.status
    pipe = ReportPipe(given.report_to)
    pipe.send(_examined(given, settings, pipe.send))
    return 0


def _examined(given: argparse.Namespace, settings: Settings, report: Callable[[str], None]) -> Verdict:
    """Run in the child process, which alone pays for these imports."""
    from runtime.commands.checking.acceptance import accept
    from runtime.commands.checking.database import check_database, declared
    from runtime.commands.checking.examination import examine
    from runtime.commands.finding import Finding, lines, status
    from runtime.routing import discover
    from runtime.routing.extensions.listing import extended

    budget = settings.limits.import_budget
    refused = [Refusal(*each) for each in json.load(sys.stdin)]
    table = discover(
        settings.functions, import_budget=budget, refused=refused, report=report, environment=settings.own
    )
    table = extended(table, budget=budget, refused=refused, report=report)
    root = settings.functions.resolve().parent
    findings = []
    if given.accept:
        try:
            accept(table, root)
        except OSError as error:  # left to the command, the parent would blame a function file
            trouble = f"{error.filename}: {error.strerror}. Set this right, then run the command again."
            findings.append(Finding("accept", trouble, is_fault=True))
    findings += examine(settings, table, root=root, since=given.contract)
    if given.database:
        from runtime.commands.checking.migrations import check_migrations

        findings += check_migrations(Path(given.database), declared(root))
    elif given.database is not None:
        findings += asyncio.run(check_database(settings))
    return Verdict(lines(findings), status(findings))
