"""Vectors of the nodes of every type: encoders of what is known of each, and layers of RGCN."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recommend.rank.messages import Hearing, Hidden, Way

Vectors = dict[str, Tensor]
"""(n, d) of the nodes of each type."""


class Heard(NamedTuple):
    """What nodes of one type hear along one type of edges.

    Attributes:
        target: Who hears.
        mean: (n, d) weighted mean of it, 0 without any.
        weight: (n, 1) of all of it.
    """

    target: str
    mean: Tensor
    weight: Tensor


class ByType(nn.ModuleDict):
    """Modules by type of nodes; a domain may be called as a method of a dict is, such as items."""

    def __setitem__(self, key: str, module: nn.Module) -> None:
        self._modules[key] = module


class TypeEncoder(nn.Module):
    """h = Σ_j x_j + M(concat_j x_j), over all that is known of a node; M is an MLP.

    Source: RankGraph's type-aware projection h_t = M_t(concat_j f_tj(x_tj)); that the sum is there
    beside M, which begins as nothing, is ours.
    """

    def __init__(self, parts: int, width: int) -> None:
        super().__init__()
        self.inner = nn.Linear(parts * width, width)
        self.outer = nn.Linear(width, width)
        nn.init.zeros_(self.outer.weight)
        nn.init.zeros_(self.outer.bias)

    def forward(self, parts: Sequence[Tensor]) -> Tensor:
        """(n, d) of (n, d) each."""
        deep: Tensor = self.outer(F.gelu(self.inner(torch.cat(list(parts), 1))))
        return torch.stack(list(parts)).sum(0) + deep


class RelationalLayer(nn.Module):
    """h'_i = W₀ h_i + Σ_r (Σ_j w_ij h_j / Σ_j w_ij) W_r + b, with W_r = Σ_b a_rb V_b.

    Begins as the node itself and what it hears along all types of edges, alike.

    Source: Schlichtkrull et al., Modeling relational data with graph convolutional networks, ESWC
    2018, eq. 2 and 3; here edges weigh.
    """

    def __init__(self, width: int, kinds: int, bases: int | None) -> None:
        super().__init__()
        self.itself = nn.Linear(width, width)
        nn.init.eye_(self.itself.weight)
        nn.init.zeros_(self.itself.bias)
        start = torch.eye(width).repeat(bases or kinds, 1, 1)
        self.bases = nn.Parameter(start + torch.randn_like(start) * 0.02)
        self.shares = nn.Parameter(torch.full((kinds, bases), 1 / bases)) if bases else None

    def matrices(self) -> Tensor:
        """(kinds, d, d) of every type of edges."""
        if self.shares is None:
            return self.bases
        return torch.einsum("rb,bio->rio", self.shares, self.bases)


class Encoder(nn.Module):
    """Layers over the whole graph, with a LeakyReLU between them.

    Where types are not told apart, a node hears one mean over all its edges through one matrix.
    """

    def __init__(
        self, ways: Sequence[Way], width: int, layers: int, bases: int | None, *, typed: bool
    ) -> None:
        super().__init__()
        self.ways = [(way.source, way.target, way.declared) for way in ways]
        self.hearing = nn.ModuleList(Hearing(way.heard) for way in ways)
        self.typed = typed
        kinds = len(ways) if typed else 1
        self.layers = nn.ModuleList(RelationalLayer(width, kinds, bases) for _ in range(layers))

    def forward(self, first: Vectors, hidden: Hidden) -> list[Vectors]:
        """Vectors of every layer, those that are given first.

        Args:
            first: (n, d) by type.
            hidden: Edges that nobody hears.
        """
        matrices = [
            cast(Hearing, one).matrices(hidden.get(declared))
            for (_, _, declared), one in zip(self.ways, self.hearing, strict=True)
        ]
        found = [first]
        for place in range(len(self.layers)):
            x = found[-1]
            heard = [
                Heard(target, *matrix.heard(x[source]))
                for (source, target, _), matrix in zip(self.ways, matrices, strict=True)
            ]
            found.append(self.after(place, x, heard))
        return found

    def after(self, place: int, x: Vectors, heard: Sequence[Heard]) -> Vectors:
        """(n, d) of the next layer, by type.

        Args:
            place: Of the layer.
            x: What nodes are; types that are not in it are left out.
            heard: What they hear along every type of edges, in the order of `ways`.
        """
        layer = cast(RelationalLayer, self.layers[place])
        matrices = layer.matrices()
        out: Vectors = {kind: layer.itself(own) for kind, own in x.items()}
        for kind in out:
            mine = [(at, one) for at, one in enumerate(heard) if one.target == kind]
            if self.typed:
                for at, one in mine:
                    out[kind] = out[kind].addmm(one.mean, matrices[at])
            elif mine:
                total = torch.stack([one.weight for _, one in mine]).sum(0).clamp_min(1e-12)
                means = [one.mean * (one.weight / total) for _, one in mine]
                out[kind] = out[kind].addmm(torch.stack(means).sum(0), matrices[0])
        if place + 1 < len(self.layers):
            out = {kind: F.leaky_relu(one, 0.2) for kind, one in out.items()}
        return out


def merged(layers: Sequence[Tensor]) -> Tensor:
    """(n, d) of length 1: the mean over layers.

    Source: the mean over layers is LightGCN's (He et al., SIGIR 2020, eq. 4).
    """
    return F.normalize(torch.stack(list(layers)).mean(0), dim=1)
