"""What every backbone promises with every enhancer."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from small_worlds import (
    COMBINATIONS,
    checkerboard,
    config_of,
    graph_of,
    inputs_of,
    network_of,
    scores_of,
    sources_of,
    whole_histories,
)

from data.errors import ArtifactError
from data.split import leave_one_out
from recommend.fit.losses import full_softmax
from recommend.fit.training import fit_model
from recommend.model import Model
from recommend.protocols import Asked
from recommend.sequence.chunks import Block
from recommend.sequence.recommender import SequenceRecommender, Step
from recommend.settings import ModelConfig, TrainConfig

DATASET = checkerboard()
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
    model = Model.load(Path(place))
    blocks = model.scores(Asked(past, np.arange(len(past))))
    scores = np.concatenate([scores.numpy() for _, scores in blocks])
    print(json.dumps([scores.tolist(), model.user_ids.external, model.about["seed"]]))
"""


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    @cache
    def fit(backbone: str, enhancer: str) -> Model:
        return fit_model(
            DATASET,
            leave_one_out(DATASET),
            sources_of(DATASET, graph_of(DATASET)),
            config_of(backbone, enhancer),
            TRAINING,
            seed=1,
            scratch=tmp_path_factory.mktemp("scratch"),
        )

    return fit


@pytest.fixture(scope="module")
def told_by_a_fresh_process(fitted, tmp_path_factory):
    """What one other process says of every model."""
    place = tmp_path_factory.mktemp("models")
    past = leave_one_out(DATASET).histories(DATASET)
    np.savez(place / "past.npz", offsets=past.offsets, items=past.items, times=past.times)
    folders = {pair: place / "-".join(pair) for pair in COMBINATIONS}
    for pair, folder in folders.items():
        fitted(*pair).save(folder)
    done = subprocess.run(
        [sys.executable, "-c", FRESH, str(place / "past.npz"), *map(str, folders.values())],
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(zip(folders, map(json.loads, done.stdout.splitlines()), strict=True))


@pytest.mark.parametrize(("backbone", "enhancer"), COMBINATIONS)
class TestEveryBackboneWithEveryEnhancer:
    def test_settings_survive_json(self, backbone, enhancer):
        config = config_of(backbone, enhancer)
        assert ModelConfig.model_validate_json(config.model_dump_json()) == config
        assert ModelConfig.model_validate(config.model_dump(mode="json")) == config
        assert (config.backbone.name, config.enhancer.name) == (backbone, enhancer)

    def test_a_batch_equals_its_users_one_by_one(self, fitted, backbone, enhancer):
        model = fitted(backbone, enhancer)
        past = leave_one_out(DATASET).histories(DATASET)
        assert past.lengths.min() < 5 < past.lengths.max()  # shorter and longer than it reads
        together = scores_of(model, DATASET)
        assert together.shape == (DATASET.n_users, DATASET.n_items)
        for user in (23, 0, 7, 14):
            ((users, alone),) = model.scores(Asked(past, np.array([user])))
            assert users.tolist() == [user]
            np.testing.assert_allclose(alone[0], together[user], rtol=1e-4, atol=1e-5)

    def test_every_parameter_gets_a_gradient_and_is_stored(self, backbone, enhancer):
        config = config_of(backbone, enhancer)
        network = network_of(DATASET, graph_of(DATASET), config).train()
        batch = whole_histories(DATASET, leave_one_out(DATASET), 5)
        some = torch.arange(0, DATASET.n_users, 3)  # others stay visible as neighbours
        batch = type(batch)(
            batch.users[some],
            batch.items[some],
            batch.targets[some],
            batch.edges[some],
            *_prior_of(batch, some),
        )
        recommender = SequenceRecommender(
            config, inputs_of(DATASET, graph_of(DATASET), config), network
        )
        loss, positions = recommender.loss(Step(Block((batch,), some), full_softmax))
        assert positions == (batch.targets >= 0).sum()
        loss.backward()
        stored = network.state_dict()
        for name, parameter in network.named_parameters():
            assert parameter.grad is not None, f"{name} has no gradient"
            assert parameter.grad.isfinite().all(), f"{name} has a gradient that is no number"
            assert parameter.grad.ne(0).any(), f"{name} has a gradient of zero"
            assert torch.equal(stored[name], parameter)

    def test_a_fresh_process_gives_the_same_scores(
        self, fitted, told_by_a_fresh_process, backbone, enhancer
    ):
        scores, users, seed = told_by_a_fresh_process[backbone, enhancer]
        ours = scores_of(fitted(backbone, enhancer), DATASET)
        np.testing.assert_allclose(scores, ours, rtol=1e-5, atol=1e-6)
        assert users == list(DATASET.user_ids.external) and seed == 1

    def test_the_checkerboard_is_learnt(self, fitted, backbone, enhancer):
        scores = scores_of(fitted(backbone, enhancer), DATASET)
        own, other = _by_parity(scores)
        above = (own[:, :, None] > other[:, None, :]).mean()
        assert above > 0.85, f"own items stand above others in {above:.0%} of pairs"


def _prior_of(batch, rows):
    """Items before the given rows, and the places that those rows have among themselves."""
    kept = torch.isin(batch.prior_row, rows)
    return batch.prior[kept], torch.searchsorted(rows, batch.prior_row[kept])


def _by_parity(scores):
    """(n_users, n_items / 2) scores of items of the user's parity, and of the other one."""
    even, odd = scores[:, 0::2], scores[:, 1::2]
    is_even = (np.arange(len(scores)) % 2 == 0)[:, None]
    return np.where(is_even, even, odd), np.where(is_even, odd, even)


def test_the_checkerboard_is_not_known_from_the_start():
    network = network_of(DATASET, None, config_of())
    items = network.propagate(torch.empty(0, dtype=torch.int64)).items
    gram = items @ items.T
    same = torch.arange(12)[:, None] % 2 == torch.arange(12) % 2
    assert abs((gram[same].mean() - gram[~same].mean()).item()) < 0.5 * gram.std().item()


def test_a_stored_model_keeps_its_curve_and_what_is_known_of_it(fitted, tmp_path):
    model = fitted("gru4rec", "autograph")
    model.save(tmp_path)
    again = Model.load(tmp_path)
    assert again.config == model.config and again.about == model.about
    assert again.curve.equals(model.curve)
    assert again.item_ids == model.item_ids and again.user_ids == model.user_ids
    assert not again.recommender.network.training
    for name, array in model.recommender.inputs.arrays().items():
        np.testing.assert_array_equal(again.recommender.inputs.arrays()[name], array)


def test_weights_of_other_settings_get_a_sentence(fitted, tmp_path):
    fitted("gru4rec", "none").save(tmp_path)
    about = json.loads((tmp_path / "model.json").read_text())
    about["config"]["width"] = 16
    (tmp_path / "model.json").write_text(json.dumps(about))
    with pytest.raises(ArtifactError, match="do not fit the settings beside them"):
        Model.load(tmp_path)
    (tmp_path / "weights.safetensors").write_bytes(b"\0")
    with pytest.raises(ArtifactError, match="is damaged"):
        Model.load(tmp_path)


@pytest.mark.parametrize("part", ["backbone", "enhancer"])
def test_heads_that_cannot_share_the_width_are_refused(part):
    settings = {"backbone": {"name": "gru4rec"}, "enhancer": {"name": "none"}}
    settings[part] = {"name": "sasrec" if part == "backbone" else "autograph", "heads": 3}
    with pytest.raises(ValidationError, match=r"the 3 attention heads of .* a width of 64"):
        ModelConfig.model_validate(settings)
    ModelConfig.model_validate({**settings, "width": 48})


def test_a_width_is_asked_of_no_part_that_is_not_named():
    assert ModelConfig(width=33).width == 33
