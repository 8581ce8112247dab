"""The watch over a service's own code: its functions, and the modules and packages beside them."""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from watchfiles import watch

QUIET = 20  # milliseconds without a change after which a save counts as finished
GROUP = 200  # milliseconds after which changes that continue are applied anyway
OTHERS = {"tests", "node_modules", "client", "contracts"}
"""Folders of a project that hold no code of the service."""


class CodeWatch:
    """Puts what is saved into a queue, for as long as it is entered.

    Args:
        project: the folder of the service.
        functions: its functions, which may be elsewhere.
    """

    def __init__(self, project: Path, functions: Path) -> None:
        self.folders: tuple[Path, ...] = ()
        self._project = project
        self._functions = functions
        self._saved: asyncio.Queue[set[Path]] = asyncio.Queue()
        self._beside = _FolderWatch([project], self._saved, recursive=False)
        self._below: _FolderWatch | None = None

    async def __aenter__(self) -> Self:
        logging.getLogger("watchfiles").setLevel(logging.WARNING)  # it would report each change as well
        await self._beside.start()
        await self._renew()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._beside.stop()
        if self._below:
            self._below.stop()

    async def saved(self) -> set[Path]:
        """Wait for the next save and return the files that it changed."""
        while True:
            changed = await self._saved.get()
            await self._renew()
            if files := {path for path in changed if path.suffix == ".py" or self._is_inside(path)}:
                return files

    async def _renew(self) -> None:
        """Watch the folders that there are now; the old watch ends when the new one has begun."""
        folders = tuple(code_folders(self._project, self._functions))
        if folders == self.folders:
            return
        old, self._below, self.folders = self._below, _FolderWatch(folders, self._saved), folders
        await self._below.start()
        if old:
            old.stop()

    def _is_inside(self, path: Path) -> bool:
        return any(path.is_relative_to(folder) and path != folder for folder in self.folders)


def code_folders(project: Path, functions: Path) -> list[Path]:
    """Return the folders whose modules the service can import, its functions first."""
    try:
        beside = sorted(each for each in project.iterdir() if each.is_dir())
    except OSError:
        beside = []
    named = [each for each in beside if each.name.isidentifier() and each.name not in OTHERS]
    return [functions, *(each for each in named if each != functions and not each.name.startswith("_"))]


class _FolderWatch:
    """One thread that listens to the changes of folders."""

    def __init__(
        self, folders: Iterable[Path], saved: asyncio.Queue[set[Path]], *, recursive: bool = True
    ) -> None:
        self._folders = tuple(folders)
        self._saved = saved
        self._recursive = recursive
        self._stopped = _Stop()

    async def start(self) -> None:
        """Return once the folders are watched."""
        # watchfiles' own `awatch` borrows a thread of anyio's, which lives until the loop ends.
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._listen, args=(loop,), name="hot swap", daemon=True).start()
        await asyncio.to_thread(self._stopped.asked.wait)

    def stop(self) -> None:
        """End the thread, within a second."""
        self._stopped.set()

    def _listen(self, loop: asyncio.AbstractEventLoop) -> None:
        changes = watch(
            *self._folders,
            watch_filter=lambda _, path: _is_source(path),
            debounce=GROUP,
            step=QUIET,
            rust_timeout=1000,
            stop_event=self._stopped,
            raise_interrupt=False,
            force_polling=False,
            recursive=self._recursive,
            ignore_permission_denied=True,
        )
        for found in changes:
            changed = {Path(path) for _, path in found}
            with contextlib.suppress(RuntimeError):  # the loop has closed meanwhile
                loop.call_soon_threadsafe(self._saved.put_nowait, changed)


class _Stop(threading.Event):
    """Ends the watch, which asks it again and again from its beginning on.

    Attributes:
        asked: set once the folders are watched.
    """

    def __init__(self) -> None:
        super().__init__()
        self.asked = threading.Event()

    def is_set(self) -> bool:
        """Whether the watch is to end."""
        self.asked.set()
        return super().is_set()


def _is_source(path: str) -> bool:
    """Let source files through, and folders: of a new one, the files may have come before its watch."""
    name = path.rpartition("/")[2]
    return name.endswith(".py") or ("." not in name and name != "__pycache__")
