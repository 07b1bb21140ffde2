"""Questions to a language model that speaks OpenAI's protocol: bounded in time, size and cost, each asked only once.

No key, address or raw text of an answer gets into an error.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ..base.errors import InputError
from ..base.media.files import atomic_path
from .llm_answer import answer_in
from .llm_reply import NoReplyError, Reply, reason_of, reply_of
from .llm_schema import in_words, strict_schema

if TYPE_CHECKING:
    from pydantic import BaseModel

    from ..host.port import Host

DEFAULT_MODEL = "gpt-4o-mini"
MAX_ANSWER_BYTES = 4_000_000
KEPT = 256
# Part of the key of a kept answer.
_REVISION = 2

# An option, and how servers name it where they do not take it.
_REFUSALS = {
    "response_format": ("response_format", "json_schema", "structured output", "guided", "grammar", "response format"),
    "temperature": ("temperature",),
    "max_completion_tokens": ("max_completion_tokens",),
    "max_tokens": ("max_tokens",),
}

Answer = TypeVar("Answer", bound="BaseModel")


class LlmError(Exception):
    """The model gave no usable answer. The message is for the user and holds no secret."""


@dataclass(frozen=True)
class LlmSettings:
    """Where the model is. The key and the address stay out of `repr`, and so out of every log."""

    key: str = field(repr=False)
    base_url: str | None = field(repr=False)
    model: str
    timeout: float = 60.0
    tries: int = 3
    pause: float = 1.0


def settings_of(host: Host) -> LlmSettings:
    """The settings from the environment or the private folder.

    Parameters
    ----------
    host : Host
        Knows the secrets, and the settings `llm_timeout_s` (seconds), `llm_tries` and `llm_pause_s` (seconds).

    Returns
    -------
    LlmSettings
        OpenAI's own key goes with OpenAI's own address only.

    Raises
    ------
    InputError
        When there is neither a key nor an address.
    """
    base_url = host.secret("SONGREEL_LLM_BASE_URL") or None
    key = host.secret("SONGREEL_LLM_KEY")
    if key is None and base_url is None:
        # OpenAI's own key goes to OpenAI's own address only.
        key = host.secret("OPENAI_API_KEY")
    if key is None and base_url is None:
        raise InputError(
            "There is no language model: set SONGREEL_LLM_KEY (and SONGREEL_LLM_BASE_URL for a model of your own) in "
            "the environment or in secrets.json of the pack's private folder, or choose the offline storyteller."
        )
    return LlmSettings(
        key=key or "none",
        base_url=base_url or "https://api.openai.com/v1",
        model=host.secret("SONGREEL_LLM_MODEL") or DEFAULT_MODEL,
        timeout=float(host.setting("llm_timeout_s", 60.0)),
        tries=int(host.setting("llm_tries", 3)),
        pause=float(host.setting("llm_pause_s", 1.0)),
    )


class LlmClient:
    """Asks a language model, counts tokens and keeps answers.

    Parameters
    ----------
    settings : LlmSettings
        Where the model is, and how long and how often it is asked.
    cap : int
        Most tokens of a run, questions and answers together.
    folder : Path
        Where answers are kept, in its folder `llm`.
    check : callable
        Called while waiting; raises when the user has cancelled.

    Raises
    ------
    InputError
        When the package openai is not installed.
    """

    def __init__(self, settings: LlmSettings, *, cap: int, folder: Path, check: Callable[[], None] = lambda: None):
        try:
            import openai
        except ImportError:
            raise InputError(
                "The package openai is not installed: pip install openai, or choose the offline storyteller."
            ) from None
        self._errors = openai
        self._settings, self._cap, self._folder, self._check = settings, cap, folder / "llm", check
        self.used = 0
        # Whether the last answer was cut off at the token limit.
        self.cut = False
        # Options that this server does not take.
        self._without: set[str] = set()
        self._client = openai.OpenAI(
            api_key=settings.key,
            base_url=settings.base_url,
            timeout=settings.timeout,
            max_retries=0,
            http_client=_bounded_http(settings.timeout),
        )

    def ask(
        self,
        system: str,
        question: str,
        answer: type[Answer],
        *,
        temperature: float = 0.8,
        wanted: tuple[int, ...] = (),
    ) -> Answer:
        """The model's answer in the form of a pydantic model, from disk where the same was asked before.

        Parameters
        ----------
        system : str
            What the model is told of its task.
        question : str
            What is asked.
        answer : type of BaseModel
            The form of the answer; its schema goes with the question.
        temperature : float
            Of the sampling, 0..2: more gives more varied answers.
        wanted : tuple of int
            Numbers of the shots that are asked for, in order.

        Returns
        -------
        BaseModel
            An instance of `answer`.

        Raises
        ------
        LlmError
            When the model refuses, does not answer in that form or at all, and when the cap is reached.
        """
        key = hashlib.blake2b(
            json.dumps(
                [
                    _REVISION,
                    self._settings.base_url,
                    self._settings.model,
                    system,
                    question,
                    answer.__name__,
                    temperature,
                ]
            ).encode(),
            digest_size=20,
        ).hexdigest()
        path = self._folder / f"{key}.json"
        with contextlib.suppress(OSError, ValueError):
            kept = answer.model_validate_json(path.read_text("utf-8"))
            os.utime(path)
            return kept
        self.cut = False
        reply = self._asked(f"{system} {in_words(answer)}", question, answer, temperature)
        self.cut = reply.cut
        try:
            parsed = answer_in(reply.text, answer, wanted=wanted)
        except ValueError:
            trouble = "was cut off at the token limit" if reply.cut else "is not in the form that was asked for"
            raise LlmError(f"its answer {trouble}") from None
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_path(path) as part:
                part.write_text(parsed.model_dump_json(), "utf-8")
            for old in sorted(self._folder.glob("*.json"), key=lambda file: file.stat().st_mtime)[:-KEPT]:
                old.unlink(missing_ok=True)
        return parsed

    def _asked(self, system: str, question: str, answer: type[Answer], temperature: float) -> Reply:
        trouble = "it was not asked"
        for attempt in range(self._settings.tries):
            self._check()
            # A token has about four letters; the answer is counted when it is there.
            if self.used + (len(system) + len(question)) // 4 >= self._cap:
                raise LlmError(f"the cap of {self._cap} tokens is reached")
            try:
                return self._once(system, question, answer, temperature)
            except LlmError:
                raise
            except self._errors.RateLimitError as error:
                trouble = "it is asked too often (429)"
                self._wait(attempt, error)
            except self._errors.APITimeoutError:
                trouble = f"it did not answer in {self._settings.timeout:g} s"
            except NoReplyError as error:
                trouble = str(error)
                if not error.retry:
                    raise LlmError(trouble) from None
                self._wait(attempt, None)
            except self._errors.APIStatusError as error:
                trouble = f"it answered with status {error.status_code}" + self._reason(error)
                if error.status_code < 500:
                    raise LlmError(trouble + _hint(error.status_code)) from None
                self._wait(attempt, error)
            except _TooLongError:
                raise LlmError("its answer is too long") from None
            except self._errors.APIConnectionError as error:
                if _too_long(error):
                    raise LlmError("its answer is too long") from None
                trouble = "the connection failed"
                self._wait(attempt, None)
            except (self._errors.OpenAIError, ValueError, TypeError, KeyError, IndexError, AttributeError):
                trouble = "its answer is not of OpenAI's protocol"
                self._wait(attempt, None)
        raise LlmError(trouble) from None

    def _once(self, system: str, question: str, answer: type[Answer], temperature: float) -> Reply:
        """One question, put again without what the server says that it does not take."""
        while True:
            try:
                raw = self._client.chat.completions.with_raw_response.create(
                    model=self._settings.model,
                    messages=[{"role": "system", "content": system}, {"role": "user", "content": question}],
                    **self._options(answer, temperature),
                )
            except self._errors.APIStatusError as error:
                refused = self._refused(error)
                if refused is None:
                    raise
                self._without.add(refused)
                self._check()
                continue
            reply = reply_of(raw.text if isinstance(raw.text, str) else raw.text())
            self.used += reply.tokens or (len(system) + len(question) + len(reply.text)) // 4
            return reply

    def _options(self, answer: type[Answer], temperature: float) -> dict[str, Any]:
        limit = max(min(self._cap - self.used, 16_000), 1)
        options: dict[str, Any] = {
            "temperature": temperature,
            "max_completion_tokens": limit,
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": answer.__name__, "strict": True, "schema": strict_schema(answer)},
            },
        }
        if "max_completion_tokens" in self._without:
            options["max_tokens"] = limit
        return {name: value for name, value in options.items() if name not in self._without}

    def _refused(self, error) -> str | None:
        """The option that a server's 400 or 422 is about; None where it is about something else."""
        if error.status_code not in (400, 404, 415, 422):
            return None
        told = json.dumps(error.body, default=str).lower() if error.body is not None else str(error).lower()
        for option, signs in _REFUSALS.items():
            there = option != "max_tokens" or "max_completion_tokens" in self._without
            if there and option not in self._without and any(sign in told for sign in signs):
                return option
        # Some servers only say that the request is bad; the schema is what they most often do not know.
        vague = error.status_code in (400, 422) and "response_format" not in self._without
        return "response_format" if vague else None

    def _reason(self, error) -> str:
        """The server's own words for an error, in brackets; not where they are about the key."""
        if error.status_code in (401, 403):
            return ""
        reason = reason_of(error.body, secrets=(self._settings.key, self._settings.base_url or ""))
        return f" ({reason})" if reason else ""

    def _wait(self, attempt: int, error) -> None:
        """Longer after every failure, and as long as the server asks for; the user can cancel."""
        if attempt + 1 >= self._settings.tries:
            return
        pause = self._settings.pause * 2**attempt * (1 + 0.2 * random.random())
        asked = "" if error is None else error.response.headers.get("retry-after", "")
        if asked.replace(".", "", 1).isdigit():
            pause = min(max(pause, float(asked)), 30.0)
        end = time.monotonic() + pause
        while (left := end - time.monotonic()) > 0:
            self._check()
            time.sleep(min(left, 0.1))


