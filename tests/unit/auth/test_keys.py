"""Reading public keys as people and servers write them."""

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from runtime.auth.clerk.instance import read_pem
from runtime.auth.tokens.keys import KeySetError, read_key_set


def public_numbers(issuer):
    return issuer.key.public_key().public_numbers()


@pytest.mark.parametrize(
    "written",
    [
        lambda pem: pem,
        lambda pem: pem.strip(),
        lambda pem: pem.replace("\n", "\\n"),
        lambda pem: pem.replace("\n", "\r\n"),
        lambda pem: pem.replace("\n", "\\r\\n"),
        lambda pem: pem.replace("\n", ""),
        lambda pem: pem.replace("\n", " "),
        lambda pem: "".join(pem.splitlines()[1:-1]),
        lambda pem: "\n".join(pem.splitlines()[1:-1]),
        lambda pem: "\\n".join(pem.splitlines()[1:-1]),
        lambda pem: f'"{pem}"',
        lambda pem: f"'{pem.strip()}'",
        lambda pem: '"' + pem.replace("\n", "\\n") + '"',
        lambda pem: "'\"" + pem.replace("\n", "\\n") + "\"'",
        lambda pem: pem.replace("\n", "\\\\n"),
        lambda pem: pem.replace("\n", "\\\n"),
        lambda pem: '\\"' + pem.replace("\n", "\\n") + '\\"',
        lambda pem: '"' + "".join(pem.splitlines()[1:-1]) + '"',
        lambda pem: f"`{pem}`",
    ],
)
def test_a_pem_key_is_read_however_it_was_pasted(issuer, written):
    assert read_pem(written(issuer.pem)).public_numbers() == public_numbers(issuer)


@pytest.mark.parametrize("text", ["", "secret", "sk_live_1", "-----BEGIN PUBLIC KEY-----", "MIIB", "é"])
def test_what_is_no_public_key_is_refused_with_the_cure(text):
    with pytest.raises(ValueError, match="Clerk's dashboard"):
        read_pem(text)


@pytest.mark.parametrize(
    ("written", "cause"),
    [
        (lambda pem: pem.replace("PUBLIC", "PRIVATE"), "private key"),
        (lambda pem: pem.replace("PUBLIC KEY", "CERTIFICATE"), "certificate"),
        (lambda pem: f'"{pem.replace("PUBLIC", "RSA PRIVATE")}"', "rsa private key"),
        (lambda _: '{"keys": [{"kty": "RSA"}]}', "character"),
        (lambda _: "pk_live_Y2xlcmsuZXhhbXBsZS5jb20k", "character"),
        (lambda pem: pem[:200], "cut off"),
        (lambda pem: pem.replace("A", "B", 3), "cut off"),
        (lambda pem: pem.splitlines()[0], "cut off"),
    ],
)
def test_what_is_wrong_with_a_pasted_key_is_named_without_showing_it(issuer, written, cause):
    with pytest.raises(ValueError, match=cause) as error:
        read_pem(written(issuer.pem))

    assert "MII" not in str(error.value)


def test_a_key_of_another_kind_or_too_short_is_refused():
    for key in (
        ec.generate_private_key(ec.SECP256R1()),
        rsa.generate_private_key(public_exponent=65537, key_size=1024),  # noqa: S505  # the case
    ):
        pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        with pytest.raises(ValueError, match="at least 2048 bits"):
            read_pem(pem)


def jwk(key: Any, **members: Any) -> dict[str, Any]:
    algorithm = RSAAlgorithm if isinstance(key, rsa.RSAPublicKey) else ECAlgorithm
    return algorithm.to_jwk(key, as_dict=True) | {"kid": "ins_1"} | members


def key_set(*entries: Any) -> bytes:
    return json.dumps({"keys": entries}).encode()


def test_keys_are_found_by_their_kid(issuer, foreign_issuer):
    keys = read_key_set(key_set(issuer.jwk, foreign_issuer.jwk))

    assert {kid: key.public_numbers() for kid, key in keys.items()} == {
        issuer.kid: public_numbers(issuer),
        foreign_issuer.kid: public_numbers(foreign_issuer),
    }


def test_keys_that_cannot_verify_rs256_are_left_out(issuer):
    good = issuer.key.public_key()
    weak = rsa.generate_private_key(public_exponent=65537, key_size=1024).public_key()  # noqa: S505  # the case
    elliptic = ec.generate_private_key(ec.SECP256R1()).public_key()
    entries = [
        jwk(good, kid="other-use", use="enc"),
        jwk(good, kid="other-algorithm", alg="RS512"),
        jwk(good, kid="no-modulus", n=None),
        jwk(good, kid="strange-modulus", n="%%%"),
        jwk(good, kid=7),
        jwk(weak, kid="weak"),
        jwk(elliptic, kid="elliptic"),
        "not an object",
        None,
    ]

    assert list(read_key_set(key_set(*entries, issuer.jwk))) == [issuer.kid]


@pytest.mark.parametrize(
    "document",
    [b"", b"<html>", b"[]", b"{}", b'{"keys": {}}', b'{"keys": []}', b'{"keys": [1]}', b"\xff", b'{"\xff'],
)
def test_what_is_no_key_set_is_an_error(document):
    with pytest.raises(KeySetError):
        read_key_set(document)


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reading_of_a_key_set(document):
    with pytest.raises(KeySetError):
        read_key_set(document)
