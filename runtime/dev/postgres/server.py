"""An embedded PostgreSQL for development and tests: started as a child process, and never left behind.

The server runs under an unprivileged account, with its data in one folder. It stops when this process ends,
even by SIGKILL: a shell between the two waits for the end of a pipe that this process holds.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from runtime.dev.postgres.account import EmbeddedPostgresError, unprivileged
from runtime.dev.postgres.binaries import binaries, runnable
from runtime.dev.postgres.data import SOCKETS, STOP_TIMEOUT, DataFolder

# `read` ends when the other end of the pipe is closed; SIGINT is PostgreSQL's fast shutdown. It is repeated,
# because the server ignores signals in its first milliseconds.
_LEASH = (
    'socket="$1"; shift; "$@" </dev/null & pid=$!; read -r _; '
    'while kill -INT $pid 2>/dev/null; do sleep 0.02; done; rm -rf "$socket"'
)
_START_TIMEOUT = 30.0  # seconds


@contextmanager
def embedded(
    folder: Path, *, port: int | None = None, settings: Mapping[str, str] | None = None
) -> "Iterator[EmbeddedPostgres]":
    """Run a server on `folder` for the length of the block.

    Raises:
        FolderInUseError: another process runs one on the same folder.
        EmbeddedPostgresError: it cannot run.
    """
    server = EmbeddedPostgres(folder, port=port, settings=settings)
    server.start()
    try:
        yield server
    finally:
        server.stop()


class EmbeddedPostgres:
    """One server on one data folder.

    Attributes:
        port: on 127.0.0.1, with a password; chosen at the first start and, as `socket`, kept for later ones.
        data: where its files are.
        socket: folder of its socket, open to its own user (and root) alone, without a password.
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int | None = None,
        settings: Mapping[str, str] | None = None,
        binaries_folder: Path | None = None,
    ) -> None:
        user = unprivileged()
        self._files = DataFolder(folder, user)
        self.folder = self._files.path
        self.data = self._files.data
        self.port = port or 0
        self._settings = dict(settings or {})
        self._binaries = runnable(binaries_folder or binaries(), user)
        self._process: subprocess.Popen[bytes] | None = None
        self.socket = Path()

    def running_port(self) -> int:
        """Return the port of the server that another process runs on this folder, 0 when there is none."""
        return self._files.running_port()

    def url(self, database: str = "postgres", user: str = "postgres", password: str | None = None) -> str:
        """Return a URL over TCP, for people and programs; the superuser's password is added by itself."""
        secret = (self.folder / "password").read_text() if password is None else password
        return f"postgresql://{quote(user)}:{quote(secret)}@127.0.0.1:{self.port}/{quote(database)}?sslmode=disable"

    def socket_url(self, database: str = "postgres", user: str = "postgres") -> str:
        """Return a URL over the socket, which is faster and needs no password."""
        return (
            f"postgresql://{quote(user)}@/{quote(database)}?host={quote(str(self.socket))}&port={self.port}"
        )

    def start(self) -> None:
        """Start, after putting right what an earlier run left behind.

        Raises:
            EmbeddedPostgresError: as `embedded`.
        """
        self._files.lock()
        try:
            self._files.prepare(self._binaries)
            self._run()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop at once but cleanly; open transactions are rolled back."""
        if self._process is not None:
            self._let_go(self._process)
            try:
                self._process.wait(STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                self.kill()
            self._process = None
        if self.socket != Path():
            shutil.rmtree(self.socket, ignore_errors=True)
        self._files.unlock()

    def kill(self) -> None:
        """End it as a crash would, by SIGKILL; its children end a moment later."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._let_go(self._process)
            self._process = None

    def _let_go(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None  # noqa: S101  it was opened with a pipe
        process.stdin.close()

    def _run(self) -> None:
        """Start the server; after a crash the last processes of the old one need a moment to end."""
        deadline = time.monotonic() + _START_TIMEOUT
        while not self._launch(deadline):
            cause = self._files.fatal()
            self.kill()
            if "shared memory" not in cause or time.monotonic() > deadline:
                raise EmbeddedPostgresError(f"the server did not start: {cause or 'it never became ready'}")
            time.sleep(0.1)

    def _launch(self, deadline: float) -> bool:
        if self.socket == Path():
            # A socket's path must be short, so it is not below the data.
            self.socket = Path(tempfile.mkdtemp(prefix=SOCKETS))
        # A crashed server leaves a lock here, and a process that nobody reaps still looks like its holder.
        shutil.rmtree(self.socket, ignore_errors=True)
        self.socket.mkdir(mode=0o700)
        self._files.give(self.socket)
        self.port = self.port or _free_port()
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(self.socket),
            "log_min_messages": "fatal",
            **self._settings,
        }
        arguments = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        # A file of its own: what is left of a crashed server still writes into the old one.
        (self.folder / "log").unlink(missing_ok=True)
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    "/bin/sh",
                    "-c",
                    _LEASH,
                    "postgres",
                    self.socket,
                    self._binaries / "postgres",
                    "-D",
                    self.data,
                    *arguments,
                ],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd="/",
                # Ctrl-C is for the service: the server must outlive the requests that are being finished.
                start_new_session=True,
                **self._files.as_user(),
            )
        return self._is_ready(deadline)

    def _is_ready(self, deadline: float) -> bool:
        """The server writes its state into its pid file; a connection would only be noise in its log."""
        while time.monotonic() < deadline:
            lines = self._files.state()
            if len(lines) > 7 and lines[7].strip() == "ready" and lines[3] == str(self.port):
                return True
            if not lines and self._files.fatal():
                return False
            time.sleep(0.01)
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
