"""RankGraph: the contract, its layer and losses by hand, and what nobody may hear."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import torch
from small_worlds import (
    checkerboard,
    codes_of,
    dataset_of,
    enliven,
    graph_of,
    scores_of,
    sources_of,
    world_of,
)

from data.dataset import Dataset, Histories
from data.relation import Relation
from data.split import leave_one_out
from graph.build.domains import HAD
from recommend.fit.training import fit_model
from recommend.model import Model
from recommend.protocols import Asked, Embeds, World
from recommend.rank.anchors import Likeness
from recommend.rank.encoder import Heard, RelationalLayer
from recommend.rank.losses import info_nce, triplet
from recommend.rank.negatives import LEAST, Against, Known, Pool, drawn_cosines, near_cosines
from recommend.rank.profile import COLUMNS, profile_negatives
from recommend.rank.recommender import RankGraph
from recommend.reasons.what_if import Ready
from recommend.settings import PLAIN, ModelConfig, TrainConfig
from recommend.settings.rankgraph import RankGraphConfig

NAME = RankGraphConfig().name
TRAINING = TrainConfig(epochs=12, patience=12, batch_size=8, learning_rate=2e-2)
DAY = 86_400
EVERYTHING = ("batch", "pool", "semantic")
VARIANTS = {
    "as it is": {},
    "homogeneous": {"types": "homogeneous", "layers": 1, "half_life_days": 2},
    "apart": {"domains": "apart", "balance": 0, "negatives": ("batch", "pool")},
    "all": {
        "bases": 2,
        "features": "both",
        "alike": ("engaged", "factors", "texts"),
        "half_life_days": 3,
        "nearest": 3,
        "negatives": EVERYTHING,
        "anchors": ("user-item", "user-user", "item-item"),
        "pool": 16,
        "reach": 4,
    },
    "in view": {"hide": 0, "balance": 1, "negatives": ("batch", "semantic"), "reach": 3},
}
FRESH = """
import json, sys
from pathlib import Path
import numpy as np, torch
torch.set_num_threads(1)
from data.dataset import Histories
from recommend.model import Model
from recommend.protocols import Asked
arrays = np.load(sys.argv[1])
past = Histories(arrays["offsets"], arrays["items"], arrays["times"])
for place in sys.argv[2:]:
    blocks = Model.load(Path(place)).scores(Asked(past, np.arange(len(past))))
    print(json.dumps(np.concatenate([scores.numpy() for _, scores in blocks]).tolist()))
"""


def dated(dataset: Dataset) -> Dataset:
    """The same, a day between a user's interactions."""
    times = pl.col("time") * DAY + 10**9
    return replace(dataset, interactions=dataset.interactions.with_columns(times))


def in_two(dataset: Dataset, films: int) -> Dataset:
    """The same, the first items in one domain and the others in another."""
    names = ["films" if item < films else "books" for item in range(dataset.n_items)]
    return replace(dataset, items=dataset.items.with_columns(domain=pl.Series(names)))


ONE = dated(checkerboard())
BOARD = in_two(ONE, 6)


def config_of(**own: object) -> ModelConfig:
    return ModelConfig.model_validate(
        {
            "backbone": {"name": NAME, **own},
            "enhancer": {"name": PLAIN},
            "width": 8,
            "embedding_dropout": 0,
        }
    )


def world(dataset: Dataset = BOARD) -> World:
    return world_of(dataset, TRAINING, graph_of(dataset))


def fresh(dataset: Dataset = BOARD, **own: object) -> RankGraph:
    torch.manual_seed(0)
    made = RankGraph.of(config_of(**own), world(dataset))
    enliven(made.network)
    return made


def fit(scratch, dataset: Dataset = BOARD, on_progress=None, **own: object) -> Model:
    parts = leave_one_out(dataset), sources_of(dataset, graph_of(dataset))
    return fit_model(
        dataset,
        *parts,
        config_of(**own),
        TRAINING,
        seed=1,
        scratch=scratch,
        on_progress=on_progress,
    )


def steps_of(made: RankGraph, dataset: Dataset = BOARD, seed: int = 0) -> list:
    return list(made.batches(world(dataset), np.random.default_rng(seed))[1])


def past_of(dataset: Dataset = BOARD) -> Histories:
    return leave_one_out(dataset).histories(dataset)


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    return {name: fit(tmp_path_factory.mktemp("scratch"), **own) for name, own in VARIANTS.items()}


