"""What a demonstration needs of an experiment, opened once for all who look at the page."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from app.experiment.settings import Cell
from app.pipeline.records import Record
from app.results.wording import nouns_of
from app.ui.shared import opened as results

if TYPE_CHECKING:
    from torch import Tensor

    from app.experiment.saved import NewItem
    from app.results.insertion import Inserter, Insertion
    from app.results.showcase import Showcase
    from app.ui.demo.state import Shown
    from graph.latent import LatentGraph
    from recommend.newcomers.placing import NewUser
    from recommend.reasons.what_if import Ready


def showcase(record: Record) -> Showcase:
    """What a demonstration draws on."""
    from app.results.showcase import SIDES, assemble, has_graph

    def made() -> Showcase:
        dataset, split = results.dataset(record), results.split(record)
        did = nouns_of(record).did
        if not has_graph(record):
            return assemble(dataset, split, did=did)
        factors = {side: results.factors(record, side) for side in SIDES}
        texts = {side: results.knowledge(record, side).texts for side in SIDES}
        return assemble(dataset, split, results.graph(record), factors, texts, did)

    shown: Showcase = results.kept(f"showcase {results.stamp_of(record)}", made)
    return shown


def ready(record: Record, cell: Cell) -> Ready:
    """A recommender that has passed over its graph, and answers at once."""
    from recommend.reasons.what_if import Ready

    stamp = results.stamp(record.folder("train", cell))
    made: Ready = results.kept(f"ready {stamp}", lambda: Ready.of(results.model(record, cell)))
    return made


def everybody(record: Record, cell: Cell) -> Tensor:
    """Vectors of all users after their training histories."""
    read = [record.folder("dataset"), record.folder("split"), record.folder("train", cell)]
    made: Tensor = results.kept(
        f"everybody {results.stamp(*read)}",
        lambda: ready(record, cell).everybody(results.histories(record)),
    )
    return made


def inserter(record: Record) -> Inserter:
    """Finds the places of what is new in the graph."""
    from app.results.insertion import Inserter

    made: Inserter = results.kept(
        f"inserter {results.stamp_of(record)}", lambda: Inserter(record, results.dataset(record))
    )
    return made


def placed_user(record: Record, case: Showcase, text: str, given: np.ndarray) -> Insertion | None:
    """The place of an invented person in the graph; None without a graph or a text."""
    if case.graph is None or not text.strip():
        return None
    from app.results.cold_start import place_user

    ids = tuple(case.dataset.item_ids.external[item] for item in given.tolist())
    found: Insertion = results.kept(
        f"user {ids} {text} {results.stamp_of(record)}",
        lambda: place_user(inserter(record), text, ids),
    )
    return found


def placed_item(record: Record, one: NewItem) -> Insertion:
    """The place of a new item in the graph."""
    from app.results.cold_start import place_item

    found: Insertion = results.kept(
        f"item {one.model_dump_json()} {results.stamp_of(record)}",
        lambda: place_item(inserter(record), one.name, one.text, one.given),
    )
    return found


def graph_with(record: Record, case: Showcase, who: Shown) -> LatentGraph | None:
    """The graph in which the person stands; an invented one is its last user, if described."""
    if who.user is not None or case.graph is None:
        return case.graph
    placed = placed_user(record, case, who.text, who.given)
    if placed is None:
        return case.graph
    known = case.graph
    return replace(placed.graph, user_labels=known.user_labels, item_labels=known.item_labels)


def asked(record: Record, case: Showcase, who: Shown, cell: Cell) -> NewUser:
    """A recommender, the number by which it knows the person, and what it does not know."""
    from app.results.cold_start import meet_user
    from recommend.newcomers.placing import NewUser

    if who.user is not None:
        return NewUser(ready(record, cell), who.user, "")
    placed = placed_user(record, case, who.text, who.given)
    return meet_user(ready(record, cell), case.dataset, placed)


def report(record: Record) -> str:
    """The report of an experiment, made once for each state of its results."""
    from app.results.report import gather, render

    judged = ("train", "evaluate")
    cells = [record.folder(stage, cell) for cell in record.finished() for stage in judged]
    what = f"report {record.experiment.model_dump_json()} {results.stamp(*cells)}"
    made: str = results.kept(
        f"{what} {results.stamp_of(record)}", lambda: render(gather(record, showcase(record)))
    )
    return made
