"""What a person saved under a name: a JSON file each, and no name that could be a path.

People to recommend to, and items that are new, are kept so for demonstrations.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Generic, Self, TypeVar

from pydantic import Field, ValidationError, model_validator

from data import atomic, rights
from data.config import Config
from data.errors import ArtifactError, ConfigError
from data.names import with_a

LONGEST_NAME = 60
MOST_BYTES = 200_000
"""A file that is longer is none of ours."""
MOST_ITEMS = 1_000
Id = Annotated[str, Field(max_length=500)]
Text = Annotated[str, Field(max_length=20_000)]
_NAME = re.compile(r"[^\W_][\w .,:;!?&+()'’-]*")
_LONGEST_STEM = 80
_UNSAFE = re.compile(r"[^a-z0-9]+")


class Named(Config):
    """What is kept under a name."""

    name: Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]
    """How it is called."""


T = TypeVar("T", bound=Named)


@dataclass(frozen=True, slots=True)
class Shelf(Generic[T]):
    """What lies in a folder.

    Attributes:
        folder: Holds a file each.
        kind: What the files hold.
        word: What such a thing is called, for instance "persona".
    """

    folder: Path
    kind: type[T]
    word: str

    def every(self) -> tuple[list[T], list[str]]:
        """All of them by name, and a sentence for each file that is none."""
        found, wrong = [], []
        for path in sorted(self.folder.glob("*.json")):
            try:
                found.append(self._read(path))
            except ArtifactError as error:
                wrong.append(str(error))
        return sorted(found, key=lambda one: one.name.lower()), wrong

    def load(self, name: str) -> T:
        """What is kept under a name.

        Raises:
            ConfigError: there is none, or it is no name.
            ArtifactError: its file is damaged.
        """
        path = self._place(name)
        if not path.is_file():
            known = ", ".join(one.name for one in self.every()[0]) or "none"
            raise ConfigError(f"There is no {self.word} {name!r}; saved are: {known}.")
        return self._read(path)

    def save(self, one: T, *, replace: bool = False) -> Path:
        """The file that holds it.

        Args:
            one: To keep.
            replace: Whether another of the same name may be lost.

        Raises:
            ConfigError: the name is taken, or is none.
        """
        path, text = self._place(one.name), one.model_dump_json(indent=2) + "\n"
        if replace:
            return atomic.write_text(path, text)
        if not atomic.create_text(path, text):
            raise ConfigError(
                f"There is {with_a(self.word)} {one.name!r} already. Choose another name, or "
                "replace it."
            )
        return path

    def remove(self, name: str) -> None:
        """Takes one away; one that is not there is no error.

        Raises:
            ConfigError: it is no name.
        """
        rights.require(f"remove the {self.word} {name}")
        self._place(name).unlink(missing_ok=True)

    def _place(self, name: str) -> Path:
        """The file of a name; letters that mean something to a file system are not in it."""
        tidy = " ".join(name.split())
        slug = _UNSAFE.sub("-", _plain(tidy)).strip("-")
        if tidy != name or len(name) > LONGEST_NAME or not _NAME.fullmatch(name) or not slug:
            raise ConfigError(
                f"{name[:80]!r} is no name for {with_a(self.word)}: it starts with a letter or "
                f"digit, holds letters, digits, blanks and .,:;!?&+()'-_, and has at most "
                f"{LONGEST_NAME} of them."
            )
        if len(slug) > _LONGEST_STEM:
            slug = f"{slug[:_LONGEST_STEM]}-{hashlib.sha256(tidy.encode()).hexdigest()[:12]}"
        return self.folder / f"{slug}.json"

    def _read(self, path: Path) -> T:
        """What a file holds.

        Raises:
            ArtifactError: the file is too long, damaged or something else.
        """
        cure = "Remove that file, or save it again."
        try:
            if path.stat().st_size > MOST_BYTES:
                raise ArtifactError(
                    f"{path} has more than {MOST_BYTES:,} bytes: no {self.word}. {cure}"
                )
            return self.kind.model_validate_json(path.read_bytes())
        except OSError as error:
            raise ArtifactError(f"{path} cannot be read ({error.strerror}). {cure}") from None
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "the file"
            raise ArtifactError(
                f"{path} is no {self.word}: {where}: {first['msg']}. {cure}"
            ) from None


def _plain(name: str) -> str:
    """In small letters without accents; letters of other scripts by their numbers."""
    parted = unicodedata.normalize("NFKD", name.lower())
    letters = (letter for letter in parted if not unicodedata.combining(letter))
    return "".join(c if c.isascii() or not c.isalnum() else f"u{ord(c):x}" for c in letters)


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
