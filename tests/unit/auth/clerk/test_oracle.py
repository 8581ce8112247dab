"""Our verdicts against those of another implementation: Clerk's Python SDK, with the same tokens.

Where they differ, the case says why. The SDK's own weak spots are the reason this service has a verifier.
"""

import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest
from clerk_backend_api.security.authenticaterequest import _process_payload
from clerk_backend_api.security.types import TokenVerificationError, VerifyTokenOptions
from clerk_backend_api.security.verifytoken import verify_token
from hypothesis import given
from hypothesis import strategies as st

from runtime.auth.clerk.sessions import user_of
from runtime.config import Policy
from runtime.settings.groups.clerk import ClerkSettings
from shared.errors import Unauthenticated
from shared.identity import Claims
from tests.fixtures.clerk import Issuer, by_clerk, caller

PARTY = "https://app.signals.example"
HEADER = {"alg": "RS256", "typ": "JWT", "kid": "ins_signals", "cat": "cl_B7d4PD111AAA"}
LATER = 4_102_444_800  # the year 2100
PASSES = "passes"


class At(NamedTuple):
    """Seconds from when the test runs, which may be long after this table was read."""

    seconds: float


def resolved(claims: Mapping[str, Any]) -> dict[str, Any]:
    now = time.time()
    return {name: now + value.seconds if isinstance(value, At) else value for name, value in claims.items()}


class Case(NamedTuple):
    """One token, our verdict, the SDK's where it is another one, and why."""

    condition: str
    ours: str
    header: Mapping[str, Any] = MappingProxyType({})
    claims: Mapping[str, Any] = MappingProxyType({})
    forge: Callable[[str], str] = str
    audience: tuple[str, ...] = ()
    theirs: str = ""
    why: str = ""


CASES = [
    # The same verdict for the same reason.
    Case("a good session", PASSES),
    Case("fractions of seconds", PASSES, claims={"iat": At(-0.5), "exp": At(30.25)}),
    Case("expired within the skew", PASSES, claims={"exp": At(-1)}),
    Case("not yet active within the skew", PASSES, claims={"nbf": At(4)}),
    Case("version 1 of the claims", PASSES, claims={"v": None, "org_id": "org_1", "org_role": "org:admin"}),
    Case("an audience that is accepted", PASSES, claims={"aud": ["x", "signals"]}, audience=("signals",)),
    Case("expired", "token-expired", claims={"exp": At(-60)}),
    Case("not yet active", "token-not-active-yet", claims={"nbf": At(60)}),
    Case("another azp", "token-invalid-authorized-parties", claims={"azp": "https://evil.example"}),
    Case("no azp", "token-invalid-authorized-parties", claims={"azp": None}),
    Case("another audience", "token-invalid-audience", claims={"aud": "billing"}, audience=("signals",)),
    Case("cut short", "token-invalid", forge=lambda token: token[:-1]),
    Case("four parts", "token-invalid", forge=lambda token: token + ".x"),
    Case("kid a number", "token-invalid", header={"kid": 7}),
    Case("a critical extension", "token-invalid", header={"crit": ["exp"]}),
    # The same verdict, another name.
    Case("algorithm none", "token-invalid-algorithm", header={"alg": "none"}, theirs="token-invalid",
         why="the SDK has no name of its own for it; Clerk's JavaScript SDK has this one"),
    Case("HS256 named", "token-invalid-algorithm", header={"alg": "HS256"}, theirs="token-invalid",
         why="as above"),
    Case("sub a number", "token-verification-failed", claims={"sub": 7}, theirs="token-invalid",
         why="the JavaScript SDK's name"),
    Case("exp a word", "token-verification-failed", claims={"exp": "soon"}, theirs="token-invalid",
         why="the JavaScript SDK's name"),
    Case("issued in the future", "token-iat-in-the-future", claims={"iat": At(60)},
         theirs="token-not-active-yet", why="PyJWT has one exception for early `nbf` and `iat`"),
    Case("iat a word", "token-verification-failed", claims={"iat": "now"}, theirs="token-iat-in-the-future",
         why="PyJWT has one exception for an `iat` of the wrong type and one in the future"),
    # We refuse what the Python SDK lets pass, as the JavaScript SDK does.
    Case("no sub", "token-verification-failed", claims={"sub": None}, theirs=PASSES,
         why="PyJWT checks the claims that are there"),
    Case("no exp", "token-verification-failed", claims={"exp": None}, theirs=PASSES,
         why="PyJWT checks the claims that are there: such a token never expires"),
    Case("exp as text", "token-verification-failed", claims={"exp": str(LATER)}, theirs=PASSES,
         why="PyJWT turns it into a number"),
    Case("exp true, in 1970", "token-verification-failed", claims={"exp": True}, theirs="token-expired",
         why="to PyJWT true is the number 1"),
    Case("a JWT template's token", "token-type-mismatch", header={"cat": "cl_B7d4PD222AAA"}, theirs=PASSES,
         why="the Python SDK does not read `cat`: such a token outlives its session"),
    Case("a machine's token as a session", "token-type-mismatch", claims={"sub": "mch_1"}, theirs=PASSES,
         why="the Python SDK knows machines by the prefix of opaque tokens only"),
    Case("an OAuth access token as a session", "token-type-mismatch", header={"typ": "at+jwt"}, theirs=PASSES,
         why="the Python SDK does not read `typ`"),
    Case("typ of another world", "token-invalid", header={"typ": "dpop+jwt"}, theirs=PASSES,
         why="the Python SDK does not read `typ`"),
    # We refuse what both SDKs let pass.
    Case("another instance's issuer", "token-invalid-issuer", claims={"iss": "https://clerk.else.example"},
         theirs=PASSES, why="neither SDK checks `iss`, since keys are an instance's own; with a key that was"
         " configured by hand it is the only thing that names the instance"),
    Case("an empty sub", "token-verification-failed", claims={"sub": ""}, theirs=PASSES,
         why="nobody has that id; a query for rows of that user must not be asked"),
    # We let pass what the Python SDK refuses, as the JavaScript SDK does.
    Case("an audience where none is configured", PASSES, claims={"aud": "anything"},
         theirs="token-invalid-audience", why="PyJWT refuses an `aud` that nobody asked about"),
    Case("no audience where one is configured", PASSES, audience=("signals",), theirs="token-invalid",
         why="PyJWT wants the claim; Clerk checks it only for tokens that carry one"),
]  # fmt: skip


