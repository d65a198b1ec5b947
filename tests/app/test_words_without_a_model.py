"""A whole graph from words alone, and something new put into it: no encoder is ever loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from app_fakes import run_here

from app.pipeline.records import read_record
from llm.vectors import Vectors

CHANGES = {
    "words": ["encoder.kind=words", "encoder.dimensions=6", "encoder.whiten=full"],
    "shuffled": ["encoder.kind=words", "encoder.dimensions=6", "control=shuffled"],
}


@pytest.mark.parametrize("how", CHANGES)
def test_a_graph_of_words_takes_something_new(
    how: str, tiny_experiment: Path, tmp_path: Path, autograph: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a model was asked for")

    monkeypatch.setattr("llm.encoder.locate_model", refuse)
    flags = [part for change in CHANGES[how] for part in ("--set", change)]
    run_here(tiny_experiment, tmp_path, *flags)
    where = ("--workspace", tmp_path)
    text = "A star ship in space." if how == "words" else "star"
    name = "tiny" if how == "words" else "tiny-shuffled"
    placed = autograph("insert", name, "item", "--text", text, *where)
    assert placed.exit_code == 0, placed.output
    assert "item number 32 of 33" in placed.output
    unknown = autograph("insert", name, "item", "--text", "Zzyzx.", *where)
    assert unknown.exit_code == 1
    assert "No word of “Zzyzx.” stands in two" in " ".join(unknown.output.split())
    vectors = Vectors.load(read_record(name, tmp_path).folder("vectors-item"))
    assert vectors.words is not None and vectors.matrix.shape[1] == 6
    lengths = np.linalg.norm(vectors.matrix, axis=1)
    assert bool(np.allclose(lengths, 1, atol=1e-5)) is (how == "shuffled")
