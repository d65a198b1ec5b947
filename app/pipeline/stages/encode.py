"""A vector for every text of a side."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from app.experiment.settings import RANDOM, Cell, Experiment
from app.pipeline.stages.describe import texts_of
from app.pipeline.stages.stage import HOW_IT_IS_RUN, Stage, Task
from llm import encoder
from llm.encode import encode
from llm.engine import close_engines
from llm.knowledge import Knowledge
from llm.scatter import scattered
from llm.vectors import VectorCache, Vectors


def encode_side(side: str, task: Task) -> Mapping[str, Any]:
    """A vector for every text of one side; in the control of random vectors, one of no text."""
    knowledge = Knowledge.load(task.texts(side))
    cache = VectorCache(task.workspace / "cache" / "vectors.sqlite")
    try:
        vectors = encode(knowledge, task.experiment.encoder, cache, task.on_progress)
    finally:
        cache.close()
        close_engines()
    if task.experiment.control == RANDOM:
        vectors = scattered(vectors, side, task.experiment.seed)
    vectors.save(task.folder)
    tried = "int8" if vectors.dtype == "int8" else "bfloat16"
    measured = {} if vectors.agreement is None else {f"{tried} to float32": vectors.agreement}
    return {"width": vectors.matrix.shape[1], "encoder": vectors.encoder, **measured}


def _settings(experiment: Experiment, _cell: Cell | None, _workspace: Path) -> Mapping[str, Any]:
    config = experiment.encoder
    chosen = config.model_dump(mode="json", exclude=HOW_IT_IS_RUN, exclude_defaults=True)
    if config.kind == "words":
        return {name: chosen[name] for name in ("kind", "dimensions", "whiten") if name in chosen}
    chosen.pop("dimensions", None)
    given = {"model": config.model, "dtype": config.dtype, **chosen}
    if experiment.control == RANDOM:
        given["random"] = experiment.seed
    for part in ("model", "tokenizer"):
        if part in given and Path(given[part]).is_dir():
            given[part] = encoder.content_hash(Path(given[part]))
    return given


def _matrix(folder: Path) -> np.ndarray:
    return Vectors.load(folder).matrix


def stages(side: str) -> dict[str, Stage]:
    """The stage of one side."""
    run, what = partial(encode_side, side), f"encoding texts of {side}s"
    gives = {f"{side}_vectors": _matrix}
    return {f"vectors-{side}": Stage(what, 1, texts_of(side), _settings, run, gives=gives)}
