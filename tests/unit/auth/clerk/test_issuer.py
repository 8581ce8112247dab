"""The development issuer: the same verification, another key, and never in production."""

import os
import stat
from pathlib import Path

import pytest

from runtime.auth import Authenticator
from runtime.auth.clerk import ClerkIdentity, DevelopmentIssuer
from runtime.config import Policy
from runtime.settings import Settings, SettingsError
from runtime.settings.groups.clerk import ClerkSettings
from shared.errors import Unauthenticated
from tests.fixtures.clerk import by_clerk, caller, scope


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / ".annex" / "issuer.pem"


def authenticator(file: Path, settings: ClerkSettings | None = None) -> Authenticator:
    return by_clerk(settings or ClerkSettings(), production=False, issuer_file=file)


async def test_a_token_of_another_process_passes_in_development(file):
    server = authenticator(file)

    token = DevelopmentIssuer.from_settings(Settings(), file=file).token("user_ada", organization="org_desk")

    user = await caller(server, token, Policy(role="admin"))
    assert user.user_id == "user_ada"


async def test_the_server_can_sign_for_its_own_developers_page(file):
    identity = ClerkIdentity.from_settings(ClerkSettings(), production=False, issuer_file=file)
    assert identity.issuer is not None

    user = await caller(Authenticator(identity), identity.issuer.token("user_dev"))

    assert user.user_id == "user_dev"


async def test_permissions_of_a_development_token_are_packed_as_clerk_packs_them(file):
    server = authenticator(file)
    asked = ("org:signals:read", "org:signals:write", "org:reports:read")

    token = DevelopmentIssuer.open(file).token(organization="org_desk", permissions=asked)

    user = await caller(server, token)
    assert user.organization is not None
    assert user.organization.permissions == set(asked)


async def test_a_development_token_carries_an_authorized_party(file):
    settings = ClerkSettings(authorized_parties=("http://localhost:3000",))
    server = authenticator(file, settings)

    token = DevelopmentIssuer.from_settings(Settings(clerk=settings), file=file).token()

    assert (await caller(server, token)).claims["azp"] == "http://localhost:3000"


async def test_a_development_token_expires_like_any_other(file):
    server = authenticator(file)
    token = DevelopmentIssuer.open(file).token(lifetime=-60)

    with pytest.raises(Unauthenticated) as refusal:
        await server.authenticate(scope(token), Policy())

    assert refusal.value.reason == "token-expired"


async def test_a_development_token_is_refused_where_clerk_is_configured(file, issuer):
    server = authenticator(file, ClerkSettings(jwt_key=issuer.pem))

    with pytest.raises(Unauthenticated) as refusal:
        await server.authenticate(scope(DevelopmentIssuer.open(file).token()), Policy())

    assert refusal.value.reason == "token-invalid-signature"


def test_production_has_no_development_issuer(file):
    with pytest.raises(SettingsError, match="production"):
        DevelopmentIssuer.from_settings(Settings(env="production"), file=file)
    with pytest.raises(SettingsError, match="production"):
        by_clerk(ClerkSettings(), production=True, issuer_file=file)

    assert not file.exists()


def test_no_development_token_is_made_where_nobody_would_accept_it(file, issuer):
    with pytest.raises(SettingsError, match="only its tokens"):
        DevelopmentIssuer.from_settings(Settings(clerk=ClerkSettings(jwt_key=issuer.pem)), file=file)


def test_the_key_file_is_readable_by_its_owner_alone(file):
    DevelopmentIssuer.open(file)

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert os.listdir(file.parent) == ["issuer.pem"]  # noqa: PTH208  # hidden drafts too, by name


def test_the_key_file_is_made_once(file):
    first, second = DevelopmentIssuer.open(file), DevelopmentIssuer.open(file)

    assert first.public_key == second.public_key


@pytest.mark.parametrize("content", [b"", b"not a key"])
def test_a_broken_key_file_is_named_with_the_cure(file, content):
    file.parent.mkdir()
    file.write_bytes(content)

    with pytest.raises(SettingsError, match="delete the file"):
        DevelopmentIssuer.open(file)


def test_a_key_file_that_cannot_be_read_is_refused_with_the_cause(file: Path):
    file.mkdir(parents=True)
    with pytest.raises(SettingsError, match="cannot be read: Is a directory"):
        DevelopmentIssuer.open(file)
