"""Our verdicts against those of Clerk's JavaScript SDK, as `contracts/clerk/make.mjs` wrote them down."""

import json
from pathlib import Path
from typing import Any

import pytest
from jwt.algorithms import RSAAlgorithm

from runtime.auth.authenticator import Authenticator
from runtime.auth.clerk import ClerkIdentity
from runtime.auth.clerk.checks import Checks
from runtime.auth.clerk.sessions import user_of
from runtime.auth.policy import has
from runtime.auth.tokens.key_sets import FixedKey
from shared.errors import Unauthenticated
from shared.identity import Claims
from tests.fixtures.clerk import caller

VERDICTS = json.loads(Path("contracts/clerk/verdicts.json").read_text("utf-8"))

DIFFERENCES = {
    "partly padded": (
        "token-invalid",
        "base64url is padded in full or not at all (RFC 7515); nobody pads in part",
    ),
    "a critical extension": (
        "token-invalid",
        "what must be understood is refused when it is not (RFC 7515, 4.1.11)",
    ),
    "typ of an access token": (
        "token-type-mismatch",
        "said by name; the SDK's request handler answers the same",
    ),
    "sub empty": ("token-verification-failed", "nobody has that id; the SDK's has() denies it everything"),
    "aud another": ("token-invalid-audience", "a name of its own, which the Python SDK has too"),
    "aud others": ("token-invalid-audience", "as above"),
    "aud a number": (
        "token-invalid-audience",
        "an audience that is none of ours is not accepted for being malformed",
    ),
}


@pytest.mark.parametrize("recorded", VERDICTS["tokens"], ids=lambda recorded: recorded["condition"])
async def test_a_token_gets_the_verdict_of_the_javascript_sdk_or_the_difference_is_explained(recorded):
    checks = Checks(
        issuers=frozenset({recorded["issuer"]} if "issuer" in recorded else ()),
        authorized_parties=frozenset(recorded.get("authorizedParties", ())),
        audience=frozenset(recorded.get("audience", ())),
    )
    key = RSAAlgorithm.from_jwk(VERDICTS["key"])
    authenticator = Authenticator(ClerkIdentity(keys=FixedKey(key), checks=checks))  # type: ignore[arg-type]  # a public key

    verdict = "passes"
    try:
        await caller(authenticator, recorded["token"])
    except Unauthenticated as refusal:
        verdict = str(refusal.reason)

    expected, why = DIFFERENCES.get(recorded["condition"], (recorded["verdict"], ""))
    assert verdict == expected, why


def test_no_explained_difference_is_gone():
    recorded = {each["condition"]: each["verdict"] for each in VERDICTS["tokens"]}

    assert all(recorded[condition] != ours for condition, (ours, _) in DIFFERENCES.items())


def asked(query: dict[str, Any]) -> dict[str, Any]:
    """A query in our spelling."""
    wanted = query.get("reverification")
    if isinstance(wanted, dict):
        query = query | {
            "reverification": {"level": wanted["level"], "after_minutes": wanted["afterMinutes"]}
        }
    return query


def described(claims: dict[str, Any]) -> dict[str, Any]:
    """What we read of the claims, in the words of the record."""
    user = user_of(Claims({"exp": 4_102_444_800} | claims))
    organization = user.organization
    return {
        "org_id": organization.id if organization else None,
        "org_role": organization.role if organization else None,
        "org_slug": organization.slug if organization else None,
        "org_permissions": sorted(organization.permissions) if organization else [],
        "has": "".join("1" if has(user, **asked(query)) else "0" for query in VERDICTS["queries"]),
    }


@pytest.mark.parametrize("recorded", VERDICTS["sessions"], ids=lambda recorded: str(recorded["claims"]))
def test_a_session_is_read_and_judged_as_by_the_javascript_sdk(recorded):
    ours, theirs = described(recorded["claims"]), recorded["verdict"]

    if theirs is None:
        # The SDK throws on a feature without a scope; to us the claim grants nothing.
        assert ours["org_permissions"] == []
        return
    theirs["org_permissions"] = sorted(set(theirs["org_permissions"]))
    if theirs["org_role"] == "admin":
        theirs["org_role"] = "org:admin"  # version 1 always has the prefix; we say it once and for all
    assert ours == theirs
