"""What a demonstration needs of an experiment, opened once for all who look at the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.records import Record
from app.settings import Cell
from app.ui import opened as results

if TYPE_CHECKING:
    from torch import Tensor

    from app.insertion import Inserter
    from app.showcase import Showcase
    from recommend.what_if import Ready


def showcase(record: Record) -> Showcase:
    """What a demonstration draws on."""
    from app.showcase import SIDES, assemble, has_graph

    def made() -> Showcase:
        dataset, split = results.dataset(record), results.split(record)
        if not has_graph(record):
            return assemble(dataset, split)
        factors = {side: results.factors(record, side) for side in SIDES}
        texts = {side: results.knowledge(record, side).texts for side in SIDES}
        return assemble(dataset, split, results.graph(record), factors, texts)

    shown: Showcase = results.kept(f"showcase {_keys(record)}", made)
    return shown


def ready(record: Record, cell: Cell) -> Ready:
    """A recommender that has passed over its graph, and answers at once."""
    from recommend.what_if import Ready

    folder = record.folder("train", cell).resolve()
    made: Ready = results.kept(f"ready {folder}", lambda: Ready.of(results.model(record, cell)))
    return made


def everybody(record: Record, cell: Cell) -> Tensor:
    """Vectors of all users after their training histories."""
    folder, past = record.folder("train", cell).resolve(), results.histories(record)
    made: Tensor = results.kept(f"everybody {folder}", lambda: ready(record, cell).everybody(past))
    return made


def inserter(record: Record) -> Inserter:
    """Finds the places of what is new in the graph."""
    from app.insertion import Inserter

    made: Inserter = results.kept(
        f"inserter {_keys(record)}", lambda: Inserter(record, results.dataset(record))
    )
    return made


def _keys(record: Record) -> str:
    """All that these results depend on."""
    keys = " ".join(f"{stage}={key}" for stage, key in sorted(record.keys.items()))
    return f"{record.workspace.resolve()} {keys}"
