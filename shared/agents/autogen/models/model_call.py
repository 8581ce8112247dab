"""One call of a model, from its first piece to the result that AutoGen reads."""

from collections.abc import Callable, Iterator
from secrets import token_urlsafe

from autogen_core import FunctionCall
from autogen_core.models import CreateResult, RequestUsage

from shared.agents.autogen.asides import Asides
from shared.agents.autogen.models.model_client import ModelAnswer, Piece, Thought
from shared.agents.autogen.models.thinking import Thinking
from shared.agents.autogen.models.tokens import BYTES_PER_TOKEN, plausible
from shared.agents.characters import whole
from shared.agents.conversation.lengths import MAX_MESSAGE
from shared.agents.events import Reasoning, ReasoningDelta, StopReason
from shared.agents.running.run import TeamRun
from shared.errors import ModelUnavailable

EMPTY_RESULT = CreateResult(
    finish_reason="stop",
    content="",
    usage=RequestUsage(prompt_tokens=0, completion_tokens=0),
    cached=False,
)
"""What an agent gets when the run is over: it says nothing, and the group chat ends after its turn."""


class ModelCall:
    """Separates text from reasoning, bounds both, and decides what the call means for the run.

    Args:
        run: whose call it is.
        asides: carries reasoning to the reader; None drops it.

    Attributes:
        ending: why the run ends with this call, whatever the model still sends; None: it goes on.
    """

    def __init__(self, run: TeamRun, asides: Asides | None) -> None:
        self.ending: StopReason | None = None
        self._run = run
        self._asides = asides
        self._thinking = Thinking()
        self._answer: ModelAnswer | None = None
        self._text: list[str] = []
        self._thoughts: list[str] = []
        self._reasoning_id = ""
        self._length = 0
        self._size = 0

    def take(self, piece: Piece) -> Iterator[str]:
        """Yield what the reader gets of a piece."""
        if isinstance(piece, ModelAnswer):
            self._answer = piece
            return
        for part in self._thinking.feed(piece):
            yield from self._emit(part)
        if self._length > MAX_MESSAGE:
            self.ending = "length"
        elif self._size > self._run.budget.tokens * BYTES_PER_TOKEN:  # no one counts yet
            self.ending = "token_limit"

    def rest(self) -> Iterator[str]:
        """Yield what was held back, once the stream is over."""
        for part in self._thinking.end():
            yield from self._emit(part)
        yield from self._close_reasoning()

    def result(self, read: Callable[[], int], *, may_call: bool) -> CreateResult:
        """Return the whole, and conclude the run where the call has ended it.

        Args:
            read: the bytes that the model had to read; asked where the provider has not counted.
            may_call: the model was free to ask for tools.

        Raises:
            ModelUnavailable: the model broke off.
        """
        answer = self._answer or ModelAnswer(finish="length")
        if answer.finish is None:
            raise ModelUnavailable("The model provider ended the answer before it was complete.")
        if answer.finish != "stop":
            self.ending = self.ending or answer.finish
        elif answer.calls and not may_call:
            self.ending = self.ending or "tool_limit"
        calls = [] if self.ending else [_clean(call) for call in answer.calls]
        if self.ending:
            self._run.conclude(self.ending)
        text = "".join(self._text)
        written = self._size + sum(len(call.name) + len(call.arguments) for call in answer.calls)
        usage = self._usage(answer, read, written)
        return CreateResult(
            finish_reason="function_calls" if calls else "stop",
            content=calls or text,
            thought=(text or None) if calls else None,
            usage=usage,
            cached=False,
        )

    def _usage(self, answer: ModelAnswer, read: Callable[[], int], written: int) -> RequestUsage:
        taken = plausible(answer.usage[0], 0) or plausible(None, read())
        return RequestUsage(prompt_tokens=taken, completion_tokens=plausible(answer.usage[1], written))

    def _emit(self, part: str | Thought) -> Iterator[str]:
        text = part if isinstance(part, str) else part.text
        self._size += len(text.encode())
        if isinstance(part, Thought):
            yield from self._emit_reasoning(text)
            return
        yield from self._close_reasoning()
        self._length += len(text)
        if excess := max(0, self._length - MAX_MESSAGE):
            text = text[:-excess]
        if text:
            self._text.append(text)
            yield text

    def _emit_reasoning(self, text: str) -> Iterator[str]:
        if self._asides is None:
            return
        self._reasoning_id = self._reasoning_id or token_urlsafe(12)
        self._thoughts.append(text)
        yield self._asides.word(ReasoningDelta(reasoning_id=self._reasoning_id, agent="", text=text))

    def _close_reasoning(self) -> Iterator[str]:
        if self._asides is not None and self._thoughts:
            text = "".join(self._thoughts)
            yield self._asides.word(Reasoning(reasoning_id=self._reasoning_id, agent="", text=text))
            self._thoughts, self._reasoning_id = [], ""


def _clean(call: FunctionCall) -> FunctionCall:
    return FunctionCall(id=whole(call.id), name=call.name, arguments=whole(call.arguments))
