"""What a person may set of the graph."""

from __future__ import annotations

from typing import Literal

from data.config import Config

GraphEdges = Literal["train", "all"]


class GraphConfig(Config):
    """Which interactions the graph is made of."""

    edges: GraphEdges = "train"
    """Interactions that are edges: of training alone, or all, which leaks what is predicted.

    `all` does what the authors' published MovieLens notebook does, to measure what that is worth:
    the users of an item are then those of all splits, so the graph that ranks an item for a user
    can hold the very edge that is to be predicted. In training it is hidden, here as there (users
    of a batch are taken off); in validation and test nothing hides it. What does not leak: the
    items of a user are those before the position, in both cases, and texts, codes and the
    backbone's history are the same.
    """
