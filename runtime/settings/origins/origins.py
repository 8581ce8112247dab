"""Which web origins may read answers: exact ones and anchored patterns, decided once, asked per request.

The public suffix list decides whether strangers can register what a pattern admits.
"""

import re
from collections.abc import Iterable, Iterator

from msgspec import Struct

from runtime.settings.origins import suffixes

PREVIEWS = (
    "keep a part of the name that only you can claim: serve previews below a domain of your own and write "
    "https://*.preview.example.com"
)
"""The pattern that no stranger can match."""

_ORIGIN = re.compile(r"https?://[A-Za-z0-9*-]+(\.[A-Za-z0-9*-]+)*(:\d{1,5})?")


class Origins(Struct, frozen=True):
    """The compiled list.

    Attributes:
        exact: origins as browsers send them.
        patterns: one expression for all patterns, None without any.
        everyone: `*` was listed.
    """

    exact: frozenset[str]
    patterns: re.Pattern[str] | None
    everyone: bool

    def allow(self, origin: str) -> bool:
        """Whether a page of `origin` may read the answer."""
        if self.everyone or origin in self.exact:
            return True
        return self.patterns is not None and self.patterns.fullmatch(origin) is not None


def compile_origins(listed: Iterable[str]) -> Origins:
    """Compile entries that `faults` found nothing wrong with.

    A `*` inside a pattern stands for letters, digits and dashes of one host label; it never crosses a dot.
    """
    entries = [entry.lower() for entry in listed]
    patterns = [entry for entry in entries if "*" in entry and entry != "*"]
    expression = "|".join(re.escape(entry).replace(r"\*", "[a-z0-9-]+") for entry in patterns)
    exact = frozenset(entry for entry in entries if "*" not in entry)
    return Origins(exact, re.compile(expression) if patterns else None, "*" in entries)


def faults(listed: Iterable[str]) -> Iterator[str]:
    """Yield a sentence for each entry that is not an origin, or that admits unknown sites.

    It names an entry by its number: a text in the wrong variable can be a secret.
    """
    for number, entry in enumerate(listed, 1):
        if entry == "*":
            continue
        if not _ORIGIN.fullmatch(entry):
            yield f"entry {number} is not an origin; write scheme and host alone, such as https://app.example.com"
        elif (open_host := open_below(entry)) is not None:
            yield f"entry {number} admits {_everybody(open_host)}; {PREVIEWS}"


def claimable(listed: Iterable[str]) -> Iterator[str]:
    """Yield a sentence for each sound pattern that a stranger's project could be named to match."""
    for number, entry in enumerate(listed, 1):
        host = _host(entry)
        if "*" in host and (below := suffixes.suffix_of(host)) and "*" in _own_label(host, below):
            yield f"entry {number} also admits a project that a stranger names to match it; {PREVIEWS}"


def open_below(entry: str) -> str | None:
    """Return the host below which a pattern admits names that anybody can register, None if it admits none.

    The public suffix list says where strangers register names: below ``com``, ``co.uk``, ``vercel.app``.
    """
    host = _host(entry)
    if "*" not in host or host.endswith(".localhost"):
        return None
    below = suffixes.suffix_of(host)
    if below is None:  # a private network's names; but not where the star is the last of them
        return "" if "*" in host.rpartition(".")[2] else None
    own = _own_label(host, below)
    if "*" in below or (not own and "*" in host):
        return ""
    # At a hosting company what follows the last star must be ours; a domain can be bought whatever it is.
    is_ours = own.rpartition("*")[2].strip("-") and not suffixes.is_sold(below)
    return below if "*" in own and not is_ours else None


def _host(entry: str) -> str:
    return entry.lower().partition("://")[2].partition(":")[0]


def _own_label(host: str, below: str) -> str:
    """Return the label that somebody registers directly below a public suffix."""
    return host.removesuffix(below).rstrip(".").rpartition(".")[2]


def _everybody(host: str) -> str:
    return f"every site on {host}" if host else "every site of the internet"
