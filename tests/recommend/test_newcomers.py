from __future__ import annotations

import numpy as np
import pytest
import torch
from small_worlds import COMBINATIONS, checkerboard, config_of, graph_of, model_of

from data.errors import DataError
from data.split import leave_one_out
from recommend.backbones import BACKBONES
from recommend.features import bags, categories
from recommend.newcomers import reach, with_item, with_user
from recommend.settings import PAPER_METAPATHS, ModelConfig
from recommend.what_if import Ready, ranked

DATASET = checkerboard()
PAST = leave_one_out(DATASET).histories(DATASET)
USERS, ITEMS = categories(DATASET.users), categories(DATASET.items)
ALONE = 4
"""The only item, and the only user, with its first factor."""


def graph():
    """All share two first factors, but for one, who has the third."""
    users = [[n % 2 if n != ALONE else 2, n % 3] for n in range(DATASET.n_users)]
    items = [[0 if n != ALONE else 1, n // 2 % 2] for n in range(DATASET.n_items)]
    return graph_of(DATASET, users, items)


def ready_of(backbone="gru4rec", enhancer="autograph", **about):
    plain = enhancer == "none"
    return Ready.of(
        model_of(DATASET, None if plain else graph(), config_of(backbone, enhancer, **about))
    )


def bag_of_item(item):
    return bags(DATASET.items[item : item + 1], ITEMS)


def bag_of_user(user):
    return bags(DATASET.users[user : user + 1], USERS)


@pytest.mark.parametrize("backbone", BACKBONES)
class TestEveryBackbone:
    def test_an_item_like_a_single_other_one_is_placed_where_that_one_is(self, backbone):
        """Its factor has one other member, so every mean is that member's own."""
        ready = ready_of(backbone)
        grown = with_item(ready, [1, ALONE // 2 % 2], bag_of_item(ALONE))
        assert grown.n_items == DATASET.n_items + 1
        scores = grown.scores(3, PAST.of(3))
        np.testing.assert_allclose(scores[-1], scores[ALONE], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(scores[:-1], ready.scores(3, PAST.of(3)), rtol=1e-5, atol=1e-6)

    def test_a_user_like_a_single_other_one_gets_the_same(self, backbone):
        ready = ready_of(backbone)
        grown, number = with_user(ready, [2, ALONE % 3], bag_of_user(ALONE))
        assert number == DATASET.n_users
        for history in (PAST.of(ALONE), np.array([1, 7, 3])):
            np.testing.assert_allclose(
                grown.scores(number, history), ready.scores(ALONE, history), rtol=1e-4, atol=1e-5
            )
        own = ready.scores(5, PAST.of(5))
        np.testing.assert_allclose(grown.scores(5, PAST.of(5)), own, rtol=1e-5, atol=1e-6)


PLACING = [pair for pair in COMBINATIONS if pair[1] in ("none", "autograph")]
"""Those that can place an item that nobody had."""


@pytest.mark.parametrize(("backbone", "enhancer"), COMBINATIONS)
def test_a_new_user_is_scored_by_every_recommender(backbone, enhancer):
    grown, user = with_user(ready_of(backbone, enhancer), [1, 1], bag_of_user(2))
    scores = grown.scores(user, np.array([3, 0]))
    assert scores.shape == (DATASET.n_items,) and np.isfinite(scores).all()


@pytest.mark.parametrize(("backbone", "enhancer"), PLACING)
def test_both_may_be_new_and_the_new_user_may_have_had_the_new_item(backbone, enhancer):
    grown = with_item(ready_of(backbone, enhancer), [0, 1], bag_of_item(2))
    grown, user = with_user(grown, [1, 1], bag_of_user(2))
    scores = grown.scores(user, np.array([DATASET.n_items, 0]))
    assert scores.shape == (DATASET.n_items + 1,) and np.isfinite(scores).all()


@pytest.mark.parametrize("given", [None, [2, 7, 5]])
def test_a_new_item_hears_its_factors_and_what_people_had_of_its_likes(given):
    """The same again by hand, from the parts of the network."""
    ready = ready_of()
    network, nodes = ready.model.network, ready.shared.nodes
    alike = given or [n for n in range(DATASET.n_items) if n != ALONE]
    had = [item for item in PAST.items if item in alike]  # each as often as somebody had it
    assert len(set(np.bincount(had)[alike])) > 1
    path, own = network.enhancer.item_path, network.item.weight
    with torch.inference_mode():
        embedding = own[had].mean(0, keepdim=True)
        factors = torch.tensor([[0, 2 + 1]])  # level 1 begins after the two factors of level 0
        heard = path.heard(embedding, factors, path.seen(own))
        every = network.enhancer.items(nodes, torch.empty(0, dtype=torch.int64))
        seen = every[had, 8:].mean(0, keepdim=True)
        genre = {name: n for n, name in enumerate(ITEMS.names)}
        both = network.item_attributes.table.weight[[genre["genres: calm"], genre["genres: odd"]]]
        assert DATASET.items["genres"][2].to_list() == ["calm", "odd"]
        expected = embedding + network.item_graph(torch.cat([heard, seen], 1)) + both.mean(0)
    grown = with_item(ready, [0, 1], bag_of_item(2), None if given is None else np.array(given))
    torch.testing.assert_close(grown.shared.items[-1:], expected, rtol=1e-4, atol=1e-5)


def test_likes_that_nobody_had_weigh_the_same():
    ready = ready_of()
    enhancer = ready.model.network.enhancer
    enhancer.offsets.zero_()
    own, alike = ready.model.network.item.weight, torch.tensor([1, 4, 6])
    with torch.inference_mode():
        embedding, _, _ = enhancer.new_item(ready.shared.nodes, own, alike, torch.tensor([0, 3]))
        torch.testing.assert_close(embedding[0], own[alike].mean(0))


@pytest.mark.parametrize("left_out", PAPER_METAPATHS)
def test_metapaths_may_be_switched_off(left_out):
    paths = [path for path in PAPER_METAPATHS if path != left_out]
    given = config_of("gru4rec", "autograph").model_dump()
    given["enhancer"]["metapaths"] = paths
    ready = Ready.of(model_of(DATASET, graph(), ModelConfig.model_validate(given)))
    grown = with_item(ready, [1, 0], bag_of_item(ALONE))
    scores = grown.scores(0, PAST.of(0))
    np.testing.assert_allclose(scores[-1], scores[ALONE], rtol=1e-4, atol=1e-5)
    grown, user = with_user(ready, [2, 1], bag_of_user(ALONE))
    own = ready.scores(ALONE, PAST.of(ALONE))
    np.testing.assert_allclose(grown.scores(user, PAST.of(ALONE)), own, rtol=1e-4, atol=1e-5)


def test_codes_that_nobody_has_fall_back_on_everybody():
    users = [[n % 2, n % 3] for n in range(DATASET.n_users)]  # nobody has 2 first
    ready = Ready.of(model_of(DATASET, graph_of(DATASET, users), config_of("gru4rec", "autograph")))
    grown, user = with_user(ready, [2, 0], bag_of_user(0))
    path, own = ready.model.network.enhancer.user_path, ready.model.network.enhancer.user.weight
    with torch.inference_mode():
        mean = own.mean(0, keepdim=True)
        expected = path.heard(mean, torch.tensor([[2, 3]]), path.seen(own))
    torch.testing.assert_close(grown.shared.nodes[0][user][None], expected)


def test_a_user_of_whom_nothing_is_described_is_the_mean_of_all():
    ready = ready_of()
    grown, user = with_user(ready, None, bags(DATASET.users[:1].with_columns(age=None), USERS))
    mean = ready.shared.nodes[0].mean(0)
    torch.testing.assert_close(grown.shared.nodes[0][user], mean)
    torch.testing.assert_close(grown.shared.people[user], torch.zeros_like(mean))


def test_a_plain_recommender_says_what_it_does_not_know():
    nothing = bags(DATASET.items[6:7], ITEMS)
    assert len(nothing.categories) == 0
    with pytest.raises(DataError, match=r"gru4rec without the graph .* can say nothing about it"):
        with_item(ready_of(enhancer="none"), [0, 1], nothing)
    with pytest.raises(DataError, match="can say nothing"):
        with_item(ready_of(enhancer="none", item_features=False), [0, 1], bag_of_item(0))


def test_a_plain_recommender_knows_an_item_by_its_attributes_alone():
    ready = ready_of(enhancer="none")
    grown = with_item(ready, [0, 1], bag_of_item(0))
    learnt = ready.model.network.item_attributes.table.weight
    expected = learnt[ITEMS.names.index("genres: calm")]
    torch.testing.assert_close(grown.shared.items[-1], expected)


@pytest.mark.parametrize("codes", [[0], [0, 2], [-1, 0], [3, 1]])
def test_codes_of_another_graph_get_a_sentence(codes):
    with pytest.raises(DataError, match="do not fit the recommender"):
        with_item(ready_of(), codes, bag_of_item(0))


def test_who_would_be_shown_it():
    ready = with_item(ready_of("mind"), [0, 1], bag_of_item(1))
    vectors = ready.everybody(PAST)
    seen = [PAST.of(user) for user in range(DATASET.n_users)]
    found = reach(ready, vectors, seen, DATASET.n_items, 3)
    by_hand = [ranked(ready.scores(u, PAST.of(u)), PAST.of(u))[-1] for u in range(len(seen))]
    assert found.ranks.tolist() == by_hand and len(set(by_hand)) > 3
    assert found.shown == sum(rank <= 3 for rank in by_hand)
    assert [by_hand[user] for user in found.first(5)] == sorted(by_hand)[:5]
