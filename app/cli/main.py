"""The command line. Nothing heavy is imported before a command runs."""

from __future__ import annotations

import errno
import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperGroup
from typer.main import get_command

from app.cli.compare import ablate, beyond, compare
from app.cli.data_sets import data_app
from app.cli.factors import factors_app
from app.cli.graphs import graph_app
from app.cli.jobs import jobs_app
from app.cli.knowledge import knowledge_app
from app.cli.models import llm_app
from app.cli.reproduce import ManyValues, reproduce, search
from app.cli.templates import prompts_app
from data.errors import AutoGraphError, ConfigError

STOPPED = 130
"""Exit code after Ctrl-C, as shells have it."""
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
"""What the system says of a disk that takes no more."""


class _Commands(TyperGroup):
    """Shows what a person can mend as a sentence, and never a traceback."""

    def invoke(self, ctx: Any) -> Any:
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


def _tell(sentence: str) -> None:
    """Says what went wrong; it may quote data."""
    from data.inert import visible

    typer.echo(visible(sentence), err=True)


app = typer.Typer(
    cls=_Commands,
    name="autograph",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Latent-factor graphs for recommenders, built by language models.",
)
app.add_typer(data_app, name="data")
app.add_typer(llm_app, name="llm")
app.add_typer(prompts_app, name="prompts")
app.add_typer(knowledge_app, name="knowledge")
app.add_typer(factors_app, name="factors")
app.add_typer(jobs_app, name="jobs")
app.add_typer(graph_app, name="graph")

ExperimentName = Annotated[
    str, typer.Argument(metavar="EXPERIMENT", help="A .toml file, or a name such as demo.")
]
Workspace = Annotated[
    Path,
    typer.Option(help="Folder of results, caches and downloads.", envvar="AUTOGRAPH_WORKSPACE"),
]
Backbone = Annotated[str | None, typer.Option(help="By default the best on validation.")]
Enhancer = Annotated[str | None, typer.Option(help="By default the best on validation.")]
Seed = Annotated[int | None, typer.Option(help="By default the best on validation.")]
WORKSPACE = Path("workspace")
UPTO = (
    "Last stage to run: dataset, split, knowledge, shuffled, vectors, codes, factors, graph, "
    "phrases, pairs, train, evaluate or lists. Those with two sides run both; knowledge-item or "
    "knowledge-user is one of them."
)
"""Named here, since reading the stages takes longer than a person waits for help."""


@app.command()
def run(
    experiment: ExperimentName,
    change: Annotated[
        list[str] | None, typer.Option("--set", metavar="A.B=C", help="Change one setting.")
    ] = None,
    upto: Annotated[str | None, typer.Option(metavar="STAGE", help=UPTO)] = None,
    source: Annotated[
        Path | None, typer.Option("--from", help="Folder with the publisher's files of the data.")
    ] = None,
    workspace: Workspace = WORKSPACE,
    jobs: Annotated[
        int, typer.Option(min=1, help="Recommenders trained beside each other, a process each.")
    ] = 1,
    device: Annotated[
        str, typer.Option(help="That models are trained on: auto, cpu, cuda, cuda:1, …")
    ] = "auto",
    control: Annotated[
        Literal["none", "shuffled"] | None,
        typer.Option(help="Same as --set control=…: shuffled puts each text on another entity."),
    ] = None,
    on_bad_row: Annotated[
        Literal["stop", "skip"] | None, typer.Option(help="Same as --set data.on_bad_row=…")
    ] = None,
) -> None:
    """Run an experiment; what is finished is not run again.

    Stop it at any time: the same command goes on from there.
    """
    from app.cli.run import run_experiment
    from app.experiment.file import load_experiment, origin_of

    changes = [
        *(change or []),
        *([f"data.on_bad_row={on_bad_row}"] if on_bad_row else []),
        *([f"control={control}"] if control else []),
    ]
    chosen, file = load_experiment(experiment, changes, source), origin_of(experiment, workspace)
    run_experiment(chosen, workspace, upto, jobs, device, file)


