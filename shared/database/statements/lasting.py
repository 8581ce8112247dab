"""What a statement leaves in its session after its transaction, as far as its text tells.

Behind a transaction pooler the session belongs to the pooler, which lends it to others, the app among them.
What a function, a view or a trigger of the app does to a session is not seen here.
"""

import re
from typing import NamedTuple


class SessionTrace(NamedTuple):
    """One thing that outlives its transaction.

    Attributes:
        name: as it stands in the text, such as ``SET ROLE``.
        cure: what to do instead, as a clause.
    """

    name: str
    cure: str


_DIRECT = "use a second URL without the pooler for it"
_START = r"(?:^|; ?|\bAS )"
_LOCAL_CALL = re.compile(
    r"\bset_config\"? ?\((?:[^()]|\([^()]*\))*, ?true ?\)(?! ?::)", re.IGNORECASE | re.ASCII
)
_RULES = tuple(
    (re.compile(pattern, re.IGNORECASE | re.ASCII), cure)
    for pattern, cure in (
        (rf"{_START}(SET (?!LOCAL\b|CONSTRAINTS\b)(?:SESSION )?\"?\w+)", "use SET LOCAL in a transaction"),
        (r"\b(set_config)\b", "let its third argument be the word true, in a transaction"),
        (rf"{_START}(RESET)\b", "use SET LOCAL in a transaction, which needs none"),
        (
            r"\b(pg_(?:try_)?advisory_(?:lock|unlock)\w*)",
            "use pg_advisory_xact_lock or pg_try_advisory_xact_lock in a transaction",
        ),
        (rf"{_START}((?:UN)?LISTEN)\b", "use db.listen() with a URL without the pooler"),
        (rf"{_START}(PREPARE|EXECUTE|DEALLOCATE)\b", "send the statement itself with its parameters"),
        (r"\b(TEMP|TEMPORARY)\b(?!.*\bON COMMIT DROP\b)", "add ON COMMIT DROP, in a transaction"),
        (r"\b(pg_temp)\b", "use CREATE TEMP TABLE … ON COMMIT DROP in a transaction"),
        (r"\b(WITH HOLD)\b", "use db.iterate()"),
        (r"\b(UPDATE (?:pg_catalog\.)?pg_settings)\b", "use SET LOCAL in a transaction"),
        (rf"{_START}(DISCARD|LOAD)\b", _DIRECT),
        (r"\b(setseed)\b", _DIRECT),
        (rf"{_START}(DO)\b", "send its statements by themselves, in a transaction"),
        (r'(U&") ?', "write the name without escapes"),
    )
)


def lasting(text: str) -> SessionTrace | None:
    """Return the first thing in `text`, SQL without literals and comments, that outlives a transaction."""
    text = _LOCAL_CALL.sub(" ", text)
    for rule, cure in _RULES:
        if found := rule.search(text):
            return SessionTrace(found[1], cure)
    return None
