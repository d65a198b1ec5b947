"""ContextGNN: the contract of recommenders, and what the paper says of it, row by row."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from context_worlds import (
    BOARD,
    TRAINING,
    config_of,
    fresh,
    near_of,
    shop,
    world_of,
)
from pydantic import ValidationError
from small_worlds import checkerboard, enliven, graph_of, scores_of, sources_of
from torch_geometric.nn import GATConv, HeteroConv, SAGEConv
from torch_geometric.utils import softmax
from torch_geometric.utils._scatter import scatter

from data.dataset import Histories
from data.errors import ConfigError
from data.split import leave_one_out
from graph import Sampler
from recommend.context.losses import classes_of, softmax_of_several
from recommend.context.merge import index_of, merged_top
from recommend.context.recommender import ContextGnn
from recommend.context.spectrum import item_spectrum
from recommend.context.surroundings import (
    HAD,
)
from recommend.fit.training import Trainer, fit_model
from recommend.graphs.layers import Gat, Sage
from recommend.protocols import Asked
from recommend.reasons.what_if import Ready
from recommend.settings import ModelConfig

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

    def test_items_hear_what_the_user_who_is_asked_about_is(self):
        """C5: who is asked about is of another age, and nothing else is another."""
        made = fresh()
        near = near_of(made, [0, 9])
        numbers = near.numbers["user"].clone()
        assert numbers[near.seeds].tolist() == [0, 9]
        numbers[near.seeds[0]] = 2
        other = replace(near, numbers={**near.numbers, "user": numbers})
        vectors = made.network.item_vectors()
        moved = made.network.read(near, vectors).items - made.network.read(other, vectors).items
        assert torch.equal(moved.abs().amax(1) > 1e-6, near.owners == 0), "of that user alone"

    def test_the_last_layer_hears_for_those_who_are_asked_about_alone(self):
        """The users that scores read are those of a pass over everybody."""
        for own in ({}, {"parts": "tower"}, {"layer": "gat"}, {"factors": True, "reduce": "mean"}):
            made = fresh(**own)
            near = near_of(made, [3, 0, 8])
            start = made.network.first(near, made.network.item_vectors())
            every = made.network.layers(start, near.edges)
            read = made.network.read(near, made.network.item_vectors())
            torch.testing.assert_close(read.users, every["user"][near.seeds], rtol=1e-4, atol=1e-5)
            assert (read.items is None) == (own.get("parts") == "tower")

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

    @pytest.mark.parametrize(
        ("own", "told"),
        [
            ({"followed": 2, "time": "none"}, "followed = 2 walks over what came after what"),
            ({"window_days": 1.5, "time": "order"}, "window_days = 1.5 counts days"),
            ({"window_days": 7, "time": "none"}, "window_days = 7 counts days"),
        ],
    )
    def test_what_reads_times_is_refused_where_settings_take_them_away(self, own, told):
        with pytest.raises(ValidationError, match=told):
            config_of(**own)

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

    def test_scores_of_some_items_are_columns_of_those_of_all(self):
        """C14: (b, c), in the order of the classes, near and far."""
        made = fresh(neighbours=2)
        near, vectors = near_of(made, [0, 5, 9]), made.network.item_vectors()
        classes = torch.tensor([7, 0, 11, 4, 2])
        some = made.network.scores(near, vectors, classes, 12)
        assert some.shape == (3, 5)
        torch.testing.assert_close(some, made.network.scores(near, vectors, None, 12)[:, classes])


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
