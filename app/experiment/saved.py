"""What a person keeps of a demonstration: people to recommend to, and items that are new."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from app.experiment.shelf import Named, Shelf

MOST_ITEMS = 1_000
Id = Annotated[str, Field(max_length=500)]
Text = Annotated[str, Field(max_length=20_000)]


class Persona(Named):
    """Somebody to recommend to: a user of the data, or an invented person."""

    data: str
    """Name of the data set whose ids it holds."""
    user: Id | None = None
    """Id of the user it is; none: an invented person."""
    history: Annotated[tuple[Id, ...], Field(max_length=MOST_ITEMS)] = ()
    """Ids of items, oldest first; empty: the training history of `user`."""
    text: Text | None = None
    """What is known of the person in words; none: what the history says."""

    @model_validator(mode="after")
    def _is_somebody(self) -> Self:
        if self.user is None and not self.history:
            raise ValueError("an invented person needs at least one item")
        return self


class NewItem(Named):
    """An item that the data set does not hold; its name is its title."""

    data: str
    """Name of the data set that it was added to."""
    text: Text
    """What is known of it, in words."""
    given: dict[Id, Text] = Field(default_factory=dict)
    """Attributes, by column of the item table."""


def personas_of(workspace: Path) -> Shelf[Persona]:
    """The personas that are saved in a workspace."""
    return Shelf(workspace / "personas", Persona, "persona")


def new_items_of(workspace: Path) -> Shelf[NewItem]:
    """The new items that are saved in a workspace."""
    return Shelf(workspace / "new_items", NewItem, "new item")
