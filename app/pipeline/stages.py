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

from app.experiment.settings import SHUFFLED, Cell, Experiment
from app.pipeline import work
from app.pipeline.overrides import texts_by_hand
from data.errors import ConfigError

_HOW_IT_IS_RUN = {
    *("batch_size", "tensor_parallel", "memory_share", "path", "url", "key_variable"),
    *("concurrency", "timeout_s", "attempts", "stop_after"),
}
"""Settings of models that say where and how they are asked, and change no result."""
READERS = {"demo": 2, "files": 2, "amazon-books": 2}
"""Versions of the readers of single data sets, raised like a stage's when one gives other results;
those that are not here have 1, and their results stay valid."""
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


def texts_of(side: str, *others: str) -> Inputs:
    """What a stage reads that takes in the texts of a side, beside `others`.

    Every stage but the shuffling asks here, so that no way leads around the control.
    """

    def names(experiment: Experiment, _cell: Cell | None) -> tuple[str, ...]:
        shuffled = experiment.control == SHUFFLED
        return (*others, f"shuffled-{side}" if shuffled else f"knowledge-{side}")

    return names


def _train_inputs(experiment: Experiment, cell: Cell | None) -> tuple[str, ...]:
    """What the enhancer learns from; so the plain twin is shared by all who differ elsewhere."""
    needs = () if cell is None else experiment.model_of(cell).needs
    return ("dataset", "split", *(work.SOURCES[name] for name in needs if name in work.SOURCES))


def _data(experiment: Experiment, _cell: Cell | None, workspace: Path) -> Mapping[str, Any]:
    from data.catalogue import card
    from data.loaders.load import source_digests

    config = experiment.data
    given = config.model_dump(mode="json", exclude={"source", "max_history", "files"})
    if config.name in READERS:
        given["reader"] = READERS[config.name]
    if config.min_rating is None:
        given["min_rating"] = card(config.name).min_rating
    if config.files is not None:
        paths = {"interactions", "users", "items"}
        given["files"] = config.files.model_dump(mode="json", exclude=paths)
    return {**given, "content": source_digests(config, workspace / "downloads")}


def _knowledge(
    side: str, experiment: Experiment, _cell: Cell | None, workspace: Path
) -> Mapping[str, Any]:
    """Templates, and how much of a history they are shown, count where somebody reads them."""
    from llm.backends import open_backend
    from llm.overrides import digest
    from llm.settings import MODELS

    template = work.template_of(experiment, side, workspace)
    config = getattr(experiment.llm, side)
    given = {
        **config.model_dump(mode="json", exclude=_HOW_IT_IS_RUN),
        "model": open_backend(config).model,
    }
    if isinstance(config, MODELS):
        given["template"] = [template.label, template.hash]
        given |= {"history": experiment.prompts.history} if side == "user" else {}
    if (gate := experiment.llm.gate_of(side)) is not None:
        given["gate"] = gate.model_dump(mode="json")
    if by_hand := texts_by_hand(experiment, side, workspace):
        given["by hand"] = digest(by_hand)
    return given


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


def _shuffled(
    _side: str, experiment: Experiment, _cell: Cell | None, _workspace: Path
) -> Mapping[str, Any]:
    return {"seed": experiment.seed}


def _graph(experiment: Experiment, _cell: Cell | None, _workspace: Path) -> Mapping[str, Any]:
    """Nothing where it is as it should be, so that results from before the setting stay valid."""
    return experiment.graph.model_dump(mode="json", exclude_defaults=True)


def _phrases(experiment: Experiment, _cell: Cell | None, _workspace: Path) -> Mapping[str, Any]:
    return experiment.phrases.model_dump(mode="json")


def _pairs(experiment: Experiment, _cell: Cell | None, _workspace: Path) -> Mapping[str, Any]:
    """Settings of the judge there is; the template and the gate count where a model is asked."""
    from llm.backends import open_backend
    from llm.settings import MODELS, VectorsJudgeConfig
    from prompts.pairs import pair_template

    config = experiment.pairs
    judge = config.judge.model_dump(mode="json", exclude=_HOW_IT_IS_RUN)
    given = {"nearest": config.nearest, "judge": judge}
    if isinstance(config.judge, VectorsJudgeConfig):
        return given
    template = pair_template(config.template)
    asked = {
        "model": open_backend(config.judge).model,
        "template": [template.label, template.hash],
        "least_score": config.least_score,
    }
    if isinstance(config.judge, MODELS):
        asked["gate"] = experiment.llm.gate.model_dump(mode="json")
    return {**given, **asked}


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
    """The stages from texts to factors of one side; the control is one that others ask for."""
    texts, vectors, codes = f"knowledge-{side}", f"vectors-{side}", f"codes-{side}"
    return {
        texts: Stage(
            f"describing {side}s",
            2,
            knowledge_inputs,
            partial(_knowledge, side),
            partial(work.describe_side, side),
        ),
        f"shuffled-{side}": Stage(
            f"shuffling texts of {side}s",
            1,
            _from(texts),
            partial(_shuffled, side),
            partial(work.shuffle_side, side),
        ),
        vectors: Stage(
            f"encoding texts of {side}s",
            1,
            texts_of(side),
            _encoder,
            partial(work.encode_side, side),
        ),
        codes: Stage(
            f"quantising {side}s",
            3,
            _from(vectors),
            partial(_quantize, side),
            partial(work.fit_side, side),
        ),
        f"factors-{side}": Stage(
            f"naming factors of {side}s",
            3,
            texts_of(side, "dataset", vectors, codes),
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
        _graph,
        work.make_graph,
    ),
    "phrases": Stage(
        "finding phrases",
        1,
        texts_of("item", "dataset"),
        _phrases,
        work.find_phrases_of_items,
    ),
    "pairs": Stage(
        "pairing items",
        1,
        texts_of("item", "dataset", "vectors-item"),
        _pairs,
        work.pair_items,
    ),
    "train": Stage("training", 4, _train_inputs, _train, work.train, a_cell=True),
    "evaluate": Stage(
        "evaluating", 2, _from("dataset", "split", "train"), _evaluate, work.judge, a_cell=True
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


def stages_named(name: str) -> tuple[str, ...]:
    """The stages that a person means: one by its name, or both sides of it.

    >>> stages_named("graph"), stages_named("codes")
    (('graph',), ('codes-item', 'codes-user'))

    Raises:
        ConfigError: there is no such stage.
    """
    sides = tuple(f"{name}-{side}" for side in ("item", "user"))
    found = (name,) if name in STAGES else sides
    if found[0] not in STAGES:
        raise ConfigError(f"There is no stage {name!r}. The stages are {', '.join(STAGES)}.")
    return found
