"""The first vectors of nodes of every type, all of one width."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from graph.hetero import HeteroGraph
from recommend.graphs.columns import Attributes, Columns
from recommend.graphs.samples import Tree
from recommend.settings.columns import Column, OwnColumn


class Features(nn.Module):
    """Columns of every type of nodes, each type with a linear map to one width.

    Source: RankGraph's type-aware encoders h_t = M_t(concat_j f_(t,j)(x_(t,j))), M_t linear.
    """

    def __init__(
        self,
        graph: HeteroGraph,
        columns: Mapping[str, Sequence[Column]],
        width: int,
        *,
        fuse: bool = True,
    ) -> None:
        """Of the nodes of a graph.

        Args:
            graph: With the attributes.
            columns: By type of nodes; a type without any has a vector for every node itself.
            width: Of what comes out.
            fuse: Whether columns of one dimension share a table.

        Raises:
            ConfigError: there is no such type.
            DataError: an attribute is not there, or its column cannot read it.
        """
        super().__init__()
        for kind in columns:
            graph.schema.check(kind)
        self.columns, self.maps = nn.ModuleDict(), nn.ModuleDict()
        for kind in graph.schema.types:
            some = columns.get(kind) or [OwnColumn(dim=width)]
            read = Columns(some, Attributes.of_nodes(graph, kind), fuse=fuse)
            self.columns[kind], self.maps[kind] = read, nn.Linear(read.width, width)

    def forward(self, kind: str, numbers: Tensor) -> Tensor:
        """(k, width) vectors of (k,) nodes of one type."""
        vectors: Tensor = self.maps[kind](self.columns[kind](numbers))
        return vectors

    def of(self, numbers: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """(n, width) vectors of (n,) nodes, by type."""
        return {kind: self(kind, some) for kind, some in numbers.items()}

    def of_tree(self, tree: Tree) -> list[Tensor]:
        """(n, width) vectors of the seeds of a tree and of every hop; each node is read once."""
        vectors: dict[int, Tensor] = {}
        for kind in dict.fromkeys(tree.types):
            places = [place for place, name in enumerate(tree.types) if name == kind]
            drawn = torch.cat([tree.numbers[place] for place in places])
            once, which = torch.unique(drawn, return_inverse=True)
            spread = self(kind, once).index_select(0, which)
            parts = spread.split([len(tree.numbers[place]) for place in places])
            vectors |= dict(zip(places, parts, strict=True))
        return [vectors[place] for place in range(len(tree.types))]
