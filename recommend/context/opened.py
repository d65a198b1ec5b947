"""ContextGNN as it answers one user at a time, and of users and items that it never met.

A newcomer is one more node, which nothing leads to but the factors of an item and the history of a
user: nothing is trained again. What it says of all others stays what it was, but where paths over
factors lead to a new item.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from data.dataset import Histories
from data.errors import DataError
from recommend.context.recommender import ContextGnn
from recommend.context.surroundings import Past
from recommend.features import Bags
from recommend.protocols import Asked, Code
from recommend.settings.contextgnn import ContextGnnConfig


@dataclass(frozen=True, slots=True)
class Opened:
    """Answers of ContextGNN.

    Attributes:
        of: It, with whatever newcomers there are as its last users and items.
    """

    of: ContextGnn

    @property
    def n_items(self) -> int:
        """Items that are ranked, newcomers included."""
        return self.of.past.n_items

    def after(
        self,
        user: int,
        histories: Sequence[np.ndarray],
        known: np.ndarray,  # noqa: ARG002
    ) -> Iterator[Tensor]:
        """(n_items,) scores of all items for one user after each history."""
        everybody = np.arange(self.of.past.n_users + 1)
        for items in histories:
            offsets = np.where(everybody > user, len(items), 0)
            past = Histories(offsets, items.astype(np.int32), np.arange(len(items)))
            for _, scores in self.of.scores(Asked(past, np.array([user]))):
                yield scores[0]

    def users(self, histories: Histories) -> Tensor:
        """(n_users, 1, 0): what is near a user is no vector's to say, so `scored` looks again."""
        return torch.empty(len(histories), 1, 0)

    def scored(self, vectors: Tensor, histories: Histories, users: np.ndarray) -> Tensor:  # noqa: ARG002
        """(b, n_items) scores of all items, newcomers included, for some users."""
        more = self.of.past.n_users - len(histories)
        past = replace(histories, offsets=np.pad(histories.offsets, (0, more), "edge"))
        with torch.inference_mode():
            return torch.cat([one.cpu() for _, one in self.of.scores(Asked(past, users))])

    def with_item(
        self,
        codes: Code | None,
        attributes: Bags,
        alike: np.ndarray | None,
        vector: np.ndarray | None,
        had: np.ndarray | None,
        said: np.ndarray | None = None,  # noqa: ARG002
    ) -> Opened:
        """The same with one more item, whose number is the old `n_items`.

        Its vector is made of what is said of it; where items have one of their own beside, it gets
        the mean over the training interactions of the items that are alike.

        Raises:
            DataError: nothing can be known of the item.
        """
        of, own = self.of, _own(self.of)
        if reason := _why_stranger(of, codes, attributes, vector):
            raise DataError(f"{of.config.backbone.name} can say nothing about a new item: {reason}")
        factors = np.zeros((1, 0), np.int64)
        if own.factors:
            factors = _factors(of.past, np.asarray(codes, dtype=np.int64))[None]
        past = Past(
            of.past.histories,
            of.past.n_items + 1,
            np.concatenate([of.past.item_factors, factors]),
            of.past.n_factors,
        )
        about = {**of.bags, "item": _together(of.bags["item"], attributes)}
        texts = of.texts
        if texts is not None:
            texts = np.concatenate([texts, np.asarray(vector, np.float32)[None]])
        return self._grown(past, about, texts, alike, had)

    def with_user(
        self,
        codes: Code | None,  # noqa: ARG002
        attributes: Bags,
        vector: np.ndarray | None,  # noqa: ARG002
    ) -> tuple[Opened, int, str]:
        """The same with one more user, and the user's number; a history says the rest.

        It knows users by their attributes and by what is near them, and has no vectors of theirs.
        """
        past, about = self.of.past, self.of.bags
        offsets = np.append(past.histories.offsets, past.histories.offsets[-1])
        grown = replace(past, histories=replace(past.histories, offsets=offsets))
        about = {**about, "user": _together(about["user"], attributes)}
        return self._grown(grown, about, self.of.texts), past.n_users, ""

    def _grown(
        self,
        past: Past,
        about: dict[str, Bags],
        texts: np.ndarray | None,
        alike: np.ndarray | None = None,
        had: np.ndarray | None = None,
    ) -> Opened:
        """The same weights with another past; an item's own vector is the mean of those alike."""
        network = self.of.network
        weights = network.state_dict()
        if network.table is not None and past.n_items > self.of.past.n_items:
            table = network.table.weight.detach()
            shares = _shares(self.of.past, alike, had).to(table)
            weights["table.weight"] = torch.cat([table, shares[None] @ table])
        made = ContextGnn.made(self.of.config, past, about, texts)
        made.network.load_state_dict(weights)
        made.network.to(network.device).eval()
        return Opened(made)


def _why_stranger(
    of: ContextGnn, codes: Code | None, attributes: Bags, vector: np.ndarray | None
) -> str:
    """Why nothing can be known of a new item, in a sentence; "" where something can."""
    own = _own(of)
    if own.parts == "pair" and not own.factors:
        return (
            "it scores what paths lead to, and nobody had this one. Train it with factors, or with "
            "parts = both and items = feature."
        )
    if own.parts != "pair" and not own.listens:
        return (
            "each item has a vector of its own, which is learnt of who had it. Train it with "
            "items = feature, or fusion."
        )
    if own.factors and codes is None:
        return "it walks over the factors of items, and there is no description to find some by."
    if own.listens and own.says == "texts":
        return "" if vector is not None else "it knows one by its text, and there is none."
    if own.listens and not len(attributes.categories):
        return "it knows one by its attributes, and it has none that training has seen."
    return ""


def _factors(past: Past, codes: np.ndarray) -> np.ndarray:
    """(T,) int64 factor nodes of (T,) codes."""
    levels = past.item_factors.shape[1]
    k = past.n_factors // levels
    if len(codes) != levels or codes.min() < 0 or codes.max() >= k:
        raise DataError(
            f"The codes {codes.tolist()} do not fit the recommender: it looks at {levels} levels "
            f"with codes from 0 to {k - 1}. Assign them with the quantiser of the same run."
        )
    nodes: np.ndarray = np.arange(levels) * k + codes
    return nodes


def _shares(past: Past, alike: np.ndarray | None, had: np.ndarray | None) -> Tensor:
    """(n_items,) how much of each item's vector is in that of a new one; they add up to 1."""
    degrees = np.bincount(past.histories.items, minlength=past.n_items)
    weights = degrees if had is None else had[: past.n_items]
    kept = np.arange(past.n_items) if alike is None or not len(alike) else alike
    kept = kept[kept < past.n_items]
    shares = np.zeros(past.n_items)
    shares[kept] = weights[kept] if weights[kept].any() else 1.0
    return torch.from_numpy(shares / shares.sum())


def _together(bags: Bags, more: Bags) -> Bags:
    """Bags with those of one more entity at the end."""
    return Bags(
        np.concatenate([bags.categories, more.categories]),
        np.concatenate([bags.weights, more.weights]),
        np.append(bags.offsets, len(bags.categories)),
        bags.n_categories,
    )


def _own(of: ContextGnn) -> ContextGnnConfig:
    assert isinstance(of.config.backbone, ContextGnnConfig)
    return of.config.backbone
