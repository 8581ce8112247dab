"""What a run has found, as text: a table a case, spans that were lost, start-up and memory, the goals.

Ratios are of processor time a request, which neighbours on the machine do not change.
"""

from collections.abc import Iterator
from typing import NamedTuple

from benchmarks.database import Cost
from benchmarks.goals import GOALS
from benchmarks.servers import GRANIAN_PEER, NEXT_PEER, OURS

STACK = "fastapi_stack"
TRACED = (OURS, STACK, GRANIAN_PEER, NEXT_PEER)
STARTED = (OURS, STACK, NEXT_PEER, "fastapi_bare", "litestar_bare")
ENOUGH = 0.99  # of the spans; below, a figure looks cheaper than it is


class Figures(NamedTuple):
    """Of one server in one case.

    Attributes:
        speed: requests a second.
        spent: processor time a request, in µs.
        resident: MB under load.
        shared: the same, with each page that others have too counted in part.
        start_cpu: processor seconds until the first answer.
        start_wall: seconds until then.
        start_resident: MB then.
        spans: that arrived, a request.
        recorded: share of the requests whose server span arrived.
    """

    speed: float
    spent: float
    resident: float
    shared: float
    start_cpu: float
    start_wall: float
    start_resident: float
    spans: float
    recorded: float


Results = dict[str, dict[str, Figures]]


def report(results: Results, driver: Cost) -> str:
    """Return the whole report; `driver` is a query in a loop as a multiple of plain asyncpg's."""
    parts = [_case(case, row) for case, row in results.items()]
    parts += [_losses(results), _start(next(iter(results.values()))), _goals(results, driver)]
    return "\n\n".join(part for part in parts if part)


def _case(case: str, row: dict[str, Figures]) -> str:
    cheapest, ours = min(each.spent for each in row.values()), row[OURS].spent
    lines = [f"\n{case}"]
    for name, each in sorted(row.items(), key=lambda entry: entry[1].spent):
        spans = f"{each.spans:.2f} spans" if name in TRACED else ""
        lines.append(
            f"  {name:<21} {each.spent:>7.1f} µs {each.speed:>8,.0f}/s  ours {each.spent / ours:>5.2f} x"
            f"  {spans:<11} {'█' * round(32 * cheapest / each.spent)}"
        )
    return "\n".join(lines)


def _losses(results: Results) -> str:
    """Say loudly whose figures are too good: a case that records nothing at all is meant not to."""
    lost = [
        f"  !!! {case}: {name} LOST {1 - each.recorded:.1%} OF ITS SPANS; its figure is too low"
        for case, row in results.items()
        for name, each in row.items()
        if 0 < each.recorded < ENOUGH
    ]
    return (
        "\n".join(lost)
        or f"spans: at least {ENOUGH:.0%} arrived, of ours and of the stack, in every case that records"
    )


def _start(row: dict[str, Figures]) -> str:
    """Return start-up and memory of the first case."""
    lines = ["| | CPU s to the first answer | s | MB at start | MB under load | of them its own (PSS) |"]
    lines.append("|---|---|---|---|---|---|")
    lines += [
        f"| {name} | {each.start_cpu:.2f} | {each.start_wall:.2f} | {each.start_resident:.0f} "
        f"| {each.resident:.0f} | {each.shared:.0f} |"
        for name, each in row.items()
        if name in STARTED
    ]
    return "\n".join(lines)


def _goals(results: Results, driver: Cost) -> str:
    return "\n".join(
        ["| goal | measured | wanted | |", "|---|---|---|---|", *_judged(results), *_beside(driver)]
    )


def _judged(results: Results) -> Iterator[str]:
    for goal in GOALS:
        ratio = goal.ratio(results)
        if ratio is None:
            yield f"| {goal.name} | not in this run | {goal.wanted} | |"
        else:
            yield f"| {goal.name} | {ratio:.2f} x | {goal.wanted} | {'met' if goal.is_met(ratio) else 'MISSED'} |"


def _beside(driver: Cost) -> Iterator[str]:
    name, wanted = "a query by key, of plain asyncpg in a loop", "at most 1.50 x"
    for what, ratio in (("time", driver.passed), ("processor time", driver.spent)):
        yield f"| {name}: {what} | {ratio:.2f} x | {wanted} | {'met' if ratio <= 1.5 else 'MISSED'} |"
