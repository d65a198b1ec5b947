"""Which items are alike: what is to be judged, by whom, and what that takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.experiment.settings import SHUFFLED, Cell, Experiment
from app.pipeline.stages.describe import texts_of
from app.pipeline.stages.stage import HOW_IT_IS_RUN, Stage, Task
from data.dataset import Dataset
from llm import backends
from llm.cache import ResponseCache
from llm.engine import close_engines
from llm.knowledge import Knowledge
from llm.pairs import (
    Candidates,
    Pairs,
    Questions,
    judge_by_model,
    judge_by_vectors,
    nearest_pairs,
    unanswered_requests,
)
from llm.ray_data import RayBackend
from llm.settings import MODELS, VectorsJudgeConfig
from llm.shuffle import others
from llm.vectors import Vectors
from prompts.pairs import pair_template
from prompts.views import ItemViews


@dataclass(frozen=True, slots=True)
class Pairing:
    """The candidates of an experiment.

    Attributes:
        experiment: Whose settings name the judge.
        ids: External ids of items.
        candidates: Pairs that are judged.
        questions: What a model is asked; None where vectors judge.
    """

    experiment: Experiment
    ids: tuple[str, ...]
    candidates: Candidates
    questions: Questions | None


def pairing_of(experiment: Experiment, inputs: Mapping[str, Path]) -> Pairing:
    """What is to be judged.

    Args:
        experiment: Its settings.
        inputs: Folders of the results that the stage `pairs` reads.

    Raises:
        TemplateError: the template cannot be read, or asks for no score.
    """
    config, ids = experiment.pairs, Dataset.load(inputs["dataset"]).item_ids.external
    candidates = nearest_pairs(Vectors.load(inputs["vectors-item"]), config.nearest)
    if isinstance(config.judge, VectorsJudgeConfig):
        return Pairing(experiment, ids, candidates, None)
    items = Dataset.load(inputs["dataset"]).items
    if experiment.control == SHUFFLED:  # titles and attributes go with the texts
        items = items[others(len(ids), "item", experiment.seed)]
    texts = inputs.get("shuffled-item") or inputs["knowledge-item"]
    views = ItemViews(items, Knowledge.load(texts).texts)
    questions = Questions(ids, views, candidates, pair_template(config.template))
    return Pairing(experiment, ids, candidates, questions)


def pair_items(task: Task) -> Mapping[str, Any]:
    """Pairs of items that are alike, judged by vectors or by a language model."""
    pairing = pairing_of(task.experiment, task.inputs)
    cache = ResponseCache.of(task.workspace)
    try:
        pairs = _judge(pairing, cache, task)
    finally:
        cache.close()
        close_engines()
    pairs.save(task.folder)
    return {
        "judge": pairs.judge,
        "judged": pairs.candidates,
        "alike": pairs.alike,
        "failed": pairs.failed,
        "items without": int((pairs.degrees == 0).sum()),
        "leaking": pairs.leaking,
    }


def _judge(pairing: Pairing, cache: ResponseCache, task: Task) -> Pairs:
    """The pairs that are alike; how many calls that takes is told before the first.

    Raises:
        BackendError: nothing can be asked of the model.

    Source: AutoGraph, section 4.3: O(N·E) calls.
    """
    config, questions, llm = pairing.experiment.pairs, pairing.questions, task.experiment.llm
    judge, gate = config.judge, None
    if isinstance(judge, VectorsJudgeConfig):
        return judge_by_vectors(
            pairing.ids, pairing.candidates, judge.least_cosine, mutual=judge.mutual
        )
    assert questions is not None
    backend: Any = backends.open_backend(judge)
    if isinstance(judge, MODELS):
        gate = llm.gate
        if llm.ray.enabled:
            backend = RayBackend(backend, judge, llm.ray, task.workspace / "cache" / "ray")
    calls = len(unanswered_requests(questions, backend, cache))
    task.on_progress(0, len(pairing.candidates), f"pairs: {calls:,} calls to make")
    return judge_by_model(questions, backend, cache, config.least_score, gate, task.on_progress)[0]


def _settings(experiment: Experiment, _cell: Cell | None, _workspace: Path) -> Mapping[str, Any]:
    """Settings of the judge there is; the template and the gate count where a model is asked."""
    config = experiment.pairs
    judge = config.judge.model_dump(mode="json", exclude=HOW_IT_IS_RUN)
    given = {"nearest": config.nearest, "judge": judge}
    if isinstance(config.judge, VectorsJudgeConfig):
        return given
    template = pair_template(config.template)
    asked = {
        "model": backends.open_backend(config.judge).model,
        "template": [template.label, template.hash],
        "least_score": config.least_score,
    }
    if isinstance(config.judge, MODELS):
        asked["gate"] = experiment.llm.gate.model_dump(mode="json")
    return {**given, **asked}


STAGES = {
    "pairs": Stage(
        "pairing items",
        1,
        texts_of("item", "dataset", "vectors-item"),
        _settings,
        pair_items,
        gives={"pairs": lambda folder: Pairs.load(folder).relation},
    ),
}
