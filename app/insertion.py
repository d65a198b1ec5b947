"""What the command `insert` does: a new user or item, from its text to its place in the graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from app.advice import labelled_graph, title_of
from app.progress import open_console
from app.records import Record, read_record
from app.work import template_of
from data.columns import ITEM_ID, USER_ID
from data.dataset import Dataset
from data.errors import ConfigError

if TYPE_CHECKING:
    import polars as pl

    from graph.latent import LatentGraph
    from llm.knowledge import Knowledge
    from prompts.requests import Request
    from prompts.template import Template

Side = Literal["user", "item"]
NEW = "new"
"""The id of what is inserted, unless --with names one."""


@dataclass(frozen=True, slots=True)
class Insertion:
    """Where something new stands in the graph.

    Attributes:
        graph: With it; its number is the last one of its side.
        text: What is known of it.
        codes: (T,) int32.
        labels: Of its factors, by level.
        neighbours: Numbers of those that share most factors with it, best first.
        shared: How many factors each of them shares.
    """

    graph: LatentGraph
    text: str
    codes: np.ndarray
    labels: tuple[str, ...]
    neighbours: np.ndarray
    shared: np.ndarray


def insert_into(
    record: Record,
    dataset: Dataset,
    side: Side,
    text: str | None,
    given: Mapping[str, str],
    liked: Sequence[str] = (),
) -> Insertion:
    """A new user or item in the graph of a run: one text, one vector, nearest codes.

    Args:
        record: Of the run.
        dataset: Its data set.
        side: Of what is new.
        text: What is known of it; by default what the run's backend says of `given`.
        given: Attributes, by column.
        liked: Ids of the items in a new user's history, oldest first.

    Raises:
        AutoGraphError: an attribute or an item is unknown, or there is no text.

    Source: AutoGraph, appendix A.3.
    """
    from graph.insert import insert_item, insert_user
    from quantize.quantizers import load_quantizer

    if liked and side == "item":
        raise ConfigError("--liked tells the history of a new user; an item has none.")
    items = dataset.item_ids.numbers(liked)
    template = template_of(record.experiment, side, record.workspace)
    request = _request(record, dataset, side, template, given, items)
    knowledge = _knowledge(record, request, template, text)
    vector = _vector(record, knowledge)
    codes = load_quantizer(record.folder(f"codes-{side}")).assign(vector)[0]
    graph = labelled_graph(record)
    labels = tuple(
        graph.labels(side)[level * graph.k(side) + code] for level, code in enumerate(codes)
    )
    near, shared = _neighbours(record, graph, side, codes, vector[0])
    grown = insert_user(graph, codes, items) if side == "user" else insert_item(graph, codes)
    return Insertion(grown, str(knowledge.texts[0]), codes, labels, near, shared)


def _request(
    record: Record,
    dataset: Dataset,
    side: Side,
    template: Template,
    given: Mapping[str, str],
    items: np.ndarray,
) -> Request:
    from data.split import Split
    from llm.knowledge import Knowledge
    from prompts.requests import item_requests, new_user_request

    row = _row(dataset, side, given)
    if side == "item":
        return next(item_requests(replace(dataset, items=row), template))
    texts = None
    if "knowledge-item" in record.keys:
        texts = Knowledge.load(record.folder("knowledge-item")).texts
    split, history = Split.load(record.folder("split")), record.experiment.prompts.history
    numbers = items.tolist()
    return new_user_request(dataset, split, template, history, row, numbers, item_texts=texts)


def _row(dataset: Dataset, side: Side, given: Mapping[str, str]) -> pl.DataFrame:
    """One row with the columns of the side's table; what is not given is null."""
    import polars as pl

    table, id_column = (dataset.users, USER_ID) if side == "user" else (dataset.items, ITEM_ID)
    unknown = sorted(set(given) - set(table.columns))
    if unknown:
        raise ConfigError(
            f"A {side} of {dataset.name!r} has no attribute {unknown[0]!r}; "
            f"it has {', '.join(table.columns)}."
        )
    values = {id_column: NEW, **given}
    columns = []
    for name, kind in table.schema.items():
        text = values.get(name)
        value = text.split("|") if text is not None and isinstance(kind, pl.List) else text
        columns.append(_cell(name, value, kind))
    return pl.DataFrame(columns)


def _cell(name: str, value: object, kind: pl.DataType) -> pl.Series:
    import polars as pl

    try:
        return pl.Series(name, [value]).cast(kind)
    except pl.exceptions.PolarsError:
        raise ConfigError(f"--with {name}={value} is not of the column's kind, {kind}.") from None


def _knowledge(record: Record, request: Request, template: Template, text: str | None) -> Knowledge:
    from llm.backends import open_backend
    from llm.cache import ResponseCache
    from llm.knowledge import describe
    from llm.lengths import readable

    side = request.side
    cache = ResponseCache(record.workspace / "cache" / "replies.sqlite")
    try:
        backend = open_backend(getattr(record.experiment.llm, side))
        gate = record.experiment.llm.gate_of(side)
        knowledge = describe(
            readable([request], template, backend), backend, cache, total=1, gate=gate
        )
    finally:
        cache.close()
    if text is not None:
        knowledge = knowledge.with_overrides({request.entity: text})
    if knowledge.failed.height:
        raise ConfigError(
            f"There is no text about the {side}: {knowledge.failed['error'][0]} Give one as --text."
        )
    return knowledge


def _vector(record: Record, knowledge: Knowledge) -> np.ndarray:
    """(1, d) float32."""
    from llm.encode import encode
    from llm.vectors import VectorCache

    cache = VectorCache(record.workspace / "cache" / "vectors.sqlite")
    try:
        return encode(knowledge, record.experiment.encoder, cache).matrix
    finally:
        cache.close()


def _neighbours(
    record: Record, graph: LatentGraph, side: Side, codes: np.ndarray, vector: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """All of the side that share a factor, most shared first, then by likeness of their texts."""
    from llm.encoder import normalised
    from llm.vectors import Vectors

    shared = (graph.codes(side) == codes).sum(1)
    alike = normalised(Vectors.load(record.folder(f"vectors-{side}")).matrix) @ vector
    order = np.lexsort((-alike, -shared))
    near = order[shared[order] > 0]
    return near, shared[near]


def show_insertion(
    name: str,
    workspace: Path,
    side: Side,
    text: str | None,
    given: Mapping[str, str],
    liked: Sequence[str],
    neighbours: int,
) -> None:
    """Shows what a new user or item is taken for, and who is like it.

    Raises:
        AutoGraphError: see `insert_into`.
    """
    record = read_record(name, workspace)
    dataset = Dataset.load(record.folder("dataset"))
    placed = insert_into(record, dataset, side, text, given, liked)
    console = open_console()
    console.print(f"[bold]A new {side}[/bold]: {placed.text}", soft_wrap=True)
    for level, (code, label) in enumerate(zip(placed.codes, placed.labels, strict=True)):
        console.print(f"  level {level}: factor {code} [dim]{label or 'without a name'}[/dim]")
    n = placed.graph.size(side)
    console.print(f"It is {side} number {n - 1} of {n:,} in the graph; nothing was trained again.")
    for number, shared in zip(placed.neighbours[:neighbours], placed.shared, strict=False):
        who = int(number)
        called = title_of(dataset, who) if side == "item" else f"user {dataset.users[USER_ID][who]}"
        console.print(f"  shares {shared} of {len(placed.codes)} factors: {called}")
