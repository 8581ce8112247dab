"""The app's own command, run beside `annex dev`: it ends with the service, and the service with it."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

STOP_TIMEOUT = 10.0  # seconds until a command that was asked to end is killed

# `read` ends when the other end of the pipe is closed, by us or by our death; 0 is the whole process group.
_LEASH = """
exec 3<&0
{ read -r _ <&3; kill -TERM 0; } &
export BACKEND_API_URL="${BACKEND_API_URL:-$2}"
export NEXT_PUBLIC_BACKEND_API_URL="${NEXT_PUBLIC_BACKEND_API_URL:-$2}"
unset PORT
exec /bin/sh -c "$1" </dev/null 3<&-
"""


@contextlib.contextmanager
def beside(command: str, folder: Path, *, url: str, ended: Callable[[], None]) -> Iterator[None]:
    """Run a shell command for the length of the block.

    Args:
        command: such as ``npm run dev``.
        folder: in which it runs.
        url: of the service; the command finds it in `BACKEND_API_URL` unless that is set already. It does
            not get `PORT`, which is the service's: an app that took it would find its port in use.
        ended: called once when the command has ended by itself, in another thread.
    """
    sys.stdout.flush()
    process = subprocess.Popen(
        ["/bin/sh", "-c", _LEASH, "beside", command, url],
        cwd=folder,
        stdin=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for the service, which passes it on when it has stopped
    )
    stopping = threading.Event()

    def watch() -> None:
        status = process.wait()
        if not stopping.is_set():
            sys.stdout.write(f"annex dev: `{command}` ended with status {status}; the service ends too\n")
            ended()

    watcher = threading.Thread(target=watch, name="command beside", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        stopping.set()
        _end(process, watcher)


def app_of(client: Path) -> Path:
    """Return the folder of the app that a folder with its client is in: the next one with a package.json."""
    return next((each for each in client.parents if (each / "package.json").is_file()), client.parent)


def _end(process: subprocess.Popen[bytes], watcher: threading.Thread) -> None:
    if process.stdin is not None:
        process.stdin.close()
    watcher.join(STOP_TIMEOUT)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    watcher.join()
