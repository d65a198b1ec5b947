"""Results of an experiment, opened once for all who look at the page.

A result never changes once it is finished, so its folder is all that a cache must know.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from app.records import Record
from app.settings import Cell

if TYPE_CHECKING:
    import polars as pl
    from torch import Tensor

    from app.atlas import Atlas
    from app.insertion import Inserter
    from app.showcase import Showcase
    from data.dataset import Dataset, Histories
    from data.split import Split
    from graph.latent import LatentGraph
    from llm.knowledge import Knowledge
    from llm.vectors import Vectors
    from quantize.describe import FactorDescriptions
    from quantize.fit import FittedCodes
    from recommend.evaluate import Evaluation
    from recommend.model import Model
    from recommend.what_if import Ready


def dataset(record: Record) -> Dataset:
    """Users, items and interactions."""
    from data.dataset import Dataset

    return _once(Dataset.load, record.folder("dataset"))


def split(record: Record) -> Split:
    """Which interaction is for training, validation and test."""
    from data.split import Split

    return _once(Split.load, record.folder("split"))


def histories(record: Record) -> Histories:
    """Training histories of all users."""
    return _derived("histories", record, lambda: split(record).histories(dataset(record)))


def knowledge(record: Record, side: str) -> Knowledge:
    """Texts of one side, "user" or "item"."""
    from llm.knowledge import Knowledge

    return _once(Knowledge.load, record.folder(f"knowledge-{side}"))


def vectors(record: Record, side: str) -> Vectors:
    """Vectors of the texts of one side."""
    from llm.vectors import Vectors

    return _once(Vectors.load, record.folder(f"vectors-{side}"))


def codes(record: Record, side: str) -> FittedCodes:
    """Codes of one side, and the quantiser that gives them."""
    from quantize.fit import FittedCodes

    return _once(FittedCodes.load, record.folder(f"codes-{side}"))


def factors(record: Record, side: str) -> FactorDescriptions:
    """What the latent factors of one side mean."""
    from quantize.describe import FactorDescriptions

    return _once(FactorDescriptions.load, record.folder(f"factors-{side}"))


def graph(record: Record) -> LatentGraph:
    """The graph, with names of its factors."""
    from app.advice import labelled_graph

    return _derived("graph", record, lambda: labelled_graph(record))


def atlas(record: Record) -> Atlas:
    """The graph, ready to be explored."""
    from app.atlas import open_atlas

    return _derived("atlas", record, lambda: open_atlas(record))


def model(record: Record, cell: Cell) -> Model:
    """A trained recommender."""
    from recommend.model import Model

    return _once(Model.load, record.folder("train", cell))


def evaluation(record: Record, cell: Cell) -> Evaluation:
    """How a recommender did, a row a user."""
    from recommend.evaluate import Evaluation

    return _once(Evaluation.load, record.folder("evaluate", cell))


def results(record: Record) -> pl.DataFrame:
    """Metrics and costs, a row a trained and judged recommender."""
    from app.results import result_table

    return result_table(record)


def _once(load: Callable[[Path], Any], folder: Path) -> Any:
    return _cached(f"{load.__qualname__} {folder.resolve()}", lambda: load(folder))


def _derived(what: str, record: Record, make: Callable[[], Any]) -> Any:
    """What is made of several results, which their fingerprints tell apart."""
    keys = " ".join(f"{stage}={key}" for stage, key in sorted(record.keys.items()))
    return _cached(f"{what} {record.workspace.resolve()} {keys}", make)


@st.cache_resource(show_spinner="Opening results …", max_entries=128)
def _cached(name: str, _make: Callable[[], Any]) -> Any:  # noqa: ARG001 (Streamlit looks at it)
    return _make()


def showcase(record: Record) -> Showcase:
    """What a demonstration draws on."""
    from app.showcase import SIDES, assemble, has_graph

    def made() -> Showcase:
        if not has_graph(record):
            return assemble(dataset(record), split(record))
        return assemble(
            dataset(record),
            split(record),
            graph(record),
            {side: factors(record, side) for side in SIDES},
            {side: knowledge(record, side).texts for side in SIDES},
        )

    return _derived("showcase", record, made)


def ready(record: Record, cell: Cell) -> Ready:
    """A recommender that has passed over its graph, and answers at once."""
    from recommend.what_if import Ready

    folder = record.folder("train", cell).resolve()
    return _cached(f"ready {folder}", lambda: Ready.of(model(record, cell)))


def everybody(record: Record, cell: Cell) -> Tensor:
    """Vectors of all users after their training histories."""
    folder = record.folder("train", cell).resolve()
    past = histories(record)
    return _cached(f"everybody {folder}", lambda: ready(record, cell).everybody(past))


def inserter(record: Record) -> Inserter:
    """Finds the places of what is new in the graph."""
    from app.insertion import Inserter

    return _derived("inserter", record, lambda: Inserter(record, dataset(record)))
