"""`autograph reproduce zoomer`: who answers best what a person asks for, and what that costs.

Runs are of a row, a number of neighbours and a seed. Each leaves one record, and its state after
every epoch, so that whoever kills it loses the epoch that is under way; a run that several groups
name is there once.
"""

from __future__ import annotations

import hashlib
import json
import math
import resource
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatchcase
from functools import cached_property, partial
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from app.pipeline.runner import Listener, Showing, in_silence
from data import atomic, rights
from data.artifacts import sole_writer
from data.columns import ITEM_ID, TIME, USER_ID, WEIGHT
from data.errors import ConfigError, DataError
from data.loaders import movielens
from data.loaders.raw import BadRows, Reading
from data.loaders.source import Source
from data.preprocess import preprocess
from recommend.curve import CHECKPOINT
from recommend.settings.item_knn import ItemKnnConfig
from recommend.settings.towers import GraphSageConfig
from recommend.settings.zoomer import ZoomerConfig

if TYPE_CHECKING:
    from data.dataset import Dataset
    from recommend.zoom.contest import Budget
    from recommend.zoom.judging import Judged
    from recommend.zoom.past import Past
    from recommend.zoom.triples import Task

NAME, SAGE = ZoomerConfig().name, GraphSageConfig().name
"""Of the command and its first row, and of a rival."""
NOTE = (
    "ZOOMER and others on triples of a person, a tag and a film: AUC, MAE, RMSE and hit rates, its "
    "ablations, the number of neighbours, and what reading all of them costs."
)
GROUPS = ("table", "ablation", "neighbours", "cost", "alike")
SEEDS = (0, 1, 2, 3, 4)
SWEEP = (5, 10, 15, 20, 25, 30)
"""Neighbours of each type. Source: ZOOMER, figure 11."""
PLAIN_ROWS = ("popularity", "tag popularity", ItemKnnConfig().name, "tag × user-knn", "pixie")
TABLE_ROWS = (NAME, "han", "stamp", SAGE, "pinsage", "towers")
"""Those that learn; `towers` hear nobody, and show what hearing is worth."""
ABLATION_ROWS = (NAME, "zoomer-es", "zoomer-fs", "zoomer-fe", "zoomer-gcn")
OWN: Mapping[str, Mapping[str, Any]] = {"stamp": {"rate": 0.001, "epochs": 16}}
"""Of a row's budget, what differs from that of all: its validation AUC is .864 so (seed 0), and
.853 at the rate of the others. Of these, towers reach .865 at theirs and .863 at .001."""
ALIKE = "+alike"
"""Ends the names of rows whose graph has edges between what has words in common, too."""
ALIKE_ROWS = ("zoomer+alike", "han+alike", "graphsage+alike")
SWEEP_ROWS = (NAME, SAGE, "pinsage")
SWEEP_SEEDS = 2
"""How many of the seeds each number of neighbours is run with, at most."""
WIDE = (80, 160, 0)
"""And more, for the first row with the first seed alone; 0 is all of them."""
COSTS = (10, 20, 40, 80, 160, 0)
"""Neighbours whose cost is taken; 0 is all of them."""
COST_BATCH, COST_STEPS = 128, 6
"""Triples a step while cost is taken, and steps, the first of which are not counted."""
RESULT, SAID = "result.json", "said.safetensors"
VERSION = 1
"""Of what a run does; another number makes all runs anew."""
OF_ROWS: Mapping[str, int] = {ItemKnnConfig().name: 2, "tag × user-knn": 2}
"""The same of single rows, where it is not 1."""


