"""Every way in that must be shut: a condition, the status it is answered with, the reason that is given."""

import base64
import contextlib
import hashlib
import hmac
import json
import logging
import time
from collections.abc import AsyncIterator, Callable
from typing import Any, NamedTuple, cast

import httpx
import jwt
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from runtime.asgi.messages import ASGIApp
from runtime.auth import Authenticator
from runtime.config import Policy
from runtime.gate.gate import Gate
from runtime.http.errors import Errors
from runtime.http.problems import status_of
from runtime.settings.groups.clerk import ClerkSettings
from shared.errors import AnnexError
from tests.fixtures.clerk import HOST, Issuer, as_json, base64url, by_clerk, scope
from tests.fixtures.gate import Outermost, behind, route

NOW = int(time.time())
LATER = NOW + 86_400
PARTY = "https://app.signals.example"
BARE = base64url(b'{"alg":"RS256"}')
ENDLESS = b"[" * 5000 + b"]" * 5000
HEADER = {"alg": "RS256", "typ": "JWT", "kid": "ins_signals", "cat": "cl_B7d4PD111AAA"}
EC_KEY = ec.generate_private_key(ec.SECP256R1())
WEAK_KEY = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505  # that it is weak is the case

type Make = Callable[[Issuer], str | bytes | None]


class Case(NamedTuple):
    condition: str
    status: int
    reason: str
    token: Make
    policy: Policy = Policy()


def with_claims(**claims: Any) -> Make:
    return lambda issuer: issuer.forge(HEADER, issuer.claims(**claims))


def with_header(*without: str, **header: Any) -> Make:
    kept = {name: value for name, value in HEADER.items() if name not in without}
    return lambda issuer: issuer.forge(kept | header, issuer.claims())


def with_claims_json(change: str, *, of: str) -> Make:
    """Lay raw JSON over one claim, for values that a dict cannot hold."""

    def make(issuer: Issuer) -> str:
        text = json.dumps(issuer.claims(**{of: "@"}))
        return issuer.forge(HEADER, text.replace('"@"', change).encode())

    return make


def part(index: int, value: Callable[[str], str]) -> Make:
    def make(issuer: Issuer) -> str:
        parts = issuer.token().split(".")
        parts[index] = value(parts[index])
        return ".".join(parts)

    return make


def signed_part(issuer: Issuer, alg: str) -> str:
    return f"{base64url(as_json(HEADER | {'alg': alg}))}.{base64url(as_json(issuer.claims()))}"


def hmac_with_public_key(issuer: Issuer) -> str:
    signed = signed_part(issuer, "HS256")
    return f"{signed}.{base64url(hmac.new(issuer.pem.encode(), signed.encode(), hashlib.sha256).digest())}"


def unsigned(issuer: Issuer) -> str:
    return signed_part(issuer, "none") + "."


def own_key(**header: Any) -> Make:
    """Sign with the attacker's key, and bring it along."""
    attacker = Issuer()
    return lambda issuer: attacker.forge(HEADER | header, issuer.claims())


def elliptic(issuer: Issuer) -> str:
    return jwt.encode(issuer.claims(), EC_KEY, algorithm="ES256", headers={"kid": issuer.kid})


def weak(issuer: Issuer) -> str:
    return Issuer(key=WEAK_KEY).forge(HEADER, issuer.claims())


def pss(issuer: Issuer) -> str:
    return jwt.encode(issuer.claims(), issuer.key, algorithm="PS256", headers={"kid": issuer.kid})


def swapped_payload(issuer: Issuer) -> str:
    ada, eve = issuer.token().split("."), issuer.token(sub="user_eve").split(".")
    return f"{ada[0]}.{eve[1]}.{ada[2]}"


def machine(**claims: Any) -> Make:
    return lambda issuer: issuer.forge({"alg": "RS256", "typ": "JWT"}, issuer.claims(sub="mch_1", **claims))


def oauth(**claims: Any) -> Make:
    return lambda issuer: issuer.forge({"alg": "RS256", "typ": "at+jwt"}, issuer.claims(**claims))


def text(value: str | bytes | None) -> Make:
    return lambda _: value


def json_web_key(key: rsa.RSAPrivateKey) -> dict[str, Any]:
    return dict(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True))


NOT_OURS = "token-invalid-authorized-parties"
MACHINES = Policy(token_types=("m2m_token",))
MACHINE_ADMINS = Policy(token_types=("m2m_token",), role="admin")
CLIENTS = Policy(token_types=("oauth_token",))
KEYS = Policy(token_types=("api_key",))

