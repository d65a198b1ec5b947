"""What ZOOMER is measured against, as other ways to hear the neighbours of who asks and what for.

All of them have the features, the towers and the item side of ZOOMER: what differs is how user and
query gather what is around them. One hop, as ZOOMER has on MovieLens (section VII-A of its paper).
Items are described by themselves, so that all can be indexed alike; GraphSAGE, HAN and PinSage were
published with neighbours on that side too, so these rows are their ways of gathering, not their
systems.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from data.errors import ConfigError
from data.relation import Relation
from recommend.settings.towers import GraphSageConfig
from recommend.zoom.features import TERMS, Known
from recommend.zoom.past import KINDS, Past
from recommend.zoom.plain import matrix, walked
from recommend.zoom.triples import Task

EGOS = ("user", "query")
NEIGHBOURS: Mapping[str, tuple[str, ...]] = {"user": ("item", "query"), "query": ("item", "user")}
"""Types that are heard by each ego."""
HEADS = 4
"""Of HAN's attention."""


class Asking(Protocol):
    """Gives (b, 2 d) of who asks for what, of which the tower makes the vector that ranks items."""

    def __call__(self, own: Mapping[str, Tensor], asked: Asked) -> Tensor:
        """Of (b, d) vectors of user and query by themselves."""
        ...


class Hidden(NamedTuple):
    """What training must not see of the triples that it asks about.

    Attributes:
        items: (b, 2) int64 the item that the user must not see, and the query; -1 for none.
        queries: (b, m) int64 queries that the user has for this item alone; -1 for none.
    """

    items: Tensor
    queries: Tensor

    def of(self, rows: Tensor) -> Hidden:
        """That of some triples."""
        return Hidden(self.items[rows], self.queries[rows])


class Asked:
    """Who asks for what, and what is out of sight.

    Attributes:
        numbers: (b,) int64 of users and queries, by ego.
        hidden: What must not be seen.
    """

    def __init__(self, users: Tensor, queries: Tensor, hidden: Hidden | None = None) -> None:
        self.numbers = {"user": users, "query": queries}
        self.hidden = hidden

    def mask(self, ego: str, kind: str, nodes: Tensor, real: Tensor) -> Tensor:
        """(b, k) bool: which of (b, k) neighbours are there and in sight.

        Whoever asks is no neighbour of the query, in training as afterwards.
        """
        if kind == "user":
            return real & (nodes != self.numbers["user"][:, None])
        if self.hidden is None:
            return real
        if kind == "item":
            return real & (nodes != self.hidden.items[:, EGOS.index(ego), None])
        return real & (nodes[..., None] != self.hidden.queries[:, None]).all(2)


class Draw(nn.Module):
    """k neighbours of a type, drawn evenly: all of them where there are no more.

    In training they are drawn anew each time, with replacement and by the generator of torch;
    afterwards each node keeps those that the seed gave it.
    """

    def __init__(self, relation: Relation, k: int, seed: int) -> None:
        super().__init__()
        self.k = k
        self.low = torch.from_numpy(np.array(relation.offsets[:-1]))
        self.many = torch.from_numpy(np.array(relation.degrees))
        self.targets = torch.from_numpy(np.append(relation.targets, 0).astype(np.int64))
        generator = torch.Generator().manual_seed(seed)
        self.kept = self._draw(torch.arange(len(relation)), generator)

    def forward(self, nodes: Tensor) -> tuple[Tensor, Tensor]:
        """(b, k) int64 neighbours of (b,) nodes, and (b, k) bool whether there is one."""
        places = self._draw(nodes) if self.training else self.kept[nodes]
        real = torch.arange(self.k) < self.many[nodes, None]
        return self.targets[torch.where(real, places, len(self.targets) - 1)], real

    def _draw(self, nodes: Tensor, generator: torch.Generator | None = None) -> Tensor:
        many = self.many[nodes, None]
        drawn = (torch.rand(len(nodes), self.k, generator=generator) * many).long()
        return self.low[nodes, None] + torch.where(many > self.k, drawn, torch.arange(self.k))


