"""`GET /openapi.json` and `GET /docs`, as machines and people get them."""

from html.parser import HTMLParser

from runtime.bridge import reference
from tests.fixtures.app import Caller, Compose
from tests.fixtures.node import ROOT


async def test_the_served_contract_is_the_committed_one(caller: Caller):
    response = await caller.anonymous("GET", "/openapi.json")
    assert response.headers["content-type"] == "application/json"
    assert response.content == (ROOT / "contracts" / "openapi.json").read_bytes()


async def test_who_has_the_contract_already_is_not_sent_it_again(caller: Caller):
    first = await caller.anonymous("GET", "/openapi.json")
    again = await caller.anonymous("GET", "/openapi.json", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_the_page_shows_every_route_and_loads_nothing_from_elsewhere(caller: Caller):
    response = await caller.anonymous("GET", "/docs/")
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in response.headers["content-security-policy"]
    for endpoint in caller.application.table.endpoints:
        assert endpoint.template in response.text
    assert not [word for word in ("<script", "http://", "https://", "src=") if word in response.text]


async def test_the_page_and_the_contract_refuse_other_methods(caller: Caller):
    response = await caller.anonymous("POST", "/docs")
    assert (response.status_code, response.headers["allow"]) == (405, "GET, HEAD")


async def test_both_can_be_switched_off(compose: Compose):
    async with compose(ANNEX_DOCS="false") as caller:
        assert (await caller.anonymous("GET", "/docs")).status_code == 404
        assert (await caller.anonymous("GET", "/openapi.json")).status_code == 404


def test_what_a_function_says_cannot_become_markup():
    class Tags(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.seen: set[str] = set()

        def handle_starttag(self, tag: str, attrs: object) -> None:
            self.seen.add(tag)

    evil = "<script>alert(1)</script><img src=x onerror=alert(2)>'\""
    schema = {
        "description": evil,
        "type": "object",
        "properties": {evil: {"type": "string", "description": evil}},
    }
    operation = {
        "operationId": evil,
        "summary": evil,
        "description": evil,
        "deprecated": True,
        "security": [{evil: []}],
        "x-requires": {"role": evil},
        "x-error-codes": [evil],
        "x-file": evil,
        "parameters": [{"in": "query", "name": evil, "required": False, "schema": {"enum": [evil]}}],
        "requestBody": {"content": {evil: {"schema": {"$ref": f"#/components/schemas/{evil}"}}}},
        "responses": {"204": {"description": evil}},
    }
    contract = {
        "info": {"title": evil, "version": evil},
        "paths": {f"/{evil}": {"get": operation}},
        "components": {"schemas": {evil: schema, "Side": {"enum": [evil]}}},
    }
    tags = Tags()
    tags.feed(reference.page(contract))
    assert not tags.seen & {"script", "img"}
