import re
from itertools import pairwise, product

import numpy as np
import pytest
from small_worlds import checkerboard, codes_of, dataset_of

from data.split import leave_one_out
from graph.build.growth import insert_item, insert_user
from graph.build.latent import build_graph
from quantize.terms import words_in
from recommend.protocols import LeftOut
from recommend.reasons.explain import Evidence, People, explain, measure

FACTOR = "user > item > item_factor > item"
TASTE = "user > user_factor > user > item"
TOGETHER = "user > item > user > item"
WORDS = ("ice", "rope", "reef", "judge", "circus", "fog")


def evidence_of(dataset, user_codes, item_codes, k=3, **more):
    users, items = codes_of("u", user_codes, k), codes_of("i", item_codes, k)
    graph = build_graph(dataset, leave_one_out(dataset), users, items)
    people = People(leave_one_out(dataset).histories(dataset))
    return Evidence(dataset, people, graph, **more)


def random_world(seed=0):
    """Texts hold one to three of six words at random; factors are said to be told by any."""
    rng = np.random.default_rng(seed)
    dataset = checkerboard(seed=seed)
    dataset = dataset_of(
        [dataset.interactions.filter(user=u)["item"].to_list() for u in range(dataset.n_users)],
        dataset.n_items,
        items={"title": [f"Film {n}" for n in range(dataset.n_items)]},
    )
    sizes = {"user": dataset.n_users, "item": dataset.n_items}
    codes = (rng.integers(3, size=(n, 2)).tolist() for n in sizes.values())
    texts = {
        side: [" and ".join(rng.choice(WORDS, rng.integers(1, 4))) for _ in range(n)]
        for side, n in sizes.items()
    }
    terms = {side: [list(rng.permutation(WORDS)[:4]) for _ in range(6)] for side in sizes}
    return evidence_of(dataset, *codes, terms=terms, texts=texts)


@pytest.fixture(scope="module")
def world():
    return random_world()


def every_reason(evidence, **more):
    for user in range(evidence.dataset.n_users):
        history = evidence.people.histories.of(user)
        for item in range(evidence.dataset.n_items):
            for reason in explain(evidence, history, user, item, limit=99, **more):
                yield user, item, reason


def quoted(sentence):
    return re.findall(r"‘(.+?)’", sentence)


def test_items_named_share_the_factor_and_were_in_training(world):
    factors, past = world.graph.factors("item"), world.people.histories
    found = [(u, i, r) for u, i, r in every_reason(world) if r.metapath == FACTOR]
    assert len(found) > 50
    for user, item, reason in found:
        history = past.of(user).tolist()
        assert reason.kind == "path" and reason.factor in factors[item]
        shared = [i for i in history if reason.factor in factors[i] and i != item]
        assert set(reason.through) <= set(shared) and item not in reason.through
        named = [int(n) for n in re.findall(r"“Film (\d+)”", reason.sentence)]
        assert named == list(reason.through[:3])
        carried = (factors == reason.factor).any(1)
        weight = -np.log2(carried.mean()) * len(shared) / len(history)
        assert reason.weight == pytest.approx(weight, abs=1e-9)
        if not reason.words:
            told = f"In the graph, {len(set(shared))} of the {carried.sum() - 1} others in a group"
            assert reason.sentence.startswith(told) and set(reason.through) == set(shared)


def test_a_word_is_named_only_if_it_stands_in_the_texts_of_all_it_is_said_of(world):
    """Read again in the simplest way: by splitting texts at blanks."""
    says = {side: [set(text.split()) for text in texts] for side, texts in world.texts.items()}
    named = {FACTOR: 0, TASTE: 0}
    for user, item, reason in every_reason(world):
        assert quoted(reason.sentence) == list(reason.words)
        named[reason.metapath] = named.get(reason.metapath, 0) + bool(reason.words)
        for word in reason.words:
            if reason.metapath == FACTOR:
                assert all(word in says["item"][one] for one in (item, *reason.through))
            else:
                others = [one for _, one in reason.steps[2]]
                assert all(word in says["user"][one] for one in (user, *others))
    assert min(named[FACTOR], named[TASTE]) > 20 and named.get(TOGETHER, 0) == 0


