import pytest
import torch

from recommend.sequence.attention import (
    AttentionHead,
    Edges,
    groups,
    logits,
    neighbours,
    prefixes,
    weighted_sums,
)

INF = float("inf")


def softmax_mean(pairs):
    """Mean of values weighed by the softmax of their logits, for one head."""
    weight = torch.stack([logit for logit, _ in pairs]).softmax(0)
    return sum(w * value for w, (_, value) in zip(weight, pairs, strict=True))


def naive_prefixes(logit, values, first, prior):
    b, l, h = logit.shape  # noqa: E741
    out = torch.empty_like(values)
    for row in range(b):
        for at in range(l):
            for head in range(h):
                pairs = [(first[0][row, head], first[1][row, head])]
                if prior is not None:
                    said = prior[2].speaker[prior[2].hearer == row].tolist()
                    mine = prior[0][head, prior[2].hearer == row]
                    pairs += list(zip(mine, prior[1][said, head], strict=True))
                pairs += [(logit[row, j, head], values[row, j, head]) for j in range(at + 1)]
                out[row, at, head] = softmax_mean(pairs)
    return out


def random_case(spread=1.0, masked=(), prior=True):
    """Two rows of five positions with two heads of three channels; row 1 has no prior."""
    torch.manual_seed(0)
    shapes = [(2, 5, 2), (2, 5, 2, 3), (2, 2), (2, 2, 3), (2, 4), (3, 2, 3)]
    tensors = [torch.randn(*shape, dtype=torch.float64) for shape in shapes]
    for place in (0, 2, 4):
        tensors[place] *= spread
    for row, at in masked:
        tensors[0][row, at] = -INF
    tensors = [tensor.requires_grad_() for tensor in tensors]
    logit, values, own, mine, before, theirs = tensors
    edges = Edges.of(torch.tensor([2, 0, 2, 1]), torch.zeros(4, dtype=torch.int64), 2, 3)
    return tensors, (logit, values, (own, mine), (before, theirs, edges) if prior else None)


