"""The weights of RankGraph, and the graph that they pass over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from data.relation import Relation, offsets_of
from recommend.graphs.sparse import csr
from recommend.rank.encoder import ByType, Encoder, Heard, TypeEncoder, Vectors, merged
from recommend.rank.messages import LEAST, Hearing, Hidden, ways
from recommend.rank.negatives import Pool
from recommend.rank.past import Past
from recommend.sequence.dropout import Dropout
from recommend.sequence.network import BagEmbedding
from recommend.settings import ModelConfig
from recommend.settings.rankgraph import RankGraphConfig

ITEM = "item"
"""What stands for every domain where types are not told apart."""


class RankGraphNetwork(nn.Module):
    """Own vectors, encoders of every type, and layers.

    Attributes:
        people: Types of users: one, or one for each domain.
        domains: Types of items.
        edges: (m,) by type of edges from users to items, which of `Past.had` each is.
        order: (n_items,) int64 items of the first type, then of the next.
        of_item: (n_items,) int64 place of the type of each among `domains`.
        popularity: (n_items,) float32 log of how many had each, less that of the mean.
        pool: Items of earlier steps, where these are negatives; one for each type of users.
    """

    order: Tensor
    of_item: Tensor
    popularity: Tensor
    texts: Tensor

    def __init__(self, config: ModelConfig, past: Past) -> None:
        super().__init__()
        own, width, graph = own_settings(config), config.width, past.graph
        self.domains = past.domains.names
        self.people = tuple(kind for kind in graph.schema.types if kind not in self.domains)
        members = [np.asarray(graph.attributes[kind][ITEM]) for kind in self.domains]
        self.sizes = [len(one) for one in members]
        counts = np.bincount(past.had.targets, minlength=past.had.n_targets).clip(1)
        self.places = np.empty(len(counts), dtype=np.int64)
        for some in members:
            self.places[some] = np.arange(len(some))
        kept = {
            "order": np.concatenate(members),
            "of_item": past.domains.of_item,
            "popularity": np.log(counts / counts.mean()).astype(np.float32),
        }
        for name, array in kept.items():
            self.register_buffer(name, torch.from_numpy(array), persistent=False)
        self.user = ByType({kind: nn.Embedding(graph.size(kind), width) for kind in self.people})
        self.item = nn.Embedding(len(self.order), width)
        for one in (*self.user.values(), self.item):
            nn.init.normal_(cast(nn.Embedding, one).weight, std=width**-0.5)
        reads = own.features in ("attributes", "both") and len(past.about.categories) > 0
        self.attributes = BagEmbedding(past.about, width) if reads else None
        self.said = None
        if past.texts is not None:
            self.said = nn.Linear(past.texts.shape[1], width, bias=False)
            nn.init.normal_(self.said.weight, std=(width * past.texts.shape[1]) ** -0.5)
            self.register_buffer("texts", torch.from_numpy(past.texts), persistent=False)
        typed, parts = own.types == "typed", 1 + (self.attributes is not None)
        parts += self.said is not None
        kinds = self.domains if typed else (ITEM,)
        self.encoders = ByType({kind: TypeEncoder(parts, width) for kind in kinds})
        self.edges = {key: torch.from_numpy(places) for key, places in past.edge_places().items()}
        self.encoder = Encoder(ways(graph), width, own.layers, own.bases, typed=typed)
        self.dropout = Dropout(config.embedding_dropout)
        pooled = self.people if "pool" in own.negatives else ()
        self.pool = ByType({kind: Pool(own.pool) for kind in pooled})

    def first(self) -> Vectors:
        """(n, d) of every type, before they hear anything."""
        known = [self.item.weight]
        if self.attributes is not None:
            known.append(self.attributes())
        if self.said is not None:
            known.append(self.said(self.texts))
        split = [part[self.order].split_with_sizes(self.sizes) for part in known]
        found = {kind: cast(nn.Embedding, one).weight for kind, one in self.user.items()}
        for at, kind in enumerate(self.domains):
            found[kind] = self.encoder_of(kind)([part[at] for part in split])
        return {kind: self.dropout(one) for kind, one in found.items()}

    def encoder_of(self, kind: str) -> nn.Module:
        """That of a type of items; all have the same where types are not told apart.

        Raises:
            ValueError: there is no such type.
        """
        if kind not in self.domains:
            told = ", ".join(self.domains)
            raise ValueError(f"there are no items of the type {kind!r}; there are {told}")
        return self.encoders[kind if kind in self.encoders else ITEM]

    def layers(self, hidden: Hidden) -> list[Vectors]:
        """(n, d) by type, of every layer, while nobody hears what is hidden."""
        found: list[Vectors] = self.encoder(self.first(), hidden)
        return found

    def of_people(self, layers: Sequence[Vectors]) -> list[Tensor]:
        """(n_users, d) of length 1, of every type of users."""
        return [merged([layer[kind] for layer in layers]) for kind in self.people]

    def of_items(self, layers: Sequence[Vectors]) -> Tensor:
        """(n_items, d) of length 1, in the order of the catalogue."""
        items = torch.cat([merged([layer[kind] for layer in layers]) for kind in self.domains])
        return torch.empty_like(items).index_copy(0, self.order, items)

    def alike(self, layers: Sequence[Vectors]) -> list[list[Heard | None]]:
        """What users hear of users, in every layer but the last and in the order of the ways.

        Args:
            layers: Of the whole graph.
        """
        found: list[list[Heard | None]] = [[] for _ in layers[1:]]
        for (source, target, _), one in zip(self.encoder.ways, self.encoder.hearing, strict=True):
            among = source in self.people and target in self.people
            for heard, layer in zip(found, layers, strict=False):
                mean = cast(Hearing, one).matrices().heard(layer[source]) if among else None
                heard.append(None if mean is None else Heard(target, *mean))
        return found

    def after(
        self,
        layers: Sequence[Vectors],
        alike: Sequence[Sequence[Heard | None]],
        users: Tensor,
        had: Relation,
    ) -> list[Tensor]:
        """(b, d) users of every type after histories; all others are as training left them.

        Args:
            layers: Of the whole graph.
            alike: What users hear of users there.
            users: (b,) numbers.
            had: From (b) users to the items of each history, with weights.
        """
        found = [{kind: layers[0][kind][users] for kind in self.people}]
        for place, (layer, of_users) in enumerate(zip(layers[:-1], alike, strict=True)):
            heard = []
            for (source, target, _), among in zip(self.encoder.ways, of_users, strict=True):
                if among is not None:
                    heard.append(Heard(target, among.mean[users], among.weight[users]))
                elif target in self.people:
                    heard.append(self._means(target, source, had, layer[source]))
                else:  # items do not hear such users
                    heard.append(Heard(target, layer[source], layer[source]))
            found.append(self.encoder.after(place, found[-1], heard))
        return self.of_people(found)

    def _means(self, target: str, source: str, had: Relation, vectors: Tensor) -> Heard:
        """What users hear of the items of one domain that they had, whose vectors are (n, d)."""
        assert had.weights is not None
        there = self.of_item.cpu().numpy()[had.targets] == self.domains.index(source)
        rows = had.sources[there]
        totals = np.bincount(rows, had.weights[there], minlength=len(had)).astype(np.float32)
        shares = had.weights[there] / totals[rows].clip(LEAST)
        parts = offsets_of(rows, len(had)), self.places[had.targets[there]], shares
        matrix = csr(parts, (len(had), len(vectors))).to(vectors.device)
        weight = torch.from_numpy(totals)[:, None].to(vectors.device)
        return Heard(target, matrix @ vectors, weight)


def own_settings(config: ModelConfig) -> RankGraphConfig:
    """Settings of RankGraph, of those of a model that is one."""
    assert isinstance(config.backbone, RankGraphConfig)
    return config.backbone
