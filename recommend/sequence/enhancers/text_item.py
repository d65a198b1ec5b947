"""Texts as the items: frozen vectors of texts, whitened, through an adaptor, in and out.

The adaptor's last layer is the network's map of features, so an item's vector is what it makes of
the item's text, and what the item has of its own, if anything.

Source: UniSRec (arXiv 2206.05941) for the adaptor; WhitenRec (arXiv 2402.10602) for whitening;
Pembek et al. (arXiv 2507.19473) for the bound on what an item has of its own.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrize import register_parametrization

from recommend.sequence.chunks import Batch
from recommend.sequence.dropout import Dropout
from recommend.sequence.inputs import Inputs
from recommend.sequence.protocols import Newcomer, Nodes
from recommend.sequence.whitening import Spectrum
from recommend.settings.text_item import TextItemConfig

ONE_LAYER = 0.05
"""Deviation of the items that one layer makes at the start."""
LENGTH = 1.0
"""Length of whitened texts, by root mean square: the longer, the faster a step moves all items.

As long as whitening leaves them, √384 of MiniLM's, the adaptor learns far faster than what items
have of their own: validation NDCG@10 of SASRec on Amazon Office (18 epochs, one seed) is 3 % below
that without texts then, and 8 % above at this length, with random vectors 3 % above."""


class TextItem(nn.Module):
    """Features of items that hold nothing but what their texts mean."""

    user_width = 0
    whitening: Tensor
    axes: Tensor
    texts: Tensor

    def __init__(self, config: TextItemConfig, inputs: Inputs, width: int) -> None:
        super().__init__()
        del width
        assert inputs.vectors is not None
        self.config, self.n_users = config, inputs.n_users
        spectrum = Spectrum.of(inputs.vectors.items)
        vectors = inputs.vectors.items
        self.stretch = max(len(spectrum.axes), 1) ** 0.5 / LENGTH
        whitening = spectrum.whitening / self.stretch
        given = {"whitening": whitening, "axes": spectrum.axes, "texts": vectors @ whitening}
        for name, array in given.items():
            self.register_buffer(name, torch.from_numpy(array).float(), persistent=False)
        self.first = None
        self.item_width = vectors.shape[1]
        if config.layers > 1:
            self.first = nn.Linear(vectors.shape[1], config.hidden)
            nn.init.zeros_(self.first.bias)
            _begin_as(self.first, self.axes, self.stretch)
            self.item_width = config.hidden
        self.dropout = Dropout(config.dropout)

    def begin(self, item: nn.Embedding, features: nn.Module) -> None:
        """One layer begins as principal components; items without vectors of their own have none.

        Args:
            item: Vectors that items have of their own.
            features: The adaptor's last layer.
        """
        if self.first is None:
            assert isinstance(features, nn.Linear)
            _begin_as(features, self.axes, ONE_LAYER * self.stretch)
        if not self.config.own:
            nn.init.zeros_(item.weight).requires_grad_(False)
        elif self.config.own_norm is not None:
            register_parametrization(item, "weight", Bound(self.config.own_norm))

    def propagate(self, items: Tensor, hidden: Tensor) -> Nodes:  # noqa: ARG002
        """(n_users, 0) users, of whom it says nothing, and (n_items, item_width) items."""
        return items.new_empty(self.n_users, 0), self._adapted(self.texts)

    def users(self, nodes: Nodes, batch: Batch) -> Tensor:
        """(b, l, 0) features."""
        return nodes[0].new_empty(*batch.items.shape, 0)

    def items(self, nodes: Nodes, hidden: Tensor, only: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """(n, item_width) what goes into the last layer, of items or some of them."""
        kept: Tensor = self.dropout(nodes[1] if only is None else nodes[1][only])
        return kept

    def new_user(self, newcomer: Newcomer) -> Tensor:
        """(1, 0) node of a user."""
        return newcomer.shares.new_empty(1, 0)

    def new_item(self, nodes: Nodes, items: Tensor, newcomer: Newcomer) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        """(1, item_width) what is made of the item's text, which is node and features."""
        assert newcomer.vector is not None
        made = self._adapted(newcomer.vector[None] @ self.whitening)
        return made, made

    def _adapted(self, texts: Tensor) -> Tensor:
        """(n, item_width) whitened texts after all layers but the last."""
        return texts if self.first is None else F.gelu(self.first(texts))


class Bound(nn.Module):
    """Vectors of at most a given length: v · min(1, r / |v|), row by row."""

    def __init__(self, length: float) -> None:
        super().__init__()
        self.length = length

    def forward(self, vectors: Tensor) -> Tensor:
        """(n, d) vectors, the longer ones cut to the length."""
        lengths = torch.linalg.vector_norm(vectors, dim=1, keepdim=True)
        cut: Tensor = vectors * (self.length / lengths.clamp_min(self.length))
        return cut


def _begin_as(layer: nn.Linear, axes: Tensor, deviation: float) -> None:
    """A layer of whitened texts begins as their principal components, each of that deviation.

    What it has more of stays as it was drawn.
    """
    k = min(len(axes), layer.out_features)
    with torch.no_grad():
        layer.weight[:k] = deviation * axes[:k]