@dataclass(frozen=True)
class TripleRun:
    """One run.

    Attributes:
        groups: That it belongs to.
        row: Who answers.
        k: Neighbours of each type; None where there is no such number, 0 for all.
        seed: Draws what is drawn.
        cost: Whether steps are timed, rather than everything trained and judged.
        changes: What of the budget differs from its defaults.
    """

    groups: tuple[str, ...]
    row: str
    k: int | None
    seed: int
    cost: bool = False
    changes: tuple[tuple[str, Any], ...] = ()

    def __str__(self) -> str:
        many = {None: "", 0: " K all"}.get(self.k, f" K {self.k}")
        return f"{'cost of ' if self.cost else ''}{self.row}{many} seed {self.seed}"

    @property
    def budget(self) -> Budget:
        """How it is trained."""
        from recommend.zoom.contest import Budget

        own = {**OWN.get(self.row, {}), **dict(self.changes)}
        made = replace(Budget(), **own, alike=self.row.endswith(ALIKE))
        return made if self.k is None else replace(made, k=self.k)

    def place(self, root: Path) -> Path:
        """The folder of its state and record: another one for other settings."""
        what = {"budget": asdict(self.budget), "cost": self.cost, "version": VERSION}
        if self.row in OF_ROWS:
            what["row"] = OF_ROWS[self.row]
        digest = hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:10]
        row = self.row.replace(" ", "-").replace("×", "x")
        name = f"{'cost-' if self.cost else ''}{row}-k{self.k}-{self.seed}-{digest}"
        return root / name


@dataclass(frozen=True)
class TripleTable:
    """All that is run on one folder of tags.

    Attributes:
        folder: With the publisher's files.
        workspace: Where records are kept.
        seeds: Of what draws anything.
        only: Rows, groups, or `group/row`, of which `*` stands for anything; none for all.
        changes: What of the budget differs from its defaults.
    """

    folder: Path
    workspace: Path
    seeds: tuple[int, ...] = SEEDS
    only: tuple[str, ...] = ()
    changes: tuple[tuple[str, Any], ...] = ()

    @cached_property
    def root(self) -> Path:
        """Where records of these data are.

        Raises:
            DataError: a file is missing.
        """
        found = hashlib.sha256()
        for path in _files(self.folder):
            found.update(path.read_bytes())
        return self.workspace / "triples" / found.hexdigest()[:12]

    @cached_property
    def task(self) -> Task:
        """Triples of the folder, divided; the same in every run.

        Raises:
            DataError: files are missing or malformed.
        """
        from recommend.zoom.triples import Task

        return Task.of(read_tags(self.folder))

    @cached_property
    def pasts(self) -> Mapping[bool, Past]:
        """Training of the task as a graph, with edges between what has words in common or not."""
        from recommend.zoom.contest import past_of

        wanted = {run.budget.alike for run in self.runs()}
        return {alike: past_of(self.task, alike) for alike in wanted}

    def runs(self) -> list[TripleRun]:
        """Every run that is asked for, seed by seed, the table first.

        Raises:
            ConfigError: a pattern fits nothing.
        """
        every = list(_every(self.seeds, self.changes))
        for wanted in self.only:
            if not any(_fits(run, wanted) for run in every):
                known = ", ".join(dict.fromkeys(run.row for run in every))
                raise ConfigError(
                    f"{NAME} has no row or group {wanted!r}. Groups: {', '.join(GROUPS)}. Rows: "
                    f"{known}."
                )
        return [run for run in every if not self.only or any(_fits(run, o) for o in self.only)]

    def result(self, run: TripleRun) -> dict[str, Any] | None:
        """Its record; None where it is not finished."""
        path = run.place(self.root) / RESULT
        return atomic.read_json(path) if path.is_file() else None

    def said(self, run: TripleRun) -> Judged:
        """What it said of the test."""
        from recommend.zoom.judging import Judged

        return Judged.read(atomic.read_arrays(run.place(self.root) / SAID))


def _fits(run: TripleRun, wanted: str) -> bool:
    names = [run.row, *run.groups, *(f"{group}/{run.row}" for group in run.groups)]
    return any(fnmatchcase(name, wanted) for name in names)


def _every(seeds: Sequence[int], changes: tuple[tuple[str, Any], ...]) -> Iterator[TripleRun]:
    k = 10
    for at, seed in enumerate(seeds):
        for row in PLAIN_ROWS:
            if at == 0 or row == "pixie":
                yield TripleRun(("table",), row, None, seed, changes=changes)
        for row in dict.fromkeys((*TABLE_ROWS, *ABLATION_ROWS)):
            groups = [
                group
                for group, rows in zip(
                    GROUPS, (TABLE_ROWS, ABLATION_ROWS, SWEEP_ROWS), strict=False
                )
                if row in rows and (group != "neighbours" or at < SWEEP_SEEDS)
            ]
            many = None if row == "towers" else k
            yield TripleRun(tuple(groups), row, many, seed, changes=changes)
    for many in COSTS:
        yield TripleRun(("cost",), NAME, many, seeds[0], True, changes)
    for seed in seeds[:SWEEP_SEEDS]:
        for row in ALIKE_ROWS:
            yield TripleRun(("alike",), row, k, seed, changes=changes)
    for seed in seeds[:SWEEP_SEEDS]:
        for row in SWEEP_ROWS:
            for many in SWEEP:
                if many != k:
                    yield TripleRun(("neighbours",), row, many, seed, changes=changes)
    for many in WIDE:
        yield TripleRun(("neighbours",), NAME, many, seeds[0], changes=changes)