class Latest(nn.Module):
    """The k latest neighbours, the latest first: the last of each row of a relation."""

    def __init__(self, relation: Relation, k: int) -> None:
        super().__init__()
        self.k = k
        self.low, self.end = (
            torch.from_numpy(np.array(relation.offsets[a:b])) for a, b in ((0, -1), (1, None))
        )
        self.targets = torch.from_numpy(np.append(relation.targets, 0).astype(np.int64))

    def forward(self, nodes: Tensor) -> tuple[Tensor, Tensor]:
        """(b, k) int64 neighbours of (b,) nodes, and (b, k) bool whether there is one."""
        places = self.end[nodes, None] - 1 - torch.arange(self.k)
        real = places >= self.low[nodes, None]
        return self.targets[torch.where(real, places, len(self.targets) - 1)], real


def mean(vectors: Tensor, weights: Tensor) -> Tensor:
    """(b, d) weighted means of (b, k, d) vectors; 0 where nothing weighs."""
    total = weights.sum(1, keepdim=True).clamp_min(1e-9)
    return (weights / total)[:, None].bmm(vectors)[:, 0]


class Alone(nn.Module):
    """Hears nobody: what the towers know by themselves."""

    def forward(self, own: Mapping[str, Tensor], asked: Asked) -> Tensor:  # noqa: ARG002
        """(b, 2 d) user and query."""
        return torch.cat([own[ego] for ego in EGOS], 1)


class GraphSage(nn.Module):
    """Means of neighbours that are drawn evenly: relu(W [x ‖ mean of each type]).

    Source: Hamilton et al., GraphSAGE, NeurIPS 2017, algorithm 1 with the mean aggregator, by type.
    """

    def __init__(self, known: nn.ModuleDict, past: Past, width: int, k: int, seed: int) -> None:
        super().__init__()
        self.known = [known]  # the towers own it
        self.draw = nn.ModuleDict()
        for ego in EGOS:
            for kind in NEIGHBOURS[ego]:
                place = f"{ego} {kind}"
                self.draw[place] = Draw(past.next_to[ego, kind], k, seed + len(self.draw))
        self.weights = nn.ModuleDict({ego: nn.Linear(3 * width, width) for ego in EGOS})

    def forward(self, own: Mapping[str, Tensor], asked: Asked) -> Tensor:
        """(b, 2 d) what user and query heard."""
        found = []
        for ego in EGOS:
            parts = [own[ego]]
            for kind in NEIGHBOURS[ego]:
                nodes, real = self.draw[f"{ego} {kind}"](asked.numbers[ego])
                seen = asked.mask(ego, kind, nodes, real)
                parts.append(mean(described(self.known[0], kind, nodes), seen.float()))
            found.append(F.relu(self.weights[ego](torch.cat(parts, 1))))
        return torch.cat(found, 1)


class PinSage(nn.Module):
    """The items that short walks come by most often, pooled by how often: importance pooling.

    relu(W [x ‖ Σ a_j relu(Q x_j + q)]), of length 1, where a_j are the shares of visits. Walks pass
    over the edge that training asks about, which hides that item and not where it led; the test has
    no such edge.

    Source: Ying et al., PinSage, KDD 2018, section 3.2 and algorithm 1.
    """

    def __init__(self, known: nn.ModuleDict, task: Task, width: int, k: int, seed: int) -> None:
        super().__init__()
        import scipy.sparse as sp

        self.known = [known]
        parts = [matrix(one, ones=True) for one in (task.had, task.led_to)]
        to_items = sp.vstack(parts).tocsr()
        visits = walked(to_items, to_items.T.tocsr(), np.random.default_rng(seed))
        split = visits[: task.n_users], visits[task.n_users :]
        self.near = {ego: most_visited(some, k) for ego, some in zip(EGOS, split, strict=True)}
        self.turn = nn.Linear(width, width)
        self.weights = nn.ModuleDict({ego: nn.Linear(2 * width, width) for ego in EGOS})

    def forward(self, own: Mapping[str, Tensor], asked: Asked) -> Tensor:
        """(b, 2 d) what user and query heard."""
        found = []
        for ego in EGOS:
            nodes, visits = (part[asked.numbers[ego]] for part in self.near[ego])
            seen = visits * asked.mask(ego, "item", nodes, visits > 0)
            pooled = mean(F.relu(self.turn(described(self.known[0], "item", nodes))), seen)
            heard = F.relu(self.weights[ego](torch.cat([own[ego], pooled], 1)))
            found.append(F.normalize(heard, dim=1))
        return torch.cat(found, 1)


