"""Webhooks of GitHub, Slack, Stripe and Svix: the senders' published vectors, and everything else refused."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook

from runtime.auth.webhooks import GitHubWebhooks, SlackWebhooks, StripeWebhooks, SvixWebhooks
from runtime.auth.webhooks.schemes import SignedWebhooks
from shared.errors import Conflict, Invalid, Unavailable
from shared.secret import Secret

type Headers = list[tuple[bytes, bytes]]

NOW = 1_800_000_000
SECRET = "a secret of the desk"
SVIX_SECRET = "whsec_" + base64.b64encode(b"a secret of the desk, twice").decode()
EVENT = b'{"id":"evt_1","event_id":"Ev1","type":"moved"}'


def digest(signed: bytes, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def by_github(body: bytes = EVENT, *, at: int = NOW, secret: str = SECRET) -> Headers:
    return [(b"x-hub-signature-256", f"sha256={digest(body, secret)}".encode())]


def by_slack(body: bytes = EVENT, *, at: int = NOW, secret: str = SECRET) -> Headers:
    signature = digest(f"v0:{at}:".encode() + body, secret)
    return [(b"x-slack-request-timestamp", b"%d" % at), (b"x-slack-signature", f"v0={signature}".encode())]


def by_stripe(body: bytes = EVENT, *, at: int = NOW, secret: str = SECRET) -> Headers:
    return [(b"stripe-signature", f"t={at},v0=ab,v1={digest(f'{at}.'.encode() + body, secret)}".encode())]


class Sender(NamedTuple):
    webhooks: type[SignedWebhooks]
    sign: Callable[..., Headers]
    identifier: str


SENDERS = {
    "github": Sender(GitHubWebhooks, by_github, digest(EVENT)),
    "slack": Sender(SlackWebhooks, by_slack, "Ev1"),
    "stripe": Sender(StripeWebhooks, by_stripe, "evt_1"),
}
TIMED = [SENDERS["slack"], SENDERS["stripe"]]


def receiver(sender: Sender, *, now: float = NOW) -> SignedWebhooks:
    return sender.webhooks(Secret(SECRET), clock=lambda: now)


@pytest.fixture(params=SENDERS.values(), ids=list(SENDERS))
def sender(request: pytest.FixtureRequest) -> Sender:
    found: Sender = request.param
    return found


def test_githubs_published_vector_is_accepted():
    webhooks = GitHubWebhooks(Secret("It's a Secret to Everybody"))
    signature = b"sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"

    assert webhooks.verify([(b"x-hub-signature-256", signature)], b"Hello, World!").moment is None


def test_slacks_published_vector_is_accepted():
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
        b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
        b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
        b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    webhooks = SlackWebhooks(Secret("8f742231b10e8888abcd99yyyzzz85a5"), clock=lambda: 1531420618)
    headers = [
        (b"x-slack-request-timestamp", b"1531420618"),
        (b"x-slack-signature", b"v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"),
    ]

    assert webhooks.verify(headers, body).moment == 1531420618


def test_the_published_vector_of_standard_webhooks_is_signed_alike():
    secret, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", '{"test": 2432232314}'
    at = datetime.fromtimestamp(1614265330, tz=UTC)

    assert (
        Webhook(secret).sign("msg_p5jXN8AQM9LWM0D4loKWxJek", at, body)
        == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )


@pytest.mark.parametrize("prefix", [b"svix-", b"webhook-"])
def test_a_standard_webhook_is_accepted_by_both_names(prefix):
    now = datetime.fromtimestamp(int(time.time()), tz=UTC)
    signature = Webhook(SVIX_SECRET).sign("msg_1", now, EVENT.decode())
    fields = {b"id": b"msg_1", b"timestamp": b"%d" % now.timestamp(), b"signature": signature.encode()}

    delivery = SvixWebhooks(Secret(SVIX_SECRET)).verify(
        [(prefix + name, value) for name, value in fields.items()], EVENT
    )

    assert delivery.id == "msg_1"


def test_a_signed_delivery_is_accepted_and_known_by_what_is_signed(sender):
    assert receiver(sender).verify(sender.sign(), EVENT).id == sender.identifier


def test_another_secret_another_body_and_no_headers_are_refused(sender):
    webhooks = receiver(sender)
    for headers, body in [
        (sender.sign(secret="another"), EVENT),
        (sender.sign(), EVENT + b" "),
        (sender.sign(), b""),
        ([], EVENT),
        ([(name, b"") for name, _ in sender.sign()], EVENT),
        ([(name, value[:-1]) for name, value in sender.sign()], EVENT),
        ([(name, value.upper()) for name, value in sender.sign()], EVENT),
    ]:
        with pytest.raises(Invalid):
            webhooks.verify(headers, body)

    assert not webhooks.verify(sender.sign(), EVENT).is_duplicate


@pytest.mark.parametrize("timed", TIMED)
@pytest.mark.parametrize(("ago", "accepted"), [(299, True), (-299, True), (301, False), (-301, False)])
def test_a_signed_time_may_be_five_minutes_off(timed, ago, accepted):
    webhooks = receiver(timed)
    if accepted:
        assert webhooks.verify(timed.sign(at=NOW - ago), EVENT).moment == NOW - ago
    else:
        with pytest.raises(Invalid):
            webhooks.verify(timed.sign(at=NOW - ago), EVENT)


@pytest.mark.parametrize("text", ["", "now", "-5", "1e9", "\u0661" * 10, "9" * 400, "1800000000.5"])
def test_a_time_that_is_no_number_is_refused(text):
    written = text.encode("utf-8")
    signature = hmac.new(SECRET.encode(), b"v0:" + written + b":" + EVENT, hashlib.sha256).hexdigest()
    headers = [(b"x-slack-request-timestamp", written), (b"x-slack-signature", f"v0={signature}".encode())]

    with pytest.raises(Invalid):
        receiver(SENDERS["slack"]).verify(headers, EVENT)


def test_stripe_may_send_several_signatures_while_a_secret_is_rolled():
    old, new = (digest(f"{NOW}.".encode() + EVENT, secret) for secret in ("old", SECRET))
    headers = [(b"stripe-signature", f"t={NOW}, v1={old}, v1={new}".encode())]

    assert receiver(SENDERS["stripe"]).verify(headers, EVENT).id == "evt_1"


def test_two_times_in_one_stripe_signature_are_refused():
    good = dict(by_stripe())[b"stripe-signature"]

    with pytest.raises(Invalid):
        receiver(SENDERS["stripe"]).verify([(b"stripe-signature", b"t=1," + good)], EVENT)


@pytest.mark.parametrize("timed", TIMED)
def test_a_replay_is_refused_and_a_retry_with_a_new_time_is_a_duplicate(timed):
    webhooks = receiver(timed)
    webhooks.verify(timed.sign(at=NOW - 5), EVENT).end(succeeded=True)

    with pytest.raises(Conflict):
        webhooks.verify(timed.sign(at=NOW - 5), EVENT)
    assert webhooks.verify(timed.sign(), EVENT).is_duplicate


def test_a_body_of_github_that_was_handled_is_a_duplicate_whatever_its_delivery_id():
    webhooks = receiver(SENDERS["github"])
    webhooks.verify([*by_github(), (b"x-github-delivery", b"1")], EVENT).end(succeeded=True)

    assert webhooks.verify([*by_github(), (b"x-github-delivery", b"2")], EVENT).is_duplicate


def test_githubs_redelivery_of_one_that_failed_runs_again():
    webhooks = receiver(SENDERS["github"])
    webhooks.verify(by_github(), EVENT).end(succeeded=False)

    assert not webhooks.verify(by_github(), EVENT).is_duplicate


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"id": 7, "event_id": []}', b"\xff", b"command=%2Fgo"])
def test_a_delivery_without_an_id_is_known_by_its_signature(body):
    for timed in TIMED:
        webhooks = receiver(timed)
        first = webhooks.verify(timed.sign(body), body)
        second = webhooks.verify(timed.sign(body + b" "), body + b" ")
        assert first.id != second.id


def test_without_a_secret_the_sender_is_asked_to_come_again(sender):
    with pytest.raises(Unavailable):
        sender.webhooks(None).verify(sender.sign(), EVENT)


def test_no_part_of_a_delivery_or_secret_is_logged(sender, caplog):
    with pytest.raises(Invalid):
        receiver(sender).verify(sender.sign(secret="another"), EVENT)

    told = json.dumps([str(vars(record)) for record in caplog.records])
    assert SECRET not in told
    assert "evt_1" not in told


fields = st.binary(max_size=60)


@given(first=fields, second=fields, body=fields)
def test_no_bytes_of_a_delivery_break_anything(first, second, body):
    for each in SENDERS.values():
        names = [name for name, _ in each.sign()]
        with pytest.raises(Invalid):
            receiver(each).verify(list(zip(names, (first, second), strict=False)), body)
