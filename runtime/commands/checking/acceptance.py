"""What `annex check --accept` writes: which routes are open, and which file was first at a URL."""

from pathlib import Path

from runtime.bridge import artefacts
from runtime.bridge.describable import divide
from runtime.routing import RouteTable, lock


def accept(table: RouteTable, root: Path) -> None:
    """Write `public.lock`, and the contract of the project `root` unless a broken file would leave it."""
    lock.write(table.root, table)
    operations, undescribed = divide(table.described)
    if not table.faults and not undescribed:
        artefacts.write(root, operations, below=artefacts.CONTRACT)
