"""Scripts that are called in one turn of the event loop go to the server together, as do their answers."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from shared.redis_script import RedisScript

if TYPE_CHECKING:
    from redis.asyncio import Redis

MOST = 50  # calls that go together


class _Call(NamedTuple):
    script: RedisScript
    args: Sequence[Any]
    answer: asyncio.Future[Any]

    def end(self, answer: Any) -> None:
        if self.answer.done():  # whoever called has left
            return
        if isinstance(answer, Exception):
            self.answer.set_exception(answer)
        else:
            self.answer.set_result(answer)


class Pipelining:
    """Sends scripts over as few connections and in as few packets as they allow."""

    def __init__(self, client: "Redis") -> None:
        self._client = client
        self._waiting: list[_Call] = []
        self._sending: set[asyncio.Task[None]] = set()

    async def run(self, script: RedisScript, args: Sequence[Any]) -> Any:
        """Do one script, and return what it gives."""
        loop = asyncio.get_running_loop()
        call = _Call(script, args, loop.create_future())
        if not self._waiting:
            loop.call_soon(self._send)
        self._waiting.append(call)
        return await call.answer

    async def close(self) -> None:
        """Wait for what is under way."""
        await asyncio.gather(*self._sending)

    def _send(self) -> None:
        calls, self._waiting = self._waiting, []
        for start in range(0, len(calls), MOST):
            task = asyncio.create_task(self._sent(calls[start : start + MOST]))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def _sent(self, calls: list[_Call]) -> None:
        from redis.exceptions import NoScriptError, ReadOnlyError

        answers: list[Any] = await self._asked(calls) if len(calls) > 1 else [NoScriptError()]
        for call, answer in zip(calls, answers, strict=True):
            if isinstance(answer, (NoScriptError, ReadOnlyError)):  # it was not done: it goes alone
                call.end(await _outcome(call.script(args=call.args)))
            else:
                call.end(answer)

    async def _asked(self, calls: list[_Call]) -> list[Any]:
        """Return what each gives, or its error."""
        pipe: Any = self._client.pipeline(transaction=False)
        async with pipe:
            for call in calls:
                pipe.evalsha(call.script.sha, 0, *call.args)
            answers = await _outcome(pipe.execute(raise_on_error=False))
        return [answers] * len(calls) if isinstance(answers, Exception) else answers


async def _outcome(asked: Any) -> Any:
    try:
        return await asked
    except Exception as error:  # noqa: BLE001  # it is given to whoever called
        return error
