"""What an endpoint is and can do, found out with a handful of calls."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from data.errors import BackendError
from llm.failures import classified
from llm.keys import hide_in_logs, key_of, without_key
from llm.settings import ServerConfig

if TYPE_CHECKING:
    from openai import OpenAI

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
    import openai

    key = key_of(config)
    hide_in_logs(key)
    client = openai.OpenAI(
        api_key=key, base_url=config.url, max_retries=0, timeout=config.timeout_s
    )
    with client:
        begun = time.monotonic()
        try:
            answer = _asked(client, config, max_tokens=32)
            text, usage, model = _text(answer), answer.usage, str(answer.model or config.model)
        except Exception as error:  # also of an answer that is not as it should be
            why = classified(error, key).reason
            raise BackendError(
                f"{config.url} does not answer as model {config.model!r}. {why} "
                f"The key is read from the environment variable {config.key_variable}."
            ) from None
        latency = time.monotonic() - begun
        models = _or_reason(config, lambda: tuple(m.id for m in client.models.list().data))
        return Inspection(
            model=without_key(model, key),
            models=tuple(without_key(m, key) for m in models) if isinstance(models, tuple) else (),
            text=without_key(text, key),
            latency_s=latency,
            tokens_in=usage.prompt_tokens if usage else 0,
            tokens_out=usage.completion_tokens if usage else 0,
            supports={
                "answers that follow a JSON schema": _why_not(
                    config, lambda: _guided(client, config)
                ),
                "embeddings of texts": _why_not(config, lambda: _embedded(client, config)),
                "counting of tokens": None if usage else "the answer states no usage",
            },
        )


def _text(answer: Any) -> str:
    return ((answer.choices[0].message.content or "") if answer.choices else "").strip()


def _asked(client: OpenAI, config: ServerConfig, **about: Any) -> Any:
    return client.chat.completions.create(
        model=config.model,
        messages=[{"role": "user", "content": GREETING}],
        temperature=config.sampling.temperature,
        **about,
    )


def _guided(client: OpenAI, config: ServerConfig) -> None:
    schema = {"name": "answer", "schema": SCHEMA, "strict": True}
    asked = {"type": "json_schema", "json_schema": schema}
    answer = _asked(client, config, max_tokens=64, response_format=asked)
    said = (answer.choices[0].message.content or "").strip()
    try:
        followed = set(json.loads(said)) == {"mood"}
    except (ValueError, TypeError):
        followed = False
    if not followed:
        raise ValueError("it takes the schema and does not follow it")


def _embedded(client: OpenAI, config: ServerConfig) -> None:
    if not client.embeddings.create(model=config.model, input=["the sea"]).data:
        raise ValueError("it returns none")


def _why_not(config: ServerConfig, attempt: Callable[[], None]) -> str | None:
    found = _or_reason(config, attempt)
    return found if isinstance(found, str) else None


def _or_reason(config: ServerConfig, attempt: Callable[[], Any]) -> Any:
    """What `attempt` returns, or a sentence about why it failed."""
    try:
        return attempt()
    except ValueError as error:
        return str(error)
    except Exception as error:
        return classified(error, key_of(config)).reason
