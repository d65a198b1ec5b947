"""What models cost, as the person who pays writes it down."""

from __future__ import annotations

import tomllib
from pathlib import Path

import tomli_w
from pydantic import Field, ValidationError

from data import atomic
from data.config import Config
from data.errors import ConfigError

FILE = "prices.toml"
"""Name of the table in a workspace."""


class Price(Config):
    """What a model costs."""

    prompt: float = Field(ge=0)
    """Of a million prompt tokens."""
    completion: float = Field(ge=0)
    """Of a million completion tokens."""


class Prices(Config):
    """Prices by model."""

    currency: str = ""
    """In which they are, such as EUR."""
    models: dict[str, Price] = Field(default_factory=dict)
    """By the name that experiments give the model."""


def load_prices(workspace: Path) -> Prices:
    """The prices in `prices.toml` of a workspace; none where there is no such file.

    Raises:
        ConfigError: the file is malformed.
    """
    path = workspace / FILE
    if not path.exists():
        return Prices()
    try:
        return Prices.model_validate(tomllib.loads(path.read_text(encoding="utf-8-sig")))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        reason = f"{where}: {first['msg']}"
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        reason = str(error)
    raise ConfigError(f"{path} is no table of prices ({reason}). {how_to_write('a-model')}")


def save_prices(workspace: Path, prices: Prices) -> Path:
    """The file of a workspace's prices, which holds `prices` and nothing else.

    Raises:
        ArtifactError: the disk is full or the workspace may not be written.
    """
    content = prices.model_dump(exclude_none=True)
    return atomic.write_text(workspace / FILE, tomli_w.dumps(content))


def how_to_write(model: str) -> str:
    """What the file must hold for a model to have a price."""
    return (
        f'Write currency = "EUR", then a table [models."{model}"] with prompt = and completion =, '
        "each the price of a million tokens."
    )
