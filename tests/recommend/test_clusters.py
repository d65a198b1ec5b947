"""Clusters by residual codes: a flat search where all are probed, and a loss that makes them."""

from __future__ import annotations

from pathlib import Path

import faiss
import numpy as np
import pytest
import torch

from data.errors import ArtifactError, ConfigError, DataError
from quantize.residual import quantise
from recommend.nearest import Nearest
from recommend.retrieval.alike import unit
from recommend.retrieval.clusters import Clusters, commitment, recall_curve, recall_of

RNG = np.random.default_rng(0)
VECTORS = RNG.integers(-9, 10, size=(300, 8)).astype(np.float32)
"""Whole numbers, so that products are exact in whatever order they are added up."""
QUERIES = RNG.integers(-9, 10, size=(20, 8)).astype(np.float32)


@pytest.fixture(scope="module")
def clusters() -> Clusters:
    return Clusters.fit(VECTORS, k=8, levels=2)


class TestSearch:
    @pytest.mark.parametrize("k", [1, 7, 300])
    def test_all_lists_are_a_flat_search(self, clusters, k):
        scores, found = clusters.search(QUERIES, k, probes=len(clusters.prefixes))
        expected, _ = Nearest(VECTORS).search(QUERIES, k)
        assert (scores == expected).all()
        assert ((QUERIES[:, None] * VECTORS[found]).sum(-1) == scores).all()
        assert all(len(set(row)) == k for row in found.tolist())
        assert (clusters.share_read(QUERIES, len(clusters.prefixes)) == 1).all()

    @pytest.mark.parametrize("probes", [1, 3])
    def test_some_lists_are_a_flat_search_of_what_they_hold(self, clusters, probes):
        """By hand: the lists whose members' mean has the largest products, and these members."""
        codes = quantise(torch.from_numpy(VECTORS).double(), _books(clusters)).codes.numpy()
        lists = [np.flatnonzero((codes == prefix).all(1)) for prefix in clusters.prefixes.tolist()]
        assert sorted(np.concatenate(lists)) == list(range(300))
        means = np.stack([VECTORS[members].mean(0) for members in lists])
        scores, found = clusters.search(QUERIES, 5, probes)
        read = clusters.share_read(QUERIES, probes)
        for row, query in enumerate(QUERIES):
            nearest = np.argsort(-(means @ query), kind="stable")[:probes]
            inside = np.concatenate([lists[n] for n in nearest])
            best = np.sort(VECTORS[inside] @ query)[::-1][:5]
            assert scores[row][: len(best)].tolist() == best.tolist()
            assert set(found[row][: len(best)]) <= set(inside)
            assert (found[row][len(best) :] == -1).all()
            assert read[row] == pytest.approx(len(inside) / 300)

    def test_the_curve_rises_to_one(self, clusters):
        curve = recall_curve(clusters, VECTORS, QUERIES, 10, (1, 4, 16, 64))
        assert curve["read"].is_sorted() and curve["recall"].is_sorted()
        assert curve["recall"][0] < 0.9 and curve.row(-1)[1:] == (1.0, pytest.approx(1, abs=0.05))

    def test_recall_by_hand(self):
        found, true = np.array([[1, 2, -1], [4, 5, 6]]), np.array([[2, 3, 1], [6, 5, 4]])
        assert recall_of(found, true) == pytest.approx((2 / 3 + 1) / 2)

    def test_lists_are_of_prefixes_that_are_there(self, clusters):
        assert clusters.sizes.sum() == len(clusters) == 300
        assert clusters.sizes.min() >= 1 and len(clusters.prefixes) <= 64
        assert len(np.unique(clusters.prefixes, axis=0)) == len(clusters.prefixes)


class TestHostileVectors:
    def test_equal_vectors_are_one_list(self):
        made = Clusters.fit(np.ones((9, 3)), k=4, levels=2)
        assert made.sizes.tolist() == [9] and (made.search(np.ones((1, 3)), 9, 5)[0] == 3).all()

    def test_vectors_of_length_0(self):
        made = Clusters.fit(np.zeros((5, 3)), k=4)
        assert sorted(made.search(np.ones((1, 3)), 5, 1)[1][0]) == [0, 1, 2, 3, 4]

    def test_what_cannot_be(self, clusters):
        with pytest.raises(DataError, match="2 of them"):
            Clusters.fit(np.ones((1, 3)))
        with pytest.raises(DataError, match="number 1 has"):
            Clusters.fit(np.array([[0.0], [np.inf]]))
        with pytest.raises(DataError, match="do not fit"):
            Clusters.of(VECTORS, np.zeros((2, 4, 7)))
        with pytest.raises(DataError, match="as wide"):
            clusters.search(np.ones((1, 3)), 1, 1)
        for k, probes in ((0, 1), (301, 1), (1, 0)):
            with pytest.raises(ConfigError, match="k is"):
                clusters.search(QUERIES, k, probes)


