"""What the service answers is what the contract says, errors included."""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from tests.fixtures.app import Caller, permitted
from tests.fixtures.node import ROOT

CONTRACT: dict[str, Any] = json.loads((ROOT / "contracts" / "openapi.json").read_text())
DAY = "2026-11-02T15:30:00Z"
READING = {"symbol": "SPY", "regime": "RISK_ON", "value": "1.25", "confidence": 0.5, "observedAt": DAY}


def fits(response: Any, template: str, method: str) -> None:
    """Judge an answer by the schema that the contract has for its status."""
    answers = CONTRACT["paths"][template][method]["responses"]
    told = answers.get(str(response.status_code), answers["default"])
    media = response.headers["content-type"].partition(";")[0]
    schema = told["content"][media]["schema"] | {"components": CONTRACT["components"]}
    Draft202012Validator(schema, format_checker=FormatChecker()).validate(response.json())


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("/", "/"),
        ("/me", "/me"),
        ("/signals", "/signals"),
        ("/signals?limit=3&symbol=SPY&regime=RISK_ON", "/signals"),
        ("/signals/SPY", "/signals/{symbol}"),
        ("/signals/SPY/history?start=2026-01-01&end=2026-12-31", "/signals/{symbol}/history"),
        ("/reports/regime", "/reports/regime"),
    ],
)
async def test_an_answer_fits_its_schema(caller: Caller, path: str, template: str):
    response = await caller.signed("GET", path)
    assert response.status_code == 200
    fits(response, template, "get")


async def test_what_was_recorded_fits_its_schema(caller: Caller):
    response = await caller.signed("POST", "/signals", json=READING, claims=permitted("org:signals:write"))
    assert response.status_code == 201
    fits(response, "/signals", "post")


@pytest.mark.parametrize(
    ("method", "path", "template", "body", "status"),
    [
        ("GET", "/signals/NOPE", "/signals/{symbol}", None, 404),
        ("GET", "/signals?limit=0&since=never", "/signals", None, 400),
        ("GET", "/signals?cursor=1.x", "/signals", None, 400),
        ("POST", "/signals", "/signals", READING, 403),
        ("DELETE", "/signals/SPY", "/signals/{symbol}", None, 403),
    ],
)
async def test_an_error_is_one_of_those_that_the_route_lists(
    caller: Caller, method: str, path: str, template: str, body: Any, status: int
):
    response = await caller.signed(method, path, **({"json": body} if body else {}))
    assert response.status_code == status
    fits(response, template, method.lower())


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"json": {**READING, "value": "x", "confidence": 2}}, 400),
        ({"content": "{"}, 400),
        ({"content": "a=1"}, 415),
    ],
)
async def test_a_refused_body_is_one_of_those_errors_too(caller: Caller, options: Any, status: int):
    kind = "text/plain" if status == 415 else "application/json"
    response = await caller.signed(
        "POST", "/signals", claims=permitted("org:signals:write"), headers={"Content-Type": kind}, **options
    )
    assert response.status_code == status
    fits(response, "/signals", "post")


async def test_an_unauthenticated_caller_gets_what_the_contract_says(caller: Caller):
    response = await caller.anonymous("GET", "/me")
    assert response.status_code == 401
    fits(response, "/me", "get")
