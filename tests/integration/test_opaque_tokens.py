"""Opaque machine tokens, asked about at a real server that stands in for Clerk's Backend API."""

import asyncio
import gc
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from runtime.auth import Authenticator
from runtime.auth.clerk.machines import OpaqueTokens
from runtime.auth.outbound import Outbound
from runtime.config import Policy
from runtime.settings.groups.clerk import ClerkSettings
from shared.errors import KeysUnavailable, Unauthenticated
from shared.secret import Secret
from tests.fixtures.clerk import Issuer, JwksServer, by_clerk, caller, scope, serving

ANY = Policy(token_types=("session", "m2m_token", "oauth_token", "api_key"))


def says(**members: Any) -> bytes:
    usual = {
        "id": "ak_id_1",
        "subject": "user_ada",
        "scopes": ["signals:read"],
        "claims": {"desk": "rates"},
        "revoked": False,
        "expired": False,
        "expiration": None,
    }
    return json.dumps(usual | members).encode()


@pytest.fixture
async def api() -> AsyncIterator[JwksServer]:
    async with serving() as server:
        server.answer(says())
        yield server


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def opaque(api: JwksServer, clock: Clock) -> OpaqueTokens:
    url = api.url.removesuffix("/jwks")
    return OpaqueTokens(Outbound(), url, secrets={"api_key": Secret("sk_test_1")}, clock=clock)


def settings(api: JwksServer, issuer: Issuer, **changes: Any) -> ClerkSettings:
    usual: dict[str, Any] = {
        "jwt_key": issuer.pem,
        "api_url": api.url.removesuffix("/jwks"),
        "secret_key": Secret("sk_test_1"),
        "machine_secret_key": Secret("ak_machine_1"),
    }
    return ClerkSettings(**usual | changes)


@pytest.fixture
def authenticator(api: JwksServer, issuer: Issuer) -> Authenticator:
    return by_clerk(settings(api, issuer), production=False)


async def reason_of(authenticator: Authenticator, token: str, policy: Policy = ANY) -> str:
    with pytest.raises(Unauthenticated) as refusal:
        await authenticator.authenticate(scope(token), policy)
    return refusal.value.reason


@pytest.mark.parametrize(
    ("token", "kind", "path", "member", "secret"),
    [
        ("mt_1", "m2m_token", "/v1/m2m_tokens/verify", "token", "ak_machine_1"),
        ("oat_1", "oauth_token", "/v1/oauth_applications/access_tokens/verify", "access_token", "sk_test_1"),
        ("ak_1", "api_key", "/v1/api_keys/verify", "secret", "sk_test_1"),
    ],
)
async def test_an_opaque_token_is_asked_about_as_clerks_sdk_does(
    authenticator, api, token, kind, path, member, secret
):
    user = await caller(authenticator, token, ANY)

    assert (user.user_id, user.token_type) == ("user_ada", kind)
    assert user.scopes == {"signals:read"}
    assert api.paths == [path]
    assert api.bodies == [json.dumps({member: token}, separators=(",", ":")).encode()]
    assert api.authorizations == [f"bearer {secret}"]


async def test_a_key_of_an_organisation_knows_which(authenticator, api):
    api.answer(says(subject="org_desk"))

    user = await caller(authenticator, "ak_1", Policy(token_types=("api_key",), org=True))

    assert user.organization is not None
    assert user.organization.id == "org_desk"


async def test_an_answer_is_remembered(authenticator, api):
    for _ in range(10):
        await caller(authenticator, "ak_1", ANY)

    assert api.fetches == 1


async def test_a_thousand_callers_with_one_key_cause_one_question(authenticator, api):
    api.gate.clear()
    callers = [asyncio.create_task(caller(authenticator, "ak_1", ANY)) for _ in range(1000)]
    await api.asked_for(1)
    api.gate.set()
    await asyncio.gather(*callers)

    assert api.fetches == 1


async def test_a_key_that_is_not_accepted_here_is_not_asked_about(authenticator, api):
    assert await reason_of(authenticator, "ak_1", Policy()) == "token-type-mismatch"
    assert api.fetches == 0


@pytest.mark.parametrize("status", ["400 Bad Request", "404 Not Found", "422 Unprocessable Entity"])
async def test_a_token_that_clerk_does_not_know_is_refused(authenticator, api, status):
    api.answer(b'{"errors": []}', status=status)

    assert await reason_of(authenticator, "ak_1") == "token-invalid"


async def test_a_refusal_is_remembered_too(authenticator, api):
    api.answer(b"", status="404 Not Found")
    for _ in range(10):
        await reason_of(authenticator, "ak_1")

    assert api.fetches == 1


