"""Simple recommenders, against values worked out by hand and by other ways."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from small_worlds import checkerboard, scores_of, sources_of

from data.dataset import Dataset, Histories
from data.errors import ConfigError, DataError
from data.split import leave_one_out
from quantize.words import find_words, word_vectors
from recommend.features import bags
from recommend.fit.training import fit_model
from recommend.model import Model
from recommend.newcomers.placing import with_item
from recommend.protocols import Asked
from recommend.reasons.what_if import Ready
from recommend.settings import BACKBONES, PLAIN, ModelConfig, TrainConfig
from recommend.settings.ease import EaseConfig
from recommend.settings.hybrid import HybridConfig
from recommend.settings.item_knn import ItemKnnConfig
from recommend.settings.text_knn import TextKnnConfig
from recommend.simple.behaviour import Ease, ItemKnn, Popularity, weighted_histories
from recommend.simple.texts import Hybrid, TextKnn, full_ranks, ranks
from recommend.sources import Sources


def histories(*rows: list[int]) -> Histories:
    offsets = np.cumsum([0, *map(len, rows)])
    items = np.array([item for row in rows for item in row], dtype=np.int32)
    return Histories(offsets, items, np.arange(len(items)))


PAST = histories([0, 1, 2], [1, 2], [0, 3])
ALL = np.arange(3)


def test_popularity_is_the_same_for_everybody() -> None:
    found = Popularity.fit(PAST, 5).score(PAST, np.array([2, 0]))
    assert found.tolist() == [[2, 2, 2, 1, 0]] * 2


def test_weights_of_a_history() -> None:
    past = histories([4, 1, 4, 2], [], [0])
    found = weighted_histories(past, np.array([2, 0, 1]), 5, recency=0.5, last=3).toarray()
    assert found.tolist() == [[1, 0, 0, 0, 0], [0, 0.25, 1, 0, 0.5], [0, 0, 0, 0, 0]]
    everything = weighted_histories(past, np.array([0]), 5, recency=0.5).toarray()
    assert everything.tolist() == [[0, 0.25, 1, 0, 0.5]], "the latest time counts"


def test_neighbours_by_hand() -> None:
    config = ItemKnnConfig(nearness=0.5, backward=0.25, recency=0.5, reach=5)
    model = ItemKnn.fit(PAST, 4, config)
    met = model.similar.toarray() * math.sqrt(2 * 2)  # 0, 1 and 2 were had twice, 3 once
    np.testing.assert_allclose(met[0, :3], [0, 1, 0.5])
    np.testing.assert_allclose(met[1, :3], [0.25, 0, 2])
    np.testing.assert_allclose(met[2, :3], [0.125, 0.5, 0])
    np.testing.assert_allclose(model.similar[0, 3], 1 / math.sqrt(2))
    np.testing.assert_allclose(model.similar[3, 0], 0.25 / math.sqrt(2))
    scored = model.score(PAST, np.array([1]))[0]  # 1 weighs a half, 2 one
    np.testing.assert_allclose(scored[:3], [0.5 * 0.125 + 0.0625, 0.25, 0.5], rtol=1e-6)


def test_without_decay_neighbours_are_the_cosine_of_co_occurrence() -> None:
    rng = np.random.default_rng(0)
    past = histories(*(rng.permutation(9)[: rng.integers(2, 7)].tolist() for _ in range(30)))
    had = weighted_histories(past, np.arange(30), 9).toarray()
    expected = had.T @ had / np.sqrt(np.outer(had.sum(0), had.sum(0)))
    np.fill_diagonal(expected, 0)
    config = ItemKnnConfig(nearness=1, backward=1, recency=1)
    np.testing.assert_allclose(ItemKnn.fit(past, 9, config).similar.toarray(), expected, rtol=1e-5)


def test_reach_ends_meetings() -> None:
    near = ItemKnn.fit(PAST, 4, ItemKnnConfig(reach=1)).similar
    assert near[0, 2] == 0 and near[0, 1] > 0


def test_ease_solves_its_problem() -> None:
    """Each column is the ridge regression of an item on all others."""
    rng = np.random.default_rng(1)
    past = histories(*(rng.permutation(7)[: rng.integers(2, 6)].tolist() for _ in range(40)))
    had = weighted_histories(past, np.arange(40), 7).toarray().astype(np.float64)
    model = Ease.fit(past, 7, EaseConfig(l2=3.0))
    for item in range(7):
        others = [k for k in range(7) if k != item]
        left = had[:, others].T @ had[:, others] + 3.0 * np.eye(6)
        ridge = np.linalg.solve(left, had[:, others].T @ had[:, item])
        np.testing.assert_allclose(model.weights[others, item], ridge, atol=1e-5)
        assert model.weights[item, item] == 0
    np.testing.assert_allclose(model.score(past, np.array([4])), had[[4]] @ model.weights, 1e-5)


def test_ease_says_when_there_are_too_many_items() -> None:
    with pytest.raises(ConfigError, match=r"there are 4 items, more than 3.*most_items"):
        Ease.fit(PAST, 4, EaseConfig(most_items=3))


@pytest.mark.parametrize("rows", [3, 8, 1024])
def test_ease_in_single_precision_and_in_place_is_the_same(
    rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    items = np.concatenate([rng.permutation(20)[:6] for _ in range(40)]).astype(np.int32)
    past = Histories(np.arange(0, 241, 6), items, np.zeros(240, np.int64))
    wanted = Ease.fit(past, 20, EaseConfig(l2=2.0)).weights
    monkeypatch.setattr("recommend.simple.behaviour.LARGE", 10)
    monkeypatch.setattr("recommend.simple.behaviour.ROWS", rows)
    found = Ease.fit(past, 20, EaseConfig(l2=2.0)).weights
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-5)


def test_texts_by_hand() -> None:
    vectors = np.array([[2, 0], [3, 3], [0, 5], [0, 0]], dtype=np.float32)
    model = TextKnn.of_vectors(vectors, TextKnnConfig(text_recency=0.5, text_last=2))
    scored = model.score(PAST, np.array([0]))[0]  # 1 weighs a half, 2 one
    half = math.sqrt(0.5)
    assert scored == pytest.approx([0.5 * half, half, 0.5 * half, 0]), "none with itself"


def test_words_of_one_text_alone_say_nothing() -> None:
    found = word_vectors(["red pen", "blue pen", None, "desk"])[1].toarray()
    assert found.tolist() == [[1], [1], [0], [0]]
    assert word_vectors(["a", "b", None])[1].nnz == 0
    model = TextKnn.of_texts(["red pen", "blue pen", None, "desk"], TextKnnConfig(text_last=None))
    assert model.score(histories([0]), np.array([0])).tolist() == [[0, 1, 0, 0]]


def test_ranks_leave_out_what_was_had_and_share_ties() -> None:
    scores = np.array([[9, 5, 5, 5, 1], [1, 1, 1, 1, 1]], dtype=np.float32)
    past = histories([0, 2], [4])
    assert ranks(scores, past, np.arange(2), np.array([1, 0])).tolist() == [1.5, 2.5]


def test_full_ranks_are_those_of_all_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    model, wanted = ItemKnn.fit(PAST, 4), np.array([3, 0, 1])
    at_once = full_ranks(model, PAST, wanted)
    monkeypatch.setattr("recommend.simple.texts.USERS_AT_ONCE", 1)
    assert full_ranks(model, PAST, wanted).tolist() == at_once.tolist()


def test_texts_weigh_what_validation_says() -> None:
    """Everybody goes on to the item of the same words: texts pay, shuffled ones do not."""
    rng = np.random.default_rng(0)
    starts = rng.permutation(60).tolist()
    past, wanted = histories(*([2 * k] for k in starts)), np.array([2 * k + 1 for k in starts])
    texts = [f"word{k // 2} thing" for k in range(120)]
    config = HybridConfig(weights=(0.0, 1.0))
    model = Hybrid.fit(past, wanted, TextKnn.of_texts(texts), config)
    assert model.weight == 1.0 and model.tried[1.0] == 1.0 > model.tried[0.0]
    assert full_ranks(model, past, wanted).max() == 1
    shuffled = [texts[k] for k in rng.permutation(120)]
    other = Hybrid.fit(past, wanted, TextKnn.of_texts(shuffled), config)
    assert other.tried[1.0] < 0.1


BOARD = checkerboard()
TREES = [] if find_spec("lightgbm") else ["lightgbm"]
"""What cannot be asked without its library, which the extra `dev` brings."""
LONE = [n for n, spec in BACKBONES.items() if not spec.config.learns and n not in TREES]
TEXTS = find_words([("even" if n % 2 == 0 else "odd") + f" w{n // 4}" for n in range(12)])
FRESH = """
import sys
from pathlib import Path
import numpy as np
from data.dataset import Histories
from recommend.model import Model
from recommend.protocols import Asked
arrays = np.load(sys.argv[1])
past = Histories(arrays["offsets"], arrays["items"], arrays["times"])
for place in sys.argv[2:]:
    blocks = Model.load(Path(place)).scores(Asked(past, np.arange(len(past))))
    np.save(Path(place) / "scores.npy", np.concatenate([of.numpy() for _, of in blocks]))
