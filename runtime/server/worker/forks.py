"""A child that a function forks off must not answer the callers of this process.

It would run the same loop on the same connections. What a library forks, such as `multiprocessing`, goes on
without the connections: it runs something else, and ends. What a function forks by itself is ended.
"""

import contextlib
import inspect
import logging
import os
import socket
import stat
import sysconfig

logger = logging.getLogger(__name__)

LIBRARIES = (sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"), sysconfig.get_path("platlib"))
STATUS = 70  # EX_SOFTWARE


def contain_forks() -> None:
    """Look after every fork of this process from now on."""
    os.register_at_fork(after_in_child=_begin_child, after_in_parent=_report)


def _begin_child() -> None:
    if not _is_of_a_library():
        os._exit(STATUS)
    _give_up_connections()


def _report() -> None:
    if not _is_of_a_library():
        logger.error("a function forked this process, and the child was ended; start a child with subprocess")


def _is_of_a_library() -> bool:
    """Whether the code that forks is a library's, and knows what its child must not do."""
    frame = inspect.currentframe()
    while frame is not None and frame.f_code.co_filename == __file__:
        frame = frame.f_back
    return frame is not None and frame.f_code.co_filename.startswith(LIBRARIES)


def _give_up_connections() -> None:
    """Let every descriptor of a network connection lead nowhere, in this process alone."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for name in os.listdir("/dev/fd"):  # noqa: PTH208  # pathlib would need more of the interpreter
        descriptor = int(name)
        with contextlib.suppress(OSError):
            if stat.S_ISSOCK(os.fstat(descriptor).st_mode) and _is_of_the_network(descriptor):
                os.dup2(nowhere, descriptor, inheritable=False)
    os.close(nowhere)


def _is_of_the_network(descriptor: int) -> bool:
    with socket.socket(fileno=os.dup(descriptor)) as found:
        return found.family in {socket.AF_INET, socket.AF_INET6}
