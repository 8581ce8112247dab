"""Which web origins may read answers."""

import pytest

from runtime.settings.origins import compile_origins, faults


@pytest.mark.parametrize(
    ("listed", "origin", "allowed"),
    [
        ("https://app.example.com", "https://app.example.com", True),
        ("https://app.example.com", "http://app.example.com", False),
        ("https://app.example.com", "https://app.example.com.evil.test", False),
        ("https://APP.example.com", "https://app.example.com", True),
        ("http://localhost:3000", "http://localhost:3001", False),
        ("https://app-*-acme.vercel.app", "https://app-git-main-acme.vercel.app", True),
        ("https://app-*-acme.vercel.app", "https://app-x.evil-acme.vercel.app", False),
        ("https://*.example.com", "https://evil.com/https://a.example.com", False),
        ("https://*.example.com", "https://a.b.example.com", False),
        ("*", "https://anything.test", True),
        ("https://app.example.com", "null", False),
    ],
)
def test_an_origin_is_allowed_only_where_it_is_listed(listed: str, origin: str, allowed: bool):
    assert compile_origins([listed]).allow(origin) is allowed


@pytest.mark.parametrize(
    "entry",
    [
        "app.example.com",
        "https://app.example.com/",
        "https://app.example.com/path",
        "ftp://x.test",
        "https://",
    ],
)
def test_what_is_not_an_origin_is_told_how_to_write_one(entry: str):
    assert "write scheme and host alone" in next(faults([entry]))


@pytest.mark.parametrize(
    "entry", ["https://*.vercel.app", "https://app-*.vercel.app", "https://*.up.railway.app"]
)
def test_a_pattern_that_anybody_can_match_is_refused(entry: str):
    assert "only you can claim" in next(faults([entry]))


@pytest.mark.parametrize(
    "entry", ["*", "https://app-*-acme.vercel.app", "https://acme.vercel.app", "https://*.example.com"]
)
def test_a_sound_entry_has_no_fault(entry: str):
    assert list(faults([entry])) == []
