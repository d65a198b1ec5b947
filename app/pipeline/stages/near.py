"""How near the test items of users are: in graphs, in samples around users, and by vectors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from app.experiment.settings import Cell, Experiment
from app.pipeline.stages.stage import Stage, Task, no_settings, reads
from data.dataset import Dataset
from data.domains import Domains
from data.relation import Relation
from data.split import Split
from graph.latent import LatentGraph
from recommend.settings.routes import RoutesConfig

if TYPE_CHECKING:
    from recommend.context.recommender import ContextGnn

LIST_LENGTH = 10
"""Items of the lists that are looked at."""


def measure_nearness(task: Task) -> Mapping[str, Any]:
    """The locality score of every user, whoever recommends; no edge is of validation or test."""
    from recommend.context.locality import measure_locality
    from recommend.judge.evaluate import histories_before

    dataset, split = task.dataset, task.split
    graph = LatentGraph.load(task.inputs["graph"]) if "graph" in task.inputs else None
    training, before = split.histories(dataset), histories_before(dataset, split, "test")
    found = measure_locality(training, before, _true_items(dataset, split), graph)
    found.save(task.folder)
    best = found.scores.filter(way="interactions")["score"]
    return {f"s_{k}": score for k, score in enumerate(best, start=1)}


def look_into_samples(task: Task) -> Mapping[str, Any]:
    """What the samples of one recommender hold of its lists and of the test items."""
    from recommend.context.locality import closeness
    from recommend.judge.evaluate import histories_before, leaves_out_seen
    from recommend.model import Model

    model = Model.load(task.inputs["train"], task.device)
    dataset, split = task.dataset, task.split
    before, true = histories_before(dataset, split, "test"), _true_items(dataset, split)
    seen = leaves_out_seen(task.experiment.evaluate, dataset, split, "test")
    had = [Relation(before.offsets, before.items, dataset.n_items)] if seen else []
    looking, everyone = cast("ContextGnn", model.recommender), np.arange(dataset.n_users)
    found = closeness(looking, before, everyone, true, had, LIST_LENGTH)
    found.save(task.folder)
    return {name: found.mean(name) for name in ("near", "of_list", "covered", "bound", "gate")}


def measure_retrieval(task: Task) -> Mapping[str, Any]:
    """Where routes over the vectors of one recommender find the test items, or its scores do."""
    from recommend.judge.engagement import measure_by_scores, measure_engagement
    from recommend.judge.evaluate import histories_before
    from recommend.model import Model
    from recommend.protocols import Embeds

    model, dataset, split = Model.load(task.inputs["train"], task.device), task.dataset, task.split
    asked = (
        split.histories(dataset),
        histories_before(dataset, split, "test"),
        split.targets(dataset, "test"),
        Domains.of(dataset),
    )
    if isinstance(model.recommender, Embeds):
        found = measure_engagement(model.recommender.embeddings(), *asked)
    else:
        found = measure_by_scores(model, *asked)
    found.save(task.folder)
    return {f"{route}@100": found.recall(100, route) for route in found.routes}


def _true_items(dataset: Dataset, split: Split) -> Relation:
    users, items = np.arange(dataset.n_users), split.targets(dataset, "test")
    return Relation.between(users, items, dataset.n_users, dataset.n_items)


def _inputs(experiment: Experiment, _cell: Cell | None) -> tuple[str, ...]:
    """The graph, where a recommender reads it, for the factors that one could walk over."""
    graph = any("graph" in experiment.learns_from(cell) for cell in experiment.grid)
    return ("dataset", "split", *(("graph",) if graph else ()))


def _judged(experiment: Experiment, _cell: Cell | None, _workspace: Path) -> Mapping[str, Any]:
    return {"length": LIST_LENGTH, "exclude_seen": experiment.evaluate.exclude_seen}


def _routes(_experiment: Experiment, _cell: Cell | None, _workspace: Path) -> Mapping[str, Any]:
    return RoutesConfig().model_dump(mode="json")


STAGES = {
    "locality": Stage("measuring how near items are", 1, _inputs, no_settings, measure_nearness),
    "closeness": Stage(
        "looking into samples",
        1,
        reads("dataset", "split", "train"),
        _judged,
        look_into_samples,
        a_cell=True,
    ),
    "engagement": Stage(
        "retrieving by vectors",
        1,
        reads("dataset", "split", "train"),
        _routes,
        measure_retrieval,
        a_cell=True,
    ),
}
"""Made only where they are asked for."""