class Han(nn.Module):
    """Attention among neighbours of a type, then among types: PyG's layer over those drawn.

    How much each type counts is told by the mean over all nodes of a batch, as in the paper over
    all there are: an answer hangs a little on who else is asked about.

    Source: Wang et al., HAN, WWW 2019; `torch_geometric.nn.HANConv`.

    Raises:
        ConfigError: torch_geometric is not there.
    """

    def __init__(self, known: nn.ModuleDict, past: Past, width: int, k: int, seed: int) -> None:
        super().__init__()
        try:
            from torch_geometric.nn import HANConv
        except ImportError:
            raise ConfigError(
                "The row han is a layer of PyG, which is not installed. Install it by "
                "`pip install 'autograph-rec[pyg]'`, or choose other rows with --only."
            ) from None
        self.known, self.k, self.draw = [known], k, nn.ModuleDict()
        for ego in EGOS:
            for kind in NEIGHBOURS[ego]:
                place = f"{ego} {kind}"
                self.draw[place] = Draw(past.next_to[ego, kind], k, seed + len(self.draw))
        types = [*EGOS, *(f"heard {kind}" for kind in KINDS)]
        edges = [(f"heard {kind}", "by", ego) for ego in EGOS for kind in NEIGHBOURS[ego]]
        edges += [(ego, "is", ego) for ego in EGOS]  # a metapath contains its own beginning
        self.layer = HANConv(width, width, (types, edges), heads=min(HEADS, width))
        for kind in EGOS:  # a node is projected by its type, whether it hears or is heard
            self.layer.proj[f"heard {kind}"] = self.layer.proj[kind]

    def forward(self, own: Mapping[str, Tensor], asked: Asked) -> Tensor:
        """(b, 2 d) what user and query heard."""
        rows = torch.arange(len(own["user"]))
        edges = {(ego, "is", ego): torch.stack([rows, rows]) for ego in EGOS}
        drawn: dict[str, list[tuple[tuple[str, str, str], Tensor, Tensor]]] = {}
        for ego in EGOS:
            for kind in NEIGHBOURS[ego]:
                nodes, real = self.draw[f"{ego} {kind}"](asked.numbers[ego])
                at, place = asked.mask(ego, kind, nodes, real).nonzero().unbind(1)
                key = (f"heard {kind}", "by", ego)
                drawn.setdefault(kind, []).append((key, nodes[at, place], at))
        vectors = dict(own)
        for kind, some in drawn.items():
            once, back = torch.unique(
                torch.cat([nodes for _, nodes, _ in some]), return_inverse=True
            )
            vectors[f"heard {kind}"] = described(self.known[0], kind, once)
            for (key, _, at), sources in zip(
                some, torch.split(back, [len(at) for *_, at in some]), strict=True
            ):
                edges[key] = torch.stack([sources, at])
        found = self.layer(vectors, edges)
        return torch.cat([found[ego] for ego in EGOS], 1)


class Stamp(nn.Module):
    """Attention over the user's latest items with the query as the present interest.

    a_j = w0 · sigmoid(W1 x_j + W2 x_t + W3 m_s + b), m_a = Σ a_j x_j, h_s = tanh(W m_a + b), h_t =
    tanh(W x_t + b), and h_s ⊙ h_t meets the items: the trilinear product of the paper, whose last
    click x_t is here the query, and whose memory m_s is the mean of items and query.

    Source: Liu et al., STAMP, KDD 2018, equations 1-8.
    """

    def __init__(self, known: nn.ModuleDict, task: Task, width: int, k: int) -> None:
        super().__init__()
        past = task.world().histories
        had = Relation(past.offsets, past.items, task.n_items)
        self.known, self.latest = [known], Latest(had, k)
        self.parts = nn.ModuleList(nn.Linear(width, width, bias=at == 0) for at in range(3))
        self.score = nn.Linear(width, 1, bias=False)
        self.memory, self.present = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, own: Mapping[str, Tensor], asked: Asked) -> Tensor:
        """(b, 2 d) the product, and the user."""
        nodes, real = self.latest(asked.numbers["user"])
        seen = asked.mask("user", "item", nodes, real).float()
        items, last = described(self.known[0], "item", nodes), own["query"]
        every = torch.cat([items, last[:, None]], 1)
        whole = mean(every, torch.cat([seen, torch.ones(len(seen), 1)], 1))
        mixed = self.parts[0](items) + (self.parts[1](last) + self.parts[2](whole))[:, None]
        weights = self.score(mixed.sigmoid())[..., 0] * seen  # (b, k), no softmax
        short = weights[:, None].bmm(items)[:, 0]
        product = torch.tanh(self.memory(short)) * torch.tanh(self.present(last))
        return torch.cat([product, own["user"]], 1)


