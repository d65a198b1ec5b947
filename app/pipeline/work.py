"""What each stage does with its inputs; every import of a heavy library is in here, and late."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.experiment.settings import Cell, Experiment
from app.pipeline.overrides import texts_by_hand
from prompts.template import own_templates

if TYPE_CHECKING:
    from data.dataset import Dataset
    from data.split import Split
    from prompts.template import Template
    from recommend.sources import Sources

LIST_LENGTH = 20
"""Items that are kept of what a recommender shows to a user."""
Progress = Callable[[int, int, str], None]
"""Hears of what is done, out of how many (0: not known), and what it is."""


@dataclass(frozen=True, slots=True)
class Task:
    """What a stage is given.

    Attributes:
        experiment: All settings.
        cell: The recommender of the grid, for stages that are run for each.
        inputs: Folder of each input's result.
        folder: To fill.
        scratch: For checkpoints; it is removed when the stage is finished.
        workspace: Holds caches and downloads.
        on_progress: To be told.
        device: That models are trained on, as torch calls it.
    """

    experiment: Experiment
    cell: Cell | None
    inputs: Mapping[str, Path]
    folder: Path
    scratch: Path
    workspace: Path
    on_progress: Progress
    device: str = "cpu"

    @property
    def dataset(self) -> Dataset:
        """The data set."""
        from data.dataset import Dataset

        return Dataset.load(self.inputs["dataset"])

    @property
    def split(self) -> Split:
        """Its split."""
        from data.split import Split

        return Split.load(self.inputs["split"])

    def texts(self, side: str) -> Path:
        """The folder of a side's texts, those of the control where there is one."""
        return self.inputs.get(f"shuffled-{side}") or self.inputs[f"knowledge-{side}"]


def make_dataset(task: Task) -> Mapping[str, Any]:
    """The data set, and a table of rows that could not be read."""
    from data import atomic
    from data.loaders.load import load_dataset

    loaded = load_dataset(task.experiment.data, task.workspace / "downloads", task.on_progress)
    loaded.dataset.save(task.folder)
    atomic.write_parquet(task.folder / "bad_rows.parquet", loaded.bad_rows)
    return {
        "users": loaded.dataset.n_users,
        "items": loaded.dataset.n_items,
        "interactions": loaded.dataset.interactions.height,
        "bad rows": loaded.bad_rows.height,
        "left out": dict(loaded.left_out),
        "understood": list(loaded.understood),
    }


def make_split(task: Task) -> Mapping[str, Any]:
    """The split by time."""
    from data.split import leave_one_out

    split = leave_one_out(task.dataset)
    split.save(task.folder)
    return {"train": len(split.train), "valid": len(split.valid), "test": len(split.test)}


def template_of(
    experiment: Experiment, side: str, workspace: Path, setting: str | None = None
) -> Template:
    """The template that describes one side, or that `setting` names in its place.

    Raises:
        TemplateError: there is none, or it is for the other side.
    """
    from data.catalogue import card
    from prompts.template import choose_template

    named, domain = (
        setting or template_setting(experiment, side),
        card(experiment.data.name).domain,
    )
    return choose_template(named, side, domain, own_templates(workspace))  # type: ignore[arg-type]


def with_versions(experiment: Experiment, workspace: Path) -> Experiment:
    """The experiment with the versions that its own templates have at this moment.

    Whoever saves another version while it runs does not change it, and its record says what was
    used.
    """
    from prompts.template import versions_of

    found = {}
    for side in ("user", "item"):
        name = template_setting(experiment, side)
        versions = versions_of(own_templates(workspace), name)
        if versions:
            found[f"{side}_template"] = f"{name}@{versions[-1]}"
    if not found:
        return experiment
    return experiment.model_copy(update={"prompts": experiment.prompts.model_copy(update=found)})


def template_setting(experiment: Experiment, side: str) -> str:
    """The template that an experiment names for a side."""
    return str(getattr(experiment.prompts, f"{side}_template"))