CASES = {
    "plain": {},
    "no prior": {"prior": False},
    "masked": {"masked": [(0, 0), (0, 3), (1, 4)]},
    "all masked": {"masked": [(1, at) for at in range(5)]},
    "far apart": {"spread": 8.0},
    "equal": {"spread": 0.0},
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_prefixes_equal_a_softmax_at_every_position(case):
    _, arguments = random_case(**case)
    torch.testing.assert_close(prefixes(*arguments), naive_prefixes(*arguments))


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_gradients_of_prefixes_equal_those_of_the_softmax(case):
    used, arguments = random_case(**case)
    if arguments[3] is None:
        used = used[:4]
    upstream = torch.randn(2, 5, 2, 3, dtype=torch.float64)
    ours = torch.autograd.grad(prefixes(*arguments), used, upstream)
    theirs = torch.autograd.grad(naive_prefixes(*arguments), used, upstream)
    for one, other in zip(ours, theirs, strict=True):
        assert one.isfinite().all()
        torch.testing.assert_close(one, other.nan_to_num())


def test_logits_that_would_overflow_give_the_largest_its_value():
    _, (logit, values, first, prior) = random_case()
    logit = logit.detach().clone()
    logit[:, 2] = 5_000.0
    out = prefixes(logit, values, first, prior)
    assert out.isfinite().all()
    torch.testing.assert_close(out[:, 2:], values[:, 2:3].expand(-1, 3, -1, -1))
    low = prefixes(torch.full_like(logit, -5_000.0), values, first, prior)
    torch.testing.assert_close(low[1], first[1][1].expand(5, -1, -1))


def test_a_masked_neighbour_weighs_nothing_however_far_logits_are_apart():
    _, (logit, values, first, _) = random_case(masked=[(0, 0), (1, 0)])
    logit = logit.detach().clone()
    logit[:, 4] = 80.0
    torch.testing.assert_close(prefixes(logit, values, first)[:, 0], first[1])


def test_a_position_does_not_see_what_comes_after():
    _, (logit, values, first, prior) = random_case()
    before = prefixes(logit, values, first, prior)[:, :3]
    later, other = logit.detach().clone(), values.detach().clone()
    later[:, 3:], other[:, 3:] = 7.0, 99.0
    torch.testing.assert_close(prefixes(later, other, first, prior)[:, :3], before)


@pytest.mark.parametrize("apart", [50.0, 70.0, 100.0, 5_000.0])
def test_nor_however_far_the_logit_of_what_comes_after_is(apart):
    logit = torch.zeros(1, 2, 1)
    values = torch.tensor([1.0, 2.0]).view(1, 2, 1, 1)
    first = (torch.zeros(1, 1), torch.zeros(1, 1, 1))
    logit[:, 1] = apart
    assert prefixes(logit, values, first)[0, 0].item() == 0.5


def in_turn(hearer, hearers):
    """Each speaker of as many is heard once, by one of them after the other."""
    return Edges.of(torch.arange(len(hearer)), torch.tensor(hearer), hearers, len(hearer))


def test_a_group_whose_members_are_all_masked_gives_no_gradient_however_steep_the_loss():
    logit = torch.tensor([[float("-inf"), 0.0]], requires_grad=True)
    values = torch.ones(2, 1, 1, requires_grad=True)
    out = groups(logit, values, in_turn([0, 1], 2))
    assert out.flatten().tolist() == [0, 1]
    for gradient in torch.autograd.grad((1e6 * out).sum(), (logit, values)):
        assert gradient.isfinite().all()


def test_grouped_equals_a_softmax_in_every_group():
    torch.manual_seed(1)
    logit = (20 * torch.randn(2, 9, dtype=torch.float64)).requires_grad_()
    values = torch.randn(4, 2, 3, dtype=torch.float64, requires_grad=True)
    group = torch.tensor([0, 0, 0, 0, 1, 3, 3, 3, 3])  # nobody is in 2 and 4
    speaker = torch.tensor([3, 0, 1, 0, 3, 3, 3, 0, 1])  # and nobody hears 2
    out = groups(logit, values, Edges.of(speaker, group, 5, 4))
    rows = []
    for number in range(5):
        members = torch.nonzero(group == number).flatten().tolist()
        heads = [[(logit[h, m], values[speaker[m], h]) for m in members] for h in range(2)]
        nothing = torch.zeros(3, dtype=torch.float64)
        rows.append(torch.stack([softmax_mean(p) if p else nothing for p in heads]))
    naive = torch.stack(rows)
    torch.testing.assert_close(out, naive)
    upstream = torch.randn_like(out)
    ours = torch.autograd.grad(out, (logit, values), upstream)
    theirs = torch.autograd.grad(naive, (logit, values), upstream)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other)


def test_grouped_survives_extreme_logits():
    values = torch.tensor([[[1.0]], [[2.0]], [[4.0]]])
    logit = torch.tensor([[900.0, -900.0, -900.0]])
    out = groups(logit, values, in_turn([0, 0, 1], 3))
    assert out.flatten().tolist() == [1, 4, 0]


def test_neighbours_equal_a_softmax_over_those_present():
    torch.manual_seed(2)
    table = torch.randn(4, 2, 3, dtype=torch.float64, requires_grad=True)
    logit = (20 * torch.randn(2, 3, 2, dtype=torch.float64)).requires_grad_()
    index = torch.tensor([[0, 1], [3, 3], [2, 0]])
    present = torch.tensor([[True, False], [True, True], [False, False]])
    edges = Edges.to_each(index, 4)
    out = neighbours(logit, table, edges, present)
    assert out[2].eq(0).all()
    upstream = torch.randn_like(out)
    for row in range(2):
        there = torch.nonzero(present[row]).flatten().tolist()
        for head in range(2):
            pairs = [(logit[head, row, k], table[index[row, k], head]) for k in there]
            torch.testing.assert_close(out[row, head], softmax_mean(pairs))
    total = sum(
        softmax_mean([(logit[h, r, k], table[index[r, k], h]) for k in range(2) if present[r, k]])
        @ upstream[r, h]
        for r in range(2)
        for h in range(2)
    )
    ours = torch.autograd.grad(out, (logit, table), upstream)
    for one, other in zip(ours, torch.autograd.grad(total, (logit, table)), strict=True):
        torch.testing.assert_close(one, other)
    everyone = neighbours(logit, table, edges, torch.ones_like(present))
    torch.testing.assert_close(neighbours(logit, table, edges), everyone)


