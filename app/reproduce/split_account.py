"""What is to be read of a published split: figures beside published ones, curves, differences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from app.reproduce.sheets import TABLE, Account, Sheet
from app.reproduce.splits import JUDGED, WATCHED, K, SplitRow, SplitRun, SplitTable, published
from app.reproduce.tables import kind_of
from app.results.latex import escape, tabular
from data.inert import csv_bytes
from recommend.settings import BACKBONES

SHOWN = (WATCHED, f"ndcg@{K}")
"""Figures of the table, in the order of published ones."""
NAMES = {WATCHED: f"Recall@{K}", f"ndcg@{K}": f"NDCG@{K}"}


@dataclass(frozen=True, slots=True)
class _Line:
    """A row of the table with the results of its seeds.

    Attributes:
        row: Which.
        runs: That are judged, and their results.
        theirs: Published figures, by name; none where there are none.
    """

    row: SplitRow
    runs: Sequence[tuple[SplitRun, Mapping[str, Any]]]
    theirs: Mapping[str, float]

    def of(self, figure: str) -> list[float]:
        """A figure of the test, a seed each."""
        return [result["test"][figure] for _, result in self.runs]

    def figure(self, name: str) -> str:
        """Mean over seeds and what it is uncertain by: seeds, or users where there is one seed."""
        values = self.of(name)
        spread = np.std(values, ddof=1) if len(values) > 1 else self.runs[0][1]["half_width"][name]
        return f"{np.mean(values):.4f} ± {spread:.4f}"

    def beside(self, name: str) -> tuple[str, str]:
        """The published figure, and how far ours is from it."""
        theirs = self.theirs.get(name)
        if theirs is None:
            return "", ""
        return f"{theirs:.4f}", f"{100 * (float(np.mean(self.of(name))) / theirs - 1):+.1f} %"

    @property
    def epochs(self) -> str:
        """Epochs trained and the best of them, a seed each; "" where nothing is trained."""
        told = [
            f"{one['epochs']} ({one['best_epoch'] + 1})" for _, one in self.runs if one["epochs"]
        ]
        return ", ".join(told)


def account_of_split(of: SplitTable, left_out: Mapping[str, str] | None = None) -> Account:
    """All that is finished of a table, beside published figures.

    Args:
        of: The table.
        left_out: By row, why it was not run.

    Raises:
        AutoGraphError: a file is missing or damaged.
    """
    told = published(kind_of(of.base.name))
    same = told["digest"] == of.data_digest
    lines = list(_lines(of, told["rows"] if same else {}))
    sheets = [_table(of, lines)] if lines else []
    curve = _curve(of, told if same else {})
    if curve.height:
        sheets.append(_curves(of, curve))
    others = {**({} if same else told["rows"]), **told["others"]}
    if others:
        rows = [[name, *(f"{one:.4f}" for one in figures)] for name, figures in others.items()]
        title = "Others published" if same else "Published on another split"
        sheets.append(Sheet(title, ["system", *NAMES.values()], rows))
    figures = pl.DataFrame(
        [_figures(run, result) for line in lines for run, result in line.runs],
        infer_schema_length=None,
    )
    texts = {}
    if lines:
        texts = {
            ".csv": csv_bytes(figures).decode(),
            ".tex": _latex(of, sheets[0]),
        }
    notes = list(_notes(of, lines, told, same, left_out or {}))
    tables = {TABLE: figures, "-curve": curve}
    return Account(of.base.name, of.base.note, sheets, notes, tables, texts=texts)


def _lines(of: SplitTable, theirs: Mapping[str, Sequence[float]]) -> Iterator[_Line]:
    by_row: dict[str, list[tuple[SplitRun, Mapping[str, Any]]]] = {}
    for run in of.runs():
        result = run.result()
        if result is not None:
            by_row.setdefault(run.row.key, []).append((run, result))
    for runs in by_row.values():
        row = runs[0][0].row
        yield _Line(row, runs, dict(zip(SHOWN, theirs.get(row.key, ()), strict=False)))


def _table(of: SplitTable, lines: Sequence[_Line]) -> Sheet:
    beside = any(line.theirs for line in lines)
    heads = ["recommender"]
    for name in NAMES.values():
        heads += [name, *(["published", "ours − published"] if beside else [])]
    heads += ["seeds", "epochs (best)", "minutes"]
    rows = []
    for line in lines:
        cells = [line.row.key]
        for name in SHOWN:
            cells += [line.figure(name), *(line.beside(name) if beside else ())]
        minutes = sum(result["seconds"] for _, result in line.runs) / 60
        rows.append([*cells, str(len(line.runs)), line.epochs, f"{minutes:,.1f}"])
    return Sheet(f"{of.base.name}: test, {lines[0].runs[0][1]['users']:,} people", heads, rows)


def _curve(of: SplitTable, told: Mapping[str, Any]) -> pl.DataFrame:
    """A row an epoch of every training, under way or over: validation and seconds."""
    rows: list[dict[str, Any]] = []
    for run in of.runs():
        theirs = told["curve"] if told and run.row.key == told["curve_of"] else []
        for at, epoch in enumerate(run.epochs()):
            kept = {name: epoch[name] for name in ("loss", *SHOWN, "seconds")}
            there = theirs[at] if at < len(theirs) else None
            who = {"row": run.row.key, "seed": run.seed, "epoch": at + 1}
            rows.append(who | kept | {f"published {WATCHED}": there})
    kinds = {f"published {WATCHED}": pl.Float64}
    return pl.DataFrame(rows, schema_overrides=kinds if rows else None, infer_schema_length=None)


def _curves(of: SplitTable, curve: pl.DataFrame) -> Sheet:
    seen = curve[f"published {WATCHED}"].is_not_null().any()
    heads = ["training", "epoch", "loss", *NAMES.values(), *(["published"] if seen else [])]
    rows = []
    for one in curve.to_dicts():
        theirs = one[f"published {WATCHED}"]
        cells = [f"{one['row']} seed {one['seed']}", str(one["epoch"]), f"{one['loss']:.3f}"]
        cells += [f"{one[name]:.4f}" for name in SHOWN]
        cells += ["" if theirs is None else f"{theirs:.4f}"] if seen else []
        rows.append([*cells, f"{one['seconds']:,.0f}"])
    title = f"{of.base.name}: validation by epoch"
    return Sheet(title, [*heads, "seconds"], rows)


def _figures(run: SplitRun, result: Mapping[str, Any]) -> dict[str, Any]:
    """A seed of a row as it is written to files."""
    kept = ("epochs", "best_epoch", "users", "seconds", "seconds_to_judge", "peak_mb", "parameters")
    half = {f"half_width {name}": value for name, value in result["half_width"].items()}
    own = {"row": run.row.key, "seed": run.seed, **result["test"], **half}
    return own | {name: result[name] for name in kept} | {"device": result["device"]}


def _latex(of: SplitTable, sheet: Sheet) -> str:
    heads = [escape(head).replace("−", "$-$") for head in sheet.heads]
    rows = [[escape(cell).replace("±", "$\\pm$") for cell in row] for row in sheet.rows]
    caption = (
        f"{of.base.name}: test. Means over seeds with their standard deviation, or with half a "
        "95 % interval over people where there is one seed."
    )
    return tabular(heads, rows, caption)


def _notes(
    of: SplitTable,
    lines: Sequence[_Line],
    told: Mapping[str, Any],
    same: bool,
    left_out: Mapping[str, str],
) -> Iterator[str]:
    """What was done, what differs from what is published, and what lacks."""
    if lines:
        yield (
            "Trained on the training part alone. The epoch is chosen by validation "
            f"{NAMES[WATCHED]} of up to {JUDGED:,} people, the same for all rows; the test is "
            "judged once for that epoch, for everybody who has something in it, among all items "
            "that the person has in neither training nor validation. ±: standard deviation over "
            "seeds; of one seed, half a 95 % interval over people. Minutes are of training, on: "
            f"{', '.join(sorted({one['device'] for line in lines for _, one in line.runs}))}."
        )
    yield f"Published figures: {told['source']}."
    if not same:
        yield (
            f"Not comparable with what is published: the files in {of.folder} are not those of the "
            "publication, so its figures stand apart."
        )
    elif any(line.theirs for line in lines):
        yield f"They were reached with {told['settings']}."
    for line in lines:
        if line.theirs:
            yield f"Here {line.row.key} was trained with {_settings(line.runs[0][1])}."
    for run in of.runs():
        if not run.is_over() and run.row.key not in left_out:
            yield _unfinished(run)
    yield from (f"Not run: {key}. {why}" for key, why in left_out.items())


def _settings(result: Mapping[str, Any]) -> str:
    """Sizes of a training and what is on in it, in words."""
    model, train = result["model"], result["train"]
    own = BACKBONES[model["backbone"]["name"]].config.model_fields
    sizes = [
        f"{name} {model['backbone'][name]}"
        for name in own
        if type(model["backbone"][name]) in (int, float, str) and name != "name"
    ]
    sizes += [f"{name} on" for name in own if model["backbone"][name] is True]
    return (
        f"{', '.join(sizes)}, width {model['width']}, batches of {train['batch_size']}, learning "
        f"rate {train['learning_rate']:g}, {train['epochs']} epochs at most, patience of "
        f"{train['patience']}"
    )


def _unfinished(run: SplitRun) -> str:
    rows, (_, train) = run.epochs(), run.settings
    if not rows:
        return f"Not run: {run}."
    best = max(row[WATCHED] for row in rows)
    return (
        f"Under way, and not judged on the test: {run}, {len(rows)} of at most {train.epochs} "
        f"epochs, best validation {NAMES[WATCHED]} {best:.4f}. The same command goes on from there."
    )
