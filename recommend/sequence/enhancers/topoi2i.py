"""TopoI2I: a graph of items that were judged to be alike, by graph attention.

Source: AutoGraph, section 4.1.4 and appendix D, which take the edges of Sun et al. (2023), judged
by a language model a pair, and put graph attention over them. No user is heard by an item, so no
step can read the edge to its own target.
"""

from __future__ import annotations

from torch import Tensor, nn

from recommend.sequence.inputs import Inputs
from recommend.sequence.listening import FewEdges, Listeners
from recommend.settings.topoi2i import TopoI2IConfig


class TopoI2I(Listeners):
    """Features of items from those like them, and of users from themselves and their items."""

    def __init__(self, config: TopoI2IConfig, inputs: Inputs, width: int) -> None:
        super().__init__(inputs.n_users, width, config.heads, config.dropout)
        edges, heads = inputs.relations["pairs"], config.heads
        self.similar = nn.ModuleList(
            FewEdges(edges, config.neighbours, width, heads) for _ in range(config.layers)
        )

    def hear(self, items: Tensor) -> Tensor:
        """(n_items, d) items after every layer."""
        for similar in self.similar:
            items = items + similar(items, items)
        return items
