"""A function as a tool of one run.

AutoGen's own tool never returns when it is cancelled, and its span records the model's text when a call does
not validate. This one answers a cancelled call ("cancelled"), so that no call is left without a result, and
gives the model the reason of a failure, while spans and logs get only its type.
"""

import asyncio
import inspect
import logging
import traceback
from collections.abc import Mapping
from typing import Annotated, Any, cast

import msgspec
from autogen_core import CancellationToken
from autogen_core.tools import BaseTool, ParametersSchema, ToolSchema
from msgspec import Meta
from opentelemetry import trace
from opentelemetry.trace import Span, Status, StatusCode
from pydantic import BaseModel

from shared.agents.autogen.building.share import Share
from shared.agents.characters import whole
from shared.agents.conversation.lengths import MAX_QUESTION
from shared.agents.events import ToolCall
from shared.agents.questions.question import Question, call_digest
from shared.agents.running.run import TeamRun
from shared.agents.tool import Tool, arguments_of
from shared.errors import AnnexError

log = logging.getLogger(__name__)

MAX_RESULT = 32_000
"""Characters of one result that the model, and the caller, get to read."""


class ToolFailed(Exception):
    """A call failed; the message is for the model."""


class RunTool(BaseTool[BaseModel, BaseModel]):
    """Runs `function` for one run, within the run's share."""

    component_provider_override = "shared.agents.autogen.building.tools.RunTool"

    def __init__(self, function: Tool, run: TeamRun, share: Share) -> None:
        description = inspect.getdoc(function) or function.__name__
        super().__init__(BaseModel, BaseModel, function.__name__, description)
        self._function = function
        self._arguments = arguments_of(function)
        self._run = run
        self._share = share

    @property
    def schema(self) -> ToolSchema:
        """What the model gets: the function's name, docstring and parameters."""
        (own,), parts = msgspec.json.schema_components((self._arguments,), ref_template="#/$defs/{name}")
        parameters = parts.pop(own["$ref"].rpartition("/")[2])
        kept = {key: parameters[key] for key in ("type", "properties", "required") if key in parameters}
        inner = {"$defs": parts} if parts else {}
        return ToolSchema(
            name=self.name,
            description=self.description,
            parameters=cast("ParametersSchema", {**kept, **inner, "additionalProperties": False}),
            strict=False,
        )

    async def run(self, args: BaseModel, cancellation_token: CancellationToken) -> Any:
        """Not used: `run_json` reads the arguments itself."""
        raise NotImplementedError

    async def run_json(
        self, args: Mapping[str, Any], cancellation_token: CancellationToken, call_id: str | None = None
    ) -> Any:
        """Call the function with what the model wrote.

        Raises:
            ToolFailed: with a sentence for the model.
        """
        attributes = {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": self.name,
        } | ({"gen_ai.tool.call.id": call_id} if call_id else {})
        with trace.get_tracer(__name__).start_as_current_span(
            f"execute_tool {self.name}",
            attributes=attributes,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                return await self._answer(args, call_id or "")
            except asyncio.CancelledError:
                if not self._run.halted:
                    raise
                span.set_attribute("annex.cancelled", value=True)
                return "cancelled"
            except ToolFailed as failure:
                _mark(span, type(failure.__cause__ or failure).__name__)
                raise

    def return_value_as_string(self, value: Any) -> str:
        """Return text as it is and everything else as JSON, cut to `MAX_RESULT`."""
        text = whole(value) if isinstance(value, str) else _json(value)
        return text if len(text) <= MAX_RESULT else f"{text[:MAX_RESULT]} … (cut)"

    def _require_permission(self, values: dict[str, Any], call_id: str) -> None:
        """Raise `ToolFailed` where the call may not be made; every call of this tool may."""

    async def _answer(self, args: Mapping[str, Any], call_id: str) -> Any:
        try:
            values = msgspec.structs.asdict(msgspec.convert(whole(args), self._arguments))
        except msgspec.ValidationError as error:
            raise ToolFailed(f"The arguments do not fit: {error}") from error
        self._require_permission(values, call_id)
        try:
            return await self._share.call(self._function, values)
        except AnnexError as error:
            raise ToolFailed(error.detail) from error
        except Exception as error:
            stack = [
                f"{frame.name} {frame.filename}:{frame.lineno}"
                for frame in traceback.extract_tb(error.__traceback__)
            ]
            log.error(  # noqa: TRY400  the traceback's last line is the exception's text, which may quote a message
                "agent tool failed",
                extra={
                    "tool": self.name,
                    "error": type(error).__name__,
                    "at": stack[-3:],
                    "run_id": self._run.id,
                },
            )
            raise ToolFailed("The tool failed.") from error


class ApprovedTool(RunTool):
    """A tool whose calls the person approves, each with its arguments.

    A call that is not approved ends the run with a question. The run that continues with the approval makes
    the call when the model asks for it again, once.
    """

    component_provider_override = "shared.agents.autogen.building.tools.ApprovedTool"

    def _require_permission(self, values: dict[str, Any], call_id: str) -> None:
        digest = call_digest(self.name, values)
        approved = self._run.take_approval(digest)
        if approved is False:
            raise ToolFailed("The person declined this call.")
        if approved is None:
            arguments = _json(values)
            call = ToolCall(call_id=call_id, agent="", tool=self.name, arguments=arguments)
            text = f"May {self.name} be called with {arguments}?"[:MAX_QUESTION]
            self._run.ask(Question(agent="", text=text, call=call, digest=digest))
            raise ToolFailed("The person has not approved this call yet.")


def asking_tool(agent: str, run: TeamRun, share: Share) -> RunTool:
    """Return the tool by which `agent` ends the run with a question to the person."""

    async def ask_user(question: Annotated[str, Meta(min_length=1, max_length=MAX_QUESTION)]) -> str:
        """Ask the person a question that only they can answer. The discussion pauses until they do."""
        run.ask(Question(agent=agent, text=question))
        return "The user has been asked."

    return RunTool(ask_user, run, share)


def _json(value: Any) -> str:
    try:
        return msgspec.json.encode(value).decode()
    except UnicodeEncodeError:
        return msgspec.json.encode(whole(msgspec.to_builtins(value))).decode()


def _mark(span: Span, kind: str) -> None:
    span.set_attribute("error.type", kind)
    span.set_status(Status(StatusCode.ERROR))
