"""Typed paths through a graph."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from data.errors import ConfigError
from graph.schema import Schema


@dataclass(frozen=True, slots=True)
class Metapath:
    """A path by types of nodes; the last is the target that gathers.

    Attributes:
        types: At least two, each a neighbour of the one before.
    """

    types: tuple[str, ...]

    @classmethod
    def along(cls, types: tuple[str, ...], schema: Schema) -> Metapath:
        """The metapath of these types.

        Raises:
            ConfigError: a type is unknown, or no edge joins two neighbours.
        """
        path = cls(types)
        for name in types:
            schema.check(name, f"The metapath {str(path)!r}")
        if len(types) < 2:
            raise ConfigError(
                f"The metapath {str(path)!r} has fewer than two nodes; write types with > between "
                f"them, for instance '{' > '.join(schema.pairs[0])}'."
            )
        for a, b in pairwise(types):
            if b not in schema.neighbours(a):
                raise ConfigError(
                    f"The metapath {str(path)!r} goes from {a} to {b}, and the graph has no such "
                    f"edges; from {a} it can go to {' or '.join(schema.neighbours(a))}."
                )
        return path

    @classmethod
    def parse(cls, text: str, schema: Schema) -> Metapath:
        """The metapath that `text` writes.

        Raises:
            ConfigError: a type is unknown, or no edge joins two neighbours.

        >>> from graph.latent import latent_schema
        >>> Metapath.parse("user>user_factor > user", latent_schema()).types
        ('user', 'user_factor', 'user')
        """
        return cls.along(tuple(part.strip() for part in text.split(">")), schema)

    def __str__(self) -> str:
        return " > ".join(self.types)