def describe_side(side: str, task: Task) -> Mapping[str, Any]:
    """A text for every entity of one side."""
    from llm.backends import open_backend
    from llm.cache import ResponseCache
    from llm.engine import close_engines
    from llm.knowledge import Knowledge, describe
    from llm.lengths import readable
    from llm.overrides import with_texts
    from llm.protocol import Recorded
    from llm.review import coverage
    from llm.settings import MODELS
    from prompts.requests import item_requests, user_requests

    dataset, template = task.dataset, template_of(task.experiment, side, task.workspace)
    if side == "item":
        requests, total = item_requests(dataset, template), dataset.n_items
    else:
        items = task.inputs.get("knowledge-item")
        texts = Knowledge.load(items).texts if items else None
        history = task.experiment.prompts.history
        requests = user_requests(dataset, task.split, template, history, texts)
        total = dataset.n_users
    cache = ResponseCache.of(task.workspace)
    try:
        llm = task.experiment.llm
        config, gate = getattr(llm, side), llm.gate_of(side)
        backend = open_backend(config)
        if isinstance(backend, Recorded):
            ids = dataset.item_ids if side == "item" else dataset.user_ids
            backend.check_ids(side, ids.external)
        sent = readable(requests, template, backend)
        if isinstance(config, MODELS) and llm.ray.enabled:
            from llm.ray_data import RayBackend

            backend = RayBackend(backend, config, llm.ray, task.workspace / "cache" / "ray")
        knowledge = describe(sent, backend, cache, task.on_progress, total, gate)
    finally:
        cache.close()
        close_engines()
    by_hand = texts_by_hand(task.experiment, side, task.workspace)
    if by_hand:
        knowledge = with_texts(knowledge, by_hand)
    knowledge.save(task.folder)
    cut_off = coverage(knowledge).cut_off
    return {
        "texts": knowledge.table.height - knowledge.failed.height,
        "failed": knowledge.failed.height,
        **({"cut off": cut_off} if cut_off else {}),
        **({"by hand": knowledge.table["override"].count()} if by_hand else {}),
        "model": backend.model,
        "leaking": knowledge.leaking,
    }


def shuffle_side(side: str, task: Task) -> Mapping[str, Any]:
    """The texts of one side, each on another entity."""
    from llm.knowledge import Knowledge
    from llm.shuffle import shuffled

    knowledge = Knowledge.load(task.inputs[f"knowledge-{side}"])
    moved = shuffled(knowledge, side, task.experiment.seed)
    moved.save(task.folder)
    return {"texts": moved.table.height, "leaking": moved.leaking}


def encode_side(side: str, task: Task) -> Mapping[str, Any]:
    """A vector for every text of one side."""
    from llm.encode import encode
    from llm.engine import close_engines
    from llm.knowledge import Knowledge
    from llm.vectors import VectorCache

    knowledge = Knowledge.load(task.texts(side))
    cache = VectorCache(task.workspace / "cache" / "vectors.sqlite")
    try:
        vectors = encode(knowledge, task.experiment.encoder, cache, task.on_progress)
    finally:
        cache.close()
        close_engines()
    vectors.save(task.folder)
    measured = {} if vectors.agreement is None else {"bfloat16 to float32": vectors.agreement}
    return {"width": vectors.matrix.shape[1], "encoder": vectors.encoder, **measured}


def fit_side(side: str, task: Task) -> Mapping[str, Any]:
    """Codes of one side, and the quantiser that gives them to vectors to come."""
    from llm.vectors import Vectors
    from quantize.fit import fit_codes

    config = getattr(task.experiment.quantize, side)
    vectors = Vectors.load(task.inputs[f"vectors-{side}"])
    fitted = fit_codes(vectors, config, task.scratch, task.experiment.seed, task.on_progress)
    fitted.save(task.folder)
    return {"levels": fitted.codes.levels, "codes a level": fitted.codes.k}


