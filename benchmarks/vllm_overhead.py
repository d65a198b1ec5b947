"""What the backend `vllm` costs: its requests a second against one bare call of `LLM.chat`.

Both answer the same requests on the same engine, in turn, each time from an empty prefix cache.
Without --model a random Qwen2 of two layers is made: next to nothing is computed, so all that
surrounds the computing weighs the most. Where other programs share the machine, the ratio by CPU
time tells more than the one by the clock; it needs the engine in this process.

    VLLM_ENABLE_V1_MULTIPROCESSING=0 python benchmarks/vllm_overhead.py
    python benchmarks/vllm_overhead.py --model Qwen/Qwen2.5-7B-Instruct --requests 4096
"""

from __future__ import annotations

import argparse
import gc
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from llm.engine import VllmBackend
from llm.settings import Sampling, VllmConfig
from prompts.requests import Request

SYSTEM = "You know films well. Say in a few sentences what the film is like and who enjoys it."
ROW = "{:>5}  {:>12}  {:>13}  {:>6}  {:>10}"
Rate = tuple[float, float]
"""Requests a second of the clock, and of CPU time."""


def requests(n: int) -> Iterator[Request]:
    """`n` requests that begin alike and differ after that."""
    for k in range(n):
        asked = f"Film {k}: a ship leaves port {k % 97} with a crew of {k % 31}. " * (1 + k % 3)
        messages = (
            {"role": "system", "content": SYSTEM},
            {"role": "user", "content": asked},
        )
        yield Request("item", str(k), messages, "benchmark@1", {"id": str(k)})


def ours(backend: VllmBackend, n: int) -> Rate:
    """How fast the backend is."""
    backend._llm.reset_prefix_cache()
    gc.collect()
    start, cpu = time.perf_counter(), time.process_time()
    replies = list(backend.generate(requests(n)))
    rate = n / (time.perf_counter() - start), n / (time.process_time() - cpu)
    failed = [reply.error for reply in replies if reply.error]
    assert len(replies) == n and not failed, failed[:1]
    return rate


def bare(backend: VllmBackend, n: int) -> Rate:
    """How fast `LLM.chat` is, given all at once."""
    asked = list(requests(n))
    backend._llm.reset_prefix_cache()
    gc.collect()
    start, cpu = time.perf_counter(), time.process_time()
    answers = backend._llm.chat(
        [list(request.messages) for request in asked],  # type: ignore[arg-type]
        [backend._sampling(request) for request in asked],
        use_tqdm=False,
    )
    rate = n / (time.perf_counter() - start), n / (time.process_time() - cpu)
    assert len(answers) == n
    return rate


def tiny_model() -> str:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
    from tiny_qwen import make_tiny_qwen

    return str(make_tiny_qwen(Path(tempfile.mkdtemp())))


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", help="name on the hub, or folder; by default a tiny random one")
    parser.add_argument("--requests", type=int, default=1024)
    parser.add_argument("--tokens", type=int, default=16, help="longest answer")
    parser.add_argument("--rounds", type=int, default=9)
    asked = parser.parse_args()
    os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")
    model = asked.model or tiny_model()
    backend = VllmBackend(
        VllmConfig(backend="vllm", model=model, sampling=Sampling(max_tokens=asked.tokens))
    )
    ours(backend, 64), bare(backend, 64)
    print(f"{datetime.now(UTC):%Y-%m-%d}, {asked.requests} requests, {asked.tokens} tokens each")
    print(ROW.format("round", "ours, 1/s", "LLM.chat, 1/s", "ratio", "by CPU"))
    ratios = []
    for k in range(asked.rounds):
        rates = {way: way(backend, asked.requests) for way in ((ours, bare), (bare, ours))[k % 2]}
        ratios.append([a / b for a, b in zip(rates[ours], rates[bare], strict=True)])
        told = (f"{rates[ours][0]:.1f}", f"{rates[bare][0]:.1f}")
        print(ROW.format(k + 1, *told, *(f"{ratio:.3f}" for ratio in ratios[-1])), flush=True)
    clock, cpu = map(statistics.median, zip(*ratios, strict=True))
    print(f"median ratio {clock:.3f}, by CPU time {cpu:.3f} (wanted: at least 0.95)")


if __name__ == "__main__":
    main()
