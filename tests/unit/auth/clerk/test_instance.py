"""Which instance the settings name, and what they get wrong."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.auth.clerk import check_clerk
from runtime.auth.clerk.instance import faults, frontend_host, issuers_of, keys_source, warnings
from runtime.settings import SettingsError, load
from runtime.settings.groups.clerk import ClerkSettings
from shared.errors import Unauthenticated
from shared.secret import Secret
from tests.fixtures.clerk import by_clerk, caller


@pytest.mark.parametrize(
    ("key", "host"),
    [
        ("pk_live_Y2xlcmsuZXhhbXBsZS5jb20k", "clerk.example.com"),
        ("pk_test_Y2xlcmsuZXhhbXBsZS5jb20k", "clerk.example.com"),
        ("pk_test_c2lnbmFscy03LmNsZXJrLmFjY291bnRzLmRldiQ", "signals-7.clerk.accounts.dev"),
        ("pk_test_c2lnbmFscy03LmNsZXJrLmFjY291bnRzLmRldiQ=", "signals-7.clerk.accounts.dev"),
    ],
)
def test_a_publishable_key_tells_the_frontend_api(key, host):
    assert frontend_host(key) == host


@pytest.mark.parametrize(
    "key",
    [
        "",
        "pk_live_",
        "pk_live",
        "pk_prod_Y2xlcmsuZXhhbXBsZS5jb20k",
        "sk_live_Y2xlcmsuZXhhbXBsZS5jb20k",
        "pk_live_Y2xlcmsuZXhhbXBsZS5jb20k_x",
        "pk_live_Y2xlcmsuZXhhbXBsZS5jb20=",  # no $ at the end
        "pk_live_Y2xlcmskLmV4YW1wbGUuY29tJA==",  # a $ in the middle
        "pk_live_bG9jYWxob3N0JA==",  # no dot
        "pk_live_ZXZpbC5leGFtcGxlL2tleXMk",  # a path
        "pk_live_dXNlckBldmlsLmV4YW1wbGUk",  # a user
    ],
)
def test_what_is_no_publishable_key_is_refused_with_the_cure(key):
    with pytest.raises(ValueError, match="copied whole"):
        frontend_host(key)


@given(st.text(max_size=60))
def test_no_text_breaks_the_reading_of_a_publishable_key(text):
    with pytest.raises(ValueError, match="copied whole"):
        frontend_host(f"pk_live_{text}$")


def test_an_issuer_that_is_set_wins_over_the_publishable_key():
    settings = ClerkSettings(
        publishable_key="pk_live_Y2xlcmsuZXhhbXBsZS5jb20k", issuers=("https://app.example/__clerk",)
    )

    assert issuers_of(settings) == {"https://app.example/__clerk"}


SECRET = Secret("sk_live_1")
PUBLISHABLE = "pk_live_Y2xlcmsuZXhhbXBsZS5jb20k"


@pytest.mark.parametrize(
    ("settings", "source"),
    [
        (
            ClerkSettings(publishable_key=PUBLISHABLE, secret_key=SECRET),
            ("https://clerk.example.com/.well-known/jwks.json", None),
        ),
        (ClerkSettings(secret_key=SECRET), ("https://api.clerk.com/v1/jwks", SECRET)),
        (
            ClerkSettings(publishable_key=PUBLISHABLE, jwks_url="https://keys.example/jwks"),
            ("https://keys.example/jwks", None),
        ),
    ],
)
def test_keys_come_from_where_no_secret_has_to_be_shown_if_there_is_such_a_place(settings, source):
    assert keys_source(settings) == source


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        (ClerkSettings(publishable_key=PUBLISHABLE), ["CLERK_AUTHORIZED_PARTIES"]),
        (
            ClerkSettings(
                publishable_key=PUBLISHABLE.replace("live", "test"), authorized_parties=("https://a.example",)
            ),
            ["CLERK_PUBLISHABLE_KEY"],
        ),
        (ClerkSettings(secret_key=SECRET, authorized_parties=("https://a.example",)), ["CLERK_ISSUER"]),
        (ClerkSettings(publishable_key=PUBLISHABLE, authorized_parties=("https://a.example",)), []),
    ],
)
def test_what_is_weaker_than_it_should_be_in_production_is_named(settings, names):
    assert [warning.name for warning in warnings(settings, production=True)] == names


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        (ClerkSettings(publishable_key="pk_live_x"), "CLERK_PUBLISHABLE_KEY"),
        (ClerkSettings(jwt_key="MIIB"), "CLERK_JWT_KEY"),
        (ClerkSettings(), "CLERK_PUBLISHABLE_KEY"),
        (ClerkSettings(jwks_url="http://keys.example/jwks"), "CLERK_JWKS_URL"),
        (
            ClerkSettings(jwks_url="https://keys.example/jwks", accept_cookies=True),
            "CLERK_AUTHORIZED_PARTIES",
        ),
        (
            ClerkSettings(jwks_url="https://k.example", webhook_secret=Secret("whsec_")),
            "CLERK_WEBHOOK_SIGNING_SECRET",
        ),
        (
            ClerkSettings(jwks_url="https://k.example", webhook_secret=Secret("é")),
            "CLERK_WEBHOOK_SIGNING_SECRET",
        ),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(settings, name):
    assert [fault.name for fault in faults(settings, production=True)] == [name]


def test_all_faults_are_told_at_once():
    settings = ClerkSettings(publishable_key="pk_live_x", jwt_key="MIIB", accept_cookies=True)

    with pytest.raises(SettingsError) as error:
        by_clerk(settings, production=True)

    assert [fault.name for fault in error.value.faults] == [
        "CLERK_PUBLISHABLE_KEY",
        "CLERK_JWT_KEY",
        "CLERK_AUTHORIZED_PARTIES",
    ]
    assert "MIIB" not in str(error.value)


def test_the_faults_are_told_together_with_those_of_other_settings():
    environment = {"ANNEX_ENV": "production", "PORT": "eighty", "CLERK_PUBLISHABLE_KEY": "pk_live_x"}

    with pytest.raises(SettingsError) as error:
        load(environment, checks=[check_clerk])

    assert [fault.name for fault in error.value.faults] == ["PORT", "CLERK_PUBLISHABLE_KEY"]


def test_one_variable_is_not_told_twice():
    with pytest.raises(SettingsError) as error:
        load({"ANNEX_ENV": "production"}, checks=[check_clerk])

    assert [fault.name for fault in error.value.faults] == ["CLERK_PUBLISHABLE_KEY"]


def test_production_warns_about_unset_authorized_parties(issuer, caplog):
    settings = ClerkSettings(jwt_key=issuer.pem, publishable_key=issuer.publishable_key)

    with caplog.at_level(logging.WARNING):
        by_clerk(settings, production=True)

    assert [vars(record)["variable"] for record in caplog.records] == ["CLERK_AUTHORIZED_PARTIES"]


def test_development_warns_about_nothing(issuer, caplog):
    with caplog.at_level(logging.WARNING):
        by_clerk(ClerkSettings(jwt_key=issuer.pem), production=False)

    assert caplog.records == []


ISSUERS = "https://clerk.example.com, https://satellite.example/__clerk/"


@pytest.mark.parametrize(
    "value",
    [
        "clerk.example.com",
        "https://clerk.example.com;https://satellite.example",
        "https://clerk.example.com https://satellite.example",
        '"https://clerk.example.com"',
        "https://clerk.example.com?x=1",
        "https://clerk.example.com,clerk.example.org",
        "https://Clerk.Example.com",
        "https://",
        "//clerk.example.com",
        "ftp://clerk.example.com",
        "https://user@clerk.example.com",
        "https://clerk.example.com:port",
        "https://*.example.com",
    ],
)
def test_an_issuer_that_no_token_can_carry_is_refused_by_name(value):
    with pytest.raises(SettingsError) as error:
        load({"CLERK_ISSUER": value}, checks=[check_clerk])

    assert [fault.name for fault in error.value.faults] == ["CLERK_ISSUER"]


@pytest.mark.parametrize(
    "url",
    ["https://clerk.example.com", "https://satellite.example/__clerk", "https://satellite.example/__clerk/"],
)
async def test_every_listed_issuer_is_accepted_and_a_slash_at_its_end_does_not_matter(issuer, url):
    settings = load({"CLERK_ISSUER": ISSUERS, "CLERK_JWT_KEY": issuer.pem}, checks=[check_clerk])
    authenticator = by_clerk(settings.clerk, production=False)

    assert (await caller(authenticator, issuer.token(iss=url))).user_id == "user_ada"


async def test_an_issuer_that_is_not_listed_is_refused(issuer):
    settings = load({"CLERK_ISSUER": ISSUERS, "CLERK_JWT_KEY": issuer.pem}, checks=[check_clerk])

    with pytest.raises(Unauthenticated) as refusal:
        await caller(
            by_clerk(settings.clerk, production=False), issuer.token(iss="https://satellite.example")
        )

    assert refusal.value.reason == "token-invalid-issuer"


@pytest.mark.parametrize(
    ("party", "problem"),
    [
        ("https://*.vercel.app", "every site on vercel.app"),
        ("https://*.com", "every site on com"),
        ("https://app-*.onrender.com", "every site on onrender.com"),
        ("*", "expected origins"),
        ("https://*.preview.example.com/path", "not an origin"),
        ("https://app.example.com/", "expected origins"),
    ],
)
def test_a_party_that_strangers_could_be_is_a_fault(party, problem):
    clerk = ClerkSettings(publishable_key="pk_live_Y2xlcmsuZXhhbXBsZS5jb20k", authorized_parties=(party,))

    (fault,) = faults(clerk, production=True)

    assert fault.name == "CLERK_AUTHORIZED_PARTIES"
    assert problem in fault.problem


@pytest.mark.parametrize(
    "party", ["https://*.preview.example.com", "myapp://callback", "http://localhost:3000"]
)
def test_a_party_that_only_the_team_can_be_is_sound(party):
    clerk = ClerkSettings(publishable_key="pk_live_Y2xlcmsuZXhhbXBsZS5jb20k", authorized_parties=(party,))

    assert list(faults(clerk, production=True)) == []


def test_a_party_that_a_strangers_project_could_be_named_as_is_warned_about():
    clerk = ClerkSettings(
        publishable_key="pk_live_Y2xlcmsuZXhhbXBsZS5jb20k",
        authorized_parties=("https://app-*-acme.vercel.app",),
    )

    assert list(faults(clerk, production=True)) == []
    assert "a stranger" in next(warnings(clerk, production=True)).problem
