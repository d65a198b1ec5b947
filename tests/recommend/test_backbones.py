import math

import pytest
import torch
from small_worlds import PARTS
from torch.nn import functional as F

from recommend.sequence.backbones.mind import squash
from recommend.sequence.dropout import Dropout
from recommend.settings import BACKBONES
from recommend.settings.gru4rec import Gru4RecConfig
from recommend.settings.mind import MindConfig
from recommend.settings.sasrec import SasRecConfig
from recommend.settings.youtubednn import YouTubeDnnConfig

CONFIGS = {
    "youtubednn": YouTubeDnnConfig(hidden=(7, 5), dropout=0),
    "mind": MindConfig(interests=3, dropout=0),
    "gru4rec": Gru4RecConfig(layers=2, dropout=0),
    "sasrec": SasRecConfig(dropout=0),
}
WIDTH, LONGEST = 8, 10


def build(config, dtype=torch.float64, window=LONGEST):
    torch.manual_seed(0)
    backbone = BACKBONES[config.name].load()(config, WIDTH, window)
    with torch.no_grad():
        for parameter in backbone.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
    return backbone.to(dtype).eval()


def some_items(b=3, length=LONGEST):
    return torch.randn(
        b, length, WIDTH, dtype=torch.float64, generator=torch.Generator().manual_seed(1)
    )


def test_every_backbone_has_its_settings():
    assert set(CONFIGS) == set(PARTS)


@pytest.mark.parametrize("name", PARTS)
class TestEveryBackbone:
    def test_one_vector_or_several_a_position(self, name):
        out = build(CONFIGS[name])(some_items())
        assert out.shape == (3, LONGEST, 3 if name == "mind" else 1, WIDTH)
        assert out.isfinite().all()

    def test_a_position_does_not_see_later_items(self, name):
        backbone, items = build(CONFIGS[name]), some_items()
        whole = backbone(items)
        for at in range(LONGEST - 1):
            other = items.clone()
            other[:, at + 1 :] = 5 * torch.randn_like(other[:, at + 1 :])
            torch.testing.assert_close(backbone(other)[:, : at + 1], whole[:, : at + 1])
            assert not torch.allclose(backbone(other)[:, at + 1], whole[:, at + 1], atol=1e-3)

    def test_no_gradient_comes_from_later_items(self, name):
        backbone, items = build(CONFIGS[name]), some_items().requires_grad_()
        (gradient,) = torch.autograd.grad(backbone(items)[:, 4].pow(2).sum(), items)
        assert gradient[:, 5:].eq(0).all()
        assert gradient[:, :5].abs().sum(-1).gt(0).all()

    def test_padding_at_the_end_changes_nothing(self, name):
        backbone, items = build(CONFIGS[name]), some_items()
        padded = items.clone()
        padded[:, 6:] = 0
        torch.testing.assert_close(backbone(padded)[:, :6], backbone(items[:, :6]))

    def test_rows_do_not_see_each_other(self, name):
        backbone, items = build(CONFIGS[name]), some_items()
        torch.testing.assert_close(backbone(items)[1:2], backbone(items[1:2]))

    def test_dropout_acts_in_training_only(self, name):
        backbone, items = build(CONFIGS[name].model_copy(update={"dropout": 0.5})), some_items()
        assert torch.equal(backbone(items), backbone(items))
        backbone.train()
        assert not torch.allclose(backbone(items), backbone(items))


@pytest.mark.parametrize("name", [name for name in PARTS if BACKBONES[name].load().slides])
@pytest.mark.parametrize("window", [1, 3, LONGEST])
def test_a_window_that_slides_sees_the_last_items_alone(name, window):
    backbone, items = build(CONFIGS[name], window=window), some_items()
    whole = backbone(items)
    for at in range(LONGEST):
        alone = backbone(items[:, max(at + 1 - window, 0) : at + 1])
        torch.testing.assert_close(whole[:, at], alone[:, -1])


def test_youtubednn_adds_an_mlp_to_the_mean_of_each_prefix():
    backbone, items = build(CONFIGS["youtubednn"]), some_items()
    layers = [layer for layer in backbone.mlp if isinstance(layer, torch.nn.Linear)]
    assert [tuple(layer.weight.shape) for layer in layers] == [(7, 8), (5, 7), (8, 5)]
    out = backbone(items)
    for at in range(LONGEST):
        mean = hidden = items[:, : at + 1].mean(1)
        for layer in layers[:-1]:
            hidden = layer(hidden).relu()
        torch.testing.assert_close(out[:, at, 0], mean + layers[-1](hidden))


def naive_interests(mind, history, most, rounds):
    """Dynamic routing of one history, loop by loop (MIND, eq. 5 to 9)."""
    length = len(history)
    count = max(1, min(most, int(math.log2(length))))
    behaviour = [mind.bilinear(item) for item in history]
    logit = [[mind.start[k, length - 1 - j] for j in range(length)] for k in range(count)]
    for _ in range(rounds):
        capsules = []
        for k in range(count):
            mixed = torch.zeros(WIDTH, dtype=torch.float64)
            for j in range(length):
                over_interests = torch.stack([logit[other][j] for other in range(count)])
                mixed = mixed + over_interests.softmax(0)[k] * behaviour[j]
            square = mixed @ mixed
            capsules.append(mixed * square / (1 + square) / (square + 1e-9).sqrt())
        logit = [
            [logit[k][j] + capsules[k] @ behaviour[j] for j in range(length)] for k in range(count)
        ]
    capsules += [capsules[0]] * (most - count)
    return torch.stack([mind.norm(c + mind.expand(c)) for c in capsules])


