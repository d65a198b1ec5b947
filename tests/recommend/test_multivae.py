"""MultiVAE: the contract, and its bound worked out by hand."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from small_worlds import checkerboard, enliven, graph_of, scores_of, sources_of, world_of

from data.dataset import Histories
from data.split import leave_one_out
from recommend.fit.training import fit_model
from recommend.protocols import Asked
from recommend.settings import PLAIN, ModelConfig, TrainConfig
from recommend.simple.autoencoder import MultiVae, Step, divergence_of

BOARD = checkerboard()
TRAINING = TrainConfig(epochs=40, patience=40, batch_size=8, learning_rate=1e-2)
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
blocks = Model.load(Path(sys.argv[2])).scores(Asked(past, np.arange(len(past))))
print(json.dumps(np.concatenate([scores.numpy() for _, scores in blocks]).tolist()))
"""


def config_of(**own: object) -> ModelConfig:
    return ModelConfig.model_validate(
        {
            "backbone": {"name": "multivae", "hidden": 10, "annealed": 50, **own},
            "enhancer": {"name": PLAIN},
            "width": 4,
        }
    )


def fresh(**own: object) -> MultiVae:
    torch.manual_seed(0)
    made = MultiVae.of(config_of(**own), world_of(BOARD, TRAINING))
    enliven(made.network)
    return made


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    return fit_model(
        BOARD,
        leave_one_out(BOARD),
        sources_of(BOARD, graph_of(BOARD)),
        config_of(),
        TRAINING,
        seed=1,
        scratch=tmp_path_factory.mktemp("scratch"),
    )


def test_settings_survive_json():
    config = config_of()
    assert ModelConfig.model_validate_json(config.model_dump_json()) == config


def test_a_batch_equals_its_users_one_by_one(fitted):
    past = leave_one_out(BOARD).histories(BOARD)
    together = scores_of(fitted, BOARD)
    for user in (23, 0, 7):
        ((users, alone),) = fitted.scores(Asked(past, np.array([user])))
        assert users.tolist() == [user]
        np.testing.assert_allclose(alone[0], together[user], rtol=1e-4, atol=1e-5)


def test_every_parameter_gets_a_gradient():
    made = fresh()
    made.network.train()
    count, steps = made.batches(world_of(BOARD, TRAINING), np.random.default_rng(0))
    steps = list(steps)
    made.loss(steps[0])  # the divergence weighs nothing before the first step
    loss, positions = made.loss(steps[1])
    assert (count, positions) == (3, 8)
    loss.backward()
    for called, one in made.network.named_parameters():
        assert one.grad is not None and one.grad.isfinite().all(), called
        assert one.grad.ne(0).any(), f"{called} has a gradient of zero"


def test_the_checkerboard_is_learnt(fitted):
    scores, odd = scores_of(fitted, BOARD), np.arange(24)[:, None] % 2
    own = np.where(odd, scores[:, 1::2], scores[:, 0::2])
    other = np.where(odd, scores[:, 0::2], scores[:, 1::2])
    assert (own[:, :, None] > other[:, None, :]).mean() > 0.85


def test_a_fresh_process_gives_the_same_scores(fitted, tmp_path):
    past = leave_one_out(BOARD).histories(BOARD)
    np.savez(tmp_path / "past.npz", offsets=past.offsets, items=past.items, times=past.times)
    fitted.save(tmp_path / "model")
    words = [str(tmp_path / "past.npz"), str(tmp_path / "model")]
    done = subprocess.run(
        [sys.executable, "-c", FRESH, *words], capture_output=True, text=True, check=True
    )
    np.testing.assert_allclose(
        json.loads(done.stdout), scores_of(fitted, BOARD), rtol=1e-5, atol=1e-6
    )


def test_the_bound_is_worked_out_in_numpy():
    """Equations 2 to 4 for two users, without noise and dropout, after half of the annealing."""
    made = fresh(dropout=0, divergence=0.3, annealed=10)
    network = made.network.eval()
    network.steps.fill_(5)
    taken = np.zeros((2, 12))
    taken[0, [1, 4, 7]] = taken[1, [0]] = 1
    batch = Step(torch.tensor([1, 4, 7, 0]), torch.tensor([0, 3, 4]))
    of = {k: v.detach().numpy().astype(np.float64) for k, v in network.state_dict().items()}
    x = taken / np.linalg.norm(taken, axis=1, keepdims=True)
    inner = np.tanh(x @ of["item.weight"] + of["bias"])
    mean, log_variance = np.split(inner @ of["middle.weight"].T + of["middle.bias"], 2, axis=1)
    hidden = np.tanh(mean @ of["hidden.weight"].T + of["hidden.bias"])
    logits = hidden @ of["out.weight"].T + of["out.bias"]
    log_pi = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    divergence = (np.exp(log_variance) + mean**2 - 1 - log_variance).sum(1) / 2
    expected = (-(taken * log_pi).sum(1) + 0.15 * divergence).mean()
    assert network.loss(batch).item() == pytest.approx(expected, rel=1e-5)
    past = Histories(np.array([0, 3, 4]), np.array([1, 4, 7, 0], np.int32), np.zeros(4, np.int64))
    ((_, scores),) = made.scores(Asked(past, np.array([0, 1])))
    np.testing.assert_allclose(scores.detach(), logits, rtol=1e-4, atol=1e-5)


def test_the_divergence_is_that_of_torch():
    mean, log_variance = torch.randn(3, 4), torch.randn(3, 4)
    one = torch.distributions.Normal(mean, (log_variance / 2).exp())
    two = torch.distributions.Normal(torch.zeros(3, 4), torch.ones(3, 4))
    expected = torch.distributions.kl_divergence(one, two).sum(1)
    torch.testing.assert_close(divergence_of(mean, log_variance), expected)


def test_the_weight_of_the_divergence_goes_on_after_a_stop():
    made = fresh()
    made.network.train()
    _, steps = made.batches(world_of(BOARD, TRAINING), np.random.default_rng(0))
    for step in steps:
        made.loss(step)
    assert int(made.network.state_dict()["steps"]) == 3
