"""AutoGen behind FastAPI as its samples show it: a team for each request, its messages streamed as they come.

`run_started` is sent first, so that both sides are measured from the same word.
"""

import json
import os
from collections.abc import AsyncIterator
from typing import Any

from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_ext.models.openai import OpenAIChatCompletionClient
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()
model = OpenAIChatCompletionClient(
    model="gpt-4o-mini", api_key="sk-benchmark", base_url=os.environ["OPENAI_BASE_URL"]
)


@app.post("/idle")
async def idle(body: dict[str, Any]) -> StreamingResponse:
    team = RoundRobinGroupChat([AssistantAgent("analyst", model, model_client_stream=True)], max_turns=1)

    async def events() -> AsyncIterator[str]:
        yield "data: run_started\n\n"
        async for message in team.run_stream(task=body["messages"][-1]["content"]):
            yield f"data: {json.dumps(str(message))}\n\n"

    return StreamingResponse(events(), media_type="text/event-stream")
