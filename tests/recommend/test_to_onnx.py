"""Backbones as ONNX graphs: what they make of any history is what torch makes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_worlds import checkerboard, config_of, graph_of, model_of

from data.dataset import Histories
from data.errors import ConfigError
from data.split import leave_one_out
from recommend.features import Bags
from recommend.protocols import Asked
from recommend.sequence.recommender import SequenceRecommender
from recommend.serve.folder import write_folder
from recommend.serve.reader import Ask, Export
from recommend.serve.take import take
from recommend.serve.to_onnx import to_onnx, why_not

DATASET = checkerboard()
GRAPH = graph_of(DATASET)
PAIRS = [
    ("sasrec", "autograph"),
    ("gru4rec", "none"),
    ("mind", "kar"),
    ("youtubednn", "grounded"),
]
HISTORIES = ([3], [0, 4, 2], [1, 1, 5, 7, 9], [11, 2, 8], [6, 10, 1, 3, 5, 7, 9])
"""Of length 1, as long as is read, longer than that, and with an item twice."""
EMPTY = Bags(np.zeros(0, np.int64), np.zeros(0, np.float32), np.zeros(1, np.int64), np.ones(1))


@pytest.mark.parametrize(("backbone", "enhancer"), PAIRS)
def test_histories_are_read_as_torch_reads_them(
    backbone: str, enhancer: str, tmp_path: Path
) -> None:
    model = model_of(DATASET, GRAPH, config_of(backbone, enhancer, max_history=5))
    write_folder(tmp_path / "a", take(model, DATASET, leave_one_out(DATASET), {}))
    export = Export.open(tmp_path / "a")
    cut = [np.array(one[-5:], np.int32) for one in HISTORIES]
    lengths = np.array([len(one) for one in cut])
    past = Histories(
        np.concatenate([[0], np.cumsum(lengths)]), np.concatenate(cut), np.zeros(lengths.sum())
    )
    users = np.arange(len(cut))
    ((_, known),) = model.scores(Asked(past, users))
    opened, stranger, _ = model.recommender.opened().with_user(None, EMPTY, None)
    unknown = [next(opened.after(stranger, [one], np.array([len(one)]))).numpy() for one in cut]
    ids = [tuple(f"i{n}" for n in one) for one in HISTORIES]
    for ours, asks in (
        (known.numpy(), [Ask(f"u{n}", one, 12, again=True) for n, one in enumerate(ids)]),
        (np.array(unknown), [Ask(None, one, 12, again=True) for one in ids]),
    ):
        for row, found in zip(ours, export.recommend(asks), strict=True):
            numbers = DATASET.item_ids.numbers(found.items)
            np.testing.assert_allclose(found.scores, row[numbers], rtol=1e-4, atol=1e-4)
            assert len(found.items) == DATASET.n_items
    raw = (tmp_path / "a" / "backbone.onnx").read_bytes()
    assert b".py" not in raw  # where in our code, and on whose disk, a node is from
    about: Any = export.card["history"]
    assert about["longest"] == 5 and bool(about["stranger"]) == (enhancer != "none")
    told = [one.notes for one in export.recommend([Ask("u1", ids[0]), Ask("u1")])]
    assert told == [(about["own"],) if enhancer != "none" else (), ()]


@pytest.mark.parametrize(("enhancer", "fusion"), [("lightgcn", None), ("tokens", "prepend")])
def test_what_cannot_be_written_says_why(enhancer: str, fusion: str | None) -> None:
    own = {"name": enhancer, "dropout": 0, **({"fusion": fusion} if fusion else {})}
    config = config_of("sasrec", "none").model_validate(
        {"backbone": {"name": "sasrec"}, "enhancer": own, "width": 8, "max_history": 5}
    )
    model = model_of(DATASET, GRAPH, config)
    assert isinstance(model.recommender, SequenceRecommender)
    assert enhancer in why_not(model.recommender)


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_of(DATASET, GRAPH, config_of("gru4rec", "none"))
    assert isinstance(model.recommender, SequenceRecommender)
    monkeypatch.setitem(__import__("sys").modules, "onnxscript", None)
    with pytest.raises(ConfigError, match=r"pip install 'autograph-rec\[serve\]'"):
        to_onnx(model.recommender)
