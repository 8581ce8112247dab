"""ClerkWebhooks: what Clerk signed, once, and nothing else."""

import base64
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook

from runtime.auth.clerk.webhooks import ClerkWebhooks
from shared.errors import Conflict, Invalid, Unavailable
from shared.secret import Secret

SECRET = "whsec_" + base64.b64encode(b"the desk's own secret").decode()
OLD_SECRET = "whsec_" + base64.b64encode(b"the one before that").decode()
BODY = b'{"type":"user.created","data":{"id":"user_ada"}}'

type Headers = list[tuple[bytes, bytes]]


def signed(
    body: bytes = BODY,
    *,
    identifier: str = "msg_1",
    ago: float = 0,
    secrets: tuple[str, ...] = (SECRET,),
    **changes: str | None,
) -> Headers:
    """The headers of a delivery, as Svix makes them; `changes` replace or drop one."""
    at = datetime.fromtimestamp(int(time.time() - ago), tz=UTC)
    signatures = " ".join(Webhook(secret).sign(identifier, at, body.decode()) for secret in secrets)
    usual = {"id": identifier, "timestamp": str(int(at.timestamp())), "signature": signatures}
    fields = {**usual, **changes}
    return [(f"svix-{name}".encode(), value.encode()) for name, value in fields.items() if value is not None]


@pytest.fixture
def webhooks() -> ClerkWebhooks:
    return ClerkWebhooks(Secret(SECRET))


def test_a_signed_delivery_is_accepted(webhooks):
    delivery = webhooks.verify(signed(), BODY)

    assert (delivery.id, delivery.is_duplicate) == ("msg_1", False)


def test_one_good_signature_of_several_is_enough_while_a_secret_is_replaced(webhooks):
    headers = signed(secrets=(OLD_SECRET, SECRET))

    assert webhooks.verify(headers, BODY).id == "msg_1"


def test_signatures_of_other_versions_are_passed_over(webhooks):
    good = dict(signed())[b"svix-signature"].decode()

    assert webhooks.verify(signed(signature=f"v1a,AAAA v2,BBBB {good}"), BODY).id == "msg_1"


@pytest.mark.parametrize(
    ("condition", "make", "body"),
    [
        ("another body", signed, BODY + b" "),
        ("an empty body", signed, b""),
        ("another id", lambda: signed(id="msg_2"), BODY),
        ("another time", lambda: signed(timestamp=str(int(time.time()) - 1)), BODY),
        ("another secret", lambda: signed(secrets=(OLD_SECRET,)), BODY),
        ("no id", lambda: signed(id=None), BODY),
        ("no time", lambda: signed(timestamp=None), BODY),
        ("no signature", lambda: signed(signature=None), BODY),
        ("no headers", list, BODY),
        ("an empty signature", lambda: signed(signature=""), BODY),
        ("a signature without a version", lambda: signed(signature="AAAA"), BODY),
        ("a signature that is no base64", lambda: signed(signature="v1,%%%"), BODY),
        ("a signature with many commas", lambda: signed(signature="v1,A,B"), BODY),
        ("only another version's signature", lambda: signed(signature="v2,AAAA"), BODY),
        ("six minutes old", lambda: signed(ago=360), BODY),
        ("from in six minutes", lambda: signed(ago=-360), BODY),
        ("a time that is a word", lambda: signed(timestamp="now"), BODY),
        ("a time that is no number", lambda: signed(timestamp="nan"), BODY),
        ("an endless time", lambda: signed(timestamp="inf"), BODY),
        ("a body that is not UTF-8", signed, b"\xff\xfe"),
    ],
)
def test_what_is_not_signed_now_is_refused(webhooks, condition, make, body):
    with pytest.raises(Invalid):
        webhooks.verify(make(), body)


def test_a_refusal_remembers_nothing(webhooks):
    with pytest.raises(Invalid):
        webhooks.verify(signed(), b"forged")

    assert not webhooks.verify(signed(), BODY).is_duplicate


@pytest.mark.parametrize("ago", [290, -290])
def test_clocks_may_differ_by_less_than_five_minutes(webhooks, ago):
    assert webhooks.verify(signed(ago=ago), BODY).id == "msg_1"


def test_a_replay_is_refused_whatever_became_of_the_first(webhooks):
    webhooks.verify(signed(), BODY).end(succeeded=True)

    with pytest.raises(Conflict):
        webhooks.verify(signed(), BODY)


def test_a_replay_with_the_same_time_in_other_words_is_refused(webhooks):
    webhooks.verify(signed(), BODY).end(succeeded=True)
    now = dict(signed())[b"svix-timestamp"].decode()

    with pytest.raises(Conflict):
        webhooks.verify(signed(timestamp=f" {now}.9"), BODY)


def test_a_delivery_that_is_still_being_handled_is_not_handled_twice(webhooks):
    webhooks.verify(signed(ago=2), BODY)

    with pytest.raises(Conflict):
        webhooks.verify(signed(), BODY)


def test_clerks_retry_of_a_handled_delivery_is_told_to_be_a_duplicate(webhooks):
    webhooks.verify(signed(ago=2), BODY).end(succeeded=True)

    assert webhooks.verify(signed(), BODY).is_duplicate


def test_clerks_retry_of_a_failed_delivery_runs_again(webhooks):
    webhooks.verify(signed(ago=2), BODY).end(succeeded=False)

    assert not webhooks.verify(signed(), BODY).is_duplicate


def test_the_memory_is_bounded():
    webhooks = ClerkWebhooks(Secret(SECRET), memory=2)
    for identifier in ("msg_1", "msg_2", "msg_3"):
        webhooks.verify(signed(identifier=identifier), BODY).end(succeeded=True)

    with pytest.raises(Conflict):
        webhooks.verify(signed(identifier="msg_3"), BODY)
    assert not webhooks.verify(signed(identifier="msg_1"), BODY).is_duplicate


def test_without_a_secret_the_sender_is_asked_to_come_again():
    with pytest.raises(Unavailable):
        ClerkWebhooks(None).verify(signed(), BODY)


fields = st.binary(max_size=40)


@given(identifier=fields, timestamp=fields, signature=fields, body=fields)
def test_no_bytes_of_a_delivery_break_anything(identifier, timestamp, signature, body):
    headers = [(b"svix-id", identifier), (b"svix-timestamp", timestamp), (b"svix-signature", signature)]

    with pytest.raises(Invalid):
        ClerkWebhooks(Secret(SECRET)).verify(headers, body)
