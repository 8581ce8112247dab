"""The folder of an embedded server: locked, prepared, and cleared of what an earlier run left."""

import fcntl
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import IO, Any

from runtime.dev.postgres.account import EmbeddedPostgresError, can_enter, must_be_ours

SOCKETS = "annex-pg-"
STOP_TIMEOUT = 10.0  # seconds


class FolderInUseError(EmbeddedPostgresError):
    """Another process runs a server on the same folder; `running_port` is where it listens."""


class DataFolder:
    """What one server keeps on disk.

    Attributes:
        path: the folder, readable by the server's account alone.
        data: the server's own files.
    """

    def __init__(self, folder: Path, user: pwd.struct_passwd | None) -> None:
        self._user = user
        self.path = _reachable(folder.resolve(), user)
        self.data = self.path / "data"
        self._lock: IO[str] | None = None

    def lock(self) -> None:
        """Keep other processes away until `unlock`.

        Raises:
            FolderInUseError: another process has the lock.
        """
        if self._lock is not None:
            return
        self._lock = (self.path / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            self._lock = None
            raise FolderInUseError(
                f"another process runs the database in {self.path}; stop it, or set DATABASE_URL"
            ) from None

    def unlock(self) -> None:
        """Let other processes use the folder."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def prepare(self, binaries: Path) -> None:
        """Stop a server that an earlier run left behind, and make the data unless `binaries` can read it."""
        _stop_orphan(self.data)
        if not self._is_prepared(binaries):
            self._prepare(binaries)

    def running_port(self) -> int:
        """Return the port of the server that another process runs on this folder, 0 when there is none."""
        lines = self.state()
        return int(lines[3]) if len(lines) > 7 and lines[7].strip() == "ready" else 0

    def state(self) -> list[str]:
        """Return the lines of the server's pid file: process id, port, socket folder and readiness."""
        return _lines(self.data / "postmaster.pid")

    def fatal(self) -> str:
        """Return why the server ended, ``""`` while it runs."""
        found = (line.partition("FATAL:")[2] for line in _lines(self.path / "log") if "FATAL:" in line)
        return next(found, "").strip()

    def give(self, path: Path) -> None:
        """Make the server's account the owner of `path`."""
        if self._user is not None:
            os.chown(path, self._user.pw_uid, self._user.pw_gid)

    def as_user(self) -> dict[str, Any]:
        """Return the arguments that make `subprocess` run a program under the server's account."""
        if self._user is None:
            return {}
        return {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []}

    def _is_prepared(self, binaries: Path) -> bool:
        """Whether there is data that these binaries can read; another version's is put aside."""
        try:
            version = (self.data / "PG_VERSION").read_text().strip()
        except FileNotFoundError:
            return False
        ours = subprocess.run(
            [binaries / "postgres", "--version"], capture_output=True, text=True, check=True
        )
        if version in ours.stdout.split()[-1].split(".")[0]:
            return True
        self.data.rename(self.path / f"data-of-version-{version}-{time.time_ns()}")
        return False

    def _prepare(self, binaries: Path) -> None:
        """Make the data folder under another name first, so that an incomplete one is never used."""
        fresh = self.path / "data.new"
        for leftover in (fresh, self.data):
            shutil.rmtree(leftover, ignore_errors=True)
        password = self.path / "password"
        password.write_text(secrets.token_urlsafe(24))
        password.chmod(0o600)
        self.give(password)
        options = ["--no-sync", "--locale=C.UTF-8", "--encoding=UTF8", "--username=postgres"]
        access = ["--auth-local=trust", "--auth-host=scram-sha-256", f"--pwfile={password}"]
        made = subprocess.run(
            [binaries / "initdb", *options, *access, "-D", fresh],
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            **self.as_user(),
        )
        if made.returncode:
            raise EmbeddedPostgresError(
                f"initdb failed: {made.stderr.strip().splitlines()[-1:] or 'no output'}"
            )
        fresh.rename(self.data)


def _reachable(folder: Path, user: pwd.struct_passwd | None) -> Path:
    """Return `folder`, or one that outlives a restart when `user` cannot reach it (in a private home)."""
    folder.mkdir(parents=True, exist_ok=True)
    if user is not None and not can_enter(folder.parent, user):
        name = str(folder).strip("/").replace("/", "-")
        folder = Path("/var/tmp") / f"annex-{name}"  # noqa: S108  made below with an owner and a closed mode
        must_be_ours(folder, user)
        folder.mkdir(exist_ok=True)
    if user is not None:
        os.chown(folder, user.pw_uid, user.pw_gid)
        folder.chmod(0o700)
    return folder


def _stop_orphan(data: Path) -> None:
    """Stop a server that an earlier run left on `data`; PostgreSQL itself recovers what a crash left."""
    lines = _lines(data / "postmaster.pid")
    pid = lines[0] if lines else ""
    if len(lines) > 4 and Path(lines[4]).name.startswith(SOCKETS):
        shutil.rmtree(lines[4], ignore_errors=True)
    if not pid.isdecimal() or str(data) not in _command_of(int(pid)):
        # It belongs to a server that has ended, and would be taken for the new one's.
        (data / "postmaster.pid").unlink(missing_ok=True)
        return
    os.kill(int(pid), signal.SIGINT)
    deadline = time.monotonic() + STOP_TIMEOUT
    while (data / "postmaster.pid").exists():
        if time.monotonic() > deadline:
            raise EmbeddedPostgresError(f"an old server (process {pid}) holds {data} and does not stop")
        time.sleep(0.02)


def _command_of(pid: int) -> str:
    """Return the command line of a process: a pid may belong to another process since."""
    proc = Path(f"/proc/{pid}/cmdline")
    if Path("/proc/self").exists():
        return proc.read_bytes().replace(b"\0", b" ").decode(errors="replace") if proc.exists() else ""
    command = subprocess.run(
        ["/bin/ps", "-p", str(pid), "-o", "args="],
        capture_output=True,
        text=True,
        check=False,
    )
    return command.stdout


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return []
