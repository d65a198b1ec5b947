"""Vectors of a graph model as tokens: what is known when, and what comes back without them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from small_worlds import (
    PARTS,
    checkerboard,
    config_of,
    enliven,
    graph_of,
    inputs_of,
    network_of,
    scores_of,
    sources_of,
    whole_histories,
    world_of,
)

from data.errors import ConfigError
from data.split import leave_one_out
from recommend.features import Bags
from recommend.fit.losses import full_softmax
from recommend.fit.training import fit_model
from recommend.model import Model
from recommend.newcomers.placing import with_user
from recommend.protocols import Asked, Embeds
from recommend.reasons.what_if import Ready
from recommend.sequence.chunks import Block, Chunks, Layout, collate
from recommend.sequence.enhancers.tokens import FUSIONS
from recommend.sequence.inputs import EntityVectors, gather_inputs
from recommend.sequence.network import Network
from recommend.sequence.recommender import SequenceRecommender, Step
from recommend.settings import BACKBONES, ENHANCERS, ModelConfig, TrainConfig
from recommend.settings.registry import recommender_of
from recommend.settings.tokens import TokensConfig
from recommend.sources import Sources

DATASET = checkerboard()
SPLIT = leave_one_out(DATASET)
PAST = SPLIT.histories(DATASET)
N = DATASET.n_items
NOBODY = torch.empty(0, dtype=torch.int64)
ALL_WAYS = [(fusion, moment) for fusion in FUSIONS for moment in ("each", "whole")]


def tokens(backbone="sasrec", **about):
    enhancer = {"name": "tokens", "dropout": 0, **about}
    return config_of(backbone).model_copy(update={"enhancer": TokensConfig(**enhancer)})


def network(config, embeddings=None, seed=0):
    """One with vectors of its own choice, all parameters large enough to show."""
    inputs = inputs_of(DATASET, graph_of(DATASET), config)
    if embeddings is not None:
        inputs = replace(inputs, embeddings=embeddings)
    torch.manual_seed(seed)
    made = Network(config, inputs)
    enliven(made)
    return made.eval()


def middle(cut=None):
    """Rows that begin anywhere in a history, so that there are items before some of them."""
    start = np.minimum(np.arange(24) % 4, PAST.lengths - 2)
    chunks = Chunks(np.arange(24), start, np.minimum(start + 5, PAST.lengths - 1))
    batch = collate(PAST, chunks, Layout(5, N), PAST.lengths)
    return batch if cut is None else replace(batch, cut=torch.full((24,), cut))


def users_of(made, batch):
    with torch.inference_mode():
        return made.users(made.propagate(NOBODY), batch)


def zeros(config):
    of_users = np.zeros((24, 4), np.float32) if config.enhancer.of_users else None
    return EntityVectors(np.zeros((N, 4), np.float32), of_users)


@pytest.mark.parametrize("backbone", PARTS)
@pytest.mark.parametrize(("fusion", "moment"), ALL_WAYS)
class TestTheTwin:
    def test_without_vectors_the_plain_recommender_comes_back(self, backbone, fusion, moment):
        config = tokens(backbone, fusion=fusion, moment=moment)
        plain, batch = network_of(DATASET, None, config_of(backbone)).eval(), middle(cut=2)
        made = network(config, zeros(config))
        missing = made.load_state_dict(plain.state_dict(), strict=False)
        assert not missing.unexpected_keys
        assert torch.equal(made.propagate(NOBODY).items, plain.propagate(NOBODY).items)
        assert torch.equal(users_of(made, batch), users_of(plain, batch))

    def test_with_them_scores_are_others(self, backbone, fusion, moment):
        config = tokens(backbone, fusion=fusion, moment=moment)
        plain, batch = network_of(DATASET, None, config_of(backbone)).eval(), middle(cut=2)
        made = network(config)
        made.load_state_dict(plain.state_dict(), strict=False)
        moved = (users_of(made, batch) - users_of(plain, batch)).abs().amax((1, 2, 3))
        assert (moved > 1e-4).all(), "somebody's tokens do nothing"


@pytest.mark.parametrize("backbone", PARTS)
@pytest.mark.parametrize("fusion", FUSIONS)
def test_nothing_that_comes_after_a_position_is_known_there(backbone, fusion):
    """In training, too: nothing at or after the cut is in what stands before the rows."""
    made, rng = network(tokens(backbone, fusion=fusion)), np.random.default_rng(0)
    batch = middle()
    cut = torch.from_numpy(rng.integers(0, 5, 24))
    batch = replace(batch, cut=cut.minimum((batch.targets >= 0).sum(1)))
    before = users_of(made, batch)
    column = torch.arange(5)
    trained = (column >= batch.cut[:, None] - 1) & (batch.targets >= 0)
    if fusion != "prepend":
        trained = batch.targets >= 0
    for position in range(1, 5):
        items = batch.items.clone()
        later = items[:, position:]
        items[:, position:] = torch.where(later < N, (later + 1) % N, later)
        after = users_of(made, replace(batch, items=items))
        seen = trained & (column < position)
        torch.testing.assert_close(after[seen], before[seen])
        moved = trained[:, position]
        assert (after - before)[moved, position].abs().amax((1, 2)).gt(1e-5).all()


@pytest.mark.parametrize("fusion", FUSIONS)
def test_older_items_than_a_row_holds_are_known(fusion):
    made, batch = network(tokens(fusion=fusion, sides=["user"])), middle(cut=1)
    assert set(torch.bincount(batch.prior_row, minlength=24).tolist()) >= {0, 1, 2, 3}
    before = users_of(made, batch)
    after = users_of(made, replace(batch, prior=(batch.prior + 1) % N))
    owns = torch.bincount(batch.prior_row, minlength=24) > 0
    moved = (after - before)[:, 0].abs().amax((1, 2))
    assert moved[owns].min() > 1e-5 and torch.equal(after[~owns], before[~owns])


class TestCuts:
    made = network(tokens(fusion="prepend"))

    def cut(self, seed):
        torch.manual_seed(seed)
        return self.made.enhancer.cut(middle())

    def test_no_target_that_is_trained_was_known(self):
        for seed in range(20):
            batch, whole = self.cut(seed), middle()
            trained, column = batch.targets >= 0, torch.arange(5)
            assert (column + 1 >= batch.cut[:, None])[trained].all(), "a target before its cut"
            assert torch.equal(batch.targets[trained], whole.targets[trained])
            kept = (whole.targets >= 0) & (column >= batch.cut[:, None] - 1)
            assert torch.equal(trained, kept) and kept.any(1).all()

    def test_they_differ_from_step_to_step_and_some_are_none(self):
        cuts = torch.stack([self.cut(seed).cut for seed in range(200)])
        longest = (middle().targets >= 0).sum(1)
        assert torch.equal(cuts.amax(0), longest) and torch.equal(cuts.amin(0), 0 * longest)
        assert 0.2 < cuts.eq(0).float().mean() < 0.3

    def test_rows_of_which_nothing_is_known_are_read_as_by_the_plain_one(self):
        batch = middle(cut=0)
        bare = torch.bincount(batch.prior_row, minlength=24) == 0
        plain = network_of(DATASET, None, config_of("sasrec")).eval()
        self.made.load_state_dict(plain.state_dict(), strict=False)
        ours, theirs = users_of(self.made, batch), users_of(plain, batch)
        assert 0 < bare.sum() < 24
        torch.testing.assert_close(ours[bare], theirs[bare])
        assert not torch.isclose(ours[~bare], theirs[~bare]).flatten(1).all(1).any()

    def test_a_step_trains_what_was_not_known(self):
        config = tokens(fusion="prepend")
        made = SequenceRecommender(config, inputs_of(DATASET, None, config), self.made)
        torch.manual_seed(3)
        _, positions = made.loss(Step(Block((middle(),), torch.arange(24)), full_softmax))
        assert positions == (self.cut(3).targets >= 0).sum() < (middle().targets >= 0).sum()

    def test_the_own_vectors_of_users_alone_need_none(self):
        made, batch = network(tokens(fusion="prepend", moment="whole", sides=["user"])), middle()
        assert made.enhancer.cut(batch) is batch


class TestByHand:
    """The same from formulas, over plain loops."""

    def known(self, batch, row, stop):
        """Items that a row may know before its column `stop`, oldest first."""
        older = batch.prior[batch.prior_row == row].tolist()
        return [*older, *(i for i in batch.items[row, :stop].tolist() if i < N)]

    def test_a_user_is_the_mean_of_the_items_so_far(self):
        made, batch = network(tokens()), middle()
        table = made.enhancer.of_items.numpy()
        found = made.enhancer.users(made.propagate(NOBODY).nodes, batch)
        for row in range(24):
            for column in range(int((batch.items[row] < N).sum())):
                expected = table[self.known(batch, row, column + 1)].mean(0)
                np.testing.assert_allclose(found[row, column], expected, rtol=1e-4, atol=1e-5)

    @pytest.mark.parametrize("cut", [None, 0, 1, 3])
    def test_tokens_are_that_mean_and_the_latest_item(self, cut):
        made, batch = network(tokens(fusion="prepend")), middle(cut)
        enhancer = made.enhancer
        table = enhancer.of_items.numpy()
        found, there = enhancer.before(made.propagate(NOBODY).nodes, batch)
        maps = {side: one.weight.detach().numpy() for side, one in enhancer.maps.items()}
        for row in range(24):
            known = self.known(batch, row, 5 if cut is None else cut)
            assert there[row] == bool(known)
            mean = table[known].mean(0) if known else np.zeros(4)
            last = table[known[-1]] if known else np.zeros(4)
            expected = np.stack([maps["user"] @ mean, maps["item"] @ last])
            np.testing.assert_allclose(found[row].detach(), expected, rtol=1e-4, atol=1e-5)

    def test_attention_is_a_softmax_over_the_items_so_far_and_the_user(self):
        made, batch = network(tokens("mind", fusion="cross")), middle()
        enhancer, table = made.enhancer, made.enhancer.of_items.numpy().astype(np.float64)
        users = torch.randn(24, 5, 3, 8)
        found = enhancer.after(made.propagate(NOBODY).nodes, batch, users).detach().numpy()
        query = enhancer.query.weight.detach().numpy()
        maps = {side: one.weight.detach().numpy() for side, one in enhancer.maps.items()}
        for row in range(24):
            for column in range(int((batch.items[row] < N).sum())):
                own = table[self.known(batch, row, column + 1)].mean(0)
                items = table[batch.items[row, : column + 1]]
                keys = np.vstack([items, own])
                values = np.vstack([items @ maps["item"].T, own @ maps["user"].T])
                for interest in range(3):
                    user = users[row, column, interest].numpy()
                    weight = np.exp(keys @ (query @ user) / 4**0.5)
                    expected = user + weight @ values / weight.sum()
                    np.testing.assert_allclose(
                        found[row, column, interest], expected, rtol=1e-3, atol=1e-4
                    )

    def test_vectors_are_centred_and_of_mean_square_one(self):
        given = inputs_of(DATASET, None, tokens(moment="whole")).embeddings
        for vectors in (given.items, given.users):
            np.testing.assert_allclose(vectors.mean(0), 0, atol=1e-6)
            assert np.square(vectors).mean() == pytest.approx(1)


@pytest.mark.parametrize(("fusion", "moment"), ALL_WAYS)
class TestWays:
    def fit(self, folder, fusion, moment, trainable=True, epochs=2):
        config = tokens(fusion=fusion, moment=moment, trainable=trainable)
        settings = TrainConfig(epochs=epochs, batch_size=8, learning_rate=1e-2)
        sources = sources_of(DATASET, None)
        return fit_model(DATASET, SPLIT, sources, config, settings, seed=0, scratch=folder)

    def test_every_parameter_gets_a_gradient(self, fusion, moment):
        config = tokens("gru4rec", fusion=fusion, moment=moment, trainable=True)
        made = network(config).train()
        recommender = SequenceRecommender(config, inputs_of(DATASET, None, config), made)
        loss, _ = recommender.loss(Step(Block((middle(),), torch.arange(24)), full_softmax))
        loss.backward()
        for name, parameter in made.named_parameters():
            assert parameter.grad is not None and parameter.grad.ne(0).any(), name

    def test_what_is_trained_on_moves_and_what_is_frozen_stays(self, tmp_path, fusion, moment):
        for trainable in (True, False):
            made = self.fit(tmp_path / str(trainable), fusion, moment, trainable)
            given, found = made.recommender.inputs.embeddings, made.recommender.network.enhancer
            for table, start in ((found.of_items, given.items), (found.of_users, given.users)):
                if start is not None:
                    same = np.array_equal(table.detach().numpy(), start)
                    assert same != trainable
                    assert isinstance(table, torch.nn.Parameter) == trainable

    def test_it_is_stored_and_answers_one_user_as_it_answers_all(self, tmp_path, fusion, moment):
        made = self.fit(tmp_path / "scratch", fusion, moment, epochs=1)
        made.save(tmp_path / "model")
        again, ours = Model.load(tmp_path / "model"), scores_of(made, DATASET)
        np.testing.assert_array_equal(scores_of(again, DATASET), ours)
        ((_, alone),) = again.scores(Asked(PAST, np.array([7])))
        np.testing.assert_allclose(alone[0], ours[7], rtol=1e-4, atol=1e-5)


class TestTheControl:
    def tables(self, **about):
        made = network(tokens(moment="whole", **about))
        return made.enhancer.of_items.numpy(), made.enhancer.of_users.numpy()

    def test_it_moves_all_vectors_to_others_of_their_side(self):
        own, control, other = (
            self.tables(**about)
            for about in ({}, {"permuted": True}, {"permuted": True, "permutation": 1})
        )
        for plain, moved, again in zip(own, control, other, strict=True):
            assert not (plain == moved).all(1).any() and not np.array_equal(moved, again)
            order = [int((plain == row).all(1).argmax()) for row in moved]
            assert sorted(order) == list(range(len(plain)))
            np.testing.assert_array_equal(plain[order], moved)
        np.testing.assert_array_equal(self.tables(permuted=True)[0], control[0])

    def test_it_is_kept_with_the_model(self, tmp_path):
        config = tokens(permuted=True, trainable=True)
        sources, settings = sources_of(DATASET, None), TrainConfig(epochs=1, batch_size=8)
        made = fit_model(DATASET, SPLIT, sources, config, settings, seed=0, scratch=tmp_path)
        made.save(tmp_path / "model")
        again = Model.load(tmp_path / "model")
        np.testing.assert_array_equal(scores_of(again, DATASET), scores_of(made, DATASET))


class TestSources:
    def test_one_without_vectors_is_refused_in_a_sentence(self):
        with pytest.raises(ValidationError, match="source = popularity: that has no vector of"):
            ModelConfig(enhancer=TokensConfig(source="popularity"))
        with pytest.raises(ValidationError, match=r"those that do are .*lightgcn-cf.*autograph"):
            ModelConfig(enhancer=TokensConfig(source="nobody"))

    @pytest.mark.parametrize(
        "name", [n for n, s in (*BACKBONES.items(), *ENHANCERS.items()) if s.config.embeds]
    )
    def test_each_can_be_named(self, name):
        assert ModelConfig(enhancer=TokensConfig(source=name)).enhancer.source == name

    def test_nothing_is_made_without_them(self):
        with pytest.raises(ConfigError, match="needs the vectors that another recommender has"):
            gather_inputs(DATASET, Sources(), tokens())

    def test_users_vectors_are_kept_where_they_are_read_alone(self):
        for about, read in (
            ({}, False),
            ({"moment": "whole"}, True),
            ({"moment": "whole", "sides": ["item"]}, False),
        ):
            given = inputs_of(DATASET, None, tokens(**about)).embeddings
            assert (given.users is not None) == read

    def test_nodes_of_an_enhancer_are_those_of_its_graph(self):
        config = config_of("gru4rec", "autograph")
        made = network_of(DATASET, graph_of(DATASET), config)
        recommender = SequenceRecommender(
            config, inputs_of(DATASET, graph_of(DATASET), config), made
        )
        users, items = recommender.nodes()
        with torch.inference_mode():
            expected = made.eval().enhancer.propagate(made.item.weight, NOBODY)
        np.testing.assert_allclose(users, expected[0])
        np.testing.assert_allclose(items, expected[1])
        assert users.shape == (24, 8) and items.shape == (12, 8)

    def test_contextgnn_has_those_of_its_towers(self):
        about = {"backbone": {"name": "contextgnn", "parts": "tower"}, "width": 8}
        config = ModelConfig.model_validate({**about, "enhancer": {"name": "none"}})
        world = world_of(DATASET, TrainConfig(batch_size=8))
        made = recommender_of("contextgnn").of(config, world)
        assert isinstance(made, Embeds)
        users, items = made.embeddings()
        ((_, scores),) = made.scores(Asked(PAST, np.arange(24)))
        np.testing.assert_allclose(users @ items.T, scores.detach(), rtol=1e-4, atol=1e-5)

    def test_contextgnn_without_towers_says_so(self):
        about = {"backbone": {"name": "contextgnn", "parts": "pair"}, "width": 8}
        config = ModelConfig.model_validate({**about, "enhancer": {"name": "none"}})
        made = recommender_of("contextgnn").of(config, world_of(DATASET, TrainConfig()))
        with pytest.raises(ConfigError, match="parts is pair, which has no vector"):
            made.embeddings()


def test_of_a_new_user_own_vectors_say_the_average():
    whole = Ready.of(_model(tokens(moment="whole")))
    bag = Bags(np.array([], np.int64), np.array([], np.float32), np.array([0]), np.array([1]))
    placed, number, note = with_user(whole, None, bag)
    assert "the average of all users stands in" in note
    nodes = placed.answers.shared.nodes[0]
    torch.testing.assert_close(nodes[number], nodes[:24].mean(0))
    assert with_user(Ready.of(_model(tokens())), None, bag).note == ""


def _model(config):
    import polars as pl

    inputs = inputs_of(DATASET, None, config)
    recommender = SequenceRecommender(config, inputs, network(config))
    ids = DATASET.user_ids, DATASET.item_ids
    return Model(config, recommender, *ids, pl.DataFrame({"loss": [0.0]}))


def test_whole_histories_are_known_when_somebody_is_asked_about():
    """What stands before them is made of all that is there."""
    made, batch = network(tokens(fusion="prepend")), whole_histories(DATASET, SPLIT, 5)
    assert batch.cut is None
    items = batch.items.clone()
    last = (items < N).sum(1) - 1
    rows = torch.arange(24)
    items[rows, last] = (items[rows, last] + 1) % N
    nodes = made.propagate(NOBODY).nodes
    before = made.enhancer.before(nodes, batch)[0]
    after = made.enhancer.before(nodes, replace(batch, items=items))[0]
    assert (before - after).abs().amax(2).gt(1e-5).all()


def test_who_has_no_history_attends_to_no_item():
    config = tokens(fusion="cross", moment="each")
    nobody = Chunks(np.array([3]), np.array([0]), np.array([0]))
    batch = collate(PAST, nobody, Layout(1, N), PAST.lengths)
    vectors = EntityVectors(np.ones((N, 4), np.float32), None)
    found = users_of(network(config, vectors), batch)
    torch.testing.assert_close(found, users_of(network(config, zeros(config)), batch))
