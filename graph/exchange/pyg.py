"""Graphs from PyTorch Geometric's `HeteroData`, and to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from data.errors import DataError
from graph.exchange.tables import Table
from graph.hetero import HeteroGraph
from graph.schema import Key, Schema
from graph.values import Lists, Values, own_name, take

if TYPE_CHECKING:
    from torch_geometric.data import HeteroData

_NAMES = {"label": "y"}
"""What PyG calls what has another name here."""
_TAKEN = ("edge_index", "time", "edge_weight")
_ENDS = ("source_number", "target_number")


def to_pyg(graph: HeteroGraph, reverses: bool = False) -> HeteroData:
    """The graph as PyG's layers read it, edges in the order of their relation.

    Times are `time`, weights `edge_weight`, the attribute "label" is `y`; numbers are tensors,
    texts and lists are lists, and all of them keep their names otherwise. An attribute whose name
    is taken, such as `num_nodes`, `edge_index` or `y` beside a label, has the prefix `attr_`.

    Args:
        graph: Any.
        reverses: Whether every type of edges is there the other way round as well.

    Raises:
        DataError: PyG is not installed.
    """
    data = _pyg().HeteroData()
    for kind in graph.schema.types:
        data[kind].num_nodes = graph.size(kind)
        for name, column in graph.attributes.get(kind, {}).items():
            data[kind][_name(name, graph.attributes[kind], ("num_nodes",))] = _given(column)
    for edge in graph.schema.edges:
        for key in (edge.key, edge.reverse_key)[: 2 if reverses else 1]:
            relation, store = graph.relation(key), data[key]
            store.edge_index = _tensor(np.stack([relation.sources, relation.targets]), np.int64)
            if relation.times is not None:
                store.time = _tensor(relation.times, np.int64)
            if relation.weights is not None:
                store.edge_weight = _tensor(relation.weights, np.float32)
            about = graph.edge_attributes.get(edge.key, {})
            for name, column in about.items():
                own = column if relation.numbers is None else take(column, relation.numbers)
                store[_name(name, about)] = _given(own)
    return data


def from_pyg(data: HeteroData, schema: Schema | None = None) -> HeteroGraph:
    """The graph of a `HeteroData`, edges by source and time.

    Types of edges that `ToUndirected` made ("rev_…") are left out: every edge is walked both ways.

    Args:
        data: With `edge_index` for every type of edges; `time` (or `edge_time`) and `edge_weight`
            (or `weight`) are times and weights, `y` is the attribute "label", and whatever has a
            row a node or edge is an attribute of its name.
        schema: The types; told from the data where it is not given.

    Raises:
        DataError: an attribute has not a row a node or edge, or an edge leads nowhere.
    """
    nodes: dict[str, Table | int] = {}
    for kind in data.node_types:
        size = data[kind].num_nodes
        if size is None:
            raise DataError(
                f"PyG does not know how many nodes of type {kind} there are; set "
                f"data[{kind!r}].num_nodes."
            )
        columns = _columns(data[kind], size, ("num_nodes",), f"nodes of type {kind}")
        nodes[kind] = _table(columns, id=None) if columns else int(size)
    edges = {}
    for key in data.edge_types:
        if _is_reverse(data, key):
            continue
        index = data[key].edge_index.cpu().numpy()
        what = "edges {} -{}-> {}".format(*key)
        columns = _columns(data[key], index.shape[1], ("edge_index",), what)
        for name, usual in (("edge_time", "time"), ("edge_weight", "weight")):
            if name in columns:
                columns[usual] = columns.pop(name)
        columns |= dict(zip(_ENDS, index, strict=True))
        edges[key] = _table(columns, source=_ENDS[0], target=_ENDS[1])
    return HeteroGraph.of(nodes, edges, schema)


def _table(columns: Mapping[str, Any], **ends: Any) -> Table:
    time = "time" if "time" in columns else None
    weight = "weight" if "weight" in columns and "id" not in ends else None
    return Table(columns, time=time, weight=weight, **ends)


def _columns(store: Any, n: int, without: tuple[str, ...], what: str) -> dict[str, Any]:
    """What a store of PyG holds a row a node or edge."""
    named = {pyg: name for name, pyg in _NAMES.items()}
    columns = {}
    for name, given in store.items():
        if name in without:
            continue
        values = given.detach().cpu().numpy() if hasattr(given, "detach") else given
        if not hasattr(values, "__len__") or isinstance(values, str) or len(values) != n:
            size = len(values) if hasattr(values, "__len__") else "no"
            raise DataError(
                f"The {what} have {name!r} with {size} values for {n} of them; take it out of the "
                "HeteroData, or give it a row each."
            )
        columns[named.get(name, name)] = values
    return columns


def _is_reverse(data: HeteroData, key: Key) -> bool:
    """Whether a type of edges is another one the other way round.

    Raises:
        DataError: it is only called so.
    """
    source, relation, target = key
    own = (target, relation.removeprefix("rev_"), source)
    if not relation.startswith("rev_") or own not in data.edge_types:
        return False
    forth, back = (data[one].edge_index.cpu().numpy() for one in (own, key))
    if not np.array_equal(_ordered(forth[0], forth[1]), _ordered(back[1], back[0])):
        raise DataError(
            "The edges {} -{}-> {} are not {} -{}-> {} the other way round; call them something "
            "that does not begin with rev_.".format(*key, *own)
        )
    return True


def _ordered(sources: np.ndarray, targets: np.ndarray) -> np.ndarray:
    return np.stack([sources, targets])[:, np.lexsort((targets, sources))]


def _name(name: str, about: Mapping[str, Values], taken: Sequence[str] = _TAKEN) -> str:
    """What an attribute is called in a store of PyG."""
    others = [*taken, *(_NAMES[one] for one in about if one in _NAMES)]
    return _NAMES.get(name) or own_name(name, others)


def _given(column: Values) -> Any:
    if isinstance(column, Lists):
        return [list(row) for row in column]
    return list(column) if isinstance(column, tuple) else _tensor(column)


def _tensor(array: np.ndarray, dtype: type[np.generic] | None = None) -> Any:
    """A tensor of its own, since arrays can be read-only."""
    import torch

    return torch.from_numpy(np.array(array, dtype=dtype or array.dtype))


def _pyg() -> Any:
    try:
        return import_module("torch_geometric.data")
    except ImportError as error:
        raise DataError(
            'PyTorch Geometric is not here. Install it with: pip install "autograph-rec[pyg]".'
        ) from error
