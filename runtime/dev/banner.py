"""What a developer sees when the service is up: where it is, what it serves, a call to paste."""

import sys

from runtime.routing import RouteTable
from runtime.routing.display import as_text
from runtime.settings import Settings

EXAMPLE = "/signals/SPY"


def banner(settings: Settings, table: RouteTable, *, sample: str | None) -> str:
    """Return the text; `sample` is a development token, None where Clerk signs."""
    base = f"http://localhost:{settings.port}"
    lines = [
        "",
        f"  Annex  {base}",
        f"  docs   {base}/docs" if settings.docs else "",
        f"  seen   {base}/_annex",
        "",
        as_text(table, colour=sys.stdout.isatty()),
        "",
    ]
    if sample is not None:
        lines += [
            "  Try it, as user_1 of org_1:",
            "",
            f"curl -s {base}{_example(table)} -H 'Authorization: Bearer {sample}'",
            "",
        ]
    return "\n".join(lines)


def _example(table: RouteTable) -> str:
    """Return a path worth calling: the example domain's, else the first private GET without a parameter."""
    templates = [endpoint.template for endpoint in table.endpoints if endpoint.method == "GET"]
    if "/signals/{symbol}" in templates:
        return EXAMPLE
    return next((template for template in templates if "{" not in template), "/")
