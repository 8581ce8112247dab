"""Every thread is known to the parent before it runs anything.

One that holds the interpreter lets nobody note it any more, and its worker's stacks name threads otherwise
than the system does, which tells what each has of the processor.
"""

import os
import threading

from runtime.server.parent.ledger import Ledger


def note_threads(ledger: Ledger) -> None:
    """From now on each thread is in the ledger before it runs."""
    own = os.getpid()
    run = threading.Thread.run

    def noted(self: threading.Thread) -> None:
        if os.getpid() == own:  # not in a fork, which shares the memory
            note_all(ledger)
        run(self)

    threading.Thread.run = noted  # type: ignore[method-assign]  # so that those of functions are noted too


def note_all(ledger: Ledger) -> None:
    """Write the numbers of all threads that there are now."""
    ledger.threads = {
        each.ident: each.native_id for each in threading.enumerate() if each.ident and each.native_id
    }
