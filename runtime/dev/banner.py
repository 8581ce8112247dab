"""What `annex dev` prints when the service is up: its address, its routes, a call to paste."""

import shlex
import sys
from pathlib import Path

from runtime.bridge import openapi
from runtime.bridge.describable import divide
from runtime.bridge.sample import private_get
from runtime.routing import RouteTable
from runtime.routing.display import as_text
from runtime.settings import Settings


def banner(settings: Settings, table: RouteTable, *, development_issuer: bool) -> str:
    """Return the text; a call can be pasted where the development issuer signs tokens."""
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
    if development_issuer and path is not None:
        annex = shlex.quote(sys.argv[0]) if Path(sys.argv[0]).name == "annex" else "annex"
        lines += [
            "  Try it, as user_1 of org_1:",
            "",
            f'curl -s {base}{path} -H "Authorization: Bearer $({annex} token)"',
            "",
        ]
    return "\n".join(lines)
