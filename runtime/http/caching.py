"""Which caches may store a response: what depends on a caller never reaches another (RFC 9111, 3.5, 4.1)."""

from runtime.asgi.messages import Fields

_CREDENTIALS = b"Authorization, Cookie"
_SHARED = (b"public", b"s-maxage", b"proxy-revalidate")
_SAFE = {b"private", b"no-store", b"no-cache"}
_DROPPED = {b"surrogate-control"} | {
    prefix + b"cdn-cache-control" for prefix in (b"", b"cloudflare-", b"netlify-", b"vercel-")
}
"""They speak to shared caches alone, past `Cache-Control` (RFC 9213)."""


CONCERNED = frozenset({b"vary", b"cache-control", b"set-cookie", *_DROPPED})
"""Names of the header fields that matter to caches."""
NO_STORE = (b"cache-control", b"no-store")


def cacheable(own: Fields, vary: tuple[bytes, ...], *, is_public: bool) -> Fields:
    """Return a response's own headers with `Cache-Control`, and one `Vary`, which names the credentials.

    One, because nginx before 1.23 uses only the last. Shared caches may not store what is not public,
    whatever the function has written; nobody may store what says nothing.

    Args:
        own: what the function and the stages have written.
        vary: what every response varies by.
        is_public: the response depends on no caller, and does not vary by credentials.
    """
    kept: Fields = []
    varies: list[bytes] = []
    names = dict(own)
    if b"cache-control" not in names:
        own = [*own, NO_STORE]
    is_public = is_public and b"set-cookie" not in names  # a cookie is one caller's
    for field in own:
        name, value = field
        if name == b"vary":
            varies.append(value)
        elif is_public:
            kept.append(field)
        elif name == b"cache-control":
            kept.append((name, _private(value)))
        elif name not in _DROPPED:
            kept.append(field)
    varies.extend(vary if is_public else (*vary, _CREDENTIALS))
    kept.append((b"vary", b", ".join(varies)))
    return kept


def _private(directives: bytes) -> bytes:
    """Remove the directives that let a shared cache store a response, and forbid it."""
    if directives in _SAFE:
        return directives
    given = [directive.strip() for directive in directives.split(b",")]
    kept = [each for each in given if not each.lower().startswith(_SHARED)]
    is_safe = any(each.lower() in _SAFE for each in kept)
    return b", ".join(kept if is_safe else [b"private", *kept])
