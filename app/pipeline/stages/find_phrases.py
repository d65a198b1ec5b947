"""The phrases in the texts of items, a node each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.experiment.settings import Cell, Experiment
from app.pipeline.stages.describe import texts_of
from app.pipeline.stages.stage import Stage, Task
from llm.knowledge import Knowledge
from quantize.phrases import Phrases, find_phrases


def find_phrases_of_items(task: Task) -> Mapping[str, Any]:
    """The phrases in the texts of items, a node each."""
    texts = Knowledge.load(task.texts("item")).texts
    ids = task.dataset.item_ids.external
    phrases = find_phrases(ids, texts, task.experiment.phrases, task.on_progress)
    phrases.save(task.folder)
    return {
        "phrases": len(phrases.names),
        "edges": len(phrases.phrases),
        "items without": int((phrases.degrees == 0).sum()),
    }


def _settings(experiment: Experiment, _cell: Cell | None, _workspace: Path) -> Mapping[str, Any]:
    return experiment.phrases.model_dump(mode="json")


STAGES = {
    "phrases": Stage(
        "finding phrases",
        1,
        texts_of("item", "dataset"),
        _settings,
        find_phrases_of_items,
        gives={"phrases": lambda folder: Phrases.load(folder).relation},
    ),
}
