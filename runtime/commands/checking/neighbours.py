"""Routes that look as if a folder's policy held for them, and have another folder's instead.

A group's name is not in the URL: `(ops)/admin/side.py` serves `/admin/side`, not below `admin/_config.py`.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from runtime.config import Folder
from runtime.config.keys import keys_of
from runtime.routing import Operation
from runtime.routing.reading.names import NameFault, read_segment

_DEMANDS = {name: key.below for name, key in keys_of(Folder).items() if key.is_demand and key.below}


def strays(operations: Iterable[Operation]) -> Iterator[str]:
    """Yield a sentence for each route whose URL lies below a folder that demands what the route does not."""
    operations = list(operations)
    folders = _demands(operations)
    for operation in operations:
        for config, demanded in folders.items():
            if not _is_below(operation, config):
                continue
            policy = operation.endpoint.policy
            lacking = [
                name
                for name, value in demanded.items()
                if not _DEMANDS[name].holds(value, getattr(policy, name))
            ]
            if lacking and not policy.webhook:
                file, template = operation.endpoint.file, operation.endpoint.template
                yield (
                    f"{file} serves {template}, below the URL of {config}, without its "
                    f"{', '.join(lacking)}. Move the file into that folder, or demand the same in the file."
                )


def _demands(operations: Iterable[Operation]) -> Mapping[str, Mapping[str, Any]]:
    """Return what each folder's config demands, read off the routes inside it."""
    folders: dict[str, dict[str, Any]] = {}
    for operation in operations:
        policy = operation.endpoint.policy
        for name, origin in policy.origins.items():
            if name in _DEMANDS and origin.endswith("_config.py"):
                folders.setdefault(origin, {})[name] = getattr(policy, name)
    return folders


def _is_below(operation: Operation, config: str) -> bool:
    folder = PurePosixPath(config).parent
    if PurePosixPath(operation.endpoint.file).is_relative_to(folder):
        return False
    url = _url(folder)
    return url != "/" and f"{operation.endpoint.template}/".startswith(url)


def _url(folder: PurePosixPath) -> str:
    """Return the URL of a folder, with a slash at its end; groups have none."""
    segments = []
    for name in folder.parts:
        try:
            segment = read_segment(name)
        except NameFault as fault:
            segment = fault.segment
        if segment is not None:
            segments.append(segment.template)
    return "/".join(["", *segments, ""])