"""


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Model]:
    """All that learn nothing, and those that read texts by vectors, too."""
    read = {"": {}} | {f"/{texts}": {"texts": texts} for texts in ("words", "vectors")}
    models = {}
    for name in LONE:
        reads = "texts" in BACKBONES[name].config.model_fields
        for what, own in read.items():
            if reads == bool(what):
                given = {"backbone": {"name": name, **own}, "enhancer": {"name": PLAIN}}
                config = ModelConfig.model_validate(given)
                models[name + what] = fit_on(BOARD, config, tmp_path_factory.mktemp("scratch"))
    return models


def fit_on(dataset: Dataset, config: ModelConfig, scratch: Path) -> Model:
    sources = replace(sources_of(dataset, None), relations={"words": TEXTS.relation})
    split = leave_one_out(dataset)
    return fit_model(dataset, split, sources, config, TrainConfig(), seed=1, scratch=scratch)


def test_a_fresh_process_gives_their_scores(fitted: dict[str, Model], tmp_path: Path) -> None:
    past = leave_one_out(BOARD).histories(BOARD)
    np.savez(tmp_path / "past.npz", offsets=past.offsets, items=past.items, times=past.times)
    places = {name: tmp_path / name.replace("/", "-") for name in fitted}
    for name, model in fitted.items():
        model.save(places[name])
    words = [str(tmp_path / "past.npz"), *map(str, places.values())]
    subprocess.run([sys.executable, "-c", FRESH, *words], check=True)
    for name, model in fitted.items():
        told = np.load(places[name] / "scores.npy")
        np.testing.assert_array_equal(told, scores_of(model, BOARD))


def test_a_batch_equals_its_users_one_by_one(fitted: dict[str, Model]) -> None:
    past = leave_one_out(BOARD).histories(BOARD)
    for model in fitted.values():
        together = scores_of(model, BOARD)
        for user in (23, 0, 7):
            ((users, alone),) = model.scores(Asked(past, np.array([user])))
            assert users.tolist() == [user]
            np.testing.assert_allclose(alone[0], together[user], rtol=1e-5, atol=1e-6)


def test_the_checkerboard_is_known_at_once(fitted: dict[str, Model]) -> None:
    """Items of the user's parity stand above those of the other: for all but popularity."""
    for name, model in fitted.items():
        scores, odd = scores_of(model, BOARD), np.arange(24)[:, None] % 2
        own = np.where(odd, scores[:, 1::2], scores[:, 0::2])
        other = np.where(odd, scores[:, 0::2], scores[:, 1::2])
        above = (own[:, :, None] > other[:, None, :]).mean()
        least = {LONE[0]: 0.0, "text-knn/vectors": 0.55}.get(name, 0.85)
        assert above > least, f"{name}: {above:.0%}"
        assert model.about["parameters"] == 0 and math.isnan(model.curve["loss"][0])


