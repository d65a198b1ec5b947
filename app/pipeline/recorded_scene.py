"""The users or items of an experiment that was run, as its templates see them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.pipeline.overrides import texts_by_hand
from app.pipeline.plan import Plan
from app.pipeline.records import Record
from app.pipeline.workshop import Scene, answered_texts

if TYPE_CHECKING:
    from prompts.template import Side


def recorded_scene(record: Record, side: Side) -> Scene:
    """The users or items of an experiment that was run, from what it left; nothing is computed.

    Texts by hand count as they stand at this moment.

    Raises:
        AutoGraphError: the data set, or for users the split, is not finished.
    """
    from data.dataset import Dataset
    from data.split import Split
    from prompts.history import HistoryViews
    from prompts.views import ItemViews

    plan = Plan(record.experiment, record.workspace)
    dataset = Dataset.load(record.folder("dataset"))
    if side == "item":
        return Scene(plan, side, dataset, ItemViews(dataset.items))
    split = Split.load(record.folder("split"))
    texts, complete = _recorded_texts(record, plan)
    views = HistoryViews(dataset, split, plan.experiment.prompts.history, texts)
    return Scene(plan, side, dataset, views, complete)


def _recorded_texts(record: Record, plan: Plan) -> tuple[list[str | None] | None, bool]:
    """Texts of the items as users' prompts may show them, and whether all are there."""
    from app.pipeline.stages import STAGES
    from llm.knowledge import Knowledge
    from llm.overrides import with_texts

    stage = "knowledge-item"
    if stage not in STAGES["knowledge-user"].inputs(plan.experiment, None):
        return None, True
    if record.keys.get(stage) is None or not record.store.holds(stage, record.keys[stage]):
        return answered_texts(recorded_scene(record, "item"))
    knowledge = Knowledge.load(record.folder(stage))
    by_hand = texts_by_hand(plan.experiment, "item", plan.workspace)
    return with_texts(knowledge, by_hand).texts, True
