"""Authentication as a whole: who passes, what is remembered, what is checked again each time."""

import logging
import time

import pytest

from runtime.auth import Authenticator
from runtime.auth.cache import TokenCache
from runtime.auth.clerk import ClerkIdentity
from runtime.auth.clerk.checks import Checks
from runtime.auth.tokens.key_sets import FixedKey
from runtime.config import Policy
from runtime.settings.groups.clerk import ClerkSettings
from shared.errors import Unauthenticated
from shared.identity import Claims
from tests.fixtures.clerk import Issuer, by_clerk, caller, scope


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


class CountedKey(FixedKey):
    """A key that tells how often it was asked for: once a verification, never for a remembered token."""

    asked = 0

    async def find(self, kid):
        self.asked += 1
        return await super().find(kid)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(issuer: Issuer) -> CountedKey:
    return CountedKey(issuer.key.public_key())


@pytest.fixture
def authenticator(keys: CountedKey, clock: Clock) -> Authenticator:
    return Authenticator(ClerkIdentity(keys=keys, checks=Checks()), clock=clock)


async def reason_of(authenticator: Authenticator, token: str, policy: Policy | None = None) -> str:
    with pytest.raises(Unauthenticated) as refusal:
        await authenticator.authenticate(scope(token), policy or Policy())
    return refusal.value.reason


async def test_a_token_is_verified_once(authenticator, issuer, keys):
    token = issuer.token()

    users = [await caller(authenticator, token) for _ in range(5)]

    assert keys.asked == 1
    assert all(user is users[0] for user in users)


async def test_a_remembered_token_expires(authenticator, issuer, clock):
    token = issuer.token()
    await caller(authenticator, token)

    clock.now += 66

    assert await reason_of(authenticator, token) == "token-expired"


async def test_a_token_is_good_until_the_skew_is_used_up(authenticator, issuer, clock):
    token = issuer.token(exp=clock.now + 10)

    clock.now += 14.9
    await caller(authenticator, token)
    clock.now += 0.2

    assert await reason_of(authenticator, token) == "token-expired"


async def test_a_token_is_good_once_nbf_is_within_the_skew(authenticator, issuer, clock):
    token = issuer.token(nbf=clock.now + 10.5, iat=clock.now + 10.5, exp=clock.now + 99)
    assert await reason_of(authenticator, token) == "token-not-active-yet"

    clock.now += 5.6

    await caller(authenticator, token)


async def test_a_remembered_token_meets_the_policy_of_each_function(authenticator, issuer):
    token = issuer.token(sts="pending")
    await caller(authenticator, token, Policy(pending=True))

    assert await reason_of(authenticator, token) == "session-pending"


async def test_a_remembered_machine_is_no_session(authenticator, issuer):
    token = issuer.token(sub="mch_1", headers={"cat": None})
    await caller(authenticator, token, Policy(token_types=("m2m_token",)))

    assert await reason_of(authenticator, token) == "token-type-mismatch"


async def test_a_refused_token_is_looked_at_again(authenticator, issuer, keys):
    forged = Issuer().token()

    for _ in range(3):
        await reason_of(authenticator, forged)

    assert keys.asked == 3


async def test_the_texts_of_tokens_are_not_kept(issuer):
    cache: TokenCache[str] = TokenCache()
    token = issuer.token().encode()

    cache.put(cache.digest(token), "entry")

    assert token not in repr(vars(cache)).encode()
    assert TokenCache().digest(token) != cache.digest(token)  # keyed: of no use outside of this process


def test_the_cache_is_bounded_and_forgets_the_oldest():
    cache: TokenCache[int] = TokenCache(capacity=3)

    for number in range(5):
        cache.put(bytes([number]), number)

    assert [cache.get(bytes([number])) for number in range(5)] == [None, None, 2, 3, 4]


def test_an_entry_put_again_pushes_no_other_out():
    cache: TokenCache[int] = TokenCache(capacity=2)

    for number in (0, 1, 1, 1):
        cache.put(bytes([number]), number)

    assert cache.get(b"\0") == 0


async def test_a_machine_token_of_the_instance_passes_where_it_is_accepted(authenticator, issuer):
    token = issuer.token(
        sub="mch_feed", scopes="signals:read signals:write", headers={"cat": "cl_B7d4PD333AAA"}
    )

    user = await caller(authenticator, token, Policy(token_types=("m2m_token",)))

    assert (user.user_id, user.token_type, user.session_id) == ("mch_feed", "m2m_token", None)
    assert user.scopes == {"signals:read", "signals:write"}


async def test_a_machine_without_scopes_has_those_of_its_audience(authenticator, issuer):
    token = issuer.token(sub="mch_feed", aud=["mch_annex"], headers={"cat": None})

    user = await caller(authenticator, token, Policy(token_types=("m2m_token",)))

    assert user.scopes == {"mch_annex"}


