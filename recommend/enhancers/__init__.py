"""Enhancers: further features of users and items, added to any backbone.

An enhancer has an `item_width` and a `user_width`; `propagate(items, hidden)` gives the nodes that
a step shares, `items(nodes, hidden)` the (n_items, item_width) features of items, and
`users(nodes, batch)` the (b, l, user_width) features of users.
"""

from collections.abc import Callable
from typing import Any

from recommend.enhancers.autograph import AutoGraph

ENHANCERS: dict[str, Callable[[Any, Any, int], AutoGraph | None]] = {
    "none": lambda config, inputs, width: None,  # noqa: ARG005
    "autograph": AutoGraph,
}
