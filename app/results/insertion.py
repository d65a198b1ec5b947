"""What the command `insert` does: a new user or item, from its text to its place in the graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from app.pipeline.records import Record, read_record
from app.pipeline.work import template_of
from app.results.advice import title_of
from app.results.cautions import tell
from app.results.results import Results, Side
from app.terminal import open_console, styled
from data.columns import ITEM_ID, USER_ID
from data.errors import ConfigError
from data.names import with_a

if TYPE_CHECKING:
    import polars as pl

    from data.dataset import Dataset
    from graph.latent import LatentGraph
    from llm.encoders import TextEncoder
    from prompts.history import HistoryViews
    from prompts.requests import Request

NEW = "new"
"""The id of what is inserted, unless --with names one."""


@dataclass(frozen=True, slots=True)
class Insertion:
    """Where something new stands in the graph.

    Attributes:
        graph: With it; its number is the last one of its side.
        row: One row of the side's table; what is not known is null.
        text: What is known of it.
        codes: (T,) int32.
        vector: (d,) float32, what the text means, as a recommender reads it: see
            `recommend.inputs.standardised`.
        names: What its factors are called, by level; that says nothing of this one.
        words: The terms of each factor that stand in its own text.
        neighbours: Numbers of those that share most factors with it, best first.
        shared: How many factors each of them shares.
    """

    graph: LatentGraph
    row: pl.DataFrame
    text: str
    codes: np.ndarray
    vector: np.ndarray
    names: tuple[str, ...]
    words: tuple[tuple[str, ...], ...]
    neighbours: np.ndarray
    shared: np.ndarray


@dataclass(frozen=True)
class Inserter:
    """Finds the places of new users and items in the graph of a run.

    What it needs is read once, when it is first needed, and nothing is written, except for the
    answer of a language model, where one has to be asked.

    Attributes:
        results: Of the run.
    """

    results: Results

    @property
    def record(self) -> Record:
        """Of the run."""
        return self.results.record

    @property
    def dataset(self) -> Dataset:
        """The data set."""
        return self.results.dataset

    @cached_property
    def _encoders(self) -> dict[str, TextEncoder]:
        return {}

    @cached_property
    def user_views(self) -> HistoryViews:
        """What templates see of users."""
        from prompts.history import HistoryViews

        described = "knowledge-item" in self.record.keys
        texts = self.results.knowledge("item").texts if described else None
        history = self.record.experiment.prompts.history
        return HistoryViews(self.dataset, self.results.split, history, texts)

    def place(
        self,
        side: Side,
        text: str | None,
        given: Mapping[str, str],
        liked: Sequence[str] = (),
    ) -> Insertion:
        """A new user or item: one text, one vector, nearest codes.

        Args:
            side: Of what is new.
            text: What is known of it; by default what the run's backend says of `given`.
            given: Attributes, by column.
            liked: Ids of the items in a new user's history, oldest first.

        Raises:
            AutoGraphError: an attribute or an item is unknown, or there is no text.

        Source: AutoGraph, appendix A.3.
        """
        from graph.build.growth import insert_item, insert_user, sharing
        from llm.encode import encode_text
        from recommend.sequence.inputs import standardised

        if liked and side == "item":
            raise ConfigError("--liked tells the history of a new user; an item has none.")
        if not (liked or given if text is None else text.strip()):
            raise ConfigError(
                f"Nothing is said of the new {side}, so it has no place. Describe it with --text, "
                "or give attributes with --with column=value."
            )
        items, row = self.dataset.item_ids.numbers(liked), self._row(side, given)
        told = text if text is not None else self._text(side, self._request(side, row, items))
        vectors, quantizer = self.results.vectors(side), self.results.codes(side).quantizer
        vector = encode_text(told, self._encoder(vectors.dtype))
        codes, graph = quantizer.assign(vector)[0], self.results.graph
        factors = [level * graph.k(side) + int(code) for level, code in enumerate(codes)]
        near, shared = sharing(graph.codes(side), codes, self._unit(side) @ vector[0])
        return Insertion(
            insert_user(graph, codes, items) if side == "user" else insert_item(graph, codes),
            row,
            told,
            codes,
            standardised(vector[0], vectors.matrix),
            tuple(graph.labels(side)[factor] for factor in factors),
            tuple(self._held(side, factor, told) for factor in factors),
            near,
            shared,
        )

    def _held(self, side: Side, factor: int, text: str) -> tuple[str, ...]:
        """The terms of a factor that stand in a text, the most telling first."""
        from quantize.terms import words_in

        words = words_in(text)
        terms = self.results.factors(side).table["terms"][factor]
        return tuple(term for term in terms if term.lower() in words)

    def _encoder(self, dtype: str) -> TextEncoder:
        """The encoder of the run, in the arithmetic that a side's texts were encoded in."""
        from llm.encoders import open_encoder

        if dtype not in self._encoders:
            config = self.record.experiment.encoder
            settled = config.model_copy(update={"dtype": dtype} if dtype else {})
            self._encoders[dtype] = open_encoder(settled)
        return self._encoders[dtype]

    def _unit(self, side: Side) -> np.ndarray:
        """(n, d) vectors of one side, of length 1."""
        from llm.encoder import normalised

        vectors = self.results.vectors(side)
        return self.results.derive(f"unit {side}", lambda: normalised(vectors.matrix))

    def _request(self, side: Side, row: pl.DataFrame, items: np.ndarray) -> Request:
        from prompts.requests import item_requests, new_user_request

        template = template_of(self.record.experiment, side, self.record.workspace)
        if side == "item":
            return next(item_requests(replace(self.dataset, items=row), template))
        return new_user_request(self.dataset, template, self.user_views, row, items.tolist())

    def _text(self, side: Side, request: Request) -> str:
        """What the run's backend says; facts are stated anew, and answers of models are kept."""
        from llm.backends import open_backend
        from llm.cache import ResponseCache
        from llm.knowledge import describe
        from llm.lengths import readable

        llm = self.record.experiment.llm
        config = getattr(llm, side)
        if config.backend == "facts":
            return str(next(open_backend(config).generate([request])).text)
        cache = ResponseCache.of(self.record.workspace)
        try:
            backend = open_backend(config)
            template = template_of(self.record.experiment, side, self.record.workspace)
            requests = readable([request], template, backend)
            knowledge = describe(requests, backend, cache, total=1, gate=llm.gate_of(side))
        finally:
            cache.close()
        if knowledge.failed.height:
            raise ConfigError(
                f"There is no text about the {side}: {knowledge.failed['error'][0]} "
                "Give one as --text."
            )
        return str(knowledge.texts[0])

    def _row(self, side: Side, given: Mapping[str, str]) -> pl.DataFrame:
        """One row with the columns of the side's table; what is not given is null."""
        import polars as pl

        table, id_column = (
            (self.dataset.users, USER_ID) if side == "user" else (self.dataset.items, ITEM_ID)
        )
        unknown = sorted(set(given) - set(table.columns))
        if unknown:
            raise ConfigError(
                f"{with_a(side).capitalize()} of {self.dataset.name!r} has no attribute "
                f"{unknown[0]!r}; it has {', '.join(table.columns)}."
            )
        values = {id_column: NEW, **given}
        return pl.DataFrame(
            [_cell(name, values.get(name), kind) for name, kind in table.schema.items()]
        )


