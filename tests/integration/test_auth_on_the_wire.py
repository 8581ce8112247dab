"""What a caller sees of a refusal: status, challenge, CORS, and nothing more."""

from pathlib import Path

import pytest

from tests.fixtures.app import ORIGIN
from tests.fixtures.clerk import Issuer, JwksServer

WHO = """
from runtime import Function, User

config = Function({config})


async def get(user: User) -> str:
    return user.user_id
"""


@pytest.fixture
def functions(tmp_path: Path) -> Path:
    for name, config in {
        "plain": "",
        "fresh": 'reverification="strict"',
        "reader": 'permission="org:signals:read"',
        "feed": 'token_types=("m2m_token",)',
    }.items():
        (tmp_path / f"{name}.py").write_text(WHO.replace("{config}", config), "utf-8")
    return tmp_path


async def test_a_refused_token_is_401_with_its_reason_and_cors_headers(compose, functions):
    async with compose(functions) as caller:
        answer = await caller.signed("GET", "/plain", claims={"exp": 1}, headers={"Origin": ORIGIN})

    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert 'error="invalid_token", error_description="token-expired"' in answer.headers["WWW-Authenticate"]
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN


async def test_no_token_is_401_without_an_error_code(compose, functions):
    async with compose(functions) as caller:
        answer = await caller.anonymous("GET", "/plain")

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert "error=" not in answer.headers["WWW-Authenticate"]


async def test_a_missing_permission_is_403_and_tells_nothing_else(compose, functions):
    async with compose(functions) as caller:
        answer = await caller.signed("GET", "/reader", claims={"o": {"id": "org_secret", "rol": "member"}})

    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert "WWW-Authenticate" not in answer.headers
    for word in ("org_secret", "signals:read", "user_ada"):
        assert word not in answer.text


async def test_a_stale_sign_in_is_told_in_the_words_that_clerks_components_understand(compose, functions):
    async with compose(functions) as caller:
        answer = await caller.signed("GET", "/fresh", claims={"fva": [30, -1]})

    assert answer.status_code == 403
    assert answer.json()["clerk_error"] == {
        "type": "forbidden",
        "reason": "reverification-error",
        "metadata": {"reverification": {"level": "second_factor", "afterMinutes": 10}},
    }


async def test_a_fresh_sign_in_passes(compose, functions):
    async with compose(functions) as caller:
        answer = await caller.signed("GET", "/fresh", claims={"fva": [5, -1]})

    assert answer.json() == "user_ada"


async def test_a_machine_passes_only_where_it_is_named(compose, functions, issuer: Issuer):
    token = issuer.token(sub="mch_feed", headers={"cat": None})
    bearer = {"Authorization": f"Bearer {token}"}
    async with compose(functions) as caller:
        named = await caller.anonymous("GET", "/feed", headers=bearer)
        elsewhere = await caller.anonymous("GET", "/plain", headers=bearer)

    assert named.json() == "mch_feed"
    assert elsewhere.status_code == 401
    assert "token-type-mismatch" in elsewhere.headers["WWW-Authenticate"]


async def test_an_outage_of_the_keys_is_503_with_retry_after_and_cors_headers(
    compose, functions, jwks: JwksServer
):
    jwks.break_down()
    async with compose(functions, CLERK_JWT_KEY="", CLERK_JWKS_URL=jwks.url) as caller:
        answer = await caller.signed("GET", "/plain", headers={"Origin": ORIGIN})

    assert (answer.status_code, answer.json()["code"]) == (503, "auth_unavailable")
    assert int(answer.headers["Retry-After"]) >= 1
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
