"""Clerk's `has()`, dimension by dimension, and what a refusal tells."""

import itertools
from typing import Any

import pytest

from runtime.auth.policy import has, require
from runtime.config import Policy
from shared.errors import Forbidden, Unauthenticated
from shared.identity import Organization, User

ANALYST = User(
    user_id="user_ada",
    session_id="sess_1",
    organization=Organization("org_desk", role="org:analyst", permissions=frozenset({"org:signals:read"})),
    features=frozenset({"o:alerts", "u:exports"}),
    plans=frozenset({"u:pro"}),
    factor_ages=(5, 30),
)
LONER = User(user_id="user_bob", session_id="sess_2")
MACHINE = User(
    user_id="mch_1",
    token_type="m2m_token",
    organization=Organization("org_desk", role="org:analyst", permissions=frozenset({"org:signals:read"})),
    features=frozenset({"o:alerts"}),
    factor_ages=(0, 0),
)


@pytest.mark.parametrize(
    ("asked", "verdict"),
    [
        ({}, False),
        ({"role": "org:analyst"}, True),
        ({"role": "analyst"}, True),
        ({"role": "org:org:analyst"}, True),
        ({"role": "org:admin"}, False),
        ({"permission": "org:signals:read"}, True),
        ({"permission": "signals:read"}, True),
        ({"permission": "org:signals:write"}, False),
        ({"role": "analyst", "permission": "signals:read"}, True),
        ({"role": "admin", "permission": "signals:read"}, False),
        ({"feature": "alerts"}, True),
        ({"feature": "exports"}, True),
        ({"feature": "o:alerts"}, True),
        ({"feature": "org:alerts"}, True),
        ({"feature": "organization:alerts"}, True),
        ({"feature": "user:alerts"}, False),
        ({"feature": "u:exports"}, True),
        ({"feature": "user:exports"}, True),
        ({"feature": "team:alerts"}, False),
        ({"plan": "pro"}, True),
        ({"plan": "org:pro"}, False),
        ({"plan": "pro", "feature": "alerts"}, True),
        ({"plan": "pro", "feature": "video"}, False),
        ({"role": "analyst", "plan": "pro", "reverification": "moderate"}, True),
        ({"role": "analyst", "plan": "pro", "reverification": "strict"}, False),
    ],
)
def test_has(asked: dict[str, Any], verdict):
    assert has(ANALYST, **asked) is verdict


@pytest.mark.parametrize(
    "asked", [{"role": "analyst"}, {"permission": "signals:read"}, {"feature": "alerts"}, {"plan": "pro"}]
)
def test_nothing_is_granted_where_the_claims_are_missing(asked: dict[str, Any]):
    assert not has(LONER, **asked)


@pytest.mark.parametrize(
    "asked",
    [{"role": "analyst"}, {"permission": "signals:read"}, {"feature": "alerts"}, {"reverification": "lax"}],
)
def test_a_machine_never_has_anything(asked: dict[str, Any]):
    assert not has(MACHINE, **asked)


FRESH, STALE, NONE = 1, 99, -1
FIRST = {"first_factor": {(FRESH, FRESH), (FRESH, STALE), (FRESH, NONE)}}
SECOND = {"second_factor": {(FRESH, FRESH), (STALE, FRESH), (NONE, FRESH), (FRESH, NONE)}}
MULTI = {"multi_factor": {(FRESH, FRESH), (FRESH, NONE)}}
CASES = [
    (level, ages, ages in passing)
    for level, passing in (FIRST | SECOND | MULTI).items()
    for ages in itertools.product((FRESH, STALE, NONE), repeat=2)
]


@pytest.mark.parametrize(("level", "ages", "verdict"), CASES)
def test_every_pair_of_factors_at_every_level(level, ages, verdict):
    user = User(user_id="user_ada", factor_ages=ages)

    assert has(user, reverification={"level": level, "after_minutes": 10}) is verdict


@pytest.mark.parametrize(
    ("preset", "ages", "verdict"),
    [
        ("strict_mfa", (9, 9), True),
        ("strict_mfa", (10, 9), False),
        ("strict", (99, 9), True),
        ("strict", (0, 10), False),
        ("moderate", (0, 59), True),
        ("moderate", (0, 60), False),
        ("lax", (0, 1439), True),
        ("lax", (0, 1440), False),
        ("unknown", (0, 0), False),
    ],
)
def test_presets_of_reverification(preset, ages, verdict):
    assert has(User(user_id="user_ada", factor_ages=ages), reverification=preset) is verdict


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"level": "third_factor", "after_minutes": 10},
        {"level": ["first_factor"], "after_minutes": 10},
        {"level": "first_factor"},
        {"level": "first_factor", "after_minutes": 0},
        {"level": "first_factor", "after_minutes": "10"},
        {"level": "first_factor", "after_minutes": True},
    ],
)
def test_a_malformed_reverification_denies(wanted):
    assert not has(User(user_id="user_ada", factor_ages=(0, 0)), reverification=wanted)


def test_unknown_factor_ages_deny():
    assert not has(LONER, reverification="lax")


@pytest.mark.parametrize(
    "policy",
    [
        Policy(),
        Policy(org=True),
        Policy(role="org:analyst"),
        Policy(
            org=True, permission="org:signals:read", feature="alerts", plan="pro", reverification="moderate"
        ),
    ],
)
def test_a_policy_that_holds_lets_pass(policy):
    require(ANALYST, policy)


def test_a_stale_sign_in_is_told_how_to_become_fresh():
    with pytest.raises(Forbidden) as refusal:
        require(ANALYST, Policy(reverification="strict"))

    assert refusal.value.extra == {
        "clerk_error": {
            "type": "forbidden",
            "reason": "reverification-error",
            "metadata": {"reverification": {"level": "second_factor", "afterMinutes": 10}},
        }
    }


def test_who_may_not_do_it_anyway_is_not_asked_to_verify_again():
    with pytest.raises(Forbidden) as refusal:
        require(ANALYST, Policy(role="admin", reverification="strict"))

    assert refusal.value.extra == {}


def test_a_refusal_says_nothing_about_organisations_or_what_was_missing():
    details = set()
    for policy in (Policy(org=True), Policy(role="admin"), Policy(permission="x:y"), Policy(plan="pro")):
        with pytest.raises(Forbidden) as refusal:
            require(LONER, policy)
        details.add(refusal.value.detail)

    assert details == {"You do not have permission to do this."}


def test_a_public_function_asks_for_nothing():
    require(LONER, Policy(public=True, role="admin", reverification="strict"))


def test_a_pending_session_counts_as_signed_out():
    with pytest.raises(Unauthenticated) as refusal:
        require(User(user_id="user_ada", status="pending"), Policy())

    assert refusal.value.reason == "session-pending"


def test_a_pending_session_passes_where_the_function_allows_it():
    require(User(user_id="user_ada", status="pending"), Policy(pending=True))
