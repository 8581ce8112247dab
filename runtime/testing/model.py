"""A model of your own saying: a server that speaks OpenAI's chat completions over real HTTP, with its faults.

It runs in threads of its own, so that the loop under test holds the tasks of the code under test alone.
"""

import asyncio
import json
import select
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from msgspec import Struct

PATIENCE = 10
"""Seconds after which a test that waits for an event gives up; nothing is measured by it."""


class ModelReply(Struct, frozen=True, kw_only=True):
    """What the model server does with one call.

    Attributes:
        words: the text, a chunk a word.
        calls: tool calls, name and arguments.
        status: an error instead of an answer.
        hold_after: words after which the server waits until the client has left or `release` was called.
        cut_after: words after which the server hangs up.
        usage: tokens read and written, None for a server that does not count.
        reasoning: sent before the text, as `reasoning_content`.
        refusal: sent instead of a text.
        finish: the reason of the last chunk, by default the fitting one; "" for none at all.
        deltas: sent as they are, before everything else.
        code: of an error.
        raw: sent as it is in place of a response, head and all; then the server hangs up.
    """

    words: tuple[str, ...] = ()
    calls: tuple[tuple[str, dict[str, Any]], ...] = ()
    status: int = 200
    hold_after: int | None = None
    cut_after: int | None = None
    usage: tuple[Any, Any] | None = (10, 5)
    reasoning: tuple[str, ...] = ()
    refusal: tuple[str, ...] = ()
    finish: str | None = None
    deltas: tuple[dict[str, Any], ...] = ()
    code: str = "no_luck"
    raw: bytes | None = None


def says(text: str, **options: Any) -> ModelReply:
    """Answer with `text`."""
    return ModelReply(words=tuple(f"{word} " for word in text.split()), **options)


def calls(tool: str, **arguments: Any) -> ModelReply:
    """Ask for one tool."""
    return ModelReply(calls=((tool, arguments),))


class ModelServer:
    """Answers each call by `choose(request)`; keeps every request it got.

    Attributes:
        requests: bodies, oldest first.
        holding: set while a call is held.
        released: set it to let held calls go on.
        left: set once a client has hung up on a call.
        is_strict: refuse results of tools that the request does not name, as some providers do.
    """

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.holding = threading.Event()
        self.released = threading.Event()
        self.left = threading.Event()
        self.is_strict = False
        self.choose: Callable[[dict[str, Any]], ModelReply] = lambda _: says("Nothing to say.")
        self._lock = threading.Lock()
        self._http = _Http(self)
        self.url = f"http://127.0.0.1:{self._http.server_port}/v1"

    def script(self, *replies: ModelReply) -> None:
        """Answer call after call; the last reply is repeated."""
        waiting = list(replies)
        self.choose = lambda _: waiting.pop(0) if len(waiting) > 1 else waiting[0]

    async def held(self) -> None:
        """Wait until a call is being held."""
        if not await asyncio.to_thread(self.holding.wait, PATIENCE):
            raise AssertionError("no call was held")

    async def client_left(self) -> None:
        """Wait until a client has hung up."""
        if not await asyncio.to_thread(self.left.wait, PATIENCE):
            raise AssertionError("the connection stayed open")

    def take(self, request: dict[str, Any]) -> ModelReply:
        """Note a request and choose its reply."""
        with self._lock:
            self.requests.append(request)
            if self.is_strict and not request.get("tools") and _has_results(request):
                return ModelReply(status=400)
            return self.choose(request)

    def __enter__(self) -> Self:
        """Answer until the block ends."""
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        """Let held calls go, and stop."""
        self.released.set()
        self._http.shutdown()
        self._http.server_close()


def _has_results(request: dict[str, Any]) -> bool:
    return any(message["role"] == "tool" for message in request["messages"])


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512  # a hundred callers come at once

    def __init__(self, model: ModelServer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.model = model

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that hang up."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Http

    def do_POST(self) -> None:
        """Answer one call."""
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        reply = self.server.model.take(body)
        if reply.raw is not None:
            self.wfile.write(reply.raw)
            self.close_connection = True
        elif reply.status != 200:
            self._refuse(reply)
        elif reply.hold_after != 0 or self._hold():
            self._stream(reply)

    def _refuse(self, reply: ModelReply) -> None:
        error = {"error": {"message": "canary-provider-words", "code": reply.code}}
        payload = json.dumps(error).encode()
        self.send_response(reply.status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def _stream(self, reply: ModelReply) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        try:
            for delta in reply.deltas:
                self._choice(delta=delta)
            for piece in reply.reasoning:
                self._choice(delta={"content": None, "reasoning_content": piece})
            for piece in reply.refusal:
                self._choice(delta={"content": None, "refusal": piece})
            if self._words(reply):
                self._calls(reply)
                self._end(reply)
        except (BrokenPipeError, ConnectionResetError):
            self.server.model.left.set()
            self.close_connection = True

    def _words(self, reply: ModelReply) -> bool:
        """Send the text; False when the connection is over."""
        for number, word in enumerate(reply.words):
            if number == reply.cut_after:
                self.close_connection = True
                return False
            if number and number == reply.hold_after and not self._hold():
                return False
            self._choice(delta={"content": word})
        return True

    def _calls(self, reply: ModelReply) -> None:
        for index, (name, arguments) in enumerate(reply.calls):
            function = {"name": name, "arguments": json.dumps(arguments)}
            identifier = f"call_{len(self.server.model.requests)}_{index}"
            call = {"index": index, "id": identifier, "type": "function", "function": function}
            self._choice(delta={"tool_calls": [call]})

    def _end(self, reply: ModelReply) -> None:
        fitting = "tool_calls" if reply.calls else "stop"
        self._choice(delta={}, finish_reason=(fitting if reply.finish is None else reply.finish) or None)
        if reply.usage is not None:
            read, written = reply.usage
            self._data({"choices": [], "usage": {"prompt_tokens": read, "completion_tokens": written}})
        self._write(b"data: [DONE]\n\n")
        self.wfile.write(b"0\r\n\r\n")

    def _hold(self) -> bool:
        """Wait for the client to leave (False) or for the release (True)."""
        model = self.server.model
        model.holding.set()
        while not model.released.is_set():
            if select.select([self.connection], [], [], 0.005)[0]:
                model.left.set()
                self.close_connection = True
                return False
        return True

    def _choice(self, **choice: Any) -> None:
        self._data({"choices": [{"index": 0, "finish_reason": None, **choice}]})

    def _data(self, body: dict[str, Any]) -> None:
        head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "test-model"}
        self._write(b"data: " + json.dumps({**head, **body}).encode() + b"\n\n")

    def _write(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""