@pytest.mark.parametrize("tables", [2, 1], ids=["own values", "shared values"])
def test_sums_over_edges_are_differentiable(tables):
    torch.manual_seed(4)
    edges = Edges.of(torch.tensor([1, 1, 0, 2, 1]), torch.tensor([0, 0, 0, 2, 2]), 4, 3)
    weight = torch.randn(2, 5, dtype=torch.float64, requires_grad=True)
    values = torch.randn(3, tables, 3, dtype=torch.float64, requires_grad=True)
    torch.autograd.gradcheck(lambda w, v: weighted_sums(w, v, edges), (weight, values))
    summed = weighted_sums(weight, values, edges)
    for hearer, said in enumerate(([0, 1, 2], [], [3, 4], [])):
        for head in range(2):
            rows = values[edges.speaker[said], head % tables]
            torch.testing.assert_close(summed[hearer, head], weight[head, said] @ rows)


@pytest.mark.parametrize("times", [1, 2, 5])
def test_a_speaker_may_be_heard_more_often_than_there_are_pairs(times):
    torch.manual_seed(0)
    hearer = torch.arange(2).repeat_interleave(2 * times)
    edges = Edges.of(torch.tensor([0, 1]).repeat(2 * times), hearer, 2, 2)
    weight = torch.randn(3, len(hearer), dtype=torch.float64, requires_grad=True)
    values = torch.randn(2, 3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda w, v: weighted_sums(w, v, edges), (weight, values))


def test_the_projection_of_a_sum_is_the_sum_of_projections():
    torch.manual_seed(5)
    head, nodes, weight = AttentionHead(6, 2), torch.randn(3, 6), torch.rand(2, 5)
    edges = Edges.of(torch.tensor([1, 1, 0, 2, 1]), torch.tensor([0, 0, 0, 2, 2]), 4, 3)
    after = head.values_of_sums(weighted_sums(weight, nodes[:, None], edges))
    torch.testing.assert_close(after, weighted_sums(weight, head.values(nodes), edges))


def test_no_edges_say_nothing():
    nothing = torch.empty(0, dtype=torch.int64)
    values = torch.ones(3, 2, 4, requires_grad=True)
    out = weighted_sums(torch.empty(2, 0), values, Edges.of(nothing, nothing, 5, 3))
    assert out.shape == (5, 2, 4) and out.eq(0).all()
    out.sum().backward()
    assert values.grad.eq(0).all()


def test_a_logit_is_that_of_the_concatenated_pair():
    """Eq. 6: LeakyReLU(aᵀ[W e_t ‖ W e_j]), head by head."""
    torch.manual_seed(3)
    head = AttentionHead(6, 2)
    one, other = torch.randn(2, 6)
    a, b = head.values(one), head.values(other)  # (2, 3) each
    assert a.shape == (2, 3)
    torch.testing.assert_close(a.flatten(), head.project.weight @ one)
    for h in range(2):
        both = torch.cat([head.of_target[h], head.of_source[h]])
        product = both @ torch.cat([a[h], b[h]])
        expected = torch.where(product > 0, product, 0.2 * product)
        torch.testing.assert_close(
            logits(head.target(one[None]), head.source(other[None]))[h, 0], expected
        )


def test_heads_must_divide_the_width():
    with pytest.raises(ValueError, match="3 heads do not divide a width of 8"):
        AttentionHead(8, 3)
