"""What an ask is answered with, and what is said of it; the recommender is one made by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from fake_asks import FakeAsks, make_asking

from app.results.asking import compare_answers, hops, neighbours
from app.results.queries import Space, asked_before
from data.dataset import Histories
from data.errors import ArtifactError, DataError
from data.log import Log
from recommend.protocols import Asks

ADA, BO, CY = range(3)
WAR, BEES, ICE, NONE = range(4)


def test_the_fake_is_one_that_can_be_asked() -> None:
    assert isinstance(FakeAsks(), Asks)


class TestAnswers:
    def test_items_are_ranked_by_the_product_and_what_was_had_is_left_out(self) -> None:
        asking = make_asking()
        found = asking.answer(BO, WAR, 3).offers
        # Products are 1 or 0 for the meaning, and the number of the item in hundredths.
        assert [offer.item for offer in found] == [1, 0, 5]
        assert [offer.score for offer in found] == pytest.approx([1.01, 1.0, 0.05])
        assert [offer.item for offer in asking.answer(ADA, WAR, 9).offers] == [1, 3, 4, 5]
        again = replace(asking, repeats=True)
        assert [offer.item for offer in again.answer(ADA, WAR, 9).offers] == [0, 1, 2, 3, 4, 5]

    def test_what_is_no_number_is_not_ranked(self) -> None:
        asking = make_asking()
        broken = asking.of.base_items.copy()
        broken[3] = np.nan

        class Broken(FakeAsks):
            base_items = broken

        with pytest.raises(ArtifactError, match="1 of 6 scores of this ask are no finite"):
            replace(asking, of=Broken()).answer(BO, WAR, 3)

    def test_what_of_the_ask_each_has_is_counted(self) -> None:
        asking = make_asking()
        first, second, third = asking.answer(BO, WAR, 3).offers
        assert (first.has, first.words, third.has, third.words) == (1, ("war",), 0, ())
        assert asking.tell_offer(first) == "It has this meaning. Its description says ‘war’."
        assert asking.tell_offer(third) == "It does not have this meaning."
        assert asking.tell_offer(replace(first, has=0)) == (
            "It does not have this meaning, though its description says ‘war’."
        )
        assert asking.tell_found(first) == "Its description says ‘war’."
        answer = asking.answer(BO, WAR, 3)
        assert asking.tell_answer(answer).startswith("2 of these 3 films have the meaning")
        assert (first.later, second.later, third.later) == (True, True, False)

    def test_what_was_never_met_in_training_is_said(self) -> None:
        asking = make_asking()
        assert asking.tell_training() == ""
        assert (
            "never met a film beside the meaning" in replace(asking, asked="latest").tell_training()
        )

    def test_who_says_nothing_is_taken_to_go_on(self) -> None:
        asking = make_asking()
        assert (asking.usual(ADA), asking.usual(BO), asking.usual(CY)) == (WAR, ICE, BEES)
        assert asking.other(CY, BEES) == WAR, "the other meaning of the own history"
        assert asking.other(BO, ICE) == WAR, "the first of the largest"


class TestRegions:
    def test_edges_are_named_and_those_beside_who_asks_come_first(self) -> None:
        asking = make_asking()
        region = asking.of.region(ADA, BEES)
        assert hops(region).tolist() == [0, 0, 1, 1, 1, 1, 2]
        table = asking.edges(region)
        assert table["hop"].to_list() == [1, 1, 1, 1, 2]
        assert table.row(0, named=True) == {
            **{"hop": 1, "by": "Ada", "node": "Hive", "type": "film"},
            **{"relevance": 0.5, "weight": 0.5, "share": 1.0},
        }
        assert table.row(4, named=True)["node"] == "Ada" and table["type"][4] == "person"
        assert table["by"].to_list() == ["Ada", "Ada", "bees, queen", "bees, queen", "Sea War"]

    def test_what_was_read_is_counted_by_who_hears_it(self) -> None:
        asking = make_asking()
        assert asking.tell_region(asking.of.region(ADA, BEES)) == (
            "To answer, 2 films around the person, 2 films around the meaning were read, and 1 "
            "around these."
        )

    def test_what_stays_and_what_leaves(self) -> None:
        asking = make_asking()
        first, second = (asking.answer(ADA, query, 2) for query in (BEES, ICE))
        assert neighbours(first.region) == (("item", 2), ("item", 0), ("item", 3), ("user", 0))
        move = compare_answers(first, second)
        assert move.stay == (("item", 2), ("item", 0), ("user", 0))
        assert move.leave == (("item", 3),)
        assert move.come == (("item", 4), ("item", 5))
        # Bees: 3, then of what is left the first; ice: 4 and 5.
        assert (move.same, move.gone, move.fresh) == ((), (3, 1), (4, 5))
        assert asking.tell_move(move) == (
            "Of the 4 neighbours read for the first, 3 are read for the second, too, and 1 are "
            "not; 2 others are. 0 of 2 films stand in both lists."
        )
        assert compare_answers(first, first).leave == ()


class TestWeights:
    @pytest.mark.parametrize("ego", ["user", "query"])
    def test_rows_sum_to_one_and_differ_when_the_ask_does(self, ego: str) -> None:
        asking = make_asking()
        weights = asking.weights(ego, CY, BEES)  # type: ignore[arg-type]
        rows = [part["weight"].to_list() for part in weights.partition_by("ask")]
        assert [sum(row) for row in rows] == pytest.approx([1.0] * len(rows))
        assert len({tuple(row) for row in rows}) > 1

    def test_meanings_vary_around_a_person_and_people_around_a_meaning(self) -> None:
        asking = make_asking()
        around = asking.weights("user", CY, BEES)
        assert around["name"].unique(maintain_order=True).to_list() == ["bees, queen", "war", "ice"]
        assert around["title"].unique(maintain_order=True).to_list() == ["Queen", "Hive", "Sea War"]
        expected = asking.of.coupling("user", CY, np.array([WAR]), np.array([3, 2, 0]))[0]
        assert around.filter(ask=WAR)["weight"].to_list() == pytest.approx(expected.tolist())
        beside = asking.weights("query", CY, BEES)
        names = beside["name"].unique(maintain_order=True).to_list()
        assert names[0] == "Cy" and sorted(names) == ["Ada", "Bo", "Cy"]
        assert asking.weights("query", CY, NONE).height == 0


class TestWords:
    def test_terms_decide_and_are_counted(self) -> None:
        queries = make_asking().queries
        first, second = queries.find("a queen at war")
        assert (first.query, second.query) == (WAR, BEES)
        assert first.told == "‘war’ stands in 2 of its 2 descriptions."
        assert queries.find("BEES")[0].query == BEES

    def test_descriptions_that_hold_a_word_are_counted_in_the_texts(self) -> None:
        """Two of the three have one, and in one of these it is a part of a longer word."""
        texts = ["The war of “War”, a film.", "Man-of-war.", None]
        one = replace(make_asking().queries, offsets=np.array([0, 3, 3, 3, 3]), texts=texts)
        one = replace(one, items=np.array([0, 1, 2]))
        assert one.find("war")[0].told == "‘war’ stands in 1 of its 2 descriptions."

    @pytest.mark.parametrize("words", ["“bees”", '"Bees"', "*bees*", "BEES QUEEN", "Bees (1990)"])
    def test_words_are_found_however_they_are_written(self, words: str) -> None:
        """In a description a name or what stands in quotation marks is one term, or none."""
        (found,) = make_asking().queries.find(words)
        assert found.query == BEES and "‘bees’ stands in 2" in found.told

    def test_those_beside_the_first_follow(self) -> None:
        def encode(text: str) -> np.ndarray:
            raise AssertionError(text)

        centres = np.array([[1, 0], [0.8, 0.6], [0, 1], [0, 0]], dtype=np.float32)
        space = Space(encode, np.zeros(2), centres, 0.5)
        first, second = make_asking(space).queries.find("war")
        assert (first.query, second.query) == (WAR, BEES)
        assert "near the first one: the cosine is 0.80, and more than 0.50" in second.told
        both = make_asking(space).queries.find("queen at war")
        assert [one.query for one in both] == [WAR, BEES], "none stands there twice"

    def test_nothing_near_is_nothing(self) -> None:
        assert make_asking().queries.find("submarine") == []

    def test_where_no_term_is_said_the_cosine_decides_above_chance(self) -> None:
        def encode(text: str) -> np.ndarray:
            return np.array([{"snow": [0.0, 0, 1], "tax": [0.6, 0.6, -1]}[text]], dtype=np.float32)

        vectors = np.eye(3, dtype=np.float32)[[0, 0, 1, 1, 2, 2]]
        codes = np.array([WAR, WAR, BEES, BEES, ICE, ICE])
        space = Space.of(vectors, codes, 4, encode)
        # Centred one-hot vectors of three kinds have a cosine of -1/2 with one another.
        assert space.least == pytest.approx(-0.5)
        assert space.cosines("snow") == pytest.approx([-0.5, -0.5, 1, 0], abs=1e-6)
        space = replace(space, least=0.4)
        (found,) = make_asking(space).queries.find("snow")
        assert found.query == ICE and "cosine is 1.00, and more than 0.40 counts" in found.told
        strict = make_asking(replace(space, least=0.9)).queries
        assert strict.find("tax") == []

    def test_ids_are_those_of_factors(self) -> None:
        queries = make_asking().queries
        assert "0-3" in queries and queries.number("0-3") == NONE
        with pytest.raises(DataError, match="no meaning '1-0'"):
            queries.number("1-0")


class TestLogs:
    def log(self) -> Log:
        rows = {
            "ask": [0, 0, 1, 2],
            "user": [0, 0, 1, 2],
            "query": [0, 0, 1, 0],
            "item": [1, 2, 1, 1],
            "time": [5, 5, 6, 90],
        }
        queries = pl.DataFrame(
            {"query_id": ["q1", "q2"], "text": ["space opera", "slow space film"]}
        )
        return Log(pl.DataFrame(rows), queries)

    def test_only_training_is_counted(self) -> None:
        """User 0 took item 2 in the test alone, and user 2 took item 1 again after training."""
        histories = Histories(np.array([0, 1, 2, 3]), np.array([1, 1, 1]), np.array([5, 6, 7]))
        queries = asked_before(self.log(), histories)
        assert queries.of(0).tolist() == [1] and queries.of(1).tolist() == [1]
        assert (queries.count(0, 1), queries.count(0, 2), queries.count(1, 1)) == (1, 0, 1)
        assert queries.sizes.tolist() == [1, 1]

    def test_rare_words_tell_more(self) -> None:
        histories = Histories(np.array([0, 0, 0, 0]), np.zeros(0, int), np.zeros(0, int))
        queries = asked_before(self.log(), histories)
        assert [one.query for one in queries.find("space opera")] == [0, 1]
        assert queries.find("slow space")[0].query == 1
        assert queries.find("slow space")[1].told == "It holds ‘space’."
        assert queries.find("garden") == []

    def test_a_name_is_found_by_one_of_its_words(self) -> None:
        queries = pl.DataFrame({"query_id": ["a", "b"], "text": ["Alfred Hitchcock", "“Space”"]})
        none = Histories(np.array([0, 0, 0, 0]), np.zeros(0, int), np.zeros(0, int))
        found = asked_before(Log(self.log().rows, queries), none)
        assert [one.query for one in found.find("hitchcock")] == [0]
        assert found.find("alfred HITCHCOCK")[0].told.startswith("It holds ‘alfred hitchcock’")
        assert [one.query for one in found.find("space")] == [1]

    def test_of_queries_that_hold_as_much_the_one_that_says_least_else_is_first(self) -> None:
        queries = pl.DataFrame({"query_id": ["a", "b"], "text": ["ship in space", "space"]})
        none = Histories(np.array([0, 0, 0, 0]), np.zeros(0, int), np.zeros(0, int))
        found = asked_before(Log(self.log().rows, queries), none).find("space")
        assert [one.query for one in found] == [1, 0]

    def test_what_is_said_of_a_log_is_of_a_log(self) -> None:
        histories = Histories(np.array([0, 1, 2, 3]), np.array([1, 1, 1]), np.array([5, 6, 7]))
        asking = replace(make_asking(), queries=asked_before(self.log(), histories))
        offer = asking.answer(CY, 0, 1).offers[0]
        assert (offer.item, offer.words) == (1, ())
        assert asking.tell_offer(offer) == "Taken 1 time in training by who asked for this."
        assert asking.has(offer) == "taken for it"
        assert asking.has(replace(offer, has=0)) == "not taken for it"
        assert "asked for last" in asking.tell_usual()
        assert asking.tell_answer(asking.answer(CY, 0, 2)).startswith("1 of these 2 films was")
