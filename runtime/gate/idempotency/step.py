"""The step that gives a caller the first answer for an `Idempotency-Key` again.

A claim is settled before the last piece of an answer is sent, so a caller who has an answer can always get
it again.
"""

import asyncio
import logging
import re
import secrets
from contextlib import suppress
from hashlib import blake2b

from runtime.asgi.invocation import SCOPE_KEY, Invocation
from runtime.asgi.messages import ASGIApp, Message, Receive, Scope, Send, header
from runtime.config import Policy
from runtime.gate.body import Replay, read_body
from runtime.gate.idempotency.answers import AnswerStore, FirstAnswer, KeyState
from shared.errors import (
    CallLost,
    DeadlineExceeded,
    FieldError,
    FunctionCrashed,
    FunctionStalled,
    IdempotencyInProgress,
    IdempotencyKeyReused,
    Invalid,
    OutcomeUnknown,
    OutOfMemory,
    Unavailable,
)

logger = logging.getLogger(__name__)

KEY_HEADER = b"idempotency-key"
REPLAYED = (b"idempotency-replayed", b"true")
LARGEST = 1024 * 1024  # bytes of an answer that is kept
LEASE_MARGIN = 10.0  # seconds beyond a call's time limit in which it can still settle its claim
WAIT = 10.0  # seconds for which a second call waits for the first
PAUSE = 0.1  # seconds between two looks at it

DIED = frozenset(
    error.code for error in (OutcomeUnknown, DeadlineExceeded, FunctionCrashed, FunctionStalled, OutOfMemory)
)
"""Failures that are not the function's own word: it was cut or killed midway, and may have done anything."""

_KEY = re.compile(rb"[\x21-\x7e]{1,255}")


def repeat_answer(app: ASGIApp, *, store: AnswerStore, policy: Policy, kept: float) -> ASGIApp:
    """Step: run the function once for each key of a caller, and give its answer again for `kept` seconds.

    Args:
        app: the rest of the call.
        store: where answers are kept.
        policy: of the function.
        kept: seconds.
    """
    lease = policy.timeout + LEASE_MARGIN

    async def repeated(scope: Scope, receive: Receive, send: Send) -> None:
        given = header(scope, KEY_HEADER)
        if given is None:
            await app(scope, receive, send)
            return
        if not _KEY.fullmatch(given):
            message = "Expected 1 to 255 visible ASCII characters, such as a UUID."
            raise Invalid(errors=(FieldError("header", "idempotency-key", message),))
        invocation: Invocation = scope[SCOPE_KEY]
        body = await read_body(receive, invocation)
        if body is None:
            return
        claim = KeyClaim(store, _key(given, invocation), invocation, kept)
        found = await claim.made(_call(scope, body), lease)
        if found.answer is not None:
            await _send_again(found.answer, send)
        else:
            await claim.run(app, _plain(scope), Replay(body, receive), send)

    return repeated


class KeyClaim:
    """One call's claim of a key, and its answer on the way out."""

    def __init__(self, store: AnswerStore, key: str, invocation: Invocation, kept: float) -> None:
        self._store = store
        self._key = key
        self._token = secrets.token_hex(16)
        self._invocation = invocation
        self._kept = kept
        self._is_settled = False
        self._status = 0
        self._fields: list[tuple[bytes, bytes]] = []
        self._pieces: list[bytes] = []
        self._size = 0

    async def made(self, call: bytes, lease: float) -> KeyState:
        """Claim the key, or wait for the call that has it.

        Raises:
            IdempotencyKeyReused: it was given with another call.
            IdempotencyInProgress: the first call takes longer.
            CallLost: nobody knows what became of the first call.
            Unavailable: the store cannot be reached.
        """
        until = asyncio.get_running_loop().time() + WAIT
        if self._invocation.deadline is not None:
            until = min(until, self._invocation.deadline - PAUSE)
        while True:
            found = await self._store.claim(self._key, self._token, call, lease=lease, kept=self._kept)
            if found.state == "other":
                raise IdempotencyKeyReused
            if found.state == "lost":
                raise CallLost
            if found.state != "running":
                return found
            if asyncio.get_running_loop().time() >= until:
                raise IdempotencyInProgress
            await asyncio.sleep(PAUSE)

    async def run(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the call, and settle the claim however it ends."""

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._status, self._fields = message["status"], list(message["headers"])
            else:
                self._collect(message.get("body", b""))
                if not message.get("more_body"):
                    await self._settle_finished()
            await send(message)

        try:
            await app(scope, receive, watched)
        finally:
            if not self._is_settled:
                # Cut, or failed without an answer: what has begun may have done anything.
                await asyncio.shield(self._settle(None, runs_again=not self._invocation.has_begun))

    def _collect(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size <= LARGEST:
            self._pieces.append(piece)

    async def _settle_finished(self) -> None:
        invocation = self._invocation
        failed = self._status >= 500
        if not invocation.has_begun or (failed and invocation.error not in DIED):
            await self._settle(None, runs_again=True)
        elif failed:
            await self._settle(None, runs_again=False)
        elif self._size > LARGEST:
            file = invocation.endpoint.file if invocation.endpoint else "?"
            logger.warning(
                "an answer of more than %d bytes is not kept for its Idempotency-Key; return less, or "
                "remove `idempotent`",
                LARGEST,
                extra={"function": file},
            )
            await self._settle(None, runs_again=False)
        else:
            answer = FirstAnswer(self._status, self._fields, b"".join(self._pieces))
            await self._settle(answer, runs_again=False)

    async def _settle(self, answer: FirstAnswer | None, *, runs_again: bool) -> None:
        """Keep or release; what cannot be settled runs out with its lease, and counts as lost."""
        self._is_settled = True
        with suppress(Unavailable):
            if runs_again:
                await self._store.release(self._key, self._token)
            else:
                await self._store.keep(self._key, self._token, answer, kept=self._kept)


def _key(given: bytes, invocation: Invocation) -> str:
    """Return the key of this caller, by which nobody else can find the answer."""
    user = invocation.user
    caller = (
        f"{user.user_id}\0{user.organization.id if user.organization else ''}" if user else invocation.client
    )
    return blake2b(caller.encode() + b"\0" + given, digest_size=24).hexdigest()


def _call(scope: Scope, body: bytes) -> bytes:
    """Return what tells one call from another: method, URL and body."""
    hashed = blake2b(digest_size=24)
    for part in (scope["method"].encode(), scope.get("raw_path") or b"", scope["query_string"], body):
        hashed.update(b"%d:" % len(part) + part)
    return hashed.hexdigest().encode()


def _plain(scope: Scope) -> Scope:
    """Return the scope without what an answer is compressed for: it is given again to any client."""
    headers = [field for field in scope["headers"] if field[0] != b"accept-encoding"]
    return {**scope, "headers": headers}


async def _send_again(answer: FirstAnswer, send: Send) -> None:
    head = {"type": "http.response.start", "status": answer.status, "headers": [*answer.fields, REPLAYED]}
    await send(head)
    await send({"type": "http.response.body", "body": answer.body, "more_body": False})
