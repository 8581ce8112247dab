"""A run as one picture: an SVG that needs nothing else, bars of processor time a request.

``python -m benchmarks.plot`` draws docs/performance.svg from the table of docs/performance.md.
"""

from collections.abc import Mapping
from html import escape
from pathlib import Path

from benchmarks.servers import OURS

type Costs = Mapping[str, Mapping[str, float]]  # µs by case and server
PAGE = Path("docs/performance.md")

WIDTH, LABEL, BAR, GAP = 720, 150, 18, 34
LONGEST = WIDTH - LABEL - 140
STYLE = (
    "text{font:12px sans-serif;fill:#24292f}.case{font-weight:bold}rect{fill:#b6bec8}rect.ours{fill:#2f6feb}"
    "svg{background:#fff}"
)


def svg(costs: Costs) -> str:
    """Return the picture: a group of bars a case, each case to a scale of its own, ours in colour."""
    parts, y = [], GAP
    for case, row in costs.items():
        parts.append(f'<text class="case" x="8" y="{y}">{escape(case)}</text>')
        dearest, ours = max(row.values()), row[OURS]
        for name, spent in sorted(row.items(), key=lambda entry: entry[1]):
            y += BAR + 4
            kind = OURS if name == OURS else "peer"
            length = max(spent / dearest * LONGEST, 1)
            said = f"{spent:.0f} µs" + ("" if name == OURS else f", ours {spent / ours:.2f} x")
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


def read(page: str) -> Costs:
    """Return the costs that the first table of a page has."""
    lines = [
        line.strip("| ").split("|")
        for line in page.partition("\n| case ")[2].partition("\n\n")[0].splitlines()
    ]
    (names, _, *rows) = [[cell.strip() for cell in line] for line in lines]
    return {
        case: {name: float(cell) for name, cell in zip(names, cells, strict=False) if cell}
        for case, *cells in rows
    }


if __name__ == "__main__":
    PAGE.with_suffix(".svg").write_text(svg(read(PAGE.read_text("utf-8"))), "utf-8")
