import pytest
import torch

from quantize.residual import quantise
from quantize.rq_vae import RqVae
from quantize.settings import RqVaeConfig

CONFIG = RqVaeConfig(k=4, levels=2, dim=2, hidden=(5,))


@pytest.fixture
def model():
    torch.manual_seed(0)
    model = RqVae(3, 4, CONFIG)
    torch.nn.init.normal_(model.codebooks)
    return model


def identity_model():
    """Encoder and decoder that change nothing, over two hand-made codebooks of dimension 2."""
    model = RqVae(2, 2, RqVaeConfig(k=2, levels=2, dim=2, hidden=()))
    with torch.no_grad():
        for layer in (model.encoder[0], model.decoder[0]):
            layer.weight.copy_(torch.eye(2))
            layer.bias.zero_()
        model.codebooks.copy_(torch.tensor([[[4.0, 0.0], [0.0, 4.0]], [[1.0, 0.0], [0.0, 1.0]]]))
    return model


def test_losses_by_hand():
    """v = (3, 1): r¹ - c¹ = (-1, 1), r² - c² = (-1, 0), v - v̂ = (3, 1) - (4, 1) = (-1, 0)."""
    model = identity_model()
    losses = model(torch.tensor([[3.0, 1.0]]))
    assert losses.reconstruction.item() == 1
    assert losses.codebook.tolist() == losses.commitment.tolist() == [2, 1]
    assert losses.total(0.25).item() == 1 + 3 + 0.25 * 3


def test_gradients_of_codes_and_encoder_by_hand():
    """The codebook term moves codes only, commitment and reconstruction the encoder only."""
    model = identity_model()
    v = torch.tensor([[3.0, 1.0]])
    losses = model(v)
    (losses.codebook.sum()).backward(retain_graph=True)
    assert model.codebooks.grad[0].tolist() == [[2, -2], [0, 0]]  # -2 (r¹ - c¹)
    assert model.codebooks.grad[1].tolist() == [[0, 0], [2, 0]]  # -2 (r² - c²)
    assert model.encoder[0].bias.grad is None
    model.zero_grad()
    losses.commitment.sum().backward(retain_graph=True)
    assert model.codebooks.grad is None
    assert model.encoder[0].bias.grad.tolist() == [-2 - 2, 2 + 0]  # 2 (r¹ - c¹) + 2 (r² - c²)
    model.zero_grad()
    losses.reconstruction.backward()
    assert model.codebooks.grad is None
    assert model.encoder[0].bias.grad.tolist() == [2, 0]  # -2 (v - v̂), straight through


def test_straight_through_passes_the_decoders_gradient(model):
    v = torch.randn(6, 3)
    grad = torch.autograd.grad(model(v).reconstruction, model.encoder[-1].bias)[0]
    with torch.no_grad():
        x = model.encode(v)
        codes = quantise(x, model.codebooks).codes
        quantised = sum(book[codes[:, t]] for t, book in enumerate(model.codebooks))
    quantised.requires_grad_()
    loss = (model.standardise(v) - model.decoder(quantised)).square().sum(1).mean()
    at_code = torch.autograd.grad(loss, quantised)[0]
    torch.testing.assert_close(grad, at_code.sum(0))


def test_every_parameter_gets_a_gradient(model):
    model(torch.randn(40, 3)).total(0.25).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


def test_standardised_vectors_have_mean_0_and_variance_1(model, make_vectors):
    vectors = torch.from_numpy(make_vectors(200, width=3).matrix)
    model.fit_standard(vectors)
    scaled = model.standardise(vectors)
    assert scaled.mean(0).abs().max() < 1e-5 and scaled.square().mean().item() == pytest.approx(1)
    torch.testing.assert_close(scaled * model.scale + model.centre, vectors)


def test_dead_codes_move_to_what_is_badly_quantised(model):
    vectors = torch.randn(60, 3)
    with torch.no_grad():
        model.codebooks[0, 2:] = 1e3
    moved = model.revive(vectors, torch.Generator().manual_seed(0))
    assert moved[0].tolist()[2:] == [True, True]
    assert model.codebooks.abs().max() < 1e3
    codes = quantise(model.encode(vectors), model.codebooks).codes
    assert set(codes[:, 0].tolist()) >= {2, 3}


def test_paper_architecture():
    model = RqVae(384, 256, RqVaeConfig())
    shapes = [tuple(p.shape) for p in model.encoder.parameters() if p.dim() == 2]
    assert shapes == [(512, 384), (256, 512), (32, 256)]
    assert [tuple(p.shape) for p in model.decoder.parameters() if p.dim() == 2] == [
        (256, 32),
        (512, 256),
        (384, 512),
    ]
    assert tuple(model.codebooks.shape) == (3, 256, 32)
