"""Which nodes and edges meet a condition."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from data.columns import LEAST_CLOCK
from data.errors import ConfigError
from graph.hetero import HeteroGraph
from graph.query.moments import DATE, read_moment
from graph.query.query import Condition, Value
from graph.schema import Key
from graph.values import Lists, Values

COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "in": lambda column, values: np.isin(column, np.asarray(values)),
}


def holds_of_nodes(graph: HeteroGraph, kind: str, condition: Condition) -> np.ndarray:
    """(n,) bool: which nodes of a type meet a condition.

    Raises:
        ConfigError: they have no such attribute.
    """
    columns = graph.attributes.get(kind, {})
    if condition.attribute not in columns:
        raise ConfigError(
            f"Nodes of type {kind} have no attribute {condition.attribute!r}; they have "
            f"{', '.join(columns) or 'none'}."
        )
    return _holds(columns[condition.attribute], condition)


def holds_of_edges(graph: HeteroGraph, key: Key, condition: Condition) -> np.ndarray:
    """(m,) bool: which edges of a type meet a condition, in the order of `graph.relation(key)`.

    Raises:
        ConfigError: they have no such attribute.
    """
    relation = graph.relation(key)
    named = {"time": relation.times, "weight": relation.weights}
    known = [name for name, column in named.items() if column is not None]
    known += graph.edge_attributes.get(graph.schema.edge(key).key, {})
    if condition.attribute not in known:
        raise ConfigError(
            f"The edges {key[0]} -{key[1]}-> {key[2]} have no attribute {condition.attribute!r}; "
            f"they have {', '.join(known) or 'none'}."
        )
    return _holds(graph.edge_values(key, condition.attribute), condition)


def _holds(values: Values, condition: Condition) -> np.ndarray:
    """Whether each value is what the condition says; of lists, whether any of a row is."""
    if isinstance(values, Lists):
        holds = _holds(values.values, condition)
        rows = np.repeat(np.arange(len(values)), np.diff(values.offsets))
        return np.bincount(rows[holds], minlength=len(values)) > 0
    column = np.asarray(values, dtype=str if isinstance(values, tuple) else None)
    if column.ndim > 1:
        raise ConfigError(
            f"{condition.attribute} has {column.shape[1]} numbers a row; compare an attribute of "
            "one."
        )
    if condition.operator not in COMPARE:
        raise ConfigError(
            f"{condition.operator!r} compares nothing; write one of {', '.join(COMPARE)}."
        )
    if isinstance(condition.value, tuple):
        meant: Any = [_meant(one, column, condition) for one in condition.value]
    else:
        meant = _meant(condition.value, column, condition)
    return np.asarray(COMPARE[condition.operator](column, meant), dtype=bool)


def _meant(value: Value, column: np.ndarray, condition: Condition) -> Value:
    """A value as the column holds such: of times seconds, of truths true or false.

    Raises:
        ConfigError: it cannot be compared with what the column holds.
    """
    texts = column.dtype.kind in "US"
    if texts == isinstance(value, str):
        return value
    said = f"{condition.attribute} {condition.operator} {value!r}"
    if not isinstance(value, str):
        raise ConfigError(f"{said} compares texts with numbers; put the value in quotes.")
    if column.dtype.kind == "b":
        if value.lower() in ("true", "false"):
            return value.lower() == "true"
        raise ConfigError(f"{said} asks what is true or false; write true or false.")
    if condition.attribute == "time":
        moment = read_moment(value)
        if len(column) and column.max() < LEAST_CLOCK:
            raise ConfigError(f"{said}: the times here only count steps; compare with a number.")
        return moment
    cure = (
        "a date is in seconds since 1970 there" if DATE.match(value) else "write it without quotes"
    )
    raise ConfigError(f"{said} compares texts with numbers; give a number, {cure}.")
