"""`annex doctor --token`: each step of a real token, and the one that refuses it."""

import io
import sys
from typing import Any

import pytest

from runtime.commands.checking.credential import explain_token
from runtime.commands.cli import main
from runtime.commands.finding import lines
from runtime.settings import Settings, load
from tests.fixtures.clerk import Issuer, serving

PARTY = "https://app.signals.example"


def settings(issuer: Issuer, **changes: str) -> Settings:
    usual = {
        "CLERK_PUBLISHABLE_KEY": issuer.publishable_key,
        "CLERK_JWT_KEY": issuer.pem,
        "CLERK_AUTHORIZED_PARTIES": PARTY,
        "CLERK_AUDIENCE": "annex",
    }
    return load(usual | changes)


async def explained(token: str, issuer: Issuer, **changes: str) -> list[str]:
    return lines(await explain_token(settings(issuer, **changes), token))


async def test_a_good_token_passes_every_step_and_names_its_caller(issuer):
    claims: dict[str, Any] = {
        "o": {"id": "org_desk", "rol": "admin", "per": "read", "fpm": "1"},
        "fea": "o:x",
    }

    told = await explained(f"Bearer {issuer.token(**claims)}\n", issuer)

    assert all(line.startswith("✓") for line in told)
    assert f'`azp` "{PARTY}"' in "\n".join(told)
    assert told[-1].endswith(
        "session of user_ada; organisation org_desk, role org:admin; permissions org:x:read"
    )


@pytest.mark.parametrize(
    ("step", "told", "claims"),
    [
        ("party", "token-invalid-authorized-parties: expected `azp` https://app", {"azp": None}),
        ("issuer", 'came "https://else.example"', {"iss": "https://else.example"}),
        ("audience", "token-invalid-audience: expected `aud` annex", {"aud": "x"}),
        ("times", "token-expired", {"exp": 1}),
        ("session", "session-pending", {"sts": "pending"}),
        ("claims", "token-verification-failed: expected `sub` a text", {"sub": 7}),
        ("type", "a JWT template's token", {"headers": {"cat": "cl_B7d4PD222AAA"}}),
    ],
)
async def test_the_step_that_refuses_is_the_last_and_says_why(issuer, step, told, claims):
    steps = await explained(issuer.token(**claims), issuer)

    assert [line for line in steps if line.startswith("✗")] == steps[-1:]
    assert steps[-1].split()[1] == step
    assert told in steps[-1]


async def test_a_token_of_another_instance_fails_at_the_signature(issuer, foreign_issuer):
    steps = await explained(foreign_issuer.token(), issuer)

    assert "token-invalid-signature" in steps[-1]


async def test_text_that_is_no_token_is_told_without_it(issuer):
    steps = await explained("my-secret-password", issuer)

    assert "expected three parts" in steps[-1]
    assert "password" not in "".join(steps)


async def test_an_opaque_token_is_asked_about(issuer):
    async with serving() as api:
        api.answer(b'{"subject": "user_ada", "scopes": ["read"]}')
        url = api.url.removesuffix("/jwks")
        steps = await explained("ak_1", issuer, CLERK_SECRET_KEY="sk_test_1", CLERK_API_URL=url)

    assert steps[-1].endswith("api_key of user_ada; scopes read")


async def test_keys_that_cannot_be_fetched_are_said_so(issuer):
    steps = await explained(
        issuer.token(), issuer, CLERK_JWT_KEY="", CLERK_JWKS_URL="http://127.0.0.1:1/keys"
    )

    assert "cannot be fetched" in steps[-1]


def test_the_command_reads_a_token_from_standard_input_and_fails_with_it(monkeypatch, capsys, issuer):
    for name, value in (("CLERK_JWT_KEY", issuer.pem), ("CLERK_ISSUER", issuer.url)):
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "stdin", io.StringIO(issuer.token(exp=1)))

    assert main(["doctor", "--token", "-"]) == 1

    assert "token-expired" in capsys.readouterr().out
