"""Nearest vectors beside brute force, and what an index says when it cannot be made."""

import faiss
import numpy as np
import pytest

from data.errors import ConfigError, DataError
from recommend.nearest import Nearest
from recommend.settings.nearest import FlatSearch, IvfFlatSearch, IvfPqSearch


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Many threads wait for each other where the tests of other files run beside them."""
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    yield
    faiss.omp_set_num_threads(before)


@pytest.fixture(scope="module")
def vectors():
    """Twenty clusters of thirty vectors each."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(20, 16)) * 3
    return (np.repeat(centres, 30, 0) + rng.normal(size=(600, 16))).astype(np.float32)


def brute(vectors, queries, k, metric):
    if metric == "ip":
        scores = -(queries.astype(np.float64) @ vectors.T.astype(np.float64))
    else:
        scores = np.square(queries[:, None].astype(np.float64) - vectors[None]).sum(-1)
    places = np.argsort(scores, 1, kind="stable")[:, :k]
    found = np.take_along_axis(scores, places, 1)
    return (-found if metric == "ip" else found), places


@pytest.mark.parametrize("metric", ["ip", "l2"])
@pytest.mark.parametrize(
    "kind", [FlatSearch, lambda **more: IvfFlatSearch(nprobe=9, nlist=9, **more)]
)
def test_a_search_of_everything_is_exact(vectors, metric, kind):
    index = Nearest(vectors, np.arange(600) * 7 - 5, kind(metric=metric))
    scores, ids = index.search(vectors[:40], 12)
    theirs, places = brute(vectors, vectors[:40], 12, metric)
    assert np.array_equal(ids, places * 7 - 5)
    np.testing.assert_allclose(scores, theirs, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("metric", ["ip", "l2"])
def test_more_lists_find_more_and_few_find_most(vectors, metric):
    _, true = brute(vectors, vectors, 10, metric)

    def recall(search):
        _, ids = Nearest(vectors, search_by=search).search(vectors, 10)
        return np.mean([len(set(a) & set(b)) / 10 for a, b in zip(ids, true, strict=True)])

    shares = [recall(IvfFlatSearch(metric=metric, nlist=20, nprobe=n)) for n in (1, 4, 20)]
    assert shares == sorted(shares) and shares[0] > 0.3 and shares[2] == 1
    rough = recall(IvfPqSearch(metric=metric, nlist=20, nprobe=20, m=8))
    assert 0.6 < rough < 1


@pytest.mark.parametrize("search", [FlatSearch(), IvfFlatSearch(nlist=20), IvfPqSearch(nlist=20)])
@pytest.mark.parametrize("texts", [True, False])
def test_an_index_is_the_same_after_it_was_stored(vectors, tmp_path, search, texts):
    ids = [f"item {number}" for number in range(600)] if texts else np.arange(600)[::-1]
    index = Nearest(vectors, ids, search)
    index.save(tmp_path)
    again = Nearest.load(tmp_path)
    assert again.search_by == search and len(again) == 600
    for one, other in zip(again.search(vectors, 5), index.search(vectors, 5), strict=True):
        assert one.dtype == other.dtype and np.array_equal(one, other)


def test_lists_with_too_few_vectors_end_with_nothing():
    far = np.array([[0.0, 9], [0, 9.1], [9, 0], [9.1, 0]], dtype=np.float32)
    search = IvfFlatSearch(metric="l2", nlist=2, nprobe=1)
    scores, ids = Nearest(far, search_by=search).search(far[:1], 4)
    assert ids[0].tolist() == [0, 1, -1, -1] and scores[0, 2] > 1e30
    _, ids = Nearest(far, list("abcd"), search).search(far[:1], 4)
    assert ids[0].tolist() == ["a", "b", None, None]


@pytest.mark.parametrize(
    ("rows", "search", "message"),
    [
        (50, IvfFlatSearch(), "50 vectors cannot be parted into nlist = 100 lists; lower nlist"),
        (600, IvfPqSearch(nlist=4, m=5), "16 numbers .* m = 5 parts; m can be 1, 2, 4, 8, 16"),
        (200, IvfPqSearch(nlist=4), "ivfpq needs 256 vectors, and there are 200; search flat"),
    ],
)
def test_an_index_that_cannot_be_made_says_why(vectors, rows, search, message):
    with pytest.raises(ConfigError, match=message):
        Nearest(vectors[:rows], search_by=search)


def test_wrong_questions_are_told_in_a_sentence(vectors):
    index = Nearest(vectors)
    for k in (0, 601):
        with pytest.raises(ConfigError, match=f"k is {k}; it can be 1 to 600"):
            index.search(vectors, k)
    with pytest.raises(DataError, match=r"shape \(600, 3\); they have to be \(q, 16\)"):
        index.search(vectors[:, :3], 1)
    with pytest.raises(DataError, match="There are 2 ids for vectors of shape"):
        Nearest(vectors, [1, 2])
    odd = vectors.copy()
    odd[3, 1] = np.nan
    with pytest.raises(DataError, match="Query 1 has numbers that are not finite"):
        Nearest(vectors).search(np.where(np.arange(2)[:, None] == 1, np.nan, vectors[:2]), 1)
    with pytest.raises(DataError, match="The vector of 3 has numbers that are not finite"):
        Nearest(odd)
