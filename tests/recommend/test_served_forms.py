"""Every recommender as an export: the same scores in a process that never imports torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_worlds import checkerboard, config_of, graph_of, sources_of

from data.dataset import Histories, histories
from data.errors import DataError
from data.split import leave_one_out
from recommend.fit.training import fit_model
from recommend.model import Model
from recommend.protocols import Asked
from recommend.serve.folder import write_folder
from recommend.serve.reader import Ask, Export
from recommend.serve.take import take
from recommend.serve.wanted import Wanted
from recommend.settings import TrainConfig

DATASET = checkerboard()
SPLIT = leave_one_out(DATASET)
PAST = histories(DATASET.interactions, DATASET.n_users)
TRAINING = TrainConfig(epochs=2, batch_size=8, learning_rate=2e-2)
ANOTHER = ("i3", "i4", "i4", "i0", "i7", "i9", "i1")
FRESH = """
import json, sys
from recommend.serve.reader import Ask, Export
for folder in sys.argv[1:]:
    export = Export.open(folder)
    users = [Ask(user=one, k=12, again=True) for one in export.users.to_series(0)]
    known = [[one.items, one.scores] for one in export.recommend(users)]
    fresh = [one.items for one in export.recommend([Ask(user=a.user, k=4) for a in users])]
    print(json.dumps([known, fresh]))
assert "torch" not in sys.modules
"""
SIMPLE = ("popularity", "item-knn", "ease", "text-knn", "hybrid", "multivae", "lightgcn-cf")
OTHERS = ("contextgnn", "rankgraph", "ngcf", "zoomer")


def fit(backbone: str, scratch: Path, enhancer: str = "none") -> Model:
    own = {"texts": "vectors"} if backbone in ("text-knn", "hybrid") else {}
    config = config_of().model_validate(
        {
            "backbone": {"name": backbone, **own},
            "enhancer": {"name": enhancer},
            "width": 8,
            "max_history": 5,
        }
    )
    sources = sources_of(DATASET, graph_of(DATASET))
    return fit_model(DATASET, SPLIT, sources, config, TRAINING, seed=1, scratch=scratch)


def scores_after(model: Model, past: Histories, known: np.ndarray | None = None) -> np.ndarray:
    blocks = model.scores(Asked(past, np.arange(len(past)), known))
    return np.concatenate([scores.numpy() for _, scores in blocks])


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Model]:
    torch.manual_seed(0)
    return {name: fit(name, tmp_path_factory.mktemp("scratch")) for name in (*SIMPLE, *OTHERS)}


@pytest.fixture(scope="module")
def exports(models: dict[str, Model], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("exports")
    for name, model in models.items():
        write_folder(place / name, take(model, DATASET, SPLIT, {}))
    return {name: place / name for name in models}


@pytest.fixture(scope="module")
def told(exports: dict[str, Path]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", FRESH, *map(str, exports.values())],
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(zip(exports, map(json.loads, done.stdout.splitlines()), strict=True))


@pytest.mark.parametrize("name", [*SIMPLE, *OTHERS])
def test_a_process_without_torch_gives_the_same_scores(
    models: dict[str, Model], told: dict[str, Any], name: str
) -> None:
    ours = scores_after(models[name], PAST, SPLIT.histories(DATASET).lengths)
    known, fresh = told[name]
    for user, (items, scores) in enumerate(known):
        numbers = DATASET.item_ids.numbers(items)
        np.testing.assert_allclose(scores, ours[user][numbers], atol=1e-4, rtol=1e-4)
        assert len(items) == np.isfinite(ours[user]).sum()
        assert not set(fresh[user]) & {f"i{n}" for n in PAST.of(user)}
        assert len(fresh[user]) == min(4, DATASET.n_items - len(set(PAST.of(user).tolist())))


@pytest.mark.parametrize("name", [*SIMPLE[:6]])
def test_a_history_is_answered_as_the_recommender_would(
    models: dict[str, Model], exports: dict[str, Path], name: str
) -> None:
    export = Export.open(exports[name])
    (found,) = export.recommend([Ask(history=ANOTHER, k=12, again=True)])
    items = DATASET.item_ids.numbers(ANOTHER)
    past = Histories(np.array([0, len(items)]), items, np.arange(len(items)))
    ours = scores_after(models[name], past)[0]
    numbers = DATASET.item_ids.numbers(found.items)
    np.testing.assert_allclose(found.scores, ours[numbers], atol=1e-4, rtol=1e-4)
    assert not found.notes


def test_lists_refuse_a_history_and_means_say_so(exports: dict[str, Path]) -> None:
    with pytest.raises(DataError, match="cannot answer for a history"):
        Export.open(exports["contextgnn"]).recommend([Ask(history=ANOTHER)])
    (found,) = Export.open(exports["lightgcn-cf"]).recommend([Ask(history=ANOTHER)])
    assert "mean of its items" in found.notes[0]


def test_lists_say_where_they_end(
    models: dict[str, Model], exports: dict[str, Path], tmp_path: Path, monkeypatch: Any
) -> None:
    (whole,) = Export.open(exports["contextgnn"]).recommend([Ask("u1", k=12)])
    assert len(whole.items) < 12 and not whole.notes  # all that it had not is listed
    monkeypatch.setattr("recommend.serve.take.LISTED", 3)
    write_folder(tmp_path / "a", take(models["contextgnn"], DATASET, SPLIT, {}))
    (found,) = Export.open(tmp_path / "a").recommend([Ask("u1", k=12)])
    assert found.items == whole.items[:3] and "beforehand fit" in found.notes[0]


def test_what_can_be_asked_is_asked_beforehand(models: dict[str, Model], tmp_path: Path) -> None:
    made: Any = models["zoomer"].recommender
    names = tuple(f"meaning {n}" for n in range(made.n_queries))
    wanted = Wanted("meaning", names, names)
    write_folder(
        tmp_path / "a", take(models["zoomer"], DATASET, SPLIT, {}, wanted=wanted, beforehand=True)
    )
    export = Export.open(tmp_path / "a")
    assert export.queries == names
    asks = [Ask(user="u7", query=one, k=12, again=True) for one in names]
    vectors = made.asking(np.full(len(names), 7), np.arange(len(names)), PAST)
    for ours, found in zip(vectors @ made.base_items.T, export.recommend(asks), strict=True):
        numbers = DATASET.item_ids.numbers(found.items)
        np.testing.assert_allclose(found.scores, ours[numbers], atol=1e-4, rtol=1e-4)
    with pytest.raises(DataError, match="no meaning 'rain'"):
        export.recommend([Ask(user="u7", query="rain")])


def test_an_export_that_nobody_can_ask_says_so(exports: dict[str, Path]) -> None:
    with pytest.raises(DataError, match="Nobody can ask for a query"):
        Export.open(exports["zoomer"]).recommend([Ask(user="u1", query="rain")])
    with pytest.raises(DataError, match="not asked for anything"):
        Export.open(exports["ease"]).recommend([Ask(user="u1", query="rain")])