def test_it_is_stored(clusters, tmp_path: Path):
    clusters.save(tmp_path)
    again = Clusters.load(tmp_path)
    for one, other in zip(clusters.search(QUERIES, 9, 3), again.search(QUERIES, 9, 3), strict=True):
        assert (one == other).all()
    assert (again.prefixes == clusters.prefixes).all()
    (tmp_path / "clusters.safetensors").write_bytes(b"no")
    with pytest.raises(ArtifactError):
        Clusters.load(tmp_path)


def test_one_level_is_an_inverted_file_of_faiss():
    """With the centres of a k-means as the only codebook, and queries whose lists are clear."""
    vectors = unit(VECTORS)
    centres = faiss.Kmeans(8, 6, niter=5, seed=1, min_points_per_centroid=1)
    centres.train(vectors)
    ours = Clusters.of(vectors, centres.centroids[None])
    nearest = ((vectors[:, None] - centres.centroids[None]) ** 2).sum(-1).argmin(1)
    assert ours.sizes.tolist() == np.bincount(nearest, minlength=6).tolist()


class TestCommitment:
    def loss_by_hand(self, vectors, books, weight):
        """VQ-VAE's two terms level by level, with loops, each with its own gradient."""
        total = torch.zeros(())
        for vector in vectors:
            partial = torch.zeros_like(vector)
            for book in books:
                left = (vector - partial).detach()
                code = ((left - book.detach()) ** 2).sum(-1).argmin()
                total = total + ((left - book[code]) ** 2).sum()
                reached = partial + book[code].detach()
                total = total + weight * ((vector - reached) ** 2).sum()
                partial = reached
        return total / (len(vectors) * len(books))

    @pytest.mark.parametrize("levels", [1, 3])
    def test_value_and_gradients_are_those_of_the_formula(self, levels):
        torch.manual_seed(0)
        parts = torch.randn(7, 4), torch.randn(levels, 5, 4)
        grads = []
        for loss in (commitment, self.loss_by_hand):
            vectors, books = (one.clone().requires_grad_() for one in parts)
            value = loss(vectors, books, 0.25)
            value.backward()
            grads.append((value.detach(), vectors.grad, books.grad))
        for one, other in zip(*grads, strict=True):
            torch.testing.assert_close(one, other)

    def test_it_is_a_mean_squared_distance(self):
        """Of (0, 0) and (3, 4) from a codebook of (0, 0) alone: (0 + 25) / 2, times 1 + β."""
        vectors, books = torch.tensor([[0.0, 0.0], [3.0, 4.0]]), torch.zeros(1, 1, 2)
        assert commitment(vectors, books, 0.5).item() == pytest.approx(1.5 * 12.5)

    def test_it_falls_as_codebooks_fit_and_as_vectors_gather(self):
        torch.manual_seed(0)
        vectors, books = torch.randn(200, 4), torch.randn(2, 8, 4) * 0.1
        for moving in ((books,), (vectors,), (books, vectors)):
            parts = {id(one): one.clone() for one in (vectors, books)}
            free = [parts[id(one)].requires_grad_() for one in moving]
            step = torch.optim.SGD(free, lr=2.0)
            seen = []
            for _ in range(40):
                loss = commitment(parts[id(vectors)], parts[id(books)])
                step.zero_grad()
                loss.backward()
                step.step()
                seen.append(loss.item())
            assert seen[-1] < 0.9 * seen[0]

    def test_vectors_on_their_codes_cost_nothing(self):
        books = torch.tensor([[[4.0, 0.0], [0.0, 4.0]], [[0.0, 0.0], [1.0, 0.0]]])
        assert commitment(books[0], books).item() == 0
        far = commitment(torch.tensor([[5.0, 0.0]]), books, 0.0)
        assert far.item() == pytest.approx(0.5), "1 after the first level, 0 after the second"


def _books(clusters: Clusters) -> torch.Tensor:
    return torch.from_numpy(clusters.codebooks).double()
