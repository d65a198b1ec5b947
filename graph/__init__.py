"""Users, items and latent factors in one graph; metapaths, statistics, export, insertion."""

from graph.latent import Csr, LatentGraph
from graph.metapath import Metapath

__all__ = ["Csr", "LatentGraph", "Metapath"]
