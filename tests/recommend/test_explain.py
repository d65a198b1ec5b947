import re
from itertools import pairwise, product

import numpy as np
import pytest
from small_worlds import checkerboard, codes_of, dataset_of

from data.split import leave_one_out
from graph.build import build_graph
from graph.insert import insert_item, insert_user
from recommend.explain import explain, explain_history

FACTOR = "user > item > item_factor > item"
TASTE = "user > user_factor > user > item"
TOGETHER = "user > item > user > item"


def labelled(dataset, user_codes, item_codes, k=3, labels=True):
    users, items = codes_of("u", user_codes, k), codes_of("i", item_codes, k)
    names = [
        [f"{side} {n}" for n in range(codes.levels * k)] if labels else ()
        for side, codes in (("taste", users), ("theme", items))
    ]
    return build_graph(dataset, leave_one_out(dataset), users, items, *names)


def random_world(seed=0):
    rng = np.random.default_rng(seed)
    dataset = checkerboard(seed=seed)
    dataset = dataset_of(
        [dataset.interactions.filter(user=u)["item"].to_list() for u in range(dataset.n_users)],
        dataset.n_items,
        items={"title": [f"Film {n}" for n in range(dataset.n_items)]},
    )
    codes = (rng.integers(3, size=(n, 2)).tolist() for n in (dataset.n_users, dataset.n_items))
    return dataset, leave_one_out(dataset), labelled(dataset, *codes)


@pytest.fixture(scope="module")
def world():
    return random_world()


def every_reason(world):
    dataset, split, graph = world
    for user in range(dataset.n_users):
        for item in range(dataset.n_items):
            for reason in explain(graph, dataset, split, user, item, limit=99):
                yield user, item, reason


def test_items_named_share_the_factor_and_were_in_training(world):
    dataset, split, graph = world
    factors, past = graph.factors("item"), split.histories(dataset)
    found = [(u, i, r) for u, i, r in every_reason(world) if r.metapath == FACTOR]
    assert len(found) > 50
    for user, item, reason in found:
        history = past.of(user).tolist()
        assert reason.factor in factors[item] and item not in reason.through
        shared = [i for i in history if reason.factor in factors[i] and i != item]
        assert sorted(reason.through) == sorted(set(shared))
        latest = {i: max(at for at, had in enumerate(history) if had == i) for i in shared}
        assert list(reason.through) == sorted(latest, key=lambda i: -latest[i])
        assert reason.label == graph.item_labels[reason.factor]
        assert f"‘{reason.label}’" in reason.sentence
        named = [int(n) for n in re.findall(r"“Film (\d+)”", reason.sentence)]
        assert named == list(reason.through[:3])
        carried = (factors == reason.factor).any(1).mean()
        weight = -np.log2(carried) * len(shared) / len(history)
        assert reason.weight == pytest.approx(weight, abs=1e-9)


def test_people_of_the_same_taste_are_counted(world):
    dataset, split, graph = world
    factors, past = graph.factors("user"), split.histories(dataset)
    found = [(u, i, r) for u, i, r in every_reason(world) if r.metapath == TASTE]
    assert len(found) > 20
    for user, item, reason in found:
        assert reason.factor in factors[user]
        assert reason.label == graph.user_labels[reason.factor] and reason.label in reason.sentence
        alike = {
            other
            for other in range(dataset.n_users)
            if other != user and reason.factor in factors[other] and item in past.of(other)
        }
        assert alike and reason.weight > 0


def test_people_who_had_both_are_counted():
    """Of the four others who had item 0, three had item 1 as the user did; one of six is alone."""
    both = [[1, 0, 5, 6]] * 3
    dataset = dataset_of(
        [[1, 2, 5, 6], *both, [0, 3, 5, 6], *[[4, 3, 5, 6]] * 3],
        7,
        items={"title": [f"Film {n}" for n in range(7)]},
    )
    graph = labelled(dataset, [[0]] * 8, [[0], [1], [1], [1], [2], [2], [2]])
    (reason,) = explain(graph, dataset, leave_one_out(dataset), 0, 0)
    assert reason.metapath == TOGETHER and reason.through == (1,)
    assert reason.sentence == "75 % of those who chose it also chose “Film 1”, as you did."
    assert reason.weight == pytest.approx(np.log2(0.75 / (4 / 8)) * 0.75 / 2**0.5)
    assert (reason.factor, reason.label) == (-1, "")


def test_sentences_by_hand():
    dataset = dataset_of(
        [[0, 1, 2, 3, 8, 9], [5, 6, 8, 9], [7, 6, 8, 9], [7, 7, 8, 9]],
        10,
        items={"title": ["A", "B", None, "D", "E", "F", "G", "H", "I", "J"]},
    )
    items = [[0], [0], [0], [0], [0], [0], [1], [1], [2], [2]]
    graph = labelled(dataset, [[0], [0], [1], [1]], items)
    first, second = explain(graph, dataset, leave_one_out(dataset), 0, 5)
    assert first.sentence == "1 person whose taste is ‘taste 0’, like yours, chose it."
    assert first.weight == 1.0  # all who chose it share a taste that half of all have
    assert second.sentence == (
        "You liked “D”, “i2”, “B” and 1 more, which have ‘theme 0’ in common with it."
    )
    assert second.through == (3, 2, 1, 0)
    every = explain(graph, dataset, leave_one_out(dataset), 2, 7)
    (one,) = [reason for reason in every if reason.metapath == FACTOR]
    assert one.sentence == "You liked “G”, which has ‘theme 1’ in common with it."


