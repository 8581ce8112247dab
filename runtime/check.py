"""Everything that can be known without a request: each finding says what, where, and what to do."""

from collections.abc import Iterator
from typing import NamedTuple

from runtime.routing import RouteTable, discover
from runtime.routing.lock import drift
from runtime.settings import Settings

GREEN, RED, PLAIN = "\033[32m", "\033[31m", "\033[0m"


class Finding(NamedTuple):
    """One thing looked at.

    Attributes:
        area: such as ``files`` or ``lock``.
        text: one line when fine; the cause and the cure when not.
        is_fault: makes `annex check` fail.
    """

    area: str
    text: str
    is_fault: bool = False

    def rendered(self, *, colour: bool) -> str:
        """Return the line a person reads."""
        mark = "✗" if self.is_fault else "✓"
        if colour:
            mark = f"{RED if self.is_fault else GREEN}{mark}{PLAIN}"
        return f"{mark} {self.area:<10} {self.text}"


def check(settings: Settings, *, contract: bool = False, database: bool = False) -> list[Finding]:
    """Look at everything; `contract` and `database` add what needs a committed contract, a live catalogue."""
    table = discover(settings.functions, import_budget=settings.limits.import_budget)
    return [
        Finding("settings", f"{settings.environment}, every variable can be read"),
        *_files(table),
        *_lock(settings, table),
    ]


def _files(table: RouteTable) -> Iterator[Finding]:
    for fault in table.faults:
        yield Finding("files", str(fault), is_fault=True)
    serving = len(table.operations)
    if not table.faults:
        yield Finding("files", f"{serving} endpoints, every one reachable")


def _lock(settings: Settings, table: RouteTable) -> Iterator[Finding]:
    differences = drift(settings.functions, table)
    for difference in differences:
        yield Finding("lock", difference, is_fault=True)
    if not differences:
        yield Finding("lock", "the open routes are the ones that public.lock lists")