def described(known: nn.ModuleDict, kind: str, nodes: Tensor) -> Tensor:
    """(..., d) vectors of (...) nodes of a type by themselves: the sum of their features."""
    once, back = torch.unique(nodes, return_inverse=True)
    vectors: Tensor = cast(Known, known[kind])(once).sum(1)
    return F.embedding(back, vectors)


def most_visited(visits: object, k: int) -> tuple[Tensor, Tensor]:
    """(n, k) int64 the items that were visited most, and (n, k) float32 how often."""
    import scipy.sparse as sp

    assert isinstance(visits, sp.csr_matrix)
    rows = np.repeat(np.arange(visits.shape[0]), np.diff(visits.indptr))
    order = np.lexsort((visits.indices, -visits.data, rows))
    place = np.arange(len(rows)) - visits.indptr[rows]
    kept = place < k
    nodes, counts = (
        np.zeros((visits.shape[0], k), np.int64),
        np.zeros((visits.shape[0], k), np.float32),
    )
    nodes[rows[kept], place[kept]] = visits.indices[order][kept]
    counts[rows[kept], place[kept]] = visits.data[order][kept]
    return torch.from_numpy(nodes), torch.from_numpy(counts)


SAGE = GraphSageConfig().name
RIVALS = ("towers", SAGE, "pinsage", "han", "stamp")
"""Rows, by how they gather."""


class Rival(nn.Module):
    """Features, a way to gather, and two towers whose cosine, times a number, is a logit."""

    def __init__(
        self, way: str, task: Task, past: Past, width: int, k: int, sharpness: float, seed: int
    ) -> None:
        """Fresh weights.

        Args:
            way: One of `RIVALS`.
            task: Whose training it may see.
            past: The same, as a graph with features.
            width: d.
            k: Neighbours of each type.
            sharpness: What cosines are multiplied by.
            seed: Draws neighbours.
        """
        super().__init__()
        self.sharpness, self.n_items = sharpness, task.n_items
        said = [bags[TERMS] for bags in past.features.bags.values() if TERMS in bags]
        words = nn.Embedding(int(said[0].n_categories[0]), width) if said else None
        if words is not None:
            nn.init.normal_(words.weight, std=width**-0.5)
        parts = {
            kind: Known(past.features.sizes[kind], past.features.bags.get(kind, {}), words, width)
            for kind in KINDS
        }
        self.known = nn.ModuleDict(parts)
        made: dict[str, Callable[[], nn.Module]] = {
            "towers": Alone,
            SAGE: lambda: GraphSage(self.known, past, width, k, seed),
            "pinsage": lambda: PinSage(self.known, task, width, k, seed),
            "han": lambda: Han(self.known, past, width, k, seed),
            "stamp": lambda: Stamp(self.known, task, width, k),
        }
        self.gather = made[way]()
        self.asking = nn.Sequential(nn.Linear(2 * width, width), nn.ReLU(), nn.Linear(width, width))
        self.item = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))

    def base(self, items: Tensor | None = None) -> Tensor:
        """(m, d) of length 1, of (m,) items or all of them."""
        items = torch.arange(self.n_items) if items is None else items
        return F.normalize(self.item(described(self.known, "item", items)), dim=1)

    def asked(self, users: Tensor, queries: Tensor, hidden: Hidden | None = None) -> Tensor:
        """(b, d) of length 1, of (b,) users and queries."""
        own = {
            ego: described(self.known, ego, some)
            for ego, some in zip(EGOS, (users, queries), strict=True)
        }
        heard = cast(Asking, self.gather)(own, Asked(users, queries, hidden))
        return F.normalize(self.asking(heard), dim=1)
