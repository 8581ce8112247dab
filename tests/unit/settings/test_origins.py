"""Which web origins may read answers."""

import pytest

from runtime.settings.origins.origins import claimable, compile_origins, faults


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
    ("entry", "below"),
    [
        ("https://*.vercel.app", "every site on vercel.app"),
        ("https://app-*.vercel.app", "every site on vercel.app"),
        ("https://*.VERCEL.app:8443", "every site on vercel.app"),
        ("https://*.up.railway.app", "every site on up.railway.app"),
        ("https://*.onrender.com", "every site on onrender.com"),
        ("https://app-*.fly.dev", "every site on fly.dev"),
        ("https://*.azurewebsites.net", "every site on azurewebsites.net"),
        ("https://*.com", "every site on com"),
        ("https://app-*-acme.com", "every site on com"),
        ("https://*.co.uk", "every site on co.uk"),
        ("https://*acme.co.uk", "every site on co.uk"),
        ("https://www.*.com", "every site on com"),
        ("https://a.*.co.uk", "every site on co.uk"),
        ("https://app.us-*-1.compute.amazonaws.com", "every site of the internet"),
        ("https://acme.*", "every site of the internet"),
        ("https://*.*", "every site of the internet"),
        ("https://acme.c*m", "every site of the internet"),
        ("https://*", "every site of the internet"),
    ],
)
def test_a_pattern_that_anybody_can_match_is_refused(entry: str, below: str):
    (problem,) = faults([entry])

    assert below in problem
    assert "https://*.preview.example.com" in problem


@pytest.mark.parametrize(
    ("entry", "count"),
    [
        ("https://app-*-acme.vercel.app", 1),
        ("https://app.example.com", 0),
        ("https://acme.vercel.app", 0),
        ("https://*.preview.acme.com", 0),
        ("https://*.acme.vercel.app", 0),
        ("*", 0),
    ],
)
def test_a_pattern_that_a_strangers_project_can_match_is_told(entry: str, count: int):
    assert len(list(claimable([entry]))) == count


@pytest.mark.parametrize(
    "entry",
    [
        "*",
        "https://app-*-acme.vercel.app",
        "https://acme.vercel.app",
        "https://*.example.com",
        "https://*.acme.co.uk",
        "https://a-*.preview.acme.com",
        "http://*.localhost:3000",
        "http://*.annex.internal",
        "https://localhost",
    ],
)
def test_a_sound_entry_has_no_fault(entry: str):
    assert list(faults([entry])) == []
