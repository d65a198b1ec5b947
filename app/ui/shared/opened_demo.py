"""What a demonstration needs of an experiment, opened once for all who look at the page."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from app.experiment.settings import Cell
from app.pipeline.records import Record
from app.ui.shared import opened as results

if TYPE_CHECKING:
    from torch import Tensor

    from app.experiment.saved import NewItem
    from app.ui.demo.state import Shown
    from graph.latent import LatentGraph
    from recommend.newcomers.insertion import Inserter, Insertion
    from recommend.newcomers.placing import NewUser
    from recommend.reasons.showcase import Showcase
    from recommend.reasons.what_if import Ready


def showcase(record: Record) -> Showcase:
    """What a demonstration draws on."""
    return results.of(record).showcase


def ready(record: Record, cell: Cell) -> Ready:
    """A recommender that has passed over its graph, and answers at once."""
    return results.of(record).ready(cell)


def everybody(record: Record, cell: Cell) -> Tensor:
    """Vectors of all users after their training histories."""
    return results.of(record).everybody(cell)


def inserter(record: Record) -> Inserter:
    """Finds the places of what is new in the graph."""
    return results.of(record).inserter


def placed_user(record: Record, case: Showcase, text: str, given: np.ndarray) -> Insertion | None:
    """The place of an invented person in the graph; None without a graph or a text."""
    if case.graph is None or not text.strip():
        return None
    from recommend.newcomers.insertion import place_user

    ids = tuple(case.dataset.item_ids.external[item] for item in given.tolist())
    return results.of(record).derive(
        f"user {ids} {text}", lambda: place_user(inserter(record), text, ids)
    )


def placed_item(record: Record, one: NewItem) -> Insertion:
    """The place of a new item in the graph."""
    from recommend.newcomers.insertion import place_item

    return results.of(record).derive(
        f"item {one.model_dump_json()}",
        lambda: place_item(inserter(record), one.name, one.text, one.given),
    )


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
    from recommend.newcomers.meeting import meet_user
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
    opened = results.of(record)
    what = f"report {record.experiment.model_dump_json()} {results.stamp(*cells)}"
    return opened.derive(what, lambda: render(gather(opened)))
