"""`GET /openapi.json` and `GET /docs`, as machines and people get them."""

import base64
import hashlib
import re

import pytest

from runtime.bridge.reference.page import PARTS, page
from tests.fixtures.app import Caller, Compose
from tests.fixtures.node import ROOT
from tests.fixtures.valkey import RedisServer


async def test_the_served_contract_is_the_committed_one(
    compose: Compose, database_url: str, redis_server: RedisServer
):
    async with compose(DATABASE_URL=database_url, REDIS_URL=redis_server.url) as caller:
        response = await caller.anonymous("GET", "/openapi.json")
    assert response.headers["content-type"] == "application/json"
    assert response.content == (ROOT / "contracts" / "openapi.json").read_bytes()


async def test_who_has_the_contract_already_is_not_sent_it_again(caller: Caller):
    first = await caller.anonymous("GET", "/openapi.json")
    again = await caller.anonymous("GET", "/openapi.json", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("path", ["/docs", "/docs/"])
async def test_the_page_loads_swagger_ui_from_this_service_and_runs_nothing_inline(caller: Caller, path: str):
    response = await caller.anonymous("GET", path)
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self';" in policy
    assert "unsafe" not in policy
    assert not [word for word in ("<style", "style=", "<script>", "http:", "https:") if word in response.text]
    loaded = re.findall(r"<(?:link rel=stylesheet|script defer) (?:href|src)=(\S+?)[ >]", response.text)
    files = [await caller.anonymous("GET", str(response.url.join(name))) for name in loaded]
    assert [file.headers["content-type"].partition(";")[0] for file in files] == [
        "text/css",
        "text/css",
        "text/javascript",
        "text/javascript",
    ]
    assert files[2].headers["content-encoding"]  # it is 1.5 MB


async def test_the_viewer_is_compressed_once_for_each_coding(caller: Caller):
    bodies = []
    for coding in ("br", "gzip", "br", "identity", "gzip"):
        headers = {"Accept-Encoding": coding}
        response = await caller.anonymous("GET", "/docs/swagger-ui-bundle.js", headers=headers)
        assert response.headers.get("content-encoding", "identity") == coding
        bodies.append(response.content)
        known = {**headers, "If-None-Match": response.headers["etag"]}
        assert (await caller.anonymous("GET", "/docs/swagger-ui-bundle.js", headers=known)).status_code == 304
    assert len({*bodies}) == 1


def test_the_viewer_is_the_one_whose_digest_the_page_names():
    parts = [part for part in PARTS.values() if part.digest]
    digests = [base64.b64encode(hashlib.sha384(part.read()).digest()).decode() for part in parts]
    assert [part.digest for part in parts] == [f"sha384-{digest}" for digest in digests]


async def test_nobody_is_offered_to_sign_in_outside_of_development(caller: Caller):
    assert "<form" not in (await caller.anonymous("GET", "/docs")).text


async def test_the_page_and_the_contract_refuse_other_methods(caller: Caller):
    response = await caller.anonymous("POST", "/docs")
    assert (response.status_code, response.headers["allow"]) == (405, "GET, HEAD")


async def test_both_can_be_switched_off(compose: Compose):
    async with compose(ANNEX_DOCS="false") as caller:
        assert (await caller.anonymous("GET", "/docs")).status_code == 404
        assert (await caller.anonymous("GET", "/openapi.json")).status_code == 404


def test_what_a_function_says_cannot_become_markup():
    evil = "<script>alert(1)</script>\"'"
    operation = {"x-requires": {"permission": evil}}
    contract = {"info": {"title": evil}, "paths": {f"/{evil}": {"get": operation}}}

    written = page(contract, below=False, signs=True)

    assert "<script>" not in written
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#x27;" in written
