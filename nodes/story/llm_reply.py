"""What servers of OpenAI's protocol really send -> text: parts, tool calls, streams, errors inside an answer."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

_MOST_REASON = 160


class NoReplyError(Exception):
    """The server's answer holds no text of a model. `retry`: asking again can help."""

    def __init__(self, message: str, *, retry: bool = False):
        super().__init__(message)
        self.retry = retry


@dataclass(frozen=True)
class Reply:
    """A model's text; the tokens that it cost, 0 where nobody says; whether it was cut off at the token limit."""

    text: str
    tokens: int = 0
    cut: bool = False


def reply_of(body: str) -> Reply:
    """The reply in an answer's body.

    Raises NoReplyError.
    """
    body = body.lstrip("\ufeff \r\n\t")
    if re.match(r"(?:event|data|id|:)", body) and "data:" in body:
        return _streamed(body)
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        if body.startswith("<"):
            raise NoReplyError("its address answers with a web page, not with OpenAI's protocol") from None
        raise NoReplyError("its answer is not of OpenAI's protocol", retry=True) from None
    if not isinstance(data, dict):
        raise NoReplyError("its answer is not of OpenAI's protocol", retry=True)
    _raise_error(data)
    choices = data.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    if isinstance(choice, dict):
        message = choice.get("message") or {}
        text = _content(message) if isinstance(message, dict) else ""
        text = text or (choice["text"] if isinstance(choice.get("text"), str) else "")
        finish = choice.get("finish_reason")
    elif isinstance(data.get("message"), dict):
        # Ollama's own protocol.
        message, text, finish = data["message"], _content(data["message"]), data.get("done_reason")
    else:
        raise NoReplyError("its answer is not of OpenAI's protocol", retry=True)
    if finish == "content_filter" or (isinstance(message, dict) and message.get("refusal") and not text.strip()):
        raise NoReplyError("it refused to answer")
    if not text.strip():
        cut = "its answer was cut off at the token limit" if finish == "length" else "its answer is empty"
        raise NoReplyError(cut, retry=finish != "length")
    return Reply(text, _tokens(data), finish == "length")


def _raise_error(data: dict) -> None:
    error = data.get("error")
    if error and not data.get("choices"):
        reason = reason_of(data)
        raise NoReplyError("it answered with an error" + (f": {reason}" if reason else ""), retry=True)


def _content(message: dict) -> str:
    """The text of a message: as it is, in parts, or as the arguments of a tool call."""
    content = message.get("content")
    if isinstance(content, list):
        parts = [part.get("text", "") if isinstance(part, dict) else part for part in content]
        content = "".join(part for part in parts if isinstance(part, str))
    if isinstance(content, dict):
        content = json.dumps(content)
    if isinstance(content, str) and content.strip():
        return content
    calls = message.get("tool_calls")
    calls = calls if isinstance(calls, list) else [{"function": message.get("function_call")}]
    for call in calls:
        function = call.get("function") if isinstance(call, dict) else None
        arguments = function.get("arguments") if isinstance(function, dict) else None
        if arguments:
            return arguments if isinstance(arguments, str) else json.dumps(arguments)
    return ""


def _streamed(body: str) -> Reply:
    """A stream's text, put together."""
    text, arguments, tokens, finish = [], [], 0, None
    for line in body.splitlines():
        if not line.startswith("data:") or line[5:].strip() == "[DONE]":
            continue
        try:
            event = json.loads(line[5:])
        except (ValueError, RecursionError):
            continue
        if not isinstance(event, dict):
            continue
        _raise_error(event)
        tokens = _tokens(event) or tokens
        for choice in event.get("choices") or ():
            if not isinstance(choice, dict):
                continue
            delta = choice.get("delta") or choice.get("message") or {}
            if isinstance(delta, dict):
                piece = delta.get("content")
                text.append(piece if isinstance(piece, str) else _content({"content": piece}))
                for call in delta.get("tool_calls") or ():
                    arguments.append(str((call.get("function") or {}).get("arguments") or ""))
            finish = choice.get("finish_reason") or finish
    whole = "".join(text) or "".join(arguments)
    if not whole.strip():
        raise NoReplyError("its answer is empty", retry=True)
    return Reply(whole, tokens, finish == "length")


def _tokens(data: dict) -> int:
    usage = data.get("usage")
    total = usage.get("total_tokens") if isinstance(usage, dict) else None
    return total if isinstance(total, int) and not isinstance(total, bool) and total > 0 else 0


def reason_of(body: Any, *, secrets: tuple[str, ...] = ()) -> str:
    """A server's own reason for an error, in one short line without secrets; empty where it gives none."""
    error = body.get("error", body) if isinstance(body, dict) else body
    if isinstance(error, dict):
        error = error.get("message") or error.get("detail") or error.get("error")
    if not isinstance(error, str):
        return ""
    text = " ".join(re.sub(r"https?://\S+", "...", error).split())
    text = re.sub(r"\b(?:sk|key|pk)-[\w*.-]+", "...", text)
    for secret in secrets:
        text = text.replace(secret, "...") if len(secret) > 3 else text
    return text if len(text) <= _MOST_REASON else text[: _MOST_REASON - 3] + "..."
