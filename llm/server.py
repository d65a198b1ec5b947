"""The backend that asks an OpenAI-compatible endpoint, many calls at a time."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any

from data.errors import BackendError
from llm.endpoint import call_options, open_client, post
from llm.failures import Failure, classify, pause
from llm.gate import CUT_OFF, more_room
from llm.keys import key_of, without_key
from llm.pretrained import load_tokenizer
from llm.protocol import Reply
from llm.settings import ServerConfig
from prompts.requests import Request
from prompts.template import Message

if TYPE_CHECKING:
    from openai import AsyncOpenAI

START = 8
"""Calls in flight at first."""
GROWTH = 2.0
"""The next level tried, as a multiple of the one that was worth it."""
WORTH = 1.1
"""A level is worth it if answers come so much faster than at the one before."""
ROUNDS = 3
"""Answers a call in flight that a level is judged by: the first round only fills it."""
PATIENCE = 12
"""Windows at a level before a higher one is tried again: an endpoint may have grown."""
STORING_S = 0.002
"""Seconds between two looks whether replies were stored."""
_FILTERED = "content_filter"
_SPOKEN = ("text", "output_text")
"""Parts of an answer that are no thoughts."""
_KEPT = "What was answered is kept."


class Concurrency:
    """Climbs from `START` to at most `limit` calls in flight.

    A window is `ROUNDS` answers a call in flight. Where a higher level brings no more answers a
    second, the one before it is kept: beyond it calls only wait in the endpoint's queue.

    Args:
        limit: Calls in flight at most.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.level = min(START, limit)
        self._kept = (0, 0.0)  # the level below this one, and its answers a second
        self._climbing, self._settled = True, 0
        self._begun: float | None = None
        self._filled: float | None = None
        self._answers = 0

    def note_answer(self, now: float) -> None:
        """An answer came, at monotonic second `now`."""
        if self._begun is None:
            self._begun = now
        self._answers += 1
        if self._filled is None and self._answers >= self.level:
            self._filled, self._answers = now, 0
        elif self._filled is not None and self._answers >= (ROUNDS - 1) * self.level:
            self._judge(self._answers / max(now - self._filled, 1e-9))

    def note_strain(self) -> None:
        """The endpoint asked for fewer calls, or failed under them."""
        self.level = max(1, self.level // 2)
        self._climbing = False
        self._new_window()

    def _judge(self, rate: float) -> None:
        below, slower = self._kept
        if not self._climbing:
            self._settled += 1
            if self._settled >= PATIENCE and self.level < self.limit:
                self._kept, self._climbing, self._settled = (self.level, rate), True, 0
                self._raise()
        elif rate > WORTH * slower:
            self._kept = (self.level, rate)
            self._climbing = self.level < self.limit
            self._raise()
        else:
            self.level, self._climbing, self._settled = below, False, 0
        self._new_window()

    def _raise(self) -> None:
        self.level = min(self.limit, int(GROWTH * self.level))

    def _new_window(self) -> None:
        self._begun = self._filled = None
        self._answers = 0


class ServerBackend:
    """Asks an endpoint; how many calls are in flight follows what it bears."""

    leaking = False

    def __init__(self, config: ServerConfig) -> None:
        self.config = config
        self.model = config.model
        self.key_taken = False
        """Whether the endpoint has answered with the key."""
        self._tokenizer: Any = None

    def content(self, request: Request) -> Mapping[str, Any]:
        """Messages, sampling, and the schema where there is one; not the address."""
        sampling = self.config.sampling
        warm = {"temperature": sampling.temperature + request.warmer}
        described = {"messages": list(request.messages), **sampling.model_dump(), **warm}
        return described if request.schema is None else {**described, "schema": request.schema}

    @property
    def limit(self) -> int | None:
        """Tokens that a prompt may have, so that an answer of full length fits behind it."""
        length = self.config.max_length
        return None if length is None else length - self.config.sampling.max_tokens

    def count_tokens(self, messages: Sequence[Message]) -> int | None:
        """Tokens of a chat, as the model's own tokenizer counts them; None where none is named.

        Raises:
            BackendError: the tokenizer cannot be had.
        """
        if self.config.tokenizer is None:
            return None
        if self._tokenizer is None:
            self._tokenizer = load_tokenizer(self.config.tokenizer)
        counted = self._tokenizer.apply_chat_template(
            list(messages), add_generation_prompt=True, tokenize=True, return_dict=False
        )
        return len(counted)

    def generate(self, requests: Iterable[Request]) -> Iterator[Reply]:
        """Replies as they come.

        Raises:
            BackendError: the key or the model is refused, or one call after another fails.
        """
        flight = _Flight(self, iter(requests))
        thread = Thread(target=flight.run, name="endpoint", daemon=True)
        thread.start()
        try:
            while (reply := flight.landed.get()) is not None:
                yield reply
        finally:
            flight.stop()
            thread.join()
        if flight.error is not None:
            raise flight.error


class _Flight:
    """One `generate`: an event loop in a thread of its own, and the replies that it lands."""

    def __init__(self, backend: ServerBackend, requests: Iterator[Request]) -> None:
        self.landed: SimpleQueue[Reply | None] = SimpleQueue()
        self.error: BaseException | None = None
        self._backend, self._requests = backend, requests
        self._config = backend.config
        self._key = key_of(backend.config)
        self._calls = Concurrency(self._config.concurrency)
        self._options = call_options()
        self._rng = random.Random(0)
        self._workers = self._failed_in_a_row = 0
        self._quiet_until = 0.0
        self._eased = 0.0  # up to then one halving counts for all calls that failed together
        self._guided = True
        self._loop: asyncio.AbstractEventLoop | None = None
        self._main: asyncio.Task[None] | None = None
        self._stopped = False

    def run(self) -> None:
        """Ask everything; the end is a None among the replies."""
        try:
            asyncio.run(self._fly())
        except BaseException as error:
            self.error = None if self._stopped else _first(error)
        self.landed.put(None)

    def stop(self) -> None:
        """Drop what is in flight."""
        self._stopped = True
        if self._loop is not None and self._main is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._main.cancel)

    async def _fly(self) -> None:
        self._loop, self._main = asyncio.get_running_loop(), asyncio.current_task()
        config = self._config
        async with open_client(config, config.concurrency) as client, asyncio.TaskGroup() as group:
            self._staff(group, client)

    def _staff(self, group: asyncio.TaskGroup, client: AsyncOpenAI) -> None:
        while self._workers < self._calls.level and not self._stopped:
            self._workers += 1
            group.create_task(self._work(group, client))

    async def _work(self, group: asyncio.TaskGroup, client: AsyncOpenAI) -> None:
        """One call after another, as long as so many are wanted."""
        while self._workers <= self._calls.level:
            while self.landed.qsize() > self._calls.level:  # a killed run loses no more than that
                await asyncio.sleep(STORING_S)
            request = next(self._requests, None)
            if request is None:
                self._calls.level = 0
                break
            self.landed.put(await self._answer(client, request))
            if self._workers < self._calls.level:
                self._staff(group, client)
        self._workers -= 1

    async def _answer(self, client: AsyncOpenAI, request: Request) -> Reply:
        """The reply to one request, after as many attempts as it takes or is allowed."""
        for attempt in range(1, self._config.attempts + 1):
            while (quiet := self._quiet_until - time.monotonic()) > 0:
                await asyncio.sleep(quiet)
            begun = time.monotonic()
            try:
                completion = await self._call(client, request)
                latency = time.monotonic() - begun
                most = self._config.sampling.max_tokens
                reply = _reply(request, completion, latency, attempt, self._key, most)
            except Exception as error:
                failure = classify(error, self._key, self._backend.key_taken)
            else:
                self._calls.note_answer(time.monotonic())
                self._backend.key_taken = True
                return self._heard(reply)
            if failure.kind == "fatal":
                raise BackendError(f"{failure.reason}. {self._mend()}")
            if failure.kind == "lasting" and not self._drop_guiding(request, failure):
                break
            if attempt < self._config.attempts:
                await self._wait(failure, attempt)
        cure = self._mend()
        if failure.kind == "lasting":
            cure += " If only these requests are at fault, raise stop_after."
        self._count(failure.reason, cure)
        return _failure(request, failure, attempt)

    async def _call(self, client: AsyncOpenAI, request: Request) -> Mapping[str, Any]:
        """The completion as it came."""
        sampling = self._config.sampling
        asked = {
            "model": self._config.model,
            "messages": request.messages,
            "temperature": sampling.temperature + request.warmer,
            "top_p": sampling.top_p,
            "max_tokens": sampling.max_tokens,
        }
        if request.schema is not None and self._guided:
            schema = {"name": "answer", "schema": dict(request.schema), "strict": True}
            asked["response_format"] = {"type": "json_schema", "json_schema": schema}
        if sampling.seed is not None:
            asked["seed"] = sampling.seed
        return await post(client, "/chat/completions", asked, self._options)

    def _drop_guiding(self, request: Request, failure: Failure) -> bool:
        """Whether to go on without guided decoding, which this endpoint does not know."""
        if request.schema is None or "response_format" not in failure.reason:
            return False
        self._guided = False
        return True

    async def _wait(self, failure: Failure, attempt: int) -> None:
        now = time.monotonic()
        if failure.retry_after_s is not None:  # it is meant for every caller
            self._quiet_until = max(self._quiet_until, now + failure.retry_after_s)
        if failure.strained and now >= self._eased:
            self._eased = now + 1.0
            self._calls.note_strain()
        await asyncio.sleep(pause(attempt, failure.retry_after_s, self._rng))

    def _heard(self, reply: Reply) -> Reply:
        """The reply; one in which the model never came to its answer counts as a failure.

        All requests have the same max_tokens, and each of these is paid in full, so many in a row
        end the run. What a filter keeps back says nothing of the others.
        """
        if reply.error is None:
            self._failed_in_a_row = 0
        elif reply.finish_reason in CUT_OFF:
            self._count(reply.error, _KEPT)
        return reply

    def _count(self, reason: str, cure: str) -> None:
        """One failure more, without an answer since the one before.

        Raises:
            BackendError: there are too many.
        """
        self._failed_in_a_row += 1
        if self._failed_in_a_row >= self._config.stop_after:
            raise BackendError(
                f"{self._failed_in_a_row} requests in a row failed; the last: "
                f"{reason.rstrip('.')}. {cure}"
            )

    def _mend(self) -> str:
        return (
            f"Check {self._config.url}, the model {self._config.model!r} and the key in "
            f"{self._config.key_variable} with: autograph llm check. {_KEPT}"
        )


