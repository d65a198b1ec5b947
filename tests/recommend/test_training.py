"""Training: what decides it, when it ends, and that a kill changes nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from small_worlds import (
    checkerboard,
    config_of,
    dataset_of,
    graph_of,
    model_of,
    scores_of,
    sources_of,
    world_of,
)

from data.errors import ConfigError, DataError
from data.split import leave_one_out
from recommend.fit.losses import NextItem
from recommend.fit.training import WATCHED, Trainer, fit_model
from recommend.judge.evaluate import evaluate
from recommend.settings import EvaluateConfig, TrainConfig
from recommend.sources import Sources

DATASET = checkerboard()
SPLIT = leave_one_out(DATASET)
SETTINGS = TrainConfig(epochs=6, patience=6, batch_size=8, learning_rate=1e-2)
DYING = """
import os, signal, sys
from pathlib import Path
import torch
torch.set_num_threads(1)
import test_training

def die(done, most, what):
    if done == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)

test_training.fit(Path(sys.argv[1]), sys.argv[2], on_progress=die)
"""


def fit(scratch: Path, enhancer="autograph", seed=3, settings=SETTINGS, on_progress=None):
    config = config_of("sasrec", enhancer, embedding_dropout=0.2)
    graph = None if enhancer == "none" else graph_of(DATASET)
    return fit_model(
        DATASET,
        SPLIT,
        sources_of(DATASET, graph),
        config,
        settings,
        seed=seed,
        scratch=scratch,
        on_progress=on_progress,
    )


def weights(model):
    return {name: value.numpy() for name, value in model.recommender.network.state_dict().items()}


def alike(one, other):
    return all(np.array_equal(value, weights(other)[name]) for name, value in weights(one).items())


@pytest.mark.parametrize("enhancer", ["none", "autograph"])
def test_a_killed_training_goes_on_and_ends_with_the_same_weights(tmp_path, enhancer):
    whole = fit(tmp_path / "whole", enhancer)
    broken = tmp_path / "broken"
    path = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[2])])
    for epoch in (1, 4):
        died = subprocess.run(
            [sys.executable, "-c", DYING, str(broken), enhancer, str(epoch)],
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
        )
        assert died.returncode == -signal.SIGKILL, died.stderr.decode()
    told = []
    model = fit(broken, enhancer, on_progress=lambda done, most, what: told.append((done, most)))
    assert told == [(4, 6), (5, 6)], "finished epochs are not trained again"
    assert alike(model, whole)
    assert model.curve.drop("seconds").equals(whole.curve.drop("seconds"))


def test_a_seed_decides_everything(tmp_path):
    one = fit(tmp_path / "one")
    torch.manual_seed(99)
    assert alike(one, fit(tmp_path / "two"))
    assert not alike(one, fit(tmp_path / "three", seed=4))


def test_the_model_is_that_of_the_best_epoch_and_patience_ends_it(tmp_path):
    settings = SETTINGS.model_copy(update={"epochs": 60, "patience": 3, "learning_rate": 5e-2})
    model = fit(tmp_path, settings=settings)
    watched = model.curve[WATCHED].to_list()
    best = watched.index(max(watched))
    assert model.about["best_epoch"] == best
    assert model.curve.height == best + 1 + 3 < 60
    judged = evaluate(model, DATASET, SPLIT, "valid", EvaluateConfig())
    assert judged.summary[WATCHED] == pytest.approx(watched[best])
    assert model.curve["loss"][best] < model.curve["loss"][0]


def test_the_learning_rate_warms_up_and_falls(tmp_path):
    settings = TrainConfig(epochs=10, batch_size=4, learning_rate=1.0, final_share=0.1)
    model = model_of(DATASET, None, config_of())
    trainer = Trainer(model.recommender, world_of(DATASET, settings), seed=0)
    rates = []
    for epochs_done in (0.0, 0.5, 1.0, 5.0, 10.0):
        trainer._set_rate(epochs_done)
        rates.append(trainer.optimizer.param_groups[0]["lr"])
    assert rates == pytest.approx([0.05, 0.55, 0.91, 0.55, 0.1])


def test_sampled_negatives_teach_the_same(tmp_path):
    settings = TrainConfig(
        epochs=25, patience=25, batch_size=8, learning_rate=2e-2, loss="sampled", negatives=6
    )
    scores = scores_of(fit(tmp_path, "none", settings=settings), DATASET)
    parity = np.arange(DATASET.n_items) % 2 == np.arange(DATASET.n_users)[:, None] % 2
    own = scores[parity].reshape(DATASET.n_users, -1, 1)
    other = scores[~parity].reshape(DATASET.n_users, 1, -1)
    assert (own > other).mean() > 0.95


def test_half_of_the_negatives_are_drawn_evenly():
    had = SPLIT.histories(DATASET).items
    softmax = NextItem(had, DATASET.n_items, SETTINGS, torch.device("cpu"))
    drawn = softmax.drawn.double().numpy()
    counts = np.bincount(had, minlength=DATASET.n_items) + 1
    assert drawn.sum() == pytest.approx(1)
    assert drawn == pytest.approx(0.5 / DATASET.n_items + 0.5 * counts / counts.sum(), rel=1e-5)


def test_a_graph_that_is_missing_gets_a_sentence(tmp_path):
    with pytest.raises(ConfigError, match=r"needs a graph\. Run the stages before training"):
        fit_model(
            DATASET, SPLIT, Sources(), config_of("sasrec", "autograph"), SETTINGS,
            seed=0, scratch=tmp_path,
        )  # fmt: skip


def test_a_loss_that_is_lost_ends_with_the_rate_that_may_be_to_blame(tmp_path):
    settings = SETTINGS.model_copy(update={"learning_rate": 1e30})
    with pytest.raises(ConfigError, match=r"loss of epoch \d is no number .*which is 1e\+30"):
        fit(tmp_path, "none", settings=settings)


def test_nothing_to_learn_from_gets_a_sentence(tmp_path):
    dataset = dataset_of([[0, 1, 2], [2, 1, 0]], 3)
    split = leave_one_out(dataset)
    sources = Sources(histories=split.histories(dataset))
    with pytest.raises(DataError, match=r"two training interactions.*data\.min_history"):
        fit_model(dataset, split, sources, config_of(), SETTINGS, seed=0, scratch=tmp_path)