def test_a_factor_s_words_that_one_text_lacks_are_not_said_of_it():
    """A sled-dog film is in one group with a clown's, and no text of it knows a ringmaster."""
    dataset = dataset_of([[0, 2, 3, 4], [1, 2, 3, 4]], 5, items={"title": [*"ABCDE"]})
    texts = ["Sled dogs race at dawn.", "A ringmaster and elephants.", "", "", ""]
    world = evidence_of(
        dataset, [[0], [1]], [[0], [0], [1], [2], [2]],
        terms={"item": [["ringmaster", "ring", "elephants"], [], []]}, texts={"item": texts},
    )  # fmt: skip
    (one,) = explain(world, np.array([0]), 0, 1)
    assert (
        one.sentence == "In the graph, 1 of the 1 others in a group with it is in the history: “A”."
    )
    texts[0] = "The ringmaster's dogs."
    (one,) = explain(world, np.array([0]), 0, 1)
    assert one.sentence == (
        "In the graph it shares a group with “A” in the history; "
        "both descriptions mention ‘ringmaster’."
    )


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("A ring of fire.", True),
        ("The RING.", True),
        ("The ring's fire.", True),
        ("The ringmaster.", False),
        ("Three rings.", False),
        ("A ring-road.", False),
        ("As told in “The Ring”.", False),
        ("Like Fire Ring (1999), it burns.", False),
        (None, False),
    ],
)
def test_a_word_stands_in_a_text_as_a_whole_and_in_the_same_form(text, holds):
    dataset = dataset_of([[0, 1, 2, 2]], 3)
    world = evidence_of(
        dataset, [[0]], [[0], [0], [1]],
        terms={"item": [["ring"], [], []]}, texts={"item": [text, "One ring.", None]},
    )  # fmt: skip
    assert world.common("item", (0, 1), 0) == (("ring",) if holds else ())


def test_a_word_of_the_own_title_is_not_said_of_the_text():
    dataset = dataset_of([[0, 1, 2, 2]], 3, items={"title": ["The Ring", "Fog", None]})
    texts = ["The Ring. A reef.", "A ring in the fog.", "A ring."]
    world = evidence_of(
        dataset, [[0]], [[0], [0], [0]], terms={"item": [["ring"]]}, texts={"item": texts}
    )
    assert not world.common("item", (0, 1), 0) and world.common("item", (1, 2), 0) == ("ring",)


def test_words_that_few_texts_hold_are_named_after_those_of_the_factor():
    dataset = dataset_of([[0, 1, 2, 2]], 3)
    texts = ["Ann Lee's sled dogs, fog", "Sled dogs of Ann Lee in fog.", None]
    rare = {"ann lee": (0.02, "Ann Lee"), "sled": (0.01, "sled"), "sled dogs": (0.03, "sled dogs")}
    world = evidence_of(
        dataset, [[0]], [[0], [0], [1]],
        terms={"item": [["fog"], [], []]}, texts={"item": texts}, rare={"item": rare},
    )  # fmt: skip
    assert world.common("item", (0, 1), 0) == ("fog", "sled", "Ann Lee")
    assert world.common("item", (0, 1)) == ("sled", "Ann Lee"), "no word twice"


def test_people_of_the_same_group_are_counted(world):
    factors, past = world.graph.factors("user"), world.people.histories
    found = [(u, i, r) for u, i, r in every_reason(world) if r.metapath == TASTE]
    assert len(found) > 20
    for user, item, reason in found:
        group = {n for n in range(len(past)) if n != user and reason.factor in factors[n]}
        alike = {n for n in group if item in past.of(n)}
        assert reason.factor in factors[user] and reason.weight > 0
        assert reason.people == len(alike)
        assert reason.sentence.startswith(
            f"In the graph, {len(alike)} of the {len(group)} others in a group with this person "
            "had it"
        )
        if reason.words:
            holders = {n for n in alike if reason.words[0] in words_in(world.texts["user"][n])}
            said = re.search(r"(?:that|those) of (\d+) of them", reason.sentence)
            assert len(holders) == (int(said[1]) if said else len(alike))


