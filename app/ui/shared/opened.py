"""Results of an experiment, opened once for all who look at the page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import streamlit as st

from app.experiment.settings import Cell
from app.pipeline.records import Record
from app.results.results import Results, stamp
from prompts.template import Side

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

    from data.dataset import Dataset, Histories
    from data.split import Split
    from graph.explore.atlas import Atlas
    from graph.explore.overview import Overview
    from graph.latent import LatentGraph
    from llm.knowledge import Knowledge
    from llm.review import Coverage
    from llm.vectors import Vectors
    from llm.workshop.scene import Scene
    from prompts.template import Side
    from quantize.describe import FactorDescriptions
    from quantize.fit import FittedCodes
    from quantize.lexicon import Lexicon
    from recommend.judge.evaluate import Evaluation
    from recommend.model import Model

__all__ = ["stamp"]


def of(record: Record) -> Results:
    """All that an experiment left; what is opened is there for everybody, the latest 128 things."""
    return Results(record, kept)


@st.cache_resource(show_spinner="Opening results …", max_entries=128)
def kept(name: str, _make: Callable[[], Any]) -> Any:  # noqa: ARG001 (Streamlit looks at it)
    """What `_make` gives, made once a name; the name says all that the result depends on."""
    return _make()


def dataset(record: Record) -> Dataset:
    """Users, items and interactions."""
    return of(record).dataset


def split(record: Record) -> Split:
    """Which interaction is for training, validation and test."""
    return of(record).split


def histories(record: Record) -> Histories:
    """Training histories of all users."""
    return of(record).histories


def knowledge(record: Record, side: str) -> Knowledge:
    """Texts of one side, "user" or "item"."""
    return of(record).knowledge(side)


def coverage(record: Record, side: str) -> Coverage:
    """How much of one side is described, and what it took."""
    return of(record).coverage(side)


def vectors(record: Record, side: str) -> Vectors:
    """Vectors of the texts of one side."""
    return of(record).vectors(side)


def codes(record: Record, side: str) -> FittedCodes:
    """Codes of one side, and the quantiser that gives them."""
    return of(record).codes(side)


def factors(record: Record, side: str) -> FactorDescriptions:
    """What the latent factors of one side mean."""
    return of(record).factors(side)


def residuals(record: Record, side: str) -> np.ndarray:
    """(T + 1, n, d_q), what is left of each vector before each level and after the last."""
    return of(record).residuals(side)


def lexicon(record: Record, side: str) -> Lexicon:
    """All latent factors of one side, to look at one after another."""
    return of(record).lexicon(side)


def codebook_map(record: Record, side: str, level: int | None) -> pl.DataFrame:
    """The map of the codes of one level, or of all; drawn at the first look, and kept."""
    return of(record).codebook_map(side, level)


def graph(record: Record) -> LatentGraph:
    """The graph, with names of its factors."""
    return of(record).graph


def atlas(record: Record) -> Atlas:
    """The graph, ready to be explored."""
    return of(record).atlas


def graph_overview(record: Record) -> Overview:
    """Types of nodes and edges with their counts."""
    return of(record).overview


def metapaths(record: Record, paths: Sequence[str]) -> pl.DataFrame:
    """Instances and reach of metapaths, a row each."""
    return of(record).metapaths(paths)


def model(record: Record, cell: Cell) -> Model:
    """A trained recommender."""
    return of(record).model(cell)


def evaluation(record: Record, cell: Cell) -> Evaluation:
    """How a recommender did, a row a user."""
    return of(record).evaluation(cell)


def scene(record: Record, side: str) -> Scene:
    """The users or items as templates see them, with texts by hand as they are at this moment."""
    return of(record).scene(cast("Side", side))


def reviewed(record: Record, side: str) -> pl.DataFrame:
    """What is to be said of every text of one side (see `llm.review`), with titles."""
    return of(record).reviewed(side)


def compared(old: Path, new: Path) -> pl.DataFrame:
    """What differs between two versions of knowledge, by their folders."""

    def make() -> pl.DataFrame:
        from llm.knowledge import Knowledge
        from llm.review import compare_knowledge

        return compare_knowledge(Knowledge.load(old), Knowledge.load(new))

    found: pl.DataFrame = kept(f"compared {stamp(old, new)}", make)
    return found


def results(record: Record) -> pl.DataFrame:
    """Metrics and costs, a row a trained and judged recommender."""
    from app.results.metrics import result_table

    return result_table(record)
