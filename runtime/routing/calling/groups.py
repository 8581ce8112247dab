"""A group of one exception says no more than that exception, and hides its class.

anyio and asyncio raise whatever ends a task group as an ExceptionGroup, and so does Litestar's `Stream`.
Answer, span, log and metrics go by the class of an error: a group of one gives way before they see it.
"""

from typing import NoReturn


def raise_sole(group: ExceptionGroup) -> NoReturn:
    """Raise the one exception in `group`, however deep; where several are together, their group."""
    error: Exception = group
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    context = error.__context__
    try:
        raise error
    finally:
        # Python names the group here, which is not what the error came from and would refer back to it.
        error.__context__ = context
        del group, error, context  # this frame is in the error's traceback
