"""The contract: valid, stable, without a trace of where the code lies."""

import hashlib
import subprocess
import sys

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from runtime.bridge import artefacts, openapi
from runtime.routing import discover
from tests.fixtures.constructs import CONSTRUCTS
from tests.fixtures.routing import write_tree
from tests.fixtures.service import ROOT, SAMPLE


@pytest.fixture(scope="module")
def operations(tmp_path_factory):
    functions = tmp_path_factory.mktemp("constructs") / "functions"
    write_tree(functions, CONSTRUCTS)
    return discover(functions).operations


@pytest.fixture(scope="module")
def contract(operations):
    return openapi.document(operations)


def test_the_contract_of_every_construct_is_valid_openapi(contract):
    assert [error.message for error in OpenAPIV31SpecValidator(contract).iter_errors()] == []


def test_the_contract_has_the_same_bytes_in_every_process():
    program = (
        "import hashlib, sys; from pathlib import Path; from runtime.bridge import artefacts; "
        "from runtime.routing import discover; "
        "files = artefacts.render(discover(Path(sys.argv[1])).operations); "
        "print(hashlib.sha256(b''.join(files.values())).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", program, SAMPLE / "functions"],
            cwd=ROOT,
            env={"PYTHONHASHSEED": seed, "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    files = artefacts.render(discover(SAMPLE / "functions").operations)
    assert digests == {hashlib.sha256(b"".join(files.values())).hexdigest()}


def test_no_module_path_and_no_example_is_in_it(contract):
    text = openapi.encode(contract).decode()
    assert "annex_functions" not in text
    assert "functions." not in text
    assert '"example' not in text


def test_operations_are_named_after_their_files(contract):
    names = sorted(one["operationId"] for item in contract["paths"].values() for one in item.values())
    assert names == [
        *("constructs.get", "constructs.post"),
        *(f"contents.{method}" for method in ("delete", "get", "patch", "post", "put")),
        *("files.$path.get", "items.$id.delete"),
        *("quotes.get", "quotes.post", "quotes.put", "ticks.get"),
    ]


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("index.py", "index.get"),
        ("signals/index.py", "signals.get"),
        ("(inner)/signals/[symbol].py", "signals.$symbol.get"),
        ("daily-report.py", "daily-report.get"),
    ],
)
def test_an_operation_id(file, name):
    assert openapi.operation_id(file, "GET") == name


def test_a_field_with_a_default_is_optional_when_sent_and_required_when_answered(contract):
    sent, answered = (contract["components"]["schemas"][name] for name in ("EverythingInput", "Everything"))
    assert "defaulted" not in sent["required"]
    assert "defaulted" in answered["required"]
    assert "maybe" not in answered["required"]
    assert sent["properties"]["node"] == {"$ref": "#/components/schemas/NodeInput"}


def test_a_type_that_is_only_answered_keeps_its_name(contract):
    assert "Venue" in contract["components"]["schemas"]
    assert contract["components"]["schemas"]["PageOfVenue"]["required"] == ["items", "next_cursor"]


def test_enums_keep_their_names_and_fields_their_documentation(contract):
    schemas = contract["components"]["schemas"]
    assert schemas["Priority"] == {"enum": [1, 2], "type": "integer", "x-enum-varnames": ["LOW", "HIGH"]}
    assert schemas["Limit"]["description"] == "At a price or better."
    assert schemas["Limit"]["properties"]["price"] == {
        "description": "in the instrument's currency, never rounded.",
        "type": "string",
        "format": "decimal",
    }


def test_unions_of_structs_have_a_discriminator(contract):
    kind = contract["components"]["schemas"]["Everything"]["properties"]["kind"]
    assert kind["discriminator"]["propertyName"] == "type"
    assert kind["discriminator"]["mapping"]["limit"] == "#/components/schemas/Limit"


