"""Typed paths through the graph."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from data.errors import ConfigError

NODE_TYPES = ("user", "item", "user_factor", "item_factor")
"""Types of nodes."""
NEIGHBOURS = {
    "user": ("item", "user_factor"),
    "item": ("user", "item_factor"),
    "user_factor": ("user",),
    "item_factor": ("item",),
}
"""Which types an edge may join; every relation can be walked both ways."""


@dataclass(frozen=True, slots=True)
class Metapath:
    """A path by node types; the last is the target that gathers.

    Attributes:
        types: At least two of `NODE_TYPES`, each a neighbour of the one before.
    """

    types: tuple[str, ...]

    def __post_init__(self) -> None:
        for name in self.types:
            if name not in NODE_TYPES:
                raise ConfigError(
                    f"The metapath {str(self)!r} names {name!r}; the types are "
                    f"{', '.join(NODE_TYPES)}."
                )
        if len(self.types) < 2:
            raise ConfigError(
                f"The metapath {str(self)!r} has fewer than two nodes; write for instance "
                "'user > user_factor > user'."
            )
        for a, b in pairwise(self.types):
            if b not in NEIGHBOURS[a]:
                raise ConfigError(
                    f"The metapath {str(self)!r} goes from {a} to {b}, and the graph has no such "
                    f"edges; from {a} it can go to {' or '.join(NEIGHBOURS[a])}."
                )

    @classmethod
    def parse(cls, text: str) -> Metapath:
        """The metapath that `text` writes.

        Raises:
            ConfigError: a type is unknown, or no edge joins two neighbours.

        >>> Metapath.parse("user>user_factor > user").types
        ('user', 'user_factor', 'user')
        """
        return cls(tuple(part.strip() for part in text.split(">")))

    def __str__(self) -> str:
        return " > ".join(self.types)


PAPER = tuple(
    Metapath.parse(text)
    for text in (
        "item > user",
        "user > user_factor > user",
        "user > item",
        "item > item_factor > item",
    )
)
"""The metapaths of the paper. Source: AutoGraph, section 3.3.1."""
