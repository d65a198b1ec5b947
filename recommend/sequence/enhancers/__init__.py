"""Enhancers: further features of users and items, added to any backbone.

An enhancer has an `item_width` and a `user_width`; `propagate(items, hidden)` gives the nodes that
a step shares, `items(nodes, hidden)` the (n_items, item_width) features of items, and
`users(nodes, batch)` the (b, l, user_width) features of users.
"""

from collections.abc import Callable
from typing import Any

from recommend.sequence.enhancers.autograph import AutoGraph
from recommend.sequence.enhancers.ccgnn import Ccgnn
from recommend.sequence.enhancers.grounded import Grounded
from recommend.sequence.enhancers.kar import Kar
from recommend.sequence.enhancers.lightgcn import LightGcn
from recommend.sequence.enhancers.topoi2i import TopoI2I
from recommend.sequence.enhancers.uist import Uist

ENHANCERS: dict[str, Callable[[Any, Any, int], Any]] = {
    "none": lambda config, inputs, width: None,  # noqa: ARG005
    "autograph": AutoGraph,
    "grounded": Grounded,
    "kar": Kar,
    "uist": Uist,
    "lightgcn": LightGcn,
    "ccgnn": Ccgnn,
    "topoi2i": TopoI2I,
}
"""What makes an enhancer, of its settings, the inputs and the width; a module or None."""
