import numpy as np
import pytest

from quantize.codes import Codes
from quantize.describe import FactorDescriptions, describe_factors
from quantize.terms import least_score, read_terms, telling

RNG = np.random.default_rng(0)
THEMES = ("alien spaceship and starfield", "haunted mansion with a ghost", "wedding bells, romance")
FILLER = ("gentle", "harsh", "brisk", "calm", "loud", "quiet", "narrow", "broad")


@pytest.fixture(scope="module")
def films():
    """Sixty texts of three themes, twenty each, with words that mean nothing between them."""
    texts = [
        f"The film, directed by Ann Bell, tells of {theme}: {' '.join(RNG.choice(FILLER, 3))}."
        for theme in THEMES
        for _ in range(20)
    ]
    first = np.repeat([0, 1, 2], 20)
    noise = RNG.integers(0, 4, 60)
    codes = np.stack([first, noise], 1).astype(np.int32)
    ids = tuple(f"i{n}" for n in range(60))
    return Codes(ids, codes, np.zeros((2, 4, 2), np.float32)), texts


def terms_of(*texts, titles=None):
    terms = read_terms(texts, titles)
    return [{terms.names[c] for c in row.indices} for row in terms.holds]


def test_terms_by_hand():
    first, second = terms_of(
        'A robot rebels. The film stars Will Smith; Smith also plays in "Lost Garden" (2001).',
        "The robot, like Will Smith in the 1980s, saw Other Garden (1999) and its lost robot.",
    )
    assert first == {"robot", "Will Smith"} and second == first


def test_function_words_are_those_of_scikit_learn_and_the_trade_s():
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    from quantize.stop_words import _FUNCTION, function_words

    assert set(_FUNCTION.split()) == ENGLISH_STOP_WORDS < function_words()


def test_pairs_that_belong_are_one_term():
    """Neighbours by habit are one term; neighbours by chance are two."""
    by_chance = ["copper pipes", "copper roofs", "copper coins", "silver coins", "tin coins"]
    held = terms_of(*["a serial killer hunts"] * 4, *by_chance, *["apples"] * 6)
    assert held[0] == {"serial killer", "hunts"}
    assert held[6] == {"copper", "coins"}


def test_a_title_is_no_term_in_its_own_text_nor_its_name_in_any():
    titles = ["Amber Fox (1990)", "Plain Day", None, *["Other"] * 4]
    texts = ["amber mines in Amber Fox", "amber mines as in Amber Fox", "amber mines"]
    held = terms_of(*texts, *["tin roofs"] * 4, titles=titles)
    assert held[:3] == [{"mines"}, {"amber", "mines"}, {"amber", "mines"}]


def test_scores_by_hand():
    """A word in all 3 texts of a group and in none of 3 others: root of 2 * 3 ln(3 / 1.5)."""
    terms = read_terms(["copper"] * 3 + ["silver"] * 3 + ["tin gold", "gold tin"])
    tells = telling(terms, np.array([0, 0, 0, 1, 1, 1, 2, 2]), 4)
    copper = terms.names.index("copper")
    at = tells.terms.tolist().index(copper)
    assert tells.groups[at] == 0 and tells.shares[at] == 1
    assert tells.scores[at] == pytest.approx(np.sqrt(2 * 3 * np.log(3 / (3 * 3 / 8))))
    assert tells.of(1).terms.tolist() == [terms.names.index("silver")]
    assert tells.of(3).terms.size == 0 and tells.best(4)[3] == 0


def test_terms_that_are_as_common_outside_tell_nothing():
    terms = read_terms(["iron ore", "iron zinc", "coal zinc", "coal ore"])
    by_first = telling(terms, np.array([0, 0, 1, 1]), 2)
    assert {terms.names[t] for t in by_first.terms} == {"iron", "coal"}
    assert telling(terms, np.zeros(4, int), 1).terms.size == 0


def test_labels_name_the_planted_themes_and_nothing_else(films):
    codes, texts = films
    factors = describe_factors(codes, texts)
    wanted = [{"alien", "spaceship", "starfield"}, {"haunted", "mansion", "ghost"}]
    for code, words in enumerate([*wanted, {"wedding", "bells", "romance"}]):
        label = factors.of(0, code)["label"]
        assert set(label.replace(",", "").split()) == words
    assert factors.labels[3] == "" and factors.of(0, 3)["size"] == 0
    assert factors.of(0, 0)["size"] == 20 and len(factors.labels) == 8
    assert set(factors.of(0, 1)["exemplars"]) <= set(codes.ids[20:40])


def test_codes_drawn_at_random_seldom_get_a_label(films):
    _, texts = films
    terms = read_terms(texts)
    labelled = []
    for seed in range(15):
        groups = np.random.default_rng(seed + 1).integers(0, 6, 60)
        labelled += (telling(terms, groups, 6).best(6) > least_score(terms, groups, 6)).tolist()
    assert np.mean(labelled) < 0.12


