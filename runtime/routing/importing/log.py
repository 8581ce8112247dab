"""The service's log, put back where a file silenced it."""

import logging
from typing import NamedTuple

from runtime.routing.importing.identity import Identified, has, identified

_OURS = ("annex.", "runtime.", "shared.", "uvicorn.")

type _Sink = logging.Logger | logging.Handler


class Log(NamedTuple):
    """What decides whether a line is written.

    Attributes:
        disabled: the level up to which all lines are left out.
        handlers: of the root logger.
        sinks: root logger and its handlers, with level and filters of each.
        loggers: all others, with level and filters, whether each is disabled, and passes its lines on.
    """

    disabled: int
    handlers: Identified
    sinks: list[tuple[_Sink, int, Identified]]
    loggers: list[tuple[logging.Logger, int, Identified, bool, bool]]


def read() -> Log:
    """Return the state of the log."""
    root = logging.getLogger()
    known = root.manager.loggerDict.copy().values()
    sinks: list[_Sink] = [root, *root.handlers]
    return Log(
        root.manager.disable,
        identified(*root.handlers),
        [(sink, sink.level, identified(*sink.filters)) for sink in sinks],
        [
            (each, each.level, identified(*each.filters), each.disabled, each.propagate)
            for each in known
            if not isinstance(each, logging.PlaceHolder)
        ],
    )


def _is_ours(logger: logging.Logger) -> bool:
    return f"{logger.name}.".startswith(_OURS)


def put_back(before: Log) -> bool:
    """Restore it, and say whether lines would have been lost; what a file adds is its own affair."""
    root = logging.getLogger()
    is_changed = False
    if root.manager.disable != before.disabled:
        logging.disable(before.disabled)
        is_changed = True
    handlers: list[logging.Handler] = [each for _, each in before.handlers]
    if not all(has(root.handlers, each) for each in handlers):
        root.handlers[:] = handlers
        is_changed = True
    ours = [(each, level, filters) for each, level, filters, _, _ in before.loggers if _is_ours(each)]
    for sink, level, held in (*before.sinks, *ours):
        filters = [each for _, each in held]
        is_changed = is_changed or sink.level > level or not all(has(filters, each) for each in sink.filters)
        if sink.level != level:
            sink.setLevel(level)
        sink.filters[:] = filters
    for logger, _, _, disabled, propagate in before.loggers:
        if logger.disabled == disabled and logger.propagate == propagate:
            continue
        is_ours = _is_ours(logger)
        is_changed = is_changed or logger.disabled > disabled or (is_ours and logger.propagate < propagate)
        logger.disabled = disabled
        if is_ours:
            logger.propagate = propagate
    return is_changed