@pytest.mark.parametrize("name", VARIANTS)
class TestTheContract:
    def test_settings_survive_json(self, name):
        config = config_of(**VARIANTS[name])
        assert ModelConfig.model_validate_json(config.model_dump_json()) == config

    def test_a_batch_equals_its_users_one_by_one(self, fitted, name):
        together = scores_of(fitted[name], BOARD)
        for user in (23, 0, 7, 14):
            ((users, alone),) = fitted[name].scores(Asked(past_of(), np.array([user])))
            assert users.tolist() == [user]
            np.testing.assert_allclose(alone[0], together[user], rtol=1e-4, atol=1e-5)

    def test_every_parameter_gets_a_gradient_and_is_stored(self, name):
        made = fresh(**VARIANTS[name])
        steps = steps_of(made)
        assert len(steps) == 3
        assert sum(len(step.known) for step in steps) == len(made.past.had.targets)
        for step in steps:  # the pool is filled by the first
            loss, positions = made.loss(step)
            assert positions == len(step.items)
            loss.backward()
        stored = made.network.state_dict()
        for called, one in made.network.named_parameters():
            assert one.grad is not None and one.grad.isfinite().all(), called
            assert one.grad.ne(0).any(), f"{called} has a gradient of zero"
            assert torch.equal(stored[called], one)

    def test_training_histories_give_the_vectors_of_training(self, name):
        made = fresh(**VARIANTS[name])
        assert isinstance(made, Embeds)
        users, items = made.embeddings()
        ((_, found),) = made.scores(Asked(past_of(), np.arange(24)))
        np.testing.assert_allclose(found.detach(), users @ items.T, rtol=1e-4, atol=1e-5)

    def test_the_checkerboard_is_learnt(self, fitted, name):
        scores, odd = scores_of(fitted[name], BOARD), np.arange(24)[:, None] % 2
        own = np.where(odd, scores[:, 1::2], scores[:, 0::2])
        other = np.where(odd, scores[:, 0::2], scores[:, 1::2])
        domains = own.reshape(24, 2, 3, 1) > other.reshape(24, 2, 1, 3)  # within each of them
        assert domains.mean() > 0.85, f"{domains.mean():.0%}"

    def test_it_answers_for_made_up_histories(self, fitted, name):
        """They have places instead of dates."""
        ready, past = Ready.of(fitted[name]), past_of().of(15)
        np.testing.assert_allclose(
            ready.scores(15, past), scores_of(fitted[name], BOARD)[15], rtol=1e-4, atol=1e-5
        )
        assert (ready.scores(15, past) != ready.scores(15, past[past != past[-1]])).any()


def test_a_fresh_process_gives_the_same_scores(fitted, tmp_path):
    past = past_of()
    np.savez(tmp_path / "past.npz", offsets=past.offsets, items=past.items, times=past.times)
    for name, model in fitted.items():
        model.save(tmp_path / name)
    words = [str(tmp_path / "past.npz"), *(str(tmp_path / name) for name in fitted)]
    done = subprocess.run(
        [sys.executable, "-c", FRESH, *words], capture_output=True, text=True, check=True
    )
    for (_, model), line in zip(fitted.items(), done.stdout.splitlines(), strict=True):
        np.testing.assert_allclose(json.loads(line), scores_of(model, BOARD), rtol=1e-5, atol=1e-6)


def test_a_killed_run_goes_on_to_the_same_weights_and_pool(fitted, tmp_path):
    class KilledError(Exception):
        pass

    def kill(done: int, *_: object) -> None:
        if done == 2:
            raise KilledError

    with pytest.raises(KilledError):
        fit(tmp_path, on_progress=kill, **VARIANTS["all"])
    state = fit(tmp_path, **VARIANTS["all"]).recommender.network.state_dict()
    whole = fitted["all"].recommender.network.state_dict()
    assert "pool.user.numbers" in state and (whole["pool.user.numbers"] >= 0).all()
    assert state.keys() == whole.keys()
    assert all(torch.equal(state[name], whole[name]) for name in whole)


def test_data_without_domains_are_one_domain():
    made = fresh(ONE)
    assert made.network.domains == ("items",)
    users, items = made.embeddings()
    ((_, found),) = made.scores(Asked(past_of(ONE), np.arange(24)))
    np.testing.assert_allclose(found.detach(), users @ items.T, rtol=1e-4, atol=1e-5)


