"""What ContextGNN can know of users and items that it never met.

A newcomer is one more node, which nothing leads to but the factors of an item and the history of a
user: nothing is trained again. What is said of all others stays what it was, but where paths over
factors lead to a new item.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from data.errors import DataError
from recommend.context.surroundings import Past
from recommend.features import Bags
from recommend.protocols import Code
from recommend.settings.contextgnn import ContextGnnConfig


def past_with_item(
    past: Past,
    own: ContextGnnConfig,
    codes: Code | None,
    attributes: Bags,
    vector: np.ndarray | None,
) -> Past:
    """The past with one more item, which nobody had.

    Args:
        past: Before.
        own: What the recommender reads.
        codes: (T,) of the item on every level; None where there are none.
        attributes: Its bag.
        vector: (t,) what its text means; None where there is none.

    Raises:
        DataError: nothing can be known of the item.
    """
    if reason := _why_stranger(own, codes, attributes, vector):
        raise DataError(f"{own.name} can say nothing about a new item: {reason}")
    factors = np.zeros((1, 0), np.int64)
    if own.factors:
        factors = _factors(past, np.asarray(codes, dtype=np.int64))[None]
    rows = np.concatenate([past.item_factors, factors])
    return Past(past.histories, past.n_items + 1, rows, past.n_factors)


def past_with_user(past: Past) -> Past:
    """The past with one more user, who had nothing."""
    offsets = np.append(past.histories.offsets, past.histories.offsets[-1])
    return replace(past, histories=replace(past.histories, offsets=offsets))


def _why_stranger(
    own: ContextGnnConfig, codes: Code | None, attributes: Bags, vector: np.ndarray | None
) -> str:
    """Why nothing can be known of a new item, in a sentence; "" where something can."""
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


def shares_of(past: Past, alike: np.ndarray | None, had: np.ndarray | None) -> Tensor:
    """(n_items,) how much of each item's vector is in that of a new one; they add up to 1."""
    degrees = np.bincount(past.histories.items, minlength=past.n_items)
    weights = degrees if had is None else had[: past.n_items]
    kept = np.arange(past.n_items) if alike is None or not len(alike) else alike
    kept = kept[kept < past.n_items]
    shares = np.zeros(past.n_items)
    shares[kept] = weights[kept] if weights[kept].any() else 1.0
    return torch.from_numpy(shares / shares.sum())


def together(bags: Bags, more: Bags) -> Bags:
    """Bags with those of one more entity at the end."""
    return Bags(
        np.concatenate([bags.categories, more.categories]),
        np.concatenate([bags.weights, more.weights]),
        np.append(bags.offsets, len(bags.categories)),
        bags.n_categories,
    )
