"""What transformers knows of a language model without loading its weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from data.errors import BackendError
from llm.encoder import content_hash


def model_name(model: str) -> str:
    """A name that identifies the weights: of the hub, or of a folder, with a hash of its content.

    Args:
        model: A name on the hub, or a folder.
    """
    folder = Path(model)
    return f"{folder.resolve().name}@{content_hash(folder)}" if folder.is_dir() else model


def load_tokenizer(model: str | Path) -> Any:
    """The fast tokenizer of a model.

    Raises:
        BackendError: it cannot be had.
    """
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(str(model))
    except Exception as error:
        raise _unreadable(model, "tokenizer", error) from error


def positions(model: str | Path) -> int:
    """Tokens that a model reads at most.

    Raises:
        BackendError: its settings cannot be had, or do not tell.
    """
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(str(model))
    except Exception as error:
        raise _unreadable(model, "config.json", error) from error
    longest = getattr(config.get_text_config(), "max_position_embeddings", None)
    if longest is None:
        raise BackendError(
            f"The settings of {model} do not say how many tokens it reads. Set max_length."
        )
    return int(longest)


def _unreadable(model: str | Path, part: str, error: Exception) -> BackendError:
    return BackendError(
        f"The {part} of {model} cannot be read ({type(error).__name__}: {error}). Name a model on "
        "the hub, or the folder of one that was downloaded."
    )