def _files(folder: Path) -> list[Path]:
    source = Source(folder)
    if source.find("tags.csv") is not None:
        return [source.need("tags.csv"), source.need("movies.csv")]
    return [source.need("tags.dat"), source.need("movies.dat")]


def read_tags(folder: Path) -> Dataset:
    """Everybody who tagged a film, and the films that anybody tagged, of a folder of MovieLens.

    Raises:
        DataError: files are missing or malformed.
    """
    source, bad_rows = Source(folder), BadRows("skip")
    latest = source.find("tags.csv") is not None
    load = movielens.load_latest_tags if latest else movielens.load_10m_tags
    raw = load(Reading(source, bad_rows, -math.inf))
    if raw.asked is None or raw.asked.is_empty():
        raise DataError(f"{folder} has no tags. Give a folder of MovieLens that has some.")
    # A rating is no tag: who had what is told by tags alone, so that the log holds all there is.
    weight = pl.lit(1.0, pl.Float32).alias(WEIGHT)
    tagged = raw.asked.select(USER_ID, ITEM_ID, weight, TIME)
    users = raw.users.join(tagged.select(USER_ID).unique(), on=USER_ID, how="semi")
    users = users.sort(pl.col(USER_ID).cast(pl.Int64, strict=False), nulls_last=True)
    return preprocess(replace(raw, users=users, ratings=tagged), folder.name, -math.inf, 1).dataset


def run_triples(of: TripleTable, showing: Showing = in_silence) -> None:
    """Runs what is missing, one after another.

    Raises:
        AutoGraphError: with what is wrong and how to mend it; what is finished stays.
    """
    waiting = [run for run in of.runs() if of.result(run) is None]
    if not waiting:
        return
    rights.require(f"reproduce {NAME}")
    with showing() as listener:
        listener.plan_steps([str(run) for run in waiting])
        for run in waiting:
            began = time.perf_counter()
            place = run.place(of.root)
            with sole_writer(place, partial(listener.progress, str(run), 0, 0, "waiting for it")):
                found = of.result(run)
                if found is None:
                    found = _apart(of, run, place) if run.cost else _run(of, run, place, listener)
            told = {k: found["test"][k] for k in ("auc", "hit@100") if k in found["test"]}
            listener.finish_step(str(run), time.perf_counter() - began, told)


