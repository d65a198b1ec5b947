"""Every benchmark runs from its command line to its last line, at a tiny size and in this process.

What they measure is nothing here; those of the page run in a browser, beside its tests.
"""

from __future__ import annotations

import http.client
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest
from app_fakes import THEMES

from data.dataset import Dataset

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"
NOT_BY_THEMSELVES = {"browser", "endpoint"}
"""What tests and benchmarks share."""
Output = Callable[..., str]


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    """As many threads for torch after a benchmark as before it."""
    import torch

    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def output(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Output:
    """What a benchmark prints, with some of its names changed."""

    def run(name: str, *words: object, **changes: Any) -> str:
        module = import_module(f"benchmarks.{name}")
        for changed, value in changes.items():
            monkeypatch.setattr(module, changed, value)
        monkeypatch.setattr(sys, "argv", [name, *map(str, words)])
        capsys.readouterr()
        assert not module.main()
        return capsys.readouterr().out

    return run


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The synthetic data of several benchmarks, with few of everything."""
    import benchmarks.training as training

    for name, value in {"USERS": 400, "ITEMS": 60, "LONGEST": 8, "CODES": 8}.items():
        monkeypatch.setattr(training, name, value)
    return training


def test_none_is_forgotten() -> None:
    there = Path(__file__).parents[1] / "browser" / "test_page_benchmarks.py"
    here = Path(__file__).read_text() + there.read_text()
    names = {path.stem for path in FOLDER.glob("*.py")} - NOT_BY_THEMSELVES
    assert [name for name in sorted(names) if f'"{name}"' not in here] == []


def test_training(output: Output, small: ModuleType) -> None:
    changes = {"apart": small.measure, "WARM": 0}
    said = output("training", "sasrec", "--times", 1, "--steps", 1, **changes)
    assert said.splitlines()[-1].startswith("400     sasrec")


def test_floor(output: Output, small: ModuleType) -> None:
    def best(work: Callable[[], object]) -> float:
        work()
        return 1.0

    said = output("floor", "--steps", 1, BATCH=32, WARM=0, best=best)
    assert "a step" in said and "times a plain one's" in said


def test_tokens(output: Output, small: ModuleType) -> None:
    said = output("tokens", "gru4rec", "--steps", 1, BATCH=16, CHANNELS=4, WARM=0)
    rows = [line.split() for line in said.splitlines()[2:]]
    assert [row[1] for row in rows] == ["plain", "concat", "prepend", "cross"]
    assert float(rows[0][-1]) == 1 and all(float(row[2]) > 0 for row in rows)


def test_growth(output: Output, small: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    from quantize.settings import RqVaeConfig

    growth = import_module("benchmarks.growth")
    tiny = RqVaeConfig(k=4, levels=2, dim=4, hidden=(8,), epochs=1, least_steps=1, per_code=1)
    monkeypatch.setattr("quantize.settings.RqVaeConfig", lambda: tiny)
    changes = {"USERS": 400, "ITEMS": 60, "CODES": 8, "WARM": 0, "STEPS": 1}
    changes["_apart"] = lambda stage, times, _threads: growth.STAGES[stage](times)
    said = output("growth", "--times", 1, 2, **changes)
    assert all(f"| {stage} | " in said for stage in growth.STAGES)


def test_domains(output: Output, small: ModuleType) -> None:
    domains = import_module("benchmarks.domains")
    said = output("domains", "--times", 1, 2, apart=domains.measure)
    rows = [line for line in said.splitlines() if line.startswith("| ")][1:]
    assert len(rows) == 7 and "times the CPU seconds of the whole product" in said


def test_rq_vae(output: Output) -> None:
    rq_vae = import_module("benchmarks.rq_vae")
    changes = {"apart": lambda work, *given: work(*given), "HELD": 100}
    if find_spec("vector_quantize_pytorch") is None:
        changes |= {"their_side": rq_vae.our_side, "shared": lambda *_: 1e-6}
    said = output("rq_vae", "--vectors", 600, "--epochs", 1, "--sample", 128, **changes)
    assert "times faster" in said and "GEMM floor" in said.splitlines()[-1]


def test_clusters(output: Output) -> None:
    words = ("--vectors", 600, "--width", 8, "--queries", 20, "--codes", 4, "-k", 10)
    said = output("clusters", *words, ROUNDS=1, SHARES=(0.1, 1))
    rows = [line.split("|")[1:-1] for line in said.splitlines() if line.startswith("| ")][1:]
    assert [row[0].strip() for row in rows] == ["ours", "FAISS IVF"] * 2
    cells = [[cell.strip() for cell in row] for row in rows]
    assert [row[2:4] for row in cells[2:]] == [["100.0 %", "1.0000"]] * 2
    assert 0 < float(cells[0][3]) < 1


def test_ways_to_encode_titles(output: Output, tiny_model: Path) -> None:
    words = ["--model", tiny_model, "--titles", "12", "--rounds", "1"]
    texts = ["the quick brown fox jumps over a lazy dog"]
    said = output("encoding", *words, demo_texts=lambda: texts, FEW=(4, 8), BEAUTY=50)
    *rows, last = [line.split() for line in said.splitlines()[2:]]
    assert [row[:2] for row in rows] == [["1", w] for w in ("float32", "bfloat16", "int8")]
    assert all(float(row[-2]) > 0.95 for row in rows) and last[:3] == ["words", "of", "50"]


def test_encoding(output: Output, tiny_model: Path) -> None:
    texts = [f"{theme}." for theme in THEMES] * 2
    words = ("--model", tiny_model, "--rounds", 1, "--device", "cpu")
    said = output("encoding", *words, demo_texts=lambda: texts, SIZES=(8, 16))
    assert [line.split()[0] for line in said.splitlines()[1:]] == ["demo", "longer", "sentences"]


def test_response_cache(output: Output) -> None:
    assert "lookup of all 100 keys" in output("response_cache", "--rows", 100)


def test_endpoint_calls(output: Output) -> None:
    from benchmarks.endpoint import Answer, Endpoint

    calls = import_module("benchmarks.endpoint_calls")

    @contextmanager
    def endpoint(_latency: float) -> Iterator[str]:
        with Endpoint(lambda _call: Answer("An answer."), keep=False) as opened:
            yield opened.url

    def measured(way: str, config: Any, n: int, _clients: int = 1) -> Any:
        calls.bare(config, n, way) if way in calls.BARE else calls.ours(config, n)
        return calls.Run(1.0, 1.0, [1.0])

    words = ("--requests", 8, "--bare-requests", 8, "--concurrency", 2, "--rounds", 1)
    said = output("endpoint_calls", *words, endpoint=endpoint, measured=measured)
    assert "times the ideal" in said


def test_commands(output: Output, finished: Path, autograph: Any) -> None:
    commands, words_run = import_module("benchmarks.commands"), list[str]()

    def seconds(words: Sequence[str]) -> tuple[float, float]:
        _python, _c, code, *arguments = words
        if code == commands.COMMAND:
            done = autograph(*arguments)
            assert done.exit_code == 0, done.output
            words_run.append(arguments[0])
        else:
            compile(code, "bare", "exec")
            assert Path(arguments[0]).exists()
        return 1.0, 1.0

    words = ("--workspace", finished, "--experiment", "tiny", "--times", 1)
    assert "1.00" in output("commands", *words, seconds=seconds)
    assert words_run == ["recommend", "insert"]


def test_cold_items(output: Output, finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    short = import_module("benchmarks.short_histories")
    monkeypatch.setattr(short, "USER_CODES", 4)
    monkeypatch.setattr(short, "ITEM_CODES", 4)

    stored = Dataset.load

    def load(folder: Path) -> Dataset:
        """The data set, with an attribute of items."""
        dataset = stored(folder)
        kinds = pl.Series("kind", [f"kind {n % 3}" for n in range(dataset.n_items)])
        return replace(dataset, items=dataset.items.with_columns(kinds))

    words = ("tiny", "gru4rec", "--workspace", finished, "--epochs", 1, "--share", 0.3)
    monkeypatch.setattr(Dataset, "load", load)
    said = output("cold_items", *words, ITEM_CODES=4)
    assert "in the whole catalogue" in said and "among the newcomers" in said


def test_short_histories(output: Output, finished: Path) -> None:
    words = ("tiny", "gru4rec+none", "gru4rec+autograph", "--workspace", finished, "--epochs", 1)
    said = output("short_histories", *words, "--shuffled", USER_CODES=4, ITEM_CODES=4)
    assert [line.split()[0] for line in said.splitlines()[1:]] == list(words[1:3])


def test_reasons(output: Output, finished: Path) -> None:
    said = output("reasons", "tiny", "--workspace", finished, "--reasons", 4)
    assert "100.0% of" in said


def test_vllm_overhead(output: Output) -> None:
    pytest.importorskip("vllm")
    assert output("vllm_overhead", "--requests", 4, "--rounds", 1, "--tokens", 2)


def test_ray_requests(output: Output) -> None:
    pytest.importorskip("ray")
    assert output("ray_requests", "--requests", 40, "--partition-rows", 10, "--points", 2)


def test_sasrec_rectools(output: Output) -> None:
    rectools = import_module("benchmarks.sasrec_rectools")
    words = ("--steps", 1, "--rounds", 1, "--batch", 32, "--negatives", 8)

    def apart(_python: str, side: str, data: Path) -> Iterator[Any]:
        """Both sides by this project: RecTools is not there."""
        assert side in rectools.SIDES
        asked = SimpleNamespace(threads=1, rounds=1, steps=1, batch=32, negatives=8, loss="sampled")
        with np.load(data) as arrays:
            yield from rectools.ours(arrays["user"], arrays["item"], asked)

    changes = {"USERS": 100, "ITEMS": 50, "apart": apart, "has_rectools": bool}
    said = output("sasrec_rectools", *words, **changes)
    assert "RecTools is left out" in said and said.splitlines()[3].startswith(
        "| ours     |       4 |"
    )
    said = output("sasrec_rectools", *words, "--rectools-python", "python", **changes)
    assert "An epoch of ours takes" in said.splitlines()[-1]


def test_simple(output: Output, tmp_path: Path) -> None:
    sequences = {str(u): [(u + k) % 12 for k in range(6)] for u in range(12)}
    items = {str(k): {"title": f"kind{k // 2} thing"} for k in range(12)}
    (tmp_path / "Office.inter.json").write_text(json.dumps(sequences))
    (tmp_path / "Office.item.json").write_text(json.dumps(items))
    said = output("simple", "amazon-office", "--from", tmp_path)
    names = [line.split("|")[1].split(",")[0].strip() for line in said.splitlines()[2:]]
    rows = ["popularity", "item-kNN", "item-kNN", "EASE", "text-kNN", "hybrid", "hybrid"]
    assert names == rows


def test_learnt_clusters(output: Output, tmp_path: Path) -> None:
    sequences = {str(u): [(u + k) % 12 for k in range(6)] for u in range(12)}
    (tmp_path / "Office.inter.json").write_text(json.dumps(sequences))
    (tmp_path / "Office.item.json").write_text(json.dumps({str(k): {} for k in range(12)}))
    sizes = ("--epochs", 2, "--seeds", 1, "--codes", 2, "--weights", 1)
    words = ("amazon-office", "--from", tmp_path, *sizes)
    said = output("learnt_clusters", *words, PLACED=1, SHARES=(0.2, 0.5, 0.8, 1))
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in said.splitlines()[2:]]
    ways = ["k-means afterwards", "FAISS IVF afterwards"] * 2 + ["learnt with the vectors"]
    assert [row[2] for row in rows] == ways and [row[1] for row in rows] == [*"00111"]
    assert [row[-1] for row in rows] == ["1.000"] * 5 and len({row[3] for row in rows[2:]}) == 1


def test_graph_memory(output: Output) -> None:
    said = output(
        "graph_memory",
        *("--edges", 20_000, "--large", 20_000, "--batches", 5),
        apart=lambda work, *about: work(*about),
    )
    assert "20,000 edges from arrays in any order" in said and "peak / (arrays + input)" in said
    assert said.count("in memory") == 10 and "random: ms, the same again" in said


def test_graph_layers(output: Output) -> None:
    pytest.importorskip("torch_geometric", reason="its layers are what ours are timed beside")
    said = output("layers", "--rounds", 1, SIZES=((40, 3),))
    layers = {line.split()[1] for line in said.splitlines()[1:]}
    assert layers == {"sage", "gin", "gat", "gcn", "rgcn"}


def test_queries(output: Output) -> None:
    said = output("query", "--times", 1, USERS=4500, ITEMS=60, EDGES=20_000, CODES=8)
    assert said.count("read and plan") == 3 and "shortest path" in said.splitlines()[-1]


def test_sampling(output: Output) -> None:
    changes = {"USERS": 200, "ITEMS": 60, "EDGES": 6_000, "CODES": 8}
    said = output("sampling", "--times", 1, "--rounds", 1, **changes)
    strategies = import_module("benchmarks.sampling").STRATEGIES
    assert [by for by in strategies if f"{by} |" not in said] == []


def test_focal(output: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    import benchmarks.sampling as sampling

    for name, value in {"USERS": 200, "ITEMS": 60, "EDGES": 6_000, "CODES": 8}.items():
        monkeypatch.setattr(sampling, name, value)
    said = output("focal", "--k", 3, "--width", 4, "--rounds", 1, BATCH=20)
    rows = [json.loads(line) for line in said.splitlines()][1:]
    assert [row["query"] for row in rows] == ["1 hop", "2 hops"]
    assert all(row["times_topk"] > 0 and row["times_full"] > 0 for row in rows)
    assert rows[0]["times_floor"] > 0 and rows[0]["edges_seen"] > 20


def test_contextgnn(output: Output) -> None:
    sizes = ("--users", 40, "--items", 30, "--interactions", 200, "--neighbours", 2)
    said = output("contextgnn", *sizes, "--steps", 1, "--rounds", 1, "--width", 4)
    told = {one["model"]: one for one in map(json.loads, said.splitlines())}
    towers = [f"graphsage, {n} negatives" for n in (1, 10, 100)]
    assert list(told) == ["pair", "tower", "both", *towers]
    assert told["both"]["times_both"] == 1 and told["pair"]["times_products"] > 0


def test_new_items_of_contextgnn(output: Output, finished: Path) -> None:
    ways = ("tower, texts", "gate, texts, factors")
    words = ("--draws", 0, "--epochs", 1, "--codes", 4, "--share", 0.3, "--workspace", finished)
    said = output("cold_context", "tiny", *words, "--ways", *ways)
    told = [json.loads(line) for line in said.splitlines()]
    assert [one.get("way") for one in told] == [*ways, None]
    assert told[0]["users"] == told[1]["users"] > 0


def test_relbench_way(output: Output, tmp_path: Path) -> None:
    day = 86_400
    rows = [(u, i, 5, (i * 7 + u) * day) for u in range(1, 9) for i in range(1, 9)]
    (tmp_path / "ratings.dat").write_text("\n".join("::".join(map(str, row)) for row in rows))
    (tmp_path / "users.dat").write_text("\n".join(f"{u}::M::25::1::0" for u in range(1, 9)))
    films = (f"{i}::Film {i} (2000)::Drama" for i in range(1, 9))
    (tmp_path / "movies.dat").write_text("\n".join(films))
    said = output("relbench_way", tmp_path, "popularity", "--days", 14)
    told = json.loads(said.splitlines()[-1])
    assert told["test"]["users"] == 8 and told["test"]["strangers"] == 0


def test_rankgraph(output: Output) -> None:
    measure = import_module("benchmarks.rankgraph").measure
    words = ("--edges", 800, 1600, "--rounds", 1, "--threads", 1, "--pyg")
    said = output("rankgraph", *words, apart=measure).splitlines()
    assert [line.split("|")[1].strip() for line in said] == ["edges", "800", "1,600"]
    assert all(float(cell) > 0 for cell in said[-1].split("|")[2:7])


def test_serving(output: Output) -> None:
    """The load is a handful of requests; wrk need not be there."""
    serving = import_module("benchmarks.serving")

    def load(port: int, path: str, bodies: Sequence[Any], *_: object) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        wrong = 0
        for body in bodies[:5]:
            connection.request("POST", path, json.dumps(body))
            answer = connection.getresponse()
            told = json.loads(answer.read())
            listed = told.get("answers", [told])
            wrong += answer.status != 200 or any(len(one["items"]) != 10 for one in listed)
        return serving.Load(100.0 if path == "/nothing" else 60.0, 1.0, 2.0, wrong, 5)

    changes = {"load": load, "ROUNDS": 1, "USERS": 40, "backbone": lambda: None}
    said = output("serving", "--items", 600, "--kinds", "ivf", "--requests", 20, **changes)
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in said.splitlines()]
    named = {row[2]: row for row in rows if row[:2] == ["600", "ivf"] and len(row) == 11}
    assert list(named) == ["nothing", "user", "history", "batch of 64"]
    assert [row[6] for row in named.values()] == ["0"] * 4 and named["user"][8] == "0.60"
    assert ["over HTTP, 600 ivf: 60 a second", "≥ 2,000", "missed"] in rows
    assert ["over HTTP, 600 ivf: 0.60 of nothing's rate", "≥ 0.5", "met"] in rows
    assert sum(row[-1] in ("met", "missed") for row in rows if len(row) == 3) == 5


def test_two_layer(output: Output) -> None:
    words = ("--items", 400, "--users", 20, "--queries", 8, "--asks", 30, "--width", 8, "-k", 20)
    said = output("two_layer", *words, ROUNDS=1, LENGTHS=(20, 400, 500))
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in said.splitlines()[3:]]
    assert [row[0] for row in rows] == ["20", "400"]
    assert rows[1][2:4] == ["100.0 %", "1.000"] and 0 < float(rows[0][3]) < 1


def test_roi(output: Output) -> None:
    measure = import_module("benchmarks.roi").measure
    words = ("--degrees", 3, 12, "--batch", 4, "--steps", 1)
    said = output("roi", *words, apart=measure).splitlines()
    assert [line.split("|")[1].strip() for line in said] == ["degree", "3", "12"]
    assert all(float(line.split("|")[at]) > 0 for line in said[1:] for at in (2, 3, 4))
