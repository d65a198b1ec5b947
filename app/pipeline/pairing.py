"""Which items are alike: what is to be judged, by whom, and what that takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.experiment.settings import SHUFFLED, Experiment

if TYPE_CHECKING:
    from app.pipeline.plan import Plan
    from app.pipeline.runner import Listener
    from llm.cache import ResponseCache
    from llm.knowledge import Progress
    from llm.pairs import Candidates, Pairs, Questions
    from llm.settings import BackendConfig, LlmConfig


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
    from data.dataset import Dataset
    from llm.knowledge import Knowledge
    from llm.pairs import Questions, nearest_pairs
    from llm.settings import VectorsJudgeConfig
    from llm.shuffle import others
    from llm.vectors import Vectors
    from prompts.pairs import pair_template
    from prompts.views import ItemViews

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


def judge_pairs(
    pairing: Pairing, cache: ResponseCache, workspace: Path, on_progress: Progress | None = None
) -> Pairs:
    """The pairs that are alike.

    Args:
        pairing: What is to be judged.
        cache: Holds answers of all runs.
        workspace: Holds what Ray keeps.
        on_progress: Told of every answer of a model; first of how many calls there will be.

    Raises:
        BackendError: nothing can be asked of the model.
    """
    from llm.pairs import judged_by_model, judged_by_vectors, unanswered
    from llm.settings import VectorsJudgeConfig

    config, questions = pairing.experiment.pairs, pairing.questions
    judge = config.judge
    if isinstance(judge, VectorsJudgeConfig):
        return judged_by_vectors(
            pairing.ids, pairing.candidates, judge.least_cosine, mutual=judge.mutual
        )
    assert questions is not None
    backend, gate = _opened(judge, pairing.experiment.llm, workspace)
    if on_progress is not None:
        calls = len(unanswered(questions, backend, cache))
        on_progress(0, len(pairing.candidates), f"pairs: {calls:,} calls to make")
    return judged_by_model(questions, backend, cache, config.least_score, gate, on_progress)[0]


@dataclass(frozen=True, slots=True)
class PairEstimate:
    """What judging takes.

    Attributes:
        judge: Who would judge.
        items: How many there are.
        nearest: Items that each is compared with, E.
        pairs: Different pairs that are judged.
        calls: Those of them that a model is still to be asked about.
    """

    judge: str
    items: int
    nearest: int
    pairs: int
    calls: int

    @property
    def most(self) -> int:
        """N·E: what it would be if no pair stood twice."""
        return self.items * self.nearest


def estimate_pairs(plan: Plan, listener: Listener | None = None) -> PairEstimate:
    """How many pairs a plan judges, and how many calls that takes; no judge is asked.

    The vectors of the items are made first, if they are not there.

    Raises:
        AutoGraphError: what they are made from is missing, or the judge cannot be opened.

    Source: AutoGraph, section 4.3: O(N·E) calls.
    """
    from app.pipeline.runner import Quiet, run_steps
    from llm.backends import open_backend
    from llm.cache import ResponseCache
    from llm.pairs import BY_VECTORS, unanswered
    from llm.settings import VectorsJudgeConfig

    inputs = plan.step("pairs").inputs
    for name in inputs:
        run_steps(plan, plan.steps(name), listener or Quiet())
    places = {name: plan.store.place(name, key) for name, key in inputs.items()}
    pairing = pairing_of(plan.experiment, places)
    about = (len(pairing.ids), plan.experiment.pairs.nearest, len(pairing.candidates))
    judge = plan.experiment.pairs.judge
    if isinstance(judge, VectorsJudgeConfig):
        return PairEstimate(BY_VECTORS, *about, calls=0)
    assert pairing.questions is not None
    backend = open_backend(judge)
    cache = ResponseCache.of(plan.workspace)
    try:
        calls = len(unanswered(pairing.questions, backend, cache))
    finally:
        cache.close()
    return PairEstimate(backend.model, *about, calls)


def _opened(config: BackendConfig, llm: LlmConfig, workspace: Path) -> tuple[Any, Any]:
    """The backend of the judge, on Ray where that is wanted, and the gate of its answers."""
    from llm.backends import open_backend
    from llm.settings import MODELS

    backend: Any = open_backend(config)
    if not isinstance(config, MODELS):
        return backend, None
    if llm.ray.enabled:
        from llm.ray_data import RayBackend

        backend = RayBackend(backend, config, llm.ray, workspace / "cache" / "ray")
    return backend, llm.gate
