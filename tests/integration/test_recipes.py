"""docs/recipes.md: every block of it, served and called."""

import hashlib
import hmac
import importlib
import json
import re
import shutil
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from zipfile import ZipFile

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from runtime.auth.clerk import DevelopmentIssuer
from runtime.dev.postgres import EmbeddedPostgres
from runtime.settings import load
from runtime.testing import Caller, ModelServer, Service, says
from runtime.testing.database import copy
from runtime.testing.loop import LoopThread
from runtime.testing.service import public_pem
from tests.fixtures.routing import write_tree
from tests.fixtures.service import ROOT
from tests.fixtures.valkey import RedisServer

PAGE = (ROOT / "docs" / "recipes.md").read_text()
BLOCKS = re.findall(r"^```python\n# (\S+)\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)
SECRETS = {
    "STRIPE_WEBHOOK_SECRET": "whsec_test",
    "GITHUB_WEBHOOK_SECRET": "github",
    "SLACK_SIGNING_SECRET": "slack",
    "OPENAI_API_KEY": "test",
    "BUCKET_HOST": "bucket.example.com",
    "BUCKET_ACCESS_KEY": "access",
    "BUCKET_SECRET_KEY": "secret",
}


@pytest.fixture(scope="module")
def service(
    annex_postgres: EmbeddedPostgres,
    annex_loop: LoopThread,
    annex_issuer: DevelopmentIssuer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Service]:
    """The recipes as one service, with everything that they ask for."""
    project = tmp_path_factory.mktemp("recipes")
    write_tree(project, dict(BLOCKS))
    redis = RedisServer(shutil.which("redis-server") or "valkey-server", tmp_path_factory.mktemp("redis"))
    redis.start()
    sys.path.insert(0, str(project))
    with copy(annex_postgres, annex_loop) as database, ModelServer() as model:
        database.execute("CREATE TABLE invoice (id int, total int, org_id text)")
        database.execute("GRANT SELECT ON invoice TO annex")
        database.execute("INSERT INTO invoice VALUES (1, 70, 'org_1'), (2, 80, 'org_2'), (3, 9, 'org_1')")
        model.script(says("Risk on."))
        settings = load(
            {
                **SECRETS,
                "ANNEX_ENV": "test",
                "ANNEX_FUNCTIONS": str(project / "functions"),
                "CLERK_JWT_KEY": public_pem(annex_issuer),
                "DATABASE_URL": database.url,
                "REDIS_URL": redis.url,
                "OPENAI_BASE_URL": model.url,
                "ANNEX_IMPORT_BUDGET": "60",
            }
        )
        with Service(
            settings, annex_issuer, annex_loop, SimpleSpanProcessor(InMemorySpanExporter())
        ) as running:
            yield running
            rate = running.application.table.files["rate.py"].loaded
            assert rate
            annex_loop.run(rate.module.client(redis.url).aclose())
    redis.stop()
    sys.path.remove(str(project))


def test_every_recipe_serves(service: Service):
    assert [str(fault) for fault in service.application.table.faults] == []
    files = {
        each.file for each in service.application.table.endpoints if not each.template.startswith("/runs")
    }
    assert files == {
        file.removeprefix("functions/")
        for file, _ in BLOCKS
        if file.startswith("functions/") and "/_" not in file
    }


def test_what_is_sent_is_what_the_annotations_say(service: Service):
    export = service.get("/invoices/export", caller=Caller())
    chart = service.get("/chart?percent=20")
    document = service.get("/invoices/7/document", caller=Caller())
    book = service.get("/invoices/book", caller=Caller())

    assert export.text == "id,total\n1,70\n3,9\n"
    assert export.headers["content-disposition"].startswith('attachment; filename="invoices.csv"')
    assert (chart.headers["content-type"], chart.content[:4]) == ("image/png", b"\x89PNG")
    assert (document.headers["content-type"], document.content[:5]) == ("application/pdf", b"%PDF-")
    assert document.headers["content-disposition"].startswith('inline; filename="invoice-7.pdf"')
    sheet = ZipFile(BytesIO(book.content)).read("xl/worksheets/sheet1.xml")
    assert re.findall(rb"<v>(70|80|9)</v>", sheet) == [b"70", b"9"]


def test_a_form_leaves_a_cookie_that_its_page_reads(service: Service):
    chosen = service.post("/theme", data={"theme": "dark"})
    page = service.get("/theme", headers={"Cookie": chosen.headers["set-cookie"].partition(";")[0]})

    assert (chosen.status_code, chosen.headers["location"]) == (303, "/theme")
    assert '<p lang="en">dark</p>' in page.text


def test_work_is_queued_and_can_be_followed(service: Service):
    run = service.post("/reminders", caller=Caller()).json()

    assert service.get(f"/runs/{run}", caller=Caller()).json()["id"] == run


def test_an_organisation_sees_its_own_rows_and_a_user_without_one_sees_none(service: Service):
    ours = service.get("/invoices", caller=Caller())
    nobody = service.get("/invoices", caller=Caller(organization=None))

    assert ours.json() == [{"id": 3, "total": 9}, {"id": 1, "total": 70}]
    assert nobody.status_code == 403


def test_an_upload_comes_with_its_fields(service: Service):
    files = {"file": ("r.pdf", b"12345")}

    answer = service.post("/receipts", caller=Caller(), data={"note": "Taxi"}, files=files)

    assert answer.json().startswith("Taxi: 5 bytes from user_")


JSON = {"Content-Type": "application/json"}


def signature(secret: str, text: bytes) -> str:
    return hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()


@pytest.mark.parametrize("age", [0, 301])
@pytest.mark.parametrize("secret", ["whsec_test", "guessed"])
def test_stripe_is_believed_when_it_signed_lately(service: Service, secret: str, age: int):
    body, at = b'{"type": "charge.succeeded", "id": "evt_1"}', int(time.time()) - age
    headers = {"Stripe-Signature": f"t={at},v1={signature(secret, f'{at}.'.encode() + body)}"}

    answer = service.post("/webhooks/stripe", content=body, headers={**JSON, **headers})

    assert answer.status_code == (200 if (secret, age) == ("whsec_test", 0) else 400)


@pytest.mark.parametrize(("secret", "status"), [("github", 200), ("guessed", 400)])
def test_github_is_believed_when_it_signed(service: Service, secret: str, status: int):
    body = b'{"zen": "Keep it logically awesome."}'
    headers = {"X-Hub-Signature-256": f"sha256={signature(secret, body)}", "X-GitHub-Event": "ping"}

    answer = service.post("/webhooks/github", content=body, headers={**JSON, **headers})

    assert answer.status_code == status


@pytest.mark.parametrize(("secret", "status"), [("slack", 200), ("guessed", 400)])
def test_slack_is_answered_when_it_signed(service: Service, secret: str, status: int):
    body, at = b"command=%2Fsay&text=good+morning", int(time.time())
    signed = f"v0={signature(secret, f'v0:{at}:'.encode() + body)}"
    headers = {
        "X-Slack-Signature": signed,
        "X-Slack-Request-Timestamp": str(at),
        "Content-Type": "application/x-www-form-urlencoded",
    }

    answer = service.post("/webhooks/slack", content=body, headers=headers)

    assert answer.status_code == status
    assert status == 400 or answer.json()["text"] == "You said good morning."


def test_pydantic_numpy_and_pandas_go_in_and_out(service: Service):
    answer = service.post("/forecast", caller=Caller(), json={"values": [1, 3]})

    assert answer.json() == {"mean": 2.0, "rows": [{"value": 1.0}, {"value": 3.0}]}


def test_a_model_is_streamed_word_by_word(service: Service):
    answer = service.get("/ask?question=Well", caller=Caller())

    told = [json.loads(line[6:]).get("text", "") for line in answer.text.splitlines() if line[:6] == "data: "]
    assert "".join(told).strip() == "Risk on."


def test_a_cached_value_is_given_again(service: Service):
    answers = [service.get("/rate?currency=EUR", caller=Caller()) for _ in range(2)]

    assert [answer.json() for answer in answers] == ["1.08", "1.08"]


def test_an_upload_goes_straight_to_the_bucket(service: Service):
    answer = service.post("/uploads", caller=Caller())

    assert answer.json().startswith("https://bucket.example.com/org_1/")


def test_the_signature_is_the_one_of_the_example_in_the_specification(service: Service):
    bucket = importlib.import_module("shared.bucket")

    url = bucket.signed_url(
        "GET",
        "examplebucket.s3.amazonaws.com",
        "test.txt",
        access="AKIAIOSFODNN7EXAMPLE",
        secret="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        region="us-east-1",
        seconds=86400,
        now=datetime(2013, 5, 24, tzinfo=UTC),
    )

    assert url.endswith("=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404")


def test_both_versions_answer_from_one_module(service: Service):
    first = service.get("/v1/quote?symbol=SPY", caller=Caller())
    second = service.get("/v2/quote?symbol=SPY", caller=Caller())

    assert (first.json(), second.json()) == ("SPY at 100", {"symbol": "SPY", "text": "SPY at 100"})
