"""`annex init`: a service of one's own beside a Next.js app."""

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from runtime.starting.app import App, NoSingleApp, find_app
from runtime.starting.pin import Pin, PinError, pin
from runtime.starting.service import CLERK, START, Plan, database_variable, plan


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command accepts."""
    parser.add_argument(
        "folder", nargs="?", type=Path, default=Path(), metavar="DIR", help="of the service (here)"
    )
    parser.add_argument("--app", type=Path, metavar="FOLDER", help="of the Next.js app; found by itself")
    parser.add_argument(
        "--from",
        dest="origin",
        metavar="WHEEL_OR_GIT",
        help="the product: a wheel's path, its URL#sha256=…, or git+URL@REVISION; that of this command",
    )
    parser.add_argument("--ci", action="store_true", help="also write a GitHub workflow")
    parser.add_argument("--dry-run", action="store_true", help="write nothing, show what would be written")


def run(given: argparse.Namespace) -> int:
    """Write a service beside a Next.js app: at most twelve files. No file that is there is changed."""
    service = given.folder.expanduser().resolve()
    try:
        app = find_app(service, given.app)
        source = pin(given.origin, service)
        planned = plan(service, app, source, with_workflow=given.ci)
        if not given.dry_run:
            planned.write()
    except (NoSingleApp, PinError) as error:
        print(f"annex init: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"annex init: {error.filename} cannot be written: {error.strerror}.", file=sys.stderr)
        return 1
    print(*_found(app, source), sep="\n")
    print(*_written(planned, dry=given.dry_run), sep="\n")
    print(*_next(service, app, source), sep="\n")
    return 0


def _found(app: App | None, source: Pin) -> Iterator[str]:
    if app is None:
        yield "found     no Next.js app beside it; name one with --app FOLDER"
        return
    yield f"found     a Next.js app in {_shown(app.folder)}, with {app.manager}"
    keys = [f"{name} ({app.variables[name]})" for name in CLERK if name in app.variables]
    clerk = ", ".join(keys) or ("Clerk, and none of its keys in .env*" if app.has_clerk else "no Clerk yet")
    yield f"found     {clerk}"
    if schema := app.schema:
        if not schema.is_postgres:
            yield f"found     {schema.tool} for {schema.dialect}; Annex needs PostgreSQL and gets no database"
        elif schema.has_migrations:
            yield f"found     {schema.tool}'s SQL in {_shown(schema.migrations)}, for development and tests"
        else:
            yield f"found     {schema.tool} in {_shown(schema.file)}, without SQL migrations"
    elif url := database_variable(app):
        yield f"found     {url} ({app.variables[url]}), and neither Prisma nor Drizzle"
    yield f"pinned    {source.hash or source.source}"


def _written(planned: Plan, *, dry: bool) -> Iterator[str]:
    for path, text in planned.files.items():
        yield f"{'would write' if dry else 'wrote':<9} {_shown(path)} ({_lines(text)})"
    for path in planned.kept:
        yield f"kept      {_shown(path)}, which was there"


def _next(service: Path, app: App | None, source: Pin) -> Iterator[str]:
    yield "\nNext:\n"
    yield f"  cd {_shown(service)}"
    yield "  make dev"
    yield "  make client   # in another terminal: the contract, and the typed client into the app"
    if app is None:
        return
    yield f"  make app      # or both in one: the service, and `{START[app.manager]}` in the app"
    yield "\nAdd to the app, where it is to call the service:\n"
    if not app.has_clerk:
        yield f"  {'npm install' if app.manager == 'npm' else f'{app.manager} add'} @clerk/nextjs server-only"
    if "BACKEND_API_URL" not in app.variables:
        yield "  BACKEND_API_URL=http://localhost:8000   # in .env.local"
    yield '  import { backend } from "@/annex/server";'
    yield '  const hello = await backend.get("/hello", { query: { name: "Ada" } });'
    if app.schema and app.schema.is_postgres and not app.schema.has_migrations:
        yield from _seed(app)
    if '"../' in source.source and "path" in source.source:
        yield "\nThe wheel is outside the service's folder: copy it into it before you build the image."


def _seed(app: App) -> Iterator[str]:
    assert app.schema is not None  # noqa: S101  # asked by the caller
    yield "\nFor a database in `annex dev` and in tests, let the app write its SQL:\n"
    if app.schema.tool == "Prisma":
        command = "npx prisma migrate diff --from-empty --to-schema-datamodel"
        yield f"  {command} {app.schema.file.relative_to(app.folder)} --script"
        yield '  into seed/1_schema.sql of the service, and [tool.annex] seed = ["seed"]'
    else:
        yield "  npx drizzle-kit generate"
        yield f"  and [tool.annex] seed = [the path of {_shown(app.schema.migrations)}]"


def _lines(text: str) -> str:
    count = len(text.splitlines())
    return "1 line" if count == 1 else f"{count} lines"


def _shown(path: Path) -> str:
    return os.path.relpath(path)
