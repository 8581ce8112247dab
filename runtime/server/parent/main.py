"""The parent's beginning: descriptors, sockets, and the loop."""

import contextlib
import faulthandler
import os
import secrets

from . import sockets
from .given import Given
from .log import ParentLog
from .supervisor import Supervisor

REFUSED = 3  # uvicorn's status for a start that failed


def main(text: str) -> int:
    """Keep the service up; return its exit status.

    Args:
        text: an encoded `Given`.
    """
    _fill_gaps()
    _unblock_crashes()
    given = Given.decode(text)
    log = ParentLog(level=given.level, as_json=given.as_json)
    try:
        listeners = sockets.bind(given.host, given.port)
    except OSError as error:
        log.say("error", sockets.refusal(error, given.port))
        return REFUSED
    status = Supervisor(given, listeners, log, secrets.token_urlsafe(32)).run()
    log.say("info", "the service has stopped")
    return status


def _fill_gaps() -> None:
    """Open descriptors that were closed before the start: the next socket would get the lines of a worker."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # noqa: FBT003  # the parameter's only form


def _unblock_crashes() -> None:
    """Give faulthandler a descriptor of standard error that never blocks, should nobody read."""
    if faulthandler.is_enabled():
        with contextlib.suppress(OSError):  # a socket cannot be opened once more
            faulthandler.enable(os.open("/proc/self/fd/2", os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK))
