"""RQ-VAE: residual quantisation between an encoder and a decoder."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding

from quantize.residual import kmeans, nearest, quantise
from quantize.settings import RqVaeConfig


class Losses(NamedTuple):
    """Terms of the objective, each a mean over the batch of sums over dimensions.

    Attributes:
        reconstruction: ‖v - v̂‖².
        codebook: (T,) ‖sg[r^t] - c‖² a level, which moves the code vectors.
        commitment: (T,) ‖r^t - sg[c]‖² a level, which moves the encoder.
    """

    reconstruction: Tensor
    codebook: Tensor
    commitment: Tensor

    def total(self, beta: float) -> Tensor:
        """The scalar that is minimised. Source: AutoGraph, eq. 5."""
        return self.reconstruction + self.codebook.sum() + beta * self.commitment.sum()


class RqVae(nn.Module):
    """Encoder, T codebooks and decoder over standardised vectors.

    Sentence vectors have unit length, so a coordinate of one has a variance of about 1 / width.
    They are centred and divided by one common number that makes the mean variance 1: distances
    keep their order, and the reconstruction counts about `width` at the start.

    Source: AutoGraph, section 3.2.2 and D.1.
    """

    centre: Tensor
    scale: Tensor

    def __init__(self, width: int, k: int, config: RqVaeConfig) -> None:
        super().__init__()
        self.encoder = mlp(width, *config.hidden, config.dim)
        self.decoder = mlp(config.dim, *reversed(config.hidden), width)
        self.codebooks = nn.Parameter(torch.zeros(config.levels, k, config.dim))
        self.register_buffer("centre", torch.zeros(width))
        self.register_buffer("scale", torch.ones(()))

    def standardise(self, vectors: Tensor) -> Tensor:
        """(n, width) centred vectors with a mean variance of 1 a coordinate."""
        return (vectors - self.centre) / self.scale

    def encode(self, vectors: Tensor) -> Tensor:
        """(n, d_q) encoder output x for raw vectors (n, width)."""
        out: Tensor = self.encoder(self.standardise(vectors))
        return out

    def decode(self, quantised: Tensor) -> Tensor:
        """(n, width) raw vectors for quantised ones (n, d_q)."""
        out: Tensor = self.decoder(quantised) * self.scale + self.centre
        return out

    def autoencode(self, vectors: Tensor) -> Tensor:
        """The reconstruction loss of a batch of raw vectors (b, width) without codes between."""
        target = self.standardise(vectors)
        return _mean_square(target - self.decoder(self.encoder(target)))

    def forward(self, vectors: Tensor) -> Losses:
        """The losses of a batch of raw vectors (b, width)."""
        target = self.standardise(vectors)
        x = self.encoder(target)  # (b, d_q)
        codes, residuals = quantise(x, self.codebooks)
        chosen = torch.stack(
            [embedding(codes[:, t], c) for t, c in enumerate(self.codebooks)]
        )  # (T, b, d_q)
        before = x - (x.detach() - residuals[:-1])  # (T, b, d_q), values r^t, gradient of x
        straight = x + (chosen.sum(0) - x).detach()
        return Losses(
            reconstruction=_mean_square(target - self.decoder(straight)),
            codebook=_mean_square(residuals[:-1] - chosen),
            commitment=_mean_square(before - chosen.detach()),
        )

    @torch.no_grad()
    def fit_standard(self, vectors: Tensor) -> None:
        """Fix the standardisation."""
        self.centre.copy_(vectors.mean(0))
        self.scale.copy_((vectors - self.centre).square().mean().sqrt().clamp_min(1e-12))

    @torch.no_grad()
    def place_codes(self, sample: Tensor, generator: torch.Generator) -> None:
        """Place every codebook by k-means of what is left before it.

        Source: AutoGraph, D.1, after Lee et al., CVPR 2022.
        """
        residual = self.encode(sample)
        for codebook in self.codebooks:
            codebook.copy_(kmeans(residual, len(codebook), generator=generator, iterations=25))
            residual = residual - codebook[nearest(residual, codebook)]

    @torch.no_grad()
    def revive(self, sample: Tensor, generator: torch.Generator) -> Tensor:
        """(T, K) bool, the codes that no vector of the sample selected and that were moved.

        A dead code moves to what is left of a vector before its level; badly quantised vectors
        are the likelier choice.
        """
        residual = self.encode(sample)
        moved = torch.zeros(self.codebooks.shape[:2], dtype=torch.bool)
        for level, codebook in enumerate(self.codebooks):
            members = nearest(residual, codebook)
            dead = torch.bincount(members, minlength=len(codebook)) == 0
            wanted = min(int(dead.sum()), len(residual))
            if wanted:
                error = (residual - codebook[members]).square().sum(1) + 1e-12
                picks = torch.multinomial(error, wanted, generator=generator)
                spots = dead.nonzero()[:wanted, 0]
                codebook[spots] = residual[picks]
                moved[level, spots] = True
                members = nearest(residual, codebook)
            residual = residual - codebook[members]
        return moved


def mlp(*widths: int) -> nn.Sequential:
    """Linear layers of the given widths with ReLU between them."""
    layers: list[nn.Module] = []
    for a, b in pairwise(widths):
        layers += [nn.Linear(a, b), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def _mean_square(gap: Tensor) -> Tensor:
    """Squared length of the last dimension, averaged over the one before it."""
    return gap.square().sum(-1).mean(-1)
