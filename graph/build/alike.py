"""Queries and items with words in common."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
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
PERMUTATIONS = 128
"""Of MinHash: so many that an estimate is within about 3 / √128 = 0.27 of the similarity, most of
them within a third of that."""
EXACT = 500_000_000
"""Products from which on similarities are estimated: some seconds of one core."""
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


@dataclass(frozen=True)
class _Side:
    """Nodes of one type by their words."""

    terms: Lists

    def __len__(self) -> int:
        return len(self.terms)

    @cached_property
    def numbers(self) -> tuple[tuple[str, ...], np.ndarray]:
        """Each word once, and (m,) which of them every term is."""
        words = tuple(sorted(set(map(str, self.terms.values))))
        number = {word: at for at, word in enumerate(words)}
        return words, np.array([number[word] for word in self.terms.values], dtype=np.int64)

    @cached_property
    def signed(self) -> dict[int, np.ndarray]:
        """Signatures by their number of permutations."""
        return {}

    def signatures(self, permutations: int) -> np.ndarray:
        """(n, permutations) uint32, made once."""
        if permutations not in self.signed:
            self.signed[permutations] = signatures(self.terms, permutations)
        return self.signed[permutations]


def alike(
    query_terms: Lists,
    item_terms: Lists,
    *,
    nearest: int = 10,
    least: float = 0.2,
    permutations: int | None = None,
) -> tuple[Relation, Relation]:
    """Edges from queries to items alike, and from items to items alike, weighted by Jaccard.

    A query is joined with the `nearest` items, and an item with the `nearest` queries and items,
    if they are so alike at all; among equals the lowest number is nearer. The similarity is exact
    where to compare all that share a word takes no more than `EXACT` products, and that of MinHash
    where it takes more, as of long texts.

    Args:
        query_terms: Of queries, each once.
        item_terms: Of items, each once.
        nearest: How many of each node.
        least: Similarity from which on there is an edge.
        permutations: Of MinHash, which is then taken in any case; None: `PERMUTATIONS`.
    """
    queries, items = _Side(query_terms), _Side(item_terms)
    found = _nearest(queries, items, nearest, least, permutations)
    back = _nearest(items, queries, nearest, least, permutations).transpose()
    n_items = len(item_terms)
    assert found.weights is not None and back.weights is not None
    codes = np.concatenate([one.sources * np.int64(n_items) + one.targets for one in (found, back)])
    codes, first = np.unique(codes, return_index=True)
    weights = np.concatenate((found.weights, back.weights))[first]
    both = Relation.between(
        codes // max(n_items, 1), codes % max(n_items, 1), len(found), n_items, weights=weights
    )
    return both, _nearest(items, items, nearest, least, permutations)


def _nearest(
    ours: _Side, theirs: _Side, m: int, least: float, permutations: int | None
) -> Relation:
    """The m of theirs that are most alike to each of ours, weighted by similarity."""
    left, right = _words(ours, theirs)
    products = int(np.bincount(left.indices, minlength=left.shape[1]) @ right.getnnz(axis=0))
    if permutations is None and products <= EXACT:
        rows = _exactly(left, right)
    else:
        many = permutations or PERMUTATIONS
        rows = _by_minhash(ours.signatures(many), theirs.signatures(many), least)
    enough = ((start, _at_least(block, least)) for start, block in rows)
    return strongest(enough, len(ours), len(theirs), m, itself=ours is not theirs)


def _at_least(block: csr_matrix, least: float) -> csr_matrix:
    block.data = np.where(block.data >= least, block.data, 0)
    return block


def _words(ours: _Side, theirs: _Side) -> tuple[csr_matrix, csr_matrix]:
    """Which words each row of both has."""
    from scipy.sparse import csr_matrix

    words = {
        word: at for at, word in enumerate(dict.fromkeys((*ours.numbers[0], *theirs.numbers[0])))
    }
    made = []
    for side in (ours, theirs):
        own = np.array([words[word] for word in side.numbers[0]], dtype=np.int64)
        columns = own[side.numbers[1]] if len(own) else own
        ones = np.ones(len(columns))
        made.append(csr_matrix((ones, columns, side.terms.offsets), (len(side), len(words))))
    return made[0], made[1]


def _exactly(left: csr_matrix, right: csr_matrix) -> Iterator[tuple[int, csr_matrix]]:
    """Blocks of |A ∩ B| / |A ∪ B|, with the number of the first row of each."""
    turned = right.T.tocsr()
    ours, theirs = np.diff(left.indptr), np.diff(right.indptr)
    for start, end in blocks_of(widths_of(left, turned)):
        shared = left[start:end] @ turned
        mine = np.repeat(ours[start:end], np.diff(shared.indptr))
        shared.data = shared.data / (mine + theirs[shared.indices] - shared.data)
        yield start, shared


def _by_minhash(
    ours: np.ndarray, theirs: np.ndarray, least: float
) -> Iterator[tuple[int, csr_matrix]]:
    """Blocks of estimated similarities, with the number of the first row of each.

    Candidates agree in one of b bands of r numbers, which datasketch chooses so that pairs above
    `least` are rarely missed and others rarely looked at.

    Source: Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, section 3.4.
    """
    from datasketch import MinHashLSH

    bands = MinHashLSH(threshold=least, num_perm=ours.shape[1])
    left, right = _bands(ours, theirs, bands.b, bands.r)
    turned = right.T.tocsr()
    for start, end in blocks_of(widths_of(left, turned)):
        shared = left[start:end] @ turned
        shared.data = _agreeing(ours[start:end], theirs, shared)
        yield start, shared


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
