"""One call of a model, from its first piece to the result that AutoGen reads."""

from collections.abc import Callable, Iterator
from secrets import token_urlsafe

from autogen_core import FunctionCall
from autogen_core.models import CreateResult, RequestUsage

from shared.agents.autogen.answer import Answer, Piece, Thought
from shared.agents.autogen.asides import Asides
from shared.agents.autogen.characters import whole
from shared.agents.autogen.thinking import Thinking
from shared.agents.autogen.tokens import BYTES, believed
from shared.agents.events import Reasoning, ReasoningDelta, StopReason
from shared.agents.running.run import Run
from shared.agents.transcript import MAX_MESSAGE
from shared.errors import ModelUnavailable

SILENCE = CreateResult(
    finish_reason="stop",
    content="",
    usage=RequestUsage(prompt_tokens=0, completion_tokens=0),
    cached=False,
)
"""What an agent receives when the run is over: an empty message, and the group chat ends after its turn."""


class ModelCall:
    """Parts text from reasoning, keeps both within bounds, and decides what the call means for the run.

    Args:
        run: whose call it is.
        asides: by which reasoning is sent; None keeps it back.

    Attributes:
        ending: why the run is done with this call, whatever the model still wants to say; None: it goes on.
    """

    def __init__(self, run: Run, asides: Asides | None) -> None:
        self.ending: StopReason | None = None
        self._run = run
        self._asides = asides
        self._thinking = Thinking()
        self._answer: Answer | None = None
        self._said: list[str] = []
        self._thought: list[str] = []
        self._reasoning_id = ""
        self._length = 0
        self._size = 0

    def take(self, piece: Piece) -> Iterator[str]:
        """Yield what a reader may see of a piece."""
        if isinstance(piece, Answer):
            self._answer = piece
            return
        for part in self._thinking.feed(piece):
            yield from self._tell(part)
        if self._length > MAX_MESSAGE:
            self.ending = "length"
        elif self._size > self._run.budget.tokens * BYTES:  # an answer without end, and nobody who counts
            self.ending = "token_limit"

    def rest(self) -> Iterator[str]:
        """Yield what was held back, once the stream is over."""
        for part in self._thinking.end():
            yield from self._tell(part)
        yield from self._close_reasoning()

    def result(self, read: Callable[[], int], *, may_call: bool) -> CreateResult:
        """Return the whole, and conclude the run where the call has ended it.

        Args:
            read: the bytes that the model had to read; asked where the provider has not counted.
            may_call: the model was free to ask for tools.

        Raises:
            ModelUnavailable: the model broke off.
        """
        answer = self._answer or Answer(finish="length")
        if answer.finish is None:
            raise ModelUnavailable("The model provider ended the answer before it was complete.")
        if answer.finish != "stop":
            self.ending = self.ending or answer.finish
        elif answer.calls and not may_call:
            self.ending = self.ending or "tool_limit"
        calls = [] if self.ending else [_clean(call) for call in answer.calls]
        if self.ending:
            self._run.conclude(self.ending)
        text = "".join(self._said)
        written = self._size + sum(len(call.name) + len(call.arguments) for call in answer.calls)
        usage = self._usage(answer, read, written)
        return CreateResult(
            finish_reason="function_calls" if calls else "stop",
            content=calls or text,
            thought=(text or None) if calls else None,
            usage=usage,
            cached=False,
        )

    def _usage(self, answer: Answer, read: Callable[[], int], written: int) -> RequestUsage:
        taken = believed(answer.usage[0], 0) or believed(None, read())
        return RequestUsage(prompt_tokens=taken, completion_tokens=believed(answer.usage[1], written))

    def _tell(self, part: str | Thought) -> Iterator[str]:
        text = part if isinstance(part, str) else part.text
        self._size += len(text.encode())
        if isinstance(part, Thought):
            yield from self._tell_reasoning(text)
            return
        yield from self._close_reasoning()
        self._length += len(text)
        if excess := max(0, self._length - MAX_MESSAGE):
            text = text[:-excess]
        if text:
            self._said.append(text)
            yield text

    def _tell_reasoning(self, text: str) -> Iterator[str]:
        if self._asides is None:
            return
        self._reasoning_id = self._reasoning_id or token_urlsafe(12)
        self._thought.append(text)
        yield self._asides.word(ReasoningDelta(reasoning_id=self._reasoning_id, agent="", text=text))

    def _close_reasoning(self) -> Iterator[str]:
        if self._asides is not None and self._thought:
            text = "".join(self._thought)
            yield self._asides.word(Reasoning(reasoning_id=self._reasoning_id, agent="", text=text))
            self._thought, self._reasoning_id = [], ""


def _clean(call: FunctionCall) -> FunctionCall:
    return FunctionCall(id=whole(call.id), name=call.name, arguments=whole(call.arguments))
