"""Graph convolutions: what a node makes of its neighbours and of itself.

Each is called with (s, d) vectors of sources, (n, d) of targets, and the edges between them, a list
or a fan-out: the same weights serve a sparse subgraph and the dense tree around seeds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce
from operator import add
from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from data.errors import ConfigError
from graph.schema import Key
from recommend.graphs.edges import EdgeList, Edges

Reduce = Literal["mean", "sum", "max"]
Heard = tuple[Tensor, Edges]
"""(s, width) vectors of sources, and the edges from them."""


class Layer(nn.Module):
    """What each layer has.

    Attributes:
        width: Of the sources that it takes.
    """

    width: int


class Sage(Layer):
    """h_i = W · reduce_j x_j + U · x_i + b.

    Source: Hamilton et al., Inductive representation learning on large graphs, NeurIPS 2017,
    algorithm 1, without its L2 norm.
    """

    def __init__(
        self, width: int, out: int, *, own_width: int | None = None, reduce: Reduce = "mean"
    ) -> None:
        """A layer from `width` (of sources; targets have `own_width`) to `out`."""
        super().__init__()
        self.width, self.reduce = width, reduce
        self.neighbours = nn.Linear(width, out)
        self.itself = nn.Linear(own_width or width, out, bias=False)

    def forward(self, x: Tensor, own: Tensor, edges: Edges) -> Tensor:
        """(n, out) of (s, width) sources and (n, own_width) targets.

        Sums and means are linear, so W is applied where there are fewer: to sources or to targets.
        """
        weight, bias = self.neighbours.weight, self.neighbours.bias
        if self.reduce != "max" and len(x) < len(own):
            heard = self._pulled(x @ weight.T, edges)  # (n, out)
            return heard.addmm_(own, self.itself.weight.T).add_(bias)
        mine = F.linear(own, self.itself.weight, bias)
        return mine.addmm_(self._pulled(x, edges), weight.T)

    def _pulled(self, x: Tensor, edges: Edges) -> Tensor:
        if self.reduce == "max":
            return edges.largest(x)
        pulled = edges.pull(x)
        return pulled / edges.counts.clamp_min(1) if self.reduce == "mean" else pulled


class Gin(Layer):
    """h_i = MLP((1 + ε) · x_i + Σ_j x_j), with a learnt ε.

    Source: Xu et al., How powerful are graph neural networks?, ICLR 2019, eq. 4.1.
    """

    def __init__(self, width: int, out: int) -> None:
        super().__init__()
        self.width = width
        self.mlp = nn.Sequential(nn.Linear(width, out), nn.ReLU(), nn.Linear(out, out))
        self.epsilon = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor, own: Tensor, edges: Edges) -> Tensor:
        """(n, out) of (s, width) sources and (n, width) targets."""
        out: Tensor = self.mlp((1 + self.epsilon) * own + edges.pull(x))
        return out


class Gat(Layer):
    """h_i = ‖_h Σ_j α_ij W x_j + b with α_ij = softmax_j LeakyReLU(a · W x_j + a' · W x_i).

    Where sources and targets are of one type, they share W, and a node is one of its own
    neighbours, as in the paper. Of two types (`own_width` is given), each has its own W, and it is
    not. A residual adds U x_i.

    Source: Veličković et al., Graph attention networks, ICLR 2018, eq. 1 to 5; PyG's GATConv for
    the residual.
    """

    def __init__(
        self,
        width: int,
        out: int,
        *,
        own_width: int | None = None,
        heads: int = 1,
        residual: bool = False,
    ) -> None:
        """A layer from `width` to `out`, of which every head gives an equal part."""
        super().__init__()
        self.width, self.heads = width, heads
        self.of_sources = nn.Linear(width, out, bias=False)
        self.of_targets = nn.Linear(own_width, out, bias=False) if own_width else None
        self.source = nn.Parameter(torch.empty(heads, out // heads))
        self.target = nn.Parameter(torch.empty(heads, out // heads))
        self.itself = nn.Linear(own_width or width, out, bias=False) if residual else None
        self.bias = nn.Parameter(torch.zeros(out))
        for one in (self.source, self.target):
            nn.init.xavier_uniform_(one)

    def forward(self, x: Tensor, own: Tensor, edges: Edges) -> Tensor:
        """(n, out) of (s, width) sources and (n, own_width) targets."""
        sent = self.of_sources(x)  # (s, h · c)
        mine = self._of_targets(own, x, sent)  # (n, h · c)
        spoken, asked = self._scores(sent, self.source), self._scores(mine, self.target)
        scores = F.leaky_relu(edges.send(spoken) + edges.own(asked), 0.2)  # (e, h)
        itself = None
        if self.of_targets is None:
            itself = F.leaky_relu(self._scores(mine, self.source) + asked, 0.2)  # (n, h)
        shares, own_share = edges.softmax(scores, itself)
        heads = zip(sent.chunk(self.heads, 1), shares.unbind(1), strict=True)
        pulled = torch.cat([edges.pull(one, share) for one, share in heads], 1)  # (n, h · c)
        if itself is not None:
            pulled = pulled + own_share.repeat_interleave(mine.shape[1] // self.heads, 1) * mine
        if self.itself is not None:
            pulled = pulled + self.itself(own)
        return pulled + self.bias

    def _of_targets(self, own: Tensor, x: Tensor, sent: Tensor) -> Tensor:
        """What targets ask with; where they are the sources too, that is what they send."""
        if self.of_targets is not None:
            asking: Tensor = self.of_targets(own)
            return asking
        return sent if own is x else self.of_sources(own)

    def _scores(self, x: Tensor, of_heads: Tensor) -> Tensor:
        """(n, h) products of the parts of (n, h · c) with a vector (h, c) a head."""
        beside: Tensor = torch.block_diag(*of_heads)  # type: ignore[no-untyped-call]
        return F.linear(x, beside)


class Gcn(Layer):
    """H = D^(-1/2) (A + I) D^(-1/2) X W + b, where D_ii = 1 + the edges that lead to i.

    It needs the degrees of sources too, so it is for subgraphs alone.

    Source: Kipf and Welling, Semi-supervised classification with graph convolutional networks,
    ICLR 2017, eq. 2.
    """

    def __init__(self, width: int, out: int) -> None:
        super().__init__()
        self.width = width
        self.linear = nn.Linear(width, out, bias=False)
        self.bias = nn.Parameter(torch.zeros(out))

    def forward(self, x: Tensor, own: Tensor, edges: EdgeList) -> Tensor:  # noqa: ARG002
        """(n, out) of (n, width) nodes, which are sources and targets."""
        root = (1 + edges.counts).to(x.dtype) ** -0.5
        sent = self.linear(x) * root
        out: Tensor = (edges.pull(sent) + sent) * root + self.bias
        return out


class Rgcn(Layer):
    """h_i = U x_i + Σ_r 1/|N_r(i)| Σ_(j in N_r(i)) W_r x_j + b, with W_r = Σ_b a_rb V_b.

    Source: Schlichtkrull et al., Modeling relational data with graph convolutional networks, ESWC
    2018, eq. 2 and 3.
    """

    def __init__(self, width: int, out: int, *, kinds: int, bases: int | None = None) -> None:
        """A layer for edges of `kinds` kinds; without `bases` each kind has a matrix of its own."""
        super().__init__()
        self.width, self.kinds = width, kinds
        self.bases = nn.Parameter(torch.empty(bases or kinds, width, out))
        self.shares = nn.Parameter(torch.empty(kinds, bases)) if bases else None
        self.itself = nn.Linear(width, out)
        for one in (self.bases, self.shares):
            if one is not None:
                nn.init.xavier_uniform_(one)

    def forward(self, x: Tensor, own: Tensor, edges: Edges) -> Tensor:
        """(n, out) of (s, width) sources and (n, width) targets.

        Raises:
            ConfigError: the edges have no kinds.
        """
        if edges.kinds is None:
            raise ConfigError(
                f"These edges have no kinds; say which each is, from 0 to {self.kinds - 1}."
            )
        weights: Tensor = self.bases
        if self.shares is not None:
            weights = torch.einsum("rb,bio->rio", self.shares, self.bases)
        out: Tensor = self.itself(own)
        for kind, weight in enumerate(weights):
            some = edges.of_kind(kind)
            out = out + some.pull(x) / some.counts.clamp_min(1) @ weight
        return out


class Hetero(nn.Module):
    """A layer for every type of edges; what a node hears by several types is added up.

    A type of edges of which there are none counts as one that leads nowhere: its layer still says
    what the node makes of itself, so that a node's vector does not hang on what others have.

    Source: Schlichtkrull et al., 2018, eq. 1; PyG's HeteroConv with `aggr="sum"`.
    """

    def __init__(
        self, layers: Mapping[Key, Layer], alone: Mapping[str, nn.Module] | None = None
    ) -> None:
        """Layers by source, relation and target, in the direction in which messages go.

        Args:
            layers: At least one.
            alone: What becomes of (n, width) nodes of types that nothing leads to; without it they
                have no vectors afterwards.
        """
        super().__init__()
        self.alone = nn.ModuleDict(alone or {})
        self.keys = tuple(layers)
        self.layers = nn.ModuleDict({"__".join(key): layer for key, layer in layers.items()})

    def forward(self, x: Mapping[str, Tensor], edges: Mapping[Key, Edges]) -> dict[str, Tensor]:
        """(n, out) of the nodes of every type that some layer leads to, or that stands alone.

        Args:
            x: (n, width) of the nodes of each type.
            edges: By type, as messages go.

        Raises:
            ConfigError: there is no layer for some of the edges.
        """
        arriving = {key: (x[key[0]], some) for key, some in edges.items()}
        targets = {key[2] for key in self.keys} | set(self.alone)
        return {kind: self.hear(kind, own, arriving) for kind, own in x.items() if kind in targets}

    def hear(self, kind: str, own: Tensor, arriving: Mapping[Key, Heard]) -> Tensor:
        """(n, out) of (n, width) nodes of one type.

        Args:
            kind: Their type.
            own: What they are.
            arriving: By type of edges; those to other types are left out.

        Raises:
            ConfigError: there is no layer for some of the edges, or none leads to these nodes.
        """
        if missing := set(arriving) - set(self.keys):
            raise ConfigError(f"There is no layer for the edges {_arrows(missing)}.")
        if kind in self.alone:
            by_itself: Tensor = self.alone[kind](own)
            return by_itself
        keys = [key for key in self.keys if key[2] == kind]
        if not keys:
            raise ConfigError(
                f"No layer leads to nodes of type {kind}; the layers are for {_arrows(self.keys)}."
            )
        out = []
        for key in keys:
            layer = cast(Layer, self.layers["__".join(key)])
            if key in arriving:
                x, edges = arriving[key]
            else:
                x = own.new_empty(0, layer.width)
                edges = EdgeList.none(x, own)
            out.append(layer(x, own, edges))
        heard: Tensor = reduce(add, out)
        return heard


def _arrows(keys: Iterable[Key]) -> str:
    return ", ".join(sorted("{} -{}-> {}".format(*key) for key in keys))
