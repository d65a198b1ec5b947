"""Layers one after another, on a sparse subgraph or on the dense tree around seeds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, cast

import torch
from torch import Tensor, nn

from data.errors import ConfigError
from graph.schema import Key
from recommend.graphs.edges import Edges, beside
from recommend.graphs.layers import Gat, Gcn, Gin, Hetero, Layer, Rgcn, Sage

Make = Callable[..., Layer]
LAYERS: dict[str, Make] = {"sage": Sage, "gat": Gat, "gin": Gin, "rgcn": Rgcn, "gcn": Gcn}


@dataclass(frozen=True, slots=True)
class Step:
    """A hop of a tree: its nodes, and the edges from them to the nodes that it started from.

    Attributes:
        origin: Where it started: 0 is the seeds, n the n-th hop.
        type: Of its nodes.
        edges: By type, as messages go: from its nodes to those of its origin.
    """

    origin: int
    type: str
    edges: Mapping[Key, Edges]


class Network(nn.Module):
    """Layers over typed nodes, with ReLU between two.

    With one type of edges these are the models of GLE: EgoSAGE is `ego` and SubGraph SAGE
    `subgraph` of `Network("sage", …)`; with several it is the bipartite or a typed one. The weights
    are the same for a subgraph, where every node hears its neighbours in every layer, and for a
    tree, where layer l is worked out for hops 0 to K - l alone (K layers, K hops). With all
    neighbours in both, seeds get the same vectors.

    Source: GLE's EgoGraph and SubGraph, "Model paradigms".
    """

    def __init__(
        self,
        layer: str,
        keys: Sequence[Key],
        widths: Sequence[int],
        *,
        norm: bool = False,
        **options: Any,
    ) -> None:
        """Layers of one kind, for the edges of every type.

        Args:
            layer: A name in `LAYERS`.
            keys: Types of edges, as messages go; one for a graph of one type.
            widths: Of what goes in, and of what every layer gives.
            norm: Whether every layer ends with a LayerNorm a type of nodes.
            options: Of the layers, such as heads, reduce, kinds or bases.

        Raises:
            ConfigError: there is no such layer.
        """
        super().__init__()
        if layer not in LAYERS:
            raise ConfigError(f"There is no layer {layer!r}; there are {', '.join(LAYERS)}.")
        targets, sources = {key[2] for key in keys}, {key[0] for key in keys}
        layers, norms = [], []
        for place, (width, out) in enumerate(pairwise(widths), 2):
            last = place == len(widths)
            alone = () if last else sorted(sources - targets)
            hetero = Hetero(
                {key: _layer(layer, key, width, out, options) for key in keys},
                {kind: nn.Linear(width, out) for kind in alone},
            )
            ends = {
                kind: nn.LayerNorm(out) if norm else nn.Identity()
                for kind in (*sorted(targets), *alone)
            }
            layers.append(hetero)
            norms.append(nn.ModuleDict(ends))
        self.layers, self.norms = nn.ModuleList(layers), nn.ModuleList(norms)

    def subgraph(self, x: Mapping[str, Tensor], edges: Mapping[Key, Edges]) -> dict[str, Tensor]:
        """(n, out) of the nodes of every type that edges can lead to.

        Args:
            x: (n, width) of the nodes of each type.
            edges: By type, as messages go: edges walked from seeds to neighbours are reversed.
        """
        for level, layer in enumerate(self._hetero):
            x = {kind: self._end(level, kind, one) for kind, one in layer(x, edges).items()}
        return dict(x)

    def ego(self, kind: str, x: Sequence[Tensor], steps: Sequence[Step]) -> Tensor:
        """(b, out) of the seeds.

        Args:
            kind: Their type.
            x: (n, width) of the seeds and of the nodes of every hop, one more than there are steps.
            steps: The hops, each after the one where it started.
        """
        kinds, depths = [kind], [0]
        heard: list[dict[Key, list[tuple[int, Edges]]]] = [{} for _ in x]
        for place, step in enumerate(steps, 1):
            kinds.append(step.type)
            depths.append(depths[step.origin] + 1)
            for key, edges in step.edges.items():
                heard[step.origin].setdefault(key, []).append((place, edges))
        arriving = [{key: _join(parts) for key, parts in some.items()} for some in heard]
        hops = dict(enumerate(x))
        for level, layer in enumerate(self._hetero):
            deep = len(self.layers) - 1 - level
            after = {}
            for at, own in hops.items():
                if depths[at] <= deep:
                    sent = {
                        key: (_side_by_side([hops[place] for place in places]), edges)
                        for key, (places, edges) in arriving[at].items()
                    }
                    after[at] = self._end(level, kinds[at], layer.hear(kinds[at], own, sent))
            hops = after
        return hops[0]

    @property
    def _hetero(self) -> list[Hetero]:
        return [cast(Hetero, layer) for layer in self.layers]

    def _end(self, level: int, kind: str, x: Tensor) -> Tensor:
        """What a layer gave, normed; after all layers but the last also ReLU."""
        norms = cast(nn.ModuleDict, self.norms[level])
        normed: Tensor = norms[kind](x)
        return normed if level == len(self.layers) - 1 else normed.relu()


def _layer(name: str, key: Key, width: int, out: int, options: Mapping[str, Any]) -> Layer:
    """A layer for one type of edges; in attention, two types of nodes have a matrix each."""
    apart = {"own_width": width} if name == "gat" and key[0] != key[2] else {}
    return LAYERS[name](width, out, **apart, **options)


def _join(parts: Sequence[tuple[int, Edges]]) -> tuple[list[int], Edges]:
    """The hops that bring edges of one type, and these edges together."""
    return [place for place, _ in parts], beside([edges for _, edges in parts])


def _side_by_side(parts: list[Tensor]) -> Tensor:
    return torch.cat(parts) if len(parts) > 1 else parts[0]
