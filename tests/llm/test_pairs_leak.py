"""Whoever says which items are alike, and whatever is said of them, may have seen too much."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from llm_fakes import QueueBackend

from llm.cache import ResponseCache
from llm.pairs import Pairs, Questions, judge_by_model, judge_by_vectors, nearest_pairs
from llm.vectors import Vectors
from prompts.pairs import pair_template
from prompts.views import ItemViews

ROWS = np.eye(3, 4, dtype=np.float32) + 0.5


def vectors(folder: Path, leaking: bool) -> Vectors:
    """Three items, as a later stage reads them."""
    Vectors(tuple("abc"), ROWS, "m", "mean", leaking=leaking).save(folder)
    return Vectors.load(folder)


@pytest.mark.parametrize("texts", [False, True])
def test_vectors_judge_by_what_their_texts_have_seen(tmp_path: Path, texts: bool) -> None:
    candidates = nearest_pairs(vectors(tmp_path, texts), 2)
    found = judge_by_vectors(tuple("abc"), candidates, 0.0, mutual=False)
    assert found.alike == 3 and found.leaking is texts
    found.save(tmp_path)
    assert Pairs.load(tmp_path).leaking is texts


@pytest.mark.parametrize(("texts", "judge"), [(False, False), (True, False), (False, True)])
def test_a_model_judges_by_what_it_or_the_texts_have_seen(
    tmp_path: Path, cache: ResponseCache, texts: bool, judge: bool
) -> None:
    views = ItemViews(pl.DataFrame({"item_id": list("abc")}))
    candidates = nearest_pairs(vectors(tmp_path, texts), 2)
    questions = Questions(tuple("abc"), views, candidates, pair_template("auto"))
    backend = QueueBackend(['{"score": 10}', '{"score": 0}', "what?"])
    backend.leaking = judge
    pairs, _ = judge_by_model(questions, backend, cache, 0.5)
    assert (pairs.candidates, pairs.alike, pairs.failed) == (3, 1, 1)
    assert pairs.leaking is (texts or judge) and pairs.judge == "fake"
