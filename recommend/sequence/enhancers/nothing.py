"""No enhancer: features of width 0, so that the plain twin goes the same way as all others."""

from __future__ import annotations

from torch import Tensor, nn

from recommend.sequence.chunks import Batch
from recommend.sequence.inputs import Inputs
from recommend.sequence.protocols import Nodes
from recommend.settings.part import EnhancerConfig


class Nothing(nn.Module):
    """Adds nothing to anybody."""

    item_width = user_width = 0

    def __init__(self, config: EnhancerConfig, inputs: Inputs, width: int) -> None:
        super().__init__()
        del config, width
        self.n_users = inputs.n_users

    def propagate(self, items: Tensor, hidden: Tensor) -> Nodes:  # noqa: ARG002
        """(n_users, 0) and (n_items, 0) nodes."""
        return items.new_empty(self.n_users, 0), items[:, :0]

    def users(self, nodes: Nodes, batch: Batch) -> Tensor:
        """(b, l, 0) features."""
        return nodes[0].new_empty(*batch.items.shape, 0)

    def items(self, nodes: Nodes, hidden: Tensor, only: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """(n, 0) features of items, or of some of them."""
        return nodes[1] if only is None else nodes[1][only]