@pytest.mark.parametrize(("most", "rounds"), [(3, 3), (4, 1), (1, 2)])
def test_mind_routes_every_position_as_if_it_were_alone(most, rounds):
    mind = build(MindConfig(interests=most, iterations=rounds, dropout=0))
    items = some_items(2)
    out = mind(items)
    with torch.no_grad():
        for row in range(2):
            for at in range(LONGEST):
                expected = naive_interests(mind, items[row, : at + 1], most, rounds)
                torch.testing.assert_close(out[row, at], expected)


def test_a_history_of_n_items_has_log2_n_interests():
    out = build(MindConfig(interests=4, dropout=0))(some_items(1))[0]
    different = [len({tuple(v) for v in interests.round(decimals=6).tolist()}) for interests in out]
    assert different == [1, 1, 1, 2, 2, 2, 2, 3, 3, 3]


def test_mind_routes_without_gradient_but_for_the_last_round():
    """Rounds before the last decide on weights that count as constants."""
    mind, items = build(MindConfig(interests=2, iterations=2, dropout=0)), some_items(1)
    start = mind.start.clone().requires_grad_()
    mind.start = start
    assert torch.autograd.grad(mind(items).sum(), start)[0].abs().sum() > 0
    flat = build(MindConfig(interests=1, iterations=3, dropout=0))
    behaviour = flat.bilinear(items)
    capsule = squash(behaviour.cumsum(1))
    torch.testing.assert_close(flat(items)[:, :, 0], flat.norm(capsule + flat.expand(capsule)))


def test_squash_keeps_the_direction_and_bounds_the_length():
    x = torch.tensor([[3.0, 4.0], [0.3, 0.4], [300.0, 400.0], [0.0, 0.0]], dtype=torch.float64)
    out = squash(x)
    lengths = torch.tensor([25 / 26, 0.25 / 1.25, 250_000 / 250_001, 0], dtype=torch.float64)
    torch.testing.assert_close(out.norm(dim=1), lengths, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(F.normalize(out[:3]), F.normalize(x[:3]))


def test_gru_is_that_of_torch():
    backbone, items = build(CONFIGS["gru4rec"]), some_items()
    hidden = torch.zeros(2, 3, WIDTH, dtype=torch.float64)
    for at in range(4):
        step, hidden = backbone.gru(items[:, at : at + 1], hidden)
    torch.testing.assert_close(backbone(items)[:, 3, 0], backbone.project(step[:, 0]))


def test_sasrec_tells_places_apart():
    backbone, items = build(CONFIGS["sasrec"]), some_items(1)
    same = items[:, :1].expand(-1, LONGEST, -1)
    out = backbone(same)[0, :, 0]
    assert torch.pdist(out).min() > 1e-3


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.9])
def test_dropout_zeroes_its_share_and_keeps_the_mean(share):
    torch.manual_seed(0)
    dropout, x = Dropout(share), torch.ones(201, 503)
    out = dropout.train()(x)
    zero = out.eq(0).double().mean().item()
    error = 4 * math.sqrt(share * (1 - share) / x.numel())
    assert abs(zero - share) <= error + 1 / 512
    torch.testing.assert_close(out.mean().item(), 1.0, rtol=0.02, atol=0)
    kept = out[out != 0]
    torch.testing.assert_close(kept, torch.full_like(kept, 1 / (1 - round(256 * share) / 256)))


def test_dropped_channels_are_drawn_alone_and_get_no_gradient():
    torch.manual_seed(0)
    dropout = Dropout(0.5).train()
    x = torch.ones(64, 129, requires_grad=True)
    out = dropout(x)
    (gradient,) = torch.autograd.grad(out.sum(), x)
    torch.testing.assert_close(gradient, out.detach())
    dropped = out.detach().eq(0).double()
    assert not torch.equal(out, dropout(x))
    assert (dropped.mean(0) - 0.5).abs().max() < 0.3 and (dropped.mean(1) - 0.5).abs().max() < 0.2
    together = torch.corrcoef(dropped.T).fill_diagonal_(0).abs()
    assert together.max() < 0.6


def test_dropout_is_the_identity_outside_training():
    x = torch.randn(3, 4)
    assert Dropout(0.5).eval()(x) is x
    assert Dropout(0.0).train()(x) is x


def sharp(sharpness):
    return build(MindConfig(sharpness=sharpness))


@pytest.mark.parametrize("name", PARTS)
def test_one_interest_is_the_user(name):
    interests, label = torch.randn(5, 1, 3), torch.randn(5, 3)
    assert torch.equal(build(CONFIGS[name]).attend(interests, label), interests[:, 0])


def test_interests_that_fit_the_label_weigh_more():
    torch.manual_seed(0)
    interests, label = torch.randn(4, 3, 5), torch.randn(4, 5)
    ours = sharp(2.0).attend(interests, label)
    for row in range(4):
        fit = torch.stack([2.0 * (interests[row, k] @ label[row]) for k in range(3)])
        weight = fit.exp() / fit.exp().sum()
        expected = sum(weight[k] * interests[row, k] for k in range(3))
        torch.testing.assert_close(ours[row], expected)
    best = torch.einsum("pkd,pd->pk", interests, label).argmax(1)
    torch.testing.assert_close(
        sharp(1e4).attend(interests, label), interests[torch.arange(4), best]
    )


def test_equal_interests_are_one():
    one, label = torch.randn(6, 1, 4), torch.randn(6, 4)
    torch.testing.assert_close(sharp(2.0).attend(one.expand(-1, 3, -1), label), one[:, 0])
