"""ContextGNN: what a user who is asked about may see, and what is predicted of whom."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from context_worlds import BOARD, fresh, pairs_in, shop, world_of
from small_worlds import graph_of, sources_of
from torch_geometric.nn import PositionalEncoding

from data.dataset import Histories
from data.errors import ConfigError
from recommend.context.network import Ages, Near
from recommend.context.surroundings import (
    FOLLOWED,
    HAD,
    MET,
    Past,
    Spread,
    Targets,
    sampler_of,
)
from recommend.protocols import Asked
from recommend.settings.contextgnn import ContextGnnConfig


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

    def test_hops_draw_the_latest_and_half_as_many_each(self):
        """C4: of six before the moment the last four; two of each item's users; one of theirs."""
        sequences = [[0, 1, 2, 3, 4, 5, 6], *([n, 6, 5, 4, 3, 2] for n in (7, 8, 9, 10))]
        world = shop(*sequences, n_items=11)
        past = Past.of(world.histories, 11, None)
        own = ContextGnnConfig(time="clock", neighbours=4)
        targets = Targets(past, own)
        sampler = sampler_of(own, past, past.graph(targets.had, "clock"), None)
        assert [hop.count for hop in sampler.query.hops] == [4, 2, 1]
        sample = sampler.sample(np.array([0]), targets.had.times[6:7])
        assert sorted(item for _, item in pairs_in(sample)) == [2, 3, 4, 5]
        first, second, third = sample.draws
        assert np.bincount(second.origins).max() == 2 and np.bincount(third.origins).max() == 1
        for place, item in enumerate(first.nodes.tolist()):
            met = [(t, u) for u, of in enumerate(sequences) for t, i in enumerate(of) if i == item]
            late = sorted((10 * t + u, u) for t, u in met if u and 10 * t + u < 60)[-2:]
            users = second.nodes[second.origins == place].tolist()
            assert sorted(users) == sorted(u for _, u in late)

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
        assert past.moments(asked).tolist() == [7, 7, 9, 9, 3, 3]
        assert past.ends.tolist() == [9, 3]

    def test_a_history_of_training_has_its_own_times(self):
        """Also where somebody has an item again, which would else make all between as late."""
        items, times = np.array([4, 2, 4, 4, 1, 3, 1]), np.array([5, 7, 9, 9, 3, 6, 8])
        own = Histories(np.array([0, 4, 4, 7]), items, times)
        assert Past.of(own, 6, None).moments(own).tolist() == times.tolist()

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
