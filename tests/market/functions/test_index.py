"""`GET /` and `GET /me`."""

from tests.fixtures.app import Caller, permitted


async def test_the_card_is_public_and_may_be_cached(caller: Caller):
    response = await caller.anonymous("GET", "/")
    assert response.json()["name"] == "annex"
    assert response.headers["cache-control"] == "public, max-age=60"


async def test_me_tells_what_the_token_says(caller: Caller):
    response = await caller.signed("GET", "/me", claims=permitted("org:signals:write"))
    assert response.json() == {
        "userId": "user_ada",
        "sessionId": "sess_1",
        "organizationId": "org_1",
        "role": "org:admin",
        "permissions": ["org:signals:write"],
    }


async def test_me_without_a_token_is_refused(caller: Caller):
    assert (await caller.anonymous("GET", "/me")).status_code == 401
