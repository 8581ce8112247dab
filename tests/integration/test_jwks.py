"""Keys over HTTP, from a real server that rotates, dawdles, falls over and lies; every fetch is counted."""

import asyncio
import logging

import pytest

from runtime.auth.clerk import ClerkIdentity
from runtime.auth.outbound import Outbound
from runtime.auth.tokens.key_sets import KeyTimes, RemoteKeys
from runtime.config import Policy
from runtime.settings.groups.clerk import ClerkSettings
from shared.errors import KeysUnavailable, Unauthenticated
from shared.secret import Secret
from tests.fixtures.clerk import Issuer, JwksServer, as_json, base64url, by_clerk, caller, scope, serving


class Clock:
    """A monotonic clock that a test moves on."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


PATIENCE = KeyTimes(fresh=300, stale=3600, cooldown=30, timeout=5, backoff=1)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def keys(jwks: JwksServer, clock: Clock):
    """A key set that fetches when it is asked, so that a test counts what its own questions cost."""
    async with Outbound() as outbound:
        yield RemoteKeys(jwks.url, outbound, times=PATIENCE, clock=clock)


async def kid_refusal(keys: RemoteKeys, kid: str | None) -> str:
    with pytest.raises(Unauthenticated) as refusal:
        await keys.find(kid)
    return refusal.value.reason


async def test_keys_are_fetched_once(keys, jwks, issuer):
    found = [await keys.find(issuer.kid) for _ in range(100)]

    assert {key.public_numbers() for key in found} == {issuer.key.public_key().public_numbers()}
    assert jwks.fetches == 1


async def test_a_thousand_callers_at_once_cause_one_fetch(keys, jwks, issuer):
    jwks.gate.clear()
    callers = [asyncio.create_task(keys.find(issuer.kid)) for _ in range(1000)]
    await jwks.asked_for(1)
    jwks.gate.set()

    await asyncio.gather(*callers)

    assert jwks.fetches == 1


async def test_a_caller_that_gives_up_does_not_take_the_fetch_from_the_others(keys, jwks, issuer):
    jwks.gate.clear()
    impatient, patient = (asyncio.create_task(keys.find(issuer.kid)) for _ in range(2))
    await jwks.asked_for(1)
    impatient.cancel()
    jwks.gate.set()

    assert await patient == issuer.key.public_key()
    assert jwks.fetches == 1


async def test_ten_thousand_forged_tokens_cause_at_most_one_fetch(jwks, issuer):
    settings = ClerkSettings(jwks_url=jwks.url)
    authenticator = by_clerk(settings, production=False)
    await caller(authenticator, issuer.token())
    before = jwks.fetches
    _, claims, signature = issuer.token().split(".")
    reasons = set()

    async def knock(number: int) -> None:
        header = base64url(as_json({"alg": "RS256", "kid": f"ins_{number}"}))
        with pytest.raises(Unauthenticated) as refusal:
            await authenticator.authenticate(scope(f"{header}.{claims}.{signature}"), Policy())
        reasons.add(str(refusal.value.reason))

    await asyncio.gather(*(knock(number) for number in range(10_000)))

    assert reasons == {"jwk-kid-mismatch"}
    assert jwks.fetches - before <= 1


async def test_a_token_without_a_kid_causes_no_fetch(keys, jwks):
    assert await kid_refusal(keys, None) == "jwk-kid-mismatch"
    assert jwks.fetches == 0


async def test_forged_tokens_during_an_outage_cause_at_most_one_fetch_a_cooldown(keys, jwks, issuer, clock):
    await keys.find(issuer.kid)
    jwks.break_down()
    clock.now += 31
    for _ in range(29):
        with pytest.raises(KeysUnavailable):
            await keys.find("ins_other")
        clock.now += 1

    assert jwks.fetches == 2


async def test_an_unknown_kid_is_asked_for_again_after_the_cooldown(keys, jwks, issuer, clock):
    await keys.find(issuer.kid)
    clock.now += 31
    for _ in range(5):
        assert await kid_refusal(keys, "ins_other") == "jwk-kid-mismatch"
    clock.now += 31
    await kid_refusal(keys, "ins_other")

    assert jwks.fetches == 3


async def test_a_rotation_is_picked_up_without_a_restart(jwks, issuer):
    old, new = issuer, issuer.rotated(kid="ins_signals_2")
    clock = Clock()
    async with Outbound() as outbound:
        keys = RemoteKeys(jwks.url, outbound, times=PATIENCE, clock=clock)
        await keys.find(old.kid)
        jwks.serve(new)
        clock.now += 31

        assert await keys.find(new.kid) == new.key.public_key()
        assert await kid_refusal(keys, old.kid) == "jwk-kid-mismatch"


async def test_a_rotation_that_keeps_the_kid_is_picked_up(jwks, issuer):
    new = issuer.rotated()
    settings = ClerkSettings(jwks_url=jwks.url)
    patience = KeyTimes(cooldown=0)
    authenticator = by_clerk(settings, production=False, times=patience)
    await caller(authenticator, issuer.token())

    jwks.serve(new)

    assert (await caller(authenticator, new.token(sub="user_new"))).user_id == "user_new"


async def test_a_forged_signature_for_a_known_kid_that_comes_again_and_again_causes_one_fetch(jwks, issuer):
    authenticator = by_clerk(ClerkSettings(jwks_url=jwks.url), production=False)
    await caller(authenticator, issuer.token())
    forged = issuer.rotated().token()

    for _ in range(50):
        with pytest.raises(Unauthenticated):
            await authenticator.authenticate(scope(forged), Policy())

    assert jwks.fetches == 2


async def test_tokens_of_a_removed_key_are_no_longer_remembered(jwks, issuer):
    old, new = issuer, issuer.rotated(kid="ins_signals_2")
    patience = KeyTimes(cooldown=0)
    settings = ClerkSettings(jwks_url=jwks.url)
    authenticator = by_clerk(settings, production=False, times=patience)
    token = old.token()
    await caller(authenticator, token)

    jwks.serve(new)
    await caller(authenticator, new.token())

    with pytest.raises(Unauthenticated) as refusal:
        await authenticator.authenticate(scope(token), Policy())
    assert refusal.value.reason == "jwk-kid-mismatch"


async def test_keys_are_renewed_in_the_background(jwks, issuer):
    new = issuer.rotated(kid="ins_signals_2")
    async with (
        Outbound() as outbound,
        RemoteKeys(jwks.url, outbound, times=KeyTimes(fresh=0.01)) as keys,
    ):
        await jwks.asked_for(1)
        jwks.serve(new)
        await jwks.asked_for(jwks.fetches + 2)

        found = await keys.find(new.kid)

    assert found == new.key.public_key()


async def test_a_failed_renewal_is_tried_again_in_the_background(jwks, issuer):
    jwks.break_down()
    async with (
        Outbound() as outbound,
        RemoteKeys(jwks.url, outbound, times=KeyTimes(backoff=0.01)) as keys,
    ):
        await jwks.asked_for(1)
        jwks.serve(issuer)
        await jwks.asked_for(2)

        found = await keys.find(issuer.kid)

    assert found == issuer.key.public_key()


def switch_off(jwks: JwksServer, how: str) -> None:
    getattr(jwks, how)()


BROKEN = ["break_down", "hang_up", "talk_garbage", "send_too_much", "serve"]


@pytest.mark.parametrize("how", BROKEN)
async def test_no_usable_answer_at_start_is_503_and_never_401(keys, jwks, issuer, how, caplog):
    switch_off(jwks, how)

    with caplog.at_level(logging.WARNING), pytest.raises(KeysUnavailable) as refusal:
        await keys.find(issuer.kid)

    assert refusal.value.retry_after
    assert caplog.records[0].message == "auth.keys.fetch_failed"


@pytest.mark.parametrize("how", BROKEN)
async def test_known_keys_outlive_a_server_that_fails(keys, jwks, issuer, clock, how):
    await keys.find(issuer.kid)
    switch_off(jwks, how)
    clock.now += 60
    with pytest.raises(KeysUnavailable):
        await keys.find("ins_other")

    assert await keys.find(issuer.kid) == issuer.key.public_key()


async def test_stale_keys_are_used_for_the_stated_time_and_no_longer(keys, jwks, issuer, clock):
    await keys.find(issuer.kid)
    jwks.break_down()

    clock.now += 3599
    assert await keys.find(issuer.kid) == issuer.key.public_key()
    clock.now += 2
    with pytest.raises(KeysUnavailable):
        await keys.find(issuer.kid)


async def test_an_outage_ends_by_itself(keys, jwks, issuer, clock):
    jwks.break_down()
    with pytest.raises(KeysUnavailable):
        await keys.find(issuer.kid)
    jwks.serve(issuer)
    clock.now += 1.1

    assert await keys.find(issuer.kid) == issuer.key.public_key()


async def test_a_server_that_is_down_is_asked_less_and_less_often(keys, jwks, issuer, clock):
    jwks.break_down()
    for _ in range(100):
        with pytest.raises(KeysUnavailable):
            await keys.find(issuer.kid)
        clock.now += 1

    assert jwks.fetches <= 8  # after 1, 2, 4, 8, 16 seconds, then every 30


async def test_a_slow_server_is_given_up_after_the_time_limit(jwks, issuer):
    jwks.gate.clear()
    async with Outbound() as outbound:
        keys = RemoteKeys(jwks.url, outbound, times=KeyTimes(timeout=0.05))

        with pytest.raises(KeysUnavailable):
            await keys.find(issuer.kid)


async def test_a_server_that_is_not_there_is_503(issuer):
    async with Outbound() as outbound:
        keys = RemoteKeys("http://127.0.0.1:1/jwks", outbound)

        with pytest.raises(KeysUnavailable):
            await keys.find(issuer.kid)


async def test_a_redirect_is_not_followed(keys, jwks, issuer):
    async with serving(issuer) as other:
        jwks.redirect(other.url)

        with pytest.raises(KeysUnavailable):
            await keys.find(issuer.kid)

        assert other.fetches == 0


async def test_a_packed_answer_is_not_unpacked(keys, jwks, issuer):
    jwks.answer(b"\x1f\x8b" + bytes(100), headers=("content-encoding: gzip",))

    with pytest.raises(KeysUnavailable):
        await keys.find(issuer.kid)


async def test_keys_of_the_backend_api_are_asked_for_with_the_secret_key(issuer):
    async with serving(issuer) as api:
        settings = ClerkSettings(secret_key=Secret("sk_test_1"), api_url=api.url.removesuffix("/jwks"))
        authenticator = by_clerk(settings, production=False)

        await caller(authenticator, issuer.token())

        assert api.authorizations == ["bearer sk_test_1"]
        assert api.paths == ["/v1/jwks"]


async def test_a_secret_key_that_is_wrong_is_our_fault_and_said_in_the_log(issuer, caplog):
    async with serving(issuer) as api:
        api.answer(b"{}", status="401 Unauthorized")
        settings = ClerkSettings(secret_key=Secret("sk_test_1"), api_url=api.url.removesuffix("/jwks"))
        authenticator = by_clerk(settings, production=False)

        with pytest.raises(KeysUnavailable):
            await authenticator.authenticate(scope(issuer.token()), Policy())

    told = [record for record in caplog.records if record.name == "runtime.auth.tokens.key_sets"]
    assert vars(told[0])["cause"] == "secret-key-invalid"
    assert "sk_test_1" not in str([vars(record) for record in caplog.records])


async def test_a_public_function_does_not_need_the_keys(jwks, issuer):
    jwks.break_down()
    authenticator = by_clerk(ClerkSettings(jwks_url=jwks.url), production=False)

    assert await authenticator.authenticate(scope(issuer.token()), Policy(public=True)) is None


async def test_two_instances_do_not_share_keys_of_one_kid(issuer):
    other = Issuer(kid=issuer.kid, url="https://clerk.elsewhere.example")
    async with serving(issuer) as ours, serving(other) as theirs:
        here = by_clerk(ClerkSettings(jwks_url=ours.url), production=False)
        there = by_clerk(ClerkSettings(jwks_url=theirs.url), production=False)
        await caller(there, other.token())

        with pytest.raises(Unauthenticated) as refusal:
            await here.authenticate(scope(other.token()), Policy())

    assert refusal.value.reason == "token-invalid-signature"


async def test_no_task_is_left_when_the_identity_provider_is_closed(jwks):
    before = asyncio.all_tasks()
    jwks.gate.clear()

    async with ClerkIdentity.from_settings(ClerkSettings(jwks_url=jwks.url), production=False):
        await jwks.asked_for(1)

    assert {task for task in asyncio.all_tasks() - before if task.get_name().startswith("jwks")} == set()


@pytest.mark.parametrize("kid", [None, "ins_signals_2"])
async def test_a_rotation_right_after_a_fetch_refuses_nobody(jwks, issuer, kid):
    new = issuer.rotated(kid=kid)
    authenticator = by_clerk(ClerkSettings(jwks_url=jwks.url), production=False)
    await caller(authenticator, issuer.token())
    with pytest.raises(Unauthenticated):
        await authenticator.authenticate(scope(Issuer(kid="ins_forged").token()), Policy())

    jwks.serve(new)

    assert (await caller(authenticator, new.token(sub="user_new"))).user_id == "user_new"


@pytest.mark.parametrize("kid", [None, "ins_signals_2"])
async def test_a_rotation_while_tokens_are_forged_is_never_401(jwks, issuer, kid):
    new = issuer.rotated(kid=kid)
    authenticator = by_clerk(ClerkSettings(jwks_url=jwks.url), production=False)
    await caller(authenticator, issuer.token())
    forger = issuer.rotated()
    for number in range(100):
        with pytest.raises((Unauthenticated, KeysUnavailable)):
            await authenticator.authenticate(
                scope(forger.token(headers={"kid": f"ins_{number}"} if kid else None, jti=str(number))),
                Policy(),
            )
    jwks.serve(new)

    with pytest.raises(KeysUnavailable) as refusal:
        await authenticator.authenticate(scope(new.token()), Policy())

    assert 1 <= (refusal.value.retry_after or 0) <= 30
    assert jwks.fetches <= 11


async def test_a_public_function_does_not_wait_for_a_slow_key_server(jwks, issuer):
    jwks.gate.clear()
    authenticator = by_clerk(ClerkSettings(jwks_url=jwks.url), production=False)

    assert await authenticator.authenticate(scope(issuer.token()), Policy(public=True)) is None

    jwks.gate.set()
    assert (await caller(authenticator, issuer.token())).user_id == "user_ada"
    assert jwks.fetches == 1
