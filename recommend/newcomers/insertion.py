"""The place of a new user or item in a graph: one text, one vector, nearest codes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
import polars as pl

from data.columns import DESCRIPTION, ITEM_ID, TITLE, USER_ID
from data.dataset import Dataset
from data.errors import ConfigError, DataError
from data.names import with_a
from data.split import Split
from graph.build.growth import find_sharers, insert_item, insert_user
from graph.latent import LatentGraph
from llm.backends import open_backend
from llm.cache import ResponseCache
from llm.encode import encode_text, open_encoder
from llm.encoder import normalise
from llm.encoders import TextEncoder
from llm.knowledge import Knowledge, describe
from llm.lengths import readable
from llm.settings import EncoderConfig, LlmConfig
from llm.vectors import Vectors
from prompts.history import HistoryViews
from prompts.requests import Request, item_requests, new_user_request
from prompts.template import Side, Template
from quantize.describe import FactorDescriptions
from quantize.fit import FittedCodes
from quantize.terms import words_in
from quantize.words import Words, table_texts
from recommend.sources import standardise

NEW = "new"
"""The id of what is inserted, unless an attribute names one."""
LONGEST_TEXT = 20_000
"""Letters of a description that is typed."""


@dataclass(frozen=True, slots=True)
class Insertion:
    """Where something new stands in the graph.

    Attributes:
        graph: With it; its number is the last one of its side.
        row: One row of the side's table; what is not known is null.
        text: What is known of it.
        codes: (T,) int32.
        vector: (d,) float32, what the text means, as a recommender reads it: see
            `recommend.sources.standardise`.
        names: What its factors are called, by level; that says nothing of this one.
        words: The terms of each factor that stand in its own text.
        neighbours: Numbers of those that share most factors with it, best first.
        shared: How many factors each of them shares.
        said: (m,) float32 what its words weigh among those that items are compared by; None where
            they are compared by none, or it is a user.
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
    said: np.ndarray | None = None


class Built(Protocol):
    """What a finished experiment left that something new is put into."""

    @property
    def dataset(self) -> Dataset:
        """Users, items and interactions."""
        ...

    @property
    def split(self) -> Split:
        """Which interaction is for training, validation and test."""
        ...

    @property
    def graph(self) -> LatentGraph:
        """With names of its factors."""
        ...

    @property
    def words(self) -> Words | None:
        """The words that items are compared by; None where none are."""
        ...

    def knowledge(self, side: str) -> Knowledge:
        """Texts of one side."""
        ...

    def vectors(self, side: str) -> Vectors:
        """What they mean."""
        ...

    def codes(self, side: str) -> FittedCodes:
        """Codes of one side, and the quantiser that gives them."""
        ...

    def factors(self, side: str) -> FactorDescriptions:
        """What they mean."""
        ...


