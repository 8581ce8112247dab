"""What the log says of a refused credential: expected, what came, and a cure; never the credential."""

import json
import logging
import time
from typing import Any

import pytest

from runtime.auth.reasons import Reason
from runtime.config import Policy
from runtime.settings.groups.clerk import ClerkSettings
from shared.errors import Unauthenticated
from tests.fixtures.clerk import Issuer, by_clerk, caller, scope

PARTY = "https://app.signals.example"
HEADER = {"alg": "RS256", "typ": "JWT", "kid": "ins_signals", "cat": "cl_B7d4PD111AAA"}


def settings(issuer: Issuer, **changes: Any) -> ClerkSettings:
    usual: dict[str, Any] = {
        "jwt_key": issuer.pem,
        "publishable_key": issuer.publishable_key,
        "authorized_parties": (PARTY, "https://*.preview.signals.example"),
        "audience": ("annex",),
    }
    return ClerkSettings(**usual | changes)


async def told(
    issuer: Issuer, caplog: pytest.LogCaptureFixture, token: str, policy: Policy
) -> dict[str, Any]:
    """The one line that the log has of a refusal."""
    with caplog.at_level(logging.INFO), pytest.raises(Unauthenticated):
        await by_clerk(settings(issuer), production=False).authenticate(scope(token), policy)
    (record,) = [each for each in caplog.records if each.message == "auth.refused"]
    return {name: getattr(record, name, "") for name in ("reason", "expected", "came", "cure")}


def changed(token: str) -> str:
    head, body, signature = token.split(".")
    return f"{head}.{body}.{signature[:10]}{'A' if signature[10] != 'A' else 'B'}{signature[11:]}"


CASES = [
    ("token-invalid", "three parts", "2 parts", lambda i: "a.b"),
    ("token-invalid", "three parts", "character", lambda i: "a.b.%"),
    ("token-invalid", "header a JSON object", "something else", lambda i: i.forge(b"[]", {})),
    ("token-invalid", "payload a JSON object", "something else", lambda i: i.forge(HEADER, b"7")),
    ("token-invalid", "`typ` JWT", '"dpop+jwt"', lambda i: i.forge(HEADER | {"typ": "dpop+jwt"}, {})),
    ("token-invalid", "`kid` a text", "7", lambda i: i.forge(HEADER | {"kid": 7}, {})),
    ("token-invalid", "critical", "`crit`", lambda i: i.forge(HEADER | {"crit": ["exp"]}, {})),
    ("token-too-large", "16384 bytes", "bytes", lambda i: "a" * 20_000),
    ("token-invalid-algorithm", "RS256", '"HS256"', lambda i: i.forge(HEADER | {"alg": "HS256"}, {})),
    ("token-invalid-algorithm", "RS256", "none", lambda i: i.forge({"typ": "JWT"}, {})),
    ("token-invalid-signature", "instance's key", '"ins_signals"', lambda i: changed(i.token())),
    ("token-verification-failed", "`sub` a text", "7", lambda i: i.token(sub=7)),
    ("token-verification-failed", "`exp` in seconds", "true", lambda i: i.token(exp=True)),
    ("token-invalid-audience", "`aud` annex", "a list of 2", lambda i: i.token(aud=["x", "y"])),
    ("token-invalid-authorized-parties", f"`azp` a pattern or {PARTY}", "none", lambda i: i.token(azp=None)),
    ("token-invalid-authorized-parties", PARTY, "evil", lambda i: i.token(azp="https://evil.example")),
    ("token-invalid-issuer", "clerk.signals.example", "else", lambda i: i.token(iss="https://else.example")),
    ("token-expired", "`exp` in the future", "s ago", lambda i: i.token(exp=1)),
    ("token-not-active-yet", "`nbf` in the past", "from now", lambda i: i.token(nbf=time.time() + 99)),
    ("token-not-active-yet", "`nbf` in the past", "from now", lambda i: i.token(nbf=10**18)),
    ("token-iat-in-the-future", "`iat` in the past", "from now", lambda i: i.token(iat=1e300)),
    ("token-type-mismatch", "Clerk's own", "template", lambda i: i.token(headers={"cat": "cl_B7d4PD222AAA"})),
    ("token-type-mismatch", "session", "api_key", lambda i: "ak_1"),
    ("session-pending", "active", "pending", lambda i: i.token(sts="pending")),
]


@pytest.mark.parametrize(
    ("reason", "expected", "came", "make"),
    CASES,
    ids=lambda case: str(case)[:30] if isinstance(case, str) else "made",
)
async def test_a_refusal_tells_what_was_expected_what_came_and_a_cure(
    issuer, caplog, reason, expected, came, make
):
    token = make(issuer)

    line = await told(issuer, caplog, token, Policy())

    assert line["reason"] == reason
    assert expected in line["expected"]
    assert came in line["came"]
    assert line["cure"]
    assert all(len(part) <= 200 for part in (line["expected"], line["came"]))


async def test_no_part_of_a_signature_or_of_a_long_value_is_told(issuer, caplog):
    secret = "s" * 4000
    token = issuer.token(azp=secret, iss=secret, aud="annex")

    line = await told(issuer, caplog, token, Policy())

    text = json.dumps(line)
    assert "s" * 81 not in text
    assert token.rpartition(".")[2][:20] not in text


async def test_a_token_without_a_party_names_the_setting_that_accepts_it(issuer, caplog):
    line = await told(issuer, caplog, issuer.token(aud="annex", azp=None), Policy())

    assert "CLERK_ACCEPT_WITHOUT_PARTY=true" in line["cure"]


@pytest.mark.parametrize("party", [None, ""])
async def test_a_token_without_a_party_passes_where_a_setting_says_so(issuer, party):
    authenticator = by_clerk(settings(issuer, accept_without_party=True), production=False)

    assert (await caller(authenticator, issuer.token(azp=party))).user_id == "user_ada"


@pytest.mark.parametrize("party", ["https://evil.example", 7, [], {"a": 1}, False])
async def test_a_token_for_another_party_is_refused_all_the_same(issuer, party):
    authenticator = by_clerk(settings(issuer, accept_without_party=True), production=False)

    with pytest.raises(Unauthenticated) as refusal:
        await authenticator.authenticate(scope(issuer.token(azp=party)), Policy())
    assert refusal.value.reason == Reason.PARTY


@pytest.mark.parametrize(
    ("party", "passes"),
    [
        ("https://pr-17.preview.signals.example", True),
        ("https://app.signals.example", True),
        ("https://a.b.preview.signals.example", False),
        ("http://pr-17.preview.signals.example", False),
        ("https://pr-17.preview.signals.example.evil.example", False),
        ("https://evil.example/https://pr-17.preview.signals.example", False),
        ("https://*.preview.signals.example", False),
    ],
)
async def test_a_preview_deployment_is_a_party_by_pattern(issuer, party, passes):
    authenticator = by_clerk(settings(issuer), production=False)
    if passes:
        assert (await caller(authenticator, issuer.token(azp=party))).user_id == "user_ada"
    else:
        with pytest.raises(Unauthenticated):
            await caller(authenticator, issuer.token(azp=party))


async def test_a_cookie_of_a_preview_deployment_is_accepted_by_pattern(issuer):
    authenticator = by_clerk(settings(issuer, accept_cookies=True), production=False)
    origin = "https://pr-17.preview.signals.example"
    token = issuer.token(azp=origin)

    user = await caller(authenticator, None, Policy(), cookie=f"__session={token}", origin=origin)

    assert user.user_id == "user_ada"


def test_no_reason_is_without_meaning_and_cure():
    assert all(reason.meaning and reason.cure for reason in Reason)