CASES = [
    # No token, or nothing like one.
    Case("no header", 401, "token-missing", text(None)),
    Case("an empty token", 401, "token-missing", text("")),
    Case("a word", 401, "token-invalid", text("opensesame")),
    Case("null, as JavaScript spells it", 401, "token-invalid", text("null")),
    Case("one dot", 401, "token-invalid", text("a.b")),
    Case("three dots", 401, "token-invalid", lambda issuer: issuer.token() + ".x"),
    Case("encrypted: five parts", 401, "token-invalid", text("a.b.c.d.e")),
    Case("empty parts", 401, "token-invalid", text("..")),
    Case("quotes around it", 401, "token-invalid", lambda issuer: f'"{issuer.token()}"'),
    Case("a space in it", 401, "token-invalid", lambda issuer: issuer.token().replace(".", ". ", 1)),
    Case("a space before it", 401, "token-invalid", lambda issuer: " " + issuer.token()),
    Case("a line break after it", 401, "token-invalid", lambda issuer: issuer.token() + "\n"),
    Case("a NUL after it", 401, "token-invalid", lambda issuer: issuer.token() + "\0"),
    Case("bytes that are not ASCII", 401, "token-invalid", text(b"\xff\xfe.\xff.\xff")),
    Case("standard base64 instead of base64url", 401, "token-invalid", part(2, lambda p: "+/" + p[2:])),
    Case("longer than any token", 401, "token-too-large", text("a" * 20_000)),
    Case("a good token with a huge claim", 401, "token-too-large", with_claims(bio="x" * 20_000)),
    Case("cut short", 401, "token-invalid", lambda issuer: issuer.token()[:-1]),
    Case("stray bits at its end", 401, "token-invalid", part(2, lambda p: p[:-1] + chr(ord(p[-1]) + 1))),
    Case("three padding signs", 401, "token-invalid", part(2, lambda p: p + "===")),
    Case("a header that is no JSON", 401, "token-invalid", lambda i: i.forge(b"{alg:RS256}", i.claims())),
    Case("a header that is a list", 401, "token-invalid", lambda i: i.forge(b'["RS256"]', i.claims())),
    Case("a header nested without end", 401, "token-invalid", lambda i: i.forge(ENDLESS, {})),
    Case("claims that are no JSON", 401, "token-invalid", lambda i: i.forge(HEADER, b"sub=user_ada")),
    Case("claims that are a string", 401, "token-invalid", lambda i: i.forge(HEADER, b'"user_ada"')),
    Case("claims that are null", 401, "token-invalid", lambda i: i.forge(HEADER, b"null")),
    Case("claims that are not UTF-8", 401, "token-invalid", lambda i: i.forge(HEADER, b'{"sub":"\xff"}')),
    Case("claims nested without end", 401, "token-invalid", lambda i: i.forge(HEADER, ENDLESS)),
    # The header.
    Case("typ of another world", 401, "token-invalid", with_header(typ="dpop+jwt")),
    Case("typ in lower case", 401, "token-invalid", with_header(typ="jwt")),
    Case("typ that is a list", 401, "token-invalid", with_header(typ=["JWT"])),
    Case("kid that is a number", 401, "token-invalid", with_header(kid=7)),
    Case("a critical extension", 401, "token-invalid", with_header(crit=["exp"])),
    Case("no algorithm", 401, "token-invalid-algorithm", with_header("alg")),
    Case("algorithm none", 401, "token-invalid", unsigned),
    Case("algorithm none over a real signature", 401, "token-invalid-algorithm", with_header(alg="none")),
    Case("algorithm NoNe", 401, "token-invalid-algorithm", with_header(alg="NoNe")),
    Case("algorithm null", 401, "token-invalid-algorithm", with_header(alg=None)),
    Case("algorithm that is a list", 401, "token-invalid-algorithm", with_header(alg=["RS256"])),
    Case("algorithm in lower case", 401, "token-invalid-algorithm", with_header(alg="rs256")),
    Case("HS256 with the public key as secret", 401, "token-invalid-algorithm", hmac_with_public_key),
    Case("HS256 named over a real signature", 401, "token-invalid-algorithm", with_header(alg="HS256")),
    Case("RS512, which Clerk does not sign with", 401, "token-invalid-algorithm", with_header(alg="RS512")),
    Case("PS256", 401, "token-invalid-algorithm", pss),
    Case("ES256 with a key of its own", 401, "token-invalid-algorithm", elliptic),
    # The signature.
    Case("another key", 401, "token-invalid-signature", own_key()),
    Case("a weak key", 401, "token-invalid-signature", weak),
    Case("an embedded jwk", 401, "token-invalid-signature", own_key(jwk=json_web_key(WEAK_KEY))),
    Case("a jku to fetch keys from", 401, "token-invalid-signature", own_key(jku="https://evil.example/jwks")),
    Case("an x5u to fetch a certificate from", 401, "token-invalid-signature", own_key(x5u="https://evil.example/c")),
    Case("an embedded x5c", 401, "token-invalid-signature", own_key(x5c=["MIIB"])),
    Case("kid that climbs directories", 401, "token-invalid-signature", own_key(kid="../../dev/null")),
    Case("kid that is SQL", 401, "token-invalid-signature", own_key(kid="' OR 1=1 --")),
    Case("claims of another token", 401, "token-invalid-signature", swapped_payload),
    Case("a changed header", 401, "token-invalid-signature", part(0, lambda _: BARE)),
    Case("a zero signature", 401, "token-invalid-signature", part(2, lambda _: base64url(bytes(256)))),
    Case("a short signature", 401, "token-invalid-signature", part(2, lambda _: base64url(b"short"))),
    Case("another key and expired: nothing is told of the claims", 401, "token-invalid-signature",
         lambda issuer: Issuer().forge(HEADER, issuer.claims(exp=1))),
    # Time.
    Case("expired", 401, "token-expired", with_claims(exp=NOW - 60)),
    Case("expired six seconds ago", 401, "token-expired", with_claims(exp=NOW - 6)),
    Case("expired before time began", 401, "token-expired", with_claims(exp=-1)),
    Case("no exp", 401, "token-verification-failed", with_claims(exp=None)),
    Case("exp as text", 401, "token-verification-failed", with_claims(exp=str(LATER))),
    Case("exp true", 401, "token-verification-failed", with_claims(exp=True)),
    Case("exp null", 401, "token-verification-failed", with_claims_json("null", of="exp")),
    Case("exp infinite", 401, "token-invalid", with_claims_json("1e999", of="exp")),
    Case("exp not a number", 401, "token-invalid", with_claims_json("NaN", of="exp")),
    Case("exp a list", 401, "token-verification-failed", with_claims(exp=[LATER])),
    Case("not yet active", 401, "token-not-active-yet", with_claims(nbf=LATER)),
    Case("nbf as text", 401, "token-verification-failed", with_claims(nbf="0")),
    Case("nbf null", 401, "token-verification-failed", with_claims_json("null", of="nbf")),
    Case("issued in the future", 401, "token-iat-in-the-future", with_claims(iat=LATER)),
    Case("iat false", 401, "token-verification-failed", with_claims(iat=False)),
    # Whose it is.
    Case("no sub", 401, "token-verification-failed", with_claims(sub=None)),
    Case("sub a number", 401, "token-verification-failed", with_claims(sub=7)),
    Case("sub empty", 401, "token-verification-failed", with_claims(sub="")),
    Case("sub an object", 401, "token-verification-failed", with_claims(sub={"id": "user_ada"})),
    Case("another instance's issuer", 401, "token-invalid-issuer", with_claims(iss="https://clerk.else.example")),
    Case("no issuer", 401, "token-invalid-issuer", with_claims(iss=None)),
    Case("issuer with a slash", 401, "token-invalid-issuer", with_claims(iss=f"https://{HOST}/")),
    Case("issuer as a list", 401, "token-invalid-issuer", with_claims(iss=[f"https://{HOST}"])),
    Case("another site's azp", 401, NOT_OURS, with_claims(azp="https://evil.example")),
    Case("no azp", 401, NOT_OURS, with_claims(azp=None)),
    Case("azp that only begins right", 401, NOT_OURS, with_claims(azp=PARTY + ".evil")),
    Case("azp as a list", 401, NOT_OURS, with_claims(azp=[PARTY])),
    Case("another service's audience", 401, "token-invalid-audience", with_claims(aud="billing")),
    Case("other services' audiences", 401, "token-invalid-audience", with_claims(aud=["billing", 7])),
    Case("audience an object", 401, "token-invalid-audience", with_claims(aud={"signals": True})),
    # Which kind it is.
    Case("a JWT template's token", 401, "token-type-mismatch", with_header(cat="cl_B7d4PD222AAA")),
    Case("a machine's category on a user", 401, "token-type-mismatch", with_header(cat="cl_B7d4PD333AAA")),
    Case("a category not known", 401, "token-type-mismatch", with_header(cat="cl_X")),
    Case("a category that is a list", 401, "token-type-mismatch", with_header(cat=["cl_B7d4PD111AAA"])),
    Case("a machine where a session is needed", 401, "token-type-mismatch", machine()),
    Case("an OAuth client where a session is needed", 401, "token-type-mismatch", oauth()),
    Case("an API key where a session is needed", 401, "token-type-mismatch", text("ak_live_1")),
    Case("a session where a machine is needed", 401, "token-type-mismatch", with_claims(), MACHINES),
    Case("a machine with a session's category", 401, "token-type-mismatch",
         lambda i: i.forge(HEADER, i.claims(sub="mch_1")), MACHINES),
    Case("a machine with an OAuth type", 401, "token-type-mismatch",
         lambda i: i.forge({"alg": "RS256", "typ": "at+jwt"}, i.claims(sub="mch_1")), MACHINES),
    Case("an expired machine", 401, "token-expired", machine(exp=1), MACHINES),
    Case("an OAuth token without the audience", 401, "token-invalid-audience", oauth(), CLIENTS),
    Case("an opaque key that no secret can vouch for", 401, "token-type-not-configured", text("ak_1"), KEYS),
    Case("an opaque key with a line break", 401, "token-invalid", text("ak_1\n2"), KEYS),
    Case("a prefix alone", 401, "token-invalid", text("ak_"), KEYS),
    # Signed in, but not for this.
    Case("a pending session", 401, "session-pending", with_claims(sts="pending")),
    Case("no organisation", 403, "", with_claims(), Policy(org=True)),
    Case("no role without an organisation", 403, "", with_claims(), Policy(role="admin")),
    Case("another role", 403, "", with_claims(o={"id": "org_1", "rol": "member"}), Policy(role="org:admin")),
    Case("no permission", 403, "", with_claims(o={"id": "org_1"}), Policy(permission="org:signals:read")),
    Case("no feature", 403, "", with_claims(), Policy(feature="alerts")),
    Case("no plan", 403, "", with_claims(pla="u:free"), Policy(plan="user:pro")),
    Case("a stale sign-in", 403, "", with_claims(fva=[11, -1]), Policy(reverification="strict")),
    Case("a machine where a role is needed", 403, "", machine(), MACHINE_ADMINS),
]  # fmt: skip


