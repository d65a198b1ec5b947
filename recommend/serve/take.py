"""What an export holds of a trained recommender: the form that fits it, and its arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl
import scipy.sparse as sp
import torch

from data.columns import ITEM_ID, LEAST_CLOCK, USER_ID
from data.dataset import Dataset, histories
from data.errors import ConfigError
from data.split import Split
from recommend.model import Model
from recommend.protocols import Asked, Asks, Multiplies, Weighs
from recommend.sequence.recommender import SequenceRecommender
from recommend.serve.arrays import MEAN
from recommend.serve.folder import Content
from recommend.serve.index import build_index
from recommend.serve.to_onnx import encoder_to_onnx, reads_nodes, to_onnx, why_not
from recommend.serve.wanted import QUERIES, Wanted
from recommend.settings.index import Kind
from recommend.simple.autoencoder import MultiVae
from recommend.simple.behaviour import arrays_of
from recommend.zoom import served
from recommend.zoom.recommender import Zoomer

LONGEST = 1000
"""Items of a history that are read where the recommender would read all."""
MOST_ASKS = 500_000
"""Asks that are made beforehand at most."""
UNSAID = (
    "Of a user, the query is what the own history says: the last one of training, or what the "
    "latest item means."
)
EDGES = (
    "Answered from the last neighbours that are kept, with attention of edges alone: not quite as "
    "the whole recommender would."
)
BEFOREHAND = (
    "Of each user, every query was asked of the whole recommender when the export was made."
)
STRANGER = (
    "Of a stranger the history is known, and for the rest the average of all users stands in."
)
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
    wanted: Wanted | None = None,
    beforehand: bool = False,
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
        wanted: What can be asked for, in order of their numbers; None: nothing.
        beforehand: Whether every user asks for all of it here, and not when it is served.

    Raises:
        ConfigError: there are too many asks, or what writes a backbone is not installed.
    """
    past = histories(dataset.interactions, dataset.n_users)
    learnt = split.histories(dataset)
    asked = Asked(past, np.arange(dataset.n_users), learnt.lengths)
    if isinstance(model.recommender, Multiplies):
        part = _vectors(model, asked, kind, options or {})
        if isinstance(model.recommender, Asks):
            part = _asks(model, dataset, split, asked, part, wanted, beforehand)
    elif isinstance(model.recommender, Weighs):
        part = _weights(model.recommender)
    else:
        part = _lists(model, asked)
    return Content(
        part.form,
        _table(dataset.users, USER_ID),
        _table(dataset.items, ITEM_ID),
        past,
        part.arrays,
        part.files,
        {**about, "learnt_until": _day(learnt.times), **part.about},
    )


def _day(times: np.ndarray) -> str | None:
    """The day of the latest of (n,) times in seconds; None where they are no dates."""
    latest = int(times.max(initial=0))
    return datetime.fromtimestamp(latest, UTC).date().isoformat() if latest > LEAST_CLOCK else None


def _table(of: pl.DataFrame, id: str) -> pl.DataFrame:
    return of.select(id, pl.exclude(id))


def _vectors(
    model: Model,
    asked: Asked,
    kind: Kind,
    options: Mapping[str, int],
) -> Part:
    made = model.recommender
    assert isinstance(made, Multiplies)
    made.network.eval()
    with torch.inference_mode():
        items, of_users = made.products(asked)
        users = torch.cat([vectors.cpu() for _, vectors in of_users]).float().numpy()
    matrix = items.detach().cpu().float().numpy()
    index, described = build_index(matrix, users.reshape(-1, users.shape[2]), kind, **options)
    read = _read(model)
    return Part(
        "vectors",
        {
            "items": {"vectors": matrix, **read.of_items},
            "users": {"vectors": users, **read.of_users},
        },
        {"index.faiss": index, **read.files},
        {"index": described, "history": read.about, **read.said},
    )


