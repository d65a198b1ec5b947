"""A text for every user and item; in the control, the same texts on other entities."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from app.experiment.settings import SHUFFLED, Cell, Experiment
from app.pipeline.own_texts import template_of, texts_by_hand
from app.pipeline.stages.stage import HOW_IT_IS_RUN, Inputs, Stage, Task, reads
from llm import backends
from llm.cache import ResponseCache
from llm.engine import close_engines
from llm.knowledge import Knowledge, describe
from llm.lengths import readable
from llm.overrides import digest, with_texts
from llm.protocol import Recorded
from llm.ray_data import RayBackend
from llm.review import coverage
from llm.settings import MODELS
from llm.shuffle import shuffle
from prompts.requests import item_requests, user_requests


def describe_side(side: str, task: Task) -> Mapping[str, Any]:
    """A text for every entity of one side."""
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
        backend = backends.open_backend(config)
        if isinstance(backend, Recorded):
            ids = dataset.item_ids if side == "item" else dataset.user_ids
            backend.check_ids(side, ids.external)
        sent = readable(requests, template, backend)
        if isinstance(config, MODELS) and llm.ray.enabled:
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
        "texts": knowledge.table.height - knowledge.failures.height,
        "failed": knowledge.failures.height,
        **({"cut off": cut_off} if cut_off else {}),
        **({"by hand": knowledge.table["override"].count()} if by_hand else {}),
        "model": backend.model,
        "leaking": knowledge.leaking,
    }


def shuffle_side(side: str, task: Task) -> Mapping[str, Any]:
    """The texts of one side, each on another entity."""
    knowledge = Knowledge.load(task.inputs[f"knowledge-{side}"])
    moved = shuffle(knowledge, side, task.experiment.seed)
    moved.save(task.folder)
    return {"texts": moved.table.height, "leaking": moved.leaking}


def texts_of(side: str, *others: str) -> Inputs:
    """What a stage reads that takes in the texts of a side, beside `others`.

    Every stage but the shuffling asks here, so that no way leads around the control.
    """

    def names(experiment: Experiment, _cell: Cell | None) -> tuple[str, ...]:
        control = experiment.control == SHUFFLED
        return (*others, f"shuffled-{side}" if control else f"knowledge-{side}")

    return names


def _inputs_of_users(experiment: Experiment, _cell: Cell | None) -> tuple[str, ...]:
    """Facts of a user draw on the items' texts; a recorded text is what it is."""
    recorded = experiment.llm.user.backend == "replay"
    return ("dataset", "split") if recorded else ("dataset", "split", "knowledge-item")


def _settings(
    side: str, experiment: Experiment, _cell: Cell | None, workspace: Path
) -> Mapping[str, Any]:
    """Templates, and how much of a history they are shown, count where somebody reads them."""
    template = template_of(experiment, side, workspace)
    config = getattr(experiment.llm, side)
    given = {
        **config.model_dump(mode="json", exclude=HOW_IT_IS_RUN),
        "model": backends.open_backend(config).model,
    }
    if isinstance(config, MODELS):
        given["template"] = [template.label, template.hash]
        given |= {"history": experiment.prompts.history} if side == "user" else {}
    if (gate := experiment.llm.gate_of(side)) is not None:
        given["gate"] = gate.model_dump(mode="json")
    if by_hand := texts_by_hand(experiment, side, workspace):
        given["by hand"] = digest(by_hand)
    return given


def _seed(experiment: Experiment, _cell: Cell | None, _workspace: Path) -> Mapping[str, Any]:
    return {"seed": experiment.seed}


def stages(side: str) -> dict[str, Stage]:
    """The stages of one side; the control is one that others ask for."""
    texts = f"knowledge-{side}"
    return {
        texts: Stage(
            f"describing {side}s",
            2,
            reads("dataset") if side == "item" else _inputs_of_users,
            partial(_settings, side),
            partial(describe_side, side),
        ),
        f"shuffled-{side}": Stage(
            f"shuffling texts of {side}s",
            1,
            reads(texts),
            _seed,
            partial(shuffle_side, side),
        ),
    }
