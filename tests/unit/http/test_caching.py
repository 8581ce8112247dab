"""What a function's own headers may not undo."""

import pytest

from runtime.http.caching import cacheable


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        (b"max-age=5", b"private, max-age=5"),
        (b"Public, max-age=5", b"private, max-age=5"),
        (b"no-store, public", b"no-store"),
        (b"private, max-age=5", b"private, max-age=5"),
        (b"no-cache", b"no-cache"),
    ],
)
def test_an_answer_for_one_caller_is_never_left_to_shared_caches(written: bytes, sent: bytes) -> None:
    assert (b"cache-control", sent) in cacheable([(b"cache-control", written)], (), is_public=False)


@pytest.mark.parametrize("name", [b"cdn-cache-control", b"surrogate-control", b"vercel-cdn-cache-control"])
def test_fields_for_shared_caches_leave_only_with_a_public_answer(name: bytes) -> None:
    field = (name, b"max-age=60")

    assert field not in cacheable([field], (), is_public=False)
    assert field in cacheable([field], (), is_public=True)


def test_what_says_nothing_of_caches_is_stored_nowhere_and_varies_once() -> None:
    sent = cacheable([(b"a", b"b")], (b"Origin",), is_public=False)

    assert sent == [
        (b"a", b"b"),
        (b"cache-control", b"no-store"),
        (b"vary", b"Origin, Authorization, Cookie"),
    ]
