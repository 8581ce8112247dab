"""The session cookie: only where it is allowed, only from our own pages, the right one of several."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.auth import Authenticator
from runtime.auth.clerk.cookies import SessionCookies, suffix_of
from runtime.config import Policy
from runtime.settings.groups.clerk import ClerkSettings
from shared.errors import AnnexError, Unauthenticated
from tests.fixtures.clerk import HOST, Issuer, by_clerk, caller, scope

PAGE = "https://app.signals.example"
JSON = "application/json"


def settings(issuer: Issuer, **changes: Any) -> ClerkSettings:
    usual: dict[str, Any] = {
        "jwt_key": issuer.pem,
        "publishable_key": issuer.publishable_key,
        "authorized_parties": (PAGE,),
        "accept_cookies": True,
    }
    return ClerkSettings(**usual | changes)


@pytest.fixture(scope="module")
def authenticator(issuer: Issuer) -> Authenticator:
    return by_clerk(settings(issuer), production=True)


async def refusal(authenticator: Authenticator, request: dict[str, Any], policy: Policy | None = None) -> str:
    with pytest.raises(Unauthenticated) as caught:
        await authenticator.authenticate(request, policy or Policy())
    return caught.value.reason


async def test_a_cookie_is_ignored_unless_a_setting_accepts_it(issuer):
    closed = by_clerk(settings(issuer, accept_cookies=False), production=True)

    assert await refusal(closed, scope(cookie=f"__session={issuer.token()}")) == "token-missing"


async def test_the_session_cookie_of_our_own_page_passes(authenticator, issuer):
    cookie = f"theme=dark; __session={issuer.token(sub='user_grace')}; lang=en"

    assert (await caller(authenticator, None, cookie=cookie, origin=PAGE)).user_id == "user_grace"


async def test_a_bearer_token_wins_over_a_cookie(authenticator, issuer):
    cookie = f"__session={issuer.token(sub='user_cookie')}"

    assert (
        await caller(authenticator, issuer.token(sub="user_header"), cookie=cookie)
    ).user_id == "user_header"


async def test_a_refused_bearer_token_is_not_replaced_by_a_cookie(authenticator, issuer):
    request = scope(issuer.token(exp=1), cookie=f"__session={issuer.token()}", origin=PAGE)

    assert await refusal(authenticator, request) == "token-expired"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": PAGE},
        {"sec_fetch_site": "same-origin"},
        {"sec_fetch_site": "same-site"},
        {"sec_fetch_site": "none"},
    ],
)
async def test_reading_with_a_cookie(authenticator, issuer, method, headers):
    request = scope(method=method, cookie=f"__session={issuer.token()}", **headers)

    assert await authenticator.authenticate(request, Policy()) is not None


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content_type": JSON},
        {"content_type": f"{JSON}; charset=utf-8"},
        {"content_type": "application/merge-patch+json"},
    ],
)
async def test_writing_with_a_cookie_from_our_own_page(authenticator, issuer, method, headers):
    request = scope(method=method, cookie=f"__session={issuer.token()}", origin=PAGE, **headers)

    assert await authenticator.authenticate(request, Policy()) is not None


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("GET", {"origin": "https://evil.example"}),
        ("GET", {"origin": "null"}),
        ("GET", {"sec_fetch_site": "cross-site"}),
        ("POST", {}),
        ("POST", {"sec_fetch_site": "same-origin"}),
        ("POST", {"content_type": JSON}),
        ("POST", {"content_type": JSON, "origin": "null"}),
        ("POST", {"content_type": JSON, "origin": "https://evil.example"}),
        ("POST", {"content_type": JSON, "origin": PAGE + ".evil.example"}),
        ("POST", {"content_type": JSON, "origin": "http://app.signals.example"}),
        ("POST", {"content_type": "text/plain", "origin": PAGE}),
        ("POST", {"content_type": "application/x-www-form-urlencoded", "origin": PAGE}),
        ("POST", {"content_type": "multipart/form-data; boundary=x", "origin": PAGE}),
        ("POST", {"content_type": "text/plain; application/json", "origin": PAGE}),
        ("DELETE", {"origin": "https://evil.example"}),
    ],
)
async def test_a_request_that_another_site_may_have_caused_is_refused(authenticator, issuer, method, headers):
    request = scope(method=method, cookie=f"__session={issuer.token()}", **headers)

    assert await refusal(authenticator, request) == "cookie-cross-site"


async def test_a_cookie_of_another_origins_token_is_refused(authenticator, issuer):
    request = scope(cookie=f"__session={issuer.token(azp='https://blog.signals.example')}", origin=PAGE)

    assert await refusal(authenticator, request) == "token-invalid-authorized-parties"


@pytest.mark.parametrize("updated", ["0", "9999999999"])
async def test_a_session_older_than_the_last_sign_in_or_out_is_refused(authenticator, issuer, updated):
    request = scope(cookie=f"__session={issuer.token()}; __client_uat={updated}")

    assert await refusal(authenticator, request) == "cookie-outdated"


async def test_a_session_newer_than_the_last_sign_in_passes(authenticator, issuer):
    cookie = f"__session={issuer.token()}; __client_uat={int(time.time()) - 100}"

    assert (await caller(authenticator, None, cookie=cookie)).user_id == "user_ada"


async def test_a_machine_token_in_a_cookie_is_refused_even_where_machines_pass(authenticator, issuer):
    token = issuer.token(sub="mch_1", headers={"cat": None})
    policy = Policy(token_types=("session", "m2m_token"))
    await caller(authenticator, token, policy)

    assert await refusal(authenticator, scope(cookie=f"__session={token}"), policy) == "token-type-mismatch"


def test_the_suffix_is_that_of_clerks_own_scripts():
    # From @clerk/shared: getCookieSuffix("pk_live_Y2xlcmsuZXhhbXBsZS5jb20k").
    assert suffix_of("pk_live_Y2xlcmsuZXhhbXBsZS5jb20k") == "naoXFJnI"


NOW = int(time.time())


@pytest.mark.parametrize(
    ("condition", "plain", "suffixed", "uats", "chosen"),
    [
        ("only a plain one", {}, None, {}, "plain"),
        ("only a suffixed one, with its age", None, {}, {"__client_uat_S": "1"}, "suffixed"),
        ("only a suffixed one, without its age", None, {}, {}, None),
        ("a plain one without issuer", {"iss": None}, {}, {"__client_uat_S": "1"}, "plain"),
        ("a plain one of another instance", {"iss": "https://clerk.else.example"}, {}, {}, "suffixed"),
        ("both, the plain one newer", {"iat": NOW}, {"iat": NOW - 9}, {"__client_uat_S": "1"}, "plain"),
        ("both, the suffixed one newer", {"iat": NOW - 9}, {"iat": NOW}, {"__client_uat_S": "1"}, "suffixed"),
        (
            "both, the suffixed one signed out",
            {"iat": NOW - 9},
            {"iat": NOW},
            {"__client_uat_S": "0"},
            "plain",
        ),
        (
            "both, the plain one newer but signed out",
            {"iat": NOW},
            {"iat": NOW - 9},
            {"__client_uat_S": "1", "__client_uat": "0"},
            "suffixed",
        ),
    ],
)
def test_the_right_one_of_several_cookies_is_chosen(issuer, condition, plain, suffixed, uats, chosen):
    tokens = {
        name: issuer.token(**claims)
        for name, claims in (("plain", plain), ("suffixed", suffixed))
        if claims is not None
    }
    cookies = dict(uats)
    if "plain" in tokens:
        cookies["__session"] = tokens["plain"]
    if "suffixed" in tokens:
        cookies["__session_S"] = tokens["suffixed"]
    header = "; ".join(f"{name}={value}" for name, value in cookies.items()).encode()

    found = SessionCookies(origins=frozenset(), suffix="S", host=HOST).find("GET", [(b"cookie", header)])

    assert found == (tokens[chosen].encode() if chosen else None), condition


def test_without_a_publishable_key_only_the_plain_cookie_counts(issuer):
    header = f"__session_S={issuer.token()}; __session=plain".encode()

    assert SessionCookies(origins=frozenset()).find("GET", [(b"cookie", header)]) == b"plain"


@given(header=st.binary(max_size=200), method=st.sampled_from(["GET", "POST"]))
async def test_no_bytes_of_a_cookie_break_anything(authenticator, header, method):
    request = {"method": method, "headers": [(b"cookie", b"__session=" + header)]}

    with pytest.raises(AnnexError) as caught:
        await authenticator.authenticate(request, Policy())

    assert isinstance(caught.value, Unauthenticated)
