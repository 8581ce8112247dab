"""Function files are tried in a child process before they run in one that matters.

A file that ends its process, crashes it, holds its interpreter or changes it for good is refused by name;
what else is wrong with a file is found where it serves. The process that asks imports nothing but this
package and the standard library.
"""

from runtime.refusal import Refusal
from runtime.rehearsal.rehearsal import Rehearsal, rehearse
from runtime.rehearsal.start import forked

__all__ = ["Refusal", "Rehearsal", "forked", "rehearse"]
