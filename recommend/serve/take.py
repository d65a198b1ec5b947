"""What an export holds of a trained recommender: the form that fits it, and its arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
import torch

from data.columns import ITEM_ID, USER_ID
from data.dataset import Dataset, histories
from data.split import Split
from recommend.model import Model
from recommend.protocols import Asked, Multiplies
from recommend.sequence.protocols import StandsAfter, StandsBefore
from recommend.sequence.recommender import SequenceRecommender
from recommend.serve.arrays import MEAN
from recommend.serve.folder import Content
from recommend.serve.index import build_index
from recommend.serve.to_onnx import to_onnx
from recommend.settings.index import Kind

LISTED = 200
"""Items of a list that is made beforehand."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one form needs.

    Attributes:
        form: Its name.
        arrays: By file and name.
        files: By name.
        about: What the card says of it.
    """

    form: str
    arrays: Mapping[str, Mapping[str, np.ndarray]]
    files: Mapping[str, bytes] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)


def take(
    model: Model,
    dataset: Dataset,
    split: Split,
    about: Mapping[str, Any],
    kind: Kind = "flat",
    options: Mapping[str, int] | None = None,
) -> Content:
    """What an export of a recommender holds.

    Histories are all that the data set holds, held-out interactions too: this is what to show
    next, not a measurement. The graph still shows training edges alone, as in
    `judge.recommend.recommend`.

    Args:
        model: Fitted on this data set.
        dataset: With the model's ids.
        split: That it was fitted on.
        about: What the card says beside.
        kind: Of the index.
        options: Its parameters; see `index.build_index`.
    """
    past = histories(dataset.interactions, dataset.n_users)
    known = split.histories(dataset).lengths
    asked = Asked(past, np.arange(dataset.n_users), known)
    if isinstance(model.recommender, Multiplies):
        part = _vectors(model, asked, kind, options or {})
    else:
        part = _lists(model, asked)
    return Content(
        part.form,
        _table(dataset.users, USER_ID),
        _table(dataset.items, ITEM_ID),
        past,
        part.arrays,
        part.files,
        {**about, **part.about},
    )


def _table(of: pl.DataFrame, id: str) -> pl.DataFrame:
    return of.select(id, pl.exclude(id))


def _vectors(model: Model, asked: Asked, kind: Kind, options: Mapping[str, int]) -> Part:
    assert isinstance(model.recommender, Multiplies)
    model.recommender.network.eval()
    with torch.inference_mode():
        items, of_users = model.recommender.products(asked)
        users = torch.cat([vectors.cpu() for _, vectors in of_users]).float().numpy()
    matrix = items.detach().cpu().float().numpy()
    index, described = build_index(matrix, users.reshape(-1, users.shape[2]), kind, **options)
    arrays = {"items": {"vectors": matrix}, "users": {"vectors": users}}
    files, history = {"index.faiss": index}, MEAN
    if isinstance(model.recommender, SequenceRecommender) and reads_items_alone(model.recommender):
        files["backbone.onnx"] = to_onnx(model.recommender)
        arrays["users"] |= added(model.recommender)
        history = {"answered_by": "backbone", "longest": model.config.max_history, "note": ""}
    return Part("vectors", arrays, files, {"index": described, "history": history})


def reads_items_alone(made: SequenceRecommender) -> bool:
    """Whether a history reaches a user's vector by the vectors of its items alone."""
    enhancer = made.network.enhancer
    return "user" not in made.network.sides and not isinstance(enhancer, StandsBefore | StandsAfter)


def added(made: SequenceRecommender) -> dict[str, np.ndarray]:
    """(n_users, d) what is added to what was read of a history, of each user."""
    with torch.inference_mode():
        people = made.network.propagate(torch.empty(0, dtype=torch.int64)).people
    return {} if people is None else {"offsets": people.cpu().numpy()}


LISTS = {
    "answered_by": "refused",
    "note": "",
}


def _lists(model: Model, asked: Asked) -> Part:
    """Of each user the best items that were not had, and what was had with its score."""
    past, n_items = asked.histories, len(model.item_ids)
    width = min(n_items, LISTED + int(past.lengths.max(initial=0)))
    items = np.full((len(past), width), -1, np.int32)
    scores = np.full((len(past), width), -np.inf, np.float32)
    for users, found in model.scores(asked):
        for user, row in zip(users.tolist(), found.cpu().numpy(), strict=True):
            had = np.unique(past.of(user))
            fresh = row.copy()
            fresh[had] = -np.inf
            best = np.lexsort((np.arange(n_items), -fresh))[: min(LISTED, n_items - len(had))]
            kept = np.concatenate([best, had])
            items[user, : len(kept)], scores[user, : len(kept)] = kept, row[kept]
    return Part(
        "lists",
        {"lists": {"items": items, "scores": scores}},
        about={"history": LISTS, "lists": {"longest": LISTED}},
    )
