"""What the paper reports: its figures and how they were measured, from `experiments/paper.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from app.experiment.file import PAPER

Figures = Mapping[str, float]
"""Value by metric."""


@dataclass(frozen=True, slots=True)
class Protocol:
    """How figures were measured, and on what.

    Attributes:
        users: In the data set.
        items: In the data set.
        min_rating: Lowest rating of a positive interaction.
        min_history: Fewest interactions of a user.
        max_history: Longest history that a recommender reads.
        split: How valid and test were held out.
        candidates: Ranked items: "all", or how many were drawn beside the true one.
        exclude_seen: Whether items of the history were left out.
        k: Length of lists in NDCG and HR.
    """

    users: int
    items: int
    min_rating: float
    min_history: int
    max_history: int
    split: str
    candidates: str | int
    exclude_seen: bool
    k: int


@cache
def paper() -> dict[str, Any]:
    """The whole file."""
    return tomllib.loads(PAPER.read_text(encoding="utf-8"))


def protocol_of(dataset: str) -> Protocol | None:
    """How the paper measured on a data set; None where it did not."""
    given = dict(paper()["protocol"].get(dataset, {}))
    given.pop("samples", None)
    return Protocol(**given) if given else None


def figures_of(table: str, dataset: str, backbone: str) -> dict[str, Figures]:
    """Metrics by row of one backbone in a table of recommenders; none where there are none.

    >>> figures_of("table2", "ml-1m", "sasrec")["autograph"]["ndcg@10"]
    0.1047
    """
    columns = paper()["columns"]
    rows = paper().get(table, {}).get(dataset, {}).get(backbone, {})
    return {row: dict(zip(columns, values, strict=True)) for row, values in rows.items()}


def means() -> dict[str, Any]:
    """What the figures were reached with: language model, encoder, width and the like."""
    return dict(paper()["means"])