def _cell(name: str, text: str | None, kind: pl.DataType) -> pl.Series:
    import polars as pl

    value = text.split("|") if text is not None and isinstance(kind, pl.List) else text
    try:
        return pl.Series(name, [value]).cast(kind)
    except pl.exceptions.PolarsError:
        raise ConfigError(f"--with {name}={value} is not of the column's kind, {kind}.") from None


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
        AutoGraphError: see `Inserter.place`.
    """
    record = read_record(name, workspace)
    results = Results(record)
    dataset, placed = results.dataset, results.inserter.place(side, text, given, liked)
    console = open_console()
    tell(record.experiment.name, record.cautions_of_graph(), console)
    console.print(styled((f"A new {side}", "bold"), f": {placed.text}"), soft_wrap=True)
    for level, code in enumerate(placed.codes):
        n = int((placed.graph.codes(side)[:, level] == code).sum()) - 1
        words = ", ".join(f"‘{word}’" for word in placed.words[level])
        said = f"; of its words the text has {words}" if words else ""
        console.print(
            f"  level {level}: factor {level}-{code} with {n:,} {side}s, called "
            f"{placed.names[level]}{said}"
        )
    n = placed.graph.size(side)
    console.print(f"It is {side} number {n - 1} of {n:,} in the graph; nothing was trained again.")
    for number, shared in zip(placed.neighbours[:neighbours], placed.shared, strict=False):
        who = int(number)
        called = title_of(dataset, who) if side == "item" else f"user {dataset.users[USER_ID][who]}"
        console.print(f"  shares {shared} of {len(placed.codes)} factors: {called}")
    for sentence in places_in_recommenders(record, side):
        console.print(sentence, markup=False)


def places_in_recommenders(record: Record, side: Side) -> list[str]:
    """Which trained recommenders can place somebody or something new, and why others cannot."""
    trained = {cell.enhancer: record.experiment.model_of(cell) for cell in record.finished()}
    why = {name: config.enhancer.strangers.get(side, "") for name, config in trained.items()}
    able = [name for name, reason in why.items() if not reason]
    told = f"Recommenders that can place it have the enhancer {' or '.join(able)}."
    return [
        *([told] if able else []),
        *(f"Not with the enhancer {name}: {reason}" for name, reason in why.items() if reason),
    ]
