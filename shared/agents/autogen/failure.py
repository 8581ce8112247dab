"""Failures inside AutoGen, described without quoting a conversation."""

import re
import traceback

_FRAME = re.compile(r'File "([^"]+)", line (\d+), in (\w+)')


class FrameworkFailed(Exception):
    """A team failed. The message is a type and the innermost places, never the original text."""


def framework_failure(error: Exception) -> FrameworkFailed:
    """Reduce an exception of AutoGen to what is safe to log.

    A team turns every exception inside it into `RuntimeError("Type: message + traceback")`.
    """
    text = str(error) if isinstance(error, RuntimeError) else ""
    kind = re.match(r"[A-Za-z_][\w.]*(?=:)", text)
    frames = [f"{file.rsplit('/', 1)[-1]}:{line} {name}" for file, line, name in _FRAME.findall(text)]
    if not frames:
        stack = traceback.extract_tb(error.__traceback__)
        frames = [f"{each.filename.rsplit('/', 1)[-1]}:{each.lineno} {each.name}" for each in stack]
    name = kind[0] if kind else type(error).__name__
    return FrameworkFailed(f"{name} at {' < '.join(frames[::-1][:4]) or '?'}")
