"""Agent libraries kept from logging what people and models wrote."""

import logging
import os

_LOGGERS = (
    "autogen_agentchat",
    "autogen_agentchat.events",
    "autogen_core",
    "autogen_core.events",
    "autogen_core.trace",
    "autogen_ext",
    "openai",
)
"""They log whole messages, at levels from DEBUG to ERROR."""


def silence() -> None:
    """Switch off what carries whole messages: the libraries' loggers and the spans of AutoGen's runtimes.

    Called when the service starts, before any of them is imported, since a function may build a team of its
    own; and once more after the import, which may have set a level.
    """
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    # Written, not read: AutoGen knows no other switch for runtimes that somebody else makes.
    os.environ.setdefault("AUTOGEN_DISABLE_RUNTIME_TRACING", "true")  # noqa: TID251  see above
