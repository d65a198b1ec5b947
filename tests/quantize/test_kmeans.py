import numpy as np
import torch
from sklearn.cluster import KMeans

from quantize.residual import kmeans, nearest


def inertia(x, centres):
    return float((x - centres[nearest(x, centres)]).square().sum())


def test_inertia_is_that_of_scikit_learn(make_vectors):
    x = torch.from_numpy(make_vectors(400, blobs=10, seed=3).matrix)
    ours = min(
        inertia(x, kmeans(x, 10, generator=torch.Generator().manual_seed(s))) for s in (0, 1)
    )
    theirs = KMeans(10, n_init=5, random_state=0).fit(x.numpy()).inertia_
    assert ours <= 1.05 * theirs


def test_centres_are_the_means_of_their_members(make_vectors):
    x = torch.from_numpy(make_vectors(200).matrix)
    centres = kmeans(x, 6, generator=torch.Generator().manual_seed(0), iterations=100)
    members = nearest(x, centres)
    for code in range(6):
        np.testing.assert_allclose(centres[code], x[members == code].mean(0), atol=1e-5)


def test_no_centre_is_empty_where_seeding_repeats_itself():
    """Two distant clumps of equal points and one centre more than there are places."""
    x = torch.cat([torch.zeros(20, 2), torch.ones(20, 2), torch.full((1, 2), 9.0)])
    centres = kmeans(x, 3, generator=torch.Generator().manual_seed(0))
    assert sorted(torch.bincount(nearest(x, centres), minlength=3).tolist()) == [1, 20, 20]


def test_fewer_vectors_than_centres_keep_them_all():
    x = torch.tensor([[0.0, 0.0], [5.0, 5.0]])
    centres = kmeans(x, 4, generator=torch.Generator().manual_seed(0))
    assert centres.shape == (4, 2) and torch.equal(centres[:2], x)


def test_equal_vectors_do_not_break_it():
    x = torch.ones(10, 3)
    assert torch.isfinite(kmeans(x, 4, generator=torch.Generator().manual_seed(0))).all()


def test_centres_without_a_vector_of_their_own_stay_where_they_are():
    x = torch.cat([torch.zeros(5, 2), torch.ones(5, 2)])
    centres = kmeans(x, 5, generator=torch.Generator().manual_seed(0))
    assert {tuple(centre) for centre in centres.tolist()} == {(0, 0), (1, 1)}


def test_the_seed_decides(make_vectors):
    x = torch.from_numpy(make_vectors(200).matrix)
    runs = [kmeans(x, 30, generator=torch.Generator().manual_seed(s)) for s in (4, 4, 5)]
    assert torch.equal(runs[0], runs[1]) and not torch.equal(runs[0], runs[2])
