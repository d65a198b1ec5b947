"""The words of the commands that try and cost templates, for a job or for a person to copy."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.errors import TemplateError
from prompts.drafts import keep_draft

if TYPE_CHECKING:
    from llm.settings import BackendConfig
    from prompts.template import Side, Template


def reference(template: Template, folder: Path) -> str:
    """What a command calls a template; one that is no version gets a file.

    Args:
        template: A version, or a draft of one.
        folder: Of a person's own templates.

    Raises:
        ArtifactError: the disk is full or the folder may not be written.
    """
    from prompts.template import load_template

    try:
        if load_template(template.label, folder).hash == template.hash:
            return template.label
    except TemplateError:
        pass
    return str(keep_draft(folder, template).resolve())


def trial_words(
    experiment: str,
    side: Side,
    references: Sequence[str],
    entities: Sequence[str],
    changes: Sequence[str] = (),
) -> tuple[str, ...]:
    """The words of `prompts try`, for templates and entities by name."""
    words = ["prompts", "try", experiment, side]
    words += [word for one in references for word in ("--template", one)]
    words += [word for one in entities for word in ("--entity", one)]
    return (*words, *_set(changes))


def estimate_words(
    experiment: str,
    side: Side,
    template: str,
    sizes: tuple[int, int],
    changes: Sequence[str] = (),
) -> tuple[str, ...]:
    """The words of `prompts estimate`; `sizes` are those of the sample and of what is measured."""
    sample, measure = sizes
    words = ["prompts", "estimate", experiment, side, "--template", template]
    words += ["--sample", str(sample), *(["--measure", str(measure)] if measure else [])]
    return (*words, *_set(changes))


def backend_change(side: Side, config: BackendConfig) -> str:
    """The change to an experiment that has one side described by a backend.

    >>> from llm.settings import ServerConfig
    >>> backend_change("item", ServerConfig(backend="server", model="m"))
    'llm.item={backend = "server", model = "m"}'
    """
    return f"llm.{side}={_inline(config.model_dump(mode='json', exclude_unset=True))}"


def _set(changes: Sequence[str]) -> list[str]:
    return [word for change in changes for word in ("--set", change)]


def _inline(value: Any) -> str:
    """A value as TOML in a line."""
    if isinstance(value, Mapping):
        given = (f"{key} = {_inline(one)}" for key, one in value.items() if one is not None)
        return "{" + ", ".join(given) + "}"
    return json.dumps(value, ensure_ascii=False)
