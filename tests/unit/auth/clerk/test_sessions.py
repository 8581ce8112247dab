"""The claims of both token versions, as the function sees them."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.auth.clerk.issuer import organization_claims
from runtime.auth.clerk.sessions import user_of
from runtime.auth.policy import prefixed
from shared.identity import Claims, Organization, User


def user(**claims: Any) -> User:
    return user_of(Claims({"sub": "user_ada", "exp": 1_900_000_000, "v": 2} | claims))


def organization(**claims: Any) -> Organization:
    found = user(**claims).organization
    assert found is not None
    return found


def test_version_2_is_decoded_whole():
    claims = {
        "v": 2,
        "sub": "user_ada",
        "sid": "sess_1",
        "exp": 1_900_000_000,
        "sts": "active",
        "fva": [3, -1],
        "act": {"sub": "user_support"},
        "o": {"id": "org_desk", "slg": "desk", "rol": "analyst", "per": "read,write", "fpm": "3,1"},
        "fea": "o:signals,o:reports,u:exports",
        "pla": "u:pro,o:team",
        "desk": "rates",
    }

    assert user_of(Claims(claims)) == User(
        user_id="user_ada",
        session_id="sess_1",
        organization=Organization(
            id="org_desk",
            role="org:analyst",
            slug="desk",
            permissions=frozenset({"org:signals:read", "org:signals:write", "org:reports:read"}),
        ),
        plans=frozenset({"u:pro", "o:team"}),
        features=frozenset({"o:signals", "o:reports", "u:exports"}),
        factor_ages=(3, -1),
        status="active",
        actor=Claims({"sub": "user_support"}),
        expires_at=1_900_000_000,
        claims=Claims(claims),
    )


def test_version_1_is_decoded_whole():
    found = user(
        v=None,
        sid="sess_1",
        org_id="org_desk",
        org_role="org:admin",
        org_slug="desk",
        org_permissions=["org:signals:read", "org:signals:write"],
    )

    assert found.session_id == "sess_1"
    assert found.organization == Organization(
        id="org_desk",
        role="org:admin",
        slug="desk",
        permissions=frozenset({"org:signals:read", "org:signals:write"}),
    )


@pytest.mark.parametrize(
    ("fea", "per", "fpm", "granted"),
    [
        ("o:signals", "read,write", "2", {"org:signals:write"}),
        ("u:exports,o:signals", "read", "1", {"org:signals:read"}),
        ("ou:signals,uo:reports", "read", "1,1", {"org:signals:read", "org:reports:read"}),
        (" o:signals , o:reports ", " read , write ", " 1 , 2 ", {"org:signals:read", "org:reports:write"}),
        ("o:signals,o:reports", "read", "1", {"org:signals:read"}),
        ("o:signals", "read", "255", {"org:signals:read"}),
        ("o:signals", "read", "0x1", set()),
        ("o:signals", "read", "-1", set()),
        ("o:signals", "read", "1e0", set()),
        ("o:signals", "read", "१", set()),
        ("o:signals,o:reports", "read", "x,1", {"org:reports:read"}),
        ("o:signals", "read,,write", "4", {"org:signals:write"}),
        ("o:signals:live", "read", "1", {"org:signals:live:read"}),
        ("x:signals", "read", "1", set()),
        ("signals", "read", "1", set()),
        ("o:signals,reports", "read", "1,1", set()),
        ("", "read", "1", set()),
        (None, "read", "1", set()),
        ("o:signals", None, "1", set()),
        ("o:signals", "read", None, set()),
        (7, ["read"], {"1": 1}, set()),
    ],
)
def test_compact_permissions(fea, per, fpm, granted):
    assert organization(o={"id": "org_1", "per": per, "fpm": fpm}, fea=fea).permissions == granted


def test_permission_bits_reach_beyond_64():
    names = [f"p{number}" for number in range(100)]

    permissions = organization(
        o={"id": "org_1", "per": ",".join(names), "fpm": str(1 << 99)}, fea="o:signals"
    ).permissions

    assert permissions == {"org:signals:p99"}


words = st.text("abcdefghij", min_size=1, max_size=6)


@given(pairs=st.lists(st.tuples(words, words), max_size=20))
def test_what_the_development_issuer_packs_is_what_is_read(pairs):
    permissions = tuple(f"org:{feature}:{name}" for feature, name in pairs)

    packed = organization_claims("org_1", role="member", permissions=permissions)

    assert organization(**packed).permissions == set(permissions)


@pytest.mark.parametrize("claims", [{}, {"o": None}, {"o": "org_1"}, {"o": {"id": 7}}, {"o": {"id": ""}}])
def test_no_organisation_without_an_id(claims):
    assert user(**claims).organization is None


def test_version_2_does_not_read_the_claims_of_version_1():
    assert user(v=2, org_id="org_1", org_role="org:admin").organization is None


@pytest.mark.parametrize(
    ("claim", "ages"),
    [
        ([0, -1], (0, -1)),
        ([5.0, 12], (5, 12)),
        (None, None),
        ([1], None),
        ([1, 2, 3], None),
        ([-2, 1], None),
        ([True, 1], None),
        (["1", 2], None),
        ([1.5, 2], None),
        ("1,2", None),
    ],
)
def test_factor_ages(claim, ages):
    assert user(fva=claim).factor_ages == ages


def test_a_session_with_open_tasks_is_pending():
    assert user(sts="pending").status == "pending"


@pytest.mark.parametrize("name", ["admin", "org:admin", "org:org:admin"])
def test_a_name_has_one_prefix(name):
    assert prefixed(name) == "org:admin"


def test_claims_cannot_be_changed_for_the_next_request():
    claims = user(desk={"books": ["rates"]}).claims

    for change in (
        lambda: claims.update(sub="user_eve"),
        lambda: claims.__setitem__("sub", "user_eve"),
        claims["desk"].clear,
        lambda: claims["desk"]["books"].append("credit"),
        lambda: claims.pop("sub"),
        lambda: claims.setdefault("role", "admin"),
        lambda: claims.__ior__({"sub": "user_eve"}),
    ):
        with pytest.raises((TypeError, AttributeError)):
            change()
    assert msgspec.json.decode(msgspec.json.encode(claims))["desk"] == {"books": ["rates"]}
