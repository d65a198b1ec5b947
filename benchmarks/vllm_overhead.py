"""What the backend `vllm` costs: its requests a second against one bare call of `LLM.chat`.

Both answer the same requests on the same engine, in turn, each time from an empty prefix cache.
Without --model a random Qwen2 of two layers is made: next to nothing is computed, so all that
surrounds the computing weighs the most.

    python benchmarks/vllm_overhead.py
    python benchmarks/vllm_overhead.py --model Qwen/Qwen2.5-7B-Instruct --requests 4096
"""

from __future__ import annotations

import argparse
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
ROW = "{:>5}  {:>12}  {:>12}  {:>6}"


def requests(n: int) -> Iterator[Request]:
    """`n` requests that begin alike and differ after that."""
    for k in range(n):
        asked = f"Film {k}: a ship leaves port {k % 97} with a crew of {k % 31}. " * (1 + k % 3)
        messages = (
            {"role": "system", "content": SYSTEM},
            {"role": "user", "content": asked},
        )
        yield Request("item", str(k), messages, "benchmark@1", {"id": str(k)})


def ours(backend: VllmBackend, n: int) -> float:
    """Requests a second of the backend."""
    backend._llm.reset_prefix_cache()
    start = time.perf_counter()
    replies = list(backend.generate(requests(n)))
    took = time.perf_counter() - start
    failed = [reply.error for reply in replies if reply.error]
    assert len(replies) == n and not failed, failed[:1]
    return n / took


def bare(backend: VllmBackend, n: int) -> float:
    """Requests a second of `LLM.chat`, given all at once."""
    asked = list(requests(n))
    backend._llm.reset_prefix_cache()
    start = time.perf_counter()
    answers = backend._llm.chat(
        [list(request.messages) for request in asked],  # type: ignore[arg-type]
        [backend._sampling(request) for request in asked],
        use_tqdm=False,
    )
    took = time.perf_counter() - start
    assert len(answers) == n
    return n / took


def tiny_model() -> str:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
    from tiny_qwen import make_tiny_qwen

    return str(make_tiny_qwen(Path(tempfile.mkdtemp())))


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", help="name on the hub, or folder; by default a tiny random one")
    parser.add_argument("--requests", type=int, default=2048)
    parser.add_argument("--tokens", type=int, default=16, help="longest answer")
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")
    model = asked.model or tiny_model()
    backend = VllmBackend(
        VllmConfig(backend="vllm", model=model, sampling=Sampling(max_tokens=asked.tokens))
    )
    ours(backend, 64), bare(backend, 64)
    print(f"{datetime.now(UTC):%Y-%m-%d}, {asked.requests} requests, {asked.tokens} tokens each")
    print(ROW.format("round", "ours, 1/s", "LLM.chat, 1/s", "ratio"))
    ratios = []
    for k in range(asked.rounds):
        rates = {way: way(backend, asked.requests) for way in ((ours, bare), (bare, ours))[k % 2]}
        ratios.append(rates[ours] / rates[bare])
        print(ROW.format(k + 1, f"{rates[ours]:.1f}", f"{rates[bare]:.1f}", f"{ratios[-1]:.3f}"))
    print(f"median ratio {statistics.median(ratios):.3f} (wanted: at least 0.95)")


if __name__ == "__main__":
    main()
