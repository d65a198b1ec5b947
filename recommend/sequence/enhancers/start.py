"""Item vectors that begin as what the texts mean, and are trained on.

Source: LLM2BERT4Rec (arXiv 2402.01339): the vectors of the texts, reduced to the width of the
recommender by principal components, are where its item vectors begin.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from recommend.sequence.enhancers.nothing import Nothing
from recommend.sequence.inputs import Inputs
from recommend.sequence.whitening import Spectrum
from recommend.settings.start import StartConfig


class Start(Nothing):
    """Adds nothing to anybody; its work is done when training begins."""

    def __init__(self, config: StartConfig, inputs: Inputs, width: int) -> None:
        super().__init__(config, inputs, width)
        self.whiten, self.size = config.whiten, config.size
        self.vectors = None if inputs.vectors is None else inputs.vectors.items

    def begin(self, item: nn.Embedding, features: nn.Module) -> None:  # noqa: ARG002
        """Item vectors as `reduced`; where texts have fewer components, the others stay random.

        A network that is restored has its weights, and no texts: it stays as it is.
        """
        if self.vectors is None:
            return
        with torch.no_grad():
            deviation = self.size * float(item.weight.square().mean().sqrt())
            found = reduced(self.vectors, item.embedding_dim, deviation, whiten=self.whiten)
            item.weight[:, : found.shape[1]] = torch.from_numpy(found).to(item.weight)


def reduced(vectors: np.ndarray, width: int, deviation: float, *, whiten: bool) -> np.ndarray:
    """(n, w) float32 first principal components of vectors, w at most `width`.

    Args:
        vectors: (n, d) of mean zero.
        width: Components at most.
        deviation: Root of the mean square over all values of the result.
        whiten: Whether all components vary alike.
    """
    found = vectors @ Spectrum.of(vectors).projection(width, whiten=whiten).T
    size = np.sqrt(np.square(found).mean()) or 1.0
    scaled: np.ndarray = (found * (deviation / size)).astype(np.float32)
    return scaled
