"""The network of ContextGNN: encoders, layers over a user's surroundings, and both kinds of scores.

Source: Yuan et al., ContextGNN: beyond two-tower recommendation systems, ICLR 2025, section 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from data.errors import ConfigError
from graph import Sample, Schema
from graph.schema import Key
from recommend.context.surroundings import DAY, HAD, MET, Time, schema_of
from recommend.features import Bags
from recommend.graphs.edges import EdgeList
from recommend.graphs.layers import Gat, Hetero, Layer, Sage
from recommend.graphs.samples import edges_of, numbers_of
from recommend.sequence.network import BagEmbedding
from recommend.settings import ModelConfig
from recommend.settings.contextgnn import ContextGnnConfig


@dataclass(frozen=True, slots=True)
class Only:
    """Some nodes of one type.

    Attributes:
        kind: Their type.
        places: (b,) which.
    """

    kind: str
    places: Tensor

    def of(self, key: Key, edges: EdgeList) -> EdgeList:
        """Edges of a type that lead to them, whose targets are then numbered as they are here."""
        if key[2] != self.kind:
            return edges
        at = torch.full((edges.n_targets,), -1, device=self.places.device)
        at[self.places] = torch.arange(len(self.places), device=at.device)
        targets = at[edges.columns]
        kept = torch.nonzero(targets >= 0)[:, 0]
        return EdgeList(edges.rows[kept], targets[kept], edges.n_sources, len(self.places))


@dataclass(frozen=True, slots=True)
class Near:
    """The surroundings of some users as tensors.

    Attributes:
        numbers: (n,) int64 numbers of the nodes, by type.
        ages: (n,) float32 how long before the latest interaction of its user a node was met, by
            type; NaN where nobody knows.
        edges: By type, both ways.
        seeds: (b,) place of every user who is asked about, among the nodes of type user.
        owners: (n_i,) place of the user, among those asked about, that each item is near to.
    """

    numbers: Mapping[str, Tensor]
    ages: Mapping[str, Tensor]
    edges: Mapping[Key, EdgeList]
    seeds: Tensor
    owners: Tensor

    @classmethod
    def of(cls, sample: Sample, schema: Schema, time: Time, device: torch.device) -> Near:
        """Of a sample whose users have nodes of their own each."""
        edges = edges_of(sample, schema)
        met, had = schema.edge(MET), schema.edge(HAD)
        for key, own in ((MET, HAD), (met.reverse_key, had.reverse_key)):
            more = edges.pop(own)
            edges[key] = _together(edges[key], more) if key in edges else more
        placed = {
            key: EdgeList(one.rows.to(device), one.columns.to(device), one.n_sources, one.n_targets)
            for key, one in edges.items()
        }
        since = _since(sample, DAY if time == "clock" else 1)
        ages = {kind: torch.from_numpy(since[kind]).to(device) for kind in sample.ages}
        numbers = {kind: one.to(device) for kind, one in numbers_of(sample).items()}
        seeds = torch.from_numpy(sample.places[0]).to(device)
        owners = torch.from_numpy(sample.owners["item"].astype(np.int64)).to(device)
        return cls(numbers, ages, placed, seeds, owners)

    @property
    def items(self) -> Tensor:
        """(n_i,) int64 items near users."""
        return self.numbers["item"]

    @property
    def asked(self) -> Only:
        """Users who are asked about, of whom alone scores read what they hear last."""
        return Only("user", self.seeds)


def _together(one: EdgeList, other: EdgeList) -> EdgeList:
    rows = torch.cat([one.rows, other.rows])
    columns = torch.cat([one.columns, other.columns])
    return EdgeList(rows, columns, one.n_sources, one.n_targets)


def _since(sample: Sample, unit: int) -> dict[str, np.ndarray]:
    """(n,) float32 ages by type, in units, from each user's latest interaction in the sample back.

    Whoever is asked for items has had the last one already and not yet the next, so the time up to
    the next is nothing that a recommendation can know.
    """
    if sample.times is None:
        return dict(sample.ages)
    had = sample.edges[HAD]
    last = np.full(len(sample.seeds), np.iinfo(np.int64).min)
    if had.times is not None:
        np.maximum.at(last, sample.owners["user"][had.rows], had.times)
    waited = np.where(last > np.iinfo(np.int64).min, sample.times - last, 0)
    return {
        kind: ((ages - waited[sample.owners[kind]]).clip(0) / unit).astype(np.float32)
        for kind, ages in sample.ages.items()
    }


class Ages(nn.Module):
    """Ages as sines and cosines, and a linear map of them a type of nodes.

    Source: Vaswani et al., Attention is all you need, 2017, section 3.5, with frequencies from 1
    down to 0.0001; PyG's `PositionalEncoding`.
    """

    frequency: Tensor

    def __init__(self, width: int, kinds: tuple[str, ...]) -> None:
        super().__init__()
        steps = torch.logspace(0, 1, max(1, width // 2), base=1e-4)
        self.register_buffer("frequency", steps, persistent=False)
        self.maps = nn.ModuleDict({kind: nn.Linear(2 * len(steps), width) for kind in kinds})

    def waves(self, ages: Tensor) -> Tensor:
        """(n, d) of (n,) ages."""
        turned = ages[:, None] * self.frequency
        return torch.cat([turned.sin(), turned.cos()], 1)

    def forward(self, kind: str, ages: Tensor, start: Tensor) -> Tensor:
        """(n, width) of (n,) ages: what they add to (width,), which stays where nobody knows."""
        known, linear = torch.nonzero(~ages.isnan())[:, 0], cast(nn.Linear, self.maps[kind])
        if len(known) == len(ages):
            return F.linear(self.waves(ages), linear.weight, linear.bias + start)
        mapped = linear(self.waves(ages.index_select(0, known)))
        return start.expand(len(ages), -1).index_add(0, known, mapped)


WARMTH = 10.0
"""What the cosine of a history with items counts at first: on Gowalla, softmax over all items of
this and the logarithms of how many had each was the best of 5, 10 and 15, before any training."""


class Read(NamedTuple):
    """What the layers say of the surroundings of b users.

    Attributes:
        users: (b, d) users who are asked about.
        items: (n_i, d) items near them, as each of them sees it; None where no pair is scored.
        wishes: (b, D) what the towers ask with: its products with `item_vectors` are their scores;
            None without towers.
    """

    users: Tensor
    items: Tensor | None
    wishes: Tensor | None


class ContextNetwork(nn.Module):
    """All that ContextGNN learns."""

    texts: Tensor | None

    def __init__(
        self,
        config: ModelConfig,
        n_items: int,
        bags: Mapping[str, Bags],
        time: Time,
        levels: int = 0,
        n_factors: int = 0,
        texts: np.ndarray | None = None,
    ) -> None:
        """Fresh weights.

        Args:
            config: What it is.
            n_items: In the catalogue.
            bags: Attributes of users and items.
            time: What decides what a user may see; ages are known unless it is "none".
            levels: Of the items' codes, 0 where none are read.
            n_factors: Factor nodes of items.
            texts: (n_items, t) float32, what items' texts mean, standardised; None unless they are
                said of items.

        Raises:
            ConfigError: items are to be made of attributes, and have none.
        """
        super().__init__()
        assert isinstance(config.backbone, ContextGnnConfig)
        self.config, of, d = config.backbone, config.backbone, config.width
        has_table = of.parts != "pair" and of.items != "feature"
        has_features = of.listens and of.says == "attributes"
        says = {"user": config.user_features, "item": config.item_features}
        self.bags = nn.ModuleDict(
            {
                kind: BagEmbedding(one, d)
                for kind, one in bags.items()
                if len(one.categories) and (says[kind] or (kind == "item" and has_features))
            }
        )
        if has_features and "item" not in self.bags:
            raise ConfigError(
                f"model.backbone.items is {of.items!r}, and the items have no attributes to make "
                "vectors of. Give them some, set model.backbone.says to texts, or items to lookup."
            )
        kinds = ("user", "item", *(("item_factor",) if levels else ()))
        self.kinds = nn.ParameterDict(
            {kind: nn.Parameter(torch.randn(d) * d**-0.5) for kind in ("user", "item")}
        )
        self.factors = nn.Embedding(n_factors, d) if levels else None
        self.indicator = nn.Parameter(torch.randn(d))
        self.ages = None if time == "none" else Ages(d, ("user", "item"))
        if time == "order":  # others' edges have no times, so users are met at none
            self.ages = Ages(d, ("item",))
        self.table = nn.Embedding(n_items, d) if has_table else None
        self.features = None
        if of.listens:
            read = d if texts is None else texts.shape[1]
            self.features = nn.Sequential(nn.Linear(read, d), nn.ReLU(), nn.Linear(d, d))
        said = None if texts is None else torch.from_numpy(texts)
        self.register_buffer("texts", said, persistent=False)
        self.dropout = nn.Dropout(config.embedding_dropout)
        self.layers = Layers(schema_of(levels, of.followed > 0), kinds, d, of)
        pairs, towers = of.parts != "tower", of.parts != "pair"
        self.tower = nn.Linear(d, d) if towers else None
        self.meeting = None
        if pairs and towers:
            self.meeting = nn.Sequential(nn.Linear(d, d), nn.ReLU(), nn.Linear(d, 1))
        for table in (self.table, self.factors):
            if table is not None:
                nn.init.normal_(table.weight, std=d**-0.5)
        self.level: nn.Parameter | None = None
        self.warmth: nn.Parameter | None = None
        if of.skip:
            self._skip(n_items)

    def _skip(self, n_items: int) -> None:
        """Weights by which the towers at first ask with the history alone, and mostly count."""
        assert self.tower is not None
        self.level = nn.Parameter(torch.zeros(n_items, 1))
        self.warmth = nn.Parameter(torch.tensor(WARMTH))
        nn.init.zeros_(self.tower.weight)
        nn.init.zeros_(self.tower.bias)
        if self.meeting is not None and self.config.meeting == "gate":
            nn.init.constant_(cast(nn.Linear, self.meeting[-1]).bias, -2.0)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.indicator.device

    def item_vectors(self) -> Tensor:
        """(n_items, D) vectors of all items outside, made anew whenever they are asked for.

        D is the width, and one more where every item has a number of its own.
        """
        parts = []
        if self.table is not None:
            parts.append(self.table.weight)
        if self.features is not None:
            parts.append(self.features(self.bags["item"]() if self.texts is None else self.texts))
        made = torch.stack(parts).sum(0) if len(parts) > 1 else parts[0]
        return made if self.level is None else torch.cat([made, self.level], 1)

    def first(self, near: Near, items: Tensor | None) -> dict[str, Tensor]:
        """(n, d) h⁽⁰⁾ of the nodes of every type: attributes, ages, W and who is asked about."""
        x: dict[str, Tensor] = {}
        for kind, numbers in near.numbers.items():
            if kind == "item_factor":
                assert self.factors is not None
                x[kind] = self.dropout(self.factors(numbers))
                continue
            if self.ages is not None and kind in self.ages.maps:
                own = self.ages(kind, near.ages[kind], self.kinds[kind])
            else:
                own = self.kinds[kind].expand(len(numbers), -1)
            if kind in self.bags:
                own = own + self.bags[kind]().index_select(0, numbers)
            if kind == "item" and items is not None:
                own = own + items[:, : own.shape[1]].index_select(0, numbers)
            if kind == "user":
                shown = self.indicator.expand(len(near.seeds), -1)
                own = own.index_add(0, near.seeds, shown)
            x[kind] = self.dropout(own)
        return x

    def read(self, near: Near, items: Tensor | None) -> Read:
        """Users, and the items near them, after one pass over their surroundings.

        Args:
            near: Surroundings.
            items: (n_items, D) `item_vectors`; None where no tower is.
        """
        x = self.layers(self.first(near, items), near.edges, near.asked)
        return Read(x["user"], x.get("item"), self._wishes(x["user"], near, items))

    def _wishes(self, users: Tensor, near: Near, items: Tensor | None) -> Tensor | None:
        """(b, D) of (b, d) users; with `skip`, with the direction of the sum of their items, too.

        In the manner of linear filters by singular vectors (GF-CF: Shen et al., CIKM 2021, section
        4), but by directions alone: how many had an item is in the number of its own.
        """
        if self.tower is None:
            return None
        learnt: Tensor = self.tower(users)
        if self.level is None or self.warmth is None:
            return learnt
        assert items is not None
        seed = torch.full((len(near.numbers["user"]),), -1, device=users.device)
        seed[near.seeds] = torch.arange(len(users), device=users.device)
        edges = near.edges[MET]
        own = torch.nonzero(seed[edges.rows] >= 0)[:, 0]
        had = items[:, :-1].index_select(0, near.items[edges.columns[own]])
        total = torch.zeros_like(learnt).index_add(0, seed[edges.rows[own]], had)
        wishes = learnt + self.warmth * nn.functional.normalize(total, dim=1)
        return torch.cat([wishes, wishes.new_ones(len(wishes), 1)], 1)

    def scores(
        self, near: Near, items: Tensor | None, classes: Tensor | None, n_items: int
    ) -> Tensor:
        """(b, c) scores of items for users: of pairs where near, of towers elsewhere.

        Without towers, what is not near has -inf.

        Args:
            near: Surroundings of the users.
            items: (n_items, D) `item_vectors`; None where no tower is.
            classes: (c,) items that are scored; None for all.
            n_items: In the catalogue.

        Source: ContextGNN, eq. 2.
        """
        read = self.read(near, items)
        columns = near.items
        kept = torch.arange(len(columns), device=columns.device)
        width = n_items if classes is None else len(classes)
        if classes is not None:
            place = torch.full((n_items,), -1, device=columns.device)
            place[classes] = torch.arange(width, device=columns.device)
            kept = torch.nonzero(place[columns] >= 0)[:, 0]
            columns = place[columns[kept]]
        if read.wishes is None:
            scores = read.users.new_full((len(read.users), width), -torch.inf)
        else:
            assert items is not None
            of = items if classes is None else items.index_select(0, classes)
            scores = read.wishes @ of.T
        pair = self.pairs(read, near, items)
        if pair is None:
            return scores
        return scores.index_put((near.owners[kept], columns), pair[kept])

    def pairs(self, read: Read, near: Near, items: Tensor | None) -> Tensor | None:
        """(n_i,) scores of the items near users, with what makes them fit those of the towers.

        Args:
            read: What the layers say of the surroundings.
            near: These.
            items: (n_items, D) `item_vectors`; None where no tower is.

        Source: ContextGNN, section 4.3. The gate is ours to spell out: a share σ(MLP(h_v)) of the
        pair's score, the rest of the tower's.
        """
        if read.items is None:
            return None
        pair = (read.users.index_select(0, near.owners) * read.items).sum(1)
        if self.meeting is None:
            return pair
        own = self.meeting(read.users)[:, 0].index_select(0, near.owners)
        if self.config.meeting == "offset":
            offset: Tensor = pair + own
            return offset
        assert read.wishes is not None and items is not None
        share = own.sigmoid()
        asked = read.wishes.index_select(0, near.owners)
        far = (asked * items.index_select(0, near.items)).sum(1)
        mixed: Tensor = share * pair + (1 - share) * far
        return mixed


def _layer(key: Key, width: int, config: ContextGnnConfig) -> Layer:
    """What a node makes of its neighbours by one type of edges, and of itself.

    An item has one factor a level, so there attention would have nothing to weigh.
    """
    if config.layer == "gat" and key[0] != "item_factor":
        return Gat(width, width, own_width=width, heads=config.heads, residual=True)
    return Sage(width, width, reduce=config.reduce)


class Layers(nn.Module):
    """GraphSAGE or graph attention a type of edges, then LayerNorm and, but for the last, ReLU.

    Layers have weights only for what a later one, or a score, reads.

    Source: ContextGNN, section 5, "Experimental setup"; Hamilton et al., 2017.
    """

    def __init__(
        self, schema: Schema, kinds: tuple[str, ...], width: int, config: ContextGnnConfig
    ) -> None:
        super().__init__()
        keys = [key for edge in schema.edges for key in (edge.key, edge.reverse_key)]
        keys = [key for key in keys if schema.edge(key).key != HAD]
        wanted = {"user"} | ({"item"} if config.parts != "tower" else set())
        layers, norms = [], []
        for _ in range(config.hops):
            own = [key for key in keys if key[2] in wanted]
            layers.append(Hetero({key: _layer(key, width, config) for key in own}))
            ends = {kind: nn.LayerNorm(width) for kind in kinds if kind in wanted}
            norms.append(nn.ModuleDict(ends))
            wanted = wanted | {key[0] for key in own}
        self.layers, self.norms = nn.ModuleList(layers[::-1]), nn.ModuleList(norms[::-1])
        last = cast(nn.ModuleDict, self.norms[-1])
        if "item" in last:  # products of two normed vectors would be as large as they are wide
            nn.init.constant_(cast(nn.LayerNorm, last["item"]).weight, width**-0.5)

    def forward(
        self, x: Mapping[str, Tensor], edges: Mapping[Key, EdgeList], only: Only | None = None
    ) -> dict[str, Tensor]:
        """(n, width) of the nodes of every type that scores read, of those of all types.

        Args:
            x: (n, width) of the nodes of each type.
            edges: By type, as messages go.
            only: Nodes of one type that are read in the end; all by default.
        """
        for level, (layer, norms) in enumerate(zip(self.layers, self.norms, strict=True)):
            hetero, ends = cast(Hetero, layer), cast(nn.ModuleDict, norms)
            last = level == len(self.layers) - 1
            arriving = {key: (x[key[0]], one) for key, one in edges.items() if key in hetero.keys}
            own = x
            if last and only is not None:
                own = {**x, only.kind: x[only.kind].index_select(0, only.places)}
                arriving = {key: (x[key[0]], only.of(key, edges[key])) for key in arriving}
            x = {kind: ends[kind](hetero.hear(kind, own[kind], arriving)) for kind in ends}
            if not last:
                x = {kind: one.relu_() for kind, one in x.items()}
        return dict(x)
