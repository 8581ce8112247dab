"""What can be reported about a failure inside AutoGen without repeating a word of a conversation."""

import re

_FRAME = re.compile(r'File "([^"]+)", line (\d+), in (\w+)')


class FrameworkFailed(Exception):
    """A team broke off. The message is a type and the innermost places, never the original text."""


def framework_failure(error: RuntimeError) -> FrameworkFailed:
    """Reduce AutoGen's `RuntimeError("Type: message + traceback")` to what is safe to log."""
    text = str(error)
    kind = re.match(r"[A-Za-z_][\w.]*(?=:)", text)
    frames = [f"{file.rsplit('/', 1)[-1]}:{line} {name}" for file, line, name in _FRAME.findall(text)]
    return FrameworkFailed(f"{kind[0] if kind else 'RuntimeError'} at {' < '.join(frames[::-1][:4]) or '?'}")
