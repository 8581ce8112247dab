"""What may follow a statement that failed: the one rule for trying a statement again.

Only what changed nothing for certain is tried again: docs/adr/0035-what-is-tried-again.md.
"""

from typing import Any, Protocol

from shared.database.errors import ArgumentRefused, PoolerDetected, SchemaChanged, ValueRefused
from shared.database.values.arguments import anew, unreadable
from shared.errors import OutcomeUnknown

UNSENT = (ArgumentRefused, ValueRefused)
"""What the driver said without the server: an open transaction is as it was."""
REPEATABLE = (*UNSENT, PoolerDetected, SchemaChanged)


class SchemaOwner(Protocol):
    """The pool, as a repeat sees it."""

    async def reload_schema(self) -> None:
        """Forget what is known of tables and types."""


async def repeated(verb: Any, fault: Exception, pool: SchemaOwner) -> Any:
    """Return the verb with which the statement is sent once more after `fault`, one of `REPEATABLE`.

    Raises:
        OutcomeUnknown: it was executed, and only its result could not be read.
    """
    if isinstance(fault, ArgumentRefused):
        return anew(verb)
    if isinstance(fault, ValueRefused):
        return unreadable(fault.cause)  # which executes nothing
    if isinstance(fault, SchemaChanged):
        await pool.reload_schema()
        if fault.done:
            raise OutcomeUnknown from None
    return verb
