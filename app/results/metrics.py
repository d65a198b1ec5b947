"""Metrics of the recommenders of an experiment, as a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.experiment.cautions import LEAKING_TEXTS, named, notes
from app.pipeline.records import Record
from app.results.differences import NONE, NOTE, change_in_words
from data import atomic
from data.inert import csv_bytes

if TYPE_CHECKING:
    import polars as pl
    from rich.table import Table

METRICS = {"ndcg@10": "NDCG@10", "hr@10": "HR@10", "mrr": "MRR", "gauc": "GAUC"}
COSTS = {"seconds_per_epoch": "s/epoch", "epochs": "epochs", "peak_mb": "peak MB"}
LEAK_NOTE = f"{LEAKING_TEXTS.sign} {LEAKING_TEXTS.note}"


def result_table(record: Record) -> pl.DataFrame:
    """A row for every trained and judged recommender of a run: who it is, metrics and costs."""
    import polars as pl

    rows = [
        {
            "experiment": record.experiment.name,
            "data": record.experiment.data.name,
            "backbone": cell.backbone,
            "enhancer": cell.enhancer,
            "seed": cell.seed,
            **{m: record.summary("evaluate", cell).get(m) for m in METRICS},
            **{c: record.summary("train", cell).get(c) for c in COSTS},
            "leaking": record.leaking(cell),
            "marks": record.marks(cell),
        }
        for cell in record.finished()
    ]
    return pl.DataFrame(rows)


def write_results(record: Record) -> Path:
    """The Parquet file of `result_table`; a CSV file stands beside it."""
    table = result_table(record)
    path = record.workspace / "results" / f"{record.experiment.name}.parquet"
    atomic.write_bytes(path.with_suffix(".csv"), csv_bytes(table))
    return atomic.write_parquet(path, table)


def show(
    results: pl.DataFrame, title: str, changes: Mapping[tuple[str, str], str]
) -> tuple[Table, list[str]]:
    """The table a person reads, a row a backbone and enhancer, and the notes under it.

    Args:
        results: From `result_table`; shown are means over seeds.
        title: Above the table.
        changes: In words, how far the NDCG@10 of a backbone and enhancer is from its twin's.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("backbone")
    table.add_column("enhancer")
    for name in (*METRICS.values(), "Δ NDCG", *COSTS.values()):
        table.add_column(name, justify="right")
    for row in means(results):
        change = changes.get((row["backbone"], row["enhancer"]), "")
        table.add_row(*_cells(row, change), end_section=row["last"])
    counts = sorted(set(results.group_by("backbone", "enhancer").len()["len"].to_list()))
    over = " to ".join(map(str, dict.fromkeys((counts[0], counts[-1])))) if counts else "1"
    told = [f"Means over {over} seeds."] if over != "1" else []
    told += [NOTE] if NONE in changes.values() else []
    return table, told + notes(results["marks"])


def means(results: pl.DataFrame) -> list[dict[str, Any]]:
    """Means over seeds, a row a backbone and enhancer; `last` is true of a backbone's last row."""
    import polars as pl

    pairs = results.group_by("backbone", "enhancer", maintain_order=True).agg(
        pl.col(*METRICS, *COSTS).mean(), pl.col("marks").first()
    )
    rows = pairs.to_dicts()
    for row, following in zip(rows, [*rows[1:], None], strict=True):
        row["last"] = following is not None and following["backbone"] != row["backbone"]
    return rows


def _cells(row: dict[str, Any], change: str) -> Iterable[str]:
    yield row["backbone"]
    yield named(row["enhancer"], row["marks"])
    for metric in METRICS:
        yield f"{row[metric]:.4f}"
    yield change
    yield f"{row['seconds_per_epoch']:.2f}"
    yield f"{row['epochs']:.0f}"
    yield f"{row['peak_mb']:.0f}"


def show_compared(compared: pl.DataFrame) -> Table:
    """The table a person reads of `compare_contenders`, without the plain twins' missing tests."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(title="Test metrics", title_justify="left", box=SIMPLE_HEAD)
    for name in ("recommender", "metric", "mean", "change", "difference, 95 %", "p", "p (Holm)"):
        table.add_column(name, justify="left" if name in ("recommender", "metric") else "right")
    for row in compared.iter_rows(named=True):
        spread = "" if row["sd"] is None else f" ± {row['sd']:.4f}"
        cells = [row["run"], METRICS[row["metric"]], f"{row['mean']:.4f}{spread}"]
        if row["baseline"] is not None:
            some = "" if row["shared"] == row["seeds"] else f" ({row['shared']} seeds)"
            cells += [
                f"{change_in_words(row)}{some}",
                f"{row['difference']:+.4f} ({row['low']:+.4f} … {row['high']:+.4f})",
                f"{row['p']:.2g}",
                f"{row['p_holm']:.2g}",
            ]
        table.add_row(*cells)
    return table
