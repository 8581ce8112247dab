"""The process of one isolated function: made from the worker's first order, ended with its connection."""

import asyncio
import contextlib
import logging
import os
import resource
import socket
import sys
from typing import NoReturn

import uvloop
from litestar.datastructures import State
from msgspec.structs import replace
from opentelemetry.metrics import NoOpMeterProvider

from runtime.asgi.own_threads import threads_in_context
from runtime.child.calls import Calls
from runtime.config.memory import bytes_of
from runtime.dependencies import SharedHttp, open_database
from runtime.gate.leftovers import Reaper
from runtime.routing.calling.answers.streams import DRAIN
from runtime.routing.calling.isolated.frames import HEAD
from runtime.routing.calling.isolated.wire import (
    OUT_OF_MEMORY,
    Beginning,
    IsolatedFunction,
    NotLoaded,
    beginning_of,
    message_bytes,
)
from runtime.routing.files import FunctionFile
from runtime.routing.function_file import compile_file
from runtime.routing.importing.guard import Guard
from runtime.routing.importing.loading import Loader
from runtime.routing.matching.tree import FunctionTree
from runtime.routing.matching.tree_app import BareTreeApp, TreeApp
from runtime.routing.operation import Operation
from runtime.routing.own_settings import with_settings
from runtime.routing.reading.faults import Fault
from runtime.routing.reading.source import read_function
from runtime.settings import Settings
from runtime.telemetry import Telemetry, configure_logging
from runtime.telemetry.process import install
from runtime.telemetry.providers import ExportState, logs_of, resource_of, tracers_of
from runtime.telemetry.sentry import sentry_of

logger = logging.getLogger(__name__)

FLUSH_BUDGET = 2.0  # seconds in which the last spans are sent

type Prepared = TreeApp


def prepared(*, traced: bool) -> Prepared:
    """Return what takes long to make and is the same in every process; import what all of them need."""
    if traced:
        from runtime.telemetry.export import CompactExporter  # `tracers_of` imports it late too

        # It imports half of what it needs when one is made.
        CompactExporter("http://localhost", headers={}, timeout=1)
    return BareTreeApp(FunctionTree(), state=State({}))


def run(connection: socket.socket, log: int, app: Prepared) -> NoReturn:
    """Run one function until the worker closes the connection, then end the process.

    Args:
        connection: to the worker.
        log: descriptor for the lines of the log.
        app: as `prepared` has made it.
    """
    try:
        beginning = _beginning(connection)
        sys.path[:] = beginning.path
        settings = beginning.settings
        lines = os.fdopen(log, "w", encoding="utf-8", errors="backslashreplace")
        configure_logging(settings.telemetry, production=settings.is_production, stream=lines)
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # they are the interpreter's own
        _limit(beginning.function)
        operation = _load(beginning)
        if isinstance(operation, Fault):
            logger.error("function cannot run in a process of its own: %s", operation)
            connection.sendall(message_bytes(NotLoaded(operation.error_id)))
        else:
            # The loop that every other function has.
            asyncio.run(_serve(connection, settings, operation, app), loop_factory=uvloop.new_event_loop)
    except MemoryError:
        os._exit(OUT_OF_MEMORY)
    except BaseException:
        logger.exception("the process of an isolated function has failed")
        os._exit(1)
    os._exit(0)


def _beginning(connection: socket.socket) -> Beginning:
    length = int.from_bytes(_exactly(connection, HEAD))
    return beginning_of(_exactly(connection, length))


def _exactly(connection: socket.socket, length: int) -> bytes:
    told = b""
    while len(told) < length:
        piece = connection.recv(length - len(told))
        if not piece:
            os._exit(0)  # the worker has changed its mind
        told += piece
    return told


def _limit(function: IsolatedFunction) -> None:
    memory = function.endpoint.policy.memory
    if memory is not None:
        size = bytes_of(memory)
        resource.setrlimit(resource.RLIMIT_DATA, (size, size))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file of each crash would fill the disk


def _load(beginning: Beginning) -> Operation | Fault:
    """Import the file as the worker has, and no other."""
    function, settings = beginning.function, beginning.settings
    endpoint = function.endpoint
    source = read_function(endpoint.file, function.text)
    loader = Loader(Guard(beginning.root, settings.limits.import_budget))
    file = FunctionFile(
        source=source,
        text=function.text,
        segments=function.segments,
        policies=dict.fromkeys(source.methods, endpoint.policy),
        faults=source.faults,
    )
    compiled = compile_file(file, loader, None)
    mine = tuple(each for each in compiled.operations if each.endpoint.method == endpoint.method)
    if mine:  # the other handlers have policies of their own, by which the worker has judged them
        compiled = with_settings(replace(compiled, faults=(), operations=mine), settings.own)
    return compiled.faults[0] if compiled.faults else replace(compiled.operations[0], endpoint=endpoint)


async def _serve(connection: socket.socket, settings: Settings, operation: Operation, app: Prepared) -> None:
    telemetry = _telemetry(settings)
    one = replace(settings, database=replace(settings.database, pool_max=1))
    database = open_database(one)
    http = SharedHttp()
    app.state.update({"database": database, "http": http, DRAIN: asyncio.Event()})
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(threads_in_context())
        stack.push_async_callback(telemetry.stop, FLUSH_BUDGET)
        await stack.enter_async_context(database)
        stack.push_async_callback(http.stop)
        reaper = await stack.enter_async_context(Reaper())
        await Calls(operation, app, telemetry.tracer, reaper).serve(connection)


def _telemetry(settings: Settings) -> Telemetry:
    """Return tracing alone: numbers of a process that lives for minutes would be a series of their own."""
    state, resource = ExportState(), resource_of(settings)
    tracers, meters = tracers_of(settings, resource, (), state), NoOpMeterProvider()
    state.logs, state.close_sentry = logs_of(settings, resource, state), sentry_of(settings)
    install(tracers, meters)
    return Telemetry(settings, tracers, meters, state)
