"""Below which names strangers register names of their own: the public suffix list (publicsuffix.org).

It is read when the first pattern asks; a service that lists exact origins never reads it.
"""

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList


def suffix_of(host: str) -> str | None:
    """Return the public suffix that ends `host`, whose labels may hold stars; None where there is none."""
    labels = host.split(".")
    found = _listed().publicsuffix(".".join(label.replace("*", "x") for label in labels))
    return ".".join(labels[-(found.count(".") + 1) :]) if found else None


def is_sold(suffix: str) -> bool:
    """Whether anybody can buy a domain below a suffix; elsewhere a hosting company gives names away."""
    return _listed(sold=True).publicsuffix(suffix) == suffix


@cache
def _listed(*, sold: bool = False) -> "PublicSuffixList":
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList(accept_unknown=False, only_icann=sold)
