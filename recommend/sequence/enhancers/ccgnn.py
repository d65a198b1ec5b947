"""CCGNN: a graph of users, items and the phrases in their texts, by graph attention.

Source: AutoGraph, section 4.1.4 and appendix D, which take the phrases of CCGNN as nodes and put
the attention of their own method in the place of its propagation. No user is heard by an item or a
phrase, so no step can read the edge to its own target.
"""

from __future__ import annotations

from torch import Tensor, nn

from recommend.sequence.inputs import Inputs
from recommend.sequence.listening import FewEdges, Listeners, ManyEdges
from recommend.settings.ccgnn import CcgnnConfig


class Ccgnn(Listeners):
    """Features of items from their phrases, and of users from themselves and their items."""

    def __init__(self, config: CcgnnConfig, inputs: Inputs, width: int) -> None:
        super().__init__(inputs.n_users, width, config.heads, config.dropout)
        edges, heads = inputs.relations["phrases"], config.heads
        self.phrase = nn.Embedding(edges.n_targets, width)
        nn.init.normal_(self.phrase.weight, std=width**-0.5)
        turned = edges.transpose()
        layers = range(config.layers)
        self.gather = nn.ModuleList(ManyEdges(turned, width, heads) for _ in layers)
        self.scatter = nn.ModuleList(
            FewEdges(edges, config.neighbours, width, heads) for _ in layers
        )

    def hear(self, items: Tensor) -> Tensor:
        """(n_items, d) items after every layer; in each, phrases hear first."""
        phrases = self.phrase.weight
        for gather, scatter in zip(self.gather, self.scatter, strict=True):
            phrases = phrases + gather(phrases, items)
            items = items + scatter(items, phrases)
        return items