def name_side(side: str, task: Task) -> Mapping[str, Any]:
    """What each factor of one side means."""
    from data.columns import TITLE
    from llm.knowledge import Knowledge
    from llm.vectors import Vectors
    from quantize.describe import describe_factors
    from quantize.fit import FittedCodes, gaps, residuals

    fitted = FittedCodes.load(task.inputs[f"codes-{side}"])
    vectors = Vectors.load(task.inputs[f"vectors-{side}"])
    near = gaps(residuals(fitted, vectors.matrix))
    texts = Knowledge.load(task.texts(side)).texts
    table = getattr(task.dataset, f"{side}s")
    titles = [title or "" for title in table[TITLE]] if TITLE in table.columns else None
    described = describe_factors(fitted.codes, texts, titles=titles, gaps=near)
    described.save(task.folder)
    return {"named": sum(label != "" for label in described.labels)}


def make_graph(task: Task) -> Mapping[str, Any]:
    """The latent-factor graph, its factors without names."""
    from graph.build.latent import build_graph
    from graph.explore.statistics import statistics
    from quantize.codes import Codes

    users, items = (Codes.load(task.inputs[f"codes-{side}"]) for side in ("user", "item"))
    edges = task.experiment.graph.edges
    graph = build_graph(task.dataset, task.split, users, items, edges=edges)
    graph.save(task.folder)
    return statistics(graph)


def find_phrases_of_items(task: Task) -> Mapping[str, Any]:
    """The phrases in the texts of items, a node each."""
    from llm.knowledge import Knowledge
    from quantize.phrases import find_phrases

    texts = Knowledge.load(task.texts("item")).texts
    ids = task.dataset.item_ids.external
    phrases = find_phrases(ids, texts, task.experiment.phrases, task.on_progress)
    phrases.save(task.folder)
    return {
        "phrases": len(phrases.names),
        "edges": len(phrases.phrases),
        "items without": int((phrases.degrees == 0).sum()),
    }


def pair_items(task: Task) -> Mapping[str, Any]:
    """Pairs of items that are alike, judged by vectors or by a language model."""
    from app.pipeline.pairing import judge_pairs, pairing_of
    from llm.cache import ResponseCache
    from llm.engine import close_engines

    pairing = pairing_of(task.experiment, task.inputs)
    cache = ResponseCache.of(task.workspace)
    try:
        pairs = judge_pairs(pairing, cache, task.workspace, task.on_progress)
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


SOURCES = {
    "graph": "graph",
    "user_vectors": "vectors-user",
    "item_vectors": "vectors-item",
    "phrases": "phrases",
    "pairs": "pairs",
}
"""The stage that makes each part of `recommend.sources.Sources`."""


def _sources(task: Task, needs: Sequence[str]) -> Sources:
    """What earlier stages give to training."""
    from graph.latent import LatentGraph
    from llm.pairs import Pairs
    from llm.vectors import Vectors
    from quantize.phrases import Phrases
    from recommend.sources import Sources

    opened: dict[str, Callable[[Path], Any]] = {
        "graph": LatentGraph.load,
        "user_vectors": lambda folder: Vectors.load(folder).matrix,
        "item_vectors": lambda folder: Vectors.load(folder).matrix,
        "phrases": lambda folder: Phrases.load(folder).relation,
        "pairs": lambda folder: Pairs.load(folder).relation,
    }
    wanted = [name for name in needs if name in SOURCES]
    return Sources(**{name: opened[name](task.inputs[SOURCES[name]]) for name in wanted})


def train(task: Task) -> Mapping[str, Any]:
    """One recommender of the grid."""
    from app.pipeline.memory import peak_megabytes
    from recommend.fit.training import fit_model

    cell = task.cell
    assert cell is not None
    config = task.experiment.model_of(cell)
    model = fit_model(
        task.dataset,
        task.split,
        _sources(task, config.needs),
        config,
        task.experiment.train_of(cell),
        seed=cell.seed,
        scratch=task.scratch,
        on_progress=task.on_progress,
        device=task.device,
    )
    model.save(task.folder)
    return {
        "epochs": model.curve.height,
        "seconds_per_epoch": model.about["seconds_an_epoch"],
        "seconds": model.about["seconds"],
        "peak_mb": peak_megabytes(),
        "valid_ndcg@10": float(model.curve["ndcg@10"].max()),  # type: ignore[arg-type]
    }


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
