"""A graph on disk: arrays as safetensors, which can be mapped, and the rest as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

import numpy as np

from data import atomic
from data.relation import Relation
from graph.schema import Key, Schema
from graph.values import Lists, Values, intern_texts

_ARRAYS, _ABOUT = "hetero.safetensors", "hetero.json"
OFFSETS = "offsets"
_FIELDS = (OFFSETS, "targets", "times", "weights", "numbers")


@dataclass(frozen=True)
class Parts:
    """What a `HeteroGraph` is made of; its fields say what each is."""

    schema: Schema
    sizes: Mapping[str, int]
    edges: Mapping[Key, Relation]
    attributes: Mapping[str, Mapping[str, Values]]
    edge_attributes: Mapping[Key, Mapping[str, Values]]

    @property
    def all(
        self,
    ) -> tuple[
        Schema,
        Mapping[str, int],
        Mapping[Key, Relation],
        Mapping[str, Mapping[str, Values]],
        Mapping[Key, Mapping[str, Values]],
    ]:
        """Its fields, in their order."""
        return self.schema, self.sizes, self.edges, self.attributes, self.edge_attributes


def arrays_of(relation: Relation) -> dict[str, np.ndarray]:
    """The arrays of a relation that it has, by the names of its fields."""
    named = {name: getattr(relation, name) for name in _FIELDS}
    return {name: array for name, array in named.items() if array is not None}


def write_parts(directory: Path, parts: Parts) -> None:
    """All of a graph in `directory`."""
    arrays: dict[str, np.ndarray] = {}
    texts: dict[str, dict[str, tuple[str, ...]]] = {}
    for key, relation in parts.edges.items():
        arrays |= {"/".join((*key, name)): array for name, array in arrays_of(relation).items()}
    owners = [(kind, about) for kind, about in parts.attributes.items()]
    owners += [("/".join((*key, "of")), about) for key, about in parts.edge_attributes.items()]
    for owner, about in owners:
        for name, column in about.items():
            path = f"{owner}/{quote(name, safe='')}"
            flat = column.values if isinstance(column, Lists) else column
            if isinstance(column, Lists):
                arrays[f"{path}/{OFFSETS}"] = column.offsets
            if isinstance(flat, tuple):
                texts.setdefault(owner, {})[name] = flat
            else:
                arrays[path] = flat
    atomic.write_arrays(directory / _ARRAYS, arrays)
    schema, sizes = parts.schema.as_json(), dict(parts.sizes)
    atomic.write_json(directory / _ABOUT, {"schema": schema, "sizes": sizes, "texts": texts})


def read_parts(directory: Path, mapped: bool) -> Parts:
    """What `write_parts` stored; paths of arrays tell by their length what each is.

    Raises:
        ArtifactError: it is missing or damaged.
    """
    about = atomic.read_json(directory / _ABOUT)
    read = atomic.map_arrays if mapped else atomic.read_arrays
    sizes, columns = about["sizes"], _Columns()
    parts: dict[Key, dict[str, np.ndarray]] = {}
    for owner, values in about["texts"].items():
        for name, column in values.items():
            columns.put(owner, name, intern_texts(column))
    for path, array in read(directory / _ARRAYS).items():
        split = path.split("/")
        if len(split) == 4:
            source, relation, target, name = split
            parts.setdefault((source, relation, target), {})[name] = array
        elif len(split) in (3, 6):
            columns.offsets["/".join(split[:-2]), unquote(split[-2])] = array
        else:
            columns.put("/".join(split[:-1]), unquote(split[-1]), array)
    edges = {key: Relation(n_targets=sizes[key[2]], **part) for key, part in parts.items()}
    return Parts(Schema.read(about["schema"]), sizes, edges, *columns.sorted())


class _Columns:
    """Attributes as they are read, in whatever order."""

    def __init__(self) -> None:
        self.offsets: dict[tuple[str, str], np.ndarray] = {}
        self._flat: dict[tuple[str, str], np.ndarray | tuple[str, ...]] = {}

    def put(self, owner: str, name: str, column: np.ndarray | tuple[str, ...]) -> None:
        """Values of nodes of a type, or of edges."""
        self._flat[owner, name] = column

    def sorted(self) -> tuple[dict[str, dict[str, Values]], dict[Key, dict[str, Values]]]:
        """Those of nodes and those of edges."""
        nodes: dict[str, dict[str, Values]] = {}
        edges: dict[Key, dict[str, Values]] = {}
        for (owner, name), flat in self._flat.items():
            offsets = self.offsets.get((owner, name))
            column = flat if offsets is None else Lists(offsets, flat)
            if "/" in owner:
                source, relation, target, _ = owner.split("/")
                edges.setdefault((source, relation, target), {})[name] = column
            else:
                nodes.setdefault(owner, {})[name] = column
        return nodes, edges
