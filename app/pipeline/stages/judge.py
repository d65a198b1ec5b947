"""What a trained recommender is worth on the test, and what it shows to everybody."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.experiment.settings import Cell, Experiment
from app.pipeline.stages.stage import Stage, Task, reads

LIST_LENGTH = 20
"""Items that are kept of what a recommender shows to a user."""


def judge(task: Task) -> Mapping[str, Any]:
    """Test metrics of one recommender, a row a user."""
    from recommend.judge.evaluate import evaluate
    from recommend.model import Model

    model = Model.load(task.inputs["train"], task.device)
    config = task.experiment.evaluate
    evaluation = evaluate(model, task.dataset, task.split, "test", config)
    evaluation.save(task.folder)
    return dict(evaluation.summary)


def keep_lists(task: Task) -> Mapping[str, Any]:
    """The first items that one recommender shows to each user."""
    from recommend.judge.lists import top_lists
    from recommend.model import Model

    model = Model.load(task.inputs["train"], task.device)
    lists = top_lists(model, task.dataset, task.split, LIST_LENGTH)
    lists.save(task.folder)
    return {"users": len(lists.items), "items": lists.items.shape[1]}


def _evaluate(experiment: Experiment, _cell: Cell | None, _workspace: Path) -> Mapping[str, Any]:
    return experiment.evaluate.model_dump(mode="json")


def _lists(_experiment: Experiment, _cell: Cell | None, _workspace: Path) -> Mapping[str, Any]:
    return {"length": LIST_LENGTH}


STAGES = {
    "evaluate": Stage(
        "evaluating", 2, reads("dataset", "split", "train"), _evaluate, judge, a_cell=True
    ),
    "lists": Stage(
        "recommending to all users",
        1,
        reads("dataset", "split", "train"),
        _lists,
        keep_lists,
        a_cell=True,
    ),
}
"""Lists are made only where they are asked for."""
