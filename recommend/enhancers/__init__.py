"""Enhancers: further features of users and items, added to any backbone.

An enhancer has a `width`; `propagate()` gives the nodes that a step shares, `items(nodes, hidden)`
the (n_items, width) item features, and `users(nodes, batch)` the (b, l, width) user features.
"""

from collections.abc import Callable
from typing import Any

from recommend.enhancers.autograph import AutoGraph

ENHANCERS: dict[str, Callable[[Any, Any, int], AutoGraph | None]] = {
    "none": lambda config, inputs, width: None,  # noqa: ARG005
    "autograph": AutoGraph,
}