def test_people_who_had_both_are_counted():
    """Of the four others who had item 0, three had item 1 as the user did; one of six is alone."""
    both = [[1, 0, 5, 6]] * 3
    dataset = dataset_of(
        [[1, 2, 5, 6], *both, [0, 3, 5, 6], *[[4, 3, 5, 6]] * 3],
        7,
        items={"title": [f"Film {n}" for n in range(7)]},
    )
    world = evidence_of(dataset, [[0]] * 8, [[0], [1], [1], [1], [2], [2], [2]], did="watched")
    (reason,) = explain(world, np.array([1, 2]), 0, 0)
    assert reason.kind == "people" and reason.through == (1,) and reason.people == 3
    assert reason.sentence == (
        "3 of the 4 others who watched it also watched “Film 1”, 3 of them right before it."
    )
    assert reason.weight == pytest.approx(np.log2(0.75 / (4 / 8)) * 0.75 / 2**0.5)
    assert (reason.factor, reason.words) == (-1, ())


def test_what_was_had_at_one_time_came_neither_before_nor_after():
    rows = dataset_of([[1, 0, 2, 2], [1, 0, 2, 2], [3, 2, 2, 2]], 4)
    times = rows.interactions["time"].to_numpy().copy()
    times[:2] = 0  # the first user had both in one second
    same = type(rows)(rows.name, rows.users, rows.items, rows.interactions.with_columns(time=times))
    users, before = People(leave_one_out(same).histories(same)).went_before(0)
    assert users.tolist() == [1] and before.tolist() == [1]


def test_without_a_graph_there_are_people_alone(world):
    plain = Evidence(world.dataset, world.people)
    kinds = {reason.kind for _, _, reason in every_reason(plain)}
    assert kinds == {"people"}


def test_only_levels_that_were_read_give_reasons(world):
    seen = {"item": (1,), "user": ()}
    for _, _, reason in every_reason(world, levels=seen):
        assert reason.metapath != TASTE
        assert reason.metapath != FACTOR or 3 <= reason.factor < 6
    nothing = every_reason(world, levels={"item": (), "user": ()})
    assert {reason.kind for _, _, reason in nothing} == {"people"}


def test_sentences_by_hand():
    dataset = dataset_of(
        [[0, 1, 2, 3, 8, 9], [5, 6, 8, 9], [7, 6, 8, 9], [7, 7, 8, 9]],
        10,
        items={"title": ["A", "B", None, "D", "E", "F", "G", "H", "I", "J"]},
    )
    items = [[0], [0], [0], [0], [0], [0], [1], [1], [2], [2]]
    world = evidence_of(dataset, [[0], [0], [1], [1]], items)
    first, second = explain(world, np.array([0, 1, 2, 3]), 0, 5)
    assert first.sentence == "In the graph, 1 of the 1 others in a group with this person had it."
    assert first.weight == 1.0  # all who had it share a group that half of all are in
    assert second.sentence == (
        "In the graph, 4 of the 5 others in a group with it are in the history: "
        "“D”, “i2”, “B” and 1 more."
    )
    assert second.through == (3, 2, 1, 0)


def test_words_come_first_and_no_more_than_asked(world):
    for user, item in ((0, 1), (7, 3), (12, 4)):
        history = world.people.histories.of(user)
        every = explain(world, history, user, item, limit=99)
        order = [(not reason.words, -reason.weight) for reason in every]
        assert order == sorted(order)
        assert explain(world, history, user, item, limit=2) == every[:2]


def test_where_nothing_connects_nothing_is_said():
    dataset = dataset_of([[0, 1, 2, 3], [4, 5, 2, 3]], 6)
    world = evidence_of(dataset, [[0], [1]], [[0], [0], [2], [2], [1], [1]])
    assert explain(world, np.array([0, 1]), 0, 5) == []
    assert explain(world, np.array([0, 1]), 0, 2) == []  # only held-out edges


def test_held_out_interactions_are_no_reason(world):
    """Everybody's validation and test items change, and no reason does."""
    dataset, split = world.dataset, leave_one_out(world.dataset)
    items = dataset.interactions["item"].to_numpy().copy()
    for rows in (split.valid, split.test):
        items[rows] = (items[rows] + 5) % dataset.n_items
    changed = type(dataset)(
        dataset.name,
        dataset.users,
        dataset.items,
        dataset.interactions.with_columns(item=items),
    )
    codes = (world.graph.codes(side).tolist() for side in ("user", "item"))
    again = evidence_of(changed, *codes, terms=world.terms, texts=world.texts)
    assert list(every_reason(world)) == list(every_reason(again))


