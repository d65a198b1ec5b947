from __future__ import annotations

import numpy as np
import pytest
import torch
from small_worlds import ADDED, COMBINATIONS, PARTS, checkerboard, config_of, graph_of, model_of

from data.errors import DataError
from data.split import leave_one_out
from recommend.features import bags, categories
from recommend.newcomers.placing import reach, with_item, with_user
from recommend.reasons.what_if import Ready, ranks_of
from recommend.sequence.protocols import Places
from recommend.settings import PAPER_METAPATHS, ModelConfig

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


def vector_of(ready, side, number):
    """What its text means, where the model reads that."""
    vectors = getattr(ready.model.recommender.inputs.vectors, f"{side}s", None)
    return None if vectors is None else vectors[number]


def bag_of_item(item):
    return bags(DATASET.items[item : item + 1], ITEMS)


def bag_of_user(user):
    return bags(DATASET.users[user : user + 1], USERS)


@pytest.mark.parametrize("backbone", PARTS)
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
        grown, number, _ = with_user(ready, [2, ALONE % 3], bag_of_user(ALONE))
        assert number == DATASET.n_users
        for history in (PAST.of(ALONE), np.array([1, 7, 3])):
            np.testing.assert_allclose(
                grown.scores(number, history), ready.scores(ALONE, history), rtol=1e-4, atol=1e-5
            )
        own = ready.scores(5, PAST.of(5))
        np.testing.assert_allclose(grown.scores(5, PAST.of(5)), own, rtol=1e-5, atol=1e-6)


TOLD = ("autograph", "grounded", "kar", "uist", "text-item")
"""Enhancers that can place newcomers by what is said of them."""
GROWING = (*TOLD, "tokens")
"""Those, and the one that knows an item by others that are alike, and a user by the history."""