def options(issuer: Issuer, audience: tuple[str, ...]) -> VerifyTokenOptions:
    return VerifyTokenOptions(jwt_key=issuer.pem, authorized_parties=[PARTY], audience=list(audience) or None)


def their_verdict(token: str, issuer: Issuer, audience: tuple[str, ...]) -> str:
    try:
        verify_token(token, options(issuer, audience))
    except TokenVerificationError as error:
        return str(error.reason.value[0])
    return PASSES


async def our_verdict(token: str, issuer: Issuer, audience: tuple[str, ...]) -> str:
    settings = ClerkSettings(
        jwt_key=issuer.pem,
        publishable_key=issuer.publishable_key,
        authorized_parties=(PARTY,),
        audience=audience,
    )
    try:
        await caller(by_clerk(settings, production=False), token, Policy())
    except Unauthenticated as refusal:
        return str(refusal.reason)
    return PASSES


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.condition)
async def test_the_verdict_is_that_of_clerks_python_sdk_or_the_difference_is_explained(case, issuer):
    token = case.forge(issuer.forge(HEADER | dict(case.header), issuer.claims(**resolved(case.claims))))

    assert await our_verdict(token, issuer, case.audience) == case.ours
    assert their_verdict(token, issuer, case.audience) == (case.theirs or case.ours)
    assert bool(case.theirs) == bool(case.why)


names = st.sampled_from(["signals", "reports", "alerts"])
scopes = st.sampled_from(["o"])
masks = st.integers(min_value=0, max_value=2**70).map(str) | st.sampled_from(["x", "", "1.5"])


@given(
    features=st.lists(names, min_size=1, max_size=4, unique=True),
    permissions=st.lists(st.sampled_from(["read", "write", "share"]), min_size=1, max_size=3, unique=True),
    fpm=st.lists(masks, min_size=1, max_size=5),
)
def test_compact_permissions_are_those_of_clerks_python_sdk(features, permissions, fpm):
    """Organisation features only: the Python SDK lets a user's features use up bits, JavaScript does not."""
    claims = {
        "sub": "user_ada",
        "exp": LATER,
        "v": 2,
        "fea": ",".join(f"o:{name}" for name in features),
        "o": {"id": "org_1", "per": ",".join(permissions), "fpm": ",".join(fpm)},
    }
    theirs = dict(claims)
    _process_payload(theirs)

    organization = user_of(Claims(claims)).organization

    assert organization is not None
    assert organization.permissions == set(theirs.get("org_permissions", []))  # type: ignore[call-overload]  # untyped
