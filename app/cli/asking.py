"""The commands that take the prompts of an experiment: render, try, estimate, update."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.table import Table
from rich.text import Text

from app.cli.options import WORKSPACE, Changes, ExperimentName, Side, Source, Workspace
from app.cli.progress import Display
from app.cli.templates import prompts_app
from app.experiment.file import load_experiment
from app.pipeline.plan import Plan
from app.pipeline.scenes import open_scene
from app.pipeline.update import REASONS, Update, plan_updates, update_knowledge
from app.terminal import open_console, styled
from llm.knowledge import Progress
from llm.workshop import trial
from llm.workshop.estimate import Quantity
from llm.workshop.estimate import estimate as estimate_all
from llm.workshop.scene import WITHOUT_MODEL, Scene
from llm.workshop.scene import render as render_one
from llm.workshop.scene import variables as variables_of
from prompts.template import Side as AnySide

knowledge_app = typer.Typer(no_args_is_help=True)
Entities = Annotated[
    list[str] | None, typer.Option("--entity", metavar="ID", help="Of a user or item.")
]
Template = Annotated[
    str | None,
    typer.Option(metavar="NAME[@VERSION]", help="By default the experiment's template."),
]


def _open_plan(
    experiment: str, changes: Sequence[str] | None, source: Path | None, workspace: Path
) -> Plan:
    """The plan of an experiment.

    Raises:
        ConfigError: there is no such experiment, or a setting is wrong.
    """
    return Plan(load_experiment(experiment, changes or (), source), workspace)


def _open_side(
    experiment: str,
    side: AnySide,
    changes: Sequence[str] | None,
    source: Path | None,
    workspace: Path,
) -> Scene:
    """The users or items of an experiment; a bar shows what has to be read first.

    Raises:
        AutoGraphError: the experiment or its data cannot be read.
    """
    plan = _open_plan(experiment, changes, source, workspace)
    with Display(open_console()) as display:
        return open_scene(plan, side, _Bars(display))


class _Bars:
    """Shows what is under way, and leaves no line of what is finished."""

    def __init__(self, display: Display) -> None:
        self.progress = display.progress

    def plan_steps(self, steps: Sequence[str]) -> None:
        """Nothing."""

    def finish_step(self, step: str, seconds: float | None, summary: Mapping[str, Any]) -> None:
        """Nothing."""


@prompts_app.command()
def render(
    experiment: ExperimentName,
    side: Side,
    entity: Entities = None,
    template: Template = None,
    variables: Annotated[
        bool, typer.Option("--variables", help="Show what templates may write, with its values.")
    ] = False,
    change: Changes = None,
    source: Source = None,
    workspace: Workspace = WORKSPACE,
) -> None:
    """Show what is sent about a user or item; nothing is sent."""
    scene = _open_side(experiment, side, change, source, workspace)
    console, written = open_console(), scene.choose_template(template)
    for number in scene.choose(entity or [], 1):
        if variables:
            _show_variables(scene, number)
        one = render_one(scene, number, written)
        console.print(styled(*_called(one.title, one.entity), f", {one.template}"))
        for message in one.messages:
            console.print(f"# {message['role']}", style="cyan")
            console.print(Text(message["content"]), soft_wrap=True)
        console.print(str(one.tokens), style="dim")
        if one.left_out:
            console.print(
                f"The {one.left_out:,} oldest items of the history are left out: with them the "
                "prompt is too long for the model."
            )
        if one.note:
            console.print(Text(f"The length was not looked at: {one.note}"), soft_wrap=True)
        if not scene.complete:
            console.print("Not all items are described yet: texts of items and themes may change.")


def _show_variables(scene: Scene, number: int) -> None:
    table = Table("variable", "type", "value here", "what it is")
    for one in variables_of(scene, number):
        table.add_row(one.name, one.type, one.example, one.hint)
    open_console().print(table)


@prompts_app.command("try")
def try_out(
    experiment: ExperimentName,
    side: Side,
    template: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME[@VERSION]", help="A variant; give several to compare them."),
    ] = None,
    entity: Entities = None,
    count: Annotated[int, typer.Option(min=1, help="Entities at random, if none is named.")] = 3,
    seed: Annotated[int, typer.Option(help="Of the choice of entities.")] = 0,
    only_different: Annotated[
        bool, typer.Option("--only-different", help="Leave out where all variants say the same.")
    ] = False,
    change: Changes = None,
    source: Source = None,
    workspace: Workspace = WORKSPACE,
) -> None:
    """Ask about a few users or items under several templates; answers are kept."""
    scene = _open_side(experiment, side, change, source, workspace)
    templates = [scene.choose_template(one) for one in template or []] or [scene.template]
    console = open_console()
    with _bar("asking") as tell:
        tried = trial.try_templates(scene, templates, scene.choose(entity or [], count, seed), tell)
    shown = trial.only_different(tried) if only_different else tried
    for rows in shown.partition_by("entity", maintain_order=True):
        first = rows.row(0, named=True)
        console.print(styled(*_called(first["title"], first["entity"])))
        for row in rows.iter_rows(named=True):
            console.print(styled((row["template"], "cyan"), " ", (_told(row), "dim")))
            console.print(Text(row["error"] or row["text"], "red" if row["error"] else ""))
        console.print()
    if only_different:
        left = tried["entity"].n_unique() - shown["entity"].n_unique()
        console.print(f"Of {tried['entity'].n_unique()}, all variants say the same of {left}.")
    if not scene.asks_model:
        name = scene.backend_config.backend
        console.print(f"The backend {name} asks no language model: it does not read the template.")


def _called(title: str, entity: str) -> tuple[tuple[str, str], str]:
    return (title, "bold"), "" if title == entity else f" ({entity})"


def _told(row: dict[str, Any]) -> str:
    """Where an answer is from and what it took."""
    tokens = f"{row['tokens_in'] or 0:,} + {row['tokens_out'] or 0:,} tokens"
    took = f"{tokens}, {row['latency_s'] or 0:.2f} s"
    return f"{took}, asked before" if row["cached"] else took


@prompts_app.command()
def estimate(
    experiment: ExperimentName,
    side: Side,
    template: Template = None,
    sample: Annotated[int, typer.Option(min=2, help="Prompts to count tokens of.")] = 20,
    measure: Annotated[
        int, typer.Option(min=0, help="Calls to make, and pay, to measure answers; they are kept.")
    ] = 0,
    seed: Annotated[int, typer.Option(help="Of the sample.")] = 0,
    change: Changes = None,
    source: Source = None,
    workspace: Workspace = WORKSPACE,
) -> None:
    """Say what it takes to describe everybody: calls, tokens, time and money."""
    scene = _open_side(experiment, side, change, source, workspace)
    written = scene.choose_template(template)
    with _bar("rendering prompts") as tell:
        found = estimate_all(scene, written, sample, measure, seed, tell)
    console = open_console()
    console.print(
        f"{found.entities:,} {found.side}s, template {found.template}, model {found.model}"
    )
    table = Table("", "likely", "95 % interval", "from")
    rows: list[tuple[str, Quantity | None, str]] = [
        ("calls to make", found.calls, ",.0f"),
        ("prompt tokens", found.prompt_tokens, ",.0f"),
        ("completion tokens", found.completion_tokens, ",.0f"),
        ("seconds", found.seconds, ",.1f"),
        (f"cost {found.currency}".strip(), found.money, ",.2f"),
    ]
    for label, amount, form in rows:
        table.add_row(label, *_cells(amount, form))
    console.print(table)
    for note in found.notes:
        console.print(Text(note), soft_wrap=True)


def _cells(amount: Quantity | None, form: str) -> tuple[str, str, str]:
    if amount is None:
        return "not known", "", ""
    high = "?" if math.isinf(amount.high) else f"{amount.high:{form}}"
    interval = "" if amount.low == amount.high else f"{amount.low:{form}} … {high}"
    return f"{amount.mean:{form}}", interval, amount.basis


@knowledge_app.callback()
def knowledge() -> None:
    """Keeps `update` a command of its own while it is the only one."""


@knowledge_app.command()
def update(
    experiment: ExperimentName,
    side: Annotated[
        Literal["user", "item"] | None, typer.Option(help="One side only; by default both.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say who would be asked about, and why; ask nobody.")
    ] = False,
    change: Changes = None,
    source: Source = None,
    workspace: Workspace = WORKSPACE,
) -> None:
    """Describe who is new or changed, and whose last call failed; nobody else is asked about."""
    plan = _open_plan(experiment, change, source, workspace)
    sides: tuple[AnySide, ...] = (side,) if side else ("item", "user")
    console = open_console()
    with Display(console) as display:
        updates = (plan_updates if dry_run else update_knowledge)(plan, sides, display)
        for update in updates:
            _show_one_update(console.print, plan, update, dry_run)


def _show_one_update(print_line: Any, plan: Plan, update: Update, dry_run: bool) -> None:
    backend = getattr(plan.experiment.llm, update.side).backend
    verb = "would be asked about" if dry_run else "were asked about"
    if backend in WITHOUT_MODEL:
        verb += f" (by {backend}, without a model: no call)"
    print_line(f"{update.to_ask:,} of {update.changes.height:,} {update.side}s {verb}")
    for reason, number in update.counts.items():
        if number:
            print_line(f"  {number:>9,} {reason}: {REASONS[reason]}")
    if not update.complete:
        print_line("  Not all items are described yet: more users may change with their texts.")
    if update.failed:
        print_line(f"  {update.failed:,} are still without a text; run the command again.")
    if update.reopened:
        print_line(
            f"  {update.reopened:,} results were made without texts that are there by now; "
            f"autograph run {plan.experiment.name} makes them again."
        )


@contextmanager
def _bar(what: str) -> Iterator[Progress]:
    with Display(open_console()) as display:
        yield lambda done, total, unit: display.progress(what, done, total, unit)
