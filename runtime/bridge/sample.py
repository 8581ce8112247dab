"""The route that a signed-in caller can try first."""

from collections.abc import Mapping
from typing import Any


def private_get(contract: Mapping[str, Any]) -> str | None:
    """Return the path of the first private GET that needs no parameters and no permission, None without one.

    Args:
        contract: an OpenAPI document as `runtime.bridge.openapi` writes it.
    """
    paths = {path: item["get"] for path, item in contract["paths"].items() if "get" in item}
    return next((path for path, operation in paths.items() if _is_callable(path, operation)), None)


def _is_callable(path: str, operation: Mapping[str, Any]) -> bool:
    is_private = any("session" in scheme for scheme in operation["security"])
    needs = operation.get("x-requires") or any(
        each.get("required") for each in operation.get("parameters", ())
    )
    is_stream = any(
        "text/event-stream" in each.get("content", ()) for each in operation["responses"].values()
    )
    return is_private and "{" not in path and not needs and not is_stream
