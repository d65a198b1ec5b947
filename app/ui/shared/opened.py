"""Results of an experiment, opened once for all who look at the page.

A result is known by its folder and the time at which it was finished.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import streamlit as st

from app.experiment.settings import Cell
from app.pipeline.records import Record
from data.artifacts import MANIFEST

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

    from app.pipeline.workshop import Scene
    from app.results.atlas import Atlas
    from data.dataset import Dataset, Histories
    from data.split import Split
    from graph.explore.overview import Schema
    from graph.latent import LatentGraph
    from llm.knowledge import Knowledge
    from llm.review import Coverage
    from llm.vectors import Vectors
    from prompts.template import Side
    from quantize.describe import FactorDescriptions
    from quantize.fit import FittedCodes
    from quantize.lexicon import Lexicon
    from recommend.judge.evaluate import Evaluation
    from recommend.sequence.model import Model


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


def coverage(record: Record, side: str) -> Coverage:
    """How much of one side is described, and what it took."""
    from llm.review import coverage

    return _derived(f"coverage {side}", record, lambda: coverage(knowledge(record, side)))


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


def residuals(record: Record, side: str) -> np.ndarray:
    """(T + 1, n, d_q), what is left of each vector before each level and after the last."""
    from quantize.members import residuals

    def make() -> np.ndarray:
        return residuals(codes(record, side), vectors(record, side).matrix)

    return _derived(f"residuals {side}", record, make)


def lexicon(record: Record, side: str) -> Lexicon:
    """All latent factors of one side, to look at one after another."""
    from app.results.lexicons import open_lexicon

    return _derived(f"lexicon {side}", record, lambda: open_lexicon(record, side))


def codebook_map(record: Record, side: str, level: int | None) -> pl.DataFrame:
    """The map of the codes of one level, or of all; drawn at the first look, and kept."""
    from app.results.codebook_maps import codebook_map

    def make() -> pl.DataFrame:
        fitted = codes(record, side)
        return codebook_map(record, side, level, fitted.codes, residuals(record, side))

    return _derived(f"map {side} {level}", record, make)


def graph(record: Record) -> LatentGraph:
    """The graph, with names of its factors."""
    from app.results.advice import labelled_graph

    return _derived("graph", record, lambda: labelled_graph(record))


def atlas(record: Record) -> Atlas:
    """The graph, ready to be explored."""
    from app.results.atlas import open_atlas

    return _derived("atlas", record, lambda: open_atlas(record))


def graph_schema(record: Record) -> Schema:
    """Types of nodes and edges with their counts."""
    from graph.explore.overview import schema_of

    return _derived("schema", record, lambda: schema_of(atlas(record).flat))


def metapaths(record: Record, paths: Sequence[str]) -> pl.DataFrame:
    """Instances and reach of metapaths, a row each."""
    import polars as pl

    from graph.explore.overview import catalogue
    from graph.metapath import Metapath

    def counted(text: str) -> pl.DataFrame:
        return catalogue(atlas(record).graph, [Metapath.parse(text)])

    return pl.concat(_derived(f"metapath {path}", record, partial(counted, path)) for path in paths)


def model(record: Record, cell: Cell) -> Model:
    """A trained recommender."""
    from recommend.sequence.model import Model

    return _once(Model.load, record.folder("train", cell))


def evaluation(record: Record, cell: Cell) -> Evaluation:
    """How a recommender did, a row a user."""
    from recommend.judge.evaluate import Evaluation

    return _once(Evaluation.load, record.folder("evaluate", cell))


def scene(record: Record, side: str) -> Scene:
    """The users or items as templates see them, with texts by hand as they are at this moment."""
    from app.pipeline.overrides import overrides_of
    from app.pipeline.recorded_scene import recorded_scene

    changes = len(overrides_of(record.experiment, "item", record.workspace).changes())
    settings = record.experiment.model_dump_json()
    what = f"scene {side} {changes} {settings}"
    return _derived(what, record, lambda: recorded_scene(record, cast("Side", side)))


def reviewed(record: Record, side: str) -> pl.DataFrame:
    """What is to be said of every text of one side (see `llm.review`), with titles."""
    return _once(_reviewed, record.folder(f"knowledge-{side}"), record.folder("dataset"))


def compared(old: Path, new: Path) -> pl.DataFrame:
    """What differs between two versions of knowledge, by their folders."""
    return _once(_compared, old, new)


def results(record: Record) -> pl.DataFrame:
    """Metrics and costs, a row a trained and judged recommender."""
    from app.results.metrics import result_table

    return result_table(record)


def kept(name: str, make: Callable[[], Any]) -> Any:
    """What `make` gives, made once a name; the name says all that the result depends on.

    What depends on results has their `stamp` in its name.
    """
    return _cached(name, make)


def stamp(*folders: Path) -> str:
    """What tells results apart: their folders, and the times at which they were finished.

    Asking again about those without a text makes a result again in its folder.
    """
    return " ".join(f"{one.resolve()} {_made(one)}" for one in folders)


def stamp_of(record: Record) -> str:
    """The stamp of all results of an experiment that are not of one cell."""
    return stamp(*(record.store.place(*result) for result in sorted(record.keys.items())))


def _reviewed(knowledge: Path, dataset: Path) -> pl.DataFrame:
    import polars as pl

    from data.columns import ITEM_ID, TITLE, USER_ID
    from data.dataset import Dataset
    from data.names import item_names, user_names
    from llm.knowledge import Knowledge
    from llm.review import reviewed

    table, of = reviewed(Knowledge.load(knowledge)), Dataset.load(dataset)
    ids, names = (
        (of.items[ITEM_ID], item_names(of.items))
        if "item" in knowledge.parent.name
        else (of.users[USER_ID], user_names(of.users))
    )
    titles = pl.DataFrame({"entity": ids, TITLE: names})
    joined = table.join(titles, on="entity", how="left", maintain_order="left")
    return joined.select(pl.coalesce(TITLE, "entity").alias(TITLE), pl.exclude(TITLE))


def _compared(old: Path, new: Path) -> pl.DataFrame:
    from llm.changes import compare_knowledge
    from llm.knowledge import Knowledge

    return compare_knowledge(Knowledge.load(old), Knowledge.load(new))


def _once(load: Callable[..., Any], *folders: Path) -> Any:
    return _cached(f"{load.__qualname__} {stamp(*folders)}", lambda: load(*folders))


def _derived(what: str, record: Record, make: Callable[[], Any]) -> Any:
    """What is made of several results."""
    return _cached(f"{what} {stamp_of(record)}", make)


def _made(folder: Path) -> int:
    """When a result was finished, in nanoseconds; 0 for one that is not."""
    try:
        return (folder / MANIFEST).stat().st_mtime_ns
    except OSError:
        return 0


@st.cache_resource(show_spinner="Opening results …", max_entries=128)
def _cached(name: str, _make: Callable[[], Any]) -> Any:  # noqa: ARG001 (Streamlit looks at it)
    return _make()
