"""Users, items and latent factors in one graph; metapaths, statistics, export, insertion."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graph.latent import Csr, LatentGraph
    from graph.metapath import Metapath

__all__ = ["Csr", "LatentGraph", "Metapath"]


def __getattr__(name: str) -> Any:
    """A class of this room, when it is asked for: settings are read without numpy."""
    if name not in __all__:
        raise AttributeError(f"module 'graph' has no attribute {name!r}")
    from graph import latent, metapath

    return getattr(metapath if name == "Metapath" else latent, name)
