"""The URLs that the runtime itself answers; no function may have one of them."""

LIVE, READY = "/health/live", "/health/ready"
CONTRACT, PAGE = "/openapi.json", "/docs"
SCRIPT, STYLE = "/docs/page.js", "/docs/page.css"
VIEWER_SCRIPT, VIEWER_STYLE = "/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css"
HEALTH = frozenset({"/health", LIVE, READY})
REFERENCE = frozenset({CONTRACT, PAGE, SCRIPT, STYLE, VIEWER_SCRIPT, VIEWER_STYLE})
RESERVED = HEALTH | REFERENCE
