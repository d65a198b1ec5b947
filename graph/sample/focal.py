"""Neighbours that are most relevant to a focus: the region of interest around a node."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from data.errors import ConfigError, DataError
from graph.sample.rows import Rows
from graph.sample.strategies import Chosen, latest, topk

Relevance = Literal["tanimoto", "cosine"]
"""How relevant a node is to a focus, by their vectors."""
BLOCK = 1 << 18
"""Numbers of vectors that are held at once, few for a cache's sake; one row may have more."""
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
    return _tanimoto(_dot(focus, nodes), _dot(focus, focus), _dot(nodes, nodes))


def cosine(focus: np.ndarray, nodes: np.ndarray) -> np.ndarray:
    """(...) cosine of the angle between vectors; 0 where one has no length.

    Args:
        focus: (..., d).
        nodes: (..., d), which broadcast with the focus.
    """
    return _cosine(_dot(focus, nodes), _dot(focus, focus), _dot(nodes, nodes))


def _tanimoto(dot: np.ndarray, focus: np.ndarray, nodes: np.ndarray) -> np.ndarray:
    """From products, and squares of lengths."""
    below = focus + nodes - dot
    return np.asarray(dot / np.where(below > 0, below, 1))


def _cosine(dot: np.ndarray, focus: np.ndarray, nodes: np.ndarray) -> np.ndarray:
    lengths = np.sqrt(focus * nodes)
    return np.asarray(dot / np.where(lengths > 0, lengths, 1))


RELEVANCE = {"tanimoto": _tanimoto, "cosine": _cosine}


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
        (e,) int64 rows in order, (e,) int64 places of edges, and (e,) relevance, computed in the
        precision of the vectors.

    Raises:
        DataError: vectors do not fit, or are not finite.
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
    longest = max(longest, count)
    order = np.argsort(rows.lengths, kind="stable")
    order = order[rows.lengths[order] > 0] if count > 0 else order[:0]
    found = [(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))]
    for start, end in _blocks(rows.lengths[order], vectors.shape[1], longest):
        some = order[start:end]
        of, places, worth = _best(rows.take(some), count, vectors, focus[some], by, longest)
        found.append((some[of], places, worth))
    chosen, places, worth = (np.concatenate(part) for part in zip(*found, strict=True))
    order = np.argsort(chosen, kind="stable")
    return chosen[order], places[order], worth[order]


def _blocks(lengths: np.ndarray, width: int, longest: int) -> Iterator[tuple[int, int]]:
    """First row and end of blocks of rows about as long as each other, that fit in memory.

    Args:
        lengths: (r,) rising, above 0.
        width: Numbers of a vector.
        longest: Edges of a row that are looked at; no block has rows of more and of fewer.
    """
    start = 0
    while start < len(lengths):
        most = int(lengths[start])
        most = longest if most <= longest < 2 * most else 2 * most
        alike = int(np.searchsorted(lengths, most, side="right"))
        fits = BLOCK // max(1, min(int(lengths[alike - 1]), longest) * width)
        end = min(alike, start + max(1, fits))
        yield start, end
        start = end


def _best(
    rows: Rows, count: int, vectors: np.ndarray, focus: np.ndarray, by: Relevance, longest: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """As `top_relevant`, of rows of which all or none are longer than the longest."""
    places, there = _shown(rows, longest)
    targets = rows.reach.relation.targets[places]
    near = _floats(vectors[targets])  # (r, l, d)
    focus = _floats(focus)
    dot = np.einsum("rld,rd->rl", near, focus)
    worth = RELEVANCE[by](dot, _dot(focus, focus)[:, None], _dot(near, near))
    if np.isnan(worth[there]).any():
        raise DataError(
            "Vectors of nodes, or a focus, have numbers that are not finite, so no neighbour is "
            "more relevant than another: the model that made them is damaged, or its training ran "
            "away."
        )
    worth = np.where(there, worth, -np.inf)
    if (cut := worth.shape[1] - count) > 0:
        there &= worth >= np.partition(worth, cut, axis=1)[:, cut, None]
    of, at = np.nonzero(there)
    places, targets, worth = places[of, at], targets[of, at], worth[of, at]
    order = np.lexsort((places, targets, -worth, of))
    of, places, worth = of[order], places[order], worth[order]
    sizes = np.bincount(of, minlength=len(rows.rows))
    kept = np.arange(len(of)) - np.repeat(np.cumsum(sizes) - sizes, sizes) < count
    return of[kept], places[kept], worth[kept]


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


def _floats(values: np.ndarray) -> np.ndarray:
    return values if values.dtype == np.float32 else values.astype(np.float64, copy=False)


def _dot(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(...) products of vectors; of equal ones the same, whatever stands beside them."""
    return np.asarray(np.einsum("...d,...d->...", _floats(one), _floats(other)))


def _shown(rows: Rows, longest: int) -> tuple[np.ndarray, np.ndarray]:
    """(r, l) places of the edges that are looked at, and (r, l) bool which of them there are."""
    width = int(rows.lengths.max())
    if width <= longest:
        within = np.arange(width)
        there = within < rows.lengths[:, None]
        return rows.begins[:, None] + np.where(there, within, 0), there
    cut = topk if rows.reach.relation.weights is not None else latest
    places = cut(rows, longest, np.random.default_rng(0))[1].reshape(-1, longest)
    return places, np.ones(places.shape, dtype=bool)