def _asks(
    model: Model,
    dataset: Dataset,
    split: Split,
    asked: Asked,
    part: Part,
    wanted: Wanted | None,
    beforehand: bool,
) -> Part:
    """The same with what answers somebody who asks for something, and what the card says of it."""
    made = model.recommender
    assert isinstance(made, Asks)
    arrays, files = dict(part.arrays), dict(part.files)
    about = {**part.about, "history": {**MEAN, "note": f"{MEAN['note']} {UNSAID}"}}
    asks: dict[str, Any] = {
        "answered_by": "nothing",
        "note": f"Nobody can ask for a query. {UNSAID}",
    }
    why = served.why_not(made) if isinstance(made, Zoomer) else "It is not known how."
    if isinstance(made, Zoomer) and not why:
        kept, settings = served.arrays_of(made, asked.histories)
        arrays["kept"], about["kept"] = kept, settings
        about["history"] = {"answered_by": "kept", "note": EDGES, "stranger": STRANGER}
        past, targets = split.histories(dataset), split.targets(dataset, "valid")
        asks |= {"agreement": served.agreement(made, past, targets, kept, settings)}
    if wanted is not None:
        asks |= {"n": len(wanted), "noun": wanted.noun}
        files[QUERIES] = wanted.write()
        if beforehand:
            arrays["users"] = {**arrays["users"], "asks": _beforehand(made, asked)}
            asks |= {"answered_by": "beforehand", "note": BEFOREHAND}
        elif not why:
            asks |= {"answered_by": "kept", "note": EDGES}
        else:
            asks["note"], about["history"]["note"] = f"{why} {UNSAID}", f"{MEAN['note']} {why}"
            del files[QUERIES]
    return replace(part, arrays=arrays, files=files, about={**about, "asks": asks})


def _beforehand(made: Asks, asked: Asked) -> np.ndarray:
    """(n_users, n_queries, d) float32 vectors of every user with every query.

    Raises:
        ConfigError: that is more than `MOST_ASKS`.
    """
    n_users, n_queries = len(asked.histories), made.n_queries
    if n_users * n_queries > MOST_ASKS:
        raise ConfigError(
            f"{n_users:,} users and {n_queries:,} queries are {n_users * n_queries:,} asks, more "
            f"than the {MOST_ASKS:,} that are made beforehand. Export without --beforehand."
        )
    every = np.arange(n_queries)
    rows = [
        made.asking(np.full(n_queries, user), every, asked.histories) for user in range(n_users)
    ]
    return np.stack(rows).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Read:
    """How an export reads a history.

    Attributes:
        about: What the card says of it.
        of_items: Arrays beside the vectors of items.
        of_users: Arrays beside the vectors of users.
        files: By name.
        said: What the card says besides.
    """

    about: Mapping[str, Any]
    of_items: Mapping[str, np.ndarray] = field(default_factory=dict)
    of_users: Mapping[str, np.ndarray] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
    said: Mapping[str, Any] = field(default_factory=dict)


def _read(model: Model) -> Read:
    """By the backbone where it can be written, else by the mean of items."""
    made, longest = model.recommender, model.config.max_history
    if isinstance(made, MultiVae):
        arrays = {"nodes": made.network.item.weight.detach().cpu().numpy()}
        about = {"answered_by": "backbone", "longest": LONGEST, "once": True, "note": ""}
        return Read(about, of_items=arrays, files={"backbone.onnx": encoder_to_onnx(made)})
    if not isinstance(made, SequenceRecommender):
        return Read(MEAN)
    why = why_not(made)
    if why:
        return Read({**MEAN, "note": f"{MEAN['note']} {why}"})
    with torch.inference_mode():
        shared = made.network.propagate(torch.empty(0, dtype=torch.int64))
    of_users, of_items = dict[str, np.ndarray](), dict[str, np.ndarray]()
    stranger = own = ""
    if shared.people is not None:
        of_users["offsets"] = shared.people.cpu().numpy()
    if reads_nodes(made):
        users, items = (one.detach().cpu() for one in shared.nodes)
        of_users["nodes"] = torch.cat([users, users.mean(0, keepdim=True)]).numpy()
        of_items["nodes"] = items.numpy()
        stranger = (
            f"Of a stranger {model.config.enhancer.name} knows the history, and for the rest the "
            "average of all users stands in."
        )
        own = (
            f"The history of the call is read anew, and {model.config.enhancer.name} knows all of "
            "it; without one it knows of this user what it was trained on, so that the order can "
            "differ."
        )
    return Read(
        {
            **{"answered_by": "backbone", "longest": longest, "note": ""},
            **{"stranger": stranger, "own": own},
        },
        of_items,
        of_users,
        {"backbone.onnx": to_onnx(made)},
    )


def _weights(made: Weighs) -> Part:
    arrays, about = dict[str, np.ndarray](), dict[str, Any]()
    for name, rows in made.rows().items():
        if sp.issparse(rows.of):
            arrays |= {
                f"{name}.{key}": one for key, one in arrays_of(sp.csr_matrix(rows.of)).items()
            }
        else:
            arrays[f"{name}.dense"] = np.asarray(rows.of, np.float32)
        about[name] = {
            **{"kind": rows.kind, "scale": float(rows.scale)},
            **{"recency": float(rows.recency), "last": rows.last},
        }
    history = {"answered_by": "weights", "note": ""}
    return Part("weights", {"weights": arrays}, about={"weights": about, "history": history})


LISTS = {"answered_by": "refused", "note": ""}


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