def test_names_that_few_share_give_no_label():
    texts = (
        ["Ada Lovelace weaves copper"] * 6 + ["copper wires"] * 18 + ["Bob Stone sells silver"] * 40
    )
    groups = np.repeat([0, 1], [24, 40])
    codes = Codes(tuple(map(str, range(64))), groups[:, None].astype(np.int32), np.zeros((1, 2, 1)))
    about = describe_factors(codes, texts).of(0, 0)
    assert "Ada Lovelace" in about["terms"] and "Ada Lovelace" not in about["label"]
    assert about["label"].startswith("copper")


def test_exemplars_that_say_as_much_are_those_nearest_to_the_code_vector():
    groups = np.repeat([0, 1], 6)[:, None].astype(np.int32)
    codes = Codes(tuple("abcdefuvwxyz"), groups, np.zeros((1, 2, 1)))
    texts = ["copper wires"] * 6 + ["silver spoons"] * 6
    gaps = np.array([3.0, 1, 6, 2, 5, 4, 1, 2, 3, 6, 5, 4])[:, None]
    factors = describe_factors(codes, texts, gaps=gaps, n_exemplars=3)
    assert factors.of(0, 0)["exemplars"] == ["b", "d", "a"]
    assert factors.of(0, 1)["exemplars"] == ["u", "v", "w"]


def test_every_factor_is_called_something_and_what_no_word_tells_by_its_nearest_named_relative():
    """Codes lie on a line: 0 is told by copper, 1 and 2 by nothing, 3 by silver."""
    groups = np.repeat([0, 1, 2, 3], [8, 2, 2, 8])[:, None].astype(np.int32)
    book = np.array([[0.0], [1], [4], [5]])[None]
    texts = ["copper wires"] * 8 + [None] * 4 + ["silver spoons"] * 8
    factors = describe_factors(Codes(tuple(map(str, range(20))), groups, book), texts)
    assert factors.names[1:3] == ("near ‘copper wires’ (0-1)", "near ‘silver spoons’ (0-2)")
    assert factors.names[0] == factors.labels[0] and factors.labels[1] == ""
    assert factors.table["near"].to_list() == [None, 0, 3, None]
    empty = describe_factors(Codes(tuple(map(str, range(20))), groups, book), [None] * 20)
    assert empty.names == ("factor 0-0", "factor 0-1", "factor 0-2", "factor 0-3")


def test_terms_are_counted_in_the_members_texts(films):
    codes, texts = films
    factors = describe_factors(codes, texts)
    about = factors.of(0, 0)
    holds = [sum(term in (text or "") for text in texts[:20]) for term in about["terms"]]
    assert about["counts"] == holds and all(n <= about["size"] for n in holds)
    term, share = factors.vocabulary.row(0)
    assert share == pytest.approx(sum(term in text for text in texts) / 60)


def test_what_an_older_version_stored_still_opens(films, tmp_path):
    factors = describe_factors(*films)
    factors.table.drop("near", "counts").write_parquet(tmp_path / "factors.parquet")
    old = FactorDescriptions.load(tmp_path)
    assert old.labels == factors.labels and old.vocabulary.height == 0
    assert old.names[3] == "factor 0-3" and old.names[0] == factors.labels[0]


def test_texts_without_words_give_empty_labels(films):
    codes, _ = films
    factors = describe_factors(codes, [None] * 60)
    assert set(factors.labels) == {""} and factors.of(0, 0)["size"] == 20


def test_save_and_load(films, tmp_path):
    factors = describe_factors(*films)
    factors.save(tmp_path)
    again = FactorDescriptions.load(tmp_path)
    assert again.k == 4 and again.table.equals(factors.table)
    assert again.vocabulary.equals(factors.vocabulary) and again.vocabulary.height


def test_labels_of_real_texts_read_well(real_data):
    """Films of one director, of one genre, and the rest, by what recorded texts say."""
    import io
    import json
    from itertools import islice

    import zstandard

    path = real_data / "movielens-1m-text" / "llm_items_deepseek.jsonl.zst"
    with path.open("rb") as packed:
        stream = io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(packed), "utf-8")
        texts = [json.loads(line)["text"] or "" for line in islice(stream, 700, 1400)]
    hitchcock = np.array(["Alfred Hitchcock" in text for text in texts])
    western = np.array(["western film" in text.lower() for text in texts]) & ~hitchcock
    groups = np.where(hitchcock, 1, np.where(western, 2, 0)).astype(np.int32)
    ids = tuple(map(str, range(len(texts))))
    factors = describe_factors(Codes(ids, groups[:, None], np.zeros((1, 3, 1))), texts)
    assert "Alfred Hitchcock" in factors.labels[1]
    assert "western" in factors.labels[2].lower()
    boilerplate = {"film", "released", "directed", "cast", "compelling", "the", "director"}
    for label in factors.labels:
        assert not boilerplate & set(label.lower().replace(",", "").split())