@dataclass(frozen=True)
class Inserter:
    """Finds the places of new users and items in a graph.

    What it needs is read once, when it is first needed, and nothing is written, except for the
    answer of a language model, where one has to be asked.

    Attributes:
        built: What there is already.
        llm: Who describes.
        template: Of the prompts about one side.
        history: How much of it users' prompts show.
        texts_of_items: Whether they show what was said of items.
        encoder: That the texts were encoded with.
        workspace: Whose answers are kept.
        words_of: Of which words items are compared: "title", "details" or "texts".
    """

    built: Built
    llm: LlmConfig
    template: Callable[[Side], Template]
    history: int
    texts_of_items: bool
    encoder: EncoderConfig
    workspace: Path
    words_of: str = "title"

    @property
    def dataset(self) -> Dataset:
        """The data set."""
        return self.built.dataset

    @cached_property
    def _encoders(self) -> dict[str, TextEncoder]:
        return {}

    @cached_property
    def user_views(self) -> HistoryViews:
        """What templates see of users."""
        texts = self.built.knowledge("item").texts if self.texts_of_items else None
        return HistoryViews(self.dataset, self.built.split, self.history, texts)

    @cached_property
    def _units(self) -> dict[str, np.ndarray]:
        return {}

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
        if liked and side == "item":
            raise ConfigError("--liked tells the history of a new user; an item has none.")
        if not (liked or given if text is None else text.strip()):
            raise ConfigError(
                f"Nothing is said of the new {side}, so it has no place. Describe it with --text, "
                "or give attributes with --with column=value."
            )
        items, row = self.dataset.item_ids.numbers(liked), self._row(side, given)
        told = text if text is not None else self._text(side, self._request(side, row, items))
        vectors, quantizer = self.built.vectors(side), self.built.codes(side).quantizer
        encoder = vectors.words or self._encoder(vectors.dtype)
        vector = encode_text(told, encoder, vectors.whitening)
        codes, graph = quantizer.assign(vector)[0], self.built.graph
        factors = [level * graph.k(side) + int(code) for level, code in enumerate(codes)]
        near, shared = find_sharers(graph.codes(side), codes, self._unit(side) @ vector[0])
        return Insertion(
            insert_user(graph, codes, items) if side == "user" else insert_item(graph, codes),
            row,
            told,
            codes,
            standardise(vector[0], vectors.matrix),
            tuple(graph.labels(side)[factor] for factor in factors),
            tuple(self._held(side, factor, told) for factor in factors),
            near,
            shared,
            self._said(row, told) if side == "item" else None,
        )

    def _said(self, row: pl.DataFrame, text: str) -> np.ndarray | None:
        """What the words of a new item weigh, as those of the others were found."""
        if self.built.words is None:
            return None
        if self.words_of != "texts":
            (text,) = table_texts(row, details=self.words_of == "details")
        return self.built.words.vector(text or "")

    def _held(self, side: Side, factor: int, text: str) -> tuple[str, ...]:
        """The terms of a factor that stand in a text, the most telling first."""
        words = words_in(text)
        terms = self.built.factors(side).table["terms"][factor]
        return tuple(term for term in terms if term.lower() in words)

    def _encoder(self, dtype: str) -> TextEncoder:
        """The encoder of the run, in the arithmetic that a side's texts were encoded in."""
        if dtype not in self._encoders:
            config = self.encoder
            settled = config.model_copy(update={"dtype": dtype} if dtype else {})
            self._encoders[dtype] = open_encoder(settled)
        return self._encoders[dtype]

    def _unit(self, side: Side) -> np.ndarray:
        """(n, d) vectors of one side, of length 1."""
        if side not in self._units:
            self._units[side] = normalise(self.built.vectors(side).matrix)
        return self._units[side]

    def _request(self, side: Side, row: pl.DataFrame, items: np.ndarray) -> Request:
        template, dataset = self.template(side), self.dataset
        if side == "item":
            return next(item_requests(replace(dataset, items=row), template))
        return new_user_request(dataset, template, self.user_views, row, items.tolist())

    def _text(self, side: Side, request: Request) -> str:
        """What the run's backend says; facts are stated anew, and answers of models are kept."""
        config = getattr(self.llm, side)
        if config.backend == "facts":
            return str(next(open_backend(config).generate([request])).text)
        cache = ResponseCache.of(self.workspace)
        try:
            backend = open_backend(config)
            requests = readable([request], self.template(side), backend)
            knowledge = describe(requests, backend, cache, total=1, gate=self.llm.gate_of(side))
        finally:
            cache.close()
        if knowledge.failures.height:
            raise ConfigError(
                f"There is no text about the {side}: {knowledge.failures['error'][0]} "
                "Give one as --text."
            )
        return str(knowledge.texts[0])

    def _row(self, side: Side, given: Mapping[str, str]) -> pl.DataFrame:
        """One row with the columns of the side's table; what is not given is null."""
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
    value = text.split("|") if text is not None and isinstance(kind, pl.List) else text
    try:
        return pl.Series(name, [value]).cast(kind)
    except pl.exceptions.PolarsError:
        raise ConfigError(f"--with {name}={value} is not of the column's kind, {kind}.") from None


def place_item(
    inserter: Inserter, title: str, text: str, given: Mapping[str, str] | None = None
) -> Insertion:
    """The place of a new item in the graph, from what a person types; no language model is asked.

    Where the experiment states facts, the text is the item's description among them; elsewhere
    it stands for what a model would have written.

    Args:
        inserter: Of the experiment.
        title: How it is called.
        text: What it is, in words.
        given: Further attributes, by column.

    Raises:
        AutoGraphError: nothing is said of it, or an attribute is unknown.
    """
    if not text.strip() or len(text) > LONGEST_TEXT:
        raise DataError(
            "Say what it is, in a few sentences."
            if not text.strip()
            else f"The text has {len(text):,} letters; {LONGEST_TEXT:,} are enough."
        )
    columns = inserter.dataset.items.columns
    known = {**(given or {}), **({TITLE: title} if TITLE in columns and title.strip() else {})}
    if inserter.llm.item.backend == "facts" and DESCRIPTION in columns:
        return inserter.place("item", None, {**known, DESCRIPTION: text})
    return inserter.place("item", text, known)


def place_user(inserter: Inserter, text: str, liked: Sequence[str] = ()) -> Insertion:
    """The place of a new user in the graph, from what a person says of the user.

    Args:
        inserter: Of the experiment.
        text: What is known of the user.
        liked: Ids of items, oldest first.

    Raises:
        AutoGraphError: the text is too long, or an item is unknown.
    """
    if len(text) > LONGEST_TEXT:
        raise DataError(f"The text has {len(text):,} letters; {LONGEST_TEXT:,} are enough.")
    return inserter.place("user", text, {}, liked)
