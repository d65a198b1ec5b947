"""What the backend `server` makes of the `openai` client: requests a second, and memory.

A fake endpoint answers each call after a fixed time, so that n calls, c at once, could be over in
n × time ÷ c. Two bare loops of the client stand beside it: `bare` sends as the client does by
itself, `aiohttp` by the transport that the backend chose, and both have it parse the answers. Each
runs in a process of its own; the loops are measured on fewer requests, before ours and after it.

    python benchmarks/endpoint_calls.py                       # against the loops, in three rounds
    python benchmarks/endpoint_calls.py --requests 100000 --rounds 1           # a long run, memory
    python benchmarks/endpoint_calls.py --requests 100000 --rounds 1 --clients 2
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from llm.endpoint import run_coroutine
from llm.server import ServerBackend, key_of
from llm.settings import ServerConfig
from prompts.requests import Request

ENDPOINT = Path(__file__).parent / "endpoint.py"
BARE = ("bare", "aiohttp")
SAMPLE_S = 0.25
"""Seconds between two looks at the memory."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one way reached.

    Attributes:
        rate: Requests a second, of all clients together.
        cpu_ms: CPU milliseconds a request.
        memory: Resident MB of all clients together, sampled over the run.
    """

    rate: float
    cpu_ms: float
    memory: list[float]


def requests(n: int) -> Iterator[Request]:
    """Prompts of some hundred words, made as they are asked for."""
    words = "a film about the sea and those who stay at home " * 20
    for k in range(n):
        yield Request("item", str(k), ({"role": "user", "content": f"{k} {words}"},), "t@1", {})


def ours(config: ServerConfig, n: int) -> None:
    """Through the backend, without a cache."""
    answered = sum(reply.error is None for reply in ServerBackend(config).generate(requests(n)))
    assert answered == n


def bare(config: ServerConfig, n: int, way: str) -> None:
    """As many callers as `config` allows, each with the next request."""
    import openai

    async def call(client: openai.AsyncOpenAI, left: Iterator[Request]) -> None:
        for request in left:
            await client.chat.completions.create(
                model=config.model,
                messages=list(request.messages),  # type: ignore[arg-type]
                temperature=config.sampling.temperature,
                top_p=config.sampling.top_p,
                max_tokens=config.sampling.max_tokens,
                seed=config.sampling.seed,
            )

    async def every() -> None:
        http = openai.DefaultAioHttpClient() if way == "aiohttp" else None
        key = key_of(config)
        async with openai.AsyncOpenAI(api_key=key, base_url=config.url, http_client=http) as client:
            left = requests(n)
            await asyncio.gather(*(call(client, left) for _ in range(config.concurrency)))

    run_coroutine(every())


def measured(way: str, config: ServerConfig, n: int, clients: int = 1) -> Run:
    """`n` requests in fresh processes, each with its share of the calls in flight."""
    spawn = multiprocessing.get_context("spawn")
    share = config.model_copy(update={"concurrency": config.concurrency // clients})
    pipes, processes = [], []
    for _ in range(clients):
        here, there = spawn.Pipe()
        processes.append(
            spawn.Process(target=_child, args=(there, way, share.model_dump_json(), n // clients))
        )
        processes[-1].start()
        pipes.append(here)
    for pipe in pipes:
        pipe.recv()  # it is warm
    begun = time.perf_counter()
    for pipe in pipes:
        pipe.send("go")
    memory = []
    while not all(pipe.poll(SAMPLE_S / clients) for pipe in pipes):
        memory.append(sum(_resident(process.pid) for process in processes))
    seconds = time.perf_counter() - begun
    used = sum(pipe.recv() for pipe in pipes)
    for process in processes:
        process.join()
    return Run(n / seconds, 1000 * used / n, memory)


def _child(told: Connection, way: str, config: str, n: int) -> None:
    given = ServerConfig.model_validate_json(config)

    def run(n: int) -> None:
        bare(given, n, way) if way in BARE else ours(given, n)

    run(min(n, 4 * given.concurrency))  # modules are imported and code is warm
    told.send("warm")
    told.recv()
    used = time.process_time()
    run(n)
    told.send(time.process_time() - used)


def _resident(pid: int | None) -> float:
    """Resident megabytes of a process, on Linux."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return float("nan")
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@contextmanager
def endpoint(latency: float) -> Iterator[str]:
    """The address of a fake endpoint in a process of its own."""
    command = [sys.executable, str(ENDPOINT), "--latency", str(latency)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--requests", type=int, default=4_000)
    parser.add_argument("--bare-requests", type=int, default=4_000, help="of each bare loop")
    parser.add_argument("--concurrency", type=int, default=256)
    parser.add_argument("--latency", type=float, default=0.02, help="seconds of the endpoint")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clients", type=int, default=1, help="processes that ask, of ours")
    given = parser.parse_args()
    sample = min(given.requests, given.bare_requests)
    runs: dict[str, list[Run]] = {"ours": [], **{way: [] for way in BARE}}
    with endpoint(given.latency) as url:
        config = ServerConfig(
            backend="server", model="fake", url=url, concurrency=given.concurrency
        )
        for _ in range(given.rounds):
            for way in BARE:
                runs[way].append(measured(way, config, sample))
            runs["ours"].append(measured("ours", config, given.requests, given.clients))
            for way in BARE:
                runs[way].append(measured(way, config, sample))
    told(runs, given, sample)


def told(runs: dict[str, list[Run]], given: argparse.Namespace, sample: int) -> None:
    """The table and the ratios, printed."""
    rate = {way: statistics.median(run.rate for run in some) for way, some in runs.items()}
    print(
        f"{given.concurrency} calls at once, {given.latency * 1e3:.0f} ms, {given.clients} client"
    )
    print(f"{'':8}{'requests':>10}{'a second':>10}{'CPU ms':>8}{'ours ÷ it':>11}")
    for way, some in runs.items():
        n = given.requests if way == "ours" else sample
        cpu = statistics.median(run.cpu_ms for run in some)
        print(f"{way:8}{n:10}{rate[way]:10.0f}{cpu:8.2f}{rate['ours'] / rate[way]:11.3f}")
    ideal = given.requests * given.latency / given.concurrency
    took = given.requests / rate["ours"]
    print(f"ideal {ideal:.1f} s, ours {took:.1f} s: {took / ideal:.2f} times the ideal")
    memory = runs["ours"][-1].memory
    tenths = [memory[min(k * len(memory) // 10, len(memory) - 1)] for k in range(11)]
    print("resident MB after each tenth of the run:", *(f"{mb:.0f}" for mb in tenths[1:]))


if __name__ == "__main__":
    main()