def test_behaviours_weigh_after_training_histories_as_they_do_in_training():
    """A mean over types, since one over a type alone would not tell 3 times as much from 1."""
    events = BOARD.interactions.with_columns(
        (1 + pl.col("item").cast(pl.Float32)).alias("weight"), pl.col("item").alias("after")
    )
    made = fresh(replace(BOARD, events=events), types="homogeneous")
    users, items = made.embeddings()
    ((_, found),) = made.scores(Asked(past_of(), np.arange(24)))
    np.testing.assert_allclose(found.detach(), users @ items.T, rtol=1e-4, atol=1e-5)
    assert (users != fresh(types="homogeneous").embeddings()[0]).any()


def test_who_has_nothing_in_a_domain_or_at_all_is_scored():
    dataset = in_two(dated(dataset_of([[0, 1, 0, 1, 0], [4, 5, 4, 5], [0, 4, 1, 5, 2]], 6)), 3)
    for own in ({}, {"domains": "apart"}, {"types": "homogeneous"}):
        made = fresh(dataset, **own)
        loss, _ = made.loss(steps_of(made, dataset)[0])
        assert loss.isfinite()
        users, items = made.embeddings()
        assert np.isfinite(users).all() and np.isfinite(items).all()
        nothing = Histories(np.zeros(4, np.int64), np.zeros(0, np.int32), np.zeros(0, np.int64))
        ((_, scores),) = made.scores(Asked(nothing, np.array([2, 0])))
        assert scores.isfinite().all()


def dense(relation: Relation) -> np.ndarray:
    """(n, m) weights as shares of each row's sum."""
    matrix = np.zeros((len(relation), relation.n_targets))
    weights = 1.0 if relation.weights is None else relation.weights
    np.add.at(matrix, (relation.sources, relation.targets), weights)
    total = matrix.sum(1, keepdims=True)
    return matrix / np.where(total > 0, total, 1)