@pytest.fixture(scope="module")
def authenticator(issuer: Issuer) -> Authenticator:
    settings = ClerkSettings(
        jwt_key=issuer.pem,
        publishable_key=issuer.publishable_key,
        authorized_parties=(PARTY,),
        audience=("signals",),
    )
    return by_clerk(settings, production=True)


async def refusal(authenticator: Authenticator, token: str | bytes | None, policy: Policy) -> AnnexError:
    try:
        user = await authenticator.authenticate(scope(token), policy)
    except AnnexError as error:
        return error
    pytest.fail(f"let in as {user}")


def test_the_table_has_no_two_cases_of_one_name():
    assert len({case.condition for case in CASES}) == len(CASES) >= 60


@contextlib.asynccontextmanager
async def guarded(authenticator: Authenticator, policy: Policy) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of one function with a policy, behind the gate; what it sends is passed on as it is."""

    @route(**msgspec.structs.asdict(policy))
    async def signals() -> str:
        return "let in"

    async with Gate(authenticator, {}) as gate:
        app = Outermost(Errors(cast("ASGIApp", behind(gate, signals))))
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://annex") as http:
            yield http


def challenge_of(case: Case) -> str | None:
    """What the caller reads in `WWW-Authenticate`: without a token no error, without a 401 nothing."""
    if case.status != 401:
        return None
    bare = 'Bearer realm="annex"'
    error = f', error="invalid_token", error_description="{case.reason}"'
    return bare if case.reason == "token-missing" else bare + error


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.condition)
async def test_refused_with_its_status_and_reason_each_time(case: Case, authenticator, issuer, caplog):
    token = case.token(issuer)
    headers = scope(token)["headers"]

    with caplog.at_level(logging.INFO):
        async with guarded(authenticator, case.policy) as http:
            answers = [await http.get("/signals", headers=headers) for _ in range(2)]

    for answer in answers:
        assert (answer.status_code, answer.headers.get("www-authenticate")) == (
            case.status,
            challenge_of(case),
        )
    shown = answers[0].text + "".join(str(vars(record)) for record in caplog.records)
    secret = token if isinstance(token, str) else (token or b"").decode("latin-1")
    assert len(secret) < 5 or secret[:40] not in shown


async def test_the_table_is_about_its_conditions_for_the_good_token_passes(authenticator, issuer):
    token = issuer.forge(HEADER, issuer.claims(aud="signals"))

    user = await authenticator.authenticate(scope(token), Policy())

    assert user is not None


@given(value=st.binary(max_size=200))
async def test_no_bytes_of_a_header_let_anybody_in_or_break_anything(authenticator, value):
    error: AnnexError | None = None
    try:
        await authenticator.authenticate({"headers": [(b"authorization", value)], "method": "GET"}, Policy())
    except AnnexError as caught:
        error = caught
    assert error is not None
    assert status_of(error) == 401


@given(value=st.binary(max_size=300))
async def test_no_bytes_of_a_token_let_anybody_in_or_break_anything(authenticator, value):
    assert status_of(await refusal(authenticator, value, Policy())) == 401


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(["alg", "typ", "kid", "cat", "crit", "b64", "jwk", "jku", "zip"])


@given(header=st.dictionaries(names, json_values, max_size=4))
async def test_no_header_made_of_json_breaks_anything(authenticator, issuer, header):
    token = f"{base64url(json.dumps(HEADER | header).encode())}.{base64url(b'{}')}.{base64url(bytes(256))}"

    assert status_of(await refusal(authenticator, token, Policy())) == 401


claims_names = st.sampled_from(
    ["sub", "exp", "nbf", "iat", "iss", "azp", "aud", "sid", "v", "o", "fea", "pla", "fva", "sts", "org_id"]
)


@given(changes=st.dictionaries(claims_names, json_values, max_size=5))
async def test_no_signed_claims_break_anything(authenticator, issuer, changes):
    """Signed by Clerk, but strange: let in or refused, never a mistake of ours."""
    token = issuer.forge(HEADER, issuer.claims() | changes)
    status = 200
    try:
        await authenticator.authenticate(scope(token), Policy())
    except AnnexError as error:
        status = status_of(error)
    assert status in {200, 401}


@given(position=st.integers(min_value=0), mask=st.integers(min_value=1, max_value=255))
async def test_a_good_token_with_one_byte_changed_is_refused(authenticator, issuer, position, mask):
    token = bytearray(issuer.forge(HEADER, issuer.claims()).encode())
    token[position % len(token)] ^= mask

    assert status_of(await refusal(authenticator, bytes(token), Policy())) == 401


async def test_several_authorization_headers_are_refused(authenticator, issuer):
    header = (b"authorization", b"Bearer " + issuer.token().encode())

    error = await refusal_of(authenticator, [header, header])

    assert (status_of(error), error.reason) == (401, "authorization-malformed")


async def test_a_token_without_a_scheme_is_refused(authenticator, issuer):
    error = await refusal_of(authenticator, [(b"authorization", issuer.token().encode())])

    assert (status_of(error), error.reason) == (401, "authorization-malformed")


async def test_another_scheme_counts_as_no_token(authenticator):
    basic = b"Basic " + base64.b64encode(b"user_ada:secret")

    error = await refusal_of(authenticator, [(b"authorization", basic)])

    assert (status_of(error), error.reason) == (401, "token-missing")


async def refusal_of(authenticator: Authenticator, headers: list[tuple[bytes, bytes]]) -> Any:
    with pytest.raises(AnnexError) as caught:
        await authenticator.authenticate({"headers": headers, "method": "GET"}, Policy())
    return caught.value


machine_names = st.sampled_from(["scopes", "scope", "scp", "aud", "act", "exp", "nbf", "iat", "iss"])
MACHINES = Policy(token_types=("m2m_token", "oauth_token"))


@pytest.mark.parametrize(
    ("header", "claims"), [(HEADER, {"sub": "mch_1"}), (HEADER | {"typ": "at+jwt"}, {"sub": "client_1"})]
)
@given(changes=st.dictionaries(machine_names, json_values, max_size=5))
async def test_no_signed_claims_of_a_machine_break_anything(authenticator, issuer, header, claims, changes):
    header = {name: value for name, value in header.items() if name != "cat"}
    token = issuer.forge(header, issuer.claims() | claims | changes)
    status = 200
    try:
        await authenticator.authenticate(scope(token), MACHINES)
    except AnnexError as error:
        status = status_of(error)
    assert status in {200, 401}