def _run(of: TripleTable, run: TripleRun, place: Path, listener: Listener) -> dict[str, Any]:
    """Trains, or fits, and judges once; its record is written last."""
    import torch

    from recommend.fit.memory import keep_freed_memory
    from recommend.zoom.contest import LEARNT, VALID_SEED, contender_of, fit
    from recommend.zoom.judging import auc, figures, judge, platt
    from recommend.zoom.plain import PLAIN
    from recommend.zoom.triples import KINDS

    keep_freed_memory()
    task, budget, who = of.task, run.budget, run.row.removesuffix(ALIKE)
    wrong = {"movie": task.negatives(task.valid, "movie", VALID_SEED)}
    began, rows = time.perf_counter(), []
    forget_peak()
    if who in LEARNT:
        made = contender_of(who, task, of.pasts[budget.alike], budget, run.seed)
        rows = fit(
            made,
            task,
            of.pasts[budget.alike],
            budget,
            run.seed,
            place,
            lambda *told: listener.progress(str(run), *told),
        )
        scorer: Any = made
        parameters = sum(one.numel() for one in made.network.parameters())
        seconds = sum(row["seconds"] for row in rows)
    else:
        best = -1.0
        for one in PLAIN[run.row](task, run.seed):
            listener.progress(str(run), 0, 0, "asked on validation")
            reached = auc(*judge(one, task, task.valid, wrong, final=False).pairs("movie")[1:])
            if reached > best:
                scorer, best = one, reached
        parameters, seconds = 0, time.perf_counter() - began
    peak = peak_mb()
    listener.progress(str(run), len(rows), budget.epochs if rows else 0, "judged on the test")
    began = time.perf_counter()
    valid = judge(scorer, task, task.valid, wrong, final=False)
    _, up, down = valid.pairs("movie")
    negatives = {kind: task.negatives(task.test, kind, seed=0) for kind in KINDS}
    said = judge(scorer, task, task.test, negatives, final=True)
    test = figures(said, task, task.test, negatives["movie"], platt(up, down), own=who in LEARNT)
    atomic.write_arrays(place / SAID, said.arrays())
    found = {
        "row": run.row,
        "k": run.k,
        "seed": run.seed,
        "test": test | {"valid auc": auc(up, down)},
        "epochs": len(rows),
        "best_epoch": int(np.argmax([row["auc"] for row in rows])) + 1 if rows else None,
        "curve": rows,
        "seconds": seconds,
        "seconds_to_judge": time.perf_counter() - began,
        "peak_mb": peak,
        "parameters": parameters,
        "threads": torch.get_num_threads(),
        "budget": asdict(budget),
    }
    atomic.write_json(place / RESULT, found)
    (place / CHECKPOINT).unlink(missing_ok=True)
    return found


def _apart(of: TripleTable, run: TripleRun, place: Path) -> dict[str, Any]:
    """The cost of a step, in a process of its own, so that its memory is its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        found = pool.submit(measure_steps, of, run).result()
    atomic.write_json(place / RESULT, found)
    return found


def measure_steps(of: TripleTable, run: TripleRun) -> dict[str, Any]:
    """Seconds of a step of training and peak memory, with so many neighbours."""
    import torch

    from recommend.fit.memory import keep_freed_memory
    from recommend.zoom.contest import contender_of, hidden_of, tensors

    torch.set_num_threads(1)
    keep_freed_memory()
    task, budget = of.task, run.budget
    made = contender_of(run.row, task, of.pasts[budget.alike], budget, run.seed)
    users, queries, items = tensors(task.train)
    hidden, order = (
        hidden_of(task, of.pasts[budget.alike]),
        np.random.default_rng(0).permutation(len(task.train)),
    )
    made.network.train()
    forget_peak()
    before, taken = peak_mb(), []
    for at in range(COST_STEPS):
        some = torch.from_numpy(
            np.take(order, range(at * COST_BATCH, (at + 1) * COST_BATCH), mode="wrap")
        )
        began = time.process_time()
        asked = made.towers.asked(users[some], queries[some], hidden.of(some))
        (asked * made.towers.base(items[some])).sum().backward()  # type: ignore[no-untyped-call]
        taken.append(time.process_time() - began)
    test = {"step seconds": float(np.median(taken[COST_STEPS // 3 :]))}
    test["neighbours read"] = float(_read(of.task, run.budget.k))
    return {
        "row": run.row,
        "k": run.k,
        "seed": run.seed,
        "test": test,
        "seconds": float(sum(taken)),
        "peak_mb": peak_mb(),
        "before_mb": before,
        "threads": 1,
        "budget": asdict(budget),
    }


def _read(task: Task, k: int) -> float:
    """() neighbours around user and query that a triple of training has, of which k a type stay."""
    relations = (
        (task.had, task.train.users),
        (task.asked, task.train.users),
        (task.led_to, task.train.queries),
        (task.asked.transpose(), task.train.queries),
    )
    degrees = sum(
        (one.degrees[nodes] if k == 0 else one.degrees[nodes].clip(max=k)).astype(np.float64)
        for one, nodes in relations
    )
    return float(np.mean(degrees))


def forget_peak() -> None:
    """Begins to take the peak of memory anew, where Linux lets a process do that."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_mb() -> float:
    """The most memory that this process had since then."""
    with suppress(OSError, StopIteration, ValueError):
        lines = Path("/proc/self/status").read_text().splitlines()
        return int(next(one for one in lines if one.startswith("VmHWM")).split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
