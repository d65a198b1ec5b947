"""What tells pairs that are joined from pairs that are not: four losses on scores and vectors.

The softmax over a whole catalogue, and its sample with corrected probabilities, are in
`recommend.fit.losses`.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def sigmoid_loss(positive: Tensor, negative: Tensor) -> Tensor:
    """() binary cross-entropy of scores: the mean over positives plus that over negatives.

    So ten negatives a positive weigh no more than one.

    Args:
        positive: Scores (any shape) of pairs that are joined.
        negative: Scores (any shape) of pairs that are not.

    Source: GLE's `sigmoid_cross_entropy_loss`; -log σ(s) = log(1 + exp(-s)), which is softplus(-s).
    """
    return F.softplus(-positive).mean() + F.softplus(negative).mean()


def shared_softmax_loss(
    sources: Tensor,
    targets: Tensor,
    negatives: Tensor,
    temperature: float = 1.0,
    wrong: Tensor | None = None,
) -> Tensor:
    """() mean of logsumexp_j(s_j / τ) - s_0 / τ, where s_0 is the pair's and the batch shares s_j.

    Args:
        sources: (b, d).
        targets: (b, d) that they are joined to.
        negatives: (n, d) that all sources share.
        temperature: τ, above 0.
        wrong: (b, n) bool, negatives that a source is joined to: they are left out.

    Source: GLE's `unsupervised_softmax_cross_entropy_loss`; by logsumexp, as log(softmax + 1e-12)
    has no gradient where it matters.
    """
    joined = (sources * targets).sum(-1, keepdim=True)  # (b, 1)
    apart = sources @ negatives.T  # (b, n)
    if wrong is not None:
        apart = apart.masked_fill(wrong, -torch.inf)
    scores = torch.cat([joined, apart], 1) / temperature
    return (scores.logsumexp(1) - scores[:, 0]).mean()


def transe(heads: Tensor, relations: Tensor, tails: Tensor, norm: float = 2) -> Tensor:
    """(…,) distances ‖h + r - t‖ of (…, d) triples: small where they hold.

    Source: Bordes et al., Translating embeddings, NeurIPS 2013, section 2: the L1 or the L2 norm.
    """
    distances: Tensor = torch.linalg.vector_norm(heads + relations - tails, ord=norm, dim=-1)
    return distances


def distmult(heads: Tensor, relations: Tensor, tails: Tensor) -> Tensor:
    """(…,) scores Σ_d h_d r_d t_d of (…, d) triples: large where they hold.

    Source: Yang et al., Embedding entities and relations, ICLR 2015, eq. 2.
    """
    return (heads * relations * tails).sum(-1)


def margin_loss(positive: Tensor, negative: Tensor, margin: float = 1.0) -> Tensor:
    """() mean of max(0, γ + d - d') over negatives, each beside its positive.

    Args:
        positive: (b,) distances of triples that hold, such as `transe` gives.
        negative: (b, n) distances of triples that do not, n for each of them.
        margin: γ.

    Source: Bordes et al., NeurIPS 2013, eq. 1.
    """
    return F.relu(margin + positive[:, None] - negative).mean()


def softplus_loss(positive: Tensor, negative: Tensor) -> Tensor:
    """() half the mean of softplus(-s) over triples that hold, and half that of softplus(s) else.

    Args:
        positive: Scores (any shape) of triples that hold, such as `distmult` gives.
        negative: Scores (any shape) of triples that do not.

    Source: Trouillon et al., Complex embeddings, ICML 2016, eq. 11; GLE's `triplet_softplus_loss`.
    """
    return sigmoid_loss(positive, negative) / 2
