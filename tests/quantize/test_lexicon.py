"""A factor seen from all sides, on codes small enough to work out by hand."""

import numpy as np
import polars as pl
import pytest

from quantize.codes import Codes
from quantize.describe import FactorDescriptions
from quantize.fit import fit_codes, gaps, residuals
from quantize.lexicon import Lexicon
from quantize.settings import RqKMeansConfig, RqVaeConfig
from quantize.terms import Mentions

TEXTS = ["space war", "Space Opera", "a house of fog", "fog", "space fog"]
CODES = np.array([[0, 1], [0, 0], [1, 1], [1, 1], [0, 1]], np.int32)
GAPS = np.array([[0.3, 0], [0.1, 0], [0.5, 0], [0.4, 0], [0.2, 0]])
BOOKS = np.array([[[0.0, 0], [3, 4], [1, 0]], [[0, 0], [0, 1], [9, 9]]], np.float32)


@pytest.fixture
def lexicon() -> Lexicon:
    names = [
        ("space", ["space", "war"]),
        ("fog", ["fog"]),
        ("", []),
        ("", []),
        ("odd", []),
        ("", []),
    ]
    near = (None, None, 0, 1, None, 1)
    rows = [
        (at // 3, at % 3, label, terms, [2.0 - i for i in range(len(terms))], 0, [], near[at])
        for at, (label, terms) in enumerate(names)
    ]
    columns = ["level", "code", "label", "terms", "weights", "size", "exemplars", "near"]
    table = pl.DataFrame(rows, schema=columns, orient="row")
    ids = tuple("abcde")
    return Lexicon(Codes(ids, CODES, BOOKS), FactorDescriptions(table, 3), GAPS, Mentions(TEXTS))


def test_members_stand_in_order_of_distance(lexicon):
    members = lexicon.members(0, 0)
    assert members["id"].to_list() == ["b", "e", "a"]
    assert members["codes"].to_list() == ["0-0", "0-1", "0-1"]
    assert members["distance"].to_list() == pytest.approx([0.1, 0.2, 0.3])
    assert lexicon.members(0, 2).height == 0


def test_a_name_is_said_with_the_number_of_texts_that_hold_its_words(lexicon):
    """Three have factor 0-0: space stands in all of their texts, and war in one."""
    table = lexicon.descriptions.table.with_columns(
        label=pl.Series(["space, war", *lexicon.descriptions.labels[1:]])
    )
    told = Lexicon(lexicon.codes, FactorDescriptions(table, 3), GAPS, lexicon.mentions)
    assert told.told(0, 0) == "‘space’ in 3, ‘war’ in 1 of 3 texts"
    assert told.told(0, 2) == "" and told.name(0, 2) == "near ‘space’ (0-2)"


def test_terms_are_counted_here_and_everywhere(lexicon):
    terms = lexicon.terms(0, 0)
    assert terms["term"].to_list() == ["space", "war"]
    assert terms["here"].to_list() == pytest.approx([1, 1 / 3])
    assert terms["everywhere"].to_list() == pytest.approx([3 / 5, 1 / 5])
    assert terms["score"].to_list() == [2, 1]
    assert lexicon.terms(1, 1).height == 0


def test_neighbours_are_used_codes_by_distance(lexicon):
    """Code 2 lies nearer to code 0 than code 1 does, and nobody has it."""
    near = lexicon.neighbours(0, 0)
    assert near.rows() == [(1, "fog", 2, 5.0)]
    assert lexicon.neighbours(1, 0)["label"].to_list() == ["odd"]


def test_factors_beside_count_shared_members(lexicon):
    assert lexicon.beside(0, 0).rows() == [(1, 1, "odd", 2), (1, 0, "near ‘odd’ (1-0)", 1)]
    assert lexicon.beside(0, 2).rows() == []


def test_contrast_shows_the_terms_of_all_in_all(lexicon):
    table = lexicon.contrast(0, [0, 1, 2])
    shares = {(term, code): share for term, code, share in table.rows()}
    assert shares["space", 0] == 1 and shares["space", 1] == 0
    assert shares["fog", 0] == pytest.approx(1 / 3) and shares["fog", 1] == 1
    assert shares["fog", 2] == 0  # nobody has that code
    assert table["term"].unique(maintain_order=True).to_list() == ["space", "war", "fog"]


@pytest.mark.parametrize(
    "config", [RqVaeConfig(k=8, dim=4, hidden=(16,), epochs=4), RqKMeansConfig(k=8)]
)
def test_what_is_left_adds_up_to_the_vector(config, make_vectors, tmp_path):
    vectors = make_vectors(80)
    fitted = fit_codes(vectors, config, tmp_path, seed=0)
    left = residuals(fitted, vectors.matrix)
    assert left.shape[:2] == (4, 80)
    np.testing.assert_allclose(left[0], left[3] + fitted.codes.decode(), atol=1e-5)
    book = fitted.codes.codebooks[1]
    nearest = np.square(left[1][:, None] - book).sum(2)
    np.testing.assert_allclose(gaps(left)[:, 1] ** 2, nearest.min(1), rtol=1e-3, atol=1e-5)
