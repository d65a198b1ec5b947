"""Queries and items with words in common, by MinHash."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from data.relation import Relation
from graph.build.coengagement import blocks_of, strongest, widths_of
from graph.values import Lists

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

WORD = re.compile(r"\w+")
SCHEME: Literal["affine32"] = "affine32"
"""How datasketch permutes."""
BLOCK = 1 << 22
"""Numbers of signatures that are held at once."""
PAIRS = 1 << 15
"""Candidates that are looked at together; few enough to stay in a cache."""


def terms_of(texts: Iterable[Sequence[str]]) -> Lists:
    """The words of several texts a node, in small letters, each once, in their order.

    >>> terms_of([["Toy Story (1995)", "Comedy"], []])[0]
    ('toy', 'story', '1995', 'comedy')
    """
    return Lists.of(
        tuple(dict.fromkeys(word for text in node for word in WORD.findall(text.lower())))
        for node in texts
    )


def signatures(terms: Lists, permutations: int) -> np.ndarray:
    """(n, permutations) uint32 of MinHash: the share of equal numbers estimates the similarity.

    The signature of a set is the least of those of its terms, so each term is hashed once. Of rows
    without terms all numbers are the largest there is.

    Args:
        terms: Of n nodes.
        permutations: Of how many a signature is made.

    Source: Broder, On the resemblance and containment of documents, 1997; hashes are datasketch's.
    """
    from datasketch import MinHash

    words = sorted(set(terms.values))
    number = {word: at for at, word in enumerate(words)}
    hashed = MinHash.bulk(
        [[str(word).encode()] for word in words], num_perm=permutations, scheme=SCHEME
    )
    each = np.array([one.hashvalues for one in hashed], dtype=np.uint32).reshape(-1, permutations)
    flat = np.array([number[word] for word in terms.values], dtype=np.int64)
    n, sizes = len(terms), np.diff(terms.offsets)
    made = np.full((n, permutations), np.iinfo(np.uint32).max, dtype=np.uint32)
    some = np.flatnonzero(sizes)
    step = max(1, BLOCK // permutations // 8)
    for start in range(0, len(some), step):
        rows = some[start : start + step]
        begin, end = terms.offsets[rows[0]], terms.offsets[rows[-1] + 1]
        made[rows] = np.minimum.reduceat(each[flat[begin:end]], terms.offsets[rows] - begin)
    return made


def jaccard(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """(p,) float64 estimated similarity of pairs of signatures, (p, permutations) each."""
    estimated: np.ndarray = (ours == theirs).mean(axis=1)
    return estimated


def alike(
    query_terms: Lists,
    item_terms: Lists,
    *,
    nearest: int = 10,
    least: float = 0.2,
    permutations: int = 128,
) -> tuple[Relation, Relation]:
    """Edges from queries to items alike, and from items to items alike, weighted by Jaccard.

    A query is joined with the `nearest` items, and an item with the `nearest` queries and items,
    if they are so alike at all; among equals the lowest number is nearer.

    Args:
        query_terms: Of queries.
        item_terms: Of items.
        nearest: How many of each node.
        least: Estimated similarity from which on there is an edge.
        permutations: Of MinHash.
    """
    queries, items = (signatures(terms, permutations) for terms in (query_terms, item_terms))
    found = _nearest(queries, items, nearest, least, itself=True)
    back = _nearest(items, queries, nearest, least, itself=True).transpose()
    n_items = len(item_terms)
    assert found.weights is not None and back.weights is not None
    codes = np.concatenate([one.sources * np.int64(n_items) + one.targets for one in (found, back)])
    codes, first = np.unique(codes, return_index=True)
    weights = np.concatenate((found.weights, back.weights))[first]
    both = Relation.between(
        codes // max(n_items, 1), codes % max(n_items, 1), len(found), n_items, weights=weights
    )
    return both, _nearest(items, items, nearest, least, itself=False)


def _nearest(
    ours: np.ndarray, theirs: np.ndarray, m: int, least: float, *, itself: bool
) -> Relation:
    """The m of theirs that are most alike to each of ours, weighted by estimated Jaccard.

    Candidates agree in one of b bands of r numbers, which datasketch chooses so that pairs above
    `least` are rarely missed and others rarely looked at.

    Source: Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, section 3.4.
    """
    from datasketch import MinHashLSH

    bands = MinHashLSH(threshold=least, num_perm=ours.shape[1])
    left, right = _bands(ours, theirs, bands.b, bands.r)
    turned = right.T.tocsr()
    alone = bands.r == 1 and bands.b == ours.shape[1]

    def rows() -> Iterator[tuple[int, csr_matrix]]:
        for start, end in blocks_of(widths_of(left, turned)):
            shared = left[start:end] @ turned
            data = shared.data / bands.b
            if not alone:
                data = _agreeing(ours[start:end], theirs, shared)
            shared.data = np.where(data >= least, data, 0)
            yield start, shared

    return strongest(rows(), len(ours), len(theirs), m, itself=itself)


def _bands(ours: np.ndarray, theirs: np.ndarray, b: int, r: int) -> tuple[csr_matrix, csr_matrix]:
    """Which bands, as they are, each row of both has; those without terms have none."""
    from scipy.sparse import csr_matrix

    n, every = len(ours), np.concatenate((ours, theirs))
    filled = np.flatnonzero((every < np.iinfo(np.uint32).max).any(axis=1))
    columns = np.zeros((len(filled), b), dtype=np.int64)
    known = 0
    for band in range(b):
        part = np.ascontiguousarray(every[filled, band * r : (band + 1) * r])
        keys = part[:, 0] if r == 1 else part.view(np.dtype((np.void, part.itemsize * r))).ravel()
        numbers = np.unique(keys, return_inverse=True)[1]
        columns[:, band] = numbers + known
        known += int(numbers.max(initial=-1)) + 1
    at = np.repeat(filled, b)
    made = csr_matrix(
        (np.ones(len(at), dtype=np.float32), (at, columns.ravel())), shape=(len(every), known)
    )
    return made[:n], made[n:]


def _agreeing(ours: np.ndarray, theirs: np.ndarray, pairs: csr_matrix) -> np.ndarray:
    """(p,) share of numbers that pairs of rows agree in, a permutation after the other."""
    at = np.repeat(np.arange(pairs.shape[0]), np.diff(pairs.indptr))
    left, right = np.ascontiguousarray(ours.T), np.ascontiguousarray(theirs.T)
    counts = np.zeros(len(at), dtype=np.int32)
    for start in range(0, len(at), PAIRS):
        some = slice(start, start + PAIRS)
        a, b, count = at[some], pairs.indices[some], counts[some]
        for one, other in zip(left, right, strict=True):
            count += one[a] == other[b]
    return counts / len(left)