def test_they_answer_for_one_history_at_a_time_and_take_no_newcomers(
    fitted: dict[str, Model],
) -> None:
    past = leave_one_out(BOARD).histories(BOARD).of(15)
    for name, model in fitted.items():
        ready = Ready.of(model)
        asked = np.setdiff1d(np.arange(12), past)
        left = ready.left_out(15, past, asked)
        assert left.whole and left.without.shape == (len(set(past.tolist())), len(asked))
        moved = (ready.scores(15, past) != ready.scores(15, past[past != past[-1]])).any()
        assert moved == (name != LONE[0]), name
        with pytest.raises(DataError, match="can say nothing about a new item"):
            with_item(ready, None, bags(BOARD.items[:1]))


def test_what_validation_holds_reaches_only_the_weight_of_texts(
    fitted: dict[str, Model], tmp_path: Path
) -> None:
    """Other items held out at the end change no score of any that chooses nothing."""
    rows = BOARD.interactions
    ends = pl.int_range(pl.len()).over("user") >= pl.len().over("user") - 2
    moved = pl.when(ends).then((pl.col("item") + 2) % 12).otherwise("item")
    other = replace(BOARD, interactions=rows.with_columns(item=moved.cast(rows["item"].dtype)))
    assert not other.interactions.equals(rows)
    past = leave_one_out(BOARD).histories(BOARD)
    for name, model in fitted.items():
        if "weights" in type(model.config.backbone).model_fields:
            continue
        again = fit_on(other, model.config, tmp_path / name)
        ((_, one),) = model.scores(Asked(past, np.arange(24)))
        ((_, two),) = again.scores(Asked(past, np.arange(24)))
        assert one.equal(two), name


def test_texts_that_are_not_there_get_a_sentence(tmp_path: Path) -> None:
    config = ModelConfig.model_validate(
        {"backbone": {"name": "text-knn"}, "enhancer": {"name": PLAIN}}
    )
    with pytest.raises(ConfigError, match=r"no words of items to compare.*grid\.backbones"):
        fit_model(
            BOARD,
            leave_one_out(BOARD),
            Sources(),
            config,
            TrainConfig(),
            seed=1,
            scratch=tmp_path,
        )


def test_a_further_text_is_weighed_as_the_others_were() -> None:
    texts = ["red ship", "red sea and ship", "blue sea", "", "sea sea red"]
    words = find_words(texts)
    rows = word_vectors(texts)[1].toarray()
    for text, row in zip(texts, rows, strict=True):
        np.testing.assert_allclose(words.vector(text), row, atol=1e-6)
    assert not words.vector("unheard of").any()


def test_ease_refuses_what_its_library_does_not_hold() -> None:
    from recommend.simple.behaviour import MOST

    past = Histories(np.array([0, 2]), np.array([0, MOST], np.int32), np.zeros(2, np.int64))
    with pytest.raises(ConfigError, match="LAPACK that comes with SciPy"):
        Ease.fit(past, MOST + 1, EaseConfig(most_items=MOST + 1))
