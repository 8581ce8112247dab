"""The content codings that are installed, and which of them a caller likes most (RFC 9110, 12.5.3)."""

import re
import sys
import zlib
from collections.abc import Callable
from functools import lru_cache, partial

type Compress = Callable[[bytes], bytes]


def _installed() -> dict[bytes, Compress]:
    """Return the codings by name, the best first: zstd, brotli where they are installed, gzip."""
    codings: dict[bytes, Compress] = {}
    if zstd := _zstd():
        codings[b"zstd"] = zstd
    try:
        import brotli  # type: ignore[import-untyped]
    except ImportError:
        pass
    else:
        codings[b"br"] = partial(brotli.compress, mode=brotli.MODE_TEXT, quality=4)
    return codings | {b"gzip": partial(zlib.compress, level=1, wbits=31)}


def _zstd() -> Compress | None:
    if sys.version_info >= (3, 14):
        from compression import zstd

        return partial(zstd.compress, level=1)
    try:
        import zstandard
    except ImportError:
        return None
    # Made for each body: a compressor is not to be shared between threads.
    return lambda body: zstandard.ZstdCompressor(level=1).compress(body)


CODINGS = _installed()


@lru_cache(64)
def coding_of(accepted: bytes) -> bytes | None:
    """Return the coding that an `Accept-Encoding` likes most, the better of two equals; None for none."""
    weights: dict[bytes, float] = {}
    for each in accepted.lower().split(b","):
        name, _, parameter = each.partition(b";")
        weight = re.fullmatch(rb"\s*q\s*=\s*([01](?:\.\d*)?)\s*", parameter)
        weights[name.strip()] = float(weight[1]) if weight else float(not parameter.strip())
    rest = weights.get(b"*", 0.0)
    best = max(CODINGS, key=lambda coding: weights.get(coding, rest))
    return best if weights.get(best, rest) > 0 else None
