"""What the ways of a sample gave: found by hand, measured against other worlds and one by one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from small_worlds import checkerboard, dataset_of, enliven, graph_of, sources_of

from data.dataset import Dataset, Histories
from data.split import leave_one_out
from recommend.context import reasons
from recommend.context.network import Near
from recommend.context.reasons import Neighbours, variants, without
from recommend.context.recommender import ContextGnn
from recommend.context.surroundings import Past
from recommend.features import Bags
from recommend.graphs.edges import EdgeList
from recommend.protocols import Around, LooksAround, World
from recommend.settings import BACKBONES, PLAIN, ModelConfig, TrainConfig
from recommend.settings.registry import recommender_of

BOARD = checkerboard()
WAYS = {
    "plain": {},
    "clock": {"time": "clock"},
    "none": {"time": "none", "reduce": "mean"},
    "gate": {"meeting": "gate", "factors": True},
    "pair": {"parts": "pair"},
    "attention": {"layer": "gat", "factors": True},
    "followed": {"followed": 2},
}
HOOKS = dataset_of([[1, 3, 0, 0], [1, 2, 0, 0], [3, 4, 2, 0, 0], [5, 4, 0, 0]], 7)
"""User 0 had 1 and 3; over user 1 they lead to 2, over user 2 to 2 and 4; nothing leads to 5."""


def made_of(dataset: Dataset = BOARD, graph: object = None, **own: object) -> ContextGnn:
    config = ModelConfig.model_validate(
        {
            "backbone": {"name": "contextgnn", "time": "order", **own},
            "enhancer": {"name": PLAIN},
            "width": 8,
            "embedding_dropout": 0,
        }
    )
    past = leave_one_out(dataset).histories(dataset)
    sources = sources_of(dataset, graph or graph_of(dataset))
    torch.manual_seed(0)
    made = ContextGnn.of(config, World(dataset, past, sources, TrainConfig()))
    enliven(made.network)
    made.network.eval().requires_grad_(False)
    return made


def past_of(*histories: list[int]) -> Histories:
    offsets = np.cumsum([0, *map(len, histories)])
    items = np.concatenate([np.array(one, np.int32) for one in histories])
    places = np.concatenate([np.arange(len(one)) for one in histories])
    return Histories(offsets, items, places.astype(np.int64))


def near_of(made: ContextGnn, user: int) -> Near:
    ((_, near),) = made.surroundings(made.past.histories, np.array([user]))
    return near


def scores_of(made: ContextGnn, near: Near) -> np.ndarray:
    items = None if made.network.tower is None else made.network.item_vectors()
    with torch.inference_mode():
        return made.network.scores(near, items, None, made.past.n_items)[0].numpy()


def asked(made: ContextGnn, user: int) -> tuple[np.ndarray, tuple[Around, ...]]:
    history = made.past.histories.of(user)
    others = np.setdiff1d(np.arange(made.past.n_items), history)
    return history, made.around(user, history, others)


def told(one: Around) -> set[tuple[str, int, tuple[int, ...]]]:
    return {(way.metapath, way.first, tuple(way.between.tolist())) for way in one.ways}


def test_settings_say_who_looks_around() -> None:
    for name, spec in BACKBONES.items():
        assert hasattr(recommender_of(name), "around") == spec.config.looks_around, name
    assert isinstance(made_of(), LooksAround)


class TestByHand:
    def test_ways_over_people(self) -> None:
        made = made_of(HOOKS)
        two, four, five, six = made.around(0, np.array([1, 3]), np.array([2, 4, 5, 6]))
        over = "user > item > user > item"
        assert told(two) == {(over, 1, (1,)), (over, 3, (2,))}
        assert told(four) == {(over, 3, (2,))}
        assert two.near and four.near and two.first_hop == 2
        for far in (five, six):
            assert not far.near and not far.ways and np.isnan(far.pair)
            assert far.score == pytest.approx(far.alone) and far.rank == far.alone_rank
        assert all(way.near for way in two.ways) and not four.ways[0].near

    def test_ways_over_groups(self) -> None:
        """Items 1 and 5 share the first code, items 3 and 6 the second; nobody had 6."""
        codes = [[0, 2], [1, 0], [2, 0], [0, 1], [0, 2], [1, 2], [2, 1]]
        graph = replace(graph_of(HOOKS), item_codes=np.array(codes, np.int32), item_k=3)
        made = made_of(HOOKS, graph, factors=True)
        five, six = made.around(0, np.array([1, 3]), np.array([5, 6]))
        over = "user > item > item_factor > item"
        assert told(five) == {(over, 1, (1,))}
        assert told(six) == {(over, 3, (3 + 1,))}

    def test_ways_over_what_followed(self) -> None:
        """User 1 had 2 right after 1, and user 2 had 4 after 3, and 2 after that."""
        made = made_of(HOOKS, followed=1)
        two, four = made.around(0, np.array([1, 3]), np.array([2, 4]))
        then = "user > item > item"
        assert {one[:2] for one in told(two) if one[0] == then} == {(then, 1)}
        assert {one[:2] for one in told(four) if one[0] == then} == {(then, 3)}

    def test_somebody_new(self) -> None:
        """Nobody met this user, who had 1: user 1 leads to 2, and user 0, who had 1 too, to 3."""
        made = made_of(HOOKS)
        nothing = Bags(np.zeros(0, np.int32), np.zeros(0, np.float32), np.zeros(2, np.int64), 0)
        answers, number, _ = made.opened().with_user(None, nothing, None)
        two, three, four = answers.around(number, np.array([1]), np.array([2, 3, 4]))
        over = "user > item > user > item"
        assert told(two) == {(over, 1, (1,))} and told(three) == {(over, 1, (0,))}
        assert not four.near

    def test_what_the_user_had_itself(self) -> None:
        made = made_of(HOOKS)
        (three,) = made.around(0, np.array([1, 3]), np.array([3]))
        assert ("user > item", 3, ()) in told(three) and three.rank == 0

    @pytest.mark.parametrize("meeting", ["offset", "gate"])
    def test_without_its_only_way_it_is_as_if_nobody_had_it(self, meeting: str) -> None:
        """The same weights, drawn from another past, in which user 2 had neither 3 nor 4."""
        made = made_of(HOOKS, meeting=meeting, time="none")
        (four,) = made.around(0, np.array([1, 3]), np.array([4]))
        other = Past.of(past_of([1, 3], [1, 2], [2], [5, 4]), 7, None)
        elsewhere = scores_of(replace(made, past=other), near_of(replace(made, past=other), 0))
        (way,) = four.ways
        assert four.score - way.given == pytest.approx(elsewhere[4], abs=1e-5)
        assert way.rank == rank_of(elsewhere, [1, 3], 4)

    @pytest.mark.parametrize("meeting", ["offset", "gate"])
    def test_parts_make_up_the_score(self, meeting: str) -> None:
        made = made_of(HOOKS, meeting=meeting)
        (two,) = made.around(0, np.array([1, 3]), np.array([2]))
        if meeting == "gate":
            assert 0 < two.share < 1 and np.isnan(two.offset)
            mixed = two.share * two.pair + (1 - two.share) * two.alone
            assert two.score == pytest.approx(mixed, abs=1e-5)
        else:
            assert np.isnan(two.share) and two.offset
            assert two.score == pytest.approx(two.pair + two.offset, abs=1e-5)


def rank_of(scores: np.ndarray, had: list[int], item: int) -> int:
    return 1 + sum(
        scores[other] > scores[item] or (scores[other] == scores[item] and other < item)
        for other in range(len(scores))
        if other not in had and other != item
    )


@pytest.mark.parametrize("name", WAYS)
class TestEveryKind:
    def test_ranks_and_scores_are_those_of_the_recommender(self, name: str) -> None:
        made = made_of(**WAYS[name])
        for user in (2, 9, 23):
            history, found = asked(made, user)
            near = near_of(made, user)
            scores = scores_of(made, near)
            for one in found:
                assert one.rank == rank_of(scores, history.tolist(), one.item)
                assert one.score == pytest.approx(scores[one.item])
                assert one.near == bool(one.ways) == (one.item in near.items.tolist())

    def test_a_batch_is_each_by_itself(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        made = made_of(**WAYS[name])
        _, together = asked(made, 9)
        assert max(len(one.ways) for one in together) > 3
        monkeypatch.setattr(reasons, "AT_ONCE", 1)
        for one, alone in zip(together, asked(made, 9)[1], strict=True):
            mine = {(way.metapath, way.first): way for way in alone.ways}
            assert len(mine) == len(one.ways)
            for way in one.ways:
                other = mine[way.metapath, way.first]
                assert way.given == pytest.approx(other.given, abs=1e-5), "infinite or equal"

    def test_edges_are_taken_out_both_ways_and_nothing_else_is(self, name: str) -> None:
        """Against a sample whose edges are filtered one by one, where all stay joined."""
        made = made_of(**WAYS[name])
        near = near_of(made, 9)
        sample, items = Neighbours.of(near), None
        if made.network.tower is not None:
            items = made.network.item_vectors()
        tried = 0
        for place in range(len(near.items)):
            groups = sample.groups(place)
            for one in groups:
                cut = sample.cut(groups, one)
                out = {(kind, *pair) for kind, some in cut.items() for pair in some.tolist()}
                left = replace(near, edges={k: filtered(k, e, out) for k, e in near.edges.items()})
                varied = variants(near, [cut])
                if len(varied.items) < len(near.items) or len(varied.numbers["user"]) < len(
                    near.numbers["user"]
                ):
                    continue
                (found,) = without(made.network, near, items, [cut], made.past.n_items)
                np.testing.assert_allclose(found, scores_of(made, left), atol=1e-5)
                tried += 1
        assert tried > 10

    def test_a_cut_breaks_the_ways_of_its_group_and_no_other(self, name: str) -> None:
        made = made_of(**WAYS[name])
        near = near_of(made, 9)
        sample, tried = Neighbours.of(near), 0
        for place, item in enumerate(near.items.tolist()):
            groups = sample.groups(place)
            for one in groups:
                other = Neighbours.of(variants(near, [sample.cut(groups, one)]))
                at = other.place(item)
                assert (at is None) == (len(groups) == 1)
                assert numbers(other, at) == numbers(sample, place) - numbers(sample, place, one)
                tried += len(groups) > 1
        assert tried > 10

    def test_a_way_that_is_not_there_changes_nothing(self, name: str) -> None:
        made = made_of(**WAYS[name])
        near = near_of(made, 9)
        items = None if made.network.tower is None else made.network.item_vectors()
        none = [{}, {"user": np.zeros((0, 2), np.int64)}, {"item_factor": np.array([[0, 99]])}]
        none = none if "item_factor" in near.numbers else none[:2]
        for found in without(made.network, near, items, none, made.past.n_items):
            np.testing.assert_allclose(found, scores_of(made, near), rtol=1e-5, atol=1e-5)

    def test_every_edge_of_a_way_is_in_training(self, name: str) -> None:
        """And in nobody's that is held out, nor in what the history does not hold."""
        made = made_of(**WAYS[name])
        past = made.past.histories
        had = {(user, item) for user in range(24) for item in past.of(user).tolist()}
        codes, seen = made.past.item_factors, 0
        for user in range(0, 24, 3):
            history, found = asked(made, user)
            for item, way in ((one.item, way) for one in found for way in one.ways):
                assert way.first in history
                if way.metapath == "user > item > item":
                    assert any(
                        follows(past.of(other).tolist(), way.first, item)
                        for other in range(24)
                        if other != user
                    )
                    seen += 1
                for node in way.between.tolist():
                    if "factor" in way.metapath:
                        assert node in codes[way.first] and node in codes[item]
                    else:
                        assert {(node, way.first), (node, item)} <= had and node != user
                    seen += 1
        assert seen > 100


