"""What is read of a token, held against PyJWT's own reading."""

import json
from typing import Any

import jwt
from hypothesis import given
from hypothesis import strategies as st

from runtime.auth.tokens.signed import parse
from shared.errors import Unauthenticated
from tests.fixtures.clerk import Issuer, base64url


def test_a_token_is_taken_apart(issuer):
    text = issuer.token(headers={"cat": None}, sub="user_grace")

    token = parse(text.encode())

    assert token.kid == issuer.kid
    assert token.claims["sub"] == "user_grace"
    assert token.is_signed_by(issuer.key.public_key())


def test_padding_is_optional_as_in_clerks_sdk(issuer):
    text = ".".join(part + "=" * (-len(part) % 4) for part in issuer.token().split("."))

    assert parse(text.encode()).claims["sub"] == "user_ada"


def test_the_key_of_another_does_not_fit(issuer):
    assert not parse(issuer.token().encode()).is_signed_by(Issuer().key.public_key())


def reading(token: str) -> dict[str, Any] | None:
    try:
        return parse(token.encode("utf-8", "surrogatepass")).claims
    except Unauthenticated:
        return None


parts = st.binary(max_size=40) | st.dictionaries(
    st.text(max_size=4), st.integers() | st.text(max_size=4)
).map(lambda members: json.dumps(members).encode())


@given(
    header=st.sampled_from([b'{"alg":"RS256"}', b'{"alg":"RS256","typ":"JWT"}', b"{}", b"[]"]), payload=parts
)
def test_what_we_read_pyjwt_reads_as_the_same(issuer, header, payload):
    token = issuer.forge(header, payload)

    claims = reading(token)

    if claims is not None:
        theirs = jwt.decode_complete(
            token,
            issuer.key.public_key(),
            algorithms=["RS256"],
            options={"verify_aud": False, "verify_exp": False, "verify_nbf": False, "verify_iat": False,
                     "verify_sub": False, "verify_jti": False, "verify_iss": False},
        )  # fmt: skip
        assert claims == theirs["payload"]


@given(st.text("AQgwxyz-_=.", max_size=60))
def test_no_text_of_the_alphabet_is_read_that_pyjwt_cannot_read(text):
    token = f"{base64url(b'{"alg":"RS256"}')}.{base64url(b'{}')}.{text}"

    if reading(token) is not None:
        assert jwt.get_unverified_header(token) == {"alg": "RS256"}
