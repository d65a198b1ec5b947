"""Users, items and latent factors in one graph; metapaths, statistics, export, insertion."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from data.relation import Relation
    from graph.latent import LatentGraph
    from graph.metapath import Metapath

__all__ = ["LatentGraph", "Metapath", "Relation"]


def __getattr__(name: str) -> Any:
    """A class of this room, when it is asked for: settings are read without numpy."""
    if name not in __all__:
        raise AttributeError(f"module 'graph' has no attribute {name!r}")
    from data import relation
    from graph import latent, metapath

    homes = {"LatentGraph": latent, "Metapath": metapath, "Relation": relation}
    return getattr(homes[name], name)
