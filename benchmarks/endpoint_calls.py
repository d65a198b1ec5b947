"""What the backend `server` adds to the `openai` client: requests a second, and memory.

A fake endpoint answers each call after a fixed time. The bare client is a loop of the same number
of callers with nothing around it; both are run in turns, in a process of their own.

    python benchmarks/endpoint_calls.py                                 # ours ÷ bare
    python benchmarks/endpoint_calls.py --requests 100000 --ours-only   # a long run, memory
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

from llm.server import ServerBackend, open_client
from llm.settings import ServerConfig
from prompts.requests import Request

ENDPOINT = Path(__file__).parent / "endpoint.py"


def requests(n: int) -> Iterator[Request]:
    """Prompts of some hundred words, made as they are asked for."""
    words = "a film about the sea and those who stay at home " * 20
    for k in range(n):
        yield Request("item", str(k), ({"role": "user", "content": f"{k} {words}"},), "t@1", {})


def ours(config: ServerConfig, n: int) -> None:
    """Through the backend, without a cache."""
    answered = sum(reply.error is None for reply in ServerBackend(config).generate(requests(n)))
    assert answered == n


def bare(config: ServerConfig, n: int) -> None:
    """As many callers as `config` allows, each with the next request."""

    async def call(client: object, left: Iterator[Request]) -> None:
        for request in left:
            await client.chat.completions.create(  # type: ignore[attr-defined]
                model=config.model,
                messages=list(request.messages),
                temperature=config.sampling.temperature,
                top_p=config.sampling.top_p,
                max_tokens=config.sampling.max_tokens,
                seed=config.sampling.seed,
            )

    async def every() -> None:
        async with open_client(config) as client:
            left = requests(n)
            await asyncio.gather(*(call(client, left) for _ in range(config.concurrency)))

    asyncio.run(every())


def measured(way: str, config: ServerConfig, n: int) -> tuple[float, float, float]:
    """Requests a second, CPU milliseconds a request, and peak MB of a fresh process."""
    here, there = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=_child, args=(there, way, config.model_dump_json(), n)
    )
    process.start()
    told: tuple[float, float, float] = here.recv()
    process.join()
    return told


def _child(told: Connection, way: str, config: str, n: int) -> None:
    run, given = {"ours": ours, "bare": bare}[way], ServerConfig.model_validate_json(config)
    run(given, min(n, 4 * given.concurrency))  # connections and code are warm
    begun, used = time.perf_counter(), time.process_time()
    run(given, n)
    seconds, used = time.perf_counter() - begun, time.process_time() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    told.send((n / seconds, 1000 * used / n, peak))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--requests", type=int, default=4_000)
    parser.add_argument("--concurrency", type=int, default=256)
    parser.add_argument("--latency", type=float, default=0.02, help="seconds of the endpoint")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ours-only", action="store_true")
    given = parser.parse_args()
    command = [sys.executable, str(ENDPOINT), "--latency", str(given.latency)]
    ways = ["ours"] if given.ours_only else ["ours", "bare"]
    rounds = 1 if given.ours_only else given.rounds
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as endpoint:
        assert endpoint.stdout is not None
        url = endpoint.stdout.readline().strip()
        config = ServerConfig(
            backend="server", model="fake", url=url, concurrency=given.concurrency
        )
        rows = [
            (way, *measured(way, config, given.requests)) for _ in range(rounds) for way in ways
        ]
        endpoint.kill()
    print(f"{given.requests} requests, {given.concurrency} at once, {given.latency * 1e3:.0f} ms")
    print(f"{'':6}{'a second':>10}{'CPU ms':>8}{'peak MB':>9}")
    for way in ways:
        middle = [statistics.median(r[k] for r in rows if r[0] == way) for k in (1, 2, 3)]
        print(f"{way:6}{middle[0]:10.0f}{middle[1]:8.2f}{middle[2]:9.0f}")
    if not given.ours_only:
        pairs = [rows[2 * k][1] / rows[2 * k + 1][1] for k in range(rounds)]
        print(f"ours ÷ bare, median of {rounds}: {statistics.median(pairs):.3f}")
    ideal = given.requests * given.latency / given.concurrency
    took = given.requests / statistics.median(r[1] for r in rows if r[0] == "ours")
    print(f"the endpoint alone would take {ideal:.1f} s; ours took {took:.1f} s")


if __name__ == "__main__":
    main()
