"""What `annex dev` prints when the service is up: its address, its routes, a call to paste."""

import sys

from runtime.bridge import openapi
from runtime.bridge.describable import divide
from runtime.bridge.sample import private_get
from runtime.routing import RouteTable
from runtime.routing.display import as_text
from runtime.settings import Settings


def banner(settings: Settings, table: RouteTable, *, sample: str | None) -> str:
    """Return the text; `sample` is a development token, None where Clerk signs."""
    path = private_get(openapi.document(divide(table.operations)[0]))
    base = f"http://localhost:{settings.port}"
    lines = [
        "",
        f"  Annex  {base}",
        f"  docs   {base}/docs" if settings.docs else "",
        f"  page   {base}/_annex",
        "",
        as_text(table, colour=sys.stdout.isatty()),
        "",
    ]
    if sample is not None and path is not None:
        lines += [
            "  Try it, as user_1 of org_1:",
            "",
            f"curl -s {base}{path} -H 'Authorization: Bearer {sample}'",
            "",
        ]
    return "\n".join(lines)
