"""Which web origins may read answers: exact ones and anchored patterns, decided once, asked per request."""

import re
from collections.abc import Iterable, Iterator

from msgspec import Struct

CLAIMABLE = (
    "vercel.app",
    "railway.app",
    "netlify.app",
    "pages.dev",
    "workers.dev",
    "herokuapp.com",
    "github.io",
)
"""Hosts where anybody can register a name: a bare `*` there would admit unknown sites."""

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
        elif (host := _open_host(entry)) is not None:
            yield (
                f"entry {number} admits every site on {host}; keep a part of the name that only you can "
                f"claim, such as https://app-*-yourteam.{host}"
            )


def _open_host(entry: str) -> str | None:
    """Return the claimable host whose every name an entry matches, if it does."""
    host = entry.partition("://")[2].partition(":")[0]
    for claimable in CLAIMABLE:
        name = host.removesuffix(f".{claimable}")
        # What follows the last star must be ours: `app-*` is a prefix that anybody can register.
        if name != host and "*" in name and not name.rpartition("*")[2].strip("-.").removeprefix("up"):
            return claimable
    return None
