"""What a visitor keeps under a name: made, put in the place of another, and removed."""

from __future__ import annotations

from typing import Any, TypeVar

import streamlit as st
from pydantic import ValidationError

from app.experiment.saved import Named, Shelf
from app.ui.shared.frame import plain
from data.errors import ArtifactError, ConfigError

T = TypeVar("T", bound=Named)


def make_named(kind: type[T], **given: Any) -> T:
    """What is to be kept.

    Raises:
        ConfigError: something of it cannot be kept.
    """
    try:
        return kind(**given)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "it"
        raise ConfigError(f"This cannot be kept: {where}: {first['msg']}.") from None


def is_taken(shelf: Shelf[Any], name: str) -> bool:
    """Whether something is kept under a name; a damaged file is there, too."""
    try:
        shelf.load(name)
    except ConfigError:
        return False
    except ArtifactError:
        return True
    return True


def may_replace(shelf: Shelf[Any], name: str, key: str) -> bool:
    """Whether what is kept under a name may be lost; a visitor is asked where there is any."""
    return is_taken(shelf, name) and st.checkbox(f"Replace the {shelf.word} {plain(name)}", key=key)
