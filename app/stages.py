"""The stages of a run: what each takes, which settings it depends on, and what it leaves.

Settings that cannot change a result (paths, URLs, devices, processes) are in no fingerprint; the
content of the files they point to is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from app import work
from app.overrides import texts_by_hand
from app.settings import Cell, Experiment

_HOW_IT_IS_RUN = {
    *("batch_size", "tensor_parallel", "memory_share", "path", "url", "key_variable"),
    *("concurrency", "timeout_s", "attempts", "stop_after"),
}
"""Settings of models that say where and how they are asked, and change no result."""
Settings = Callable[[Experiment, Cell | None, Path], Mapping[str, Any]]
Inputs = Callable[[Experiment, Cell | None], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of the way.

    Attributes:
        what: What it does, for the person who waits.
        version: Raised when the code of the stage gives other results.
        inputs: Names of the stages whose results it reads.
        settings: JSON-able, all that its result depends on beside its inputs; from an experiment, a
            cell and the workspace, where a person's own templates are.
        run: Fills a folder; what it returns is kept in the manifest.
        a_cell: Whether there is one for every recommender of the grid.
    """

    what: str
    version: int
    inputs: Inputs
    settings: Settings
    run: Callable[[work.Task], Mapping[str, Any]]
    a_cell: bool = False


def _from(*names: str) -> Inputs:
    return lambda _experiment, _cell: names


def _nothing(_experiment: Experiment, _cell: Cell | None, _workspace: Path) -> Mapping[str, Any]:
    return {}


def _user_knowledge_inputs(experiment: Experiment, _cell: Cell | None) -> tuple[str, ...]:
    """Facts of a user draw on the items' texts; a recorded text is what it is."""
    recorded = experiment.llm.user.backend == "replay"
    return ("dataset", "split") if recorded else ("dataset", "split", "knowledge-item")


def _train_inputs(experiment: Experiment, cell: Cell | None) -> tuple[str, ...]:
    """What the enhancer learns from; so the plain twin is shared by all who differ elsewhere."""
    needs = () if cell is None else experiment.model_of(cell).enhancer.needs
    return ("dataset", "split", *(work.SOURCES[name] for name in needs if name in work.SOURCES))


def _data(experiment: Experiment, _cell: Cell | None, _workspace: Path) -> Mapping[str, Any]:
    from data.catalogue import card
    from data.loaders.digests import source_digests

    config = experiment.data
    given = config.model_dump(mode="json", exclude={"source", "max_history", "files"})
    if config.min_rating is None:
        given["min_rating"] = card(config.name).min_rating
    if config.files is not None:
        paths = {"interactions", "users", "items"}
        given["files"] = config.files.model_dump(mode="json", exclude=paths)
    return {**given, "content": source_digests(config)}


def _knowledge(
    side: str, experiment: Experiment, _cell: Cell | None, workspace: Path
) -> Mapping[str, Any]:
    from llm.backends import open_backend
    from llm.overrides import digest

    template = work.template_of(experiment, side, workspace)
    config = getattr(experiment.llm, side)
    given = {
        **config.model_dump(mode="json", exclude=_HOW_IT_IS_RUN),
        "model": open_backend(config).model,
        "template": [template.label, template.hash],
    }
    if (gate := experiment.llm.gate_of(side)) is not None:
        given["gate"] = gate.model_dump(mode="json")
    if by_hand := texts_by_hand(experiment, side, workspace):
        given["by hand"] = digest(by_hand)
    return {**given, "history": experiment.prompts.history} if side == "user" else given


def _encoder(experiment: Experiment, _cell: Cell | None, _workspace: Path) -> Mapping[str, Any]:
    config = experiment.encoder
    chosen = config.model_dump(mode="json", exclude=_HOW_IT_IS_RUN, exclude_defaults=True)
    given = {"model": config.model, "dtype": config.dtype, **chosen}
    for part in ("model", "tokenizer"):
        if part in given and Path(given[part]).is_dir():
            from llm.encoder import content_hash

            given[part] = content_hash(Path(given[part]))
    return given


def _quantize(
    side: str, experiment: Experiment, _cell: Cell | None, _workspace: Path
) -> Mapping[str, Any]:
    config = getattr(experiment.quantize, side)
    return {**config.model_dump(mode="json"), "seed": experiment.seed}


def _train(experiment: Experiment, cell: Cell | None, _workspace: Path) -> Mapping[str, Any]:
    assert cell is not None
    return {
        "model": experiment.model_of(cell).model_dump(mode="json"),
        "train": experiment.train_of(cell).model_dump(mode="json"),
        "seed": cell.seed,
    }


def _evaluate(experiment: Experiment, _cell: Cell | None, _workspace: Path) -> Mapping[str, Any]:
    return experiment.evaluate.model_dump(mode="json")


def _lists(_experiment: Experiment, _cell: Cell | None, _workspace: Path) -> Mapping[str, Any]:
    return {"length": work.LIST_LENGTH}


def _side(side: str, knowledge_inputs: Inputs) -> dict[str, Stage]:
    """The four stages from texts to factors of one side."""
    texts, vectors, codes = f"knowledge-{side}", f"vectors-{side}", f"codes-{side}"
    return {
        texts: Stage(
            f"describing {side}s",
            2,
            knowledge_inputs,
            partial(_knowledge, side),
            partial(work.describe_side, side),
        ),
        vectors: Stage(
            f"encoding texts of {side}s", 1, _from(texts), _encoder, partial(work.encode_side, side)
        ),
        codes: Stage(
            f"quantising {side}s",
            1,
            _from(vectors),
            partial(_quantize, side),
            partial(work.fit_side, side),
        ),
        f"factors-{side}": Stage(
            f"naming factors of {side}s",
            1,
            _from("dataset", texts, codes),
            _nothing,
            partial(work.name_side, side),
        ),
    }


STAGES: dict[str, Stage] = {
    "dataset": Stage("reading data", 1, _from(), _data, work.make_dataset),
    "split": Stage("splitting", 1, _from("dataset"), _nothing, work.make_split),
    **_side("item", _from("dataset")),
    **_side("user", _user_knowledge_inputs),
    "graph": Stage(
        "building the graph",
        1,
        _from("dataset", "split", "codes-user", "codes-item"),
        _nothing,
        work.make_graph,
    ),
    "train": Stage("training", 1, _train_inputs, _train, work.train, a_cell=True),
    "evaluate": Stage(
        "evaluating", 1, _from("dataset", "split", "train"), _evaluate, work.judge, a_cell=True
    ),
    "lists": Stage(
        "recommending to all users",
        1,
        _from("dataset", "split", "train"),
        _lists,
        work.keep_lists,
        a_cell=True,
    ),
}
"""The way through the house, in order. Names of factors are no input of the graph: words that
describe a code better train nothing again. Lists are made only where they are asked for."""