@pytest.mark.parametrize("typ", ["at+jwt", "application/at+jwt"])
@pytest.mark.parametrize("scopes", [{"scp": ["read", "write"]}, {"scope": "read write"}])
async def test_an_oauth_token_passes_where_it_is_accepted(authenticator, issuer, typ, scopes):
    token = issuer.token(headers={"typ": typ, "cat": None}, client_id="client_1", **scopes)

    user = await caller(authenticator, token, Policy(token_types=("session", "oauth_token")))

    assert (user.user_id, user.token_type) == ("user_ada", "oauth_token")
    assert user.scopes == {"read", "write"}


async def test_who_acts_for_an_oauth_token_is_told_two_levels_deep(authenticator, issuer):
    act = {"sub": "agent_1", "x": 1, "act": {"sub": "agent_2", "iss": "https://a", "act": {"sub": "agent_3"}}}
    token = issuer.token(headers={"typ": "at+jwt", "cat": None}, act=act)

    user = await caller(authenticator, token, Policy(token_types=("oauth_token",)))

    assert user.actor == {"sub": "agent_1", "act": {"sub": "agent_2", "iss": "https://a"}}


async def test_machines_are_not_bound_to_an_origin_or_issuer(issuer, keys):
    strict = Checks(
        issuers=frozenset({"https://clerk.signals.example"}),
        authorized_parties=frozenset({"https://app.example"}),
    )
    authenticator = Authenticator(ClerkIdentity(keys=keys, checks=strict))
    token = issuer.token(sub="mch_feed", iss="mch_feed", azp=None, headers={"cat": None})

    user = await caller(authenticator, token, Policy(token_types=("m2m_token",)))

    assert user.user_id == "mch_feed"


async def test_an_opaque_key_is_refused_where_nobody_can_be_asked(authenticator):
    assert (
        await reason_of(authenticator, "ak_1", Policy(token_types=("api_key",)))
        == "token-type-not-configured"
    )


async def test_a_template_token_passes_where_a_setting_allows_it(issuer):
    settings = ClerkSettings(jwt_key=issuer.pem, accept_templates=True)
    authenticator = by_clerk(settings, production=True)
    token = issuer.token(headers={"cat": "cl_B7d4PD222AAA"}, sid=None)

    assert (await caller(authenticator, token)).session_id is None


@pytest.mark.parametrize("category", [None, "cl_B7d4PD111AAA", "cl_I7d4PD111III"])
@pytest.mark.parametrize("typ", [None, "JWT"])
async def test_every_way_a_session_is_labelled_passes(authenticator, issuer, category, typ):
    header = {"alg": "RS256", "kid": issuer.kid, "cat": category, "typ": typ}
    token = issuer.forge({name: value for name, value in header.items() if value}, issuer.claims())

    assert (await caller(authenticator, token)).user_id == "user_ada"


async def test_the_case_of_the_scheme_does_not_matter(authenticator, issuer):
    request = scope(authorization=f"bearer {issuer.token()}")

    assert await authenticator.authenticate(request, Policy()) is not None


async def test_an_audience_is_not_asked_for_unless_one_is_configured(authenticator, issuer):
    token = issuer.token(aud="https://elsewhere.example")

    assert (await caller(authenticator, token)).user_id == "user_ada"


async def test_a_public_function_takes_a_bad_token_for_none(authenticator, issuer, caplog):
    with caplog.at_level(logging.INFO):
        user = await authenticator.authenticate(scope(issuer.token(exp=1)), Policy(public=True))

    assert user is None
    assert [vars(record)["reason"] for record in caplog.records] == ["token-expired"]


async def test_a_public_function_knows_its_caller(authenticator, issuer):
    assert (await caller(authenticator, issuer.token(), Policy(public=True))).user_id == "user_ada"


async def test_a_public_function_without_a_token_is_no_news(authenticator, caplog):
    with caplog.at_level(logging.DEBUG):
        assert await authenticator.authenticate(scope(), Policy(public=True)) is None

    assert caplog.records == []


async def test_claims_of_one_request_cannot_reach_the_next(authenticator, issuer):
    token = issuer.token(desk={"books": ["rates"]})

    user = await caller(authenticator, token)

    assert isinstance(user.claims, Claims)
    assert (await caller(authenticator, token)).claims["desk"]["books"] == ("rates",)


@pytest.mark.parametrize("scopes", [5, 0.5, True, {"admin": 1}, [[]], [7]])
@pytest.mark.parametrize(
    ("sub", "typ", "name"),
    [("mch_1", None, "scopes"), ("client_1", "at+jwt", "scp"), ("client_1", "at+jwt", "scope")],
)
async def test_scopes_of_another_type_grant_nothing(authenticator, issuer, sub, typ, name, scopes):
    token = issuer.token(headers={"cat": None, "typ": typ or "JWT"}, sub=sub, **{name: scopes})

    user = await caller(authenticator, token, Policy(token_types=("m2m_token", "oauth_token")))

    assert user.scopes == frozenset()
