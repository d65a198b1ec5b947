"""What a job may do, a few commands and nothing else; and the words of each."""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data.errors import ConfigError, TemplateError
from llm.settings import BackendConfig
from prompts.drafts import keep_draft
from prompts.template import Side, Template, load_template

LONGEST = 20_000
"""Characters that the words of a job may have together."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of job.

    Attributes:
        command: The words that its command begins with.
        exclusive: Whether it waits until no other exclusive job runs.
    """

    command: tuple[str, ...]
    exclusive: bool


KINDS: Mapping[str, Kind] = {
    "run": Kind(("run",), exclusive=True),
    "look": Kind(("run", "--dry-run"), exclusive=False),
    "knowledge": Kind(("knowledge", "update"), exclusive=True),
    "download": Kind(("data", "download"), exclusive=False),
    "statistics": Kind(("data", "stats"), exclusive=False),
    "try": Kind(("prompts", "try"), exclusive=False),
    "estimate": Kind(("prompts", "estimate"), exclusive=False),
    "alternatives": Kind(("factors", "alternatives"), exclusive=True),
    "beyond": Kind(("beyond",), exclusive=True),
    "locality": Kind(("locality",), exclusive=True),
    "ablate": Kind(("ablate",), exclusive=True),
    "export": Kind(("export",), exclusive=False),
    "serve": Kind(("serve",), exclusive=False),
}
"""By name; a job of any other is refused."""


@dataclass(frozen=True, slots=True)
class Registry:
    """Which kinds there are, and the program that runs them.

    Attributes:
        kinds: By name.
        program: Words of the command that a job's folder is appended to.
    """

    kinds: Mapping[str, Kind] = field(default_factory=lambda: KINDS)
    program: tuple[str, ...] = (sys.executable, "-P", "-m", "app.cli.worker")


REGISTRY = Registry()


def check_words(kind: str, words: Sequence[str], kinds: Mapping[str, Kind]) -> tuple[str, ...]:
    """The words of a job's command.

    Raises:
        ConfigError: there is no such kind, or the words are not of its command, leave the
            workspace, or are no plain text.
    """
    if kind not in kinds:
        raise ConfigError(f"There is no kind of job {kind!r}. The kinds are {', '.join(kinds)}.")
    command = kinds[kind].command
    if tuple(words[: len(command)]) != command:
        raise ConfigError(
            f"A job of the kind {kind!r} runs `autograph {' '.join(command)} …`, and nothing else."
        )
    if sum(map(len, words)) > LONGEST:
        raise ConfigError(f"The command of a job has more than {LONGEST:,} characters: shorten it.")
    for word in words:
        if word.split("=")[0] == "--workspace":
            raise ConfigError("A job works in its own workspace: leave out --workspace.")
        if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in word):
            raise ConfigError(f"{word!r} holds control characters: a command is plain text.")
    return tuple(words)


def experiment_words(
    experiment: str | Path,
    sets: Sequence[str] = (),
    *,
    upto: str | None = None,
    source: Path | None = None,
    jobs: int = 1,
    quick: bool = False,
    dry_run: bool = False,
) -> tuple[str, ...]:
    """The words of the command that runs an experiment; see `start_experiment`.

    `dry_run` only says how long it would take, which is a job of the kind "look".
    """
    words = ["run", *(["--dry-run"] if dry_run else []), str(experiment)]
    words += ["--quick"] if quick else []
    for change in sets:
        words += ["--set", change]
    if upto is not None:
        words += ["--upto", upto]
    if source is not None:
        words += ["--from", str(source)]
    if jobs > 1:
        words += ["--jobs", str(jobs)]
    return tuple(words)


def reference(template: Template, folder: Path) -> str:
    """What a command calls a template; one that is no version gets a file.

    Args:
        template: A version, or a draft of one.
        folder: Of a person's own templates.

    Raises:
        ArtifactError: the disk is full or the folder may not be written.
    """
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
