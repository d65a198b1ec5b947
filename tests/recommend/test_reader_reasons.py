"""Why an export shows an item, and what is new to it: counted by hand on six items."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from data.dataset import Histories
from data.errors import ConfigError, DataError
from recommend.serve.arrays import write_export
from recommend.serve.folder import Content, write_folder
from recommend.serve.reader import Ask, Export
from recommend.serve.terms import Terms
from recommend.serve.why import Moved

ITEMS = pl.DataFrame(
    {
        "item_id": ["a", "b", "c", "d", "e", "f"],
        "title": ["Night train", "Night bus", "Day train", "Garden", "Rose garden", None],
        "genres": [["noir"], ["noir", "road"], ["road"], ["calm"], ["calm"], None],
        "maker": ["Ada", "Ada", "Bob", "Bob", "Cleo", None],
        "year": [1950, 1951, 1952, 1953, 1954, None],
    }
)
USERS = pl.DataFrame({"user_id": ["u0", "u1", "u2", "u3"]})
HAD = [[0, 1], [0, 1, 2], [0, 3], [3, 4]]


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Export:
    """Night and day lie on one axis, gardens on another."""
    items = np.array([[2, 0], [3, 0], [1, 0], [0, 1], [0, 2], [0, 0]], np.float32)
    users = np.array([[1, 0.1], [1, 0.2], [0.5, 0.4], [0, 1]], np.float32)
    folder = tmp_path_factory.mktemp("exports") / "a"
    write_export(folder, items, users, HAD, ITEMS, USERS)
    return Export.open(folder)


def test_reasons_are_counts_without_the_one_who_asks(export: Export) -> None:
    why = export.explain("c", user="u0")
    assert why.rank == 1 and why.score == pytest.approx(1.0)
    assert why.reasons == (
        "genres: road. It has this, and so Night bus has.",
        "The one other who had Night bus had this, too.",
        "1 of the 2 others who had Night train had this, too.",
    )
    again = export.explain("b", history=("c", "a"))
    assert "2 of the 3 others who had Night train had this, too." in again.reasons
    assert "The one other who had Day train had this, too." in again.reasons


def test_what_is_left_out_of_a_history_moves_the_rank(export: Export) -> None:
    """The mean of a (2, 0) and e (0, 2) is (1, 1): b has 3, c and d 1, f 0."""
    why = export.explain("d", history=("a", "e"))
    assert why.rank == 3
    # without e it is (2, 0): b has 6, c 2, d and f 0, so d stays third; without a it is (0, 2)
    assert why.moved == (Moved("a", 1),)


def test_an_item_that_was_had_twice_is_left_out_whole(export: Export) -> None:
    """The mean of a, e and a is (4/3, 2/3): b has 4, c 4/3, d 2/3; without a, d has all."""
    why = export.explain("d", history=("a", "e", "a"))
    assert why.rank == 3 and why.moved == (Moved("a", 1),)


@pytest.mark.parametrize("moves", [True, False])
def test_ranks_of_a_history_read_anew_are_told_where_there_are_some(
    export: Export, tmp_path: Path, moves: bool
) -> None:
    """u3 had d and e; of a matrix that has one number, without d item f loses the first place."""
    matrix = np.zeros((6, 6), np.float32)
    matrix[3, 5] = moves
    part = {"kind": "matrix", "scale": 1.0, "recency": 1.0, "last": None}
    about = {"weights": {"a": part}, "history": {"answered_by": "weights", "note": ""}}
    arrays = {"weights": {"a.dense": matrix}}
    content = Content("weights", USERS, ITEMS, export.histories, arrays, about=about)
    write_folder(tmp_path / "a", content)
    why = Export.open(tmp_path / "a").explain("f", user="u3")
    assert why.moved == ((Moved("d", 4),) if moves else ())
    assert any("read anew" in note for note in why.notes) == moves


def test_nothing_shared_is_said(export: Export) -> None:
    why = export.explain("f", user="u3")
    assert why.reasons == () and "Nothing of the history" in " ".join(why.notes)


def test_a_new_item_is_taken_for_those_that_match(export: Export) -> None:
    placed = export.newcomer("item", {"genres": ["calm"]}, "a garden", k=2)
    assert set(placed.alike.items) == {"d", "e"}
    assert placed.listing.items == ("u3", "u2")
    assert placed.listing.scores[0] == pytest.approx(1.5)
    assert "mean of the 2 items" in placed.notes[0]


def test_a_new_user_is_taken_for_a_history_or_for_what_is_said(export: Export) -> None:
    by_history = export.newcomer("user", history=("a", "nowhere"), k=1)
    assert by_history.listing.items == ("b",) and by_history.alike.items == ("a",)
    both = export.newcomer("user", {"genres": ["calm"]}, history=("a",), k=1)
    assert any("attributes and words are not looked at" in one for one in both.notes)
    assert not any("not looked at" in one for one in by_history.notes)
    by_words = export.newcomer("user", words="roses", attributes={"maker": "Cleo"}, k=1)
    assert by_words.alike.items == ("e",) and by_words.listing.items == ("e",)
    only = export.newcomer("user", words="garden", k=3, where={"maker": "Bob"})
    assert set(only.listing.items) == {"c", "d"}


def test_a_history_is_named_as_the_export_names_it_and_in_part(export: Export) -> None:
    placed = export.newcomer("user", history=(" a", "zzz", *"bcb", *["a"] * 900), k=1)
    assert placed.alike.items == ("c", "b", "a")
    with pytest.raises(ConfigError, match="of a new item users are listed"):
        export.newcomer("item", words="garden", where={"maker": "Bob"})
    with pytest.raises(DataError, match=r"'year' are no texts.*: title, genres, maker"):
        export.newcomer("item", {"year": 1950}, "garden")


def test_lists_say_from_where_on_they_are_not_whole(tmp_path: Path) -> None:
    """u0 had a, b; of the others d, e are listed: with a worse than both, c or f may be between."""
    items = np.array([[3, 4, 0, 1], *[[2, 3, 4, 5]] * 3], np.int32)
    scores = np.array([[0.9, 0.8, 0.1, 0.85], *[[4, 3, 2, 1]] * 3], np.float32)
    about = {"history": {"answered_by": "refused", "note": ""}, "lists": {"longest": 2}}
    ids = USERS.head(4), ITEMS
    past = Histories(np.array([0, 2, 2, 2, 2]), np.array([0, 1], np.int32), np.empty(0))
    arrays = {"lists": {"items": items, "scores": scores}}
    write_folder(tmp_path / "a", Content("lists", *ids, past, arrays, about=about))
    export = Export.open(tmp_path / "a")
    (fresh,) = export.recommend([Ask("u0", k=2)])
    assert fresh.items == ("d", "e") and not fresh.notes
    (sure,) = export.recommend([Ask("u0", k=3, again=True)])
    assert sure.items == ("d", "b", "e") and not sure.notes
    (unsure,) = export.recommend([Ask("u0", k=4, again=True)])
    assert unsure.items == ("d", "b", "e", "a") and "From place 4 on" in unsure.notes[0]
    (few,) = export.recommend([Ask("u0", k=6, again=True)])
    assert "Only 4 of the items" in few.notes[0]
    assert export.explain("b", "u0").rank == 2
    behind = export.explain("a", "u0")
    assert behind.rank is None and behind.score == pytest.approx(0.1)
    assert any("its rank is not known" in note for note in behind.notes)


def test_what_matches_most_is_first() -> None:
    """The score is the sum of log(1 + 6 / items that have a term) / √terms of the item."""
    terms = Terms(ITEMS)
    items, shares = terms.match({"maker": "Ada"}, "night")
    assert items.tolist() == [0, 1]
    assert shares[0] == pytest.approx(2 * np.log(4) / np.sqrt(4))
    assert shares[1] == pytest.approx(2 * np.log(4) / np.sqrt(5))


def test_what_cannot_be_placed_is_said(export: Export) -> None:
    with pytest.raises(DataError, match="No item shares"):
        export.newcomer("item", words="zzz")
    with pytest.raises(DataError, match="no attribute 'colour'"):
        export.newcomer("item", {"colour": "red"})
    with pytest.raises(ConfigError, match="Give attributes or words"):
        export.newcomer("user")
    with pytest.raises(ConfigError, match="no history"):
        export.newcomer("item", history=("a",))
    with pytest.raises(ConfigError, match="user or a history"):
        export.explain("a")
    with pytest.raises(DataError, match="no item 'q'"):
        export.explain("q", user="u0")


def test_what_was_had_is_told(export: Export) -> None:
    assert export.had("u1") == ("a", "b", "c")