@pytest.mark.parametrize(
    "members", [{"revoked": True}, {"expired": True}, {"active": False}, {"subject": ""}]
)
async def test_a_token_that_is_no_longer_good_is_refused(authenticator, api, members):
    api.answer(says(**members))

    assert await reason_of(authenticator, "ak_1") == "token-invalid"


async def test_an_expiration_in_milliseconds_is_kept(authenticator, api):
    api.answer(says(expiration=(time.time() - 60) * 1000))

    assert await reason_of(authenticator, "ak_1") == "token-expired"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        ("401 Unauthorized", b"{}"),
        ("403 Forbidden", b"{}"),
        ("429 Too Many Requests", b"{}"),
        ("500 Internal Server Error", b"{}"),
        ("302 Found", b""),
        ("200 OK", b"<html>"),
        ("200 OK", b'{"subject": 7}'),
        ("200 OK", b"[]"),
        ("200 OK", says(name="x" * 100_000)),
    ],
)
async def test_an_answer_that_says_nothing_about_the_token_is_503_and_never_401(
    authenticator, api, status, body
):
    api.answer(body, status=status)

    with pytest.raises(KeysUnavailable):
        await authenticator.authenticate(scope("ak_1"), ANY)


async def test_no_answer_is_503(authenticator, api):
    api.hang_up()

    with pytest.raises(KeysUnavailable):
        await authenticator.authenticate(scope("ak_1"), ANY)


async def test_an_outage_is_not_remembered(authenticator, api):
    api.break_down()
    with pytest.raises(KeysUnavailable):
        await authenticator.authenticate(scope("ak_1"), ANY)
    api.answer(says())

    assert (await caller(authenticator, "ak_1", ANY)).user_id == "user_ada"


async def test_a_failure_that_nobody_waits_for_any_more_makes_no_noise(authenticator, api, caplog):
    api.gate.clear()
    impatient = asyncio.create_task(authenticator.authenticate(scope("ak_1"), ANY))
    await api.asked_for(1)
    impatient.cancel()
    api.hang_up()
    api.gate.set()
    await asyncio.wait({task for task in asyncio.all_tasks() if task.get_name() == "opaque-token"})
    gc.collect()

    assert [record.message for record in caplog.records] == ["auth.machine.unanswered"]


async def test_invented_keys_are_asked_about_a_few_at_a_time(authenticator, api):
    api.gate.clear()
    callers = [asyncio.create_task(authenticator.authenticate(scope(f"ak_{n}"), ANY)) for n in range(100)]
    await api.asked_for(8)
    for _ in range(1000):
        await asyncio.sleep(0)
    under_way = api.fetches
    api.gate.set()
    await asyncio.gather(*callers)

    assert under_way == 8


async def test_without_a_secret_key_the_reason_is_told(api, issuer):
    without = settings(api, issuer, secret_key=None, machine_secret_key=None)
    authenticator = by_clerk(without, production=False)

    assert await reason_of(authenticator, "mt_1") == "token-type-not-configured"


@pytest.mark.parametrize(
    ("audience", "reason"),
    [(["annex"], ""), ("billing", "token-invalid-audience"), (None, "token-invalid-audience")],
)
async def test_an_opaque_oauth_token_is_for_our_audience_where_one_is_configured(
    api, issuer, audience, reason
):
    api.answer(says(aud=audience))
    authenticator = by_clerk(settings(api, issuer, audience=("annex",)), production=False)

    if reason:
        assert await reason_of(authenticator, "oat_1") == reason
    else:
        assert (await caller(authenticator, "oat_1", ANY)).token_type == "oauth_token"


async def test_what_the_answer_says_is_kept_but_not_the_token(authenticator, api):
    api.answer(says(token="mt_1", secret="ak_1"))

    user = await caller(authenticator, "mt_1", ANY)

    assert user.claims["claims"] == {"desk": "rates"}
    assert not {"token", "secret"} & set(user.claims)


async def test_a_public_function_does_not_wait_for_a_slow_backend_api_and_the_answer_is_kept(
    authenticator, api
):
    public = Policy(public=True, token_types=("session", "m2m_token", "oauth_token", "api_key"))
    api.gate.clear()

    assert await authenticator.authenticate(scope("ak_1"), public) is None

    api.gate.set()
    assert (await caller(authenticator, "ak_1", public)).user_id == "user_ada"
    assert api.fetches == 1


def settled(authenticator: Authenticator, token: str, *, address: str) -> asyncio.Task[Any]:
    given = scope(token) | {"client": (address, 1)}
    return asyncio.create_task(authenticator.authenticate(given, ANY))


