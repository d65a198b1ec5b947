"""What an answer of an export costs, in the process that has it and over HTTP, beside bare FAISS.

Vectors are synthetic (`benchmarks/clusters.py`), users had 20 of their 200 best items, and the
history of a stranger is read by a SASRec of two blocks that was never trained. A flat search of
FAISS, and what ONNX Runtime takes for that history, stand beside every answer in the same process,
blocks of both in turn. Over HTTP, wrk loads `make_app`, to which an endpoint is added that reads
the same bodies, does nothing and answers as many bytes. Server and load share the cores.

Times are of the clock; where other work holds the cores, read the columns by the processor's time.

    apt install wrk
    PYTHONPATH=. python benchmarks/serving.py                 # 100,000 and 1,000,000 items
    PYTHONPATH=. python benchmarks/serving.py --items 100000 --kinds ivf --seconds 10
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import faiss
import numpy as np

from benchmarks.clusters import synthetic
from recommend.serve.arrays import write_export
from recommend.serve.reader import Ask, Export

WIDTH, USERS, HAD, K, LONGEST = 64, 2_000, 20, 10, 50
BLOCK, ROUNDS, BATCH = 50, 3, 64
IN_PROCESS, OF_NOTHING, A_SECOND, COLD = 1.5, 0.5, 2_000, 2.0
"""Goals: p99 in the process at most so many times the bare search; over HTTP at least this share of
the rate of doing nothing, and so many requests a second; seconds until a server answers."""
HOST = "127.0.0.1"
LUA = """
local requests, at, kind = {}, 0, {["Content-Type"] = "application/json"}
init = function(args)
  for line in io.lines(args[1]) do
    requests[#requests + 1] = wrk.format("POST", args[2], kind, line)
  end
end
request = function() at = at % #requests + 1; return requests[at] end
done = function(summary, latency, each)
  local wrong = summary.errors
  io.write(string.format('{"requests": %d, "us": %d, "p50": %d, "p99": %d, "wrong": %d}',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    wrong.connect + wrong.read + wrong.write + wrong.status + wrong.timeout))
end
"""


@dataclass(frozen=True)
class Load:
    """What a load tool counted: requests a second, milliseconds, and answers other than 200."""

    a_second: float
    p50: float
    p99: float
    wrong: int
    requests: int


def main() -> None:
    """Print four tables: in the process, over HTTP, cold starts, and what was wanted."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--items", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--kinds", nargs="+", default=["flat", "ivf"], help="flat, ivf or hnsw")
    parser.add_argument("--requests", type=int, default=500, help="in the process, of each kind")
    parser.add_argument("--seconds", type=int, default=5, help="of load on an endpoint at a time")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--folder", type=Path, help="where exports are written, and kept")
    parser.add_argument("--server", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    faiss.omp_set_num_threads(1)
    if asked.server:
        serve(Path(asked.server[0]), int(asked.server[1]))
        return
    with TemporaryDirectory() as temporary:
        told: list[tuple[str, str, bool]] = []
        folder = asked.folder or Path(temporary)
        made = [
            (n, kind, made_export(folder, n, kind)) for n in asked.items for kind in asked.kinds
        ]
        print(
            "| items | index | recall | of a | p50 ms | p99 ms | a second | bare p50 | bare p99 "
            "| p99 ÷ bare | by CPU: p50 | p99 | p99 ÷ bare |"
        )
        print("|---" * 13 + "|")
        for n, kind, export in made:
            told += in_process(n, kind, export, asked.requests)
        print(
            "\n| items | index | of a | a second | p50 ms | p99 ms | errors | server's CPU µs "
            "| rate ÷ nothing | by CPU | MB |"
        )
        print("|---" * 11 + "|")
        for n, kind, export in made:
            told += over_http(n, kind, export, asked.seconds, asked.connections)
        print("\n| items | index | seconds until it answers | of its CPU |\n|---|---|---|---|")
        for n, kind, export in made:
            took, cpu = median_of(cold_start, export)
            print(f"| {n:,} | {kind} | {took:.2f} | {cpu:.2f} |", flush=True)
            told.append((f"cold start, {n:,} {kind}: {took:.2f} s", f"< {COLD} s", took < COLD))
    print("\n| what | goal | |\n|---|---|---|")
    for what, goal, met in told:
        print(f"| {what} | {goal} | {'met' if met else 'missed'} |")


def made_export(folder: Path, n: int, kind: str) -> Path:
    """Where an export of n items is, with an index of that kind."""
    there = folder / f"{n}-{kind}"
    if there.exists():
        return there
    every = synthetic(n + USERS, WIDTH)
    items, users = every[:n], every[n:]
    flat = faiss.IndexFlatIP(WIDTH)
    flat.add(items)
    rng = np.random.default_rng(0)
    near = flat.search(users, min(200, n // 2))[1]
    past = [rng.choice(row, HAD, replace=False).tolist() for row in near]
    write_export(there, items, users, past, kind=kind, backbone=backbone(), longest=LONGEST)
    return there


def backbone() -> bytes:
    """A SASRec of two blocks as it begins, as an ONNX graph."""
    import polars as pl
    import torch

    from data.dataset import Dataset, histories
    from recommend.protocols import World
    from recommend.serve.to_onnx import to_onnx
    from recommend.settings import ModelConfig, TrainConfig
    from recommend.settings.registry import recommender_of
    from recommend.sources import Sources

    torch.manual_seed(0)
    plain = {"enhancer": {"name": "none"}, "width": WIDTH, "max_history": LONGEST}
    few = pl.DataFrame({"user": [0, 0], "item": [0, 1], "time": [0, 1], "weight": [1.0, 1.0]})
    few = few.cast({"user": pl.Int32, "item": pl.Int32, "weight": pl.Float32})
    users, items = (pl.DataFrame({f"{of}_id": ["0", "1"]}) for of in ("user", "item"))
    data = Dataset("few", users, items, few)
    past = histories(data.interactions, data.n_users)
    world = World(data, past, Sources(histories=past), TrainConfig())
    return to_onnx(recommender_of("sasrec").of(ModelConfig.model_validate(plain), world))


def in_process(n: int, kind: str, folder: Path, requests: int) -> list[tuple[str, str, bool]]:
    """One row for users that are known and one for histories, and how they stand to the goal."""
    export = Export.open(folder, check=False)
    form: Any = export._form
    flat = faiss.IndexFlatIP(WIDTH)
    flat.add(np.array(form.items))
    recall = export.card["index"][f"recall@{min(100, n)}"]
    users, told = range(min(requests, USERS)), []
    for what, ask, vector in (
        ("user", lambda u: Ask(user=str(u), k=K), lambda u: form.users[u]),
        (
            "history",
            lambda u: past_of(export, u),
            lambda u: form._reads([history_of(export, u)])[0],
        ),
    ):
        asks = [ask(u) for u in users]
        ours, bare = in_turns(
            lambda u, asks=asks: export.recommend([asks[u]]),
            lambda u, vector=vector: flat.search(np.ascontiguousarray(vector(u)), K),
            len(asks),
        )
        (p50, p99), (bare50, bare99) = (1e3 * np.percentile(of[0], (50, 99)) for of in (ours, bare))
        (cpu50, cpu99), (_, barecpu99) = (
            1e3 * np.percentile(of[1], (50, 99)) for of in (ours, bare)
        )
        rate, share = 1 / ours[0].mean(), p99 / bare99
        cells = f"{p50:.2f} | {p99:.2f} | {rate:,.0f} | {bare50:.2f} | {bare99:.2f} | {share:.2f}"
        by_cpu = f"{cpu50:.2f} | {cpu99:.2f} | {cpu99 / barecpu99:.2f}"
        print(f"| {n:,} | {kind} | {recall:.3f} | {what} | {cells} | {by_cpu} |", flush=True)
        name = f"in the process, {n:,} {kind}, {what}: p99 {share:.2f} of the bare search's"
        told.append((name, f"≤ {IN_PROCESS}", bool(share <= IN_PROCESS)))
    return told


def past_of(export: Export, user: int) -> Ask:
    """A stranger with a user's history."""
    return Ask(history=export.had(str(user)), k=K)


def history_of(export: Export, user: int) -> Any:
    """The same as the form of the export is asked."""
    return SimpleNamespace(user=None, history=export.histories.of(user))


Times = tuple[np.ndarray, np.ndarray]
"""(n,) seconds of the clock, and of the processor in this thread."""


def in_turns(
    first: Callable[[int], object], second: Callable[[int], object], n: int
) -> tuple[Times, Times]:
    """How long each took for 0 to n - 1, in turns of some."""
    found = np.zeros((2, 2, n))
    for start in range(0, n, BLOCK):
        for side, work in enumerate((first, second)):
            work(start)
            for u in range(start, min(start + BLOCK, n)):
                begin, cpu = time.perf_counter(), time.thread_time()
                work(u)
                found[side, :, u] = time.perf_counter() - begin, time.thread_time() - cpu
    return (found[0, 0], found[0, 1]), (found[1, 0], found[1, 1])


def over_http(
    n: int, kind: str, folder: Path, seconds: int, connections: int
) -> list[tuple[str, str, bool]]:
    """A row for every kind of request, and how those of users stand to the goals."""
    export = Export.open(folder, check=False)
    users = [{"user": str(u), "k": K} for u in range(USERS)]
    pasts = [{"history": list(past_of(export, u).history or ()), "k": K} for u in range(USERS)]
    some = islice(cycle(users), 8 * BATCH)
    batches = [{"asks": list(islice(some, BATCH))} for _ in range(8)]
    del export
    ways = {
        "nothing": ("/nothing", users),
        "user": ("/recommend", users),
        "history": ("/recommend", pasts),
        f"batch of {BATCH}": ("/recommend", batches),
    }
    with server(folder) as (port, process):
        taken: dict[str, list[tuple[Load, float]]] = {name: [] for name in ways}
        for _ in range(ROUNDS):
            for name, (path, bodies) in ways.items():
                before = cpu_seconds(process.pid)
                counted = load(port, path, bodies, seconds, connections)
                cpu = cpu_seconds(process.pid) - before
                taken[name].append((counted, cpu / max(counted.requests, 1)))
        held = megabytes(process.pid)
    free = median(cpu for _, cpu in taken["nothing"])
    told = []
    for name, loads in taken.items():
        rate, p50, p99 = (
            median(getattr(one, of) for one, _ in loads) for of in ("a_second", "p50", "p99")
        )
        wrong, cpu = sum(one.wrong for one, _ in loads), median(cpu for _, cpu in loads)
        share = median(
            one.a_second / nothing.a_second
            for (one, _), (nothing, _) in zip(loads, taken["nothing"], strict=True)
        )
        cells = f"{rate:,.0f} | {p50:.1f} | {p99:.1f} | {wrong} | {1e6 * cpu:,.0f}"
        by_cpu = free / cpu if cpu else float("nan")
        last = f"{share:.2f} | {by_cpu:.2f} | {held:,.0f}"
        print(f"| {n:,} | {kind} | {name} | {cells} | {last} |", flush=True)
        if name == "user":
            what = f"over HTTP, {n:,} {kind}:"
            told = [
                (f"{what} {share:.2f} of nothing's rate", f"≥ {OF_NOTHING}", share >= OF_NOTHING),
                (f"{what} {rate:,.0f} a second", f"≥ {A_SECOND:,}", rate >= A_SECOND),
            ]
    return told


def load(port: int, path: str, bodies: Sequence[Any], seconds: int, connections: int) -> Load:
    """What wrk counts while it posts the bodies in turn, on one thread."""
    wrk = shutil.which("wrk")
    if wrk is None:
        raise SystemExit("The load is made by wrk, which is not installed: apt install wrk")
    with TemporaryDirectory() as folder:
        lua, lines = Path(folder) / "load.lua", Path(folder) / "bodies"
        lua.write_text(LUA)
        lines.write_text("".join(json.dumps(body) + "\n" for body in bodies))
        words = [wrk, "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", lua]
        words += [f"http://{HOST}:{port}", "--", lines, path]
        said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    told = json.loads(said[said.rindex("{") :])
    return Load(
        told["requests"] / (1e-6 * told["us"]),
        1e-3 * told["p50"],
        1e-3 * told["p99"],
        told["wrong"],
        told["requests"],
    )


def serve(folder: Path, port: int) -> None:
    """Answers from an export, and at /nothing with as many bytes without looking."""
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    from app.serve.api import make_app
    from app.serve.desk import Desk
    from app.serve.run import Place, run

    desk = Desk(folder)
    app: Any = make_app(desk)
    (listing,) = desk.opened.export.recommend([Ask(user="0", k=K)])
    rows = zip(listing.items, listing.scores, strict=True)
    items = [{"id": item, "score": score, "title": None} for item, score in rows]
    answer = json.dumps({"export": desk.opened.fingerprint, "items": items, "notes": []}).encode()

    async def nothing(request: Request) -> Response:
        await request.body()
        return Response(answer, media_type="application/json")

    app._app.routes.append(Route("/nothing", nothing, methods=["POST"]))
    place = Place(HOST, port)
    run(app, place, place.listen())


@contextmanager
def server(folder: Path) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """The port and the process of a server that answers."""
    port = free_port()
    words = [sys.executable, __file__, "--server", str(folder), str(port)]
    process = subprocess.Popen(words, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    try:
        wait_for(port, process)
        yield port, process
    finally:
        process.terminate()
        process.wait(20)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as there:
        there.bind((HOST, 0))
        return int(there.getsockname()[1])


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    """Waits until a server answers."""
    while process.poll() is None:
        connection = http.client.HTTPConnection(HOST, port, timeout=10)
        try:
            connection.request("GET", "/health")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.01)
        finally:
            connection.close()
    raise SystemExit(f"The server ended with {process.returncode}.")


def cold_start(folder: Path) -> tuple[float, float]:
    """Seconds until `autograph serve` answers, and of its processor until then."""
    port = free_port()
    script = "from app.cli.main import main; main()"
    words = [sys.executable, "-c", script, "serve", str(folder), "--port", str(port)]
    begin = time.perf_counter()
    process = subprocess.Popen(
        words,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    try:
        wait_for(port, process)
        return time.perf_counter() - begin, cpu_seconds(process.pid)
    finally:
        process.terminate()
        process.wait(20)


def median_of(work: Callable[[Path], tuple[float, float]], folder: Path) -> tuple[float, float]:
    """The medians of what some runs give."""
    runs = [work(folder) for _ in range(ROUNDS)]
    return median(one for one, _ in runs), median(two for _, two in runs)


def cpu_seconds(pid: int) -> float:
    """Seconds of the processor that a process has had."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def megabytes(pid: int) -> float:
    """What a process holds of the memory, files that it has mapped included."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


if __name__ == "__main__":
    main()
