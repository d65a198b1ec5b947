"""Neighbours that are most relevant to a focus: the region of interest around a node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from data.errors import ConfigError, DataError
from graph.sample.rows import Rows
from graph.sample.strategies import Chosen, latest, topk

Relevance = Literal["tanimoto", "cosine"]
"""How relevant a node is to a focus, by their vectors."""
BLOCK = 1 << 22
"""Numbers of vectors that are held at once, unless one row has more."""
LONGEST = 10_000
"""Edges of a row that are looked at: of more, those of most weight, or the latest without one."""


def tanimoto(focus: np.ndarray, nodes: np.ndarray) -> np.ndarray:
    """(...) relevance from -1/3 to 1: f·n / (|f|² + |n|² - f·n); 1 only of equals, 0 of two zeros.

    Args:
        focus: (..., d).
        nodes: (..., d), which broadcast with the focus.

    Source: ZOOMER, equation (5).

    >>> float(tanimoto(np.array([1.0, 0, 1]), np.array([1.0, 1, 0])))
    0.3333333333333333
    """
    dot = _dot(focus, nodes)
    below = _dot(focus, focus) + _dot(nodes, nodes) - dot
    return np.asarray(dot / np.where(below > 0, below, 1))


def cosine(focus: np.ndarray, nodes: np.ndarray) -> np.ndarray:
    """(...) cosine of the angle between vectors; 0 where one has no length.

    Args:
        focus: (..., d).
        nodes: (..., d), which broadcast with the focus.
    """
    lengths = np.sqrt(_dot(focus, focus) * _dot(nodes, nodes))
    return np.asarray(_dot(focus, nodes) / np.where(lengths > 0, lengths, 1))


RELEVANCE = {"tanimoto": tanimoto, "cosine": cosine}


def top_relevant(
    rows: Rows,
    count: int,
    vectors: np.ndarray,
    focus: np.ndarray,
    *,
    by: Relevance = "tanimoto",
    longest: int = LONGEST,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The edges of each row whose targets are most relevant to its focus, the most relevant first.

    Of equals the one first in the graph's numbers comes first: the lowest number of the target,
    then the place of the edge. Nothing outside of what a row may show is looked at. No row is
    looked at beyond `longest` edges: of a longer one those count that have most weight (the latest
    where edges have none).

    Args:
        rows: To choose from.
        count: Edges a row.
        vectors: (n_targets, d) of the nodes that edges lead to.
        focus: (r, d) of each row.
        by: How relevance is measured.
        longest: Edges of a row that are looked at, but never fewer than `count`.

    Returns:
        (e,) int64 rows in order, (e,) int64 places of edges, and (e,) float64 relevance.

    Raises:
        DataError: vectors do not fit.
    """
    if vectors.shape[:1] != (rows.reach.relation.n_targets,):
        raise DataError(
            f"There are vectors of {len(vectors):,} nodes, and edges lead to "
            f"{rows.reach.relation.n_targets:,}; give one each."
        )
    if focus.shape != (len(rows.rows), vectors.shape[1]):
        raise DataError(
            f"The focus has shape {focus.shape}, and {len(rows.rows)} rows with vectors of "
            f"{vectors.shape[1]} numbers need {(len(rows.rows), vectors.shape[1])}."
        )
    seen = np.minimum(rows.lengths, max(longest, count))
    before = np.cumsum(seen) - seen
    blocks = before // max(BLOCK // max(vectors.shape[1], 1), 1)
    found = [(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))]
    for block in np.unique(blocks[seen > 0]):
        some = np.flatnonzero((blocks == block) & (seen > 0))
        part = rows.take(some)
        of, places = _shown(part, max(longest, count))
        targets = rows.reach.relation.targets[places]
        worth = RELEVANCE[by](focus[some[of]], vectors[targets])
        order = np.lexsort((places, targets, -worth, of))
        of, places, worth = of[order], places[order], worth[order]
        sizes = np.bincount(of, minlength=len(some))
        rank = np.arange(len(of)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        kept = rank < count
        found.append((some[of[kept]], places[kept], worth[kept]))
    chosen, places, worth = (np.concatenate(part) for part in zip(*found, strict=True))
    return chosen, places, worth


@dataclass(frozen=True)
class Focal:
    """The strategy of a sampler that draws what is most relevant to the focus of each seed.

    A sampler takes it by its name: `Sampler(graph, "user > item:10 focal", strategies={"focal":
    Focal(vectors, focus)})`. On every hop the focus is that of the seed that a node was reached
    from. Chance has no part in it.

    Attributes:
        vectors: (n, d) of the nodes of each type that hops lead to, in one space.
        focus: (b, d) of each seed, in the order in which seeds are sampled.
        by: How relevance is measured.
        longest: Edges of a row that are looked at.

    Source: ZOOMER, section V-C.
    """

    vectors: Mapping[str, np.ndarray]
    focus: np.ndarray
    by: Relevance = "tanimoto"
    longest: int = LONGEST

    def on(self, focus: np.ndarray) -> Focal:
        """The same with the focus of other seeds."""
        return replace(self, focus=focus)

    def __call__(self, rows: Rows, count: int, _: np.random.Generator) -> Chosen:
        """The most relevant edges of each row.

        Raises:
            ConfigError: there are no vectors of the type that the hop leads to.
            DataError: there is not a focus for each seed.
        """
        kind = rows.reach.target
        if kind not in self.vectors:
            raise ConfigError(
                f"A hop leads to {kind!r} by focus, and there are vectors of "
                f"{', '.join(self.vectors) or 'nothing'}. Give vectors of {kind!r}, too."
            )
        if len(self.focus) != len(rows.seeds):
            raise DataError(
                f"There is a focus of {len(self.focus)} seeds, and {len(rows.seeds)} are sampled; "
                "give one each."
            )
        focus = self.focus[rows.owners]
        places, positions, _worth = top_relevant(
            rows, count, self.vectors[kind], focus, by=self.by, longest=self.longest
        )
        return places, positions


def _dot(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(...) float64 products of vectors; of equal ones the same, whatever stands beside them."""
    left, right = (part.astype(np.float64, copy=False) for part in (one, other))
    return np.asarray(np.einsum("...d,...d->...", left, right))


def _shown(rows: Rows, longest: int) -> Chosen:
    """Every edge that rows may show, of long rows only so many."""
    weighted = rows.reach.relation.weights is not None
    cut = topk if weighted else latest
    if len(rows.lengths) and int(rows.lengths.max()) <= longest:
        places = np.repeat(np.arange(len(rows.lengths)), rows.lengths)
        starts = np.cumsum(rows.lengths) - rows.lengths
        return places, rows.begins[places] + np.arange(len(places)) - starts[places]
    return cut(rows, longest, np.random.default_rng(0))
