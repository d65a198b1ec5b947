"""A trained recommender with the evidence of paths beside it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from small_worlds import checkerboard, config_of, graph_of, scores_of, sources_of

from app.experiment.settings import Cell, Experiment
from app.pipeline.plan import Plan
from app.pipeline.runner import _ready
from app.pipeline.stages.order import stages_behind
from data.errors import ConfigError, DataError
from data.relation import Relation
from data.split import leave_one_out
from recommend.features import Bags
from recommend.fit.training import VALIDATION, fit_model
from recommend.fusion import Fusion, factor_rows, fit_weights
from recommend.judge.evaluate import evaluate
from recommend.model import Model
from recommend.newcomers.placing import reach, with_item, with_user
from recommend.protocols import Asked
from recommend.reasons.what_if import Ready, ranks_of
from recommend.settings import ModelConfig, TrainConfig
from recommend.settings.fusion import FusionConfig

DATASET = checkerboard()
SPLIT = leave_one_out(DATASET)
TRAINING = TrainConfig(epochs=2, batch_size=8)
WORDS = Relation(
    np.arange(DATASET.n_items + 1),
    (np.arange(DATASET.n_items) % 2).astype(np.int32),
    2,
    weights=np.ones(DATASET.n_items, np.float32),
)
"""Even items share a word, odd ones another."""
NOTHING = Bags(np.array([], np.int64), np.array([], np.float32), np.array([0]), np.array([1]))


def fused_config(upon="none", **about):
    return ModelConfig.model_validate(
        {
            **config_of("sasrec").model_dump(),
            "enhancer": {"name": "fusion", "upon": upon, **about},
            "item_features": False,
        }
    )


def fused(tmp_path, upon="none", evidence=("items", "words", "vectors", "factors"), **about):
    config = fused_config(upon, evidence=evidence, **about)
    found = sources_of(DATASET, graph_of(DATASET))
    sources = replace(found, relations={**found.relations, "words": WORDS})
    return fit_model(DATASET, SPLIT, sources, config, TRAINING, seed=0, scratch=tmp_path)


def test_weights_are_those_that_choices_were_drawn_by():
    rng, n, items = np.random.default_rng(0), 4000, 30
    parts = [rng.standard_normal((n, items)).astype(np.float32) * scale for scale in (1, 3, 0.2)]
    known = rng.random(items).astype(np.float32)
    true = np.array([[1.0, 0.5], [0.4, -0.3], [0.0, 2.0]])
    total = sum((w + v * known) * part for (w, v), part in zip(true, parts, strict=True))
    wanted = (total + rng.gumbel(size=total.shape)).argmax(1)  # a draw from the softmax
    seen = np.zeros((n, items), bool)
    weights, spreads = fit_weights([torch.from_numpy(p) for p in parts], known, seen, wanted, 0.0)
    np.testing.assert_allclose(spreads, [p.std() for p in parts], rtol=1e-3)
    middle = weights[:, 0] + weights[:, 1] * known.mean()
    np.testing.assert_allclose(middle, true @ [1, known.mean()], atol=0.12)
    assert abs(weights[2, 1] - 2) < 0.8 and abs(weights[1, 1] + 0.3) < 0.15


def test_what_was_had_before_takes_no_part_in_the_choice():
    rng = np.random.default_rng(1)
    part = rng.standard_normal((50, 6)).astype(np.float32)
    wanted = part[:, :5].argmax(1)
    part[:, 5] += 9  # above all that is wanted
    seen = np.zeros((50, 6), bool)
    known = np.zeros(6, np.float32)
    ranked, _ = fit_weights([torch.from_numpy(part)], known, seen, wanted, 1e-4)
    seen[:, 5] = True
    left_out, _ = fit_weights([torch.from_numpy(part)], known, seen, wanted, 1e-4)
    assert ranked[0, 0] < 0 < 1 < left_out[0, 0]


def test_paths_through_factors_weigh_small_ones_more():
    graph = graph_of(DATASET, item_codes=[[0, n % 2] if n else [1, 1] for n in range(12)])
    rows = factor_rows(graph).toarray()
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, rtol=1e-6)
    alone, even = rows[0], rows[2]
    sizes = np.bincount(graph.item_codes[:, 1], minlength=2)
    expected = np.array([1.0, sizes[1] ** -0.25])
    np.testing.assert_allclose(alone[[1, 3]], expected / np.linalg.norm(expected), rtol=1e-6)
    assert alone @ even == 0


def test_scores_are_the_sum_that_it_says(tmp_path):
    model = fused(tmp_path)
    fusion = model.recommender
    assert isinstance(fusion, Fusion) and next(iter(fusion.by_part)) == "model"
    past = SPLIT.histories(DATASET)
    users = np.arange(DATASET.n_users)
    each = [scores_of(model.upon, DATASET)]
    each += [np.asarray(path.score(past, users)) for path in fusion.paths.values()]
    count = np.bincount(past.items, minlength=DATASET.n_items)
    known = count / (count + 5)
    total = sum((w + v * known) * s for (w, v), s in zip(fusion.weights, each, strict=True))
    np.testing.assert_allclose(scores_of(model, DATASET), total, rtol=1e-4, atol=1e-5)
    told = fusion.by_part["words"]
    assert told[0] == pytest.approx(fusion.weights[2, 0] * fusion.spreads[2], rel=1e-5)


def test_evidence_that_tells_what_comes_next_is_heard(tmp_path):
    alone = scores_of(fused(tmp_path / "a").upon, DATASET)
    both = scores_of(fused(tmp_path / "b"), DATASET)
    parity = np.arange(DATASET.n_users)[:, None] % 2 == np.arange(DATASET.n_items) % 2

    def above(scores):
        pairs = [row[own][:, None] > row[~own] for row, own in zip(scores, parity, strict=True)]
        return np.mean(pairs)

    assert above(both) > 0.95 > above(alone)


def test_it_is_trained_as_without_and_says_so_in_its_curve(tmp_path):
    model = fused(tmp_path / "a")
    plain = fit_model(
        DATASET,
        SPLIT,
        sources_of(DATASET, None),
        model.config.upon,
        TRAINING,
        seed=0,
        scratch=tmp_path / "b",
    )
    np.testing.assert_array_equal(scores_of(model.upon, DATASET), scores_of(plain, DATASET))
    assert model.curve.height == plain.curve.height + 1
    assert model.curve["epoch"].to_list() == [0, 1, 2]
    assert model.about["epochs"] == plain.about["epochs"] == 2, "fusion has no epochs"


def test_what_it_reached_on_validation_is_its_own(tmp_path, monkeypatch):
    """Not the best epoch of what it stands upon, which is in its curve, too."""

    def backwards(parts, *_):
        weights = np.zeros((len(parts), 2), np.float32)
        weights[0, 0] = -1
        return weights, np.ones(len(parts), np.float32)

    monkeypatch.setattr("recommend.fusion.fit_weights", backwards)
    model = fused(tmp_path)
    reached = model.curve["ndcg@10"]
    assert reached[-1] < reached.max()
    assert model.about["best_epoch"] == model.curve.height - 1


@pytest.mark.parametrize("upon", ["none", "autograph"])
def test_a_stored_one_gives_the_same_scores_and_answers(tmp_path, upon):
    model = fused(tmp_path / "scratch", upon)
    model.save(tmp_path / "model")
    again = Model.load(tmp_path / "model")
    assert again.config == model.config and again.upon.config == model.upon.config
    scores = scores_of(model, DATASET)
    np.testing.assert_allclose(scores_of(again, DATASET), scores, rtol=1e-5, atol=1e-6)
    past = SPLIT.histories(DATASET)
    ready = Ready.of(again)
    for user in (0, 5):
        np.testing.assert_allclose(
            ready.scores(user, past.of(user)), scores[user], rtol=1e-4, atol=1e-5
        )
    left = ready.left_out(5, past.of(5), np.array([0]))
    assert left.without.shape == (len(left.items), 1)
    assert again.config.levels_read("item", 2) == (0, 1)


def test_a_newcomer_stands_where_its_twin_stands_on_the_paths(tmp_path):
    model = fused(tmp_path, "autograph")
    ready, past = Ready.of(model), SPLIT.histories(DATASET)
    fusion = model.recommender
    vectors = sources_of(DATASET, None).item_vectors
    vector = vectors[3] - vectors.mean(0)
    codes = graph_of(DATASET).item_codes[3]
    said = np.array([0, 1], np.float32)  # as item 3, which is odd
    grown = with_item(ready, codes, NOTHING, np.array([3]), vector, said=said)
    assert grown.n_items == DATASET.n_items + 1
    for kind in ("words", "vectors", "factors"):
        path = grown.answers.fusion.paths[kind]
        said = np.asarray(path.score(past, np.arange(DATASET.n_users)))
        free = [user for user in range(DATASET.n_users) if 3 not in past.of(user)]
        np.testing.assert_allclose(said[free, -1], said[free, 3], rtol=1e-4, atol=1e-5)
    assert grown.answers.fusion.known[-1] == 0 and len(fusion.known) == DATASET.n_items
    assert len(grown.scores(2, past.of(2))) == DATASET.n_items + 1
    found = reach(grown, ready.everybody(past), past, DATASET.n_items, 3)
    for user in (1, 2):
        ranks = ranks_of(grown.scores(user, past.of(user)), past.of(user))
        assert found.ranks[user] == ranks[-1]
    placed, number, _ = with_user(ready, [0, 0], NOTHING)
    assert len(placed.scores(number, past.of(2))) == DATASET.n_items


def test_a_newcomer_that_it_cannot_place_gets_a_sentence(tmp_path):
    graph, vectors = graph_of(DATASET), sources_of(DATASET, None).item_vectors
    told = (graph.item_codes[3], NOTHING, np.array([3]), vectors[3])
    worded = fused(tmp_path / "a", "autograph")
    with pytest.raises(DataError, match="whose words it is not told"):
        with_item(Ready.of(worded), *told)
    placed = with_item(Ready.of(worded), *told, said=np.array([0, 1], np.float32))
    assert placed.n_items == DATASET.n_items + 1 and not worded.config.enhancer.strangers
    plain = fused(tmp_path / "b", "none", ("vectors",))
    with pytest.raises(DataError, match="can say nothing about a new item"):
        with_item(Ready.of(plain), *told)
    assert "plain" in plain.config.enhancer.strangers["item"]


def test_evidence_that_is_not_there_is_named(tmp_path):
    config = ModelConfig.model_validate(
        {**config_of("sasrec").model_dump(), "enhancer": {"name": "fusion", "evidence": ["words"]}}
    )
    with pytest.raises(ConfigError, match="no words of items"):
        fit_model(
            *(DATASET, SPLIT, sources_of(DATASET, None), config, TRAINING),
            seed=0,
            scratch=tmp_path,
        )


def test_it_stands_upon_nothing_that_stands_upon_another():
    with pytest.raises(ValidationError, match="cannot stand upon 'fusion'; it can upon none"):
        ModelConfig.model_validate({"enhancer": {"name": "fusion", "upon": "fusion"}})
    with pytest.raises(ValidationError, match=r"override.fusion.train.epochs: fusion stands upon"):
        Experiment.model_validate({"override": {"fusion": {"train": {"epochs": 3}}}})


def test_it_places_nobody_whom_it_cannot_place_beneath():
    by = {upon: fused_config(upon).strangers for upon in ("none", "autograph", "start")}
    assert by["autograph"] == {} and "plain" in by["none"]["item"]
    assert "this one was not trained" in by["start"]["item"]


def test_evidence_is_named_once():
    with pytest.raises(ValidationError, match="name each once; there more often: items"):
        FusionConfig(evidence=("items", "words", "items"))


def test_an_experiment_trains_what_it_stands_upon_once(tmp_path):
    grid = {"backbones": ["sasrec"], "enhancers": ["fusion", "none"]}
    of = {
        "data": {"name": "demo"},
        "grid": grid,
        "override": {"sasrec": {"train": {"epochs": 3}, "model": {"width": 32}}},
    }
    experiment = Experiment.model_validate(of)
    plain, enhanced = Cell("sasrec", "none", 0), Cell("sasrec", "fusion", 0)
    assert experiment.model_of(enhanced).width == 32
    assert experiment.train_of(enhanced) == experiment.train_of(plain)
    plan = Plan(experiment, tmp_path)
    steps = plan.steps()
    trained = [step for step in steps if step.stage == "train"]
    assert [step.cell for step in trained] == [plain, enhanced]
    assert trained[1].inputs["train"] == trained[0].key
    waiting = [[trained[0]], [trained[1]]]
    assert _ready(waiting[1:], waiting[:1]) is None
    assert _ready(waiting, []) is waiting[0] and _ready(waiting[1:], []) is waiting[1]
    assert "words" in stages_behind(experiment, "train", cell=enhanced)
    assert "words" not in stages_behind(experiment, "train", cell=plain)


def test_what_it_stands_upon_is_trained_though_it_is_not_in_the_grid(tmp_path):
    grid = {"backbones": ["sasrec"], "enhancers": ["fusion"]}
    override = {"fusion": {"model": {"enhancer": {"upon": "autograph"}}}}
    experiment = Experiment.model_validate(
        {"data": {"name": "demo"}, "grid": grid, "override": override}
    )
    steps = [str(s.cell) for s in Plan(experiment, tmp_path).steps() if s.stage == "train"]
    assert steps == ["sasrec+autograph seed 0", "sasrec+fusion seed 0"]


def test_users_are_scored_alike_in_any_company(tmp_path):
    model = fused(tmp_path)
    past, together = SPLIT.histories(DATASET), scores_of(model, DATASET)
    for user in (23, 0, 7):
        ((users, alone),) = model.scores(Asked(past, np.array([user])))
        assert users.tolist() == [user]
        np.testing.assert_allclose(alone[0], together[user], rtol=1e-4, atol=1e-5)


def test_validation_is_by_weights_that_others_gave(tmp_path):
    """Nobody's own choice moves the weights that it is judged by."""
    model = fused(tmp_path)
    even, odd = model.recommender.halves
    past, users = SPLIT.histories(DATASET), np.arange(DATASET.n_users)
    blocks = list(model.recommender.held_out.scores(Asked(past, users)))
    found = {int(u): row for us, rows in blocks for u, row in zip(us, rows, strict=True)}
    assert sorted(found) == users.tolist()
    for user, by in ((4, odd), (5, even)):
        ((_, expected),) = by.scores(Asked(past, np.array([user])))
        torch.testing.assert_close(found[user], expected[0], rtol=1e-4, atol=1e-5)
    assert not np.allclose(even.weights, odd.weights)
    judged = replace(model, recommender=model.recommender.held_out)
    reached = evaluate(judged, DATASET, SPLIT, "valid", VALIDATION).summary
    assert model.curve["ndcg@10"][-1] == pytest.approx(reached["ndcg@10"])


def test_a_part_of_the_users_has_both_folds(tmp_path, monkeypatch):
    monkeypatch.setattr("recommend.fusion.LEAST_USERS", 12)
    monkeypatch.setattr("recommend.fusion.MOST_SCORES", 0)  # every second user would be even
    even, odd = fused(tmp_path).recommender.halves
    assert not np.allclose(even.weights, odd.weights)
    whole = fused(tmp_path / "b").recommender
    assert not any(np.allclose(whole.weights, half.weights) for half in (even, odd))
