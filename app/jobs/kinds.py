"""What a job may do: a few commands, and nothing else."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from data.errors import ConfigError

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
    "knowledge": Kind(("knowledge", "update"), exclusive=True),
    "download": Kind(("data", "download"), exclusive=False),
    "statistics": Kind(("data", "stats"), exclusive=False),
    "try": Kind(("prompts", "try"), exclusive=False),
    "estimate": Kind(("prompts", "estimate"), exclusive=False),
    "alternatives": Kind(("factors", "alternatives"), exclusive=True),
    "beyond": Kind(("beyond",), exclusive=True),
    "ablate": Kind(("ablate",), exclusive=True),
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


def checked_words(kind: str, words: Sequence[str], kinds: Mapping[str, Kind]) -> tuple[str, ...]:
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