def test_a_person_who_had_it_twice_is_one_person():
    dataset = dataset_of([[0, 1, 4, 5], [2, 2, 2, 4, 5], [1, 3, 4, 5], [1, 3, 4, 5]], 6)
    world = evidence_of(dataset, [[0], [0], [1], [1]], [[0], [1], [2], [2], [2], [2]])
    (reason,) = explain(world, np.array([0, 1]), 0, 2)
    assert reason.sentence == "In the graph, 1 of the 1 others in a group with this person had it."


def test_each_step_of_a_way_is_joined_to_the_next_by_edges_of_the_graph(world):
    graph = world.graph
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
    world = evidence_of(dataset, users, items)
    every = explain(world, np.array([0, 1]), 0, 2)
    (reason,) = [reason for reason in every if reason.metapath == TASTE]
    assert reason.people == 7 and len(reason.steps[2]) == 5
    assert set(reason.steps[2]) <= {("user", n) for n in range(1, 8)}


def test_reasons_follow_the_history_that_is_given(world):
    """Who is said to have had other items gets the reasons of these, and no other."""
    changed = np.array([10, 11], dtype=np.int32)
    found = [
        reason
        for item in range(world.dataset.n_items)
        for reason in explain(world, changed, 3, item, limit=99)
        if reason.through
    ]
    assert found and all(set(reason.through) <= {10, 11} for reason in found)


def test_what_is_new_in_the_graph_has_reasons_too(world):
    graph = world.graph
    grown = insert_user(insert_item(graph, graph.item_codes[2]), graph.user_codes[0], [2])
    item, user = graph.n_items, graph.n_users
    known = Evidence(world.dataset, world.people, grown, world.terms, {}, world.texts)
    reasons = explain(known, np.array([2]), user, item, limit=99)
    shared = [r for r in reasons if r.metapath == FACTOR]
    assert len(shared) == 2 and all(r.through == (2,) and not r.words for r in shared)
    assert all(r.steps[0] == (("user", user),) for r in shared)


def told_of(falls, without=((14, 3), (9, 2)), whole=True):
    return LeftOut(np.array([4, 7]), np.array([2, 1]), np.array(without), np.array(falls), whole)


def test_what_was_measured_names_the_item_that_moved_it_most(world):
    said = told_of(((11, 2), (7, 1)))
    one = measure(world, said, 0, 9, {"item": (), "user": ()})
    assert one.sentence == (
        "Without “Film 4” in the history it would stand at rank 14 instead of 2."
    )
    assert one.kind == "measured" and one.decisive and one.through == (4,) and not one.words


def test_where_no_item_of_the_history_decides_that_is_said(world):
    one = measure(world, told_of(((0, 2), (-1, 1))), 0, 9)
    assert one.sentence == (
        "No single item of the history decides it: take any one away, and nothing else "
        "overtakes it."
    )
    assert not one.decisive
    some = measure(world, told_of(((0, 2), (0, 1)), whole=False), 0, 9)
    assert some.sentence.startswith("No single one of the latest 2 items decides it")
    nothing = LeftOut(np.zeros(0, int), np.array([1]), np.zeros((0, 1)), np.zeros((0, 1)), False)
    assert measure(world, nothing, 0, 9) is None


def test_words_are_said_with_what_was_measured_where_the_recommender_read_factors(world):
    """Film 4 and item 9 have a word in common; a recommender without the graph never saw it."""
    texts = {"item": ["fog" if n in (4, 9) else "" for n in range(12)]}
    rare = {"item": {"fog": (0.01, "fog")}}
    known = Evidence(world.dataset, world.people, world.graph, {}, rare, texts)
    said = told_of(((11, 2), (7, 1)))
    with_graph = measure(known, said, 0, 9, {"item": (0, 1), "user": ()})
    assert with_graph.words == ("fog",)
    assert with_graph.sentence.endswith("instead of 2; the descriptions of both mention ‘fog’.")
    assert not measure(known, said, 0, 9, {"item": (), "user": (0,)}).words
