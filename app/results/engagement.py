"""Engagement Recall of recommenders: by route, domain, and how much users had there before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import mean
from typing import TYPE_CHECKING, Any

import polars as pl

from app.experiment.settings import Cell, Experiment
from app.pipeline.derived import holds, run_derived, step_from
from app.pipeline.plan import Step
from app.pipeline.records import Record
from app.pipeline.runner import Showing, in_silence
from app.results.comparison import Contender
from data.errors import ConfigError
from recommend.settings import BACKBONES

if TYPE_CHECKING:
    from recommend.judge.engagement import Engagement

KS = (20, 100)
"""Items that are retrieved."""
ALL = "all"
"""Every domain, or every user, together."""


def _embeds(cell: Cell) -> bool:
    spec = BACKBONES.get(cell.backbone)
    return spec is not None and spec.config.embeds


def embedding_cells(record: Record) -> list[Cell]:
    """Finished recommenders of a run that have vectors of users and items.

    Raises:
        ConfigError: there are none.
    """
    finished = record.finished_cells()
    cells = [cell for cell in finished if _embeds(cell)]
    if not cells:
        able = ", ".join(name for name, spec in BACKBONES.items() if spec.config.embeds)
        there = ", ".join(dict.fromkeys(str(cell.backbone) for cell in finished)) or "none"
        raise ConfigError(
            f"No trained recommender of {record.experiment.name!r} has a vector of every user and "
            f"item (trained: {there}). Those that have: {able}. Add one to grid.backbones, and "
            f"run it: autograph run {record.file or record.experiment.name}"
        )
    return cells


def engagement_steps(record: Record) -> list[tuple[Experiment, Step]]:
    """The steps that measure it, one for every recommender that has vectors."""
    steps = (step_from(record, "engagement", cell) for cell in embedding_cells(record))
    return [(record.experiment, step) for step in steps]


def measure_engagement(
    record: Record, device: str = "cpu", showing: Showing = in_silence
) -> list[str]:
    """Makes the measurements that are missing; says why for those that have no vectors as set.

    Raises:
        ConfigError: no recommender has vectors.
        AutoGraphError: of the first that fails otherwise.
    """
    steps, told = engagement_steps(record), []
    for step in steps:
        try:
            run_derived(record, [step], device, showing)
        except ConfigError as error:
            told.append(f"{step[1].cell} is left out: {error}")
    if len(told) == len(steps):
        raise ConfigError("\n".join(told))
    return told


def load_engagement(one: Contender) -> dict[int, Engagement]:
    """What was measured of a recommender, by seed; nothing where it was not, or has no vectors."""
    from recommend.judge.engagement import Engagement

    found = {}
    for cell in filter(_embeds, one.cells):
        step = step_from(one.record, "engagement", cell)
        if holds(one.record, step):
            place = one.record.store.place(step.stage, step.key)
            found[cell.seed] = Engagement.load(place)
    return found


def recall_table(
    measured: Sequence[Engagement], routes: Sequence[str], ks: Sequence[int] = KS
) -> pl.DataFrame:
    """Recall@K, a row a domain and bucket of users; means over seeds.

    Columns: `domain`, `had` (training interactions in it), `users`, and one a route and K, such as
    `u2i@20`. Rows of all domains and of all users stand first.

    Args:
        measured: Of one recommender, a seed each.
        routes: Of `recommend.judge.engagement.ROUTES`.
        ks: Items that are retrieved.
    """
    from recommend.judge.engagement import ANY, BUCKETS

    names = measured[0].domains if len(measured[0].domains) > 1 else ()
    rows: list[dict[str, Any]] = []
    for name in (None, *names):
        for bucket, had in {ALL: ANY, **BUCKETS}.items():
            users = measured[0].hits(1, routes[0], name, had).height
            if not users:
                continue
            row: dict[str, Any] = {"domain": name or ALL, "had": bucket, "users": users}
            for route in routes:
                for k in ks:
                    each = (one.recall(k, route, name, had) for one in measured)
                    row[f"{route}@{k}"] = mean(each)
            rows.append(row)
    return pl.DataFrame(rows)


def engagement_in_words(about: Mapping[str, Any], routes: Sequence[str]) -> list[str]:
    """What the columns of `recall_table` are, in sentences.

    Args:
        about: Of an `Engagement`.
        routes: That are shown.
    """
    pooled = {"sum": "their cosines added up", "max": "the largest of their cosines"}
    told = {
        "u2i": "u2i: the items whose vectors have the largest product with the user's.",
        "u2u2i": (
            f"u2u2i: what the {about['neighbours']} users most similar by cosine had in training, "
            "each counted by its cosine."
        ),
        "i2i": (
            f"i2i: the {about['similar']} items most similar to each of the user's last "
            f"{about['last']} in training, of any domain; {pooled[about['pool']]}."
        ),
    }
    return [
        "Share of users whose test item is among the first K that a route finds in its domain, "
        "without what they had before; “had” counts their training interactions in that domain.",
        *(told[route] for route in routes),
        "No edge, vector or last item is of validation or test; a route that does not find the "
        "item has missed it. The definition is ours (docs/retrieval.md).",
    ]
