"""Two towers over the graph of interactions: the contract, and the papers' formulas."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from small_worlds import (
    checkerboard,
    dataset_of,
    enliven,
    graph_of,
    scores_of,
    sources_of,
    world_of,
)

from data.dataset import Histories
from data.errors import DataError
from data.split import leave_one_out
from recommend.fit.training import fit_model
from recommend.graphs.towers import Step, Towers, bpr, once, softmax_against_others
from recommend.newcomers.placing import with_item
from recommend.protocols import Asked
from recommend.reasons.what_if import Ready
from recommend.settings import BACKBONES, PLAIN, ModelConfig, TrainConfig
from recommend.settings.towers import TowersConfig

BOARD = checkerboard()
NAMES = [name for name, spec in BACKBONES.items() if issubclass(spec.config, TowersConfig)]
VARIANTS = {
    **{name: {"name": name} for name in NAMES},
    **{f"{name}-bpr": {"name": name, "loss": "bpr", "layers": 1} for name in NAMES},
}
TRAINING = TrainConfig(epochs=25, patience=25, batch_size=8, learning_rate=2e-2)
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


def config_of(**own: object) -> ModelConfig:
    return ModelConfig.model_validate(
        {
            "backbone": {"dropout": 0, **own} if own["name"] == "ngcf" else own,
            "enhancer": {"name": PLAIN},
            "width": 8,
            "embedding_dropout": 0,
        }
    )


def fresh(world=None, **own: object) -> Towers:
    torch.manual_seed(0)
    made = Towers.of(config_of(**own), world or world_of(BOARD, TRAINING))
    enliven(made.network)
    return made


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    return {
        name: fit_model(
            BOARD,
            leave_one_out(BOARD),
            sources_of(BOARD, graph_of(BOARD)),
            config_of(**own),
            TRAINING,
            seed=1,
            scratch=tmp_path_factory.mktemp("scratch"),
        )
        for name, own in VARIANTS.items()
    }


@pytest.mark.parametrize("name", VARIANTS)
class TestTheContract:
    def test_settings_survive_json(self, name):
        config = config_of(**VARIANTS[name])
        assert ModelConfig.model_validate_json(config.model_dump_json()) == config

    def test_a_batch_equals_its_users_one_by_one(self, fitted, name):
        past = leave_one_out(BOARD).histories(BOARD)
        together = scores_of(fitted[name], BOARD)
        for user in (23, 0, 7, 14):
            ((users, alone),) = fitted[name].scores(Asked(past, np.array([user])))
            assert users.tolist() == [user]
            np.testing.assert_allclose(alone[0], together[user], rtol=1e-4, atol=1e-5)

    @pytest.mark.parametrize("loss", ["full", "sampled"])
    def test_every_parameter_gets_a_gradient_and_is_stored(self, name, loss):
        training = TRAINING.model_copy(update={"loss": loss, "negatives": 4})
        world = world_of(BOARD, training)
        made = fresh(world, **VARIANTS[name])
        count, steps = made.batches(world, np.random.default_rng(0))
        steps = list(steps)
        assert count == len(steps) == 3
        assert sum(len(step.items) for step in steps) == len(made.had.targets)
        loss, positions = made.loss(steps[0])
        assert positions == len(steps[0].items)
        loss.backward()
        stored = made.network.state_dict()
        for called, one in made.network.named_parameters():
            assert one.grad is not None and one.grad.isfinite().all(), called
            assert one.grad.ne(0).any(), f"{called} has a gradient of zero"
            assert torch.equal(stored[called], one)

    def test_the_checkerboard_is_learnt(self, fitted, name):
        scores, odd = scores_of(fitted[name], BOARD), np.arange(24)[:, None] % 2
        own = np.where(odd, scores[:, 1::2], scores[:, 0::2])
        other = np.where(odd, scores[:, 0::2], scores[:, 1::2])
        above = (own[:, :, None] > other[:, None, :]).mean()
        assert above > 0.85, f"{above:.0%}"

    def test_training_histories_give_the_vectors_of_training(self, name):
        """A user after a history hears it as the graph does, where it is that of training."""
        made = fresh(**VARIANTS[name])
        past = leave_one_out(BOARD).histories(BOARD)
        made.network.eval()
        ((_, found),) = made.scores(Asked(past, np.arange(24)))
        users, items = made.network.towers()
        torch.testing.assert_close(found, users @ items.T, rtol=1e-4, atol=1e-5)

    def test_it_answers_for_made_up_histories_and_takes_no_newcomers(self, fitted, name):
        ready = Ready.of(fitted[name])
        past = leave_one_out(BOARD).histories(BOARD).of(15)
        left = ready.left_out(15, past, np.setdiff1d(np.arange(12), past))
        assert left.whole
        assert (ready.scores(15, past) != ready.scores(15, past[past != past[-1]])).any()
        with pytest.raises(DataError, match="can say nothing about a new item"):
            with_item(ready, None, None)


def test_a_fresh_process_gives_the_same_scores(fitted, tmp_path):
    past = leave_one_out(BOARD).histories(BOARD)
    np.savez(tmp_path / "past.npz", offsets=past.offsets, items=past.items, times=past.times)
    for name, model in fitted.items():
        model.save(tmp_path / name)
    words = [str(tmp_path / "past.npz"), *(str(tmp_path / name) for name in fitted)]
    done = subprocess.run(
        [sys.executable, "-c", FRESH, *words], capture_output=True, text=True, check=True
    )
    for (_, model), line in zip(fitted.items(), done.stdout.splitlines(), strict=True):
        np.testing.assert_allclose(json.loads(line), scores_of(model, BOARD), rtol=1e-5, atol=1e-6)


def dense(made: Towers) -> np.ndarray:
    """(n_users, n_items) 1 where a user had an item."""
    matrix = np.zeros((len(made.had), made.had.n_targets))
    matrix[made.had.sources, made.had.targets] = 1
    return matrix


def of(parameter: torch.Tensor) -> np.ndarray:
    return parameter.detach().numpy().astype(np.float64)


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_lightgcn_is_the_mean_over_powers_of_the_normalised_adjacency():
    """Equation 8 with the dense matrix of both sides."""
    made = fresh(name="lightgcn-cf", layers=3)
    taken = dense(made)
    n = len(taken)
    whole = np.zeros((n + taken.shape[1],) * 2)
    whole[:n, n:], whole[n:, :n] = taken, taken.T
    root = whole.sum(1).clip(1) ** -0.5
    whole *= root[:, None] * root
    layers = [np.concatenate([of(made.network.user.weight), of(made.network.item.weight)])]
    for _ in range(3):
        layers.append(whole @ layers[-1])
    mean = np.mean(layers, 0)
    for ranks, expected in ((True, mean), (False, unit(mean))):
        users, items = made.network.towers(ranks)
        np.testing.assert_allclose(of(users), expected[:n], rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(of(items), expected[n:], rtol=1e-4, atol=1e-6)


def test_lightgcn_hears_what_lgconv_of_pyg_hears():
    nn = pytest.importorskip("torch_geometric.nn")
    made = fresh(name="lightgcn-cf", layers=1)
    n = len(made.had)
    users, items = (torch.from_numpy(one) for one in (made.had.sources, made.had.targets + n))
    edges = torch.stack([torch.cat([users, items]), torch.cat([items, users])]).long()
    own = torch.cat([made.network.user.weight, made.network.item.weight])
    heard = nn.LGConv()(own, edges)
    layers = made.network.propagate()
    torch.testing.assert_close(torch.cat([layers[0][1], layers[1][1]]), heard)


def test_ngcf_is_equation_7_of_its_paper():
    """E' = LeakyReLU((L + I) E W₁ + L E ⊙ E W₂), a node beside its layers."""
    made = fresh(name="ngcf", layers=2)
    made.network.eval()
    taken = dense(made)
    weight = taken / np.sqrt(taken.sum(1).clip(1)[:, None] * taken.sum(0).clip(1))
    users, items = [of(made.network.user.weight)], [of(made.network.item.weight)]
    convolution = made.network.convolution
    for both, shared in zip(convolution.both, convolution.shared, strict=True):
        one, two = of(both.weight).T, of(shared.weight).T
        heard = weight @ items[-1], weight.T @ users[-1]
        inner = [
            (own + of_others) @ one + (of_others * own) @ two
            for own, of_others in zip((users[-1], items[-1]), heard, strict=True)
        ]
        for layers, found in zip((users, items), inner, strict=True):
            layers.append(np.where(found > 0, found, 0.2 * found))
    expected = [unit(np.concatenate(layers, 1)) for layers in (users, items)]
    for found, wanted in zip(made.network.towers(), expected, strict=True):
        np.testing.assert_allclose(of(found), wanted, rtol=1e-4, atol=1e-6)


