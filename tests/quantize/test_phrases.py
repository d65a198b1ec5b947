"""Phrases of texts, against graphs worked out by hand."""

from __future__ import annotations

from math import log
from pathlib import Path

import numpy as np
import pytest

from data.errors import DataError
from quantize.phrases import Phrases, find_phrases
from quantize.settings import PhrasesConfig

THREE = [
    'Winona Ryder and a haunted house. Known from "Wag the Dog", Ryder meets a haunted house.',
    "In this haunted house, Winona Ryder finds a tap dancer.",
    "A tap dancer in Wag the Dog (1997).",
]
IDS = ("a", "b", "c")


def settings(**about: object) -> PhrasesConfig:
    return PhrasesConfig.model_validate({"least_texts": 2, "most_share": 1.0, **about})


def graph_of(phrases: Phrases) -> dict[str, set[str]]:
    """Phrases of each entity by id."""
    return {id: {name for name, _ in phrases.of(number)} for number, id in enumerate(phrases.ids)}


def test_the_phrase_graph_of_three_items() -> None:
    """Names whole, the parts of a name or of a longer phrase not, and nothing that one has."""
    found = find_phrases(IDS, THREE, settings())
    assert graph_of(found) == {
        "a": {"winona ryder", "haunted house", "wag the dog"},
        "b": {"winona ryder", "haunted house", "tap dancer"},
        "c": {"tap dancer", "wag the dog"},
    }
    assert found.offsets.tolist() == [0, 3, 6, 8]
    assert found.counts.tolist() == [2, 2, 2, 2]


def test_weights_are_tf_idf_of_the_text() -> None:
    """Over all candidates: of `a` four parts in lower case besides, of `c` two."""
    found = find_phrases(IDS, THREE, settings())
    idf = log((1 + 3) / (1 + 2)) + 1  # the same for all: each stands in two texts
    often = (1 + log(2)) * idf  # "haunted house", "haunted" and "house" stand twice in `a`
    length = np.sqrt(3 * often**2 + 2 * idf**2)
    assert dict(found.of(0)) == pytest.approx(
        {"haunted house": often / length, "winona ryder": idf / length, "wag the dog": idf / length}
    )
    length = np.sqrt(4 * idf**2)  # "tap dancer", "tap", "dancer", "wag the dog"
    assert dict(found.of(2)) == pytest.approx(
        dict.fromkeys(["tap dancer", "wag the dog"], idf / length)
    )


def test_the_weightiest_are_kept() -> None:
    found = find_phrases(IDS, THREE, settings(per_text=1))
    assert graph_of(found) == {"a": {"haunted house"}, "b": {"haunted house"}, "c": set()}
    assert found.names == ("haunted house",), "what c alone has among its best is no node"


def test_weightiest_phrases_that_join_nothing_get_a_sentence() -> None:
    texts = ["owl owl owl hen", "hen hen hen elk", "elk elk elk owl"]
    with pytest.raises(DataError, match=r"among the 1 weightiest.*Raise phrases\.per_text"):
        find_phrases(IDS, texts, settings(per_text=1))


def test_what_too_few_or_too_many_texts_hold_is_left_out() -> None:
    texts = [f"A haunted house, {other}" for other in ("tap dancer", "tap dancer", "sea", "fog")]
    four = ("a", "b", "c", "d")
    assert set(find_phrases(four, texts, settings()).names) >= {"haunted house"}
    assert set(find_phrases(four, texts, settings(most_share=0.5)).names) == {"tap dancer"}
    with pytest.raises(DataError, match=r"stands in 3 to 3 of the 4 texts.*phrases.least_texts"):
        find_phrases(four, texts, settings(least_texts=3, most_share=0.5))


def test_an_item_without_a_text_has_no_phrase() -> None:
    found = find_phrases((*IDS, "d", "e"), [*THREE, None, ""], settings())
    assert graph_of(found)["d"] == graph_of(found)["e"] == set()
    assert len(found) == 5 and len(found.offsets) == 6


def test_texts_without_words_get_a_sentence() -> None:
    with pytest.raises(DataError, match="describe the items in more words"):
        find_phrases(IDS, [None, "...", "the"], settings())


def test_phrases_survive_their_files(tmp_path: Path) -> None:
    found = find_phrases(IDS, THREE, settings())
    found.save(tmp_path)
    again = Phrases.load(tmp_path)
    assert (again.ids, again.names) == (found.ids, found.names)
    for name in ("offsets", "phrases", "weights"):
        np.testing.assert_array_equal(getattr(again, name), getattr(found, name))
        assert getattr(again, name).dtype == getattr(found, name).dtype