@pytest.mark.parametrize("enhancer", ADDED)
def test_every_enhancer_can_place_newcomers_or_says_why_not(enhancer):
    ready = ready_of(enhancer=enhancer)
    grows, strangers = enhancer in GROWING, ready.model.config.enhancer.strangers
    assert isinstance(ready.model.recommender.network.enhancer, Places) == grows == (not strangers)
    told = {"codes": [1, ALONE // 2 % 2], "attributes": bag_of_item(6)}
    told["alike"] = None if enhancer in TOLD else np.array([ALONE])
    vector = vector_of(ready, "item", ALONE)
    if grows:
        assert with_item(ready, **told, vector=vector).n_items == DATASET.n_items + 1
    else:
        assert all(sentence.endswith(".") for sentence in strangers.values())
        with pytest.raises(DataError, match="can say nothing about a new item") as raised:
            with_item(ready, **told, vector=vector)
        assert strangers["item"] in str(raised.value)
    codes, bag = [2, ALONE % 3], bag_of_user(ALONE)
    note = with_user(ready, codes, bag, vector_of(ready, "user", ALONE)).note
    assert note == strangers.get("user", "")


@pytest.mark.parametrize("backbone", PARTS)
@pytest.mark.parametrize("enhancer", GROWING)
class TestACopy:
    """Who, or what, is like a single other one is placed where that one is."""

    def test_of_an_item_is_ranked_beside_it(self, backbone, enhancer):
        ready = ready_of(backbone, enhancer)
        placed = with_item(
            ready,
            [1, ALONE // 2 % 2],
            bag_of_item(ALONE),
            np.array([ALONE]),
            vector_of(ready, "item", ALONE),
        )
        for user in (0, 3):
            scores = placed.scores(user, PAST.of(user))
            np.testing.assert_allclose(scores[-1], scores[ALONE], rtol=1e-4, atol=1e-5)
            own = ready.scores(user, PAST.of(user))
            np.testing.assert_allclose(scores[:-1], own, rtol=1e-5, atol=1e-6)

    def test_of_a_user_is_shown_the_same(self, backbone, enhancer):
        ready = ready_of(backbone, enhancer)
        if enhancer == "grounded":  # a user has a small part that no text tells
            with torch.no_grad():
                ready.model.recommender.network.enhancer.user.weight[:] = 0.5
            ready = Ready.of(ready.model)
        told = [2, ALONE % 3], bag_of_user(ALONE), vector_of(ready, "user", ALONE)
        placed, number, note = with_user(ready, *told)
        assert not note
        for history in (PAST.of(ALONE), np.array([1, 7, 3])):
            np.testing.assert_allclose(
                placed.scores(number, history), ready.scores(ALONE, history), rtol=1e-4, atol=1e-5
            )

    def test_of_another_item_is_another_one(self, backbone, enhancer):
        """What is said of it decides, or what it is like, and not the mean of all."""
        ready = ready_of(backbone, enhancer)

        def vector(item, codes):
            alike = np.array([0 if enhancer in TOLD else item])
            told = codes, bag_of_item(0), alike, vector_of(ready, "item", item)
            return with_item(ready, *told).answers.shared.items[-1]

        assert (vector(ALONE, [1, 0]) - vector(7, [0, 1])).abs().max() > 1e-2


def test_texts_alone_find_the_items_that_a_new_one_is_taken_after():
    ready = ready_of(enhancer="kar")
    network, vectors = ready.model.recommender.network, ready.model.recommender.inputs.vectors.items
    had = np.bincount(PAST.items, minlength=DATASET.n_items)
    one = with_item(ready, None, bag_of_item(6), vector=vectors[ALONE], had=had)
    with torch.inference_mode():  # there are fewer than are taken at most, so these are all
        mean = torch.from_numpy(had / had.sum()).float() @ network.item.weight
        made = network.enhancer.item(torch.from_numpy(vectors[[ALONE]]), network.enhancer.shared)
        expected = mean + network.item_graph(made)[0]
    torch.testing.assert_close(one.answers.shared.items[-1], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("enhancer", GROWING)
def test_an_item_without_a_description_gets_a_sentence(enhancer):
    with pytest.raises(DataError, match="by a description, and there is none"):
        with_item(ready_of(enhancer=enhancer), None, bag_of_item(0))


@pytest.mark.parametrize(
    "enhancer",
    [
        name
        for name in ADDED
        if "user" in config_of(enhancer=name).enhancer.sides and name != "tokens"
    ],
)
def test_the_average_that_stands_in_for_a_user_is_told(enhancer):
    ready = ready_of(enhancer=enhancer)
    placed, number, note = with_user(ready, None, bag_of_user(0))
    mean = ready.answers.shared.nodes[0].mean(0)
    torch.testing.assert_close(placed.answers.shared.nodes[0][number], mean)
    assert "the average of all users stands in" in note


def test_an_average_that_nobody_reads_is_not_told():
    config = config_of("gru4rec", "lightgcn").model_dump()
    config["enhancer"]["sides"] = ["item"]
    ready = Ready.of(model_of(DATASET, None, ModelConfig.model_validate(config)))
    assert with_user(ready, None, bag_of_user(0)).note == ""


@pytest.mark.parametrize(("backbone", "enhancer"), COMBINATIONS)
def test_a_new_user_is_scored_by_every_recommender(backbone, enhancer):
    ready = ready_of(backbone, enhancer)
    told = [1, 1], bag_of_user(2), vector_of(ready, "user", 2)
    grown, user, _ = with_user(ready, *told)
    scores = grown.scores(user, np.array([3, 0]))
    assert scores.shape == (DATASET.n_items,) and np.isfinite(scores).all()


@pytest.mark.parametrize("backbone", PARTS)
@pytest.mark.parametrize("enhancer", ["none", *GROWING])
def test_both_may_be_new_and_the_new_user_may_have_had_the_new_item(backbone, enhancer):
    ready = ready_of(backbone, enhancer)
    alike = None if enhancer in TOLD else np.array([2])
    grown = with_item(ready, [0, 1], bag_of_item(2), alike, vector_of(ready, "item", 2))
    grown, user, _ = with_user(grown, [1, 1], bag_of_user(2), vector_of(ready, "user", 2))
    scores = grown.scores(user, np.array([DATASET.n_items, 0]))
    assert scores.shape == (DATASET.n_items + 1,) and np.isfinite(scores).all()


@pytest.mark.parametrize("given", [None, [2, 7, 5]])
def test_a_new_item_hears_its_factors_and_what_people_had_of_its_likes(given):
    """The same again by hand, from the parts of the network."""
    ready = ready_of()
    network, nodes = ready.model.recommender.network, ready.answers.shared.nodes
    alike = given or [n for n in range(DATASET.n_items) if n != ALONE]
    had = [item for item in PAST.items if item in alike]  # each as often as somebody had it
    assert len(set(np.bincount(had)[alike])) > 1
    path, own = network.enhancer.item_path, network.item.weight
    with torch.inference_mode():
        embedding = own[had].mean(0, keepdim=True)
        factors = torch.tensor([[0, 2 + 1]])  # level 1 begins after the two factors of level 0
        heard = path.hear_factors(embedding, factors, path.see_members(own))
        every = network.enhancer.items(nodes, torch.empty(0, dtype=torch.int64))
        seen = every[had, 8:].mean(0, keepdim=True)
        genre = {name: n for n, name in enumerate(ITEMS.names)}
        both = network.item_attributes.table.weight[[genre["genres: calm"], genre["genres: odd"]]]
        assert DATASET.items["genres"][2].to_list() == ["calm", "odd"]
        expected = embedding + network.item_graph(torch.cat([heard, seen], 1)) + both.mean(0)
    grown = with_item(ready, [0, 1], bag_of_item(2), None if given is None else np.array(given))
    torch.testing.assert_close(grown.answers.shared.items[-1:], expected, rtol=1e-4, atol=1e-5)


def test_likes_that_nobody_had_weigh_the_same():
    """Before anybody had anything; an item knows nothing else, so the mean is all it is."""
    ready = ready_of(enhancer="kar")
    own, alike = ready.model.recommender.network.item.weight, np.array([1, 4, 6])
    told = {"vector": vector_of(ready, "item", 2), "had": np.zeros(DATASET.n_items)}
    placed = with_item(ready, None, bag_of_item(6), alike, **told).answers.shared.items[-1]
    weighed = with_item(ready, None, bag_of_item(6), alike, told["vector"]).answers.shared.items[-1]
    torch.testing.assert_close(placed, weighed)
    other = with_item(ready, None, bag_of_item(6), np.array([7]), **told).answers.shared.items[-1]
    with torch.inference_mode():
        torch.testing.assert_close(placed - other, own[[1, 4, 6]].mean(0) - own[7])


@pytest.mark.parametrize("left_out", PAPER_METAPATHS)
def test_metapaths_may_be_switched_off(left_out):
    paths = [path for path in PAPER_METAPATHS if path != left_out]
    given = config_of("gru4rec", "autograph").model_dump()
    given["enhancer"]["metapaths"] = paths
    ready = Ready.of(model_of(DATASET, graph(), ModelConfig.model_validate(given)))
    grown = with_item(ready, [1, 0], bag_of_item(ALONE))
    scores = grown.scores(0, PAST.of(0))
    np.testing.assert_allclose(scores[-1], scores[ALONE], rtol=1e-4, atol=1e-5)
    grown, user, _ = with_user(ready, [2, 1], bag_of_user(ALONE))
    own = ready.scores(ALONE, PAST.of(ALONE))
    np.testing.assert_allclose(grown.scores(user, PAST.of(ALONE)), own, rtol=1e-4, atol=1e-5)


def test_codes_that_nobody_has_fall_back_on_everybody():
    users = [[n % 2, n % 3] for n in range(DATASET.n_users)]  # nobody has 2 first
    ready = Ready.of(model_of(DATASET, graph_of(DATASET, users), config_of("gru4rec", "autograph")))
    grown, user, _ = with_user(ready, [2, 0], bag_of_user(0))
    enhancer = ready.model.recommender.network.enhancer
    path, own = enhancer.user_path, enhancer.user.weight
    with torch.inference_mode():
        mean = own.mean(0, keepdim=True)
        expected = path.hear_factors(mean, torch.tensor([[2, 3]]), path.see_members(own))
    torch.testing.assert_close(grown.answers.shared.nodes[0][user][None], expected)


def test_a_user_of_whom_nothing_is_described_is_the_mean_of_all():
    ready = ready_of()
    grown, user, _ = with_user(ready, None, bags(DATASET.users[:1].with_columns(age=None), USERS))
    mean = ready.answers.shared.nodes[0].mean(0)
    torch.testing.assert_close(grown.answers.shared.nodes[0][user], mean)
    torch.testing.assert_close(grown.answers.shared.people[user], torch.zeros_like(mean))


def test_a_plain_recommender_says_what_it_does_not_know():
    nothing = bags(DATASET.items[6:7], ITEMS)
    assert len(nothing.categories) == 0
    with pytest.raises(DataError, match=r"gru4rec without the graph can say nothing about a new"):
        with_item(ready_of(enhancer="none"), [0, 1], nothing)
    with pytest.raises(DataError, match="can say nothing"):
        with_item(ready_of(enhancer="none", item_features=False), [0, 1], bag_of_item(0))


def test_a_plain_recommender_knows_an_item_by_its_attributes_alone():
    ready = ready_of(enhancer="none")
    grown = with_item(ready, [0, 1], bag_of_item(0))
    learnt = ready.model.recommender.network.item_attributes.table.weight
    expected = learnt[ITEMS.names.index("genres: calm")]
    torch.testing.assert_close(grown.answers.shared.items[-1], expected)


@pytest.mark.parametrize("codes", [[0], [0, 2], [-1, 0], [3, 1]])
def test_codes_of_another_graph_get_a_sentence(codes):
    with pytest.raises(DataError, match="do not fit the recommender"):
        with_item(ready_of(), codes, bag_of_item(0))


def test_who_would_be_shown_it():
    ready = with_item(ready_of("mind"), [0, 1], bag_of_item(1))
    vectors = ready.everybody(PAST)
    found = reach(ready, vectors, PAST, DATASET.n_items, 3)
    users = range(DATASET.n_users)
    by_hand = [ranks_of(ready.scores(u, PAST.of(u)), PAST.of(u))[-1] for u in users]
    assert found.ranks.tolist() == by_hand and len(set(by_hand)) > 3
    assert found.shown == sum(rank <= 3 for rank in by_hand)
    assert [by_hand[user] for user in found.first(5)] == sorted(by_hand)[:5]
