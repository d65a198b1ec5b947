"""ContextGNN: the contract of recommenders, and what the paper says of it, row by row."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from small_worlds import checkerboard, dataset_of, enliven, graph_of, scores_of, sources_of
from torch_geometric.nn import GATConv, HeteroConv, PositionalEncoding, SAGEConv
from torch_geometric.utils import softmax
from torch_geometric.utils._scatter import scatter

from data.dataset import Histories
from data.errors import ConfigError
from data.split import leave_one_out
from graph import Sampler
from recommend.context.losses import classes_of, softmax_of_several
from recommend.context.merge import index_of, merged_top
from recommend.context.network import Ages, Near
from recommend.context.recommender import ContextGnn
from recommend.context.spectrum import item_spectrum
from recommend.context.surroundings import (
    FOLLOWED,
    HAD,
    MET,
    Past,
    Spread,
    Targets,
    sampler_of,
)
from recommend.fit.training import Trainer, fit_model
from recommend.graphs.layers import Gat, Sage
from recommend.protocols import Asked, World
from recommend.reasons.what_if import Ready
from recommend.settings import BACKBONES, PLAIN, ModelConfig, TrainConfig
from recommend.settings.contextgnn import ContextGnnConfig

BOARD = checkerboard()
ALONE = [name for name, spec in BACKBONES.items() if spec.config is ContextGnnConfig]
VARIANTS = {
    "plain": {},
    "clock": {"time": "clock", "draws": "spread"},
    "none": {"time": "none"},
    "pair": {"parts": "pair"},
    "tower": {"parts": "tower"},
    "gate": {"meeting": "gate"},
    "feature": {"items": "feature"},
    "fusion": {"items": "fusion", "reduce": "mean"},
    "texts": {"items": "feature", "says": "texts"},
    "factors": {"factors": True},
    "narrow": {"neighbours": 2},
    "svd": {"start": "svd"},
    "gat": {"layer": "gat", "heads": 2, "factors": True},
}
TRAINED = ("plain", "none", "pair", "tower", "texts")
TRAINING = TrainConfig(epochs=8, patience=8, batch_size=8, learning_rate=2e-2)
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
    (name,) = ALONE
    return ModelConfig.model_validate(
        {
            "backbone": {"name": name, **own},
            "enhancer": {"name": PLAIN},
            "width": 8,
            "embedding_dropout": 0,
        }
    )


def world_of(dataset=BOARD, **training: object) -> World:
    past = leave_one_out(dataset).histories(dataset)
    sources = sources_of(dataset, graph_of(dataset))
    return World(dataset, past, sources, TRAINING.model_copy(update=training))


def fresh(world: World | None = None, **own: object) -> ContextGnn:
    torch.manual_seed(0)
    made = ContextGnn.of(config_of(**own), world or world_of())
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
        if name in TRAINED
    }


class TestTheContract:
    def test_settings_survive_json(self):
        for own in VARIANTS.values():
            config = config_of(**own)
            assert ModelConfig.model_validate_json(config.model_dump_json()) == config

    @pytest.mark.parametrize("name", VARIANTS)
    def test_a_batch_equals_its_users_one_by_one(self, name):
        past, made = leave_one_out(BOARD).histories(BOARD), fresh(**VARIANTS[name])
        made.network.eval()
        ((_, together),) = made.scores(Asked(past, np.arange(24)))
        assert together.shape == (24, 12)
        for user in (23, 0, 7, 14):
            ((users, alone),) = made.scores(Asked(past, np.array([user])))
            assert users.tolist() == [user]
            torch.testing.assert_close(alone[0], together[user], rtol=1e-4, atol=1e-5)

    @pytest.mark.parametrize("name", VARIANTS)
    def test_every_parameter_gets_a_gradient(self, name):
        world = world_of(checkerboard(n_items=60), batch_size=24)
        made = fresh(world, **VARIANTS[name])
        _, steps = made.batches(world, np.random.default_rng(0))
        step = next(iter(steps))
        loss, positions = made.loss(step)
        assert 0 < positions <= len(step.seeds.items)
        loss.backward()
        for called, one in made.network.named_parameters():
            assert one.grad is not None and one.grad.isfinite().all(), called
            assert one.grad.ne(0).any(), f"{called} has a gradient of zero"

    def test_a_fresh_process_gives_the_same_scores(self, fitted, tmp_path):
        past = leave_one_out(BOARD).histories(BOARD)
        np.savez(tmp_path / "past.npz", offsets=past.offsets, items=past.items, times=past.times)
        for name, model in fitted.items():
            model.save(tmp_path / name)
        words = [str(tmp_path / "past.npz"), *(str(tmp_path / name) for name in fitted)]
        done = subprocess.run(
            [sys.executable, "-c", FRESH, *words], capture_output=True, text=True, check=True
        )
        for (_, model), line in zip(fitted.items(), done.stdout.splitlines(), strict=True):
            np.testing.assert_allclose(
                json.loads(line), scores_of(model, BOARD), rtol=1e-5, atol=1e-6
            )

    @pytest.mark.parametrize("name", TRAINED)
    def test_the_checkerboard_is_learnt(self, fitted, name):
        scores, odd = scores_of(fitted[name], BOARD), np.arange(24)[:, None] % 2
        own = np.where(odd, scores[:, 1::2], scores[:, 0::2])
        other = np.where(odd, scores[:, 0::2], scores[:, 1::2])
        above = (own[:, :, None] > other[:, None, :]).mean()
        assert above > 0.85, f"{above:.0%}"

    def test_it_answers_for_made_up_histories(self, fitted):
        ready = Ready.of(fitted["plain"])
        past = leave_one_out(BOARD).histories(BOARD).of(15)
        left = ready.left_out(15, past, np.setdiff1d(np.arange(12), past))
        assert left.whole
        assert (ready.scores(15, past) != ready.scores(15, past[past != past[-1]])).any()


def shop(*sequences: list[int], n_items: int = 6):
    """A world whose k-th interactions are at second 10 k, so that there is a clock."""
    dataset = dataset_of([[*one, 0, 0] for one in sequences], n_items)
    times = dataset.interactions["time"] * 10 + dataset.interactions["user"]
    return world_of(replace(dataset, interactions=dataset.interactions.with_columns(time=times)))


def pairs_in(sample) -> set[tuple[int, int]]:
    """(place of the seed, item) of the edges of those who are asked about."""
    had = sample.edges[HAD]
    users = sample.owners["user"][had.rows]
    return set(zip(users.tolist(), sample.nodes["item"][had.columns].tolist(), strict=True))


class TestTime:
    @pytest.mark.parametrize("time", ["clock", "order"])
    def test_nothing_as_young_as_the_item_to_predict_is_seen(self, time):
        """C1, C4: in a step, every edge is older than its seed's moment."""
        world = world_of()
        past, own = Past.of(world.histories, 12, None), ContextGnnConfig(time=time, neighbours=4)
        targets = Targets(past, own)
        sampler = sampler_of(own, past, past.graph(targets.had, time), None)
        seeds = targets.step(targets.epoch(np.random.default_rng(0)))
        sample = sampler.sample(seeds.users, seeds.times)
        seen = 0
        for key in (HAD, MET) if time == "clock" else (HAD,):
            edges = sample.edges[key]
            owners = sample.owners["user"][edges.rows]
            assert (edges.times < seeds.times[owners]).all()
            seen += len(owners)
        assert seen > 200 and len(np.unique(sample.owners["user"])) == len(seeds.users)
        for place, (user, at) in enumerate(zip(seeds.users, seeds.times, strict=True)):
            had = world.histories.of(user)[: at if time == "order" else None]
            own = {item for owner, item in pairs_in(sample) if owner == place}
            assert own <= set(had.tolist())

    @pytest.mark.parametrize("time", ["clock", "order"])
    def test_what_comes_after_the_moment_changes_nothing(self, time):
        """The canary: other interactions from the moment on, the same scores of a step."""
        one, other = shop([1, 2, 3, 4], [2, 3, 5, 1]), shop([1, 2, 4, 5], [2, 3, 5, 1])
        read = []
        for world in (one, other):
            made = fresh(world, time=time, hops=3)
            past, own = made.past, made.config.backbone
            targets = Targets(past, own)
            sampler = sampler_of(own, past, past.graph(targets.had, time), 0)
            at = targets.had.times[2:3]  # user 0, before the third
            sample = sampler.sample(np.array([0]), at)
            near = Near.of(sample, sampler.graph.schema, time, made.network.device)
            read.append(made.network.scores(near, made.network.item_vectors(), None, 6))
        assert torch.equal(*read)

    def test_windows_by_hand(self):
        """C2, C20: what came in (t, t + 1 day] is predicted together, at t, in view of before."""
        day, n = 86_400, 5
        times = np.array([0, day, day + 1, 2 * day, 3 * day, 3 * day])
        past = Past.of(Histories(np.array([0, 5, 6]), np.array([4, 0, 1, 2, 3, 3]), times), n, None)
        own = ContextGnnConfig(time="clock", window_days=1, positions=None)
        targets = Targets(past, own)
        # windows (-1, 0], (0, 1], (1, 2], (2, 3] of days; the second begins with nothing in view
        groups = {tuple(sorted(one.tolist())) for one in targets.epoch(np.random.default_rng(0))}
        assert groups == {(2, 3), (4,)}
        seeds = targets.step([np.array([3, 2]), np.array([4])])
        assert seeds.users.tolist() == [0, 0] and seeds.times.tolist() == [day, 2 * day]
        assert seeds.rows.tolist() == [0, 0, 1] and seeds.items.tolist() == [1, 2, 3]
        sampler = sampler_of(own, past, past.graph(targets.had, "clock"), None)
        sample = sampler.sample(seeds.users, seeds.times)
        assert pairs_in(sample) == {(0, 4), (1, 4), (1, 0), (1, 1)}
        one = Targets(past, own.model_copy(update={"positions": 1}))
        drawn = {tuple(one.epoch(np.random.default_rng(n))[0].tolist()) for n in range(20)}
        assert {len(group) for group in drawn} == {1, 2}, "any of the windows"
        with pytest.raises(ConfigError, match="window_days counts days"):
            Targets(past, own.model_copy(update={"time": "order"}))

    @pytest.mark.parametrize("positions", [1, 3, None])
    def test_an_epoch_predicts_some_of_what_everybody_had(self, positions):
        world = world_of()
        past = Past.of(world.histories, 12, None)
        targets = Targets(past, ContextGnnConfig(time="order", positions=positions))
        epoch = np.concatenate(targets.epoch(np.random.default_rng(0)))
        counts = np.bincount(targets.owners[epoch], minlength=24)
        expected = np.minimum(world.histories.lengths - 1, positions or 99)
        assert counts.tolist() == expected.tolist() and len(set(epoch.tolist())) == len(epoch)

    def test_one_view_may_predict_several_that_follow(self):
        """All of them are out of sight: it stands before the first of them."""
        world = world_of()
        past = Past.of(world.histories, 12, None)
        targets = Targets(past, ContextGnnConfig(time="order", positions=None, ahead=3))
        lengths = []
        for group in targets.epoch(np.random.default_rng(0)):
            seeds = targets.step([group])
            (user,), (at,) = seeds.users, seeds.times
            wanted = world.histories.of(user)[at : at + 3]
            assert seeds.items.tolist() == np.unique(wanted).tolist() and at > 0
            lengths.append(len(group))
        assert len(lengths) == len(targets.open) and set(lengths) == {1, 2, 3}

    def test_items_to_predict_are_taken_off_where_there_are_no_times(self):
        """C20: no pair of the step is in its own subgraph, and every pair is predicted once."""
        world = world_of()
        past, own = Past.of(world.histories, 12, None), ContextGnnConfig(time="none", labels=3)
        targets = Targets(past, own)
        sampler = sampler_of(own, past, past.graph(targets.had, "none"), None)
        epoch = targets.epoch(np.random.default_rng(0))
        predicted = np.concatenate(epoch)
        assert sorted(predicted.tolist()) == targets.open.tolist()
        for at in range(0, len(epoch), 8):
            seeds = targets.step(epoch[at : at + 8])
            sample = sampler.sample(seeds.users, None, 1, exclude={HAD: seeds.hidden})
            pairs = set(zip(seeds.rows.tolist(), seeds.items.tolist(), strict=True))
            assert not pairs & pairs_in(sample) and pairs_in(sample)
            met = sample.edges[MET]
            assert not np.isin(met.rows, sample.places[0]).any(), "nobody meets oneself again"

    @pytest.mark.parametrize("time", ["clock", "order", "none"])
    def test_texts_about_users_are_nowhere(self, time):
        """Leakage: a user's text has seen what is to be predicted, so its codes move nothing."""
        world, told = world_of(), []
        for codes in ([[0, 0]] * 24, [[n % 3, n // 8] for n in range(24)]):
            graph = graph_of(BOARD, user_codes=codes)
            made = fresh(replace(world, sources=sources_of(BOARD, graph)), time=time, factors=True)
            _, steps = made.batches(world, np.random.default_rng(0))
            losses = [made.loss(step)[0].item() for step in steps]
            ((_, scores),) = made.scores(Asked(world.histories, np.arange(24)))
            told.append((losses, scores))
        assert told[0][0] == told[1][0] and torch.equal(told[0][1], told[1][1])

    @pytest.mark.parametrize("time", ["clock", "order"])
    def test_what_followed_is_of_others_or_of_before(self, time):
        """No step from an item to what came after it is one that the seed has yet to make."""
        world = world_of()
        past = Past.of(world.histories, 12, None)
        own = ContextGnnConfig(time=time, neighbours=4, followed=2)
        edges, makers = past.followed(2, time)
        of = world.histories
        expected = sorted(
            (int(one), int(other), user)
            for user in range(24)
            for later in (1, 2)
            for one, other in zip(of.of(user)[:-later], of.of(user)[later:], strict=True)
        )
        found = zip(edges.sources.tolist(), edges.targets.tolist(), makers.tolist(), strict=True)
        assert sorted(found) == expected
        targets = Targets(past, own)
        graph = past.graph(targets.had, time, own.followed)
        seeds = targets.step(targets.epoch(np.random.default_rng(0)))
        sample = sampler_of(own, past, graph, None).sample(seeds.users, seeds.times)
        walked = sample.edges[FOLLOWED]
        owners = sample.owners["item"][walked.rows]
        assert len(owners) > 100
        if time == "clock":
            assert (walked.times < seeds.times[owners]).all()
        else:
            assert (makers[walked.numbers] != seeds.users[owners]).all()
        with pytest.raises(ConfigError, match="in no order"):
            past.followed(2, "none")

    def test_auto_tells_places_from_times(self):
        assert Past.of(world_of().histories, 12, None).time_of(ContextGnnConfig()) == "order"
        still = replace(world_of().histories, times=np.zeros_like(world_of().histories.times))
        assert Past.of(still, 12, None).time_of(ContextGnnConfig()) == "none"
        assert Past.of(shop([1, 2], [3, 4]).histories, 6, None).time_of(ContextGnnConfig()) == (
            "clock"
        )

    def test_moments_of_a_history_that_is_asked_about(self):
        past = Past.of(
            Histories(np.array([0, 3, 4]), np.array([4, 2, 4, 1]), np.array([5, 7, 9, 3])), 6, None
        )
        asked = Histories(np.array([0, 4, 6]), np.array([2, 4, 2, 0, 1, 5]), np.zeros(6, int))
        assert past.moments(asked).tolist() == [7, 9, 9, 9, 3, 3]
        assert past.ends.tolist() == [9, 3]

    def test_ages_count_from_the_latest_interaction(self):
        """Someone asked a week later is told the same: nobody knows when the next comes."""
        world = shop([1, 2, 3, 4], [2, 3, 5, 1])
        made = fresh(world, time="clock")
        targets = Targets(made.past, made.config.backbone)
        graph = made.past.graph(targets.had, "clock")
        sampler = sampler_of(made.config.backbone, made.past, graph, 0)
        near = [
            Near.of(sampler.sample([0], [at]), graph.schema, "clock", made.network.device)
            for at in (22, 30)
        ]
        days = [one.ages["item"][one.items == 2][0].item() * 86_400 for one in near]
        assert days == pytest.approx([10, 10]) or days == pytest.approx([9, 9])
        assert near[0].ages["item"].nan_to_num().min() == 0

    def test_frequencies_are_those_of_pyg(self):
        """C7."""
        days = torch.tensor([0.0, 0.5, 3.0, 400.0])
        expected = PositionalEncoding(8)(days)
        torch.testing.assert_close(Ages(8, ("item",)).waves(days), expected)

    def test_nobody_with_something_to_predict_gets_a_sentence(self):
        past = Past.of(Histories(np.array([0, 2]), np.array([1, 2]), np.array([4, 4])), 3, None)
        with pytest.raises(ConfigError, match=r"nothing to predict.*model\.backbone\.time"):
            Targets(past, ContextGnnConfig(time="clock"))


def near_of(made: ContextGnn, users: list[int]) -> Near:
    past = leave_one_out(BOARD).histories(BOARD)
    ((_, near),) = made.surroundings(past, np.array(users))
    return near


def theirs(layer: Sage | Gat) -> SAGEConv | GATConv:
    """PyG's layer with these weights."""
    if isinstance(layer, Sage):
        sage = SAGEConv((8, 8), 8, aggr=layer.reduce)
        sage.lin_l, sage.lin_r = layer.neighbours, layer.itself
        return sage
    gat = GATConv((8, 8), 4, heads=2, add_self_loops=False, residual=True)
    with torch.no_grad():
        gat.att_src.copy_(layer.source[None])
        gat.att_dst.copy_(layer.target[None])
        gat.bias.copy_(layer.bias)
        for their, our in (
            (gat.lin_src, layer.of_sources),
            (gat.lin_dst, layer.of_targets),
            (gat.res, layer.itself),
        ):
            their.weight.copy_(our.weight)
    return gat


class TestTheNetwork:
    def test_every_edge_is_there_both_ways(self):
        """C5."""
        near = near_of(fresh(factors=True), [0, 5])
        for (source, relation, target), edges in near.edges.items():
            turned = f"rev_{relation}" if not relation.startswith("rev_") else relation[4:]
            back = near.edges[target, turned, source]
            assert torch.equal(edges.rows, back.columns) and torch.equal(edges.columns, back.rows)
        assert HAD not in near.edges and len(near.edges) == 6

    def test_items_hear_who_is_asked_about(self):
        """C5: what a pair is made of depends on the user's attributes; C6: and on the mark."""
        made = fresh()
        near = near_of(made, [0])
        before = made.network.read(near, made.network.item_vectors()).items
        with torch.no_grad():
            made.network.bags["user"].table.weight[:] += 1.0
        after = made.network.read(near, made.network.item_vectors()).items
        assert (before - after).abs().amax(1).gt(1e-6).all()

    def test_the_mark_tells_the_user_from_others(self):
        """C6: without it both users begin the same, and items tell them apart by it."""
        world = shop([1, 2], [1, 3])
        made = fresh(world, time="order", hops=2)
        past = world.histories
        ((_, near),) = made.surroundings(past, np.array([0]))
        for marked in (True, False):
            with torch.no_grad():
                made.network.indicator.mul_(float(marked))
            x = made.network.first(near, made.network.item_vectors())["user"]
            assert len(x) == 2 and torch.equal(x[0], x[1]) is not marked
        with torch.no_grad():
            made.network.indicator.fill_(1.0)
        swapped = replace(near, seeds=1 - near.seeds)
        reads = [
            made.network.layers(made.network.first(n, None), n.edges)["item"]
            for n in (near, swapped)
        ]
        assert not torch.allclose(*reads)

    def test_layers_are_those_of_pyg(self):
        """C8: the same weights on the same sample, HeteroConv with LayerNorm."""
        for own in (*({"reduce": one} for one in ("mean", "sum", "max")), VARIANTS["gat"]):
            made = fresh(**{"factors": True, **own})
            near, layers = near_of(made, [0, 3, 8]), made.network.layers
            x = start = made.network.first(near, made.network.item_vectors())
            index = {key: torch.stack([e.rows, e.columns]) for key, e in near.edges.items()}
            for level, (layer, norms) in enumerate(zip(layers.layers, layers.norms, strict=True)):
                convs = {}
                for key in layer.keys:
                    convs[key] = theirs(layer.layers["__".join(key)])
                x = {k: norms[k](v) for k, v in HeteroConv(convs)(x, index).items()}
                if level < len(layers.layers) - 1:
                    x = {kind: one.relu() for kind, one in x.items()}
            for kind, one in layers(start, near.edges).items():
                torch.testing.assert_close(one, x[kind], rtol=1e-4, atol=1e-5)

    @pytest.mark.parametrize("meeting", ["offset", "gate"])
    def test_scores_by_hand(self, meeting, monkeypatch):
        """C9, C10, C11: of pairs inside, of towers outside, one pass over the surroundings."""
        made = fresh(meeting=meeting, neighbours=2)
        network, near = made.network, near_of(made, [0, 5, 9])
        items, passes = network.item_vectors(), []
        read, forward = network.read(near, items), type(network.layers).forward
        monkeypatch.setattr(
            type(network.layers), "forward", lambda *a: passes.append(1) or forward(*a)
        )
        found = network.scores(near, items, None, 12)
        assert passes == [1]
        inside = {
            (owner, item): at
            for at, (owner, item) in enumerate(
                zip(near.owners.tolist(), near.items.tolist(), strict=True)
            )
        }
        assert 0 < len(inside) < 3 * 12
        for row in range(3):
            user = read.users[row]
            for item in range(12):
                tower = network.tower(user) @ items[item]
                if (row, item) not in inside:
                    expected = tower
                else:
                    pair, own = user @ read.items[inside[row, item]], network.meeting(user)[0]
                    share = own.sigmoid()
                    mixed = share * pair + (1 - share) * tower
                    expected = pair + own if meeting == "offset" else mixed
                torch.testing.assert_close(found[row, item], expected, rtol=1e-4, atol=1e-5)

    @pytest.mark.parametrize("meeting", ["offset", "gate"])
    def test_training_may_begin_at_a_recommender_by_singular_vectors(self, meeting):
        """Far from a user, scores begin as 10 cos(sum of the history, item) + log of who had it."""
        world = world_of()
        torch.manual_seed(0)
        own = {"start": "svd", "skip": True, "meeting": meeting, "neighbours": 16, "hops": 1}
        made = ContextGnn.of(config_of(**own), world)
        near, of = near_of(made, [0, 5]), world.histories
        items = made.network.item_vectors()
        found = made.network.scores(near, items, None, 12)
        rows = item_spectrum(of, 12, made.config.width)
        rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        popular = np.log(np.bincount(of.items, minlength=12))
        for row, user in enumerate((0, 5)):
            had = rows[of.of(user)].sum(0)
            expected = 10 * rows @ (had / np.linalg.norm(had)) + popular
            far = np.setdiff1d(np.arange(12), of.of(user))
            np.testing.assert_allclose(found[row, far].detach(), expected[far], rtol=1e-4)
        enliven(made.network)
        found = made.network.scores(near, made.network.item_vectors(), None, 12)
        best, scores = merged_top(made.network, near, index_of(made.network), 5)
        expected = found.topk(5)
        assert best.tolist() == expected.indices.tolist()
        np.testing.assert_allclose(scores, expected.values.detach(), rtol=1e-5)
        with pytest.raises(ValidationError, match="skip = true"):
            config_of(parts="pair", skip=True)

    def test_the_table_is_heard_in_the_graph(self):
        """C10: W moves h⁽⁰⁾ of the items near, and so the user."""
        made = fresh()
        near = near_of(made, [0])
        before = made.network.read(near, made.network.item_vectors()).users
        with torch.no_grad():
            made.network.table.weight[near.items] += 0.5
        after = made.network.read(near, made.network.item_vectors()).users
        assert not torch.allclose(before, after)

    def test_variants_have_no_weights_that_they_do_not_read(self):
        """C16."""
        pair, tower = fresh(parts="pair").network, fresh(parts="tower").network
        assert pair.table is None and pair.tower is None and pair.meeting is None
        assert tower.meeting is None and "item" not in tower.layers.norms[-1]
        made = fresh(parts="pair", neighbours=2)
        near = near_of(made, [0])
        scores = made.network.scores(near, None, None, 12)[0]
        assert scores.isfinite().nonzero()[:, 0].tolist() == sorted(near.items.tolist())
        past = leave_one_out(BOARD).histories(BOARD)
        ((_, ranked),) = made.scores(Asked(past, np.array([0])))
        outside = np.setdiff1d(np.arange(12), near.items.numpy())
        assert ranked[0, outside].max() == ranked[0, near.items].min() - 1

    def test_an_item_that_nobody_had_has_a_vector_of_its_attributes(self):
        """C12: alike items get the same vector by features, and others by look-up."""
        vectors = fresh(items="feature").network.item_vectors()
        torch.testing.assert_close(vectors[0], vectors[1])  # both are calm and nothing else
        assert not torch.allclose(vectors[0], vectors[2])
        table = fresh(items="lookup").network.item_vectors()
        assert not torch.allclose(table[0], table[1])
        bare = replace(BOARD, items=BOARD.items.drop("genres"))
        with pytest.raises(ConfigError, match="the items have no attributes"):
            fresh(world_of(bare), items="feature")


class TestTheStart:
    def test_it_is_that_of_the_dense_decomposition(self):
        """Against LAPACK: the same products between items, up to one factor, and the scale."""
        rng = np.random.default_rng(0)
        had = rng.random((40, 15)) < 0.2 + 0.6 * (np.arange(15) % 3 == np.arange(40)[:, None] % 3)
        had[:, 14] = had[:, 13]
        had[:, 12] = False
        rows, items = np.nonzero(had)
        offsets = np.searchsorted(rows, np.arange(41))
        found = item_spectrum(Histories(offsets, items, np.zeros(len(items), int)), 15, 4)
        degrees = had.sum(1, keepdims=True).clip(1) * had.sum(0).clip(1)
        _, _, true = np.linalg.svd(had / np.sqrt(degrees))
        expected = true[:4].T
        expected = expected / np.linalg.norm(np.delete(expected, 12, 0), axis=1).mean()
        np.testing.assert_allclose(found @ found.T, expected @ expected.T, atol=1e-5)
        np.testing.assert_allclose(found[13], found[14], atol=1e-6)
        assert (found[12] == 0).all(), "nobody had it"

    def test_what_repeats_and_what_is_wider_than_the_data_adds_nothing(self):
        """Two items that the same two users had twice: one direction, and zeros beyond it."""
        twice = Histories(np.array([0, 4, 8]), np.array([0, 1] * 4), np.arange(8))
        found = item_spectrum(twice, 3, 8)
        assert np.abs(found[0, 0]) == pytest.approx(1) and not found[:, 1:].any()
        assert found[0].tolist() == pytest.approx(found[1].tolist()) and not found[2].any()
        nobody = Histories(np.zeros(3, int), np.zeros(0, int), np.zeros(0, int))
        assert not item_spectrum(nobody, 3, 2).any()

    def test_the_table_begins_there_by_training_alone(self):
        """Nothing else begins otherwise, and what was kept for validation and test moves none."""
        starts = {name: fresh(start=name).network.state_dict() for name in ("random", "svd")}
        for name, one in starts["random"].items():
            assert torch.equal(one, starts["svd"][name]) is (name != "table.weight"), name
        split = leave_one_out(BOARD)
        held = np.concatenate([split.valid, split.test])
        items = BOARD.interactions["item"].to_numpy().copy()
        items[held] = (items[held] + 5) % 12
        other = replace(BOARD, interactions=BOARD.interactions.with_columns(item=items))
        again = fresh(world_of(other), start="svd").network.table.weight
        assert torch.equal(again, starts["svd"]["table.weight"])

    @pytest.mark.parametrize("own", [{"parts": "pair"}, {"items": "feature"}])
    def test_without_own_vectors_it_is_refused(self, own):
        with pytest.raises(ValueError, match="they have none; leave it at random"):
            config_of(start="svd", **own)


class TestTheLoss:
    def test_it_is_that_of_pyg(self):
        """C2, C13: by PyG's softmax over the entries of every row."""
        logits = torch.randn(3, 5)
        rows, columns = torch.tensor([0, 0, 2]), torch.tensor([1, 4, 0])
        flat = softmax(logits.flatten(), torch.arange(3).repeat_interleave(5)).view(3, 5)
        expected = -flat[rows, columns].log()
        torch.testing.assert_close(softmax_of_several(logits, rows, columns), expected.mean())
        per_user = scatter(expected, rows, dim_size=3, reduce="sum")
        torch.testing.assert_close(per_user.sum() / 3, expected.mean())
        nothing = softmax_of_several(logits, rows[:0], columns[:0])
        assert nothing.item() == 0

    def test_classes_come_by_priority(self):
        """C14."""
        true, near = torch.tensor([3, 3, 8]), torch.tensor([8, 1, 2, 2, 7])
        for count, least, most in ((1, set(), {3, 8}), (2, {3, 8}, {3, 8})):
            found = set(classes_of(10, true, near, count).tolist())
            assert least <= found <= most and len(found) == count
        assert set(classes_of(10, true, near, 5).tolist()) == {1, 2, 3, 7, 8}
        drawn = torch.stack([classes_of(10, true, near, 6) for _ in range(200)])
        assert set(drawn.unique().tolist()) == set(range(10)), "the rest is any"
        assert sorted(classes_of(10, true, near, 99).tolist()) == list(range(10))

    @pytest.mark.parametrize("own", [{}, {"time": "none"}, {"meeting": "gate"}, {"parts": "pair"}])
    def test_all_classes_are_the_full_softmax(self, own):
        """C14: with as many classes as items, the loss and its gradients are the same."""
        world = world_of()
        made = fresh(world, **own)
        _, steps = made.batches(world, np.random.default_rng(0))
        step, losses, gradients = next(iter(steps)), [], []
        for sampled in (False, True):
            made.network.zero_grad()
            if sampled:  # what a sampled step does, with every item drawn
                classes = classes_of(12, torch.from_numpy(step.seeds.items), step.near.items, 12)
                place = torch.empty(12, dtype=torch.int64)
                place[classes] = torch.arange(12)
                logits = made.network.scores(step.near, made._items(), classes, 12)
                rows, columns = torch.from_numpy(step.seeds.rows), place[step.seeds.items]
                kept = logits[rows, columns].isfinite()
                loss = softmax_of_several(logits, rows[kept], columns[kept])
            else:
                loss, _ = made.loss(step)
            loss.backward()
            losses.append(loss.detach())
            gradients.append([one.grad.clone() for one in made.network.parameters()])
        torch.testing.assert_close(*losses)
        for one, other in zip(*gradients, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5)

    def test_what_does_not_fit_among_the_classes_is_left_out(self):
        world = world_of(loss="sampled")
        made = fresh(world, classes=3)
        _, steps = made.batches(world, np.random.default_rng(0))
        step = next(iter(steps))
        _, positions = made.loss(step)
        assert step.classes == 3 and 0 < positions < len(step.seeds.items)


class TestAsking:
    def test_item_vectors_are_never_stale(self):
        """The reference keeps those of its first evaluation: train → eval → train → eval."""
        world = world_of()
        made = fresh(world)
        trainer = Trainer(made, world, 0)
        asked = Asked(world.histories, np.arange(24))
        for epoch in range(2):
            trainer.epoch(epoch)
            made.network.eval()
            with torch.inference_mode():
                ((_, told),) = made.scores(asked)
                arrays = made.arrays()
                again = ContextGnn.restore(made.config, arrays)
                again.network.load_state_dict(made.network.state_dict())
                again.network.eval()
                ((_, afresh),) = again.scores(asked)
            torch.testing.assert_close(told, afresh)

    def test_one_subgraph_a_user(self, monkeypatch):
        """C19."""
        made, asked, sample = fresh(), [], Sampler.sample

        def counted(self, seeds, *rest, **more):
            asked.extend(np.asarray(seeds).tolist())
            return sample(self, seeds, *rest, **more)

        monkeypatch.setattr(Sampler, "sample", counted)
        monkeypatch.setattr("recommend.context.recommender.USERS_AT_ONCE", 5)
        past = leave_one_out(BOARD).histories(BOARD)
        list(made.scores(Asked(past, np.arange(24))))
        assert asked == list(range(24))

    def test_what_a_history_lacks_is_nowhere(self):
        """An item left out of the history is not heard of through the user's training edges."""
        world = shop([1, 2, 3], [2, 4], [1, 5])
        made = fresh(world, time="order")
        past = world.histories
        shorter = Histories(
            np.array([0, 2, 4, 6]), past.items[[0, 1, 3, 4, 5, 6]], np.zeros(6, int)
        )
        ((_, near),) = made.surroundings(shorter, np.array([0]))
        assert 3 not in near.items.tolist()

    def test_hops_over_factors_widen_what_is_near(self):
        narrow, wide = (near_of(fresh(factors=f, neighbours=4), [0]) for f in (False, True))
        assert set(narrow.items.tolist()) <= set(wide.items.tolist())
        assert len(wide.items) > len(narrow.items)
        with pytest.raises(ConfigError, match="no graph with factors"):
            fresh(replace(world_of(), sources=sources_of(BOARD, None)), factors=True)


def test_spread_draws_every_edge_alike_and_hears_nobody_beside():
    from graph.sample.rows import Reach, Rows

    past = Past.of(Histories(np.array([0, 7, 9]), np.arange(9), np.arange(9)), 9, None)
    reach = Reach(past.had("none"))
    counts = np.zeros(9, int)
    for salt in range(1000):
        rows = Rows.of(reach, np.array([0, 1]), None)
        places, edges = Spread(salt)(rows, 3, np.random.default_rng(0))
        assert sorted(edges[places == 1].tolist()) == [7, 8]
        assert len(set(edges[places == 0].tolist())) == 3 and edges[places == 0].max() < 7
        alone = Spread(salt)(Rows.of(reach, np.array([0]), None), 3, np.random.default_rng(9))[1]
        assert alone.tolist() == edges[places == 0].tolist()
        counts[edges] += 1
    assert counts[:7].min() > 1000 * 3 / 7 * 0.7 and counts[:7].max() < 1000 * 3 / 7 * 1.3


class TestMerging:
    @pytest.mark.parametrize("own", [{}, {"meeting": "gate"}, {"parts": "tower"}])
    def test_the_merged_list_is_that_of_all_scores(self, own):
        """C15."""
        world = world_of(checkerboard(n_items=60))
        made = fresh(world, neighbours=4, **own)
        ((_, near),) = made.surroundings(world.histories, np.arange(24))
        with torch.inference_mode():
            dense = made.network.scores(near, made.network.item_vectors(), None, 60)
        for k in (1, 7, 60):
            items, scores = merged_top(made.network, near, index_of(made.network), k)
            best = dense.topk(k)
            np.testing.assert_allclose(scores, best.values, rtol=1e-4, atol=1e-5)
            found = dense.gather(1, torch.from_numpy(items))
            np.testing.assert_allclose(found, best.values, rtol=1e-4, atol=1e-5)
            assert all(len(set(row)) == k for row in items.tolist())