def test_a_query_parameter_has_no_null_and_says_what_it_is_for(contract):
    parameters = {one["name"]: one for one in contract["paths"]["/constructs"]["get"]["parameters"]}
    assert parameters["side"]["schema"] == {"$ref": "#/components/schemas/Side"}
    assert parameters["since"]["schema"] == {"type": "string", "format": "date-time"}
    assert parameters["limit"]["schema"]["default"] == 5
    assert parameters["tags"] == {
        "name": "tags",
        "in": "query",
        "required": True,
        "description": "all of these.",
        "schema": {"type": "array", "items": {"type": "string"}},
    }


def test_a_stream_is_the_union_of_its_events_and_its_two_ends(contract):
    content = contract["paths"]["/ticks"]["get"]["responses"]["200"]["content"]
    options = content["text/event-stream"]["schema"]["anyOf"]
    assert [one.get("$ref") for one in options[:2]] == [
        "#/components/schemas/Tick",
        "#/components/schemas/Gap",
    ]
    assert [one["properties"]["type"]["enum"] for one in options[2:]] == [["done"], ["error"]]


def codes(contract, path, method):
    return set(contract["paths"][path][method]["x-error-codes"])


def test_the_errors_of_a_route_come_from_its_policy_its_inputs_its_code_and_its_docstring(contract):
    assert codes(contract, "/items/{id}", "delete") == {
        "auth_unavailable",  # needs a session
        "conflict",  # says so
        "forbidden",
        "invalid_input",
        "not_found",  # raises it
        "rate_limited",  # has a limit
        "unauthenticated",
    }


def test_a_public_route_without_input_answers_only_what_any_route_may(contract):
    sample = openapi.document(discover(SAMPLE / "functions").operations)
    assert codes(sample, "/", "get") == set()
    assert "internal_error" in sample["x-error-codes"]


def test_errors_are_found_through_the_functions_that_a_handler_calls():
    sample = openapi.document(discover(SAMPLE / "functions").operations)
    assert "conflict" in codes(sample, "/samples", "post")  # raised in a helper
    assert "conflict" not in codes(sample, "/samples", "get")


ANSWERS = '''
    """Answers of one agent."""

    from msgspec import Struct

    from runtime import User
    from shared.agents import Agent, Agents, Conversation, Turn


    class Question(Struct):
        text: str
        again: str | None = None


    class Verdict(Struct):
        text: str


    async def post(data: Question, agents: Agents, user: User) -> Verdict:
        """Answer."""
        asked = Conversation(messages=(Turn(role="user", content=data.text),){given})
        return await agents.answer(Agent("one", "Answer."), asked, Verdict, user=user)
'''


@pytest.mark.parametrize(("given", "listed"), [("", False), (", continuation=data.again", True)])
def test_a_used_continuation_is_an_error_of_functions_that_can_be_sent_one(tmp_path, given, listed):
    write_tree(tmp_path, {"ask.py": ANSWERS.replace("{given}", given)})
    contract = openapi.document(discover(tmp_path).operations)
    assert ("conflict" in codes(contract, "/ask", "post")) == listed
    assert "model_unavailable" in codes(contract, "/ask", "post")


QUEUES = '''
    """Work that is queued."""

    from runtime import Function, Jobs

    config = Function(methods={"job": {"permission": "org:mail:send"}})


    async def post(jobs: Jobs) -> str:
        """Queue it."""
        return (await jobs.enqueue("/mail")).id


    async def job() -> None:
        """Do it."""
'''


def test_the_errors_of_jobs_are_listed_where_their_methods_are_called(tmp_path):
    write_tree(tmp_path, {"mail.py": QUEUES})
    contract = openapi.document(discover(tmp_path).operations)
    for path, method in (("/runs/{id}", "get"), ("/runs/{id}", "delete"), ("/runs/{id}/events", "get")):
        assert "not_found" in codes(contract, path, method)
    assert "forbidden" in codes(contract, "/mail", "post")


