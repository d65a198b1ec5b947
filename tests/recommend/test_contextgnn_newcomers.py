"""ContextGNN and what it never met: a new item by what is said of it, a new user by a history."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import torch
from small_worlds import checkerboard, enliven, graph_of, sources_of

from data.dataset import Histories
from data.errors import ConfigError, DataError
from data.split import leave_one_out
from recommend.context.recommender import ContextGnn, Opened
from recommend.features import bags, categories
from recommend.model import Model
from recommend.newcomers.placing import reach, with_item, with_user
from recommend.protocols import Asked, World
from recommend.reasons.what_if import Ready, ranks_of
from recommend.settings import PLAIN, ModelConfig, TrainConfig
from recommend.sources import standardise

BOARD = checkerboard()
PAST = leave_one_out(BOARD).histories(BOARD)
USERS, ITEMS = categories(BOARD.users), categories(BOARD.items)
SOURCES = sources_of(BOARD, graph_of(BOARD))
TEXTS = standardise(SOURCES.item_vectors, SOURCES.item_vectors)
CODES = [1, 0]
WAYS = {
    "feature": {"items": "feature"},
    "fusion": {"items": "fusion"},
    "texts": {"items": "feature", "says": "texts"},
    "factors": {"items": "feature", "factors": True},
    "tower": {"items": "feature", "parts": "tower"},
    "pair": {"parts": "pair", "factors": True},
    "none": {"items": "feature", "time": "none", "reduce": "mean"},
}


def ready_of(**own: object) -> Ready:
    config = ModelConfig.model_validate(
        {
            "backbone": {"name": "contextgnn", "neighbours": 4, **own},
            "enhancer": {"name": PLAIN},
            "width": 8,
            "embedding_dropout": 0,
        }
    )
    torch.manual_seed(0)
    made = ContextGnn.of(config, World(BOARD, PAST, SOURCES, TrainConfig()))
    enliven(made.network)
    made.network.eval()
    ids = BOARD.user_ids, BOARD.item_ids
    return Ready.of(Model(config, made, *ids, pl.DataFrame()))


def bag_of(side: str, number: int):
    table, known = (BOARD.users, USERS) if side == "user" else (BOARD.items, ITEMS)
    return bags(table[number : number + 1], known)


def grown_by(ready: Ready, item: int = 2) -> Ready:
    return with_item(ready, CODES, bag_of("item", item), vector=TEXTS[item])


class TestANewItem:
    @pytest.mark.parametrize("name", ["feature", "texts", "factors", "tower", "none"])
    def test_is_what_it_would_be_had_it_always_been_there_unseen(self, name):
        """C12: the same weights over a catalogue with one more item, which nobody had."""
        ready = ready_of(**WAYS[name])
        grown, of = grown_by(ready), ready.answers.of
        table = pl.concat([BOARD.items, BOARD.items[2:3].with_columns(item_id=pl.lit("i12"))])
        codes = [[n // 2 % 2, n // 4 % 2] for n in range(12)]
        wide = replace(BOARD, items=table)
        sources = replace(
            sources_of(wide, graph_of(wide, item_codes=[*codes, CODES])),
            item_vectors=np.concatenate([SOURCES.item_vectors, SOURCES.item_vectors[2:3]]),
        )
        always = ContextGnn.of(of.config, World(wide, PAST, sources, TrainConfig()))
        always.network.load_state_dict(of.network.state_dict())
        if always.texts is not None:  # standardised over what was there
            always.network.texts[:] = torch.from_numpy(np.concatenate([TEXTS, TEXTS[2:3]]))
        always.network.eval()
        expected = torch.cat([s for _, s in always.scores(Asked(PAST, np.arange(24)))])
        for user in (0, 7, 22):
            found = grown.scores(user, PAST.of(user))
            assert found.shape == (13,)
            np.testing.assert_allclose(found, expected[user].detach(), rtol=1e-4, atol=1e-5)

    @pytest.mark.parametrize("name", ["feature", "fusion", "texts", "tower", "none"])
    def test_moves_nothing_else_where_no_path_leads_to_it(self, name):
        ready = ready_of(**WAYS[name])
        grown = grown_by(ready)
        np.testing.assert_allclose(
            grown.scores(3, PAST.of(3))[:-1], ready.scores(3, PAST.of(3)), rtol=1e-5, atol=1e-6
        )

    def test_gets_the_vector_of_those_of_whom_the_same_is_said(self):
        for name, twin in (("feature", 3), ("texts", 2)):  # 2 and 3 have the same attributes
            vectors = grown_by(ready_of(**WAYS[name])).answers.of.network.item_vectors()
            torch.testing.assert_close(vectors[-1], vectors[twin])
            assert not torch.allclose(vectors[-1], vectors[0])

    def test_in_fusion_its_own_part_is_the_mean_of_those_alike_by_how_often_they_were_had(self):
        ready, had = ready_of(**WAYS["fusion"]), np.bincount(PAST.items, minlength=12)
        network = ready.answers.of.network
        for told in (had, None):
            one = with_item(ready, None, bag_of("item", 2), np.array([1, 4]), had=told)
            shares = torch.from_numpy(had[[1, 4]] / had[[1, 4]].sum()).float()
            own = shares @ network.table.weight[[1, 4]]
            said = network.features(network.bags["item"]())[2]
            found = one.answers.of.network.item_vectors()[-1]
            torch.testing.assert_close(found, own + said)

    @pytest.mark.parametrize("name", ["factors", "pair"])
    def test_is_near_those_who_had_what_shares_its_factors(self, name):
        """A path over a factor leads to it, and a pair scores; over another one it does not."""
        ready = ready_of(**WAYS[name], hops=1, neighbours=64)
        asked = np.array([2, 3, 10])  # all have the codes 1 and 0
        history = Histories(np.array([0, *[3] * 24]), asked, np.arange(3))
        for codes, there in ((CODES, True), ([1, 1], True), ([0, 0], True), ([0, 1], False)):
            grown = with_item(ready, codes, bag_of("item", 2))
            ((_, near),) = grown.answers.of.surroundings(history, np.array([0]))
            assert (12 in near.items.tolist()) is there

    def test_who_would_be_shown_it(self):
        ready = ready_of(items="fusion", factors=True)
        grown = with_item(ready, CODES, bag_of("item", 2), np.array([1, 5, 8]))
        found = reach(grown, ready.everybody(PAST), PAST, 12, 3)
        by_hand = [ranks_of(grown.scores(u, PAST.of(u)), PAST.of(u))[-1] for u in range(24)]
        assert found.ranks.tolist() == by_hand and len(set(by_hand)) > 3

    @pytest.mark.parametrize(
        ("own", "codes", "why"),
        [
            ({}, CODES, "each item has a vector of its own"),
            ({"parts": "pair"}, CODES, "it scores what paths lead to, and nobody had this one"),
            (WAYS["factors"], None, "walks over the factors of items, and there is no descr"),
            (WAYS["texts"], CODES, "knows one by its text, and there is none"),
            (WAYS["feature"], CODES, "by its attributes, and it has none that training has seen"),
            (WAYS["pair"], [0, 2], "do not fit the recommender: it looks at 2 levels"),
        ],
    )
    def test_of_which_nothing_can_be_known_gets_a_sentence(self, own, codes, why):
        """C12: look-up refuses."""
        with pytest.raises(DataError, match=why):
            with_item(ready_of(**own), codes, bag_of("item", 6))  # 6 has no genres


class TestANewUser:
    @pytest.mark.parametrize("name", WAYS)
    def test_is_what_one_would_be_who_was_there_and_had_nothing_in_training(self, name):
        ready, of = ready_of(**WAYS[name]), None
        made = ready.answers.of
        fewer = replace(
            made.past,
            histories=Histories(
                PAST.offsets[:-1], PAST.items[: PAST.offsets[-2]], PAST.times[: PAST.offsets[-2]]
            ),
        )
        rest = {**made.bags, "user": bags(BOARD.users[:23], USERS)}
        weights = made.network.state_dict()
        of = ContextGnn.made(made.config, fewer, rest, made.texts)
        of.network.load_state_dict(weights)
        of.network.eval()
        grown, user, note = with_user(replace(ready, answers=Opened(of)), None, bag_of("user", 23))
        assert user == 23 and note == ""
        offsets = np.append(PAST.offsets[:-1], PAST.offsets[-2])
        idle = replace(fewer, histories=replace(fewer.histories, offsets=offsets))
        there = ContextGnn.made(made.config, idle, made.bags, made.texts)
        there.network.load_state_dict(weights)
        there.network.eval()
        ((_, expected),) = there.scores(Asked(PAST, np.array([23])))
        found = grown.scores(23, PAST.of(23))
        assert np.ptp(found) > 0
        np.testing.assert_allclose(found, expected[0].detach(), rtol=1e-4, atol=1e-5)

    def test_is_told_by_attributes_and_history(self):
        ready = ready_of()
        grown = [with_user(ready, None, bag_of("user", n)).ready for n in (0, 2)]
        first, second = (one.scores(24, np.array([3, 4])) for one in grown)
        assert not np.allclose(first, second), "other ages"
        assert not np.allclose(first, grown[0].scores(24, np.array([5, 4])))

    @pytest.mark.parametrize("name", WAYS)
    def test_may_have_had_the_new_item(self, name):
        grown = grown_by(ready_of(**WAYS[name]))
        grown, user, _ = with_user(grown, None, bag_of("user", 3))
        scores = grown.scores(user, np.array([12, 0]))
        assert scores.shape == (13,) and np.isfinite(scores).all()
        (seen,) = grown.answers.around(user, np.array([12, 0]), np.array([5]))
        assert seen.score == pytest.approx(scores[5], rel=1e-4, abs=1e-5)
        assert not np.allclose(scores, grown.scores(user, np.array([3, 0])))
        found = reach(grown, grown.everybody(PAST), PAST, 12, 3)
        assert len(found.ranks) == 24, "those who were there are asked as before"


def test_without_texts_their_vectors_are_asked_for():
    bare = replace(SOURCES, item_vectors=None)
    config = ModelConfig.model_validate(
        {"backbone": {"name": "contextgnn", **WAYS["texts"]}, "enhancer": {"name": PLAIN}}
    )
    assert config.needs == ("item_vectors",)
    with pytest.raises(ConfigError, match="no vectors of items' texts"):
        ContextGnn.of(config, World(BOARD, PAST, bare, TrainConfig()))
