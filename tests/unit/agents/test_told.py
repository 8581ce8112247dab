"""Messages in spans, as OpenTelemetry's GenAI conventions write them (`gen_ai.input.messages`)."""

import json

from autogen_core import FunctionCall
from autogen_core.models import (
    AssistantMessage,
    CreateResult,
    FunctionExecutionResult,
    FunctionExecutionResultMessage,
    RequestUsage,
    SystemMessage,
    UserMessage,
)

from shared.agents.autogen.models.told import input_of, output_of

CALL = FunctionCall(id="c1", name="latest", arguments='{"symbol": "SPY"}')


def test_each_message_is_a_role_and_its_parts():
    result = FunctionExecutionResult(content="1.0", name="latest", call_id="c1", is_error=False)
    told = input_of([
        SystemMessage(content="Judge."),
        UserMessage(content="And now?", source="user"),
        AssistantMessage(content=[CALL], source="analyst"),
        FunctionExecutionResultMessage(content=[result]),
    ])  # fmt: skip

    assert json.loads(told) == [
        {"role": "system", "parts": [{"type": "text", "content": "Judge."}]},
        {"role": "user", "parts": [{"type": "text", "content": "And now?"}]},
        {
            "role": "assistant",
            "parts": [
                {"type": "tool_call", "id": "c1", "name": "latest", "arguments": '{"symbol": "SPY"}'},
            ],
        },
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "1.0"}]},
    ]


def test_an_answer_has_its_finish_reason():
    usage = RequestUsage(prompt_tokens=1, completion_tokens=1)
    told = output_of(CreateResult(finish_reason="stop", content="Yes.", usage=usage, cached=False))

    assert json.loads(told) == [
        {
            "role": "assistant",
            "parts": [{"type": "text", "content": "Yes."}],
            "finish_reason": "stop",
        }
    ]