class _TooLongError(Exception):
    """An answer passed `MAX_ANSWER_BYTES`."""


def _too_long(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, _TooLongError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _bounded_http(timeout: float):
    """An HTTP client that gives up on answers which are too long or trickle in for too long."""
    import sys

    import openai

    # httpx, or httpx2 under a newer openai: whichever its own client is made of.
    roots = (base.__module__.split(".")[0] for base in openai.DefaultHttpxClient.__mro__)
    httpx: Any = sys.modules[next(root for root in roots if root.startswith("httpx"))]

    class Bounded(httpx.SyncByteStream):
        def __init__(self, stream):
            self._stream = stream

        def __iter__(self):
            size, begin = 0, time.monotonic()
            for chunk in self._stream:
                size += len(chunk)
                if size > MAX_ANSWER_BYTES:
                    raise _TooLongError
                if time.monotonic() - begin > timeout:
                    raise httpx.ReadTimeout("the answer took too long")
                yield chunk

        def close(self) -> None:
            self._stream.close()

    class Transport(httpx.HTTPTransport):
        def handle_request(self, request):
            response = super().handle_request(request)
            response.stream = Bounded(response.stream)
            return response

    # No redirects: the key goes nowhere but to the address it is for.
    return httpx.Client(transport=Transport(), timeout=timeout, follow_redirects=False)


def _hint(status: int) -> str:
    if status in (401, 403):
        return ": it does not take the key"
    return ": it knows no such model or address" if status == 404 else ""
