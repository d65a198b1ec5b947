"""What is to be read of `autograph reproduce zoomer`: figures, differences, neighbours, costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from app.reproduce.sheets import Account, Sheet
from app.reproduce.triples import (
    ABLATION_ROWS,
    COST_BATCH,
    NAME,
    NOTE,
    PLAIN_ROWS,
    SWEEP_ROWS,
    TABLE_ROWS,
    TripleRun,
    TripleTable,
)
from app.results.domains import p_in_words
from app.results.sweep import FIGURES, RUNS, SCHEMA, efforts
from data.inert import csv_bytes
from recommend.judge.compare import holm
from recommend.settings.zoomer import ZoomerConfig
from recommend.zoom.judging import influences, paired

TESTED = ("auc", "hit@100")
"""Figures whose differences are tested."""
PUBLISHED = {
    NAME: (0.9379, 0.3014, 0.3760),
    "han": (0.9055, 0.3449, 0.3961),
    "stamp": (0.8807, 0.3590, 0.3961),
    "GCE-GNN": (0.9170, 0.3225, 0.4339),
    "FGNN": (0.9072, 0.3140, 0.3742),
    "MCCF": (0.9192, 0.4301, 0.4369),
}
"""AUC, MAE and RMSE that the paper reports. Source: ZOOMER, table II."""
Records = Mapping[TripleRun, Mapping[str, Any]]


def account_of_triples(of: TripleTable) -> Account:
    """All that is finished of what a table asks for.

    Raises:
        AutoGraphError: a file is missing or damaged.
    """
    found = {run: record for run in of.runs() if (record := of.result(run)) is not None}
    runs = runs_table(found)
    sheets = list(_sheets(of, found, runs))
    tables: dict[str, pl.DataFrame] = {RUNS.removeprefix(NAME).removesuffix(".parquet"): runs}
    texts = {".csv": csv_bytes(runs).decode()} if len(runs) else {}
    return Account(NAME, NOTE, sheets, list(_notes(of, found)), tables, texts=texts)


def runs_table(found: Records) -> pl.DataFrame:
    """Every record as rows of `app.results.sweep.SCHEMA`."""
    rows = [
        {
            "group": group,
            "row": run.row,
            "k": run.k,
            "seed": run.seed,
            "metric": metric,
            "value": value,
            "seconds": record["seconds"],
            "peak_mb": record["peak_mb"],
        }
        for run, record in found.items()
        for group in run.groups
        for metric, value in record["test"].items()
    ]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row").sort("group", "row", "k", "seed")


def _sheets(of: TripleTable, found: Records, runs: pl.DataFrame) -> Iterator[Sheet]:
    for group, rows in (("table", (*TABLE_ROWS, *PLAIN_ROWS)), ("ablation", ABLATION_ROWS)):
        of_group = {run: record for run, record in found.items() if group in run.groups}
        if of_group:
            yield _figures(f"{NAME}, {group}: test", of_group, rows)
            differences = _differences(of, of_group, rows)
            if differences.rows:
                yield differences
    beside = [row for row in PUBLISHED if row in {run.row for run in found}]
    if beside:
        yield _published(found)
    if (runs["group"] == "neighbours").any():
        yield _neighbours(runs)
    costs = [(run, record) for run, record in found.items() if run.cost]
    if costs:
        yield _costs(costs)


def _figures(title: str, found: Records, rows: Sequence[str]) -> Sheet:
    lines = []
    for row in rows:
        records = [record for run, record in found.items() if run.row == row]
        if not records:
            continue
        cells = [row]
        for metric in FIGURES:
            values = [record["test"][metric] for record in records]
            spread = f" ± {np.std(values, ddof=1):.4f}" if len(values) > 1 else ""
            cells.append(f"{np.mean(values):.4f}{spread}")
        seconds = f"{np.mean([record['seconds'] for record in records]):.0f}"
        lines.append([*cells, str(len(records)), seconds])
    return Sheet(title, ["row", *FIGURES.values(), "seeds", "seconds"], lines)


def _differences(of: TripleTable, found: Records, rows: Sequence[str]) -> Sheet:
    """ZOOMER less each other, over the same triples; Holm over the tests of the sheet."""
    by_row: dict[str, list[TripleRun]] = {}
    for run in found:
        by_row.setdefault(run.row, []).append(run)
    ours = by_row.get(NAME, [])
    others = [row for row in rows if row in by_row and row != NAME] if ours else []
    told = {row: [of.said(run) for run in by_row[row]] for row in (NAME, *others) if ours}
    tests = []
    for metric in TESTED:
        means = {}
        for row, judged in told.items():
            parts = [influences(one, metric) for one in judged]
            means[row] = parts[0][0], np.mean([values for _, values in parts], axis=0)
        for row in others:
            there, mine = means[NAME]
            users = of.task.test.users[there]
            tests.append((row, metric, paired(mine, means[row][1], users)))
    adjusted = holm([p for *_, (*_, p) in tests])
    lines = [
        [f"zoomer − {row}", FIGURES[metric], f"{gap:+.4f}", f"{low:+.4f} to {high:+.4f}",
         p_in_words(1.0 if p is None else p)]
        for (row, metric, (gap, low, high, _)), p in zip(tests, adjusted, strict=True)
    ]  # fmt: skip
    return Sheet(
        "Differences over the same triples, means over seeds; people hang together",
        ["rows", "figure", "difference", "95 %", "p (Holm)"],
        lines,
    )


def _published(found: Records) -> Sheet:
    lines = []
    for row, figures in PUBLISHED.items():
        records = [one for run, one in found.items() if run.row == row and "table" in run.groups]
        own = [
            f"{np.mean([one['test'][metric] for one in records]):.4f}" if records else ""
            for metric in ("auc", "mae", "rmse")
        ]
        lines.append([row, *(f"{one:.4f}" for one in figures), *own])
    heads = ["row", *(f"{one}, published" for one in ("AUC", "MAE", "RMSE")), "AUC", "MAE", "RMSE"]
    return Sheet("Published on another graph", heads, lines)


def _neighbours(runs: pl.DataFrame) -> Sheet:
    auc = efforts(runs).filter(pl.col("k").is_not_null())
    many = sorted(set(auc["k"]), key=lambda k: (k == 0, k))
    lines = []
    for row in SWEEP_ROWS:
        cells = {one["k"]: one for one in auc.filter(pl.col("row") == row).to_dicts()}
        if cells:
            shown = (cells.get(k) for k in many)
            lines.append(
                [
                    row,
                    *(
                        "" if one is None else f"{one['mean']:.4f} ({one['seeds']})"
                        for one in shown
                    ),
                ]
            )
    heads = ["AUC (seeds) by neighbours of a type", *("all" if k == 0 else str(k) for k in many)]
    return Sheet(f"{NAME}, neighbours: test", heads, lines)


def _costs(costs: Sequence[tuple[TripleRun, Mapping[str, Any]]]) -> Sheet:
    first = costs[0][1]["test"]["step seconds"]
    lines = []
    for run, record in costs:
        step, read = record["test"]["step seconds"], record["test"]["neighbours read"]
        lines.append(
            [
                "all" if run.k == 0 else str(run.k),
                f"{read:.0f}",
                f"{step:.3f}",
                f"{step / first:.1f}",
                f"{record['peak_mb'] - record['before_mb']:.0f}",
            ]
        )
    heads = ["neighbours of a type", "heard a triple", "seconds a step", "times the first", "MB"]
    title = f"Cost of a step of {COST_BATCH} triples, forward and back, one thread"
    return Sheet(title, heads, lines)


def _notes(of: TripleTable, found: Records) -> Iterator[str]:
    task = of.task
    known = task.known(task.test)
    whole = known["user"] & known["query"] & known["item"]
    yield (
        f"{of.folder.name}: {len(task.train):,} triples of a person, a tag and a film in "
        f"training, {len(task.valid):,} in validation, {len(task.test):,} in the test; all tags "
        "that a person gave a film stand on one side. People, tags and films of the test that "
        "training has not: "
        f"{_share(~known['user'])}, {_share(~known['query'])} and {_share(~known['item'])} of "
        f"triples; {_share(whole)} have none of these (“all known”)."
    )
    yield (
        "Negatives, one a triple, are films that the person gave no tag at all: any of them (AUC, "
        "MAE, RMSE); one as often as it is tagged (“as popular”); one that others gave the tag, "
        f"for the {_share(task.together(task.test))} of triples whose film has the tag from others "
        "in training (“same tag”). Trained with the first kind alone, drawn anew in every epoch."
    )
    reach = ZoomerConfig().reach
    degrees = task.had.degrees[task.train.users], task.led_to.degrees[task.train.queries]
    films, of_tags = (_share(one > reach) for one in degrees)
    yield (
        f"ZOOMER chooses its K neighbours of a type among the {reach} latest of a person or tag "
        "(or among K, if that is more), where the paper scores all: "
        f"in training, {films} of triples have a person with more films, and {of_tags} a tag with "
        "more. Others draw from all, or from where walks from it came by; STAMP hears the latest "
        "alone. HAN weighs types by the mean over all who are asked about at a time, so its "
        "figures hang a little on who stands beside whom."
    )
    yield (
        "HitRate@K: the film among all that the person had not tagged before; ties take the mean "
        "rank. “Put straight”: logits on a line that validation chose (Platt); rows that learn "
        "nothing give no probabilities, and have no other MAE and RMSE."
    )
    yield (
        "Published: MovieLens-25M, whose tags of a film are those of highest relevance in the tag "
        "genome and whose persons are tied to films by ratings. It is another graph, and the paper "
        "does not say how negatives are drawn, so only orders can be compared."
    )
    missing = [run for run in of.runs() if run not in found]
    if missing:
        yield f"{len(missing)} of {len(missing) + len(found)} runs are not there yet."


def _share(of: np.ndarray) -> str:
    return f"{100 * of.mean():.1f} %"
