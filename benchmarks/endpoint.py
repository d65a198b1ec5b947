"""An endpoint that speaks the OpenAI protocol, knows nothing, and misbehaves on demand.

    python benchmarks/endpoint.py --latency 0.02      # prints its address

In a test it runs in a thread; a `Behaviour` decides what becomes of each call.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Call:
    """What was asked: the number of the call from 0, the path, headers and body."""

    number: int
    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What to do about a call.

    Attributes:
        text: The completion, where the status is 200.
        status: HTTP status.
        headers: Further headers.
        delay_s: Seconds before the first byte; `inf` hangs until the client goes.
        raw: Sent as the body in place of a completion.
        cut: Close the connection half way through the body.
        drip_s: Seconds between blanks that come after the body and never end; 0 for none.
    """

    text: str = "a calm film about the sea, told slowly and with great care"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    raw: bytes | None = None
    cut: bool = False
    drip_s: float = 0.0


Behaviour = Callable[[Call], Answer]


class Endpoint:
    """Listens on a free port of this machine while used as a context.

    Attributes:
        calls: Every call, in order of arrival; empty where `keep` is false.
        most_at_once: Calls in flight at the busiest moment.
    """

    def __init__(self, behaviour: Behaviour | float = 0.0, keep: bool = True) -> None:
        delay = behaviour if not callable(behaviour) else 0.0
        steady = Answer(delay_s=float(delay))
        self.behave: Behaviour = behaviour if callable(behaviour) else lambda _call: steady
        self.keep, self.count = keep, 0
        self.calls: list[Call] = []
        self.in_flight = self.most_at_once = 0
        self._loop = asyncio.new_event_loop()
        self._open: set[asyncio.Transport] = set()

    @property
    def url(self) -> str:
        """Its address, up to and including /v1."""
        return f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> Endpoint:
        listening = threading.Event()
        self._thread = threading.Thread(target=self._serve, args=(listening,), daemon=True)
        self._thread.start()
        listening.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _serve(self, listening: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        made = self._loop.create_server(lambda: _Connection(self), "127.0.0.1", 0, backlog=2048)
        server = self._loop.run_until_complete(made)
        self.port = server.sockets[0].getsockname()[1]
        listening.set()
        self._loop.run_forever()
        server.close()
        for transport in list(self._open):
            transport.abort()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()


class _Connection(asyncio.Protocol):
    """HTTP/1.1 with keep-alive, as little of it as a client of this protocol needs."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint, self._received = endpoint, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._endpoint._open.add(transport)

    def connection_lost(self, _error: Exception | None) -> None:
        self._endpoint._open.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, rest = self._received.partition(b"\r\n\r\n")
        if not found:
            return
        first, *lines = head.decode("latin-1").split("\r\n")
        pairs = (line.split(":", 1) for line in lines)
        headers = {name.strip().lower(): value.strip() for name, value in pairs}
        length = int(headers.get("content-length", 0))
        if len(rest) < length:
            return
        body, self._received = rest[:length], rest[length:]
        endpoint = self._endpoint
        path = first.split(" ")[1]
        call = Call(endpoint.count, path, headers, json.loads(body) if body else {})
        endpoint.count += 1
        if endpoint.keep:
            endpoint.calls.append(call)
        endpoint.in_flight += 1
        endpoint.most_at_once = max(endpoint.most_at_once, endpoint.in_flight)
        answer = endpoint.behave(call)
        if answer.delay_s == float("inf"):
            return
        asyncio.get_running_loop().call_later(answer.delay_s, self._answer, call, answer)

    def _answer(self, call: Call, answer: Answer) -> None:
        self._endpoint.in_flight -= 1
        body = answer.raw if answer.raw is not None else _body(call, answer)
        lines = [f"HTTP/1.1 {answer.status} {'OK' if answer.status == 200 else 'No'}"]
        headers = {"content-type": "application/json", "content-length": str(len(body))}
        lines += [f"{name}: {value}" for name, value in {**headers, **answer.headers}.items()]
        whole = "\r\n".join(lines).encode() + b"\r\n\r\n" + body
        if answer.cut:
            self._transport.write(whole[: len(whole) - len(body) // 2])
            self._transport.close()
        else:
            self._transport.write(whole)
        if answer.drip_s:
            self._drip(answer.drip_s)

    def _drip(self, every_s: float) -> None:
        if not self._transport.is_closing():
            self._transport.write(b" ")
            asyncio.get_running_loop().call_later(every_s, self._drip, every_s)


def _body(call: Call, answer: Answer) -> bytes:
    if answer.status != 200:
        return json.dumps({"error": {"message": answer.text, "type": "error"}}).encode()
    if call.path.endswith("/models"):
        return json.dumps({"object": "list", "data": [{"id": "fake", "object": "model"}]}).encode()
    message = {"role": "assistant", "content": answer.text}
    words = sum(len(m["content"].split()) for m in call.body.get("messages", ()))
    completion = {
        "id": f"call-{call.number}",
        "object": "chat.completion",
        "created": 0,
        "model": call.body.get("model", "fake"),
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {
            "prompt_tokens": words,
            "completion_tokens": len(answer.text.split()),
            "total_tokens": words + len(answer.text.split()),
        },
    }
    return json.dumps(completion).encode()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency", type=float, default=0.02, help="seconds before an answer")
    endpoint = Endpoint(parser.parse_args().latency, keep=False)
    with endpoint:
        print(endpoint.url, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
