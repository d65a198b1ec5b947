"""The weights of RankGraph, and the graph that they pass over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from data.relation import Relation
from graph.build.domains import HAD
from recommend.graphs.sparse import csr
from recommend.rank.encoder import Encoder, Heard, TypeEncoder, Vectors, merged
from recommend.rank.messages import Hearing, Hidden, ways
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
        pool: Items of earlier steps, where these are negatives; one for each type of users.
    """

    order: Tensor
    texts: Tensor

    def __init__(self, config: ModelConfig, past: Past) -> None:
        super().__init__()
        own, width, graph = own_settings(config), config.width, past.graph
        self.domains = past.domains.names
        self.people = tuple(kind for kind in graph.schema.types if kind not in self.domains)
        members = [np.asarray(graph.attributes[kind][ITEM]) for kind in self.domains]
        self.sizes = [len(one) for one in members]
        self.register_buffer("order", torch.from_numpy(np.concatenate(members)), persistent=False)
        self.user = nn.ModuleDict(
            {kind: nn.Embedding(graph.size(kind), width) for kind in self.people}
        )
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
        self.encoders = nn.ModuleDict({kind: TypeEncoder(parts, width) for kind in kinds})
        self.edges = {key: torch.from_numpy(places) for key, places in past.edge_places().items()}
        self.encoder = Encoder(ways(graph), width, own.layers, own.bases, typed=typed)
        self.dropout = Dropout(config.embedding_dropout)
        pooled = self.people if "pool" in own.negatives else ()
        self.pool = nn.ModuleDict({kind: Pool(own.pool) for kind in pooled})

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
            encoder = self.encoders[kind if kind in self.encoders else ITEM]
            found[kind] = encoder([part[at] for part in split])
        return {kind: self.dropout(one) for kind, one in found.items()}

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

    def after(self, layers: Sequence[Vectors], users: Tensor, had: Relation) -> list[Tensor]:
        """(b, d) users of every type after histories; all others are as training left them.

        Args:
            layers: Of the whole graph.
            users: (b,) numbers.
            had: From (b) users to the items of each history, with weights.
        """
        x = {kind: layers[0][kind][users] for kind in self.people}
        found = [x]
        places = np.empty(len(self.order), dtype=np.int64)
        order = self.order.cpu().numpy()
        for kind_at, start in enumerate(np.cumsum([0, *self.sizes[:-1]])):
            some = order[start : start + self.sizes[kind_at]]
            places[some] = np.arange(len(some))
        of_item = np.empty(len(order), dtype=np.int64)
        of_item[order] = np.repeat(np.arange(len(self.sizes)), self.sizes)
        for place, layer in enumerate(layers[:-1]):
            heard = []
            for (source, target, declared), one in zip(
                self.encoder.ways, self.encoder.hearing, strict=True
            ):
                if target not in x:
                    heard.append(Heard("", layer[source], layer[source]))
                elif declared[1] == HAD:
                    at = self.domains.index(source)
                    heard.append(_means(target, had, of_item == at, places, layer[source]))
                else:
                    mean, weight = cast(Hearing, one).matrices().heard(layer[source])
                    heard.append(Heard(target, mean[users], weight[users]))
            found.append(self.encoder.after(place, found[-1], heard))
        return self.of_people(found)


def _means(
    target: str, had: Relation, within: np.ndarray, places: np.ndarray, vectors: Tensor
) -> Heard:
    """What users hear of the items of one domain that they had."""
    assert had.weights is not None
    there = within[had.targets]
    rows = had.sources[there]
    totals = np.bincount(rows, had.weights[there], minlength=len(had))
    shares = (had.weights[there] / totals[rows].clip(1e-12)).astype(np.float32)
    offsets = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(had)))])
    matrix = csr((offsets, places[had.targets[there]], shares), (len(had), len(vectors)))
    weight = torch.from_numpy(totals.astype(np.float32))[:, None].to(vectors.device)
    return Heard(target, matrix.to(vectors.device) @ vectors, weight)


def own_settings(config: ModelConfig) -> RankGraphConfig:
    """Settings of RankGraph, of those of a model that is one."""
    assert isinstance(config.backbone, RankGraphConfig)
    return config.backbone
