"""The words of items, for recommenders that compare texts without a model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.experiment.settings import SHUFFLED, Cell, Experiment
from app.pipeline.stages.describe import texts_of
from app.pipeline.stages.stage import Stage, Task
from llm.knowledge import Knowledge
from llm.shuffle import others
from quantize.words import Words, find_words, table_texts

TEXTS = "texts"
"""Of `words.of`: what items are described by."""


def find_words_of_items(task: Task) -> Mapping[str, Any]:
    """The words of items; in the control, each has those of another."""
    of, dataset = task.experiment.words.of, task.dataset
    if of == TEXTS:
        texts = list(Knowledge.load(task.texts("item")).texts)
    else:
        texts = list(table_texts(dataset.items, details=of == "details"))
        if task.experiment.control == SHUFFLED:
            texts = [texts[k] for k in others(len(texts), "item", task.experiment.seed)]
    words = find_words(texts)
    words.save(task.folder)
    without = int((words.relation.degrees == 0).sum())
    return {"words": len(words.names), "items without": without}


def _inputs(experiment: Experiment, cell: Cell | None) -> tuple[str, ...]:
    if experiment.words.of == TEXTS:
        return texts_of("item", "dataset")(experiment, cell)
    return ("dataset",)


def _settings(experiment: Experiment, _cell: Cell | None, _workspace: Path) -> Mapping[str, Any]:
    given = experiment.words.model_dump(mode="json")
    if experiment.control == SHUFFLED and experiment.words.of != TEXTS:
        given["shuffled"] = experiment.seed
    return given


STAGES = {
    "words": Stage(
        "finding words of items",
        1,
        _inputs,
        _settings,
        find_words_of_items,
        gives={"words": lambda folder: Words.load(folder).relation},
    ),
}
"""Titles are data, so nothing has to be described before they are compared."""
