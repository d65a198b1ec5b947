"""The command line. Nothing heavy is imported before a command runs."""

from __future__ import annotations

import errno
import io
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group

from app.threads import wait_briefly
from data.errors import AutoGraphError, ConfigError
from data.inert import visible

STOPPED = 130
"""Exit code after Ctrl-C, as shells have it."""
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
"""What the system says of a disk that takes no more."""
COMMANDS = {
    "run": ("app.cli.run", "Run an experiment; what is finished is not run again."),
    "compare": (
        "app.cli.compare",
        "Compare recommenders with their plain twins: means, gains, tests over users.",
    ),
    "beyond": (
        "app.cli.compare",
        "Measure lists beyond accuracy: coverage, concentration, novelty, diversity.",
    ),
    "locality": (
        "app.cli.compare",
        "Measure how near items are that people had next, and what samples around users hold.",
    ),
    "engagement": (
        "app.cli.retrieval",
        "Measure how often vectors retrieve what people had next: by route and domain.",
    ),
    "negatives": (
        "app.cli.retrieval",
        "Show what a RankGraph is set against in training: how many, how near, how hard.",
    ),
    "similar": ("app.cli.retrieval", "List the items whose vectors are most like one's."),
    "ablate": (
        "app.cli.compare",
        "Train a recommender without each kind of metapath and with other levels; compare.",
    ),
    "reproduce": (
        "app.cli.reproduce",
        "Rebuild a table of the paper, and show its figures beside ours.",
    ),
    "search": (
        "app.cli.reproduce",
        "Look for hyper-parameters on validation data, over the grids of the paper's appendix D.",
    ),
    "recommend": ("app.cli.advice", "Recommend items to a user."),
    "ask": (
        "app.cli.ask",
        "Ask for something on a user's behalf: the items, and what was listened to.",
    ),
    "explain": ("app.cli.advice", "Say what connects a user with an item."),
    "export": (
        "app.cli.export",
        "Write a trained recommender as a folder that is served without torch.",
    ),
    "report": (
        "app.cli.advice",
        "Write a report of an experiment, one HTML file that can be mailed.",
    ),
    "insert": (
        "app.cli.advice",
        "Put a new user or item into a graph, from its text: its codes, factors and neighbours.",
    ),
    "serve": ("app.cli.serve", "Answer over HTTP, or to an assistant, from an export."),
    "ui": ("app.cli.ui", "Open the page: data, prompts, factors, graph, recommenders, demo."),
    "doctor": (
        "app.cli.doctor",
        "Check the installation, and say what is missing and how to get it.",
    ),
    "data": ("app.cli.data_sets", "Data sets: which there are, and what is in them."),
    "llm": ("app.cli.models", "Language models: are they there, what can they?"),
    "prompts": ("app.cli.asking", "Templates of prompts: write, compare, try and cost them."),
    "knowledge": ("app.cli.asking", "Knowledge: what a model said of every user and item."),
    "factors": (
        "app.cli.factors",
        "Latent factors: how codes are used, and what each one means.",
    ),
    "jobs": ("app.cli.jobs", "Jobs that were started on the page: look, stop, continue."),
    "graph": ("app.cli.graphs", "The graph: search it, save a part of it, follow paths."),
}
"""Module and help of every command and group of commands.

A module is imported when its command runs: to read all takes longer than a person waits for help.
"""


class _Commands(TyperGroup):
    """Finds commands where `COMMANDS` says; what a person can mend is a sentence, no traceback."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        """Names, in the order in which help lists them."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        """What help shows of a command; None for a name that there is not."""
        if cmd_name not in COMMANDS:
            return None
        return TyperCommand(cmd_name, help=COMMANDS[cmd_name][1])

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command itself, and the words behind its name."""
        name, stub, rest = super().resolve_command(ctx, args)
        return name, stub and _command(str(name)), rest

    def invoke(self, ctx: Any) -> Any:
        """Runs a command."""
        try:
            return super().invoke(ctx)
        except AutoGraphError as error:
            _tell(str(error))
            raise typer.Exit(1) from None
        except OSError as error:
            if error.errno not in FULL:
                raise
            _tell(
                f"Cannot write {error.filename or 'a file'}: {error.strerror}. Free some space, "
                "then run the same command: what is finished is kept."
            )
            raise typer.Exit(1) from None
        except KeyboardInterrupt:
            _tell("Stopped. Run the same command to continue.")
            raise typer.Exit(STOPPED) from None


def _command(name: str) -> Any:
    """A command of a module's `app`; a group of commands is one that is called `NAME_app`."""
    module, help = COMMANDS[name]
    there = import_module(module)
    group = getattr(there, f"{name}_app", None)
    found = get_group(group) if group else get_group(there.app).commands[name]
    found.help = "\n\n".join([help, *(found.help or "").split("\n\n")[1:]])
    return found


def _tell(sentence: str) -> None:
    """Says what went wrong; it may quote data."""
    typer.echo(visible(sentence), err=True)


app = typer.Typer(
    cls=_Commands,
    name="autograph",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def autograph() -> None:
    """Latent-factor graphs for recommenders, built by language models."""


def call(words: Sequence[str]) -> None:
    """Runs a command in this process; what goes wrong is raised instead of shown.

    Raises:
        AutoGraphError: of the command, or because there is none of these words.
    """
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    try:
        with group.make_context("autograph", list(words)) as context:
            TyperGroup.invoke(group, context)
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        raise ConfigError(f"{error.format_message()} See: autograph {words[0]} --help") from None


def main() -> None:
    """Runs the command line; letters that a terminal does not have show as question marks."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    wait_briefly()
    app()
