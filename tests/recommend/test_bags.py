import numpy as np
import torch
from torch.nn import functional as F

from recommend.features import Bags
from recommend.sequence.network import BagEmbedding

BAGS = Bags(  # an empty bag in the middle, and a category (3) that nobody has
    np.array([2, 0, 0, 4, 2]),
    np.array([0.5, 0.5, 1.0, 2.0, 1.0], dtype=np.float32),
    np.array([0, 2, 2, 3]),
    np.array([5]),
)


def test_bags_and_their_gradient_are_those_of_torch():
    torch.manual_seed(0)
    ours = BagEmbedding(BAGS, 3)
    table = ours.table.weight.detach().clone().requires_grad_()
    arrays = (torch.from_numpy(array) for array in (BAGS.categories, BAGS.offsets, BAGS.weights))
    categories, offsets, weights = arrays
    theirs = F.embedding_bag(categories, table, offsets, mode="sum", per_sample_weights=weights)
    upstream = torch.randn(4, 3)
    found = ours()
    found.backward(upstream)
    theirs.backward(upstream)
    torch.testing.assert_close(found, theirs)
    torch.testing.assert_close(ours.table.weight.grad, table.grad)
    assert found[1].eq(0).all() and table.grad[3].eq(0).all()


def test_who_has_no_category_says_nothing():
    nobody = Bags(
        np.array([], dtype=np.int64), np.zeros(0, np.float32), np.zeros(2, int), np.ones(1, int)
    )
    assert BagEmbedding(BAGS, 3).says and not BagEmbedding(nobody, 3).says
    assert BagEmbedding(nobody, 3)().eq(0).all()
