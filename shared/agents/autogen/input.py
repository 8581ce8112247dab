"""`input()` kept away from the terminal of the server."""

import builtins

from shared.agents.running.leftovers import current_owner

_read_line = builtins.input


def guard_input() -> None:
    """Let `input()` raise inside a run, for the whole process; idempotent.

    `UserProxyAgent` calls it in a thread where the developer gave it no input function. The run ends with
    `input_required` at that agent's event; the thread must not read what an operator types meanwhile.
    """
    builtins.input = _input


def _input(prompt: object = "", /) -> str:
    if current_owner() is None:
        return _read_line(prompt)
    raise RuntimeError(
        "input() reads the server's terminal; an agent run asks with UserProxyAgent or ask_user"
    )
