"""Clerk's events come in signed, once, through the real webhook check."""

import base64
import logging
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks.webhooks import Webhook

SECRET = "whsec_" + base64.b64encode(b"the desk's own secret").decode()
EVENT = '{"type":"user.created","object":"event","data":{"id":"user_ada","first_name":"Ada"}}'


def delivery(*, ago: float = 0, secret: str = SECRET) -> dict[str, str]:
    """The headers of one delivery, as Svix sends them."""
    at = datetime.now(UTC) - timedelta(seconds=ago)
    return {
        "Content-Type": "application/json",
        "svix-id": "msg_1",
        "svix-timestamp": str(int(at.timestamp())),
        "svix-signature": Webhook(secret).sign("msg_1", at, EVENT),
    }


@pytest.fixture
async def service(compose):
    async with compose(CLERK_WEBHOOK_SIGNING_SECRET=SECRET) as caller:
        yield caller


async def send(service, headers: dict[str, str], content: str = EVENT):
    return await service.anonymous("POST", "/webhooks/clerk", content=content, headers=headers)


async def test_a_signed_event_is_noted_and_answered_with_204(service, caplog):
    with caplog.at_level(logging.INFO):
        answer = await send(service, delivery())

    assert answer.status_code == 204
    assert [vars(record)["event_type"] for record in caplog.records if record.message == "clerk.event"] == [
        "user.created"
    ]


async def test_a_forged_event_is_answered_with_400_and_not_noted(service, caplog):
    other = "whsec_" + base64.b64encode(b"somebody else's").decode()

    with caplog.at_level(logging.INFO):
        answer = await send(service, delivery(secret=other))

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_input")
    assert "clerk.event" not in [record.message for record in caplog.records]


async def test_a_changed_body_is_answered_with_400(service):
    assert (await send(service, delivery(), EVENT.replace("ada", "eve"))).status_code == 400


async def test_a_session_token_does_not_replace_the_signature(service):
    answer = await service.signed("POST", "/webhooks/clerk", json={"type": "user.created"})

    assert answer.status_code == 400


async def test_a_replay_is_refused(service):
    headers = delivery()
    await send(service, headers)

    answer = await send(service, headers)

    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


async def test_clerks_retry_of_a_handled_event_is_answered_and_not_noted_again(service, caplog):
    await send(service, delivery(ago=5))
    caplog.clear()

    with caplog.at_level(logging.INFO):
        answer = await send(service, delivery())

    assert answer.status_code == 204
    assert "clerk.event" not in [record.message for record in caplog.records]


async def test_without_a_signing_secret_clerk_is_asked_to_come_again(compose):
    async with compose() as service:
        answer = await send(service, delivery())

    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "60"
