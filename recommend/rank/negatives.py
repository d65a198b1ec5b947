"""What a user and an item are set against: other items of the step, of earlier steps, or near it.

What the user had in training is no negative, wherever it comes from.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from data.relation import Relation

LEAST = torch.finfo(torch.float32).min
"""A score that counts for nothing, yet has a gradient that is a number."""
TRIES = 4
"""Times that what is no negative is drawn anew."""


class Pool(nn.Module):
    """Items of earlier steps, first in, first out.

    Their vectors are those of now, which a pass over the whole graph gives anyway, and no gradient
    reaches them: users are pushed away from them, and they stay where they are.

    Source: the queue of He et al., Momentum contrast, CVPR 2020, section 3.1.

    Attributes:
        numbers: (n,) int64 items; -1 where nothing stands yet.
        next: (1,) int64 place that is written next.
    """

    numbers: Tensor
    next: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("numbers", torch.full((size,), -1, dtype=torch.int64))
        self.register_buffer("next", torch.zeros(1, dtype=torch.int64))

    def push(self, numbers: Tensor) -> None:
        """Takes (m,) items in, in this order; of more than fit, the last."""
        size = len(self.numbers)
        numbers = numbers[-size:]
        places = (self.next + torch.arange(len(numbers), device=self.next.device)) % size
        self.numbers[places] = numbers
        self.next.add_(len(numbers)).remainder_(size)

    def held(self) -> Tensor:
        """(k,) items, as many as there are yet; one may be there several times."""
        return self.numbers[self.numbers >= 0]


class Known(NamedTuple):
    """What is no negative of each of some anchors, such as items that a user had.

    Attributes:
        rows: (n,) int64 place of an anchor, in order.
        numbers: (n,) int64 what is no negative of it, in order for each.
        shape: Anchors, and all that there is.
    """

    rows: Tensor
    numbers: Tensor
    shape: tuple[int, int]

    def of(self, numbers: Tensor) -> Tensor:
        """(b, m) bool, which of (m,) are known to each of all anchors; one may be there twice."""
        some, places = torch.unique(numbers, return_inverse=True)
        at = torch.searchsorted(some, self.numbers).clamp_max(max(len(some) - 1, 0))
        found = torch.zeros(self.shape[0], len(some), dtype=torch.bool, device=some.device)
        if len(some):
            there = some[at] == self.numbers
            found[self.rows[there], at[there]] = True
        return found[:, places]

    def holds(self, rows: Tensor, numbers: Tensor) -> Tensor:
        """(p, k) bool, whether each of (p, k) numbers is known to the anchor at each of (p,)."""
        codes = self.rows * self.shape[1] + self.numbers
        wanted = rows[:, None] * self.shape[1] + numbers
        if not len(codes):
            return torch.zeros_like(wanted, dtype=torch.bool)
        at = torch.searchsorted(codes, wanted).clamp_max(len(codes) - 1)
        return codes[at] == wanted


class Against(NamedTuple):
    """Items that every user of a step is set against, but for what that user had.

    Attributes:
        numbers: (m,) int64 which.
        cosines: (b, m) of users and items.
        wrong: (b, m) bool, what is no negative of a user.
    """

    numbers: Tensor
    cosines: Tensor
    wrong: Tensor

    def total(self, temperature: float, off: Tensor | None = None) -> Tensor:
        """(b,) logsumexp of s / τ over the negatives of each, a very low number without any.

        Args:
            temperature: τ.
            off: (n_items,) what is taken off the logit of each item.
        """
        logits = self.cosines / temperature
        if off is not None:
            logits = logits - off[self.numbers]
        return logits.masked_fill(self.wrong, LEAST).logsumexp(1)


def against(users: Tensor, numbers: Tensor, vectors: Tensor, known: Known) -> Against:
    """(b, d) users against (m,) items with their (m, d) vectors.

    Args:
        users: Of length 1.
        numbers: Which items.
        vectors: Of length 1.
        known: What each user had.
    """
    return Against(numbers, users @ vectors.T, known.of(numbers))


def draw_near(near: Relation, items: np.ndarray, k: int, rng: np.random.Generator) -> np.ndarray:
    """(p, k) int64 items near each of (p,), alike and with replacement; -1 without any."""
    degrees = near.degrees[items]
    places = (rng.random((len(items), k)) * degrees[:, None]).astype(np.int64)
    if not len(near.targets):
        return np.full((len(items), k), -1)
    found = near.targets[np.minimum(near.offsets[items][:, None] + places, len(near.targets) - 1)]
    return np.where(degrees[:, None] > 0, found, -1).astype(np.int64)


def near_cosines(users: Tensor, rows: Tensor, items: Tensor, drawn: Tensor, known: Known) -> Tensor:
    """(p, k) cosines of users and items near those they had; a very low number for no negative.

    Args:
        users: (b, d) of length 1.
        rows: (p,) place of the user of each pair.
        items: (n_items, d) of length 1.
        drawn: (p, k) items, -1 for none.
        known: What each user had.
    """
    vectors = F.embedding(drawn.clamp_min(0), items)  # (p, k, d)
    cosines = (vectors @ users[rows][:, :, None])[:, :, 0]
    wrong = (drawn < 0) | known.holds(rows, drawn.clamp_min(0))
    return cosines.masked_fill(wrong, LEAST)


def drawn_cosines(sets: Sequence[Against], rows: Tensor, near: Tensor) -> Tensor:
    """(p,) cosine of each pair's user and one of its negatives; a very low number without any.

    Each of the sets and of what is near has the same chance, and so has each negative within it.

    Args:
        sets: What all users are set against.
        rows: (p,) place of the user of each pair.
        near: (p, k) cosines of what is near the item of each; k may be 0.
    """
    found = [_drawn(one, rows) for one in sets if len(one.numbers)]
    if near.shape[1]:
        at = torch.randint(near.shape[1], (len(near), 1), device=near.device)
        found.append(near.gather(1, at)[:, 0])
    if not found:
        return near.new_full((len(rows),), LEAST)
    which = torch.randint(len(found), (1, len(rows)), device=rows.device)
    return torch.stack(found).gather(0, which)[0]


def _drawn(one: Against, rows: Tensor) -> Tensor:
    """(p,) of one set; what is no negative is drawn anew a few times."""
    columns = torch.randint(len(one.numbers), (len(rows),), device=rows.device)
    for _ in range(TRIES):
        wrong = one.wrong[rows, columns]
        again = torch.randint(len(one.numbers), (len(rows),), device=rows.device)
        columns = torch.where(wrong, again, columns)
    return one.cosines[rows, columns].masked_fill(one.wrong[rows, columns], LEAST)