WHOLE = '''
    """Whole numbers."""

    from typing import Annotated, Literal

    from msgspec import Meta, Struct


    class Whole(Struct):
        plain: int
        default: int | None = 3
        least: Annotated[int, Meta(ge=1)] = 1
        within: Annotated[int, Meta(gt=0, le=9)] = 1
        one: Literal[1, 2] = 1
        real: float = 0.5


    async def get(limit: int = 5) -> dict[str, Whole]:
        """Return some."""
        return {}
'''


def test_an_integer_without_two_bounds_is_said_to_be_one_that_javascript_has(tmp_path):
    write_tree(tmp_path, {"whole.py": WHOLE})
    contract = openapi.document(discover(tmp_path).operations)
    (limit,) = contract["paths"]["/whole"]["get"]["parameters"]
    fields = contract["components"]["schemas"]["Whole"]["properties"]
    safe = {name for name, schema in fields.items() if "double-int" in str(schema)}
    assert (limit["schema"]["format"], safe) == ("double-int", {"plain", "default", "least"})
    assert fields["default"]["default"] == 3


def test_security_says_session_nothing_or_webhook(contract):
    sample = openapi.document(discover(SAMPLE / "functions").operations)
    assert sample["paths"]["/"]["get"]["security"] == []
    assert sample["paths"]["/me"]["get"]["security"] == [{"session": []}]
    assert sample["paths"]["/hook"]["post"]["security"] == [{"webhook": []}]
    assert contract["paths"]["/items/{id}"]["delete"]["x-requires"] == {"permission": "org:items:write"}


def test_contents_redirects_and_replies_are_described_as_they_are_sent(contract):
    item = contract["paths"]["/contents"]
    sent = {
        method: {
            status: {media: said["schema"] for media, said in answer.get("content", {}).items()}
            for status, answer in entry["responses"].items()
            if status != "default"
        }
        for method, entry in item.items()
    }
    numbers = {"type": "array", "items": {"type": "integer", "format": "double-int"}}
    assert sent == {
        "get": {"200": {"text/csv; charset=utf-8": {"type": "string"}}},
        "put": {"200": {"image/png": {"type": "string", "format": "binary"}}},
        "post": {"200": {"application/json": numbers}},
        "patch": {"200": {"application/json": numbers}, "303": {}},
        "delete": {"303": {}},
    }
    assert {
        method: entry.get("x-idempotent") for method, entry in item.items() if "x-idempotent" in entry
    } == {"post": 60}
    assert "range_not_satisfiable" in item["get"]["x-error-codes"]
    assert {"idempotency_key_reused", "outcome_unknown"} <= {*item["post"]["x-error-codes"]}


PYTHON_WORDS = '''
    """Words."""

    from msgspec import Struct

    from runtime import Function

    config = Function(public=True)


    class Page(Struct, rename="camel"):
        """A page; None of it is True at the end. See /words/{next_cursor}.

        Attributes:
            next_cursor: `None` at the end, else as `after_id` was.
            note: False, or `summary_of` of `unknown_name`.
        """

        next_cursor: str | None
        note: str = "None"


    async def get(after_id: str | None = None) -> Page:
        """Return a page; pass `next_cursor` back as `after_id`, or None.

        Args:
            after_id: None for the first; `next_cursor` of the page before.
        """
        return Page(None)
'''


def test_the_contract_speaks_the_words_of_the_wire_and_not_those_of_python(tmp_path):
    write_tree(tmp_path, {"words.py": PYTHON_WORDS})
    contract = openapi.document(discover(tmp_path).operations)
    page = contract["components"]["schemas"]["Page"]
    entry = contract["paths"]["/words"]["get"]
    assert page["description"] == "A page; None of it is true at the end. See /words/{next_cursor}."
    assert page["properties"]["nextCursor"]["description"] == "`null` at the end, else as `after_id` was."
    assert page["properties"]["note"]["description"] == "false, or `summary_of` of `unknown_name`."
    assert page["properties"]["note"]["default"] == "None"
    assert entry["summary"] == "Return a page; pass `nextCursor` back as `after_id`, or null."
    assert entry["parameters"][0]["description"] == "null for the first; `nextCursor` of the page before."