def of(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().numpy().astype(np.float64)


@pytest.mark.parametrize("bases", [None, 2])
def test_the_encoder_is_a_loop_over_relations(bases):
    """Equation 2 of its paper, edge type by edge type, with dense matrices of weights."""
    made = fresh(**{**VARIANTS["all"], "bases": bases})
    graph, encoder = made.past.graph, made.network.encoder
    x = {kind: of(one) for kind, one in made.network.first().items()}
    for place, layer in enumerate(encoder.layers):
        own = of(layer.itself.weight).T
        out = {kind: one @ own + of(layer.itself.bias) for kind, one in x.items()}
        at = 0
        for edge in graph.schema.edges:
            relation = graph.relation(edge.key)
            ways = [(edge.source, edge.target, dense(relation))]
            if edge.relation == HAD:
                ways.append((edge.target, edge.source, dense(relation.transpose())))
            for hears, is_heard, shares in ways:
                if bases is None:
                    matrix = of(layer.bases[at])
                else:
                    matrix = sum(of(layer.shares[at, b]) * of(layer.bases[b]) for b in range(bases))
                out[hears] += shares @ x[is_heard] @ matrix
                at += 1
        if place + 1 < len(encoder.layers):
            out = {kind: np.where(one > 0, one, 0.2 * one) for kind, one in out.items()}
        x = out
    found = made.network.layers({})[-1]
    for kind, expected in x.items():
        np.testing.assert_allclose(of(found[kind]), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("bases", [None, 2])
def test_the_layer_is_rgcnconv_of_pyg_where_edges_weigh_alike(bases):
    conv = pytest.importorskip("torch_geometric.nn")
    draw = torch.Generator().manual_seed(1)
    ends = torch.stack([torch.randint(7, (30,), generator=draw) for _ in range(2)])
    ends = torch.unique(ends, dim=1)
    kinds = torch.arange(ends.shape[1]) % 3
    layer = RelationalLayer(4, 3, bases)
    enliven(layer)
    other = conv.RGCNConv(4, 4, 3, num_bases=bases)
    pairs = [(other.weight, layer.bases), (other.root, layer.itself.weight.T)]
    pairs += [(other.bias, layer.itself.bias)]
    pairs += [(other.comp, layer.shares)] if bases else []
    with torch.no_grad():
        for theirs, ours in pairs:
            theirs.copy_(ours)
    x = torch.randn(7, 4, generator=draw)
    heard = []
    for kind in range(3):
        mine = (kinds == kind).numpy()
        sources, targets = ends[:, mine].numpy()
        shares = dense(Relation.between(targets, sources, 7, 7))
        heard.append(torch.from_numpy(shares).float() @ x)
    found = layer.itself(x) + sum(
        mean @ matrix for mean, matrix in zip(heard, layer.matrices(), strict=True)
    )
    torch.testing.assert_close(found, other(x, ends, kinds), rtol=1e-4, atol=1e-5)


def test_homogeneous_is_one_weighted_mean_over_all_edges():
    made = fresh(types="homogeneous", layers=1)
    graph, network = made.past.graph, made.network
    x = {kind: of(one) for kind, one in network.first().items()}
    total = np.zeros((24, 8))
    weight = np.zeros((24, 1))
    for edge in graph.schema.edges:
        relation = graph.relation(edge.key)
        if edge.source == "user":
            matrix = np.zeros((24, relation.n_targets))
            np.add.at(matrix, (relation.sources, relation.targets), relation.weights)
            total, weight = total + matrix @ x[edge.target], weight + matrix.sum(1, keepdims=True)
    layer = network.encoder.layers[0]
    expected = x["user"] @ of(layer.itself.weight).T + of(layer.itself.bias)
    expected += (total / weight) @ of(layer.bases[0])
    np.testing.assert_allclose(of(network.layers({})[-1]["user"]), expected, rtol=1e-4, atol=1e-5)
    assert list(network.encoders) == ["item"] and layer.bases.shape == (1, 8, 8)


class TestWhatNobodyMayHear:
    @pytest.mark.parametrize("domains", ["joined", "apart"])
    def test_exactly_what_a_step_predicts_is_hidden_in_both_directions(self, domains):
        made = fresh(domains=domains)
        for step in steps_of(made):
            predicted = set(zip(step.users[step.rows].tolist(), step.items.tolist(), strict=True))
            hidden, found = made._hidden(step.hidden), set()
            for way, one in zip(
                made.network.encoder.ways, made.network.encoder.hearing, strict=True
            ):
                _source, target, declared = way
                lost = hidden.get(declared)
                assert (lost is not None) == (declared[1] == HAD)
                if lost is None:
                    continue
                shares = one.matrices(lost).shares.to_dense()
                whole = one.matrices().shares.to_dense()
                gone = ((whole > 0) & (shares == 0)).nonzero().tolist()
                items = made.past.graph.attributes[declared[2]]["item"]
                pairs = {
                    (b, int(items[a])) if target == declared[2] else (a, int(items[b]))
                    for a, b in gone
                }
                found |= {(pair, target == declared[2]) for pair in pairs}
                sums = shares.sum(1)
                assert (((sums - 1).abs() < 1e-5) | (sums == 0)).all()
            assert found == {(pair, way) for pair in predicted for way in (False, True)}

    def test_the_weight_of_a_hidden_edge_moves_nothing(self):
        made = fresh()
        step = steps_of(made)[0]
        hidden = made._hidden(step.hidden)

        def layers():
            return torch.cat(list(made.network.layers(hidden)[-1].values()))

        before = layers()
        for (_, _, declared), one in zip(
            made.network.encoder.ways, made.network.encoder.hearing, strict=True
        ):
            if declared[1] == HAD:
                one.weights[hidden[declared][one.numbers]] = 1e6
        assert torch.equal(layers(), before)
        for (_, _, declared), one in zip(
            made.network.encoder.ways, made.network.encoder.hearing, strict=True
        ):
            if declared[1] == HAD:
                one.weights[~hidden[declared][one.numbers]] *= torch.rand(1) + 2
                one.weights[0] = 9
        assert not torch.equal(layers(), before)

    @pytest.mark.parametrize("name", VARIANTS)
    def test_other_held_out_items_change_nothing(self, name):
        """Also not what is drawn."""
        rows = BOARD.interactions.with_row_index()
        split = leave_one_out(BOARD)
        held = pl.col("index").is_in(np.concatenate([split.valid, split.test]).tolist())
        other = (pl.col("item") + 1) % 12
        changed = rows.with_columns(item=pl.when(held).then(other).otherwise("item"))
        dataset = replace(BOARD, interactions=changed.drop("index"))
        arrays, steps = [], []
        for one in (BOARD, dataset):
            made = fresh(one, **VARIANTS[name])
            arrays.append({**made.arrays(), "users": made.embeddings()[0]})
            steps.append([part for step in steps_of(made, one) for part in step[:7]])
        for called, array in arrays[0].items():
            np.testing.assert_array_equal(array, arrays[1][called])
        assert all(torch.equal(a, b) for a, b in zip(*steps, strict=True))

    @pytest.mark.parametrize(("domains", "moves"), [("apart", False), ("joined", True)])
    def test_apart_is_apart(self, domains, moves):
        """With the same weights, films that others had move scores of books, or do not."""
        rows = BOARD.interactions
        other = pl.when(pl.col("item") < 6).then((pl.col("item") + 2) % 6).otherwise("item")
        found = []
        for one in (BOARD, replace(BOARD, interactions=rows.with_columns(item=other))):
            ((_, scores),) = fresh(one, domains=domains).scores(Asked(past_of(one), np.arange(24)))
            found.append(scores)
        assert (found[0][:, :6] != found[1][:, :6]).any()
        assert bool((found[0][:, 6:] != found[1][:, 6:]).any()) == moves

    def test_age_reaches_the_means(self):
        """A day halves: of user 0's three films, the shares are 1 : 2 : 4."""
        dataset = in_two(dated(dataset_of([[0, 1, 2, 4, 0], [1, 2, 4, 5, 4]], 6)), 4)
        made = fresh(dataset, half_life_days=1)
        at = [way[:2] for way in made.network.encoder.ways].index(("films", "user"))
        shares = made.network.encoder.hearing[at].matrices().shares.to_dense()
        np.testing.assert_allclose(shares[0], [1 / 7, 2 / 7, 4 / 7, 0], rtol=1e-6)

    def test_old_interactions_keep_their_shares_beside_new_ones(self):
        """Weights of 2⁻⁶⁰ of a user, after those of another of 1, are still 1 : 2."""
        dataset = in_two(dated(dataset_of([[3, 3, 3, 3], [0, 1, 0, 1]], 4)), 2)
        rows = dataset.interactions
        late = rows.with_columns(
            time=pl.col("time") + pl.when(pl.col("user") == 0).then(60 * DAY).otherwise(0)
        )
        assert late["time"].max() - late.filter(user=1)["time"].max() == 60 * DAY
        made = fresh(replace(dataset, interactions=late), half_life_days=1)
        for hearing, way in zip(
            made.network.encoder.hearing, made.network.encoder.ways, strict=True
        ):
            if way[:2] == ("films", "user"):
                shares = hearing.matrices().shares.to_dense()
                np.testing.assert_allclose(shares[1], [1 / 3, 2 / 3], rtol=1e-5)

    def test_what_comes_long_after_training_is_still_weighed(self):
        """Of two films of one day, 400 half-lives later, none weighs more, and none infinitely."""
        made = fresh(
            dated(in_two(dataset_of([[3, 3, 3, 3], [0, 1, 0, 1]], 4), 2)), half_life_days=1
        )
        at = int(made.past.graph.edges["user", HAD, "films"].moments.max()) + 400 * DAY
        later = Histories(np.array([0, 2, 2]), np.array([0, 1], np.int32), np.array([at, at]))
        weights = made.past.after(later, 1).weights
        assert np.isfinite(weights).all() and weights[0] == weights[1]
        ((_, scores),) = made.scores(Asked(later, np.arange(2)))
        assert scores.isfinite().all()


class TestTypes:
    @pytest.mark.parametrize("domain", ["books", "films"])
    def test_gradients_of_a_type_reach_its_own_encoder_alone(self, domain):
        made = fresh(features="both")
        made.network.first()[domain].square().sum().backward()
        for kind, encoder in made.network.encoders.items():
            grads = [one.grad for one in encoder.parameters()]
            assert all((one is None or not one.any()) == (kind != domain) for one in grads)

    def test_an_unknown_type_is_refused(self):
        with pytest.raises(ValueError, match="no items of the type 'games'; there are books, fi"):
            fresh().network.encoder_of("games")

    def test_types_that_nothing_tells_of_hear_nothing(self):
        made = fresh()
        x = made.network.first()
        found = made.network.encoder.after(
            1, {"user": x["user"]}, [Heard("books", x["books"], x["books"])]
        )
        torch.testing.assert_close(found["user"], made.network.encoder.layers[1].itself(x["user"]))


class TestLosses:
    def test_info_nce_without_negatives_is_nothing(self):
        true = torch.tensor([0.3, -1.0], requires_grad=True)
        for nothing in (-torch.inf, LEAST):
            loss = info_nce(true, torch.full((2,), nothing), 0.1)
            assert loss.item() == 0
        loss.backward()
        assert (true.grad == 0).all()

    @pytest.mark.parametrize("n", [1, 7, 100])
    def test_info_nce_of_equal_scores_is_ln_of_one_and_n(self, n):
        negatives = (torch.full((3, n), 0.4) / 0.2).logsumexp(1)
        loss = info_nce(torch.full((3,), 0.4), negatives, 0.2)
        assert loss.item() == pytest.approx(np.log(1 + n), rel=1e-6)

    def test_triplet_is_worked_out_by_hand(self):
        true, other = torch.tensor([0.9, 0.1, 0.5]), torch.tensor([0.2, 0.3, LEAST])
        assert triplet(true, other, 0.2).item() == pytest.approx((0 + 0.4 + 0) / 3, rel=1e-6)

    def test_balance_is_between_the_two_losses(self):
        losses = {}
        for balance in (0.0, 0.25, 1.0):
            made = fresh(balance=balance)
            step = steps_of(made)[0]
            torch.manual_seed(3)
            losses[balance] = made.loss(step)[0].item()
        assert losses[0.25] == pytest.approx(0.75 * losses[0.0] + 0.25 * losses[1.0], rel=1e-5)

    @pytest.mark.parametrize("corrected", [0.0, 0.5])
    def test_a_step_is_worked_out_from_its_vectors(self, corrected):
        """InfoNCE over other items of the step that the user had not, popular ones lowered."""
        made = fresh(balance=0, corrected=corrected)
        step = steps_of(made)[0]
        layers = made.network.layers(made._hidden(step.hidden))
        users = of(made.network.of_people(layers)[0])[step.users]
        items = of(made.network.of_items(layers))
        had = [set(made.past.had.of(int(user)).tolist()) for user in step.users]
        counts = np.bincount(made.past.had.targets, minlength=12).clip(1)
        logits = users @ items.T / 0.1
        lowered = logits - corrected * np.log(counts / counts.mean())
        expected = []
        for row, item in zip(step.rows.tolist(), step.items.tolist(), strict=True):
            others = [other for other in set(step.items.tolist()) if other not in had[row]]
            expected.append(np.log1p(np.exp(lowered[row, others] - logits[row, item]).sum()))
        assert made.loss(step)[0].item() == pytest.approx(np.mean(expected), rel=1e-4)


class TestNegatives:
    KNOWN = Known(torch.tensor([0, 0, 2]), torch.tensor([1, 4, 0]), (3, 6))

    def test_what_was_had_is_known(self):
        numbers = torch.tensor([4, 0, 4, 5, 1])
        expected = [[1, 0, 1, 0, 1], [0, 0, 0, 0, 0], [0, 1, 0, 0, 0]]
        assert self.KNOWN.of(numbers).int().tolist() == expected
        assert self.KNOWN.of(numbers[:0]).shape == (3, 0)
        rows, some = torch.tensor([2, 0]), torch.tensor([[0, 4], [4, 5]])
        assert self.KNOWN.holds(rows, some).tolist() == [[True, False], [True, False]]
        nothing = Known(*(torch.zeros(0, dtype=torch.int64),) * 2, (3, 6))
        assert not nothing.of(numbers).any() and not nothing.holds(rows, some).any()

    def test_the_pool_is_first_in_first_out(self):
        pool = Pool(4)
        assert pool.held().tolist() == []
        pool.push(torch.tensor([7, 8, 9]))
        assert pool.held().tolist() == [7, 8, 9]
        pool.push(torch.tensor([1, 2]))
        assert sorted(pool.held().tolist()) == [1, 2, 8, 9]
        pool.push(torch.tensor([3]))
        assert sorted(pool.held().tolist()) == [1, 2, 3, 9]
        pool.push(torch.arange(10, 17))  # more than it holds
        assert sorted(pool.held().tolist()) == [13, 14, 15, 16]
        pool.push(torch.tensor([5]))
        assert sorted(pool.held().tolist()) == [5, 14, 15, 16]

    def test_of_more_items_than_a_pool_holds_none_is_favoured(self):
        """By their numbers, the last would be items of one domain."""
        made, kept = fresh(negatives=("batch", "pool"), pool=4), set()
        for seed in range(8):
            for step in steps_of(made, seed=seed):
                made.loss(step)
                kept |= set(made.network.pool["user"].held().tolist())
        assert kept == set(range(12))

    def test_nothing_moves_what_is_in_the_pool(self):
        made = fresh(negatives=("pool",), balance=0)
        step = steps_of(made)[0]
        users, items = torch.randn(24, 8), torch.randn(12, 8)
        users.requires_grad_(), items.requires_grad_()
        had = {int(item) for item in step.known}
        only = step._replace(rows=step.rows[:1], items=step.items[:1], near=step.near[:1])
        made.network.pool["user"].push(torch.arange(12))
        made._users_and_items(only, [users], items).backward()
        moved = items.grad.abs().sum(1).nonzero()[:, 0].tolist()
        assert moved == [int(step.items[0])] and len(had) > 1
        assert users.grad[step.users[only.rows[0]]].any()

    def test_items_near_one_that_a_user_had_are_masked(self):
        users, items = torch.eye(3, 4), torch.arange(24.0).reshape(6, 4)
        drawn = torch.tensor([[4, 5, -1], [5, 0, 2]])
        found = near_cosines(users, torch.tensor([0, 1]), items, drawn, self.KNOWN)
        expected = [[LEAST, 20, LEAST], [21, 1, 9]]
        assert found.tolist() == expected

    @pytest.mark.parametrize("source", EVERYTHING)
    def test_what_a_user_had_is_never_a_negative(self, source):
        """User 0 had all items; user 1 all but the item 5, and is set against that one alone."""
        dataset = dated(dataset_of([[0, 1, 2, 3, 4, 5, 0, 1], [0, 1, 2, 3, 4, 0, 1]], 6))
        made = fresh(dataset, negatives=(source,), balance=0, corrected=0, hide=0, reach=5, hard=40)
        (step,) = steps_of(made, dataset)
        if source == "pool":
            made.network.pool["user"].push(torch.arange(6))
        users, items = (torch.from_numpy(one) for one in made.embeddings())
        logits, expected = (users @ items.T / 0.1).numpy().astype(np.float64), []
        for place, (row, item) in enumerate(
            zip(step.rows.tolist(), step.items.tolist(), strict=True)
        ):
            user, five = int(step.users[row]), 1
            if source == "semantic":
                five = int((step.near[place] == 5).sum())
                assert user == 0 or five
            gap = logits[user, 5] - logits[user, item]
            expected.append(np.log1p(five * np.exp(gap)) if user else 0)
        found = made._users_and_items(step, [users], items).item()
        assert found == pytest.approx(np.mean(expected), rel=1e-4)

    def test_triplets_never_draw_what_a_user_had(self):
        cosines = torch.tensor([[1.0, 2.0, 3.0]])
        one = Against(torch.arange(3), cosines, torch.tensor([[True, False, True]]))
        rows = torch.zeros(500, dtype=torch.int64)
        found = drawn_cosines([one], rows, torch.empty(500, 0))
        assert set(found.tolist()) == {2.0, LEAST}
        assert (found == LEAST).float().mean() < 0.25  # (2/3)⁵ is .13
        every = Against(one.numbers, cosines, torch.ones(1, 3, dtype=torch.bool))
        assert (drawn_cosines([every], rows, torch.empty(500, 0)) == LEAST).all()

    def test_semantic_negatives_share_factors_where_these_join_items(self):
        codes = [[n // 4, n % 2] for n in range(12)]
        graph = graph_of(BOARD, item_codes=codes)
        sources = sources_of(BOARD, graph)
        some = World(BOARD, past_of(), sources, TRAINING)
        own = {"negatives": ("semantic",), "alike": ("engaged", "factors"), "reach": 1}
        near = RankGraph.of(config_of(**own), some).past.near
        for item in range(12):
            for other in near.of(item).tolist():
                assert codes[item] == codes[other] and item != other
        assert codes_of("i", codes, 3).codes.shape == (12, 2)


class TestTheProfile:
    def test_it_is_worked_out_from_the_vectors(self):
        """Of all users in one step, and of the pool in the second of two."""
        made = fresh(corrected=0.5, temperature=0.2)
        users, items = (one.astype(np.float64) for one in made.embeddings())
        table = profile_negatives(made, 24)
        assert table["of"].to_list() == ["pairs", "batch", "pool", "semantic"]
        assert table["mass"].sum() == pytest.approx(100)
        had = made.past.had
        there = np.zeros((24, 12), dtype=bool)
        there[had.sources, had.targets] = True
        degrees = there.sum(1)[had.sources]
        pairs, batch, pool, semantic = table.rows(named=True)
        assert pairs["each"] == 1 and pairs["masked"] == 0
        cosines = users @ items.T
        assert pairs["cosine"] == pytest.approx(cosines[there].mean(), abs=1e-5)
        assert batch["each"] == pytest.approx(12 - degrees.mean())
        assert batch["masked"] == pytest.approx(100 * degrees.mean() / 12)
        others = np.concatenate([cosines[user][~there[user]] for user in had.sources])
        assert batch["cosine"] == pytest.approx(others.mean(), abs=1e-5)
        for name, share in (("low", 0.05), ("high", 0.95)):
            assert batch[name] == pytest.approx(np.quantile(others, share), abs=2e-2)
        popular = [there.sum(0)[~there[user]] for user in had.sources]
        assert batch["users"] == pytest.approx(np.concatenate(popular).mean())
        assert pool["each"] == 0 and pool["cosine"] is None and pool["mass"] == 0
        assert 0 < semantic["each"] <= 8 and semantic["mass"] > 0
        again = profile_negatives(made, 12).row(2, named=True)
        assert 0 < again["each"] < 12 and again["mass"] > 0

    @pytest.mark.parametrize("name", VARIANTS)
    def test_every_recommender_has_one(self, fitted, name):
        table = profile_negatives(fitted[name].recommender, 8, steps=2)
        assert table["mass"].sum() == pytest.approx(100)
        assert tuple(table.columns) == ("of", *COLUMNS)


class TestAnchors:
    def test_neighbours_and_whose_neighbour_one_is_are_no_negatives(self):
        near = Relation.between(np.array([0, 1, 2]), np.array([1, 2, 0]), 4, 4)
        like = Likeness.of(near)
        pairs = like.draw(np.array([3, 1, 0]), np.random.default_rng(0), torch.device("cpu"))
        assert pairs.anchors.tolist() == [1, 0] and pairs.others.tolist() == [2, 1]
        masked = pairs.apart_from(4).of(torch.arange(4))
        assert masked.int().tolist() == [[1, 1, 1, 0], [1, 1, 1, 0]]

    @pytest.mark.parametrize("domains", ["joined", "apart"])
    @pytest.mark.parametrize("anchor", ["user-user", "item-item"])
    def test_the_loss_is_worked_out_from_the_vectors(self, anchor, domains):
        own = {"anchors": (anchor,), "balance": 0, "nearest": 2, "domains": domains}
        made = fresh(**own)
        step = steps_of(made)[0]
        layers = made.network.layers(made._hidden(step.hidden))
        people, items = made.network.of_people(layers), made.network.of_items(layers)
        graph, expected = made.past.graph, []
        for at, pairs in step.alike:
            vectors = of(items if at is None else people[at])
            joined = set()
            for edge in graph.schema.edges:
                users = edge.source.startswith("user")
                if edge.relation != "engaged" or users == (at is None):
                    continue
                if users and edge.source != made.network.people[at]:
                    continue
                relation = graph.relation(edge.key)
                names = [graph.attributes[end].get("item") for end in (edge.source, edge.target)]
                ends = zip(relation.sources.tolist(), relation.targets.tolist(), strict=True)
                joined |= {
                    (a, b) if users else (int(names[0][a]), int(names[1][b])) for a, b in ends
                }
            drawn = sorted(set(pairs.others.tolist()))
            for a, b in zip(pairs.anchors.tolist(), pairs.others.tolist(), strict=True):
                assert (a, b) in joined
                others = [o for o in drawn if o != a and not {(a, o), (o, a)} & joined]
                gaps = vectors[a] @ (vectors[others] - vectors[b]).T / 0.1
                expected.append(np.log1p(np.exp(gaps).sum()))
        assert expected and np.mean(expected) > 0
        assert made.loss(step)[0].item() == pytest.approx(np.mean(expected), rel=1e-4)

    def test_several_are_averaged(self):
        every = ("user-item", "user-user", "item-item")
        own = {"balance": 0, "nearest": 2}
        step = steps_of(fresh(anchors=every, **own))[0]
        losses = {
            anchors: fresh(anchors=anchors, **own).loss(step)[0].item()
            for anchors in (every, *((one,) for one in every))
        }
        whole = losses.pop(every)
        assert whole == pytest.approx(np.mean(list(losses.values())), rel=1e-5)
