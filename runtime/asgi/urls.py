"""The URLs that the runtime itself answers; no function may have one of them."""

LIVE, READY = "/health/live", "/health/ready"
CONTRACT, PAGE = "/openapi.json", "/docs"
HEALTH = frozenset({"/health", LIVE, READY})
REFERENCE = frozenset({CONTRACT, PAGE})
RESERVED = HEALTH | REFERENCE
