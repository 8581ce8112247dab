"""A struct and the model made of it say the same."""

from typing import Literal

import pytest
from msgspec import Struct
from pydantic import ValidationError

from shared.agents.autogen.building.output import pydantic_model


class Reason(Struct):
    """Why."""

    text: str
    weight: float = 1.0


class Verdict(Struct, rename="camel"):
    """What the agent answers."""

    stance: Literal["risk_on", "risk_off"]
    main_reason: Reason
    reasons: list[Reason]
    by_symbol: dict[str, Reason]
    doubt: Reason | None = None
    tags: list[str] = []


def test_nested_structs_names_and_defaults_are_kept():
    schema = pydantic_model(Verdict).model_json_schema()
    assert schema["required"] == ["stance", "mainReason", "reasons", "bySymbol"]
    assert schema["additionalProperties"] is False
    assert schema["$defs"]["Reason"]["required"] == ["text"]
    assert schema["properties"]["stance"]["enum"] == ["risk_on", "risk_off"]


def test_what_fits_the_struct_fits_the_model_and_nothing_else_does():
    model = pydantic_model(Verdict)
    reason = {"text": "Breadth", "weight": 0.5}
    fitting = {"stance": "risk_on", "mainReason": reason, "reasons": [reason], "bySymbol": {"SPY": reason}}
    assert model.model_validate(fitting).model_dump(mode="json")["doubt"] is None
    for wrong in ({**fitting, "stance": "maybe"}, {**fitting, "reasons": [{}]}, {**fitting, "more": 1}):
        with pytest.raises(ValidationError):
            model.model_validate(wrong)
