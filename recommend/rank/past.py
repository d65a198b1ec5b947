"""What RankGraph is built of: its graph, what is known of items, and who had what."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data.behaviours import counted
from data.columns import LEAST_CLOCK
from data.dataset import Histories
from data.domains import Domains
from data.errors import ConfigError
from data.relation import Relation
from graph.build.coengagement import co_engaged
from graph.build.domains import (
    DAY,
    HAD,
    domain_graph,
    domain_schema,
    engagement,
    share_codes,
)
from graph.hetero import HeteroGraph
from graph.schema import Key
from recommend.features import Bags, bags
from recommend.graphs.towers import once
from recommend.protocols import World
from recommend.settings.rankgraph import RankGraphConfig
from recommend.sources import standardise

BAGS = ("categories", "weights", "offsets", "n_categories")
MOST = 60
"""Half-lives after the end of training that count: what was had then outweighs training anyway, and
with 128 more its weight would be no float32."""


@dataclass(frozen=True, slots=True)
class Past:
    """All of training that the recommender knows.

    Attributes:
        domains: Which each item is of.
        had: Training edges from users to items, each once.
        graph: Users, items of every domain, who had what and what is alike.
        about: Attributes of items.
        texts: (n_items, t) float32, what items' texts mean, where that is read.
        near: Items to those near them, where they are negatives.
    """

    domains: Domains
    had: Relation
    graph: HeteroGraph
    about: Bags
    texts: np.ndarray | None = None
    near: Relation | None = None

    @classmethod
    def of(cls, own: RankGraphConfig, world: World) -> Past:
        """Of training interactions alone.

        Raises:
            ConfigError: settings read codes or texts that are not there.
        """
        n_items, sources = world.dataset.n_items, world.sources
        domains = Domains.of(world.dataset)
        codes = None if sources.graph is None else sources.graph.item_codes
        done, weights = counted(world.dataset, world.histories)
        graph = domain_graph(
            done,
            n_items,
            domains,
            weights=weights,
            half_life_days=own.half_life_days,
            alike=own.alike,
            nearest=own.nearest,
            shared=own.shared,
            item_codes=codes,
            item_vectors=sources.item_vectors,
            apart=own.domains == "apart",
        )
        had = once(world.histories, n_items)
        texts = None
        if own.features in ("texts", "both"):
            if sources.item_vectors is None:
                raise ConfigError(
                    f"model.backbone.features is {own.features}, and there are no vectors of "
                    "items' texts. Describe the items, or set it to attributes."
                )
            texts = standardise(sources.item_vectors, sources.item_vectors)
        near = None
        if "semantic" in own.negatives:
            every = np.arange(n_items)
            if "factors" in own.alike and codes is not None:
                near = share_codes(codes, every, every, own.reach)
            else:
                near = co_engaged(had.transpose(), nearest=own.reach)
        return cls(domains, had, graph, bags(world.dataset.items), texts, near)

    def edge_places(self) -> dict[Key, np.ndarray]:
        """(m,) int64 by type of edges from users to items: which of `had` each of them is."""
        n_items = self.had.n_targets
        codes = self.had.sources * np.int64(n_items) + self.had.targets
        found = {}
        for edge in self.graph.schema.edges:
            if edge.relation == HAD:
                relation = self.graph.edges[edge.key]
                items = np.asarray(self.graph.attributes[edge.target]["item"])
                wanted = relation.sources * np.int64(n_items) + items[relation.targets]
                found[edge.key] = np.searchsorted(codes, wanted)
        return found

    def after(self, histories: Histories, half_life_days: float | None) -> Relation:
        """Users to items of histories, with weights.

        What was had in training weighs what it weighs there. All else is counted, and has its age
        where this counts, unless the times are steps without dates.
        """
        n_items, had = np.int64(self.had.n_targets), self.had
        weights, latest = np.ones(len(had.targets), dtype=np.float32), 0
        for key, places in self.edge_places().items():
            weights[places] = self.graph.edges[key].weights
            latest = max(latest, int(self.graph.edges[key].moments.max(initial=0)))
        last = int(histories.times.max(initial=0))
        aged = half_life_days if last >= LEAST_CLOCK else None
        found = engagement(histories, int(n_items), half_life_days=aged)
        assert found.weights is not None
        if aged is not None:
            found.weights[:] *= np.exp2(min((last - latest) / (aged * DAY), MOST))
        codes = had.sources * n_items + had.targets
        wanted = found.sources * n_items + found.targets
        at = np.searchsorted(codes, wanted).clip(max=max(len(codes) - 1, 0))
        there = codes[at] == wanted if len(codes) else np.zeros(len(at), dtype=bool)
        found.weights[there] = weights[at[there]]
        return found

    def arrays(self) -> dict[str, np.ndarray]:
        """Every array, by name."""
        names = "\n".join(self.domains.names).encode()
        told: dict[str, np.ndarray] = {
            "domains": np.frombuffer(names, dtype=np.uint8),
            "of_item": self.domains.of_item,
            **{f"about.{name}": getattr(self.about, name) for name in BAGS},
        }
        parts = {"had": self.had, "near": self.near}
        parts |= {" ".join(key): relation for key, relation in self.graph.edges.items()}
        for name, relation in parts.items():
            if relation is None:
                continue
            told |= {f"{name}.offsets": relation.offsets, f"{name}.targets": relation.targets}
            more = {"weights": relation.weights, "times": relation.times}
            told |= {f"{name}.{what}": some for what, some in more.items() if some is not None}
        return told if self.texts is None else {**told, "texts": self.texts}

    @classmethod
    def read(cls, own: RankGraphConfig, arrays: dict[str, np.ndarray]) -> Past:
        """That of which `arrays` are."""
        names = tuple(arrays["domains"].tobytes().decode().split("\n"))
        domains = Domains(names, arrays["of_item"])
        schema = domain_schema(names, own.alike, own.domains == "apart")
        members = {name: np.flatnonzero(domains.of_item == at) for at, name in enumerate(names)}
        n_users = len(arrays["had.offsets"]) - 1
        sizes = {kind: len(members.get(kind, range(n_users))) for kind in schema.types}

        def relation(name: str, n_targets: int) -> Relation:
            parts = arrays[f"{name}.offsets"], arrays[f"{name}.targets"]
            more = arrays.get(f"{name}.times"), arrays.get(f"{name}.weights")
            return Relation(*parts, n_targets, *more)

        edges = {
            edge.key: relation(" ".join(edge.key), sizes[edge.target]) for edge in schema.edges
        }
        attributes = {name: {"item": items} for name, items in members.items()}
        graph = HeteroGraph(schema, sizes, edges, attributes, trusted=True)
        n_items = len(domains.of_item)
        about = Bags(*(arrays[f"about.{name}"] for name in BAGS))
        near = relation("near", n_items) if "near.offsets" in arrays else None
        return cls(domains, relation("had", n_items), graph, about, arrays.get("texts"), near)