async def test_a_flood_of_invented_keys_costs_no_known_key_anything(authenticator, api):
    await caller(authenticator, "ak_known", ANY)
    api.gate.clear()
    flood = [settled(authenticator, f"ak_{n}", address="192.0.2.1") for n in range(200)]
    await api.asked_for(9)

    known = await asyncio.gather(*(caller(authenticator, "ak_known", ANY) for _ in range(10)))

    assert {user.user_id for user in known} == {"user_ada"}
    api.gate.set()
    await asyncio.gather(*flood, return_exceptions=True)


async def test_a_known_key_is_asked_about_again_beside_a_flood(api, issuer):
    clock = Clock()
    machines = opaque(api, clock)
    await machines.verify("api_key", b"ak_known")
    clock.now += 61
    api.gate.clear()
    flood = [asyncio.create_task(machines.verify("api_key", b"ak_%d" % n)) for n in range(50)]
    await api.asked_for(9)
    again = asyncio.create_task(machines.verify("api_key", b"ak_known"))
    await api.asked_for(10)

    assert api.bodies[-1] == b'{"secret":"ak_known"}'
    api.gate.set()
    assert (await again).user.user_id == "user_ada"
    await asyncio.gather(*flood)


@pytest.mark.parametrize(
    "trouble", [JwksServer.break_down, JwksServer.hang_up, JwksServer.talk_garbage, JwksServer.send_too_much]
)
async def test_a_known_key_is_served_from_the_last_good_answer_while_clerk_fails(api, trouble):
    clock = Clock()
    machines = opaque(api, clock)
    await machines.verify("api_key", b"ak_known")
    trouble(api)
    clock.now += 61

    assert (await machines.verify("api_key", b"ak_known")).user.user_id == "user_ada"
    assert (await machines.verify("api_key", b"ak_known")).user.user_id == "user_ada"
    assert api.fetches == 2  # the failure is not repeated for every call

    clock.now += 600
    with pytest.raises(KeysUnavailable):
        await machines.verify("api_key", b"ak_known")


async def test_a_known_key_that_clerk_no_longer_accepts_is_refused(api):
    clock = Clock()
    machines = opaque(api, clock)
    await machines.verify("api_key", b"ak_known")
    api.answer(b"", status="404 Not Found")
    clock.now += 61
    with pytest.raises(Unauthenticated):
        await machines.verify("api_key", b"ak_known")
    api.break_down()
    clock.now += 61

    with pytest.raises(KeysUnavailable):
        await machines.verify("api_key", b"ak_known")


async def test_an_address_that_invents_keys_is_no_longer_asked_for_and_others_are(authenticator, api):
    api.answer(b"", status="404 Not Found")
    for n in range(32):
        with pytest.raises(Unauthenticated):
            await settled(authenticator, f"ak_{n}", address="192.0.2.1")
    asked = api.fetches

    with pytest.raises(KeysUnavailable) as refusal:
        await settled(authenticator, "ak_more", address="192.0.2.1")
    assert api.fetches == asked
    assert (refusal.value.retry_after or 0) >= 1

    api.answer(says())
    assert (await settled(authenticator, "ak_new", address="192.0.2.2")).user_id == "user_ada"
    assert (await settled(authenticator, "mt_new", address="192.0.2.1")).user_id == "user_ada"


async def test_an_address_with_many_good_keys_is_never_out_of_budget(authenticator):
    for n in range(100):
        assert await settled(authenticator, f"ak_{n}", address="192.0.2.1")


async def test_the_same_wrong_key_again_and_again_costs_once(authenticator, api):
    api.answer(b"", status="404 Not Found")
    for _ in range(100):
        with pytest.raises(Unauthenticated):
            await settled(authenticator, "ak_wrong", address="192.0.2.1")


async def test_a_flood_from_everywhere_is_refused_at_once_when_too_many_wait(authenticator, api):
    api.gate.clear()
    flood = [settled(authenticator, f"ak_{n}", address=f"192.0.{n // 250}.{n % 250}") for n in range(200)]
    await api.asked_for(8)

    with pytest.raises(KeysUnavailable):
        await settled(authenticator, "ak_late", address="203.0.113.9")
    machine = settled(authenticator, "mt_1", address="203.0.113.9")
    await api.asked_for(9)
    api.gate.set()

    assert (await machine).user_id == "user_ada"
    await asyncio.gather(*flood, return_exceptions=True)


async def test_a_flood_writes_few_lines(authenticator, api, caplog):
    api.hang_up()
    flood = [settled(authenticator, f"ak_{n}", address=f"192.0.{n // 250}.{n % 250}") for n in range(100)]
    await asyncio.gather(*flood, return_exceptions=True)

    assert 1 <= len([one for one in caplog.records if one.message == "auth.machine.unanswered"]) <= 3
