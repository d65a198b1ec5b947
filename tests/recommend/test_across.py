"""Lists of one domain, histories of one, and ways from one to another: counted again by hand."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from small_worlds import checkerboard, codes_of, config_of, dataset_of, graph_of, model_of

from data.dataset import histories
from data.domains import Domains
from data.errors import DataError
from data.names import NOUNS
from data.split import leave_one_out
from graph.build.latent import build_graph
from recommend.fit.training import fit_model
from recommend.judge.recommend import recommend
from recommend.reasons.across import bridges, tell_limits, tell_none
from recommend.reasons.explain import Evidence, People
from recommend.reasons.showcase import Asked, assemble
from recommend.reasons.what_if import Ready, moves, ranks_of
from recommend.settings import ModelConfig, TrainConfig
from recommend.settings.tokens import TokensConfig
from recommend.sources import Sources

WORDS = ("ice", "rope", "reef", "judge", "circus", "fog")
FACTOR = "user > item > item_factor > item"


def in_domains(dataset, seed=0):
    """Every third item is a book, the others are films."""
    domain = ["book" if n % 3 == 0 else "film" for n in range(dataset.n_items)]
    rows = [dataset.interactions.filter(user=u)["item"].to_list() for u in range(dataset.n_users)]
    titles = [f"Work {n}" for n in range(dataset.n_items)]
    return dataset_of(rows, dataset.n_items, items={"title": titles, "domain": domain})


@pytest.fixture(scope="module")
def world():
    """People have what they like, and texts hold one to three of six words at random."""
    rng = np.random.default_rng(0)
    dataset = in_domains(checkerboard(n_users=40, n_items=24))
    split = leave_one_out(dataset)
    codes = [codes_of(side, rng.integers(4, size=(n, 2)), 4) for side, n in (("u", 40), ("i", 24))]
    texts = {"item": [" and ".join(rng.choice(WORDS, rng.integers(1, 4))) for _ in range(24)]}
    terms = {"item": [list(rng.permutation(WORDS)[:4]) for _ in range(8)]}
    people, graph = People(split.histories(dataset)), build_graph(dataset, split, *codes)
    domains = Domains.of(dataset)
    return Evidence(dataset, people, graph, terms, texts=texts, domains=domains)


def every_bridge(evidence):
    past, domains = evidence.people.histories, evidence.domains
    for user in range(len(past)):
        for item in range(evidence.dataset.n_items):
            if item not in past.of(user):
                for one in bridges(evidence, domains, past.of(user), user, item, limit=99):
                    yield user, item, one


def short(share):
    return f"{100 * share:.0f}%" if share >= 0.1 else f"{100 * share:.2g}%"


def test_people_are_counted_in_training_without_the_person_asked_about(world):
    rows = [set(world.people.histories.of(u).tolist()) for u in range(40)]
    names, told = world.domains.names, 0
    for user, item, reason in every_bridge(world):
        if reason.kind != "people":
            continue
        (one,) = reason.through
        others = [rows[u] for u in range(40) if u != user]
        both = sum(one in row and item in row for row in others)
        who, had = (sum(it in row for row in others) for it in (one, item))
        assert one in rows[user] and world.domains.of_item[one] != world.domains.of_item[item]
        assert both >= 2 and both / who > had / 39 and reason.people == both
        a, b = (names[world.domains.of_item[it]] for it in (one, item))
        assert reason.sentence == (
            f"{both} of the {who} others who had “Work {one}” ({a}) also had this ({b}): "
            f"{short(both / who)}, and of all others {short(had / 39)}."
        )
        assert all(one in rows[u] and item in rows[u] and u != user for _, u in reason.steps[2])
        told += 1
    assert told > 50


def test_groups_hold_all_that_is_named_and_words_stand_in_every_text(world):
    factors, said = world.graph.factors("item"), 0
    for user, item, reason in every_bridge(world):
        if reason.metapath != FACTOR:
            continue
        ends = [*reason.through, item]
        assert all(reason.factor in factors[one] for one in ends)
        assert set(reason.through) <= set(world.people.histories.of(user).tolist())
        assert {world.domains.of_item[one] for one in reason.through} != {
            world.domains.of_item[item]
        }
        size = (factors == reason.factor).any(1).sum()
        assert f"are in a group of {size}" in reason.sentence
        assert re.findall(r"‘(.+?)’", reason.sentence) == list(reason.words)
        texts = [world.texts["item"][one].split() for one in ends]
        assert all(word in text for word in reason.words for text in texts)
        said += bool(reason.words)
    assert said > 20


def test_words_are_those_of_both_texts_that_few_texts_have(world):
    """Where no group does; the fewest texts are here those with the word "fog"."""
    texts = [*world.texts["item"]]
    rare = {"item": {"fog": (0.1, "fog"), "ice": (0.2, "ice")}}
    lonely = replace(world, graph=None, rare=rare)
    said = 0
    for user, item, reason in every_bridge(lonely):
        if reason.kind != "words":
            assert reason.kind == "people"
            continue
        (one,) = reason.through
        assert one in world.people.histories.of(user)
        assert world.domains.of_item[one] != world.domains.of_item[item]
        both = set(texts[one].split()) & set(texts[item].split()) & {"fog", "ice"}
        assert set(reason.words) == both and reason.words
        assert f"“Work {one}”" in reason.sentence and reason.sentence.startswith("The descriptions")
        said += 1
    assert said > 20
    past = world.people.histories.of(3)
    silent = {"item": ()}
    for item in set(range(24)) - set(past.tolist()):
        found = bridges(lonely, world.domains, past, 3, item, levels=silent, limit=9)
        assert all(one.kind == "people" for one in found), "it read no texts"


def test_where_there_is_no_bridge_it_says_so(world):
    rows, found = [set(world.people.histories.of(u).tolist()) for u in range(40)], 0
    for user in range(40):
        for item in set(range(24)) - rows[user]:
            history = world.people.histories.of(user)
            if bridges(world, world.domains, history, user, item):
                continue
            told = tell_none(world, world.domains, history, item, None)
            afar = [
                i for i in rows[user] if world.domains.of_item[i] != world.domains.of_item[item]
            ]
            assert ("alone" in told) == (not afar)
            factors = world.graph.factors("item")
            assert not any(set(factors[i]) & set(factors[item]) for i in afar)
            for one in afar:
                others = [rows[u] for u in range(40) if u != user]
                both, who = (sum({one, *more} <= row for row in others) for more in ([item], []))
                assert both < 2 or both * 39 <= who * sum(item in row for row in others)
            found += 1
    assert found


def test_a_code_that_a_recommender_does_not_read_is_no_bridge(world):
    past = world.people.histories
    for levels, some in (({"item": ()}, False), ({"item": (0,)}, True)):
        found = [
            one.factor
            for user in range(9)
            for item in range(24)
            for one in bridges(world, world.domains, past.of(user), user, item, levels=levels)
            if one.kind == "path"
        ]
        assert bool(found) == some and all(factor < 4 for factor in found)


def test_ranks_count_what_is_ranked_alone():
    """Scores .9 .8 .7 .6 .5; 0 is had and 1 of another domain."""
    among = np.array([True, False, True, False, True])
    scores = np.array([0.9, 0.8, 0.7, 0.6, 0.5])
    assert ranks_of(scores, [0], among).tolist() == [0, 0, 1, 0, 2]
    assert among.tolist() == [True, False, True, False, True], "what was given stays as it was"


@pytest.fixture(scope="module")
def ready():
    dataset = in_domains(checkerboard())
    return Ready.of(model_of(dataset, None, config_of("sasrec", "none"))), dataset


def test_a_list_of_one_domain_is_the_whole_list_without_the_others(ready):
    model, dataset = ready
    among, past = Domains.of(dataset).holds("film"), leave_one_out(dataset).histories(dataset)
    for user in range(6):
        history = past.of(user)
        whole = moves(model, user, history, history[:-1], 99)
        some = moves(model, user, history, history[:-1], 99, among)
        assert some["item"].to_list() == [i for i in whole["item"] if among[i]]
        assert some["rank"].to_list() == list(range(1, len(some) + 1))
        asked = moves(model, user, history, history, 99, among)["item"].to_numpy()
        left = model.left_out(user, history, asked, among=among)
        for at, one in enumerate(left.items):
            rest = history[history != one]
            ranks = ranks_of(model.scores(user, rest), rest, among)
            assert left.without[at].tolist() == ranks[asked].tolist()


def test_what_is_held_back_is_not_read_and_may_be_recommended(ready):
    model, dataset = ready
    split, domains = leave_one_out(dataset), Domains.of(dataset)
    film, book = domains.holds("film"), domains.holds("book")
    found = recommend(model.model, dataset, split, range(12), 99, book, film).table
    every, known = histories(dataset.interactions, dataset.n_users), split.histories(dataset)
    for user in range(12):
        mine, past = found.filter(user=user), every.of(user)
        assert sorted(mine["item"]) == np.flatnonzero(book).tolist(), "also those held back"
        alone = every.only(film).of(user)
        assert alone.tolist() == [i for i in past if film[i]]
        scores = model.model.scores
        one = next(iter(scores(asked_of(every.only(film), known.only(film).lengths, user))))[1][0]
        assert mine["score"].to_list() == pytest.approx(one[mine["item"].to_numpy()].tolist())


def asked_of(past, known, user):
    from recommend.protocols import Asked as OfUsers

    return OfUsers(past, np.array([user]), known)


class Apart:
    """Scores an item by how many of its own domain are in the history."""

    def __init__(self, domains):
        self.domains, self.n_items = domains, len(domains.of_item)

    def after(self, user, histories, known):
        for items in histories:
            yield torch.from_numpy(self.domains.counts(items)[self.domains.of_item]).float()


def simple(dataset, backbone, scratch):
    """One that takes no enhancer, after an epoch where it learns."""
    given = {"backbone": {"name": backbone}, "enhancer": {"name": "none"}, "width": 8}
    split, config = leave_one_out(dataset), ModelConfig.model_validate(given)
    settings = TrainConfig(epochs=1)
    fitted = fit_model(dataset, split, Sources(), config, settings, seed=0, scratch=scratch)
    return Ready.of(fitted)


def test_what_a_recommender_cannot_do_is_said(ready, tmp_path):
    model, dataset = ready
    nouns, past = NOUNS["any"], leave_one_out(dataset).histories(dataset)
    one, other = past.of(0), past.of(1)
    assert tell_limits(model, 0, one, other, 3, nouns) == []
    counted = simple(dataset, "popularity", tmp_path / "p")
    (told,) = tell_limits(counted, 0, one, other, 3, nouns)
    assert "scores every item just the same: what a person chose changes nothing" in told
    domains = Domains.of(dataset)
    book = ("book", domains.holds("book"))
    (told,) = tell_limits(counted, 0, one, other, 3, nouns, book)
    assert "scores every item of book just the same" in told
    assert tell_limits(model, 0, one, other, 3, nouns, book) == []
    apart = Ready(model.model, Apart(domains))
    (told,) = tell_limits(apart, 0, one, other, 3, nouns, book)
    assert "Asked after other items of other domains" in told and "carries nothing over" in told
    towers = simple(dataset, "lightgcn-cf", tmp_path / "l")
    (told,) = tell_limits(towers, 0, one, other, 3, nouns)
    assert "a vector of this person that training left, with all 3 items" in told
    assert tell_limits(towers, 0, one, other, 0, nouns) == []
    ours = Ready.of(model_of(dataset, graph_of(dataset), config_of("sasrec", "autograph")))
    (told,) = tell_limits(ours, 0, one, other, 3, nouns)
    assert "also knows this person by what was made of all of training" in told


@pytest.mark.parametrize(
    ("moment", "sides", "remembers"),
    [
        ("each", ["user", "item"], False),
        ("whole", ["user", "item"], True),
        ("whole", ["item"], False),
    ],
)
def test_tokens_know_a_person_by_training_only_where_they_read_its_own_vector(
    ready, moment, sides, remembers
):
    of = ready[0]
    enhancer = TokensConfig(moment=moment, sides=sides)
    config = of.model.config.model_copy(update={"enhancer": enhancer})
    changed = Ready(replace(of.model, config=config), of.answers)
    one, other = np.array([0, 1]), np.array([2, 3])
    told = tell_limits(changed, 0, one, other, 3, NOUNS["any"])
    assert any("also knows this person" in one for one in told) == remembers


def test_reasons_of_a_list_of_one_domain_begin_with_what_was_measured_in_it(ready):
    model, dataset = ready
    case = assemble(dataset, leave_one_out(dataset))
    among, history = case.domains.holds("book"), case.histories.of(2)
    items = moves(model, 2, history, history, 3, among)["item"].to_list()
    for item, whys in zip(
        items, case.whys(history, 2, items, Asked(model, 2, among=among), 4), strict=True
    ):
        assert whys[0].reason.kind == "measured" and whys[1].reason.across
        found = bridges(case.evidence, case.domains, history, 2, item, levels={"item": ()})
        told = tell_none(case.evidence, case.domains, history, item, {"item": ()})
        assert [why.reason.sentence for why in whys if why.reason.across] == [
            *(one.sentence for one in found)
        ] or [told]
    for whys in case.whys(history, 2, items, Asked(model, 2), 4):
        assert not any(why.reason.across for why in whys), "everything is ranked"


def test_a_domain_that_is_not_there_is_told_with_the_nearest():
    found = Domains.of(in_domains(checkerboard()))
    assert found.names == ("book", "film") and found.holds("book").sum() == 4
    with pytest.raises(DataError, match="no domain 'films'; the nearest is 'film' of book, film"):
        found.holds("films")
    with pytest.raises(DataError, match="no domain 'x'; there are book, film"):
        found.holds("x")
    with pytest.raises(DataError, match="the items of this data set are in one domain"):
        Domains.of(checkerboard()).holds("book")


def test_an_attribute_of_that_name_that_some_lack_is_no_domain():
    items = {"domain": ["a", None, "b"]}
    assert len(Domains.of(dataset_of([[0, 1, 2, 2]], 3, items=items))) == 1
