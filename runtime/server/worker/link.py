"""What binds a worker to its parent: messages, the ledger, and the place for its last stacks."""

import asyncio
import contextlib
import faulthandler
import json
import logging
import os
import signal
import socket
import time
from collections.abc import Callable
from typing import Any, Self

from runtime.asgi.messages import ASGIApp, Receive, Scope, Send
from runtime.config import Endpoint
from runtime.refusal import Refusal
from runtime.server.parent.ledger import Ledger
from runtime.server.worker.farewell import note_farewells
from runtime.server.worker.ground import Ground
from runtime.server.worker.limits import ResourceLimits
from runtime.server.worker.threads import note_all, note_threads

logger = logging.getLogger(__name__)

BEAT = 0.1  # seconds between two signs of life, and between two looks at what functions share
CHANGED = (
    "changed during a call and put back, as all functions in this worker share it: %s."
    " Calls since the last look: %s. Change it in none of them, or in one that has isolate=True"
)


class Link:
    """The worker's end; made at its very start.

    Attributes:
        number: of the service's workers in the order of their starts, from 1.
        workers: how many serve.
        secret: shared by all workers of the service.
        refused: the files that another worker has found to be harmful; None where none has looked.
        listeners: the sockets that all of them accept from.
        is_in_haste: it was called in the place of a worker that is lost, and callers wait.
    """

    def __init__(
        self, control: socket.socket, ledger: Ledger, listeners: list[socket.socket], stacks: int
    ) -> None:
        self._control = control
        self._stacks = stacks
        self._ledger = ledger
        self._unread = b""
        self._files: dict[str, int] = {}
        self._limits = ResourceLimits()
        self._is_unfit = False
        self._seen = 0
        self.listeners = listeners
        self.is_in_haste = False
        hello = self._next() or {}
        self.number: int = hello.get("number", 0)
        self.workers: int = hello.get("workers", 1)
        self.secret: str = hello.get("secret", "")
        refused: list[Any] | None = hello.get("refused")
        self.refused = None if refused is None else tuple(Refusal(*each) for each in refused)

    @classmethod
    def open(cls, descriptors: str) -> Self:
        """Take over the descriptors that the parent has named in the command line."""
        control, memory, stacks, *listeners = map(int, descriptors.split(","))
        faulthandler.register(signal.SIGUSR2, stacks, all_threads=True)
        note_farewells(stacks)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the parent's, and sometimes sent to all
        for descriptor in (control, memory, stacks, *listeners):
            os.set_inheritable(descriptor, False)  # noqa: FBT003  # the parameter's only form
        sockets = [socket.socket(fileno=each) for each in listeners]
        link = cls(socket.socket(fileno=control), Ledger(memory), sockets, stacks)
        link.note_crashes()
        return link

    def note_crashes(self) -> None:
        """Have a crash write its stacks where the parent reads them."""
        faulthandler.enable(self._stacks)

    def stand_by(self) -> dict[str, Any] | None:
        """Say that everything is imported; return the state of the service once this worker is to serve.

        None when there is no parent any more.
        """
        self.say(files=list(self._files))
        while (message := self._next()) is not None:
            if "serve" in message:
                self.is_in_haste = message["haste"]
                state: dict[str, Any] = message["state"]
                return state
        return None

    def say(self, **message: object) -> None:
        """Tell the parent."""
        with contextlib.suppress(OSError):
            self._control.sendall(json.dumps(message).encode() + b"\n")

    def beat(self) -> None:
        """Show the parent that this process is not lost."""
        self._ledger.beat = time.monotonic()

    def attach(self, hear: Callable[[dict[str, Any] | None], None]) -> None:
        """Beat and listen on the running loop from now on.

        Args:
            hear: is given each message, None when the parent is gone.
        """
        loop = asyncio.get_running_loop()
        self._limits.watch()
        note_threads(self._ledger)
        ground = Ground()

        def beat() -> None:
            self.beat()
            note_all(self._ledger)
            loop.call_later(BEAT, beat)
            self._keep(ground)

        def read() -> None:
            if not self._receive():
                loop.remove_reader(self._control)
                hear(None)
            while b"\n" in self._unread:
                hear(self._next())

        beat()
        loop.add_reader(self._control, read)

    def recorded(self, app: ASGIApp, *, endpoint: Endpoint) -> ASGIApp:
        """Step: note for the parent that a call of the endpoint's file is under way."""
        ledger = self._ledger
        index = self._files.setdefault(endpoint.file, len(self._files))
        if index >= Ledger.LIMIT:
            return app

        async def called(scope: Scope, receive: Receive, send: Send) -> None:
            ledger.begin(index)
            try:
                await app(scope, receive, send)
            finally:
                if not self._limits.keep(endpoint.file):
                    self._resign("has a limit that a function has lowered for good")
                ledger.end(index)

        return called

    def _keep(self, ground: Ground) -> None:
        """Put back what a call has taken from all others, and name whose it may have been."""
        seen, self._seen = self._seen, self._ledger.calls
        if changed := ground.put_back():
            files = self._ledger.called_since(seen, list(self._files))
            function = files[0] if len(files) == 1 else None
            logger.error(CHANGED, ", ".join(changed), ", ".join(files), extra={"function": function})

    def _resign(self, cause: str) -> None:
        """Ask the parent, once, for another worker in the place of this one."""
        if not self._is_unfit:
            self._is_unfit = True
            self.say(unfit=cause, suspects=self._ledger.under_way(list(self._files)))

    def _next(self) -> dict[str, Any] | None:
        """Return the next message, waiting for it; None when the parent is gone."""
        while b"\n" not in self._unread:
            if not self._receive():
                return None
        line, _, self._unread = self._unread.partition(b"\n")
        message: dict[str, Any] = json.loads(line)
        return message

    def _receive(self) -> bool:
        """Read what has come; return False when nothing more can come."""
        try:
            data = self._control.recv(1 << 16)
        except OSError:
            return False
        self._unread += data
        return bool(data)
