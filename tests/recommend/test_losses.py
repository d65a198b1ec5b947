import math

import pytest
import torch
from torch.nn import functional as F

from recommend.fit.losses import BLOCK, full_softmax, sampled_softmax


def random_case(p, n, d=4, scale=1.0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    users = torch.randn(p, d, dtype=torch.float64, generator=generator) * scale
    items = torch.randn(n, d, dtype=torch.float64, generator=generator)
    return (
        users.requires_grad_(),
        items.requires_grad_(),
        torch.randint(n, (p,), generator=generator),
    )


@pytest.mark.parametrize("p", [1, 5, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 7])
@pytest.mark.parametrize("scale", [1.0, 300.0])
def test_full_softmax_equals_cross_entropy_in_value_and_gradients(p, scale):
    users, items, target = random_case(p, 11, scale=scale)
    ours, theirs = full_softmax(users, items, target), F.cross_entropy(users @ items.T, target)
    torch.testing.assert_close(ours, theirs)
    for one, other in zip(
        torch.autograd.grad(3 * ours, (users, items)),
        torch.autograd.grad(3 * theirs, (users, items)),
        strict=True,
    ):
        torch.testing.assert_close(one, other)


def test_full_softmax_leaves_its_inputs_as_they_are():
    users, items, target = random_case(BLOCK + 3, 6)
    before = users.detach().clone(), items.detach().clone()
    full_softmax(users, items, target).backward()
    assert torch.equal(users, before[0]) and torch.equal(items, before[1])


def test_sampled_softmax_equals_its_formula_row_by_row():
    users, items, target = random_case(6, 5)
    drawn = torch.tensor([0, 3, 3, 1])
    log_q = torch.tensor([0.4, 0.1, 0.1, 0.3, 0.1], dtype=torch.float64).log()
    total = torch.zeros((), dtype=torch.float64)
    for user, label in zip(users, target, strict=True):
        true = user @ items[label]
        against = [user @ items[j] - log_q[j] - math.log(4) for j in drawn if j != label]
        total = total + torch.stack([true, *against]).logsumexp(0) - true
    ours = sampled_softmax(users, items, target, drawn, log_q)
    torch.testing.assert_close(ours, total / 6)
    for one, other in zip(
        torch.autograd.grad(ours, (users, items)),
        torch.autograd.grad(total / 6, (users, items)),
        strict=True,
    ):
        torch.testing.assert_close(one, other)


def test_a_negative_that_is_the_own_target_is_left_out():
    users, items, _ = random_case(1, 4)
    log_q = torch.full((4,), 0.25, dtype=torch.float64).log()
    target = torch.tensor([2])
    with_it = sampled_softmax(users, items, target, torch.tensor([0, 2, 1, 2]), log_q)
    without = sampled_softmax(users, items, target, torch.tensor([0, 1]), log_q + math.log(2))
    torch.testing.assert_close(with_it, without)
    alone = sampled_softmax(users, items, target, torch.tensor([2, 2]), log_q)
    assert alone.item() == 0
    assert torch.autograd.grad(alone, users)[0].eq(0).all()


def test_how_often_an_item_is_drawn_does_not_change_its_pull():
    """Among the negatives, the gradient is that of the full softmax whatever they are drawn by."""
    users, items, target = random_case(1, 6, seed=3)
    q = torch.tensor([0.5, 0.2, 0.1, 0.1, 0.05, 0.05], dtype=torch.float64)
    drawn = torch.multinomial(
        q, 200_000, replacement=True, generator=torch.Generator().manual_seed(0)
    )
    loss = sampled_softmax(users, items, target, drawn, q.log())
    (ours,) = torch.autograd.grad(loss, items)
    (full,) = torch.autograd.grad(F.cross_entropy(users @ items.T, target), items)
    others = torch.arange(6) != target
    ours, full = (g[others].norm(dim=1) / g[others].norm(dim=1).sum() for g in (ours, full))
    torch.testing.assert_close(ours, full, rtol=0.03, atol=0)


def test_a_large_sample_gives_the_gradient_of_the_full_softmax():
    users, items, target = random_case(3, 6, seed=3)
    q = torch.tensor([0.5, 0.2, 0.1, 0.1, 0.05, 0.05], dtype=torch.float64)
    drawn = torch.multinomial(
        q, 200_000, replacement=True, generator=torch.Generator().manual_seed(0)
    )
    sampled = sampled_softmax(users, items, target, drawn, q.log())
    full = F.cross_entropy(users @ items.T, target)
    for one, other in zip(
        torch.autograd.grad(sampled, (users, items)),
        torch.autograd.grad(full, (users, items)),
        strict=True,
    ):
        torch.testing.assert_close(one, other, rtol=0.05, atol=0.01)
