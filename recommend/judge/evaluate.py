"""Leave-one-out evaluation: the rank of the held-out item, user by user."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor

from data import atomic
from data.columns import USER
from data.dataset import Dataset, Histories
from data.split import Split
from data.statistics import share_of_repeats
from recommend.judge.metrics import METRICS, mean_rank, per_user, value
from recommend.protocols import Asked, Scores
from recommend.settings import EvaluateConfig

TIES = "mean rank"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Metrics of every user, and how they were measured.

    Attributes:
        per_user: Columns `user` (dense number), `rank`, `candidates`, each of `METRICS`, and what
            results are sliced by: `history` (training interactions of the user) and `popularity`
            (training interactions of the held-out item).
        about: Part, seed, candidates, ties rule and the like.
    """

    per_user: pl.DataFrame
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def summary(self) -> dict[str, float]:
        """Mean over users of each metric."""
        means = self.per_user.select(pl.col(name).mean() for name in METRICS)
        return {name: float(value) for name, value in means.row(0, named=True).items()}

    def mean(self, metric: str) -> float:
        """Over users, of any metric that ranks tell, stored or not."""
        ranks, candidates = (self.per_user[name].to_numpy() for name in ("rank", "candidates"))
        return float(value(metric, ranks, candidates).mean())

    def save(self, directory: Path) -> None:
        """A Parquet table and JSON."""
        atomic.write_parquet(directory / "per_user.parquet", self.per_user)
        described = {"about": self.about, "summary": self.summary}
        atomic.write_json(directory / "evaluation.json", described)

    @classmethod
    @atomic.report_damage
    def load(cls, directory: Path) -> Evaluation:
        """The evaluation stored by `save`."""
        about = atomic.read_json(directory / "evaluation.json")["about"]
        return cls(atomic.read_parquet(directory / "per_user.parquet"), about)


def histories_before(dataset: Dataset, split: Split, part: str) -> Histories:
    """What each user had done when the item of `part` came: for "test", validation included."""
    training = split.histories(dataset)
    return append(training, split.targets(dataset, "valid")) if part == "test" else training


def append(histories: Histories, items: np.ndarray) -> Histories:
    """Histories with one more item at the end of each: a test starts from train + validation.

    Args:
        histories: Sequences of n users.
        items: (n,) item that each user had next.
    """
    after = histories.offsets[1:]
    grown = np.insert(histories.items, after, items).astype(np.int32)
    times = np.insert(histories.times, after, np.iinfo(np.int64).max)
    return Histories(histories.offsets + np.arange(len(histories.offsets)), grown, times)


def evaluate(
    model: Scores,
    dataset: Dataset,
    split: Split,
    part: str,
    config: EvaluateConfig,
    seed: int = 0,
) -> Evaluation:
    """How well a model ranks the held-out items of `part`, "valid" or "test".

    The backbone reads the history up to the item; the graph shows training edges alone.

    Args:
        model: What is judged.
        dataset: With the ids that the model was fitted on.
        split: The split that it was fitted on.
        part: Which held-out items.
        config: Candidates and exclusions.
        seed: Draws the candidates, where they are sampled; the same for every model.
    """
    histories = histories_before(dataset, split, part)
    training = split.histories(dataset)
    targets = split.targets(dataset, part).astype(np.int64)
    drawn = dataset.n_items if config.candidates == "all" else config.candidates
    without_seen = config.candidates != "all" or leaves_out_seen(config, dataset, split, part)
    ranks = np.empty(dataset.n_users)
    counts = np.empty(dataset.n_users)
    rng = np.random.default_rng(seed)
    everyone = np.arange(dataset.n_users)
    for users, scores in model.scores(Asked(histories, everyone, training.lengths)):
        target = torch.from_numpy(targets[users]).to(scores.device)
        allowed, counts[users] = None, dataset.n_items
        if without_seen:
            allowed = _candidates(histories, users, target.cpu(), dataset.n_items, drawn, rng)
            counts[users] = allowed.sum(1).numpy()
            allowed = allowed.to(scores.device)
        ranks[users] = mean_rank(scores, target, allowed).cpu().numpy()
    popularity = np.bincount(training.items, minlength=dataset.n_items)
    columns = {
        USER: everyone.astype(np.int32),
        "rank": ranks,
        "candidates": counts.astype(np.int32),
        **per_user(ranks, counts),
        "history": training.lengths.astype(np.int32),
        "popularity": popularity[targets].astype(np.int32),
    }
    about = {"part": part, "seed": seed, "ties": TIES, **config.model_dump(mode="json")}
    about["exclude_seen"] = without_seen
    return Evaluation(pl.DataFrame(columns), about)


def leaves_out_seen(config: EvaluateConfig, dataset: Dataset, split: Split, part: str) -> bool:
    """Whether items that a user has had before are no candidates when all others are.

    Where nobody has an item twice, what was had is never what comes next, and no list shows it. For
    validation the test's interactions are not asked.
    """
    if config.exclude_seen != "auto":
        return config.exclude_seen
    if part == "test":
        return share_of_repeats(dataset) == 0
    past = append(split.histories(dataset), split.targets(dataset, "valid"))
    users = np.repeat(np.arange(len(past)), past.lengths)
    return len(np.unique(users * dataset.n_items + past.items)) == len(users)


def _candidates(
    histories: Histories,
    users: np.ndarray,
    target: Tensor,
    n_items: int,
    drawn: int,
    rng: np.random.Generator,
) -> Tensor:
    """(b, n_items) bool: the true item of each user, and `drawn` others outside the history."""
    allowed = np.ones((len(users), n_items), dtype=bool)
    for row, user in enumerate(users):
        allowed[row, histories.of(int(user))] = False
    own = np.arange(len(users)), target.numpy()
    allowed[own] = False
    if drawn < n_items:
        for others in allowed:
            chance = np.where(others, rng.random(n_items, dtype=np.float32), np.inf)
            others[np.argpartition(chance, drawn)[drawn:]] = False
    allowed[own] = True
    return torch.from_numpy(allowed)
