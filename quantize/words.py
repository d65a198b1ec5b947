"""Words of items, rare ones weighing more: what texts say where no model reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import scipy.sparse as sp

from data import atomic
from data.columns import DESCRIPTION, ITEM_ID, TITLE
from data.errors import DataError
from data.relation import Relation
from llm.words import Lexicon


@dataclass(frozen=True, slots=True)
class Words:
    """Which item holds which word.

    Attributes:
        names: (m,) words in lower case.
        relation: From items to words; weights of an item have length 1 together.
    """

    names: tuple[str, ...]
    relation: Relation

    def vector(self, text: str) -> np.ndarray:
        """(m,) float32 what the words of a further text weigh, of length 1, or zeros."""
        n, held = len(self.relation), np.bincount(self.relation.targets, minlength=len(self.names))
        lexicon = Lexicon(self.names, 1 + np.log((1 + n) / (1 + held)))
        row: np.ndarray = lexicon.vectors([text]).toarray()[0]
        return row

    def save(self, directory: Path) -> None:
        """Edges and a table of words in `directory`."""
        edges = {name: getattr(self.relation, name) for name in ("offsets", "targets", "weights")}
        atomic.write_arrays(directory / "edges.safetensors", edges)
        words = pl.DataFrame({"word": pl.Series(self.names, dtype=pl.String)})
        atomic.write_parquet(directory / "words.parquet", words)

    @classmethod
    @atomic.report_damage
    def load(cls, directory: Path) -> Words:
        """The words stored by `save`."""
        names = tuple(atomic.read_parquet(directory / "words.parquet")["word"])
        edges = atomic.read_arrays(directory / "edges.safetensors")
        return cls(names, Relation(**edges, n_targets=len(names)))


def find_words(texts: Sequence[str | None]) -> Words:
    """The words of texts that two of them share.

    Raises:
        DataError: none do.
    """
    names, vectors = word_vectors(texts)
    if not names:
        raise DataError(
            "No two items share a word, so their texts compare nothing. Name other texts in "
            "words.of, or leave recommenders that read texts out of grid.backbones."
        )
    vectors.sort_indices()
    edges = vectors.indptr.astype(np.int64), vectors.indices.astype(np.int32)
    return Words(names, Relation(*edges, len(names), weights=vectors.data))


def word_vectors(texts: Sequence[str | None]) -> tuple[tuple[str, ...], sp.csr_matrix]:
    """Words that two texts share, and (n, words) TF-IDF with 1 + log tf, rows of length 1.

    Source: Salton and Buckley, Term-weighting approaches in automatic text retrieval, 1988.
    """
    said = [text or "" for text in texts]
    lexicon = Lexicon.of(said)
    return lexicon.names, lexicon.vectors(said)


def table_texts(items: pl.DataFrame, details: bool = False) -> list[str]:
    """The title of each item, and with `details` its other words, its description left out.

    Raises:
        DataError: items have no titles.
    """
    if TITLE not in items.columns:
        raise DataError(
            'The items have no titles. Set words.of = "texts" to compare what they are described '
            "by, or leave recommenders that read texts out of grid.backbones."
        )
    wordy = [
        name
        for name, kind in items.schema.items()
        if kind in (pl.String, pl.List(pl.String)) and name not in (ITEM_ID, TITLE, DESCRIPTION)
    ]
    words = [
        pl.col(name).list.join(" ") if items[name].dtype == pl.List else pl.col(name)
        for name in (TITLE, *(wordy if details else ()))
    ]
    said = pl.concat_str(words, separator=" ", ignore_nulls=True).alias("said")
    return items.select(said)["said"].to_list()
