"""Requests a second and memory of many requests through Ray Data, on a local cluster.

Fake endpoints answer each call after a fixed time; nothing is cached, and replies are counted as
they come. Memory is what each process holds at that moment (resident set), so a leak would show.

    python benchmarks/ray_requests.py                      # 1,000,000 requests
    python benchmarks/ray_requests.py --requests 50000
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

from llm.ray_data import RayBackend
from llm.server import ServerBackend
from llm.settings import RayConfig, ServerConfig
from prompts.requests import Request

ENDPOINT = Path(__file__).parent / "endpoint.py"
LINE = "{:>10} {:>8} {:>9} {:>10} {:>11} {:>9} {:>9}"


def requests(n: int) -> Iterator[Request]:
    """Prompts of some hundred words, made as they are asked for."""
    words = "a film about the sea and those who stay at home " * 20
    for k in range(n):
        yield Request("item", str(k), ({"role": "user", "content": f"{k} {words}"},), "t@1", {})


def replicas() -> list[int]:
    """Processes below this one in which Ray runs a copy of the backend."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            title = (folder / "cmdline").read_bytes()
            if title.startswith(b"ray::") and b"Replica" in title and _descends(int(folder.name)):
                found.append(int(folder.name))
    return found


def _descends(pid: int) -> bool:
    while pid > 1 and pid != os.getpid():
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return pid == os.getpid()


def megabytes(pid: int | str, field: str = "VmRSS") -> float:
    """Resident memory of a process, at this moment or (`VmHWM`) at its peak."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(f"{field}:"):
                return int(line.split()[1]) / 1024
    return 0.0


def on_disk(folder: Path) -> float:
    """MB of partitions at this moment."""
    total = 0
    for path in folder.rglob("*.parquet"):
        with suppress(OSError):
            total += path.stat().st_size
    return total / 1e6


def run(given: argparse.Namespace, urls: tuple[str, ...], folder: Path) -> None:
    """Asks everything, and prints a line at each of so many points."""
    import ray

    ray.init(address="local", num_cpus=given.replicas, include_dashboard=False, log_to_driver=False)
    config = ServerConfig(
        backend="server", model="fake", url=urls[0], concurrency=given.concurrency
    )
    spread = RayConfig(
        enabled=True, replicas=given.replicas, endpoints=urls, partition_rows=given.partition_rows
    )
    backend = RayBackend(ServerBackend(config), config, spread, folder)
    every, done, failed = max(1, given.requests // given.points), 0, 0
    begun, first, last = time.perf_counter(), None, (time.perf_counter(), 0)
    columns = ("answered", "seconds", "a second", "driver MB", "replica MB", "peak MB", "disk MB")
    print(LINE.format(*columns))
    workers: list[int] = []
    for reply in backend.generate(requests(given.requests)):
        first = first or time.perf_counter()
        done, failed = done + 1, failed + (reply.error is not None)
        if done % every == 0:
            now, workers = time.perf_counter(), replicas() or workers
            rate = (done - last[1]) / (now - last[0])
            most = max((megabytes(pid) for pid in workers), default=0.0)
            peak = max((megabytes(pid, "VmHWM") for pid in workers), default=0.0)
            figures = (now - begun, rate, megabytes("self"), most, peak, on_disk(folder))
            print(LINE.format(done, *(f"{x:.0f}" for x in figures)), flush=True)
            last = (now, done)
    seconds = time.perf_counter() - begun
    assert done == given.requests and first is not None
    print(
        f"{done} requests, {failed} failed, {seconds:.0f} s: {done / seconds:.0f} a second "
        f"(the first partition came after {first - begun:.0f} s); "
        f"peak of the driver {megabytes('self', 'VmHWM'):.0f} MB, "
        f"its CPU {1000 * time.process_time() / done:.2f} ms a request"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--replicas", type=int, default=2)
    parser.add_argument("--endpoints", type=int, default=2)
    parser.add_argument("--concurrency", type=int, default=64, help="calls in flight a replica")
    parser.add_argument("--latency", type=float, default=0.02, help="seconds of an endpoint")
    parser.add_argument("--partition-rows", type=int, default=2_000)
    parser.add_argument("--points", type=int, default=10, help="lines to print")
    given = parser.parse_args()
    command = [sys.executable, str(ENDPOINT), "--latency", str(given.latency)]
    with ExitStack() as stack:
        urls = []
        for _ in range(given.endpoints):
            endpoint = stack.enter_context(
                subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            )
            stack.callback(endpoint.kill)
            assert endpoint.stdout is not None
            urls.append(endpoint.stdout.readline().strip())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        run(given, tuple(urls), folder)


if __name__ == "__main__":
    main()
