"""The interpreter's own settings while it serves (docs/measurements.md has what they are worth)."""

import gc
import sys

SWITCH_INTERVAL = 0.0005  # seconds that a thread keeps the interpreter while others wait for it


def settle() -> None:
    """Leave what is loaded out of every later garbage collection, and let threads take turns more often.

    Called once, when the functions are loaded and before anything is served: without it a function file that
    holds much data makes each full collection, in whatever request it falls, go through all of it.
    """
    gc.collect()
    gc.freeze()
    sys.setswitchinterval(SWITCH_INTERVAL)
