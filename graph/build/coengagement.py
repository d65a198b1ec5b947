"""Who is alike by what they share: co-engagement over two hops, corrected for popularity.

Two items are alike that the same users had (item, user, item), and two users who had the same items
(user, item, user). All products are made a block of rows at a time and cut to the strongest of each
row, so that no matrix of nodes × nodes is ever held.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from data.relation import Relation

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

MOST = 5_000
"""Nodes of which one that is shared speaks at most."""
BLOCK = 4_000_000
"""Numbers of a product that are held at a time."""


def co_engaged(
    nodes: Relation,
    others: Relation | None = None,
    *,
    nearest: int,
    exponent: float = 0.5,
    most: int = MOST,
    shared: int = 1,
) -> Relation:
    """For every node the others that share most with it: Σ_k w_ik w_jk / (n_i n_j)^exponent.

    n_i is Σ_k w_ik², the number of a node's edges where all weigh 1. Exponent 0 counts what is
    shared, which favours whoever is popular; 1/2 is the cosine; more favours the rare. A sum is
    exact unless something is shared by more than `most` others: then only its `most` latest edges
    count (without times, those of the highest numbers), so that the work is at most `most` times
    the edges.

    Args:
        nodes: n nodes to what they may share.
        others: Those to choose from, joined to the same things; None: the nodes, without itself.
        nearest: How many others a node is given, fewer where fewer share anything with it.
        exponent: Of the correction for popularity.
        most: Others of which one that is shared speaks at most.
        shared: How much two have to share, at least, for an edge.

    Returns:
        Edges from every node to its most alike, the strongest first, weighted by the sum; of sums
        that are equal as float32 the lowest number comes first.

    Source: the cosine of items is Sarwar et al., Item-based collaborative filtering recommendation
    algorithms, WWW 2001, section 3.1.1; the exponent is that of Deshpande and Karypis, Item-based
    top-N recommendation algorithms, TOIS 2004, section 4.1.2, for both ends.

    >>> had = Relation.between(np.array([0, 0, 1, 1, 2]), np.array([0, 1, 0, 1, 1]), 3, 2)
    >>> alike = co_engaged(had, nearest=1)
    >>> alike.targets.tolist(), (alike.weights**2).tolist()[0]
    ([1, 0, 0], 1.0)
    """
    left = matrix_of(nodes)
    choice = nodes if others is None else others
    right = _shared(choice, most)
    ours = _correction(left, exponent)
    theirs = ours if others is None else _correction(matrix_of(choice), exponent)
    each = [left, right]
    if shared > 1:
        each = [matrix.astype(bool).astype(np.float32) for matrix in each]

    def rows() -> Iterator[tuple[int, csr_matrix]]:
        for start, end in blocks_of(widths_of(left, right)):
            product = left[start:end] @ right
            if shared > 1:  # of one pattern, so in one order
                product.data[(each[0][start:end] @ each[1]).data < shared] = 0
            product.data *= theirs[product.indices]
            product.data *= np.repeat(ours[start:end], np.diff(product.indptr))
            yield start, product

    return strongest(rows(), len(nodes), len(choice), nearest, itself=others is not None)


def strongest(
    blocks: Iterator[tuple[int, csr_matrix]], n: int, n_targets: int, m: int, *, itself: bool
) -> Relation:
    """The m largest of every row of a matrix that comes in blocks of rows, as weighted edges.

    Args:
        blocks: The number of the first row of each, and the rows; what is not positive is no edge.
        n: Rows.
        n_targets: Columns.
        m: Edges of a row.
        itself: Whether an edge may lead to the column that has the row's own number.
    """
    lengths, keys = np.zeros(n, np.int64), [np.zeros(0, np.int64)]
    for start, block in blocks:
        scores = block.data.astype(np.float32)
        if not itself:
            owners = np.repeat(np.arange(start, start + block.shape[0]), np.diff(block.indptr))
            scores[owners == block.indices] = 0
        for row, (a, b) in enumerate(pairwise(block.indptr.tolist()), start):
            chosen = _first(scores[a:b], block.indices[a:b], m)
            lengths[row] = len(chosen)
            keys.append(chosen)
    chosen = np.concatenate(keys)
    targets = (chosen & 0xFFFFFFFF).astype(np.int32)
    weights = (0x7FFFFFFF - (chosen >> 32)).astype(np.int32).view(np.float32)
    offsets = np.concatenate(([0], np.cumsum(lengths)))
    return Relation(offsets, targets, n_targets, weights=weights)


def _first(scores: np.ndarray, columns: np.ndarray, m: int) -> np.ndarray:
    """At most m int64, one an edge, in order: the largest score first, of equals the lowest column.

    Score and column are packed into one number; bits of positive float32 are in their order.

    Args:
        scores: (k,) float32.
        columns: (k,) of each.
        m: How many.
    """
    least = np.partition(scores, -m)[-m] if len(scores) > m else 0
    places = np.flatnonzero((scores >= least) & (scores > 0))
    falling = 0x7FFFFFFF - scores[places].view(np.int32).astype(np.int64)
    return np.sort(falling << 32 | columns[places])[:m]


def matrix_of(relation: Relation) -> csr_matrix:
    """(n, n_targets) float64 weights of edges, 1 where they have none; those of one pair added."""
    from scipy.sparse import csr_matrix

    weights = relation.weights
    data = np.ones(len(relation.targets)) if weights is None else weights.astype(np.float64)
    shape = len(relation), relation.n_targets
    made = csr_matrix((data, relation.targets.copy(), relation.offsets.copy()), shape=shape)
    made.sum_duplicates()
    return made


def blocks_of(widths: np.ndarray) -> Iterator[tuple[int, int]]:
    """First row and end of blocks that hold at most `BLOCK` numbers, or a single row.

    Args:
        widths: (n,) numbers that a row can have.
    """
    before = np.concatenate(([0], np.cumsum(widths)))
    start = 0
    while start < len(widths):
        end = int(np.searchsorted(before, before[start] + BLOCK, side="right")) - 1
        end = min(max(end, start + 1), len(widths))
        yield start, end
        start = end


def _shared(others: Relation, most: int) -> csr_matrix:
    """(what is shared, others) weights, of each at most the latest edges."""
    turned = others.transpose()
    left = np.repeat(turned.offsets[1:], turned.degrees) - np.arange(len(turned.targets))
    return matrix_of(turned.only(left <= most))


def _correction(matrix: csr_matrix, exponent: float) -> np.ndarray:
    """(n,) what the sums of a node are multiplied by."""
    norms = np.asarray(matrix.multiply(matrix).sum(1)).ravel()
    corrections: np.ndarray = np.power(np.where(norms > 0, norms, 1.0), -exponent)
    return corrections


def widths_of(left: csr_matrix, right: csr_matrix) -> np.ndarray:
    """(n,) numbers that a row of the product can have."""
    terms = np.concatenate(([0], np.cumsum(np.diff(right.indptr)[left.indices])))
    widths: np.ndarray = np.minimum(np.diff(terms[left.indptr]), right.shape[1])
    return widths
