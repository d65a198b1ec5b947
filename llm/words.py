"""Texts to vectors without a model: rare words that they share, and words that go together."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import scipy.sparse as sp

from data import atomic
from data.errors import BackendError
from llm.encoder import normalise

POOLING = "TF-IDF of words, truncated SVD, L2-normalised"
_TABLE, _ARRAYS = "words.parquet", "words.safetensors"


@dataclass(frozen=True)
class Lexicon:
    """Words that two texts share, and what each weighs: the rarer, the more.

    Attributes:
        names: (m,) words in lower case.
        weights: (m,) float64, inverse document frequencies 1 + ln((1 + n) / (1 + texts with it)).
    """

    names: tuple[str, ...]
    weights: np.ndarray

    @classmethod
    def of(cls, texts: Sequence[str]) -> Lexicon:
        """The words of texts; none where no two texts share one."""
        known = _vectorizer(min_df=2)
        try:
            known.fit(texts)
        except ValueError:  # no two texts share a word
            return cls((), np.zeros(0))
        return cls(tuple(known.get_feature_names_out()), known.idf_)

    def vectors(self, texts: Sequence[str]) -> sp.csr_matrix:
        """(n, max(m, 1)) float32 TF-IDF with 1 + ln tf, rows of length 1 or of zeros.

        Source: Salton and Buckley, Term-weighting approaches in automatic text retrieval, 1988.
        """
        if not self.names:
            return sp.csr_matrix((len(texts), 1), dtype=np.float32)
        return sp.csr_matrix(self._vectorizer.transform(texts), dtype=np.float32)

    @cached_property
    def _vectorizer(self) -> Any:
        known = _vectorizer(vocabulary=list(self.names))
        known.idf_ = self.weights
        return known


def _vectorizer(**about: Any) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(sublinear_tf=True, token_pattern=r"(?u)\b\w+\b", **about)


@dataclass(frozen=True)
class WordEncoder:
    """Latent semantic analysis, fitted to the texts of one side.

    A vector depends on all texts that it was fitted to, so none is kept in the cache of vectors;
    what was fitted is kept beside the vectors, and gives a text to come its own.

    Attributes:
        lexicon: The words it knows.
        components: (d, m) float32 right singular vectors of the texts' TF-IDF.

    Source: Deerwester et al., Indexing by latent semantic analysis, JASIS 1990.
    """

    lexicon: Lexicon
    components: np.ndarray

    pooling = POOLING
    unit = True
    is_batched = False

    @classmethod
    def fit(cls, texts: Sequence[str], dimensions: int) -> WordEncoder:
        """Fitted to texts; the same texts give the same, in any order but for rounding.

        Args:
            texts: All of one side.
            dimensions: Of the vectors; there are fewer where texts or words are.

        Raises:
            BackendError: no two texts share a word.
        """
        from sklearn.decomposition import TruncatedSVD

        lexicon = Lexicon.of(texts)
        if not lexicon.names:
            raise BackendError(
                "No two texts share a word, so words tell nothing of them. Set encoder.kind = "
                '"sentence-transformers", whose model knows words that are alike.'
            )
        said = lexicon.vectors(texts)
        width = min(dimensions, *said.shape)
        if width == min(said.shape):
            rows = np.linalg.svd(said.toarray(), full_matrices=False)[2]
        else:
            rows = TruncatedSVD(width, random_state=0).fit(said).components_
        return cls(lexicon, np.ascontiguousarray(rows, dtype=np.float32))

    @cached_property
    def id(self) -> str:
        """Kind, width and content of what was fitted."""
        digest = hashlib.sha256("\n".join(self.lexicon.names).encode())
        digest.update(self.lexicon.weights.tobytes() + self.components.tobytes())
        return f"words@{digest.hexdigest()[:12]} {len(self.components)}"

    def pieces(self, text: str) -> list[tuple[str, int]]:
        """The text, whole."""
        return [(text, len(text))]

    def encode(
        self,
        texts: Sequence[Sequence[tuple[str, int]]],
        batch_size: int | None = None,  # noqa: ARG002
    ) -> np.ndarray:
        """(n, d) float32 of length 1; zeros for a text without a word that it knows."""
        whole = ["".join(piece for piece, _ in pieces) for pieces in texts]
        return normalise(self.lexicon.vectors(whole) @ self.components.T)

    def save(self, directory: Path) -> None:
        """`words.parquet` and `words.safetensors` in `directory`."""
        words = {"word": self.lexicon.names, "weight": self.lexicon.weights}
        kinds = {"word": pl.String, "weight": pl.Float64}
        atomic.write_parquet(directory / _TABLE, pl.DataFrame(words, schema=kinds))
        atomic.write_arrays(directory / _ARRAYS, {"components": self.components})

    @classmethod
    @atomic.report_damage
    def load(cls, directory: Path) -> WordEncoder | None:
        """What was stored by `save`; None where nothing was."""
        if not (directory / _TABLE).exists():
            return None
        table = atomic.read_parquet(directory / _TABLE)
        lexicon = Lexicon(tuple(table["word"]), table["weight"].to_numpy())
        return cls(lexicon, atomic.read_arrays(directory / _ARRAYS)["components"])
