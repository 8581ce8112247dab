"""The request bodies of chat libraries, as the members of a conversation.

Of such a body only the texts of the person and of the answers are read, and a signed continuation. Everything
else that a browser may claim (system messages, tool calls and results, reasoning, data, tools, state,
context) is ignored: it gives an agent neither instructions nor results nor rights.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from shared.agents.conversation.lengths import MAX_CHARACTERS, MAX_MESSAGE, MAX_MESSAGES

type Body = dict[str, Any]


def chat_body(body: Any) -> Body | None:
    """Return a chat library's body as the members of a `ChatConversation`; None for any other body."""
    if not isinstance(body, dict) or not isinstance(body.get("messages"), list):
        return None
    messages = [each for each in body["messages"] if isinstance(each, dict)]
    if isinstance(body.get("threadId"), str) and isinstance(body.get("runId"), str):
        ids = {"format": "ag-ui", "thread_id": body["threadId"], "run_id": body["runId"]}
        return {**_conversation(messages, _resumed(body.get("resume"))), **ids}
    if any(isinstance(each.get("parts"), list) for each in messages):
        answer = _approved(messages[-1]) or _answered(messages)
        return {**_conversation(messages, answer), "format": "ui-messages"}
    return None


def _conversation(messages: list[Body], answer: Body) -> Body:
    """Return turns and answer; an answer that is no message of the person becomes one."""
    turns = list(_turns(messages))
    if answer and (not turns or turns[-1]["role"] != "user"):
        text = "Approved." if answer.get("approved") is True else "Declined."
        turns.append({"role": "user", "content": answer.pop("text", None) or text})
    answer.pop("text", None)
    return {"messages": _within_limits(turns), **answer}


def _turns(messages: list[Body]) -> Iterator[Body]:
    for message in messages:
        role = message.get("role")
        text = _text(message.get("parts", message.get("content")))
        if text and role == "user":
            yield {"role": role, "content": text}
        elif text and role == "assistant":
            yield {"role": role, "content": text[:MAX_MESSAGE]}


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    parts = _dicts(content)
    texts = (part.get("text") for part in parts if part.get("type") == "text")
    return "\n\n".join(text for text in texts if isinstance(text, str) and text)


def _dicts(value: Any) -> list[Body]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _within_limits(turns: list[Body]) -> list[Body]:
    """Return the newest turns that a conversation may have: a chat sends all of its messages each time."""
    kept: list[Body] = []
    left = MAX_CHARACTERS
    for turn in reversed(turns):
        left -= len(turn["content"])
        if kept and (left < 0 or len(kept) == MAX_MESSAGES - 1):
            break
        kept.insert(0, turn)
    return kept


def _approved(message: Body) -> Body:
    """Return the answer to an approval in a message of the AI SDK, which is the assistant's."""
    for part in reversed(_dicts(message.get("parts"))):
        approval = part.get("approval")
        is_answer = message.get("role") == "assistant" and part.get("state") == "approval-responded"
        if is_answer and isinstance(approval, dict):
            return {"continuation": approval.get("id"), "approved": approval.get("approved")}
    return {}


def _answered(messages: list[Body]) -> Body:
    """Return the continuation of the question that the last message of the AI SDK answers."""
    asked = messages[-2] if len(messages) > 1 else {}
    for part in reversed(_dicts(asked.get("parts"))):
        data = part.get("data")
        if part.get("type") == "data-question" and isinstance(data, dict):
            return {} if _has_expired(data.get("expiresAt")) else {"continuation": data.get("continuation")}
    return {}


def _resumed(resume: Any) -> Body:
    """Return the answer to an interrupt of AG-UI."""
    entries = _dicts(resume)
    if not entries:
        return {}
    payload = entries[0].get("payload")
    approved = payload.get("approved") if isinstance(payload, dict) else None
    is_cancelled = entries[0].get("status") == "cancelled"
    return {
        "continuation": entries[0].get("interruptId"),
        "approved": False if is_cancelled else approved,
        "text": payload if isinstance(payload, str) else None,
    }


def _has_expired(expires_at: Any) -> bool:
    try:
        return datetime.fromisoformat(expires_at) <= datetime.now(UTC)
    except (TypeError, ValueError):
        return True
