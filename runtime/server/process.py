"""One process that serves, from the making of its loop to its last thread."""

import asyncio
import logging
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

from runtime.app import Application
from runtime.server.budget import UNWIND_TIMEOUT
from runtime.server.driving import drive
from runtime.server.server import Server
from runtime.server.worker.link import Link
from runtime.settings.variables import Settings
from runtime.telemetry import last_words

logger = logging.getLogger(__name__)


def run(application: Application, settings: Settings, link: Link | None = None) -> bool:
    """Serve in this process until a signal; return whether no task or thread is still running.

    Args:
        application: the service.
        settings: of the service.
        link: to the parent, where this process is a worker.

    Raises:
        SystemExit: 3 when start-up fails (uvicorn's own status for it).
    """
    threading.excepthook = _thread_failed
    sys.unraisablehook = _ignored
    logging.captureWarnings(capture=True)
    server = Server(application, settings, link)
    runner = asyncio.Runner(loop_factory=server.config.get_loop_factory())
    left: list[str] = []
    try:
        left = drive(runner.get_loop(), _serve(server, link), is_serving=lambda: server.is_serving)
    finally:
        if not left:
            runner.close()
            logger.info("stopped")
    if left:
        # Closing the loop would wait for what ignores its cancellation.
        last_words(lambda: logger.error("still running after the stop: %s", ", ".join(left)))
    return not left


async def _serve(server: Server, link: Link | None) -> list[str]:
    """Serve, then end what functions left running; return the names of what does not end."""
    threads = ThreadPoolExecutor(thread_name_prefix="annex-default")
    asyncio.get_running_loop().set_default_executor(threads)
    await server.serve()
    if link is not None:
        link.say(left=True)
    threads.shutdown(wait=False, cancel_futures=True)
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    pending = (await asyncio.wait(tasks, timeout=UNWIND_TIMEOUT))[1] if tasks else set()
    busy = [
        thread
        for thread in threading.enumerate()
        if not thread.daemon and thread is not threading.main_thread()
    ]
    for thread in busy:
        thread.join(UNWIND_TIMEOUT)  # nothing is served any more: the loop may block
    named = [f"thread {thread.name}" for thread in busy if thread.is_alive()]
    return [*(f"task {task.get_name()}" for task in pending), *named]


def _thread_failed(failure: threading.ExceptHookArgs) -> None:
    """Log what ended a thread of a function; Python would print the exception with its text."""
    if failure.exc_type is not SystemExit and failure.exc_value is not None:
        logger.error("a thread ended with an exception", exc_info=failure.exc_value)


def _ignored(failure: "sys.UnraisableHookArgs") -> None:
    """Log what a destructor raised, where Python would print its text too."""
    if failure.exc_value is not None:
        logger.error("an exception in a destructor was ignored", exc_info=failure.exc_value)
