"""Every error as one problem document."""

import asyncio
import json
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from litestar.exceptions import (
    ClientException,
    HTTPException,
    NotAuthorizedException,
    PermissionDeniedException,
    ServiceUnavailableException,
    TooManyRequestsException,
)

from runtime.asgi.invocation import SCOPE_KEY, Invocation
from runtime.asgi.messages import ASGIApp, Receive, Scope, Send
from runtime.http.errors import Errors
from runtime.http.problems import CONTENT_TYPE, STATUS, TITLE, challenge, problem_response, status_of
from runtime.routing import RouteTable, TreeApp
from shared import errors
from shared.errors import (
    AnnexError,
    DatabaseUnavailable,
    FieldError,
    Forbidden,
    FunctionUnavailable,
    Internal,
    Invalid,
    MethodNotAllowed,
    NotFound,
    Unauthenticated,
)
from tests.fixtures.gate import route

INVOCATION = Invocation(request_id="req-1", client="", method="GET", started=0)


def document(error: AnnexError) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(problem_response(error, INVOCATION).body)
    return body


def test_a_document_has_every_member_of_the_contract():
    assert document(NotFound("signal", "SPY")) == {
        "type": "urn:annex:problem:not_found",
        "title": "Not Found",
        "status": 404,
        "detail": 'Signal "SPY" was not found.',
        "code": "not_found",
        "request_id": "req-1",
        "trace_id": "",
    }


def test_every_field_error_is_told():
    both = (FieldError("query", "limit", "too large"), FieldError("body", "value", "missing"))
    assert document(Invalid(errors=both))["errors"] == [
        {"location": "query", "field": "limit", "message": "too large"},
        {"location": "body", "field": "value", "message": "missing"},
    ]


def test_every_noun_has_a_status_a_title_and_a_code_of_its_own():
    kinds = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, AnnexError)
    ]
    assert all(status_of(kind) in TITLE for kind in kinds)
    # An outcome that nobody knows is one thing to a caller: 409 where its key is answered, else 503.
    kinds.remove(errors.CallLost)
    assert len({kind.code for kind in kinds}) == len(kinds)


def test_a_subclass_has_its_ancestors_status():
    assert status_of(DatabaseUnavailable()) == STATUS[errors.Unavailable] == 503


def test_a_refusal_names_its_reason_in_the_challenge():
    fields = dict(problem_response(Unauthenticated("token-expired"), INVOCATION).fields)
    assert fields[b"www-authenticate"] == (
        b'Bearer realm="annex", error="invalid_token", error_description="token-expired"'
    )


def test_a_request_without_a_token_is_challenged_without_an_error():
    assert challenge("token-missing") == b'Bearer realm="annex"'


def test_unavailable_says_when_to_try_again():
    assert problem_response(FunctionUnavailable("e1"), INVOCATION).fields == [
        CONTENT_TYPE,
        (b"retry-after", b"30"),
    ]


def test_not_allowed_lists_the_methods():
    assert problem_response(MethodNotAllowed(("GET", "HEAD")), INVOCATION).fields == [
        CONTENT_TYPE,
        (b"allow", b"GET, HEAD"),
    ]


def test_a_forbidden_may_carry_what_a_client_acts_on():
    assert document(Forbidden(extra={"clerk_error": {"type": "forbidden"}}))["clerk_error"] == {
        "type": "forbidden"
    }


def raising(error: Exception) -> httpx.Response:
    async def function(scope: Scope, receive: Receive, send: Send) -> None:
        raise error

    return fetch(function, "/")


def fetch(app: ASGIApp, path: str, method: str = "GET") -> httpx.Response:
    async def named(scope: Scope, receive: Receive, send: Send) -> None:
        scope[SCOPE_KEY] = Invocation(request_id="req-1", client="", method=method, started=0)
        await Errors(app)(scope, receive, send)

    async def run() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(named), base_url="http://annex") as http:
            return await http.request(method, path)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("raised", "status", "code"),
    [
        (NotFound("signal"), 404, "not_found"),
        (ClientException("canary-secret"), 400, "malformed_request"),
        (NotAuthorizedException("canary-secret"), 401, "unauthenticated"),
        (PermissionDeniedException("canary-secret"), 403, "forbidden"),
        (HTTPException("canary-secret", status_code=409), 409, "conflict"),
        (HTTPException("canary-secret", status_code=413), 413, "body_too_large"),
        (HTTPException("canary-secret", status_code=415), 415, "unsupported_media_type"),
        (TooManyRequestsException("canary-secret"), 429, "rate_limited"),
        (ServiceUnavailableException("canary-secret"), 503, "unavailable"),
        (HTTPException("canary-secret", status_code=418), 500, "internal_error"),
        (ZeroDivisionError("canary-secret"), 500, "internal_error"),
    ],
)
def test_whatever_is_raised_becomes_one_document_without_its_text(raised: Exception, status: int, code: str):
    response = raising(raised)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.headers["content-type"] == "application/problem+json"
    assert "canary" not in response.text


def test_a_mistake_of_ours_is_one_line_with_its_traceback(caplog):
    raising(ZeroDivisionError("x"))
    lines = [record for record in caplog.records if record.name == "runtime.http.errors"]
    assert [line.message for line in lines] == ["unhandled exception"]
    assert lines[0].exc_info


def test_an_unknown_url_is_404_and_a_wrong_method_405_with_allow():
    @route()
    async def signals() -> None: ...

    app = cast("ASGIApp", TreeApp(RouteTable(Path(), [signals], ()).tree()))
    assert fetch(app, "/nowhere").json()["code"] == "not_found"
    response = fetch(app, "/signals", "POST")
    assert (response.status_code, response.json()["code"]) == (405, "method_not_allowed")
    assert set(response.headers["allow"].split(", ")) >= {"GET", "HEAD"}


def test_what_is_raised_after_an_answer_has_begun_is_not_answered_again():
    async def function(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        scope[SCOPE_KEY].status = 200  # as the shell does
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fetch(function, "/")


def test_the_internal_detail_tells_nothing():
    assert document(Internal())["detail"] == "Internal server error. Quote request_id when you report it."