def test_graphsage_is_sageconv_of_pyg():
    nn = pytest.importorskip("torch_geometric.nn")
    made = fresh(name="graphsage", layers=2)
    network, ends = made.network, (made.had.sources, made.had.targets)
    users, items = (torch.from_numpy(one).long() for one in ends)
    nodes = {"user": network.user.weight, "item": network.item.weight}
    for place in range(2):
        found = {}
        for side, other, edges in (
            ("user", "item", torch.stack([items, users])),
            ("item", "user", torch.stack([users, items])),
        ):
            layer = nn.SAGEConv((8, 8), 8)
            neighbours = network.convolution.neighbours[side][place]
            layer.lin_l.load_state_dict(neighbours.state_dict())
            layer.lin_r.load_state_dict(network.convolution.itself[side][place].state_dict())
            found[side] = layer((nodes[other], nodes[side]), edges)
        nodes = found if place else {side: one.relu() for side, one in found.items()}
    for found, side in zip(network.towers(), nodes, strict=True):
        torch.testing.assert_close(found, torch.nn.functional.normalize(nodes[side], dim=1))


def test_the_softmax_is_over_what_was_not_had():
    """User 0 had items 0 and 1, user 1 item 2; each is set against what is left of four."""
    users = torch.tensor([[2.0, 0.0], [0.0, 1.0]])
    items = torch.tensor([[1.0, 0.0], [0.5, 0.5], [0.0, 2.0], [-1.0, 1.0]])
    batch = Step(
        torch.tensor([5, 7]),
        torch.tensor([0, 0, 1]),
        torch.tensor([0, 1, 2]),
        torch.arange(4),
    )
    scores = (users @ items.T).numpy().astype(np.float64)
    left = [(0, 0, [2, 3]), (0, 1, [2, 3]), (1, 2, [0, 1, 3])]
    expected = np.mean(
        [np.log1p(np.exp(scores[u, o]).sum() / np.exp(scores[u, i])) for u, i, o in left]
    )
    assert softmax_against_others(users, items, batch).item() == pytest.approx(expected, rel=1e-5)
    some = batch._replace(others=torch.tensor([3, 0]))  # each of the two stands for two of four
    halves = [
        np.log1p(2 * np.exp(scores[u, o]).sum() / np.exp(scores[u, i]))
        for u, i, o in (
            (0, 0, [3]),
            (0, 1, [3]),
            (1, 2, [0, 3]),
        )
    ]
    found = softmax_against_others(users, items, some).item()
    assert found == pytest.approx(np.mean(halves), rel=1e-5)


