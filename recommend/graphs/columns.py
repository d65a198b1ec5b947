"""Attributes of nodes or edges as vectors: numbers as they are, values by learnt vectors.

Every learnt column reads bags: row r has the codes `codes[offsets[r]:offsets[r + 1]]`, one where
the attribute has one value a row. Columns of one dimension are fused: they share a table, one
after another, and one look-up; apart or fused, the same weights give the same vectors.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from data.errors import DataError
from graph.hetero import HeteroGraph
from graph.schema import Key
from graph.values import Lists, Values
from recommend.graphs.keys import keys_of, spread
from recommend.settings.columns import (
    Column,
    EmbeddingColumn,
    HashedColumn,
    LearntColumn,
    NumericColumn,
    OwnColumn,
)


@dataclass(frozen=True, slots=True)
class Attributes:
    """What columns read.

    Attributes:
        size: Rows.
        values: By name.
        where: What the rows are, for messages.
    """

    size: int
    values: Mapping[str, Values]
    where: str = "rows"

    @classmethod
    def of_nodes(cls, graph: HeteroGraph, kind: str) -> Attributes:
        """Those of the nodes of a type."""
        return cls(graph.size(kind), graph.attributes.get(kind, {}), f"nodes of type {kind}")

    @classmethod
    def of_edges(cls, graph: HeteroGraph, key: Key) -> Attributes:
        """Those of the edges of a type, by the number that each has within it.

        "time" and "weight" are those of the relation, where it is not a part of another.
        """
        declared = graph.schema.edge(key).key
        relation = graph.relation(declared)
        about, where = dict(graph.edge_attributes.get(declared, {})), "edges {} -{}-> {}"
        if relation.numbers is not None:
            return cls(int(relation.numbers.max(initial=-1)) + 1, about, where.format(*key))
        for name, column in (("time", relation.times), ("weight", relation.weights)):
            if column is not None:
                about[name] = column
        return cls(len(relation.targets), about, where.format(*key))

    def named(self, name: str) -> Values:
        """One of them.

        Raises:
            DataError: there is no such attribute.
        """
        if name not in self.values:
            known = ", ".join(self.values) or "none"
            raise DataError(f"The {self.where} have no attribute {name!r}; there is {known}.")
        return self.values[name]


class Columns(nn.Module):
    """(k, width) vectors of rows, the columns side by side as they were declared.

    Attributes:
        width: Sum of what the columns give.

    >>> genres = Lists.of([("war",), (), ("love", "war")])
    >>> films = Attributes(3, {"year": np.array([1990.0, 2000.0, 2010.0]), "genres": genres})
    >>> year = NumericColumn(attribute="year")
    >>> columns = Columns([year, HashedColumn(attribute="genres", dim=4, buckets=9)], films)
    >>> columns(torch.tensor([0, 1])).shape, columns(torch.tensor([1])).abs().sum().item()
    (torch.Size([2, 5]), 0.0)
    """

    def __init__(
        self,
        columns: Sequence[Column],
        attributes: Attributes,
        *,
        fuse: bool = True,
        known: Mapping[str, Tensor] | None = None,
    ) -> None:
        """Columns over these attributes.

        Args:
            columns: What is read.
            attributes: Of what.
            fuse: Whether columns of one dimension share a table.
            known: State of the same columns, perhaps of a graph with less in it: they begin with
                it, and a value that came since begins with the mean of those that were there.

        Raises:
            DataError: an attribute is not there, or of a kind that its column cannot read.
        """
        super().__init__()
        self.columns, self.fuse = tuple(columns), fuse
        parts: list[Numbers | ValueBags] = []
        for place, column in enumerate(columns):
            before = _state_of(known or {}, f"parts.{place}.")
            if isinstance(column, NumericColumn):
                parts.append(Numbers(column, attributes, before))
            else:
                parts.append(ValueBags(column, attributes, before))
        self.parts = nn.ModuleList(parts)
        learnt = [place for place, part in enumerate(parts) if isinstance(part, ValueBags)]
        self.groups = _groups([(place, parts[place].width) for place in learnt], fuse)
        self.tables = nn.ParameterList(self._table(group, known) for group in self.groups)
        self.width = sum(part.width for part in parts)

    def _table(self, group: Sequence[int], known: Mapping[str, Tensor] | None) -> nn.Parameter:
        """The vectors of some columns, one column after another."""
        tables = []
        for place in group:
            part = self._bags(place)
            table = torch.randn(part.rows, part.width) * part.width**-0.5
            if known:
                before = self._rows_before(known, place)
                table = torch.cat([before, before.mean(0).expand(part.rows - len(before), -1)])
            tables.append(table)
        return nn.Parameter(torch.cat(tables))

    def _rows_before(self, known: Mapping[str, Tensor], place: int) -> Tensor:
        """What a column had in the table of an earlier state."""
        number = next(number for number, group in enumerate(self.groups) if place in group)
        sizes = [int(known[f"parts.{one}.held"]) for one in self.groups[number]]
        at = self.groups[number].index(place)
        return known[f"tables.{number}"][sum(sizes[:at]) : sum(sizes[: at + 1])]

    def _bags(self, place: int) -> ValueBags:
        return cast(ValueBags, self.parts[place])

    def forward(self, numbers: Tensor) -> Tensor:
        """(k, width) vectors of (k,) rows; a place without a row, -1, has zeros."""
        there = torch.nonzero(numbers >= 0)[:, 0]
        if len(there) < len(numbers):
            known: Tensor = self(numbers[there])
            return known.new_zeros(len(numbers), self.width).index_copy(0, there, known)
        vectors: dict[int, Tensor] = {}
        for group, table in zip(self.groups, self.tables, strict=True):
            found = self._look_up(numbers, group, table)
            vectors |= dict(zip(group, found, strict=True))
        for place, part in enumerate(self.parts):
            if place not in vectors:
                vectors[place] = part(numbers)
        return torch.cat([vectors[place] for place in range(len(self.parts))], 1)

    def _look_up(self, numbers: Tensor, group: Sequence[int], table: Tensor) -> Tensor:
        """(columns, k, d) sums of the bags of a group, by one look-up."""
        codes, sizes, weights, start = [], [], [], 0
        for place in group:
            part = self._bags(place)
            some, size = part(numbers)
            codes.append(some + start)
            sizes.append(size)
            weights.append(part.shares(size))
            start += part.rows
        ends = torch.cat(sizes).cumsum(0)
        sums = F.embedding_bag(
            torch.cat(codes),
            table,
            ends - torch.cat(sizes),
            mode="sum",
            per_sample_weights=torch.cat(weights).to(table.dtype),
        )
        return sums.view(len(group), len(numbers), table.shape[1])


class Numbers(nn.Module):
    """(k, width) numbers of rows, normalised as those of the graph that it was made for."""

    values: Tensor
    centre: Tensor
    scale: Tensor

    def __init__(
        self, column: NumericColumn, attributes: Attributes, known: Mapping[str, Tensor]
    ) -> None:
        super().__init__()
        values = attributes.named(column.attribute)
        if not isinstance(values, np.ndarray) or values.dtype.kind not in "iufb":
            raise DataError(
                f"The attribute {column.attribute} of {attributes.where} is not made of numbers; "
                "read it by a hashed or a dynamic column."
            )
        self.width, self.normalise = math.prod(values.shape[1:]), column.normalise
        values = values.reshape(len(values), self.width).astype(np.float64)
        there = ~np.isnan(values)
        count = there.sum(0).clip(1)
        centre = values.sum(0, where=there) / count
        scale = np.sqrt(np.square(values - centre).sum(0, where=there) / count)
        scale[scale == 0] = 1
        self.register_buffer("values", torch.from_numpy(values).float(), persistent=False)
        for name, array in (("centre", centre), ("scale", scale)):
            self.register_buffer(name, known.get(name, torch.from_numpy(array).float()))

    def forward(self, numbers: Tensor) -> Tensor:
        """(k, width) of (k,) rows."""
        values = self.values[numbers]
        values = torch.where(values.isnan(), self.centre, values)
        return (values - self.centre) / self.scale if self.normalise else values


class ValueBags(nn.Module):
    """Codes of rows: which vectors of its column's table each row adds up.

    Attributes:
        rows: Vectors that the column has.
        width: Numbers a vector.
    """

    codes: Tensor
    offsets: Tensor
    keys: Tensor
    held: Tensor

    def __init__(
        self, column: LearntColumn, attributes: Attributes, known: Mapping[str, Tensor]
    ) -> None:
        super().__init__()
        self.width, self.reduce = column.dim, column.reduce
        held = attributes.size
        if isinstance(column, OwnColumn):
            offsets, codes = np.arange(attributes.size + 1), np.arange(attributes.size)
        else:
            where = f"The attribute {column.attribute} of {attributes.where}"
            offsets, flat = _bags_of(attributes.named(column.attribute), where)
            if isinstance(column, EmbeddingColumn):
                codes, held = _below(flat, column.buckets, where), column.buckets
            elif isinstance(column, HashedColumn):
                codes, held = spread(keys_of(flat)) % column.buckets, column.buckets
            else:
                before = known.get("keys", torch.empty(0, dtype=torch.int64))
                keys, codes = _places(keys_of(flat), before.cpu().numpy())
                held = len(keys)
                self.register_buffer("keys", torch.from_numpy(keys))
        self.rows = max(1, held)
        if known and self.rows < int(known["held"]):
            raise DataError(
                f"There are {self.rows} {attributes.where}, and the state knows {known['held']}; "
                "open it over a graph that has at least those."
            )
        for name, array in (("offsets", offsets), ("codes", codes.astype(np.int64))):
            self.register_buffer(name, torch.from_numpy(array), persistent=False)
        self.register_buffer("held", torch.tensor(self.rows))

    def forward(self, numbers: Tensor) -> tuple[Tensor, Tensor]:
        """(m,) codes of (k,) rows, row after row, and (k,) how many each has."""
        start = self.offsets[numbers]
        sizes = self.offsets[numbers + 1] - start
        first = sizes.cumsum(0) - sizes
        places = torch.arange(int(sizes.sum()), device=numbers.device)
        return self.codes[places + (start - first).repeat_interleave(sizes)], sizes

    def shares(self, sizes: Tensor) -> Tensor:
        """(m,) what each code counts, in rows of (k,) sizes."""
        one = torch.ones_like(sizes) if self.reduce == "sum" else 1 / sizes.clamp_min(1)
        return one.repeat_interleave(sizes)


def _groups(learnt: Sequence[tuple[int, int]], fuse: bool) -> list[list[int]]:
    """Places of columns that share a table, by (place, dimension) of each."""
    groups: dict[object, list[int]] = {}
    for place, dim in learnt:
        groups.setdefault(dim if fuse else ("apart", place), []).append(place)
    return list(groups.values())


def _state_of(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): one for name, one in state.items() if name.startswith(prefix)
    }


def _bags_of(values: Values, where: str) -> tuple[np.ndarray, np.ndarray | tuple[str, ...]]:
    """(n + 1,) offsets and what stands between them.

    Raises:
        DataError: they are fractions.
    """
    n = len(values)
    if isinstance(values, Lists):
        offsets, flat = values.offsets, values.values
    elif isinstance(values, tuple):
        offsets, flat = np.arange(n + 1), values
    else:
        flat = values.reshape(-1)
        offsets = np.arange(n + 1) * (len(flat) // max(n, 1))
    if isinstance(flat, np.ndarray) and len(flat) and flat.dtype.kind not in "iub":
        raise DataError(f"{where} has fractions; read it by a numeric column.")
    return offsets.astype(np.int64), flat


def _below(flat: np.ndarray | tuple[str, ...], buckets: int, where: str) -> np.ndarray:
    """The same numbers.

    Raises:
        DataError: they are texts, or out of range.
    """
    if not isinstance(flat, np.ndarray):
        raise DataError(f"{where} has texts; read it by a hashed or a dynamic column.")
    odd = (flat < 0) | (flat >= buckets)
    if odd.any():
        raise DataError(
            f"{where} has the value {flat[odd][0]}; the column's buckets are 0 to {buckets - 1}. "
            "Raise buckets, or read it by a hashed or a dynamic column."
        )
    return flat


def _places(keys: np.ndarray, before: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(v,) all keys, those of before first, and (m,) the place of each of `keys` among them."""
    every = np.concatenate([before, np.setdiff1d(keys, before)])
    order = np.argsort(every)
    return every, order[np.searchsorted(every, keys, sorter=order)]
