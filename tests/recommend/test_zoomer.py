"""ZOOMER: the contract, its formulas by hand, and what no ask may see."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from small_worlds import checkerboard, enliven, graph_of, scores_of, sources_of, world_of

from data.split import leave_one_out
from recommend.fit.training import fit_model
from recommend.protocols import Asked, Asks, Embeds, Learns, Multiplies
from recommend.settings import PLAIN, ModelConfig, TrainConfig
from recommend.settings.zoomer import ZoomerConfig
from recommend.zoom.attention import Hearing, project
from recommend.zoom.losses import focal, one_of, yes_or_no
from recommend.zoom.recommender import Zoomer
from recommend.zoom.roi import cosine, tanimoto

NAME = ZoomerConfig().name
DATASET = checkerboard()
TRAINING = TrainConfig(epochs=25, patience=25, batch_size=8, learning_rate=2e-2)
VARIANTS = {
    "as it is": {},
    "two hops": {"hops": 2, "asked": "both", "norm": "all"},
    "yes or no": {"loss": "sigmoid", "sharpness": 4.0, "asked": "own", "relevance": "cosine"},
    "mean": {"feature": False, "edge": False, "semantic": False, "scale": "one", "own": False},
}
LEARNT = "as it is"
"""The others are trained for two epochs only."""
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
            "backbone": {"name": NAME, "neighbours": 4, "positions": None, **own},
            "enhancer": {"name": PLAIN},
            "width": 8,
            "embedding_dropout": 0,
        }
    )


def zoomer_of(dataset=DATASET, **own: object) -> Zoomer:
    """An untrained one whose parameters are all large enough to show."""
    torch.manual_seed(0)
    made = Zoomer.of(config_of(**own), world_of(dataset, TRAINING, graph_of(dataset)))
    enliven(made.network)
    return made


def past_of(dataset=DATASET):
    return leave_one_out(dataset).histories(dataset)


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    split, sources = leave_one_out(DATASET), sources_of(DATASET, graph_of(DATASET))
    scratch = tmp_path_factory.mktemp("scratch")
    short = TRAINING.model_copy(update={"epochs": 2})
    return {
        name: fit_model(
            DATASET,
            split,
            sources,
            config_of(**own),
            TRAINING if name == LEARNT else short,
            seed=1,
            scratch=scratch / name,
        )
        for name, own in VARIANTS.items()
    }


class TestContract:
    def test_it_is_what_its_settings_say(self):
        made = zoomer_of()
        assert isinstance(made, Learns) and isinstance(made, Asks) and ZoomerConfig.asks
        assert isinstance(made, Multiplies) and isinstance(made, Embeds) and ZoomerConfig.embeds

    @pytest.mark.parametrize("name", VARIANTS)
    def test_every_parameter_gets_a_gradient_and_is_stored(self, name):
        made = zoomer_of(**VARIANTS[name])
        world = world_of(DATASET, TRAINING, graph_of(DATASET))
        _, steps = made.batches(world, np.random.default_rng(0))
        made.network.train()
        for step in steps:
            loss, rows = made.loss(step)
            assert rows == len(step.items) > 0
            loss.backward()
        stored = made.network.state_dict()
        for called, parameter in made.network.named_parameters():
            assert parameter.grad is not None, f"{called} has no gradient"
            assert parameter.grad.isfinite().all() and parameter.grad.ne(0).any(), called
            assert torch.equal(stored[called], parameter)

    @pytest.mark.parametrize("name", VARIANTS)
    def test_a_batch_equals_its_users_one_by_one(self, fitted, name):
        together = scores_of(fitted[name], DATASET)
        for user in (23, 0, 7, 14):
            ((users, alone),) = fitted[name].scores(Asked(past_of(), np.array([user])))
            assert users.tolist() == [user]
            np.testing.assert_allclose(alone[0], together[user], rtol=1e-4, atol=1e-5)

    def test_a_fresh_process_gives_the_same_scores(self, fitted, tmp_path):
        past = past_of()
        np.savez(tmp_path / "past.npz", offsets=past.offsets, items=past.items, times=past.times)
        for name, model in fitted.items():
            model.save(tmp_path / name)
        places = [str(tmp_path / name) for name in fitted]
        done = subprocess.run(
            [sys.executable, "-c", FRESH, str(tmp_path / "past.npz"), *places],
            capture_output=True,
            text=True,
            check=True,
        )
        for line, model in zip(done.stdout.splitlines(), fitted.values(), strict=True):
            np.testing.assert_allclose(
                json.loads(line), scores_of(model, DATASET), rtol=1e-5, atol=1e-6
            )

    def test_the_checkerboard_is_learnt(self, fitted):
        scores = scores_of(fitted[LEARNT], DATASET)
        even = (np.arange(len(scores)) % 2 == 0)[:, None]
        own = np.where(even, scores[:, 0::2], scores[:, 1::2])
        other = np.where(even, scores[:, 1::2], scores[:, 0::2])
        assert (own[:, :, None] > other[:, None, :]).mean() > 0.85

    def test_scores_are_products_of_its_vectors(self, fitted):
        made, past = fitted["as it is"].recommender, past_of()
        users = np.arange(DATASET.n_users)
        queries = made.query_after(past, users)
        found = made.asking(users, queries) @ made.base_items.T
        np.testing.assert_allclose(found, scores_of(fitted["as it is"], DATASET), atol=1e-5)
        np.testing.assert_array_equal(made.embeddings()[0], made.asking(users, queries))


class TestFormulas:
    def test_relevance_is_equation_5(self):
        focus, node = torch.tensor([1.0, 0, 1]), torch.tensor([1.0, 1, 0])

        def of(measure, one, other):
            return measure(one @ other, one @ one, other @ other).item()

        assert of(tanimoto, focus, node) == pytest.approx(1 / 3)
        assert of(tanimoto, focus, focus) == pytest.approx(1)
        assert of(tanimoto, focus, -focus) == pytest.approx(-1 / 3)
        assert of(cosine, focus, node) == pytest.approx(1 / 2)
        assert of(tanimoto, 0 * focus, 0 * node) == of(cosine, 0 * focus, node) == 0

    def test_features_are_weighed_by_equations_6_and_7(self):
        features = torch.tensor([[2.0, 0, 0, 0], [0, 2, 0, 0]])
        focus = torch.tensor([1.0, 0, 0, 0])
        e = np.exp(1)  # logits 2 / √4 and 0
        weights = {"weigh": True, "scale": False}
        found = project(features, focus, **weights)
        expected = [2 * e / (e + 1), 2 / (e + 1), 0, 0]
        np.testing.assert_allclose(found, expected, rtol=1e-6)
        twice = project(features, focus, weigh=True, scale=True)
        torch.testing.assert_close(twice, 2 * found)
        plain = project(features, focus, weigh=False, scale=False)
        torch.testing.assert_close(plain, features.mean(0))

    @pytest.mark.parametrize("together", [False, True])
    def test_neighbours_are_weighed_by_equation_8_and_types_by_10(self, together):
        torch.manual_seed(0)
        hearing = Hearing(("a", "b"), 3, together=together, own=False)
        ego, focus = torch.randn(1, 3), torch.randn(1, 3)
        others = {
            "a": (torch.randn(1, 2, 3), torch.tensor([[True, True]])),
            "b": (torch.randn(1, 2, 3), torch.tensor([[True, False]])),
        }
        found = hearing(ego, focus, others, {"edge", "semantic"})
        logits = {}
        for kind, (vectors, _) in others.items():
            a = hearing.asked[kind].detach().flatten()
            for k in range(2):
                x = float(torch.cat([ego[0], vectors[0, k], focus[0]]) @ a)
                logits[kind, k] = x if x > 0 else 0.2 * x
        del logits["b", 1]
        for (kind, k), x in logits.items():
            among = [y for (other, _), y in logits.items() if together or other == kind]
            weight = np.exp(x) / np.exp(among).sum()
            assert found.weights[kind][0, k].item() == pytest.approx(weight, rel=1e-5)
        assert found.weights["b"][0, 1] == 0
        total = torch.zeros(3)
        for kind, (vectors, _) in others.items():
            heard = (found.weights[kind][0, :, None] * vectors[0]).sum(0)
            heard = heard.detach()
            t = float(heard @ ego[0] / (heard.norm() * ego[0].norm()))
            assert found.shares[kind].item() == pytest.approx(t, rel=1e-5)
            total = total + t * heard
        torch.testing.assert_close(found.vectors[0], total)

    def test_without_attention_it_is_the_mean(self):
        hearing = Hearing(("a", "b"), 3, together=False, own=False)
        one, two = torch.randn(1, 3, 3), torch.randn(1, 2, 3)
        real = torch.tensor([[True, True, False]])
        others = {"a": (one, real), "b": (two, torch.tensor([[True, True]]))}
        found = hearing(torch.randn(1, 3), torch.randn(1, 3), others, set())
        expected = (one[0, :2].mean(0) + two[0].mean(0)) / 2
        torch.testing.assert_close(found.vectors[0], expected)

    def test_what_is_predicted_well_counts_less(self):
        p = torch.tensor([0.9, 0.5])
        np.testing.assert_allclose(focal(p.log(), 2), [0.0010536, 0.1732868], rtol=1e-4)
        logits = torch.tensor([1.0, -2.0])
        truth = torch.tensor([1.0, 0.0])
        plain = torch.nn.functional.binary_cross_entropy_with_logits(
            logits, truth, reduction="none"
        )
        torch.testing.assert_close(yes_or_no(logits, truth, 0), plain)
        others = torch.tensor([[0.3, -torch.inf, 0.1]])
        expected = -torch.log_softmax(torch.tensor([1.0, 0.3, 0.1]), 0)[0]
        assert one_of(torch.tensor([1.0]), others, 0).item() == pytest.approx(expected.item())
