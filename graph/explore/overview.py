"""Which types of nodes and edges a graph has, and which metapaths go through them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from graph.explore.count import coverage
from graph.explore.flat import FlatGraph
from graph.explore.relations import Levels
from graph.latent import LatentGraph
from graph.metapath import NEIGHBOURS, NODE_TYPES, Metapath


@dataclass(frozen=True, slots=True)
class Relation:
    """All edges of one kind.

    Attributes:
        source: Type of one end.
        target: Type of the other.
        level: Of the factors; None between users and items.
        edges: How many; two interactions of one user with one item are one edge.
    """

    source: str
    target: str
    level: int | None
    edges: int


@dataclass(frozen=True, slots=True)
class Schema:
    """A graph seen from far away.

    Attributes:
        nodes: Number of nodes, by type.
        relations: All relations, those to factors level by level.
    """

    nodes: dict[str, int]
    relations: tuple[Relation, ...]


def schema_of(flat: FlatGraph) -> Schema:
    """Types of nodes and edges with their counts."""
    users = slice(0, flat.sizes[0])
    seen = int(flat.degrees[users].sum()) - int(_steps_to_factors(flat, "user"))
    relations = [Relation("user", "item", None, seen)]
    for side in ("user", "item"):
        kind = NODE_TYPES.index(f"{side}_factor")
        place = slice(int(flat.firsts[kind]), int(flat.firsts[kind + 1]))
        members = np.bincount(flat.levels[place], flat.degrees[place])
        relations += [
            Relation(side, f"{side}_factor", level, int(n)) for level, n in enumerate(members)
        ]
    return Schema(dict(zip(NODE_TYPES, flat.sizes, strict=True)), tuple(relations))


def next_types(types: Sequence[str]) -> tuple[str, ...]:
    """The types by which a path of these types can go on; every type begins one.

    >>> next_types(["item"])
    ('user', 'item_factor')
    """
    return NEIGHBOURS[types[-1]] if types else NODE_TYPES


def catalogue(graph: LatentGraph, paths: Sequence[Metapath], levels: Levels = None) -> pl.DataFrame:
    """A row a metapath: metapath, steps, instances, starts, ends (shares), median_per_end."""
    rows = []
    for path in paths:
        reach = coverage(graph, path, levels)
        rows.append(
            {
                "metapath": reach.metapath,
                "steps": len(path.types) - 1,
                "instances": reach.instances,
                "starts": reach.starts,
                "ends": reach.ends,
                "median_per_end": reach.median_per_end,
            }
        )
    return pl.DataFrame(
        rows,
        schema={
            "metapath": pl.String,
            "steps": pl.Int64,
            "instances": pl.Int64,
            "starts": pl.Float64,
            "ends": pl.Float64,
            "median_per_end": pl.Float64,
        },
    )


def _steps_to_factors(flat: FlatGraph, side: str) -> int:
    kind = NODE_TYPES.index(f"{side}_factor")
    return int(flat.degrees[int(flat.firsts[kind]) : int(flat.firsts[kind + 1])].sum())
