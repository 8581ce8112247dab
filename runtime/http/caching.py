"""Which caches may store a response: what depends on a caller never reaches another (RFC 9111, 3.5, 4.1)."""

from runtime.asgi.messages import Fields

_CREDENTIALS = b"Authorization, Cookie"
_SHARED = (b"public", b"s-maxage", b"proxy-revalidate")
_SAFE = {b"private", b"no-store", b"no-cache"}
_DROPPED = {b"vary", b"surrogate-control"} | {
    prefix + b"cdn-cache-control" for prefix in (b"", b"cloudflare-", b"netlify-", b"vercel-")
}
"""`Vary` is written anew; the others speak to shared caches alone, past `Cache-Control` (RFC 9213)."""


def varied(headers: Fields, *, is_public: bool) -> Fields:
    """Return the headers of a response with one `Vary`, which names the credentials unless `is_public`.

    One, because nginx before 1.23 uses only the last. Shared caches may not store what is not public,
    whatever the function has written.
    """
    vary = [value for name, value in headers if name == b"vary"]
    if is_public:
        others = [field for field in headers if field[0] != b"vary"]
    else:
        vary.append(_CREDENTIALS)
        others = [
            (name, _private(value) if name == b"cache-control" else value)
            for name, value in headers
            if name not in _DROPPED
        ]
    others.append((b"vary", b", ".join(vary)))
    return others


def _private(directives: bytes) -> bytes:
    """Remove the directives that let a shared cache store a response, and forbid it."""
    if directives in _SAFE:
        return directives
    given = [directive.strip() for directive in directives.split(b",")]
    kept = [each for each in given if not each.lower().startswith(_SHARED)]
    is_safe = any(each.lower() in _SAFE for each in kept)
    return b", ".join(kept if is_safe else [b"private", *kept])
