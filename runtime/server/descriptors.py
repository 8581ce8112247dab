"""How many files and sockets this process may have open, and a few that only the service itself may open.

The limit that counts is the soft one, at the moment of opening: above it, a descriptor that is open stays so.
"""

import contextlib
import resource
from collections.abc import Iterator

RESERVE = 64  # descriptors for connections when functions have all others
_FILES = resource.RLIMIT_NOFILE


def raise_limit() -> None:
    """Raise the soft limit to the hard one, less the reserve; do nothing where the system refuses."""
    _, hard = resource.getrlimit(_FILES)
    if hard == resource.RLIM_INFINITY:
        return
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(_FILES, (hard - min(RESERVE, hard // 8), hard))


@contextlib.contextmanager
def reserve() -> Iterator[None]:
    """Let the code of the block open descriptors of the reserve; it must not run a function."""
    soft, hard = resource.getrlimit(_FILES)
    resource.setrlimit(_FILES, (hard, hard))
    try:
        yield
    finally:
        resource.setrlimit(_FILES, (soft, hard))
