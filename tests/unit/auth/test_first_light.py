import pytest

from runtime.auth import Authenticator, DevelopmentIssuer
from runtime.config import Policy
from runtime.variables import ClerkSettings
from shared.errors import Forbidden, Unauthenticated
from tests.fixtures.clerk import Issuer, caller, scope


@pytest.fixture
def authenticator(issuer: Issuer) -> Authenticator:
    return Authenticator.from_settings(ClerkSettings(jwt_key=issuer.pem), production=True)


async def test_a_session_token_becomes_its_user(authenticator, issuer):
    user = await caller(authenticator, issuer.token(sub="user_grace"))

    assert user.user_id == "user_grace"


async def test_a_missing_permission_is_forbidden(authenticator, issuer):
    with pytest.raises(Forbidden):
        await authenticator.authenticate(scope(issuer.token()), Policy(permission="org:signals:read"))


async def test_a_development_token_passes_where_clerk_is_not_configured(tmp_path):
    file = tmp_path / "issuer.pem"
    authenticator = Authenticator.from_settings(ClerkSettings(), production=False, issuer_file=file)
    token = DevelopmentIssuer.open(file).token(organization="org_desk", permissions=("org:signals:read",))

    user = await caller(authenticator, token, Policy(permission="org:signals:read"))

    assert user.organization is not None
    assert user.organization.role == "org:admin"


async def test_no_token_is_refused(authenticator):
    with pytest.raises(Unauthenticated) as refusal:
        await authenticator.authenticate(scope(), Policy())
    assert refusal.value.reason == "token-missing"


async def test_remote_keys(jwks, issuer):
    settings = ClerkSettings(jwks_url=jwks.url, issuer=issuer.url)
    async with Authenticator.from_settings(settings, production=False) as authenticator:
        user = await caller(authenticator, issuer.token())
    assert user.user_id == "user_ada"