def test_bpr_is_worked_out_by_hand():
    true, other = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 2.0])
    expected = (np.log1p(np.exp(-1)) + np.log1p(np.exp(2))) / 2
    assert bpr(true, other).item() == pytest.approx(expected, rel=1e-6)


def test_bpr_draws_what_the_user_had_not():
    world = world_of(BOARD, TRAINING)
    made = fresh(world, name="lightgcn-cf", loss="bpr")
    _, steps = made.batches(world, np.random.default_rng(0))
    for step in steps:
        for row, other in zip(step.rows.tolist(), step.others.tolist(), strict=True):
            assert other not in made.had.of(int(step.users[row]))


def test_who_had_an_item_twice_has_it_once():
    past = Histories(np.array([0, 3, 3, 4]), np.array([1, 0, 1, 2], np.int32), np.zeros(4, int))
    had = once(past, 3)
    assert [had.of(user).tolist() for user in range(3)] == [[0, 1], [], [2]]


def test_who_has_nothing_is_scored_by_the_own_vector(tmp_path):
    dataset = dataset_of([[0, 1, 2, 3], [1, 2, 0]], 5)
    world = world_of(dataset, TRAINING)
    made = fresh(world, name="lightgcn-cf", layers=1)
    nothing = Histories(np.zeros(3, np.int64), np.zeros(0, np.int32), np.zeros(0, np.int64))
    ((_, scores),) = made.scores(Asked(nothing, np.array([1, 0])))
    _, items = made.network.towers()
    own = made.network.user.weight[[1, 0]] / 2  # the mean of its own and of what it hears, nothing
    torch.testing.assert_close(scores, own @ items.T)
