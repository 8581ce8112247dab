"""The committed contract and the types of the example."""

import json

from openapi_spec_validator import OpenAPIV31SpecValidator

from runtime.bridge import artefacts, shapes
from runtime.routing import discover
from tests.fixtures.service import ROOT


def test_the_committed_contract_is_valid_openapi():
    committed = json.loads((ROOT / "contracts" / "openapi.json").read_text())
    assert [error.message for error in OpenAPIV31SpecValidator(committed).iter_errors()] == []


def test_what_is_committed_is_what_the_functions_say():
    assert artefacts.stale(ROOT, discover(ROOT / "functions").described) == []


def test_every_function_crosses_to_typescript_and_back():
    assert shapes.faults(discover(ROOT / "functions").described) == []
