"""How the vectors of an export are searched."""

from __future__ import annotations

from typing import Literal

Kind = Literal["flat", "ivf", "hnsw"]
"""All are looked at; those in the nearest lists; or a walk over a graph of neighbours."""
