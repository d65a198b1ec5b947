"""What the three ways of texts into item vectors promise: a start, texts as items, a contrast."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from small_worlds import checkerboard, config_of, dataset_of, inputs_of, world_of

from data.split import leave_one_out
from recommend.features import bags, categories
from recommend.fit.losses import NextItem
from recommend.fit.training import Trainer, fit_model
from recommend.model import Model
from recommend.newcomers.placing import with_item
from recommend.reasons.what_if import Ready
from recommend.sequence.enhancers.contrast import Contrast, info_nce
from recommend.sequence.enhancers.start import reduced
from recommend.sequence.enhancers.text_item import ONE_LAYER, Bound
from recommend.sequence.network import SMALL, Network
from recommend.sequence.recommender import SequenceRecommender, Step
from recommend.sequence.whitening import Spectrum
from recommend.settings import ModelConfig, TrainConfig
from recommend.sources import Sources, standardise

DATASET = checkerboard()
NOBODY = torch.empty(0, dtype=torch.int64)
SETTINGS = TrainConfig(epochs=2, batch_size=8, learning_rate=1e-2)


def vectors_of(n=60, d=6):
    """Vectors whose values hang together, none of them centred."""
    rng = np.random.default_rng(0)
    return rng.standard_normal((n, d)) @ rng.standard_normal((d, d)) + rng.standard_normal(d)


def config(name, **settings):
    given = config_of(enhancer=name).model_dump()
    return ModelConfig.model_validate({**given, "enhancer": {**given["enhancer"], **settings}})


def network_with(name, **settings):
    torch.manual_seed(0)
    chosen = config(name, **settings)
    return Network(chosen, inputs_of(DATASET, None, chosen))


def test_whitened_vectors_have_the_identity_as_covariance():
    centred = vectors_of() - vectors_of().mean(0)
    white = centred @ Spectrum.of(centred).whitening
    np.testing.assert_allclose(np.cov(white.T, bias=True), np.eye(6), atol=1e-9)
    nearest = np.trace(np.cov(white.T, centred.T, bias=True)[:6, 6:])
    axes = Spectrum.of(centred).projection(6, whiten=True)
    along_axes = np.trace(np.cov((centred @ axes.T).T, centred.T, bias=True)[:6, 6:])
    assert nearest > along_axes, "of all that whiten, ZCA stays nearest to the vectors"


def test_a_direction_without_variance_is_left_out():
    flat = vectors_of() - vectors_of().mean(0)
    flat[:, 5] = flat[:, 0] - 2 * flat[:, 1]
    spectrum = Spectrum.of(flat)
    assert spectrum.axes.shape == (5, 6)
    white = flat @ spectrum.whitening
    np.testing.assert_allclose(
        np.linalg.eigvalsh(np.cov(white.T, bias=True)), [0, 1, 1, 1, 1, 1], atol=1e-9
    )
    assert Spectrum.of(np.zeros((5, 3))).axes.shape == (0, 3)


@pytest.mark.parametrize("whiten", [False, True])
def test_a_start_is_the_principal_components_of_numpy(whiten):
    """By singular values of the vectors themselves, up to the sign of each component."""
    centred = vectors_of() - vectors_of().mean(0)
    found = reduced(centred, 3, SMALL, whiten=whiten)
    left, values, _ = np.linalg.svd(centred, full_matrices=False)
    expected = left[:, :3] * (1 if whiten else values[:3])
    expected *= SMALL / np.sqrt(np.square(expected).mean())
    np.testing.assert_allclose(abs(found), abs(expected), rtol=1e-4, atol=1e-7)
    assert np.square(found).mean() ** 0.5 == pytest.approx(SMALL)


def test_item_vectors_begin_as_the_texts_say_and_the_rest_as_drawn():
    plain, network = network_with("none"), network_with("start", size=2.0)
    texts = network.enhancer.vectors  # of width 4; the network is 8 wide
    drawn = float(plain.item.weight.detach().square().mean()) ** 0.5
    expected = reduced(texts, 8, 2 * drawn, whiten=False)
    np.testing.assert_allclose(network.item.weight.detach()[:, :4], expected, rtol=1e-5)
    assert torch.equal(network.item.weight[:, 4:], plain.item.weight[:, 4:])
    for name, weight in plain.state_dict().items():
        assert name == "item.weight" or torch.equal(network.state_dict()[name], weight)


def test_a_start_is_trained_on_and_stored_without_texts(tmp_path):
    chosen = config("start")
    world = world_of(DATASET, SETTINGS)
    model = fit_model(
        *(DATASET, leave_one_out(DATASET), world.sources, chosen, SETTINGS),
        seed=0,
        scratch=tmp_path / "scratch",
    )
    start = SequenceRecommender.of(chosen, world).network.item.weight
    trained = model.recommender.network.item.weight
    assert (trained - start).abs().max() > 1e-2
    model.save(tmp_path)
    again = Model.load(tmp_path)
    assert again.recommender.inputs.vectors is None
    assert torch.equal(again.recommender.network.item.weight, trained)


@pytest.mark.parametrize(("layers", "out"), [(1, "item_graph"), (2, "enhancer.first")])
def test_the_first_layer_of_the_adaptor_begins_as_principal_components(layers, out):
    network = network_with("text-item", layers=layers, hidden=16)
    texts = inputs_of(DATASET, None, config("text-item")).vectors.items
    first = network.get_submodule(out).weight.detach().numpy()[: texts.shape[1]]
    made = network.enhancer.texts.numpy() @ first.T
    scale = ONE_LAYER if layers == 1 else 1.0
    left = np.linalg.svd(texts, full_matrices=False)[0] * len(texts) ** 0.5
    np.testing.assert_allclose(abs(made), scale * abs(left), rtol=1e-3, atol=1e-4)


def test_items_without_vectors_of_their_own_are_what_the_adaptor_makes_of_texts():
    network = network_with("text-item", own=False, layers=2).eval()
    made_of_attributes = network.item_attributes()
    enhancer = network.enhancer
    made = enhancer.first(enhancer.texts)
    gelu = made * torch.special.ndtr(made)
    expected = made_of_attributes + gelu @ network.item_graph.weight.T
    torch.testing.assert_close(network.propagate(NOBODY).items, expected)
    assert not network.item.weight.requires_grad


def test_an_item_unseen_in_training_is_scored_by_its_text_alone(tmp_path):
    """Two items that nobody has: one has the text of an item, one that of another."""
    board = checkerboard()
    past = leave_one_out(board).histories(board)
    dataset = dataset_of([board_of(board, user) for user in range(board.n_users)], 14)
    drawn = np.random.default_rng(0).standard_normal((14, 4)).astype(np.float32)
    drawn[12], drawn[13] = drawn[3], drawn[8]
    sources = Sources(item_vectors=drawn)
    chosen = config("text-item", own=False)
    model = fit_model(
        *(dataset, leave_one_out(dataset), sources, chosen, SETTINGS),
        seed=0,
        scratch=tmp_path,
    )
    ready = Ready.of(model)
    scores = ready.scores(0, past.of(0))
    np.testing.assert_allclose(scores[[12, 13]], scores[[3, 8]], rtol=1e-5)
    assert abs(scores[12] - scores[13]) > 1e-4
    bag = bags(dataset.items[:1], categories(dataset.items))
    vector = standardise(drawn[[5]], drawn)[0]
    placed = with_item(ready, None, bag, vector=vector).scores(0, past.of(0))
    np.testing.assert_allclose(placed[-1], scores[5], rtol=1e-4, atol=1e-6)


def board_of(dataset, user):
    mine = dataset.interactions.filter(dataset.interactions["user"] == user)
    return mine.sort("time")["item"].to_list()


@pytest.mark.parametrize("settings", [{}, {"layers": 2}, {"own": False}, {"own_norm": 0.1}])
def test_gradients_reach_the_adaptor_and_what_items_have_of_their_own(settings):
    world, chosen = world_of(DATASET, SETTINGS), config("text-item", **settings)
    torch.manual_seed(0)
    recommender = SequenceRecommender.of(chosen, world)
    before = {name: one.clone() for name, one in recommender.network.named_parameters()}
    Trainer(recommender, world, seed=0).epoch(0)
    still = {
        name
        for name, one in recommender.network.named_parameters()
        if torch.equal(one, before[name])
    }
    assert still == (set() if settings.get("own", True) else {"item.weight"})


def test_a_bound_keeps_short_vectors_and_cuts_long_ones():
    given = torch.tensor([[3.0, 4.0], [0.3, -0.4], [0.0, 0.0]])
    torch.testing.assert_close(
        Bound(1.0)(given), torch.tensor([[0.6, 0.8], [0.3, -0.4], [0.0, 0.0]])
    )


def test_what_items_have_of_their_own_stays_bounded_in_training(tmp_path):
    chosen, world = config("text-item", own_norm=0.1), world_of(DATASET, SETTINGS)
    hasty = replace(world, settings=TrainConfig(batch_size=8, learning_rate=0.5))
    recommender = SequenceRecommender.of(chosen, hasty)
    Trainer(recommender, hasty, seed=0).epoch(0)
    lengths = torch.linalg.vector_norm(recommender.network.item.weight.detach(), dim=1)
    assert lengths.max() == pytest.approx(0.1, rel=1e-5)
    free = SequenceRecommender.of(config("text-item"), hasty)
    Trainer(free, hasty, seed=0).epoch(0)
    assert torch.linalg.vector_norm(free.network.item.weight, dim=1).max() > 0.5


@pytest.mark.parametrize("settings", [{"own_norm": 0.1}, {"own": False}, {"layers": 2}])
def test_texts_as_items_are_restored_as_they_were(settings, tmp_path):
    model = fit_model(
        *(DATASET, leave_one_out(DATASET), world_of(DATASET, SETTINGS).sources),
        *(config("text-item", **settings), SETTINGS),
        seed=0,
        scratch=tmp_path / "scratch",
    )
    model.save(tmp_path)
    torch.testing.assert_close(
        Model.load(tmp_path).recommender.opened().items, model.recommender.opened().items
    )


def test_info_nce_by_hand():
    """Cosines are 1 and 0 in the first row, .6 and .8 in the second."""
    ones, others = torch.tensor([[2.0, 0.0], [3.0, 4.0]]), torch.tensor([[1.0, 0.0], [0.0, 5.0]])
    first = -math.log(math.exp(5) / (math.exp(5) + math.exp(0)))
    second = -math.log(math.exp(4) / (math.exp(3) + math.exp(4)))
    assert info_nce(ones, others, 0.2).item() == pytest.approx((first + second) / 2, rel=1e-5)


def test_a_contrast_adds_its_weight_times_info_nce_to_the_loss_and_nothing_to_scores():
    world, chosen = world_of(DATASET, SETTINGS), config("contrast", weight=0.3)
    torch.manual_seed(0)
    ours = SequenceRecommender.of(chosen, world)
    torch.manual_seed(0)
    plain = SequenceRecommender.of(config_of(), world)
    loss = NextItem(world.histories.items, DATASET.n_items, SETTINGS, torch.device("cpu"))
    _, steps = plain.batches(world, np.random.default_rng(0))
    step = next(steps)
    enhancer = ours.network.enhancer
    assert isinstance(enhancer, Contrast)
    numbers = (of.flatten() for part in step.rows.parts for of in (part.items, part.targets))
    some = torch.unique(torch.cat(list(numbers)))
    some = some[(some >= 0) & (some < DATASET.n_items)]
    items = plain.network.propagate(NOBODY).items
    texts = enhancer.view(enhancer.vectors[some])
    added = 0.3 * info_nce(items[some], texts, 0.2)
    with_term, without = (one.loss(Step(step.rows, loss))[0] for one in (ours, plain))
    torch.testing.assert_close(with_term, without + added)
    torch.testing.assert_close(ours.network.propagate(NOBODY).items, items)
    assert not ours.network.item_graph.state_dict()
