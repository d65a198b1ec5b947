"""Vectors that depend on all texts of a side: words without a model, and whitening."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from test_encode import knowledge

from data.errors import BackendError
from llm.encode import encode, encode_text, open_encoder
from llm.settings import EncoderConfig
from llm.vectors import VectorCache, Vectors
from llm.whitening import Whitening
from llm.words import Lexicon, WordEncoder

TEXTS = (
    "red lipstick matte",
    "Red lipstick gloss, red",
    "hair brush round",
    "round brush for hair",
    "nail file",
    "file for a nail",
    "matte nail gloss",
)
WORDS = EncoderConfig(kind="words", dimensions=4)


@pytest.fixture
def cache(tmp_path: Path) -> VectorCache:
    return VectorCache(tmp_path / "vectors.sqlite")


def test_weights_of_words_by_hand() -> None:
    """A word of one text alone is left out; "red" twice counts 1 + ln 2."""
    lexicon = Lexicon.of(["red lip", "red red lip", "red nail", "x"])
    assert lexicon.names == ("lip", "red")
    lip, red = 1 + math.log(5 / 3), 1 + math.log(5 / 4)
    np.testing.assert_allclose(lexicon.weights, [lip, red])
    twice = np.array([lip, (1 + math.log(2)) * red])
    found = lexicon.vectors(["red red lip", "nail"]).toarray()
    np.testing.assert_allclose(found, [twice / np.linalg.norm(twice), [0, 0]], rtol=1e-6)


@pytest.mark.parametrize("dimensions", [3, 50])
def test_vectors_are_those_of_the_singular_value_decomposition(dimensions: int) -> None:
    """Against a full one; 50 dimensions keep every cosine of TF-IDF, and are no more than 7."""
    said = Lexicon.of(TEXTS).vectors(TEXTS).toarray().astype(np.float64)
    left, values, _ = np.linalg.svd(said, full_matrices=False)
    expected = left[:, :dimensions] * values[:dimensions]
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    encoder = WordEncoder.fit(TEXTS, dimensions)
    made = encoder.encode([[(text, 1)] for text in TEXTS])
    assert made.dtype == np.float32 and made.shape[1] == min(dimensions, 7)
    np.testing.assert_allclose(made @ made.T, expected @ expected.T, atol=1e-5)
    if dimensions == 50:
        np.testing.assert_allclose(made @ made.T, said @ said.T, atol=1e-5)


def test_the_same_texts_are_the_same_encoder() -> None:
    one, other = WordEncoder.fit(TEXTS, 4), WordEncoder.fit(TEXTS, 4)
    assert one.id == other.id and np.array_equal(one.components, other.components)
    assert WordEncoder.fit(TEXTS[1:], 4).id != one.id


def test_words_are_kept_with_the_vectors_and_not_in_the_cache(
    cache: VectorCache, tmp_path: Path
) -> None:
    made = encode(knowledge(*TEXTS), WORDS, cache)
    fewer = encode(knowledge(*TEXTS[:4]), WORDS, cache)
    assert not np.allclose(made.matrix[:4] @ made.matrix[:4].T, fewer.matrix @ fewer.matrix.T)
    again = encode(knowledge(*TEXTS), WORDS, cache)
    assert np.array_equal(again.matrix, made.matrix)
    made.save(tmp_path / "kept")
    loaded = Vectors.load(tmp_path / "kept")
    assert loaded.words is not None and loaded.whitening is None
    for row, text in enumerate(TEXTS):
        alone = encode_text(text, loaded.words)[0]
        np.testing.assert_allclose(alone, made.matrix[row], atol=1e-6)
    near = made.matrix @ encode_text("a lipstick in red", loaded.words)[0]
    assert set(np.argsort(-near)[:2]) == {0, 1}


def test_a_text_without_a_shared_word_counts_as_none(cache: VectorCache) -> None:
    made = encode(knowledge(*TEXTS, "unheard", None), WORDS, cache)
    assert made.missing == (7, 8)
    mean = made.matrix[:7].mean(axis=0)
    np.testing.assert_allclose(made.matrix[7], mean / np.linalg.norm(mean), atol=1e-6)
    assert made.words is not None
    with pytest.raises(BackendError, match="No word of “zzz” stands in two"):
        encode_text("zzz", made.words)


def test_no_shared_word_at_all(cache: VectorCache) -> None:
    with pytest.raises(BackendError, match="No two texts share a word"):
        encode(knowledge("abc", "def"), WORDS, cache)
    with pytest.raises(BackendError, match="opened with the vectors"):
        open_encoder(WORDS)


def lopsided(n: int = 400, d: int = 6) -> np.ndarray:
    """(n, d) float32 of which all point one way, as those of sentence models do."""
    rng = np.random.default_rng(0)
    drawn = rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + 10
    return drawn.astype(np.float32)


def mean_cosine(vectors: np.ndarray) -> float:
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return float((unit @ unit.T)[~np.eye(len(unit), dtype=bool)].mean())


def test_whitened_vectors_have_variance_one_everywhere() -> None:
    vectors = lopsided()
    assert mean_cosine(vectors) > 0.8
    made = Whitening.fit(vectors, "full").apply(vectors)
    np.testing.assert_allclose(np.cov(made.T, bias=True), np.eye(6), atol=5e-3)
    assert abs(mean_cosine(made)) < 0.02
    centred = Whitening.fit(vectors, "centre").apply(vectors)
    np.testing.assert_allclose(centred, vectors - vectors.mean(axis=0), atol=1e-4)


def test_whitening_by_hand_and_no_noise_blown_up() -> None:
    """Variances 4 and 1 along the axes become 1 and 1; a direction without any stays at 0."""
    vectors = np.array([[2, 1, 5], [2, -1, 5], [-2, 1, 5], [-2, -1, 5]], np.float32)
    made = Whitening.fit(vectors, "full").apply(vectors)
    np.testing.assert_allclose(made, np.sign(vectors) * [1, 1, 0], atol=2e-4)


@pytest.mark.parametrize("how", ["centre", "full"])
@pytest.mark.parametrize("kind", ["words", "sentence-transformers"])
def test_a_newcomer_is_whitened_as_the_others_are(
    kind: str, how: str, tiny_model: Path, cache: VectorCache, tmp_path: Path
) -> None:
    config = EncoderConfig(
        kind=kind, model=str(tiny_model), dtype="float32", dimensions=4, whiten=how
    )
    made = encode(knowledge(*TEXTS, None), config, cache, device="cpu")
    assert made.pooling.endswith({"centre": "; centred", "full": "; whitened"}[how])
    np.testing.assert_allclose(made.matrix.mean(axis=0), 0, atol=1e-4)
    assert not made.matrix[-1].any(), "without a text it stands in the middle"
    plain = encode(knowledge(*TEXTS), config.model_copy(update={"whiten": "none"}), cache)
    assert plain.whitening is None and not np.allclose(plain.matrix, made.matrix[:-1], atol=0.01)
    made.save(tmp_path / how)
    loaded = Vectors.load(tmp_path / how)
    encoder = loaded.words or open_encoder(config, "cpu")
    alone = encode_text(TEXTS[2], encoder, loaded.whitening)[0]
    np.testing.assert_allclose(alone, made.matrix[2], atol=1e-3)
