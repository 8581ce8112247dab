"""An agent of Microsoft's Agent Framework, hosted by its own AG-UI endpoint for FastAPI as its page shows it."""

import os

from agent_framework import Agent
from agent_framework.ag_ui import add_agent_framework_fastapi_endpoint
from agent_framework.openai import OpenAIChatCompletionClient
from fastapi import FastAPI

app = FastAPI()
client = OpenAIChatCompletionClient(
    model="gpt-4o-mini", api_key="sk-benchmark", base_url=os.environ["OPENAI_BASE_URL"]
)
analyst = Agent(name="analyst", instructions="Wait.", client=client)
add_agent_framework_fastapi_endpoint(app, analyst, "/idle", single_user=True)
