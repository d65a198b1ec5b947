import numpy as np
import pytest

from quantize.codebook_map import CODE, MEMBER, SCHEMA, draw_map
from quantize.codes import Codes


@pytest.fixture(scope="module")
def clusters():
    """Twenty codes in two far groups of ten, and members that stand on their codes."""
    rng = np.random.default_rng(0)
    books = rng.normal(size=(2, 20, 6)).astype(np.float32)
    books[0, 10:] += 40
    codes = rng.integers(0, 20, size=(50, 2)).astype(np.int32)
    ids = tuple(f"e{n}" for n in range(50))
    left = np.stack([books[t][codes[:, t]] for t in (0, 1)] + [np.zeros((50, 6), np.float32)])
    return Codes(ids, codes, books), left + rng.normal(size=left.shape).astype(np.float32) * 1e-3


def test_near_codes_lie_near_and_members_beside_their_codes(clusters):
    codes, left = clusters
    table = draw_map(codes, left, [0])
    assert dict(table.schema) == SCHEMA
    assert table["kind"].value_counts(sort=True).rows() == [(MEMBER, 50), (CODE, 20)]
    points = table.select("x", "y").to_numpy()
    here, there = points[:10].mean(0), points[10:20].mean(0)
    for at, point in enumerate(points[:20]):
        own, other = (here, there) if at < 10 else (there, here)
        assert np.linalg.norm(point - own) < np.linalg.norm(point - other)
    members = table.filter(kind=MEMBER)
    np.testing.assert_array_equal(members["code"], codes.codes[members["row"].to_numpy(), 0])
    apart = np.linalg.norm(points[20:] - points[members["code"].to_numpy()], axis=1)
    assert np.median(apart) < 0.25 * np.linalg.norm(here - there)


def test_the_same_codes_lie_in_the_same_places(clusters):
    assert draw_map(*clusters, [1]).equals(draw_map(*clusters, [1]))


def test_all_levels_together_are_codes_only(clusters):
    table = draw_map(*clusters, [0, 1])
    assert table["kind"].unique().to_list() == [CODE]
    assert table["level"].to_list() == [0] * 20 + [1] * 20


def test_two_codes_are_drawn_as_well():
    books = np.zeros((1, 2, 3), np.float32)
    codes = Codes(("a",), np.zeros((1, 1), np.int32), books)
    table = draw_map(codes, np.zeros((2, 1, 3), np.float32), [0])
    assert table.height == 3 and np.isfinite(table.select("x", "y").to_numpy()).all()
