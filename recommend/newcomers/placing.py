"""Users and items that no recommender was trained with, placed by codes, texts and attributes.

Nothing is trained again, and nobody else's vector changes. What a model has no way to know is not
made up: a plain recommender knows an item by who had it, and of a new one at most its attributes.
Which enhancers can place a newcomer they declare themselves (`sequence.protocols.Places`); the
others say in their settings why not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from data.errors import DataError
from recommend.features import Bags
from recommend.model import Model, finite
from recommend.reasons.what_if import Ready
from recommend.sequence.network import Propagated
from recommend.sequence.protocols import Newcomer, Places
from recommend.settings import PLAIN

Code = Sequence[int] | np.ndarray
ALIKE = 20
"""Items that a new one is best taken after: those that share most factors with it, then those whose
texts are most alike. Of 5, 10, 20 and 40, it did best on a tenth of MovieLens-1M's films that were
kept from training (`benchmarks/cold_items.py`, draw 0)."""
_AT_ONCE = 512
"""Users whose scores exist at a time."""


def with_item(
    ready: Ready,
    codes: Code | None,
    attributes: Bags,
    alike: np.ndarray | None = None,
    vector: np.ndarray | None = None,
    had: np.ndarray | None = None,
) -> Ready:
    """The same recommender with one more item, whose number is the old `n_items`.

    The enhancer makes of its codes, and of what its text means, what it makes of those of the
    others. Where the model reads an embedding or the item's users, it gets the mean over the
    training interactions of the items that are alike: each of them weighing the same, a newcomer
    would be like the many that few people want. Every model adds what it has learnt of the item's
    attributes.

    Args:
        ready: The recommender.
        codes: (T,) codes of the item on every level; None where nobody reads them.
        attributes: A bag of one item, by the categories that the model was fitted on.
        alike: (m,) the items that it is taken after; the members of its first factor unless given,
            or those whose texts mean most nearly the same.
        vector: (d,) what its text means, as `inputs.standardised` gives it.
        had: (n_items,) how often each item was had in training; a model that reads the graph knows
            it itself.

    Raises:
        DataError: the model cannot know anything of the item.
    """
    model, network, shared = ready.model, ready.model.network, ready.shared
    enhancer = network.enhancer
    told = network.item_attributes is not None and len(attributes.categories) > 0
    reason = why_stranger(model, "item", codes, vector)
    if reason and not (told and model.config.enhancer.attributes_do):
        raise DataError(f"{_named(model)} can say nothing about a new item. {reason}")
    with torch.inference_mode():
        item = torch.zeros_like(shared.items[:1])
        if network.item_attributes is not None:
            item = item + network.item_attributes.of(attributes)
        nodes = shared.nodes
        if isinstance(enhancer, Places):
            known = (nodes[0][: model.inputs.n_users], nodes[1][: model.inputs.n_items])
            newcomer = _newcomer(model, "item", codes, vector, alike, had)
            node, features = enhancer.new_item(known, network.item.weight, newcomer)
            item = item + newcomer.mean(network.item.weight)
            if "item" in network.sides:
                item = item + network.item_graph(features)
            nodes = (nodes[0], torch.cat([nodes[1], node]))
        return Ready(model, Propagated(torch.cat([shared.items, item]), nodes, shared.people))


class NewUser(NamedTuple):
    """A recommender that can be asked for a user whom it was not trained with.

    Attributes:
        ready: The recommender.
        number: To ask it by.
        note: A sentence, where what its enhancer says of the user is the average of all others.
    """

    ready: Ready
    number: int
    note: str


def with_user(
    ready: Ready, codes: Code | None, attributes: Bags, vector: np.ndarray | None = None
) -> NewUser:
    """The same recommender with one more user.

    A history does most of the work, and has to be given when the user is scored. The enhancer makes
    of codes and text what it makes of those of the others; where it has no way to know the user,
    the average of all others stands in, and `note` says so.

    Args:
        ready: The recommender.
        codes: (T,) codes of the user on every level; None where nothing is described.
        attributes: A bag of one user, by the categories that the model was fitted on.
        vector: (d,) what the user's text means, as `inputs.standardised` gives it; None likewise.
    """
    model, network, shared = ready.model, ready.model.network, ready.shared
    enhancer, note = network.enhancer, ""
    with torch.inference_mode():
        people, nodes = shared.people, shared.nodes
        if people is not None and network.user_attributes is not None:
            people = torch.cat([people, network.user_attributes.of(attributes)])
        reason = why_stranger(model, "user", codes, vector)
        if isinstance(enhancer, Places) and not reason:
            node = enhancer.new_user(_newcomer(model, "user", codes, vector))
        else:
            node = nodes[0][: model.inputs.n_users].mean(0, keepdim=True)
            note = reason if "user" in network.sides else ""
        nodes = (torch.cat([nodes[0], node]), nodes[1])
        number = len(nodes[0]) - 1
        return NewUser(Ready(model, Propagated(shared.items, nodes, people)), number, note)


def why_stranger(model: Model, side: str, codes: Code | None, vector: np.ndarray | None) -> str:
    """Why the enhancer of a model cannot place a newcomer, in a sentence; "" where it can.

    Args:
        model: The recommender.
        side: "user" or "item".
        codes: (T,) of the newcomer; None where there are none.
        vector: (d,) what its text means; None likewise.
    """
    enhancer = model.config.enhancer
    lacks = ("graph" in enhancer.needs and codes is None) or (
        f"{side}_vectors" in enhancer.needs and vector is None
    )
    if side in enhancer.strangers or not lacks:
        return enhancer.strangers.get(side, "")
    average = "; the average of all users stands in, and the history says the rest"
    return (
        f"{_named(model)} knows a new {side} by a description, and there is none"
        f"{average if side == 'user' else ''}."
    )


@dataclass(frozen=True, slots=True)
class Reach:
    """Who would be shown an item.

    Attributes:
        ranks: (n_users,) int64, where the item would stand among all that each user has not had.
        k: Length of a list of recommendations.
    """

    ranks: np.ndarray
    k: int

    @property
    def shown(self) -> int:
        """Users in whose first k it stands."""
        return int((self.ranks <= self.k).sum())

    def first(self, n: int) -> np.ndarray:
        """(n,) users with whom it stands highest, best first."""
        best: np.ndarray = np.argsort(self.ranks, kind="stable")[:n]
        return best


def reach(ready: Ready, vectors: Tensor, seen: Sequence[np.ndarray], item: int, k: int) -> Reach:
    """With whom an item would stand how high.

    Args:
        ready: The recommender, the item in it.
        vectors: (n_users, interests, d) from `Ready.everybody`.
        seen: (n_users) items that each user had: they are not ranked.
        item: Its number.
        k: Length of a list of recommendations.
    """
    ranks = []
    with torch.inference_mode():
        for at, block in enumerate(torch.split(vectors, _AT_ONCE)):
            scores = finite((block @ ready.shared.items.T.cpu()).amax(1))  # (b, n_items)
            above = scores > scores[:, item : item + 1]
            had = seen[at * _AT_ONCE : at * _AT_ONCE + len(block)]
            rows = np.repeat(np.arange(len(had)), [len(one) for one in had])
            above[torch.from_numpy(rows), torch.from_numpy(np.concatenate(had)).long()] = False
            ranks.append(1 + above.sum(1).numpy())
    return Reach(np.concatenate(ranks), k)


def _named(model: Model) -> str:
    config = model.config
    plain = config.enhancer.name == PLAIN
    return f"{config.backbone.name} " + (
        "without the graph" if plain else f"with {config.enhancer.name}"
    )


def _newcomer(
    model: Model,
    side: str,
    codes: Code | None,
    vector: np.ndarray | None,
    alike: np.ndarray | None = None,
    had: np.ndarray | None = None,
) -> Newcomer:
    """What the enhancer is told; see `with_item`. Users who are alike weigh the same."""
    tables, needs = model.inputs.graph, model.config.enhancer.needs
    factors = None
    if tables is not None and codes is not None:
        read = getattr(model.config.enhancer, "levels", None)
        levels = range(tables.members(side).shape[1]) if read is None else read
        factors = tables.factors_of(side, np.asarray(codes), levels)
        had = np.diff(tables.offsets)
    means = vector if f"{side}_vectors" in needs else None
    if alike is None or not len(alike):
        alike = _alike(model, side, factors, means)
    weights = np.ones(len(alike)) if side == "user" or had is None else had[alike]
    shares = weights / weights.sum() if weights.any() else np.full(len(alike), 1 / len(alike))

    def there(array: np.ndarray) -> Tensor:
        return torch.from_numpy(array).to(model.device)

    return Newcomer(
        None if factors is None else there(factors),
        None if means is None else there(means),
        there(np.asarray(alike, dtype=np.int64)),
        there(shares.astype(np.float32)),
    )


def _alike(
    model: Model, side: str, factors: np.ndarray | None, means: np.ndarray | None
) -> np.ndarray:
    """Members of the first factor, all where it has none; without a graph, the nearest by text."""
    tables, vectors = model.inputs.graph, model.inputs.vectors
    if tables is not None and factors is not None:
        members = np.flatnonzero(tables.members(side)[:, 0] == factors[0])
        return members if len(members) else np.arange(len(tables.members(side)))
    assert vectors is not None and means is not None
    known = vectors.users if side == "user" else vectors.items
    cosine = (known @ means) / np.maximum(np.linalg.norm(known, axis=1), 1e-12)
    return np.argsort(-cosine, kind="stable")[:ALIKE]
