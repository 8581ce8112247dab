"""Another provider is a folder of its own: here ten lines serve a private function and a webhook."""

import httpx
import pytest

from runtime.app import create_app
from runtime.auth import Delivery, Identity, Validity, Verified, Webhooks
from runtime.auth.reasons import Reason
from runtime.settings import load
from shared.errors import Invalid, Unauthenticated
from shared.identity import User
from tests.fixtures.production import list_open_routes


class Badges(Identity):
    async def verify(self, token, allowed):
        if not token.startswith(b"badge-"):
            raise Unauthenticated(Reason.INVALID)
        return Verified(User(token.removeprefix(b"badge-").decode()), Validity())


class Seals(Webhooks):
    def verify(self, headers, body):
        if (b"seal", b"wax") not in headers:
            raise Invalid("The seal is missing.")
        return Delivery("delivery_1")


FILES = {
    "me.py": "from runtime import User\nasync def get(user: User) -> str:\n    return user.user_id\n",
    "admin.py": "from runtime import Function\nconfig = Function(role='org:admin')\n"
    "async def get() -> str:\n    return 'secret'\n",
    "hook.py": "from runtime import Function\nconfig = Function(webhook='clerk')\n"
    "async def post(data: dict[str, str]) -> str:\n    return data['event']\n",
}


@pytest.fixture
async def service(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    list_open_routes(tmp_path)
    settings = load({"ANNEX_ENV": "production", "ANNEX_FUNCTIONS": str(tmp_path)})
    application = create_app(settings, identity=Badges(), webhooks={"clerk": Seals()})
    transport = httpx.ASGITransport(application)
    async with application.running(), httpx.AsyncClient(transport=transport, base_url="http://annex") as http:
        yield http


async def get(service: httpx.AsyncClient, path: str, token: str | None = None) -> httpx.Response:
    return await service.get(path, headers={"Authorization": f"Bearer {token}"} if token else {})


async def test_a_private_function_serves_a_caller_that_another_provider_knows(service):
    answer = await get(service, "/me", "badge-ada")

    assert (answer.status_code, answer.json()) == (200, "ada")


@pytest.mark.parametrize(
    ("path", "token", "status"), [("/me", None, 401), ("/me", "ada", 401), ("/admin", "badge-ada", 403)]
)
async def test_another_providers_refusals_and_the_policy_are_answered_alike(service, path, token, status):
    assert (await get(service, path, token)).status_code == status


@pytest.mark.parametrize(("seal", "status"), [("wax", 200), ("none", 400)])
async def test_a_webhook_runs_for_what_another_sender_has_signed(service, seal, status):
    answer = await service.post("/hook", json={"event": "moved"}, headers={"seal": seal})

    assert answer.status_code == status
