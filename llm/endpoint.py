"""One call to an OpenAI-compatible endpoint: how long it may take, how much it may bring, to whom.

An endpoint is not trusted to end what it sends. A call has one deadline, from connecting to the
last byte; an answer has a largest size, as it comes and unpacked; and nobody is sent on to another
address, for requests hold a company's data and its key.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from llm.failures import SaidError, TooLargeError
from llm.keys import hide_in_logs, key_of
from llm.settings import EncoderConfig, ServerConfig

if TYPE_CHECKING:
    import httpx2
    from openai import AsyncOpenAI, RequestOptions

LARGEST = 8 * 2**20
"""Bytes of an answer; one of a thousand words has ten thousand."""
TOLD = ("lang", "package-version", "os", "arch", "runtime", "runtime-version", "async")
COUNTED = ("retry-count", "read-timeout")
"""What the client tells of itself and of this machine, in headers x-stainless-…, if it may."""
_OF_THE_BODY = {"content-encoding", "content-length", "transfer-encoding"}
T = TypeVar("T")


def open_client(
    config: ServerConfig | EncoderConfig, at_once: int, largest: int = LARGEST
) -> AsyncOpenAI:
    """A client of the endpoint; attempts are counted elsewhere, so it makes none of its own.

    It sends by aiohttp, which takes a third of the time a call that the client's usual way takes.

    Args:
        config: Its address, key and the seconds that a call may take.
        at_once: Calls in flight at most.
        largest: Bytes of an answer.
    """
    import httpx2
    import openai

    key = key_of(config)
    hide_in_logs(key)
    limits = httpx2.Limits(max_connections=at_once, max_keepalive_connections=at_once)
    http = _client_class()(config.timeout_s, largest, limits=limits)
    return openai.AsyncOpenAI(api_key=key, base_url=config.url, max_retries=0, http_client=http)


def call_options() -> RequestOptions:
    """What the client need not work out again for every call."""
    from openai import omit

    silent = {f"x-stainless-{name}": omit for name in (*TOLD, *COUNTED)}
    # Given outright, since the client copies what it takes by default, deeply, for every call.
    return {"headers": silent, "params": {}, "max_retries": 0, "security": {"bearer_auth": True}}


async def post(
    client: AsyncOpenAI, path: str, asked: Mapping[str, Any], options: RequestOptions
) -> Mapping[str, Any]:
    """What an endpoint answers, as it came: the client's models of it cost as much as sending it.

    Raises:
        SaidError: it is an error, though the status says that all is well.
        ValueError: it is no JSON object.
        openai.OpenAIError: there is none.
    """
    import httpx2

    content = json.dumps(asked).encode()
    response = await client.post(path, cast_to=httpx2.Response, content=content, options=options)
    return _read_answer(response)


async def get(client: AsyncOpenAI, path: str, options: RequestOptions) -> Mapping[str, Any]:
    """What an endpoint says where nothing is asked; raises as `post` does."""
    import httpx2

    return _read_answer(await client.get(path, cast_to=httpx2.Response, options=options))


def _read_answer(response: httpx2.Response) -> Mapping[str, Any]:
    answer = json.loads(response.content)
    if not isinstance(answer, dict):
        raise ValueError("it is no JSON object")
    if (error := _error_in(answer)) is not None:
        raise SaidError(error, response.headers)
    return answer


def _error_in(answer: Mapping[str, Any]) -> Any:
    """What an answer says in place of one; None where it says nothing such."""
    if answer.get("object") == "error":
        return answer
    choices = answer.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    within = first.get("error") if isinstance(first, dict) else None
    return answer.get("error") or within or None


def run_coroutine(call: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine, also where the caller's thread has a loop that runs already."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(call)
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, call).result()


@cache
def _client_class() -> Any:
    """The class of a client whose calls end, loaded with the libraries that it is made of."""
    import httpx2
    import openai

    class BoundedClient(openai.DefaultAioHttpClient):
        """Reads every answer to its end within bounds, also one that says no; follows nobody."""

        def __init__(self, deadline_s: float, largest: int, **options: Any) -> None:
            super().__init__(timeout=deadline_s, follow_redirects=False, **options)
            self._deadline_s, self._largest = deadline_s, largest

        async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
            """The whole response.

            Raises:
                httpx2.ReadTimeout: it is not there in time.
                TooLargeError: it is larger than any answer.
            """
            try:
                async with asyncio.timeout(self._deadline_s):
                    response = await super().send(request, **{**options, "stream": True})
                    return await _read(response, self._largest)
            except TimeoutError as error:
                raise httpx2.ReadTimeout("the call took too long", request=request) from error

    return BoundedClient


async def _read(response: httpx2.Response, largest: int) -> httpx2.Response:
    """The response with its body, unpacked, which is no longer read than it may be long."""
    import httpx2

    packed = response.headers.get("content-encoding", "")
    parts, size = [], 0
    try:
        if "," in packed:
            raise TooLargeError(f"an answer packed more than once ({packed[:40]})")
        async for part in response.aiter_bytes():
            size += len(part)
            if max(size, response.num_bytes_downloaded) > largest:
                raise TooLargeError(f"an answer of more than {largest / 2**20:.0f} MiB")
            parts.append(part)
    finally:
        await response.aclose()
    kept = [(k, v) for k, v in response.headers.multi_items() if k.lower() not in _OF_THE_BODY]
    return httpx2.Response(
        response.status_code,
        headers=kept,
        content=b"".join(parts),
        request=response.request,
        extensions=response.extensions,
    )