def _reply(
    request: Request,
    completion: Mapping[str, Any],
    latency: float,
    attempt: int,
    key: str,
    most: int,
) -> Reply:
    """The reply in a completion, of which nothing is taken to be as it should.

    Raises:
        ValueError: there is no text in it, nor a reason that the same request has every time.
    """
    choices = completion.get("choices")
    choice = _mapping(choices[0] if isinstance(choices, list) and choices else None)
    said, finish = without_key(answer_words(choice), key).strip(), choice.get("finish_reason")
    error = None if said else _wordless(request, finish, most)
    usage = _mapping(completion.get("usage"))
    return Reply(
        request,
        said or None,
        token_count(usage.get("prompt_tokens")),
        token_count(usage.get("completion_tokens")),
        latency,
        without_key(finish, key)[:40].lower() if isinstance(finish, str) and finish else "stop",
        attempt,
        error,
    )


def answer_words(choice: Mapping[str, Any]) -> str:
    """The words of an answer without the thoughts that stand apart; "" for none."""
    content = _mapping(choice.get("message")).get("content")
    if isinstance(content, str):
        return content
    parts = [_mapping(part) for part in content] if isinstance(content, list) else []
    spoken = (part.get("text") for part in parts if part.get("type", "text") in _SPOKEN)
    return "".join(text for text in spoken if isinstance(text, str))


def _wordless(request: Request, finish: object, most: int) -> str:
    """Why an answer that was paid has no words.

    Raises:
        ValueError: that is not known, so the next attempt may bring some.
    """
    if isinstance(finish, str) and finish.lower() in CUT_OFF:
        return (
            f"The model used all of its max_tokens ({most}) without an answer; "
            f"{more_room(request)}."
        )
    if finish == _FILTERED:
        return "The endpoint's filter kept the answer back (content_filter)."
    raise ValueError("it holds no text")


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def token_count(value: object) -> int:
    """A number of tokens; 0 for what is none."""
    return value if isinstance(value, int) and 0 <= value < 2**53 else 0


def _failure(request: Request, failure: Failure, attempts: int) -> Reply:
    return Reply(request, None, finish_reason="error", attempts=attempts, error=failure.reason)


def _first(error: BaseException) -> BaseException:
    """The error that ended a group of tasks."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
