"""Hierarchical clustering, hashing and product quantisation against small computations apart."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.cluster import KMeans

from data.errors import ConfigError
from quantize.diagnostics import statistics
from quantize.fit import FittedCodes, fit_codes, gaps, residuals
from quantize.methods.hierarchical import HierarchicalQuantizer
from quantize.methods.lsh import LshQuantizer, cells
from quantize.methods.product import ProductQuantizer, parts
from quantize.methods.storage import mean_books
from quantize.settings import HierarchicalConfig, LshConfig, PqConfig


def fit(method, config, matrix, tmp_path, seed=0):
    return method.fit(matrix, config, seed=seed, scratch=tmp_path)


# Hierarchical clustering


def nested(seed=0):
    """2 far clumps, in each 2 nearer ones, in each 2 that are nearer still, 12 points in each."""
    rng = np.random.default_rng(seed)
    path = rng.permutation(np.repeat(np.arange(8), 12))
    bits = np.stack([path >> 2 & 1, path >> 1 & 1, path & 1], 1)
    place = bits * [100.0, 10.0, 1.0] + 0.01 * rng.normal(size=(96, 3))
    return place.astype(np.float32), bits


def test_clusters_inside_clusters_are_found(tmp_path):
    matrix, bits = nested()
    found = fit(HierarchicalQuantizer, HierarchicalConfig(k=2, per_code=1), matrix, tmp_path)
    codes = found.assign(matrix)
    assert codes.shape == (96, 3) and set(np.unique(codes)) == {0, 1}
    for depth in (1, 2, 3):
        ours = np.unique(codes[:, :depth], axis=0, return_inverse=True)[1]
        planted = np.unique(bits[:, :depth], axis=0, return_inverse=True)[1]
        assert len(np.unique(np.stack([ours.ravel(), planted.ravel()]), axis=1).T) == 2**depth
        means = np.stack([matrix[planted.ravel() == p].mean(0) for p in planted.ravel()])
        np.testing.assert_allclose(found.decode(codes[:, :depth]), means, atol=1e-4)


def test_each_level_divides_as_k_means_of_the_members_does(make_vectors, tmp_path):
    matrix = make_vectors(400, blobs=4).matrix
    config = HierarchicalConfig(k=4, levels=2, per_code=1)
    found = fit(HierarchicalQuantizer, config, matrix, tmp_path)
    codes = found.assign(matrix)
    for parent in range(4):
        part = matrix[codes[:, 0] == parent]
        ends = found.decode(codes[codes[:, 0] == parent])
        ours = np.square(part - ends).sum()
        assert ours <= 1.1 * KMeans(4, n_init=5, random_state=0).fit(part).inertia_


def test_numbers_are_shared_by_as_few_parents_as_possible(make_vectors, tmp_path):
    """16 clusters of 20 are cut in two, and 32 parts have 16 numbers: two parents share one."""
    matrix = make_vectors(320, blobs=16).matrix
    config = HierarchicalConfig(k=16, levels=2)
    found = fit(HierarchicalQuantizer, config, matrix, tmp_path)
    codes = found.assign(matrix)
    assert len(np.unique(codes[:, 1])) == 16
    sharing = [len(np.unique(codes[codes[:, 1] == c, 0])) for c in range(16)]
    parts_of = [found.tree[1].first[p + 1] - found.tree[1].first[p] for p in range(16)]
    assert max(sharing) <= -(-sum(parts_of) // 16)


def test_equal_vectors_and_single_members_do_not_break_the_tree(tmp_path):
    matrix = np.repeat(np.eye(3, 5, dtype=np.float32), [40, 40, 1], axis=0)
    found = fit(HierarchicalQuantizer, HierarchicalConfig(k=8, levels=4), matrix, tmp_path)
    codes = found.assign(matrix)
    assert codes.min() >= 0 and codes.max() < 8
    np.testing.assert_allclose(found.decode(codes), matrix, atol=1e-6)


# Locality sensitive hashing


@given(st.integers(2, 600), st.data())
def test_cells_are_all_of_k_and_keep_neighbours_together(k, data):
    """All k numbers occur; bit strings of one number share all bits but the last at least."""
    bits = (k - 1).bit_length()
    strings = np.arange(1 << bits)[:, None] >> np.arange(bits - 1, -1, -1) & 1
    found = cells(strings, k)
    assert set(found.tolist()) == set(range(k))
    if k == 1 << bits:
        assert found.tolist() == list(range(k))
    one = data.draw(st.integers(0, k - 1))
    mine = np.flatnonzero(found == one)
    assert len(mine) <= 2 and len(set((mine >> 1).tolist())) == 1


def test_codes_are_sides_of_planes(make_vectors, tmp_path):
    matrix = make_vectors(300).matrix
    found = fit(LshQuantizer, LshConfig(k=16), matrix, tmp_path, seed=3)
    assert found.planes.shape == (3, 4, 24)
    centred = matrix.astype(np.float64) - found.centre
    for level in range(3):
        code = 0
        for plane in found.planes[level]:
            code = 2 * code + (centred @ plane > 0)
        np.testing.assert_array_equal(found.assign(matrix)[:, level], code)


def test_near_vectors_share_more_codes(make_vectors, tmp_path):
    """P(same bit) = 1 - angle / π: four bits of vectors 0.3 rad apart agree in about 2 of 3."""
    rng = np.random.default_rng(0)
    base = rng.normal(size=(4000, 64))
    aside = rng.normal(size=(4000, 64))
    aside -= (aside * base).sum(1, keepdims=True) / (base**2).sum(1, keepdims=True) * base
    aside *= np.linalg.norm(base, axis=1, keepdims=True) / np.linalg.norm(
        aside, axis=1, keepdims=True
    )
    turned = np.cos(0.3) * base + np.sin(0.3) * aside
    both = np.concatenate([base, turned]).astype(np.float32)
    codes = fit(LshQuantizer, LshConfig(k=16, levels=8), both, tmp_path).assign(both)
    alike = float((codes[:4000] == codes[4000:]).mean())
    assert alike == pytest.approx((1 - 0.3 / np.pi) ** 4, abs=0.03)


def test_a_k_that_is_no_power_of_two_is_used_in_full(make_vectors, tmp_path):
    matrix = np.random.default_rng(0).normal(size=(5000, 32)).astype(np.float32)
    found = fit(LshQuantizer, LshConfig(k=12, levels=2), matrix, tmp_path)
    counts = np.bincount(found.assign(matrix)[:, 0], minlength=12)
    assert found.planes.shape == (2, 4, 32) and len(counts) == 12 and counts.min() > 0


def test_means_of_what_is_left_by_hand():
    """Members 0 and 2 have code 0 on level 0: mean (2, 0); they leave (-1, 0) and (1, 0)."""
    matrix = np.array([[1.0, 0.0], [0.0, 4.0], [3.0, 0.0]])
    books = mean_books(matrix, np.array([[0, 1], [1, 1], [0, 2]]), 3)
    assert books[0].tolist() == [[2, 0], [0, 4], [0, 0]]
    assert books[1].tolist() == [[0, 0], [-0.5, 0], [1, 0]]


# Product quantisation


def test_every_part_is_quantised_by_itself(make_vectors, tmp_path):
    matrix = make_vectors(300).matrix
    found = fit(ProductQuantizer, PqConfig(k=10), matrix, tmp_path)
    codes, centred = found.assign(matrix), matrix - matrix.mean(0)
    for level, part in enumerate(parts(24, 3)):
        book = found.codebooks[level][:, part]
        gap = np.square(centred[:, None, part] - book[None]).sum(-1)
        np.testing.assert_array_equal(codes[:, level], gap.argmin(1))
        best = KMeans(10, n_init=3, random_state=0).fit(centred[:, part]).inertia_
        assert gap.min(1).sum() <= 1.15 * best
        outside = np.delete(found.codebooks[level], np.r_[part], axis=1)
        assert (outside == 0).all()


def test_parts_are_put_together_again(make_vectors, tmp_path):
    matrix = make_vectors(200).matrix
    found = fit(ProductQuantizer, PqConfig(k=10), matrix, tmp_path)
    codes = found.assign(matrix)
    pieces = [
        found.codebooks[t][codes[:, t]][:, part] + matrix.mean(0)[part]
        for t, part in enumerate(parts(24, 3))
    ]
    np.testing.assert_allclose(found.decode(codes), np.concatenate(pieces, 1), atol=1e-6)
    np.testing.assert_allclose(
        found.decode(codes[:, :1])[:, 8:], np.tile(matrix.mean(0)[8:], (200, 1)), atol=1e-6
    )


@given(st.integers(1, 400), st.integers(1, 8))
def test_parts_are_the_whole(width, levels):
    if levels <= width:
        sizes = [part.stop - part.start for part in parts(width, levels)]
        assert sum(sizes) == width and max(sizes) - min(sizes) <= 1 and min(sizes) > 0


def test_more_parts_than_coordinates_get_a_sentence(make_vectors, tmp_path):
    with pytest.raises(ConfigError, match=r"width 2 cannot be cut into 3 parts.*2 or less"):
        fit_codes(make_vectors(30, width=2), PqConfig(k=3), tmp_path, seed=0)


# What reads codebooks


@pytest.mark.parametrize("config", [HierarchicalConfig(k=20), LshConfig(k=20), PqConfig(k=20)])
def test_what_is_left_makes_sense_of_every_method(make_vectors, tmp_path, config):
    """Code vectors bring most entities nearer, and what is left plus their sum is the vector."""
    vectors = make_vectors(320)
    fitted = fit_codes(vectors, config, tmp_path / "s", seed=0)
    fitted.save(tmp_path / "f")
    again = FittedCodes.load(tmp_path / "f")
    left = residuals(again, vectors.matrix)
    np.testing.assert_allclose(left[-1] + again.codes.decode(), left[0], atol=1e-5)
    lengths = np.square(left).sum((1, 2))
    assert (np.diff(lengths) < 0).all()
    np.testing.assert_array_equal(
        again.quantizer.decode(again.codes.codes), fitted.quantizer.decode(fitted.codes.codes)
    )
    assert gaps(left).shape == (320, 3)
    figures = statistics(again.quantizer, vectors.matrix, again.codes.codes)
    assert figures == again.codes.statistics
    assert figures["error_left"] == sorted(figures["error_left"], reverse=True)
    error = np.square(vectors.matrix - again.quantizer.decode(again.codes.codes)).sum()
    spread = np.square(vectors.matrix - vectors.matrix.mean(0)).sum()
    assert figures["error_left"][-1] == pytest.approx(error / spread, rel=1e-4)
