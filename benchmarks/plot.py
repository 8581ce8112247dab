"""A run as one picture: an SVG that needs nothing else, bars of processor time a request.

``python -m benchmarks.plot`` draws docs/performance.svg from the table of docs/performance.md.
"""

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import NamedTuple, Protocol

from benchmarks.servers import OURS

PAGE = Path("docs/performance.md")

WIDTH, LABEL, BAR, GAP = 720, 150, 18, 34
LONGEST = WIDTH - LABEL - 140
STYLE = (
    "text{font:12px sans-serif;fill:#24292f}.case{font-weight:bold}rect{fill:#b6bec8}rect.ours{fill:#2f6feb}"
    "svg{background:#fff}"
)


class Costly(Protocol):
    """What a server took: µs of processor time a request."""

    @property
    def spent(self) -> float: ...


class Cost(NamedTuple):
    """What a table says of it."""

    spent: float


def svg(results: Mapping[str, Mapping[str, Costly]]) -> str:
    """Return the picture: a group of bars a case, each case to a scale of its own, ours in colour."""
    parts, y = [], GAP
    for case, row in results.items():
        parts.append(f'<text class="case" x="8" y="{y}">{escape(case)}</text>')
        dearest, ours = max(each.spent for each in row.values()), row[OURS].spent
        for name, each in sorted(row.items(), key=lambda entry: entry[1].spent):
            y += BAR + 4
            kind = OURS if name == OURS else "peer"
            length = max(each.spent / dearest * LONGEST, 1)
            said = f"{each.spent:.0f} µs" + ("" if name == OURS else f", ours {each.spent / ours:.2f} x")
            parts.append(f'<text x="8" y="{y}">{escape(name)}</text>')
            parts.append(
                f'<rect class="{kind}" x="{LABEL}" y="{y - 13}" width="{length:.0f}" height="{BAR}"/>'
                f'<text x="{LABEL + length + 6:.0f}" y="{y}">{said}</text>'
            )
        y += GAP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y}" viewBox="0 0 {WIDTH} {y}">'
        f"<title>Processor time a request, shorter is better</title><style>{STYLE}</style>"
        f"{''.join(parts)}</svg>\n"
    )


def read(page: str) -> dict[str, dict[str, Cost]]:
    """Return the costs that the first table of a page has."""
    lines = [
        line.strip("| ").split("|")
        for line in page.partition("\n| case ")[2].partition("\n\n")[0].splitlines()
    ]
    (names, _, *rows) = [[cell.strip() for cell in line] for line in lines]
    return {
        case: {name: Cost(float(cell)) for name, cell in zip(names, cells, strict=False) if cell}
        for case, *cells in rows
    }


if __name__ == "__main__":
    PAGE.with_suffix(".svg").write_text(svg(read(PAGE.read_text("utf-8"))), "utf-8")
