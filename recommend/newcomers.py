"""Users and items that no recommender was trained with, placed by codes and attributes.

Nothing is trained again, and nobody else's vector changes. What a model has no way to know is not
made up: a plain recommender knows an item by who had it, and of a new one at most its attributes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from data.errors import DataError
from recommend.features import Bags
from recommend.inputs import GraphTables
from recommend.model import Model
from recommend.network import Propagated
from recommend.settings import AutoGraphConfig
from recommend.what_if import Ready

Code = Sequence[int] | np.ndarray
ALIKE = 20
"""Items that a new one is best taken after: those that share most factors with it, then those whose
texts are most alike. Of 5, 10, 20 and 40, it did best on a tenth of MovieLens-1M's films that were
kept from training (`benchmarks/cold_items.py`, draw 0)."""
_AT_ONCE = 512
"""Users whose scores exist at a time."""


def with_item(
    ready: Ready, codes: Code, attributes: Bags, alike: np.ndarray | None = None
) -> Ready:
    """The same recommender with one more item, whose number is the old `n_items`.

    With the graph, the item hears from its factors as their members do; where the model reads an
    embedding or the item's users, it gets the mean over what people had of the items that are
    alike. Every model adds what it has learnt of the item's attributes.

    Args:
        ready: The recommender.
        codes: (T,) codes of the item on every level.
        attributes: A bag of one item, by the categories that the model was fitted on.
        alike: (m,) the items that it is taken after; the members of its first factor unless given.

    Raises:
        DataError: the model cannot know anything of the item.
    """
    network, shared = ready.model.network, ready.shared
    told = network.item_attributes is not None and len(attributes.categories) > 0
    if network.enhancer is None and not told:
        raise DataError(
            f"{ready.model.config.backbone.name} without the graph knows an item by who had it, "
            "and nobody had this one. It can say nothing about it, except from attributes that "
            "other items share; ask a recommender with the graph."
        )
    config = ready.model.config
    if network.enhancer is not None and not _places(ready.model):
        raise DataError(
            f"{config.backbone.name} with {config.enhancer.name} has no way to place an item that "
            "nobody had. Ask a recommender with autograph."
        )
    with torch.inference_mode():
        vector = torch.zeros_like(shared.items[:1])
        if network.item_attributes is not None:
            vector = vector + network.item_attributes.of(attributes)
        nodes = shared.nodes
        if network.enhancer is not None and nodes is not None:
            own = _own_factors(ready.model, "item", codes)
            after = own.alike
            if alike is not None and len(alike):
                after = torch.from_numpy(alike.astype(np.int64)).to(after.device)
            n = len(network.item.weight)
            known = (nodes[0][: ready.model.inputs.n_users], nodes[1][:n])
            embedding, node, features = network.enhancer.new_item(
                known, network.item.weight, after, own.factors
            )
            vector = vector + embedding
            if "item" in network.sides:
                vector = vector + network.item_graph(features)
            nodes = (nodes[0], torch.cat([nodes[1], node]))
        items = torch.cat([shared.items, vector])
        return Ready(ready.model, Propagated(items, nodes, shared.people))


def with_user(ready: Ready, codes: Code | None, attributes: Bags) -> tuple[Ready, int]:
    """The same recommender with one more user, and the number to score that user by.

    A history does most of the work, and has to be given when the user is scored. With the graph,
    the user hears from the user's factors; without codes, or with an enhancer that has no way to
    place a newcomer, what users hear on average.

    Args:
        ready: The recommender.
        codes: (T,) codes of the user on every level; None where nothing is described.
        attributes: A bag of one user, by the categories that the model was fitted on.
    """
    network, shared = ready.model.network, ready.shared
    with torch.inference_mode():
        people, nodes = shared.people, shared.nodes
        if people is not None and network.user_attributes is not None:
            people = torch.cat([people, network.user_attributes.of(attributes)])
        if network.enhancer is not None and nodes is not None:
            if codes is None or not _places(ready.model):
                node = nodes[0][: ready.model.inputs.n_users].mean(0, keepdim=True)
            else:
                own = _own_factors(ready.model, "user", codes)
                node = network.enhancer.new_user(own.alike, own.factors)
            nodes = (torch.cat([nodes[0], node]), nodes[1])
        rows = people if people is not None else nodes[0] if nodes is not None else None
        number = len(rows) - 1 if rows is not None else ready.model.inputs.n_users
        return Ready(ready.model, Propagated(shared.items, nodes, people)), number


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
            scores = (block @ ready.shared.items.T.cpu()).amax(1)  # (b, n_items)
            above = scores > scores[:, item : item + 1]
            had = seen[at * _AT_ONCE : at * _AT_ONCE + len(block)]
            rows = np.repeat(np.arange(len(had)), [len(one) for one in had])
            above[torch.from_numpy(rows), torch.from_numpy(np.concatenate(had)).long()] = False
            ranks.append(1 + above.sum(1).numpy())
    return Reach(np.concatenate(ranks), k)


@dataclass(frozen=True, slots=True)
class _Own:
    factors: Tensor  # (levels,) factor nodes that the model looks at
    alike: Tensor  # (m,) entities that share the first of them; all where none does


def _places(model: Model) -> bool:
    """Whether the enhancer knows newcomers by their codes."""
    return isinstance(model.config.enhancer, AutoGraphConfig)


def _own_factors(model: Model, side: str, codes: Code) -> _Own:
    tables, enhancer = model.inputs.graph, model.config.enhancer
    assert isinstance(tables, GraphTables) and isinstance(enhancer, AutoGraphConfig)
    members = tables.user_factors if side == "user" else tables.item_factors
    levels = list(enhancer.levels)
    k = int(tables.n_factors[0 if side == "user" else 1]) // len(levels)
    chosen = np.asarray(codes, dtype=np.int64)
    if len(chosen) <= max(levels) or chosen[levels].min() < 0 or chosen[levels].max() >= k:
        raise DataError(
            f"The codes {chosen.tolist()} do not fit the recommender: it looks at levels {levels} "
            f"with codes from 0 to {k - 1}. Assign them with the quantiser of the same run."
        )
    factors = chosen[levels] + k * np.arange(len(levels))
    alike = np.flatnonzero(members[:, 0] == factors[0])
    alike = alike if len(alike) else np.arange(len(members))
    place = model.device
    return _Own(torch.from_numpy(factors).to(place), torch.from_numpy(alike).to(place))