for command in (compare, beyond, ablate):
    app.command()(command)
app.command(cls=ManyValues)(reproduce)
app.command(cls=ManyValues)(search)


@app.command()
def recommend(
    experiment: ExperimentName,
    user: Annotated[str, typer.Option(help="Id of a user, as in the data.")],
    k: Annotated[int, typer.Option("-k", min=1, help="How many items.")] = 10,
    explain: Annotated[bool, typer.Option("--explain", help="Say why, in words.")] = False,
    backbone: Backbone = None,
    enhancer: Enhancer = None,
    seed: Seed = None,
    workspace: Workspace = WORKSPACE,
) -> None:
    """Recommend items to a user."""
    from app.cli.advice import show_recommendations

    show_recommendations(experiment, workspace, user, k, (backbone, enhancer, seed), explain)


@app.command()
def explain(
    experiment: ExperimentName,
    user: Annotated[str, typer.Option(help="Id of a user, as in the data.")],
    item: Annotated[str, typer.Option(help="Id of an item, as in the data.")],
    limit: Annotated[int, typer.Option(min=1, help="Most reasons.")] = 5,
    workspace: Workspace = WORKSPACE,
) -> None:
    """Say what connects a user with an item."""
    from app.cli.advice import show_reasons

    show_reasons(experiment, workspace, (user, item), limit)


@app.command()
def report(
    experiment: ExperimentName,
    to: Annotated[
        Path | None, typer.Option("--to", help="The HTML file; by default NAME.html here.")
    ] = None,
    workspace: Workspace = WORKSPACE,
) -> None:
    """Write a report of an experiment, one HTML file that can be mailed."""
    from app.results.report import show_report

    show_report(experiment, workspace, to)


@app.command()
def insert(
    experiment: ExperimentName,
    side: Annotated[Literal["user", "item"], typer.Argument(help="What is new.")],
    text: Annotated[
        str | None, typer.Option(help="What is known of it, in words; as a model would say it.")
    ] = None,
    attribute: Annotated[
        list[str] | None,
        typer.Option("--with", metavar="NAME=VALUE", help="An attribute, such as title=…"),
    ] = None,
    liked: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="Of a new user: an item in the history, oldest first."),
    ] = None,
    neighbours: Annotated[int, typer.Option(min=0, help="How many of its kind to show.")] = 5,
    workspace: Workspace = WORKSPACE,
) -> None:
    """Put a new user or item into a graph, from its text: its codes, factors and neighbours."""
    from app.cli.advice import show_insertion

    given = dict(_pair(one) for one in attribute or [])
    show_insertion(experiment, workspace, side, text, given, liked or [], neighbours)


@app.command()
def ui(
    workspace: Workspace = WORKSPACE,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Of the page.")] = 8501,
    address: Annotated[
        str, typer.Option(help="Other machines see it under 0.0.0.0; think of --viewer then.")
    ] = "127.0.0.1",
    browser: Annotated[bool, typer.Option(help="Open a browser.")] = True,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="A further name that the page answers under, such as that of a reverse proxy.",
        ),
    ] = None,
    viewer: Annotated[
        bool,
        typer.Option(
            "--viewer",
            help="Visitors see Demo, Graph, Factors, Compare, Report; they run and change nothing.",
        ),
    ] = False,
    password_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Holds a password: who gives it may do everything, all others are viewers. "
            "AUTOGRAPH_PASSWORD in the environment does the same.",
        ),
    ] = None,
) -> None:
    """Open the page: data, prompts, factors, graph, recommenders, demo."""
    from app.cli.ui import Door, serve

    door = Door(port, address, allow_host or (), viewer, password_file)
    raise typer.Exit(serve(workspace, door, browser))


@app.command()
def doctor(workspace: Workspace = WORKSPACE) -> None:
    """Check the installation, and say what is missing and how to get it."""
    from app.cli.doctor import show_health

    if not show_health(workspace):
        raise typer.Exit(1)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise typer.BadParameter(f"{text!r} is not of the form NAME=VALUE.")
    return name.strip(), value.strip()


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
    app()
