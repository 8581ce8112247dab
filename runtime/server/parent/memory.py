"""Memory without a name, for two processes."""

import os


def anonymous(name: str) -> int:
    """Return the descriptor of a new, empty file that is in no folder."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create(name)
    import tempfile  # where the system has no files in memory

    descriptor, path = tempfile.mkstemp(prefix=name)
    os.unlink(path)  # noqa: PTH108  # pathlib is not small
    return descriptor
