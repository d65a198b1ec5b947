"""People to show a recommender with: users of the data, or invented ones with a few items."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from data import atomic
from data.config import Config
from data.errors import ArtifactError, ConfigError, DataError

LONGEST_NAME = 60
MOST_ITEMS = 1_000
MOST_BYTES = 200_000
"""A file that is longer is no persona."""
_NAME = re.compile(r"[^\W_][\w .'’-]*")
_UNSAFE = re.compile(r"[^a-z0-9]+")


class Persona(Config):
    """Somebody to recommend to.

    A persona belongs to the experiments of one data set.
    """

    name: Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]
    """How the person is called."""
    data: str
    """Name of the data set whose ids it holds."""
    user: str | None = None
    """Id of the user it is; none: an invented person."""
    history: Annotated[tuple[str, ...], Field(max_length=MOST_ITEMS)] = ()
    """Ids of items, oldest first; empty: the training history of `user`."""
    note: Annotated[str, Field(max_length=500)] = ""
    """What the person is like."""


@dataclass(frozen=True, slots=True)
class Personas:
    """The personas in `folder`, a JSON file each."""

    folder: Path

    def every(self) -> tuple[list[Persona], list[str]]:
        """All personas by name, and a sentence for each file that is none."""
        found, wrong = [], []
        for path in sorted(self.folder.glob("*.json")):
            try:
                found.append(_read(path))
            except ArtifactError as error:
                wrong.append(str(error))
        return sorted(found, key=lambda persona: persona.name.lower()), wrong

    def load(self, name: str) -> Persona:
        """The persona of a name.

        Raises:
            ConfigError: there is none, or nobody can be called that.
            ArtifactError: its file is damaged.
        """
        path = self._place(name)
        if not path.is_file():
            known = ", ".join(persona.name for persona in self.every()[0]) or "nobody"
            raise ConfigError(f"There is no persona {name!r}; saved are: {known}.")
        return _read(path)

    def save(self, persona: Persona, *, replace: bool = False) -> Path:
        """The file that holds the persona.

        Args:
            persona: To keep.
            replace: Whether one of the same name may be lost.

        Raises:
            ConfigError: the name is taken, or is none.
            DataError: it is nobody: no user, and no history either.
        """
        if persona.user is None and not persona.history:
            raise DataError("An invented person needs at least one item. Add one, then save.")
        path, text = self._place(persona.name), persona.model_dump_json(indent=2) + "\n"
        if replace:
            return atomic.write_text(path, text)
        if not atomic.create_text(path, text):
            raise ConfigError(
                f"There is a persona {persona.name!r} already. Choose another name, or say that "
                "it may be replaced."
            )
        return path

    def remove(self, name: str) -> None:
        """Takes a persona away; one that is not there is no error.

        Raises:
            ConfigError: nobody can be called that.
        """
        self._place(name).unlink(missing_ok=True)

    def _place(self, name: str) -> Path:
        """The file of a name; letters that mean something to a file system are not in it."""
        tidy = " ".join(name.split())
        slug = _UNSAFE.sub("-", _plain(tidy)).strip("-")
        if tidy != name or len(name) > LONGEST_NAME or not _NAME.fullmatch(name) or not slug:
            raise ConfigError(
                f"{name[:80]!r} is no name for a persona: it starts with a letter or digit, holds "
                f"letters, digits, blanks and . ' - _, and has at most {LONGEST_NAME} of them."
            )
        return self.folder / f"{slug}.json"


def personas_of(workspace: Path) -> Personas:
    """The personas that are saved in a workspace."""
    return Personas(workspace / "personas")


def _plain(name: str) -> str:
    """In small letters without accents; letters of other scripts by their numbers."""
    import unicodedata

    parted = unicodedata.normalize("NFKD", name.lower())
    letters = (letter for letter in parted if not unicodedata.combining(letter))
    return "".join(c if c.isascii() or not c.isalnum() else f"u{ord(c):x}" for c in letters)


def _read(path: Path) -> Persona:
    """The persona in a file.

    Raises:
        ArtifactError: the file is too long, damaged or no persona.
    """
    cure = "Remove that file, or save the person again."
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ArtifactError(f"{path} has more than {MOST_BYTES:,} bytes: no persona. {cure}")
        return Persona.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ArtifactError(f"{path} cannot be read ({error.strerror}). {cure}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise ArtifactError(f"{path} is no persona: {where}: {first['msg']}. {cure}") from None
