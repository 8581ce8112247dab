"""The tables in these pages that are made from code: `make docs` writes them, a test compares them.

A page marks the place with `<!-- table: NAME -->` and `<!-- end -->`; whatever stands between is ours.
"""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runtime.auth.reasons import Reason
from runtime.config import Folder, Function, Policy
from runtime.config.keys import keys_of
from runtime.http.problems import status_of
from runtime.settings.opentelemetry.otel_variables import VARIABLES
from runtime.settings.reading import variables
from shared.errors import AnnexError

PAGES = Path(__file__).parent
_PLACE = re.compile(r"(<!-- table: (?P<name>[a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def rows(*cells: str) -> str:
    """Return one row."""
    return f"| {' | '.join(cells)} |\n"


def settings() -> str:
    """Every environment variable: names, default, meaning."""
    table = rows("variable", "default", "meaning") + rows("---", "---", "---")
    for variable, default in variables():
        names = ", ".join(f"`{name}`" for name in variable.names)
        shown = ", ".join(default) if isinstance(default, tuple) else default
        table += rows(names, "" if default in (None, (), "") else f"`{shown}`".lower(), variable.doc)
    return table


def errors() -> str:
    """Every error code with its status."""
    coded = (kind for kind in _descendants(AnnexError) if "code" in vars(kind))  # the others are theirs
    kinds = sorted(coded, key=lambda kind: (status_of(kind), kind.code))
    table = rows("status", "`code`", "when") + rows("---", "---", "---")
    for kind in kinds:
        meaning = (kind.__doc__ or "").partition("\n")[0].partition(":")[0].rstrip(".")
        table += rows(str(status_of(kind)), f"`{kind.code}`", meaning)
    return table


def reasons() -> str:
    """Every reason for a 401: its name, what it means, what to do."""
    table = rows("reason", "what it means", "what to do") + rows("---", "---", "---")
    for reason in Reason:
        table += rows(f"`{reason}`", reason.meaning, reason.cure)
    return table


def otel() -> str:
    """Every variable of OpenTelemetry's specification, and what becomes of it."""
    table = rows("variable", "here") + rows("---", "---")
    for one in VARIABLES:
        names = ", ".join(f"`{name}`" if name.startswith("OTEL_") else name for name in one.shown.split(", "))
        table += rows(names, one.meaning)
    return table


def keys() -> str:
    """Every key of `Function`: meaning, default, and what a folder's value lets become of it."""
    folder, project = keys_of(Folder), Policy()
    table = rows("key", "meaning", "default", "below a folder that sets it") + rows(*["---"] * 4)
    for name, key in keys_of(Function).items():
        default = getattr(project, name, None)
        shown = "" if default in (None, ()) else f"`{default!r}`"
        below = key.below.words if name in folder and key.below else "not in a folder"
        table += rows(f"`{name}`", key.doc, shown, below)
    return table


def database_urls() -> str:
    """Every dialect of DATABASE_URL, from the golden table that the translator is tested with."""
    told = json.loads((PAGES.parent / "contracts" / "database-urls.json").read_text("utf-8"))
    table = rows("dialect", "case", "URL", "becomes") + rows(*["---"] * 4)
    for row in told:
        becomes = f"refused: {row['refused']}" if "refused" in row else _target(row)
        table += rows(row["dialect"], row["case"], f"`{row['url']}`", becomes.replace("|", "\\|"))
    return table


def column_types() -> str:
    """Every column type of Prisma and Drizzle, from the table that both are tested with."""
    told = json.loads((PAGES.parent / "contracts" / "column-types.json").read_text("utf-8"))
    table = rows("in the app", "PostgreSQL", "in a struct", "TypeScript", "note") + rows(*["---"] * 5)
    for row in told:
        struct, typescript = (f"`{row[name]}`".replace("|", "\\|") for name in ("struct", "typescript"))
        note = "; ".join(filter(None, [f"JSON `{row['json']}`" if row["json"] else "", row["note"]]))
        table += rows(f"{row['orm']} `{row['declaration']}`", row["postgres"], struct, typescript, note)
    return table


def health() -> str:
    """Every fault that health tells, from the table whose faults a test provokes."""
    told = json.loads((PAGES.parent / "contracts" / "health-faults.json").read_text("utf-8"))
    table = rows("when", "`/health/ready`", "check", "its detail", "a call") + rows(*["---"] * 5)
    for row in told:
        call = f"`GET {row['call']}`: {row['answer']}"
        table += rows(
            row["fault"], str(row["ready"]), f"`{row['check']}` {row['status']}", row.get("detail", ""), call
        )
    return table


def decisions() -> str:
    """Every decision: its number, title and status."""
    table = rows("decision", "status") + rows("---", "---")
    for page in sorted((PAGES / "adr").glob("[0-9]*.md")):
        title, _, status = page.read_text("utf-8").split("\n")[:3]
        table += rows(f"[{title.removeprefix('# ')}]({page.name})", status.removeprefix("Status: "))
    return table


def _target(row: dict[str, Any]) -> str:
    plain = {"hosts", "user", "password", "database"}
    told = [f"{name} `{_value(value)}`" for name, value in row["becomes"].items() if name not in plain]
    return "; ".join([*(told or ["as it is"]), *row["notices"]])


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}={part}" for name, part in value.items() if name != "key_password")
    return str(value)


def _descendants(kind: type[AnnexError]) -> set[type[AnnexError]]:
    found = set(kind.__subclasses__())
    return found.union(*(_descendants(child) for child in found))


TABLES: dict[str, Callable[[], str]] = {
    "settings": settings,
    "errors": errors,
    "reasons": reasons,
    "otel": otel,
    "keys": keys,
    "column-types": column_types,
    "database-urls": database_urls,
    "health": health,
    "decisions": decisions,
}


def rendered(page: str) -> str:
    """Return a page with its tables made anew."""
    return _PLACE.sub(lambda place: place[1] + TABLES[place["name"]]() + place[3], page)


def main() -> int:
    """Write the tables; with `--check` only compare, and exit 1 when a page is stale."""
    texts = {page: page.read_text("utf-8") for page in sorted(PAGES.rglob("*.md"))}
    stale = [page for page, text in texts.items() if rendered(text) != text]
    for page in stale:
        if "--check" in sys.argv:
            sys.stderr.write(f"{page.name}: its tables are stale; run `make docs`\n")
        else:
            page.write_text(rendered(texts[page]), "utf-8")
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
