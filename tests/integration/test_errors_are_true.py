"""Every error of every route of the sample service is provoked, and is what the contract lists."""

import base64
import hashlib
import hmac
import json
import time
from collections import defaultdict
from typing import Any

import pytest

from runtime.bridge.openapi.error_codes import ALWAYS
from tests.fixtures.app import Compose, permitted

SECRET = b"x" * 24
SAMPLE = {"symbol": "OVEN", "state": "LOW", "value": "1.5", "observedAt": "2026-11-02T15:30:00Z"}
WRITER, DELETER = permitted("org:samples:write"), permitted("org:samples:delete")
TOO_LARGE = "x" * 1_100_000
NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing"

ELSEWHERE = {"outcome_unknown", "request_timeout"}
"""Need a connection that breaks: tests/faults and tests/unit/server provoke them on routes of their own."""


def delivery(body: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the options of a request that delivers a webhook, signed as Clerk signs it."""
    text, moment = json.dumps(body), str(int(time.time()))
    digest = hmac.digest(SECRET, f"{name}.{moment}.{text}".encode(), hashlib.sha256)
    signature = f"v1,{base64.b64encode(digest).decode()}"
    headers = {"svix-id": name, "svix-timestamp": moment, "svix-signature": signature}
    return {"content": text, "headers": {**headers, "Content-Type": "application/json"}}


@pytest.fixture
async def answered(compose: Compose, database_url: str) -> dict[str, set[str]]:
    """The codes that each route of the sample service answers, when everything is tried."""
    seen: dict[str, set[str]] = defaultdict(set)

    def take(route: str, answer: Any) -> None:
        assert answer.status_code >= 400, (route, answer.text)
        seen[route].add(answer.json()["code"])

    webhook = {"CLERK_WEBHOOK_SIGNING_SECRET": f"whsec_{base64.b64encode(SECRET).decode()}"}
    async with compose(DATABASE_URL=database_url, **webhook) as caller:
        for route in ("GET /me", "GET /samples", "POST /samples", "GET /samples/A", "DELETE /samples/A"):
            method, path = route.split()
            take(route, await caller.anonymous(method, path))
            late = {"Request-Timeout": "soon"}
            take(route, await caller.signed(method, path, claims=WRITER, headers=late))
        take("GET /", await caller.anonymous("GET", "/", headers={"Request-Timeout": "soon"}))
        take("GET /samples", await caller.signed("GET", "/samples?limit=0"))
        take("GET /samples/A", await caller.signed("GET", "/samples/NOPE"))
        take("DELETE /samples/A", await caller.signed("DELETE", "/samples/OVEN"))
        take("DELETE /samples/A", await caller.signed("DELETE", "/samples/NOPE", claims=DELETER))
        take("POST /samples", await caller.signed("POST", "/samples", json=SAMPLE))
        unknown = SAMPLE | {"symbol": "NOPE"}
        bodies: list[dict[str, Any]] = [
            {"json": unknown},
            {"json": {}},
            {"content": TOO_LARGE},
            {"data": {"a": "b"}},
        ]
        for options in bodies:
            take("POST /samples", await caller.signed("POST", "/samples", claims=WRITER, **options))
        symbol = (await caller.signed("GET", "/samples")).json()[0]["symbol"]
        known = SAMPLE | {"symbol": symbol}
        assert (await caller.signed("POST", "/samples", claims=WRITER, json=known)).status_code == 201
        take("POST /samples", await caller.signed("POST", "/samples", claims=WRITER, json=known))
        take("POST /hook", await caller.anonymous("POST", "/hook", json={}))
        take("POST /hook", await caller.anonymous("POST", "/hook", content=TOO_LARGE))
        assert (await caller.http.post("/hook", **delivery({}, "msg_1"))).status_code == 204
        take("POST /hook", await caller.http.post("/hook", **delivery({}, "msg_1")))
        plain = delivery({}, "msg_2")
        plain["headers"]["Content-Type"] = "text/plain"
        take("POST /hook", await caller.http.post("/hook", **plain))
    async with compose(DATABASE_URL=NOWHERE) as caller:
        take("GET /samples", await caller.signed("GET", "/samples"))
        take("GET /samples/A", await caller.signed("GET", "/samples/A"))
        take("DELETE /samples/A", await caller.signed("DELETE", "/samples/A", claims=DELETER))
        take("POST /samples", await caller.signed("POST", "/samples", claims=WRITER, json=SAMPLE))
    async with compose(
        DATABASE_URL=database_url, CLERK_JWT_KEY="", CLERK_JWKS_URL="http://127.0.0.1:1/"
    ) as caller:
        for route in ("GET /me", "GET /samples", "POST /samples", "GET /samples/A", "DELETE /samples/A"):
            take(route, await caller.signed(*route.split()))
    return seen


async def test_each_route_answers_the_errors_that_its_contract_lists_and_no_others(
    answered: dict[str, set[str]], compose: Compose
):
    async with compose() as caller:
        contract = (await caller.anonymous("GET", "/openapi.json")).json()
    listed = {
        f"{method.upper()} {path.replace('{symbol}', 'A')}": {*entry["x-error-codes"]} - ELSEWHERE
        for path, item in contract["paths"].items()
        for method, entry in item.items()
    }
    always = {*contract["x-error-codes"]}
    assert always == ALWAYS
    assert {route: answered[route] - (always - listed[route]) for route in listed} == listed
