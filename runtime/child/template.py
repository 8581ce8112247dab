"""The clean process that isolated functions are forked from: no thread, no loop, no function.

It forks when its worker asks, kills when its worker asks, and reports each end. When its worker is gone, in
whatever way, it ends what it has forked, even what never looks at its connection again.
"""

import gc
import os
import select
import signal
import socket
import time
from typing import NoReturn

from runtime.child import process
from runtime.routing.calling.isolated.forking import BORN, DEAD, FORK, READY, REPORT, REQUEST

LAST_WORDS = 3.0  # seconds in which those that were forked end by themselves


def main(descriptor: int, *, traced: bool) -> NoReturn:
    """Serve the worker at the other end of a socket, until it closes it."""
    control = socket.socket(fileno=descriptor)
    wake, woken = os.pipe()
    os.set_blocking(wake, False)  # a positional signature
    os.set_blocking(woken, False)  # likewise
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    prepared = process.prepared(traced=traced)
    gc.freeze()  # what all share is not looked at, and so not copied, in each
    control.sendall(REPORT.pack(READY, 0, 0))
    forked: set[int] = set()
    while True:
        ready, _, _ = select.select([control.fileno(), wake], [], [])
        if wake in ready:
            os.read(wake, 4096)
            for pid, status in _ended(forked):
                control.sendall(REPORT.pack(DEAD, pid, status))
        if control.fileno() in ready:
            _follow(control, forked, (wake, woken), prepared)


def _follow(
    control: socket.socket, forked: set[int], own: tuple[int, ...], prepared: process.Prepared
) -> None:
    """Do what the worker asks for; end everything once it is gone."""
    told, given, _, _ = socket.recv_fds(control, REQUEST.size, 3)
    if not told:
        _end(forked)
    what, pid = REQUEST.unpack(told)
    if what == FORK:
        pid = os.fork() or _become_child(control, given, own, prepared)
        forked.add(pid)
        control.sendall(REPORT.pack(BORN, pid, 0))
    elif pid in forked:
        os.kill(pid, signal.SIGKILL)
    for each in given:
        os.close(each)


def _become_child(
    control: socket.socket, given: list[int], own: tuple[int, ...], prepared: process.Prepared
) -> NoReturn:
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    control.close()
    for each in own:
        os.close(each)
    connection, log, printed = given
    os.dup2(printed, 1)
    os.dup2(printed, 2)
    os.close(printed)
    process.run(socket.socket(fileno=connection), log, prepared)


def _ended(forked: set[int]) -> list[tuple[int, int]]:
    found = []
    for pid in tuple(forked):
        gone, status = os.waitpid(pid, os.WNOHANG)
        if gone:
            forked.discard(pid)
            found.append((pid, status))
    return found


def _end(forked: set[int]) -> NoReturn:
    until = time.monotonic() + LAST_WORDS
    while forked and time.monotonic() < until:
        _ended(forked)
        time.sleep(0.01)
    for pid in forked:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    os._exit(0)