def follows(history: list[int], first: int, then: int) -> bool:
    """Whether one is in a history, and the other one or two places later."""
    return any(then in history[at + 1 : at + 3] for at, one in enumerate(history) if one == first)


def filtered(key: tuple[str, str, str], edges: EdgeList, out: set) -> EdgeList:
    """Edges without those named by the type of what is no item, the item, and the other."""
    kept = []
    ends = torch.stack([edges.rows, edges.columns], 1).tolist()
    for at, (row, column) in enumerate(ends):
        pair = (key[2], row, column) if key[0] == "item" else (key[0], column, row)
        if key[0] == key[2] and key[1] != "followed":
            pair = ("item", column, row)
        if pair not in out:
            kept.append(at)
    rows, columns = edges.rows[kept], edges.columns[kept]
    return EdgeList(rows, columns, edges.n_sources, edges.n_targets)


def numbers(sample: Neighbours, place: int | None, *only: object) -> set[tuple]:
    """Ways to a place by numbers, which do not change as places do."""
    groups = [] if place is None else list(only) or sample.groups(place)
    return {
        (one.metapath, sample.items[one.first], node)
        for one in groups
        for node in (sample.others[one.kind][one.between].tolist() or [-1])
    }


class TestParts:
    def test_pairs_alone_lose_what_is_far(self) -> None:
        made = made_of(HOOKS, parts="pair")
        two, four, five = made.around(0, np.array([1, 3]), np.array([2, 4, 5]))
        assert np.isnan(two.alone) and two.alone_rank == 0 and np.isfinite(two.ways[0].given)
        assert four.ways[0].given == np.inf and not four.ways[0].near
        assert five.score == -np.inf and five.rank > 2

    def test_towers_alone_have_no_pair(self) -> None:
        made = made_of(HOOKS, parts="tower")
        (two,) = made.around(0, np.array([1, 3]), np.array([2]))
        assert not two.near and np.isnan(two.pair) and two.score == pytest.approx(two.alone)
        assert len(two.ways) == 2 and two.ways[0].given != 0, "what is around moves the user"
