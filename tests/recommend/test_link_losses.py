"""Losses of pairs and triples, by values worked out by hand."""

import math

import pytest
import torch
from torch.nn import functional as F

from recommend.graphs.losses import (
    distmult,
    margin_loss,
    shared_softmax_loss,
    sigmoid_loss,
    softplus_loss,
    transe,
)


def test_sigmoid_loss_by_hand():
    # σ(ln 3) = 3/4, so a positive of ln 3 costs ln 4/3, and a negative of ln 3 costs ln 4.
    positive, negative = torch.tensor([math.log(3), 0.0]), torch.tensor([[math.log(3)], [0.0]])
    by_hand = (math.log(4 / 3) + math.log(2)) / 2 + (math.log(4) + math.log(2)) / 2
    assert sigmoid_loss(positive, negative).item() == pytest.approx(by_hand)
    assert softplus_loss(positive, negative).item() == pytest.approx(by_hand / 2)


def test_shared_softmax_by_hand_and_as_cross_entropy():
    sources = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    targets = torch.tensor([[math.log(2), 5.0], [1.0, 0.0]])
    negatives = torch.tensor([[0.0, 0.0], [math.log(3), math.log(2)]])
    # Row 0: 2 / (2 + 1 + 3); row 1: 1 / (1 + 1 + 4).
    by_hand = (math.log(3) + math.log(6)) / 2
    assert shared_softmax_loss(sources, targets, negatives).item() == pytest.approx(by_hand)
    wrong = torch.tensor([[False, True], [False, False]])  # row 0: 2 / (2 + 1)
    masked = shared_softmax_loss(sources, targets, negatives, wrong=wrong)
    assert masked.item() == pytest.approx((math.log(1.5) + math.log(6)) / 2)
    scores = torch.cat([(sources * targets).sum(1, keepdim=True), sources @ negatives.T], 1) / 0.1
    there = F.cross_entropy(scores, torch.zeros(2, dtype=torch.int64))
    torch.testing.assert_close(shared_softmax_loss(sources, targets, negatives, 0.1), there)


def test_a_hopeless_pair_still_has_a_gradient():
    """log(softmax + 1e-12) would have none: the softmax is 0 in float32."""
    sources = torch.tensor([[30.0]], requires_grad=True)
    loss = shared_softmax_loss(sources, torch.tensor([[-10.0]]), torch.tensor([[10.0]]))
    assert loss.item() == pytest.approx(600)
    assert torch.autograd.grad(loss, sources)[0].item() == pytest.approx(20)


def test_shared_softmax_without_negatives_is_zero():
    one = torch.ones(3, 2)
    assert shared_softmax_loss(one, one, one[:0]).item() == 0


def test_margin_loss_of_transe_by_hand():
    head, relation = torch.tensor([[0.0, 0.0]]), torch.tensor([[1.0, 0.0]])
    tail, others = torch.tensor([[1.0, 1.0]]), torch.tensor([[[4.0, 4.0], [1.0, 0.5]]])
    near = transe(head, relation, tail)
    far = transe(head[:, None], relation[:, None], others)
    assert near.tolist() == [1.0] and far.tolist() == [[5.0, 0.5]]
    # max(0, 1 + 1 - 5) = 0 and max(0, 1 + 1 - 0.5) = 1.5
    assert margin_loss(near, far).item() == pytest.approx(0.75)
    assert margin_loss(near, far, margin=0.0).item() == pytest.approx(0.25)
    assert transe(head, relation, others[:, 0], norm=1).tolist() == [7.0]


def test_distmult_by_hand():
    head, relation, tail = torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, -1.0]]), torch.ones(1, 2)
    assert distmult(head, relation, tail).tolist() == [1.0]
    # softplus(-1) = ln(1 + 1/e), softplus(-1) again for the negative of -1
    loss = softplus_loss(distmult(head, relation, tail), -distmult(head, relation, tail))
    assert loss.item() == pytest.approx(math.log(1 + math.exp(-1)))
