"""What an endpoint is and can do, found out with a handful of calls."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from data import rights
from data.errors import BackendError
from llm.endpoint import call_options, get, open_client, post, run_coroutine
from llm.failures import classify
from llm.hidden import UnusableVectorsError, vectors_in
from llm.keys import key_of, without_key
from llm.server import answer_words, token_count
from llm.settings import ServerConfig
from llm.vectors import flaw

if TYPE_CHECKING:
    from openai import AsyncOpenAI

GREETING = "Name one film about the sea, and nothing else."
SCHEMA = {
    "type": "object",
    "properties": {"mood": {"type": "string", "enum": ["calm", "tense"]}},
    "required": ["mood"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class Inspection:
    """What an endpoint told.

    Attributes:
        model: The model that answered, as the endpoint calls it.
        models: Those it offers; empty where it does not say.
        text: What it answered.
        latency_s: Seconds until the whole answer was there.
        tokens_in: Prompt tokens.
        tokens_out: Completion tokens.
        supports: By ability: None if it has it, or why not.
    """

    model: str
    models: tuple[str, ...]
    text: str
    latency_s: float
    tokens_in: int
    tokens_out: int
    supports: dict[str, str | None]


def inspect_endpoint(config: ServerConfig) -> Inspection:
    """Calls an endpoint once, and tries what it can do besides.

    Raises:
        BackendError: it does not answer a plain call.
    """
    rights.require("ask a language model")
    key = key_of(config)
    try:
        return run_coroutine(_inspect(config, key))
    except _RefusedError as refused:
        raise BackendError(
            f"{config.url} does not answer as model {config.model!r}. {refused} "
            f"The key is read from the environment variable {config.key_variable}."
        ) from None


class _RefusedError(Exception):
    """Why a plain call brings no answer."""


async def _inspect(config: ServerConfig, key: str) -> Inspection:
    async with open_client(config, at_once=1) as client:
        begun = time.monotonic()
        try:
            answer = await _ask(client, config, max_tokens=32)
            text = without_key(_text(answer), key).strip()
        except Exception as error:  # also of an answer that is not as it should be
            raise _RefusedError(classify(error, key).reason) from None
        latency = time.monotonic() - begun
        usage, model = answer.get("usage"), answer.get("model")
        counts = usage if isinstance(usage, dict) else {}
        guided = await _why_not(_try_guiding(client, config), key)
        return Inspection(
            model=without_key(str(model or config.model), key),
            models=tuple(without_key(name, key) for name in await _model_names(client)),
            text=text,
            latency_s=latency,
            tokens_in=token_count(counts.get("prompt_tokens")),
            tokens_out=token_count(counts.get("completion_tokens")),
            supports={
                "answers that follow a JSON schema": guided,
                "embeddings of texts": await _why_not(_embedded(client, config), key),
                "counting of tokens": None if counts else "the answer states no usage",
            },
        )


def _text(answer: Mapping[str, Any]) -> str:
    """The words of an answer; none where the model had no room left after its thoughts.

    Raises:
        ValueError: it is no completion.
    """
    choices = answer.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise ValueError("it holds no choices")
    return answer_words(choices[0])


async def _ask(client: AsyncOpenAI, config: ServerConfig, **about: Any) -> Mapping[str, Any]:
    messages = [{"role": "user", "content": GREETING}]
    temperature = config.sampling.temperature
    asked = {"model": config.model, "messages": messages, "temperature": temperature, **about}
    return await post(client, "/chat/completions", asked, call_options())


async def _model_names(client: AsyncOpenAI) -> list[str]:
    """Names of models; none where the endpoint does not say."""
    try:
        data = (await get(client, "/models", call_options())).get("data")
    except Exception:
        return []
    rows = data if isinstance(data, list) else []
    return [row["id"] for row in rows if isinstance(row, dict) and isinstance(row.get("id"), str)]


async def _try_guiding(client: AsyncOpenAI, config: ServerConfig) -> None:
    schema = {"name": "answer", "schema": SCHEMA, "strict": True}
    asked = {"type": "json_schema", "json_schema": schema}
    said = _text(await _ask(client, config, max_tokens=64, response_format=asked)).strip()
    try:
        followed = set(json.loads(said)) == {"mood"}
    except (ValueError, TypeError, RecursionError):
        followed = False
    if not followed:
        raise _LackingError("it takes the schema and does not follow it")


async def _embedded(client: AsyncOpenAI, config: ServerConfig) -> None:
    asked = {"model": config.model, "input": ["the sea"]}
    try:
        (vector,) = vectors_in(await post(client, "/embeddings", asked, call_options()), 1)
    except UnusableVectorsError as error:
        raise _LackingError(str(error)) from None
    if (why := flaw(vector)) is not None:
        raise _LackingError(f"the vector that it gives {why}")


class _LackingError(Exception):
    """What an answer lacks that would show an ability."""


async def _why_not(attempt: Awaitable[None], key: str) -> str | None:
    """None, or a sentence about why it failed."""
    try:
        await attempt
    except _LackingError as error:
        return str(error)
    except Exception as error:
        return classify(error, key).reason
    return None
