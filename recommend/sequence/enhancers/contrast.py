"""A contrast between two views of an item: what its text says, and what interactions say.

Source: RLMRec-Con (arXiv 2310.15950): mutual information of both views, by InfoNCE. There it is of
users, too, and beside a loss of pairs.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recommend.sequence.chunks import Batch
from recommend.sequence.enhancers.nothing import Nothing
from recommend.sequence.inputs import Inputs
from recommend.settings.contrast import ContrastConfig

AT_MOST = 1024
"""Items of a step that are contrasted, drawn where there are more: their pairs are all compared."""


class Contrast(Nothing):
    """Adds nothing to anybody, and a term to the loss."""

    vectors: Tensor

    def __init__(self, config: ContrastConfig, inputs: Inputs, width: int) -> None:
        super().__init__(config, inputs, width)
        assert inputs.vectors is not None
        self.weight, self.temperature = config.weight, config.temperature
        vectors = torch.from_numpy(np.array(inputs.vectors.items))
        self.register_buffer("vectors", vectors, persistent=False)
        given = vectors.shape[1]
        hidden = (given + width) // 2
        self.view = nn.Sequential(
            nn.Linear(given, hidden), nn.LeakyReLU(), nn.Linear(hidden, width)
        )

    def penalty(self, items: Tensor, parts: Sequence[Batch]) -> Tensor:
        """() weighed contrast over the items of a step.

        Args:
            items: (n_items, d) vectors of all items.
            parts: Whose items are contrasted.
        """
        read = [batch.items[batch.items < len(items)] for batch in parts]
        wanted = [batch.targets[batch.targets >= 0] for batch in parts]
        some: Tensor = torch.unique(torch.cat([*read, *wanted]))
        if len(some) > AT_MOST:
            some = some[torch.randperm(len(some), device=some.device)[:AT_MOST]]
        texts = self.view(self.vectors[some])
        return self.weight * info_nce(items[some], texts, self.temperature)


def info_nce(ones: Tensor, others: Tensor, temperature: float) -> Tensor:
    """() mean over i of −log( exp(cos(xᵢ, yᵢ) / τ) / Σⱼ exp(cos(xᵢ, yⱼ) / τ) ).

    Args:
        ones: (m, d) x, of which each has its own among the others.
        others: (m, d) y, in the same order.
        temperature: τ.

    Source: van den Oord et al., Representation learning with contrastive predictive coding (arXiv
    1807.03748), eq. 4, with cosines as RLMRec has them.
    """
    cosines = F.normalize(ones, dim=1) @ F.normalize(others, dim=1).T
    own = torch.arange(len(ones), device=ones.device)
    return F.cross_entropy(cosines / temperature, own)