def test_the_strongest_come_first_and_no_more_than_asked(world):
    dataset, split, graph = world
    for user, item in ((0, 1), (7, 3), (12, 4)):
        every = explain(graph, dataset, split, user, item, limit=99)
        weights = [reason.weight for reason in every]
        assert weights == sorted(weights, reverse=True)
        assert explain(graph, dataset, split, user, item, limit=2) == every[:2]
    assert len(explain(graph, dataset, split, 0, 2, limit=1)) == 1


def test_where_nothing_connects_nothing_is_said():
    dataset = dataset_of([[0, 1, 2, 3], [4, 5, 2, 3]], 6)
    graph = labelled(dataset, [[0], [1]], [[0], [0], [2], [2], [1], [1]])
    assert explain(graph, dataset, leave_one_out(dataset), 0, 5) == []
    assert explain(graph, dataset, leave_one_out(dataset), 0, 2) == []  # only held-out edges


def test_held_out_interactions_are_no_reason(world):
    """Everybody's validation and test items change, and no reason does."""
    dataset, split, graph = world
    items = dataset.interactions["item"].to_numpy().copy()
    for rows in (split.valid, split.test):
        items[rows] = (items[rows] + 5) % dataset.n_items
    changed = type(dataset)(
        dataset.name,
        dataset.users,
        dataset.items,
        dataset.interactions.with_columns(item=items),
    )
    again = build_graph(
        changed,
        leave_one_out(changed),
        codes_of("u", graph.user_codes.tolist(), 3),
        codes_of("i", graph.item_codes.tolist(), 3),
        graph.user_labels,
        graph.item_labels,
    )
    other = (changed, leave_one_out(changed), again)
    assert list(every_reason(world)) == list(every_reason(other))


def test_a_factor_without_a_name_is_not_quoted():
    dataset = dataset_of([[0, 1, 4, 5], [2, 3, 4, 5]], 6)
    items = [[0], [1], [0], [1], [2], [2]]
    graph = labelled(dataset, [[0], [0]], items, labels=False)
    reasons = explain(graph, dataset, leave_one_out(dataset), 0, 2)
    assert reasons and not any("‘’" in reason.sentence for reason in reasons)


def test_a_person_who_chose_it_twice_is_one_person():
    dataset = dataset_of([[0, 1, 4, 5], [2, 2, 2, 4, 5], [1, 3, 4, 5], [1, 3, 4, 5]], 6)
    graph = labelled(dataset, [[0], [0], [1], [1]], [[0], [1], [2], [2], [2], [2]])
    (reason,) = explain(graph, dataset, leave_one_out(dataset), 0, 2)
    assert reason.sentence.startswith("1 person whose taste")


def test_each_step_of_a_way_is_joined_to_the_next_by_edges_of_the_graph(world):
    graph = world[2]
    factors = {side: graph.factors(side) for side in ("user", "item")}
    seen = set()
    for user, item, reason in every_reason(world):
        assert [step[0][0] for step in reason.steps] == reason.metapath.split(" > ")
        assert reason.steps[0] == (("user", user),) and reason.steps[-1] == (("item", item),)
        for one, other in pairwise(reason.steps):
            assert len(one) <= 5
            for pair in product(one, other):
                (kind, a), (_, b) = sorted(pair)
                if kind == "item" and {p[0] for p in pair} == {"item", "user"}:
                    assert a in graph.user_item.of(b), f"no edge in {reason}"
                else:
                    assert b in factors[kind][a], f"no edge in {reason}"
        seen.add(reason.metapath)
    assert seen == {FACTOR, TASTE, TOGETHER}


def test_the_number_of_people_is_that_of_the_whole_way_and_the_way_shows_some():
    dataset = dataset_of([[0, 1, 8, 9], *[[2, 1, 8, 9]] * 7, *[[3, 4, 8, 9]] * 8], 10)
    users, items = [[0]] * 8 + [[1]] * 8, [[0], [1], *[[2]] * 8]
    graph = labelled(dataset, users, items)
    every = explain(graph, dataset, leave_one_out(dataset), 0, 2)
    (reason,) = [reason for reason in every if reason.metapath == TASTE]
    assert reason.people == 7 and len(reason.steps[2]) == 5
    assert set(reason.steps[2]) <= {("user", n) for n in range(1, 8)}


def test_reasons_follow_the_history_that_is_given(world):
    """Who is said to have had other items gets the reasons of these, and no other."""
    dataset, split, graph = world
    own = split.histories(dataset).of(3)
    for item in range(dataset.n_items):
        assert explain_history(graph, dataset, own, 3, item, 99) == explain(
            graph, dataset, split, 3, item, 99
        )
    changed = np.array([10, 11], dtype=np.int32)
    found = [
        reason
        for item in range(dataset.n_items)
        for reason in explain_history(graph, dataset, changed, 3, item, 99)
        if reason.through
    ]
    assert found and all(set(reason.through) <= {10, 11} for reason in found)


def test_what_is_new_in_the_graph_has_reasons_too(world):
    dataset, _, graph = world
    grown = insert_user(insert_item(graph, graph.item_codes[2]), graph.user_codes[0], [2])
    item, user = graph.n_items, graph.n_users
    reasons = explain_history(grown, dataset, np.array([2]), user, item, 99)
    shared = [r for r in reasons if r.metapath == FACTOR]
    assert len(shared) == 2 and all(r.through == (2,) for r in shared)
    assert all(r.steps[0] == (("user", user),) for r in shared)
