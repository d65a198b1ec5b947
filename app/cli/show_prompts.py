"""What the commands show that take the prompts of an experiment: render, try, estimate, update."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from app.cli.progress import Display
from app.experiment.file import load_experiment
from app.pipeline.plan import Plan
from app.pipeline.scenes import open_scene
from app.terminal import open_console, styled
from llm.workshop.scene import Scene, render, variables

if TYPE_CHECKING:
    from app.pipeline.update import Update
    from llm.knowledge import Progress
    from llm.workshop.quantity import Quantity
    from prompts.template import Side


def open_plan(
    experiment: str, changes: Sequence[str] | None, source: Path | None, workspace: Path
) -> Plan:
    """The plan of an experiment.

    Raises:
        ConfigError: there is no such experiment, or a setting is wrong.
    """
    return Plan(load_experiment(experiment, changes or (), source), workspace)


def open_side(
    experiment: str,
    side: Side,
    changes: Sequence[str] | None,
    source: Path | None,
    workspace: Path,
) -> Scene:
    """The users or items of an experiment; a bar shows what has to be read first.

    Raises:
        AutoGraphError: the experiment or its data cannot be read.
    """
    plan = open_plan(experiment, changes, source, workspace)
    with Display(open_console()) as display:
        return open_scene(plan, side, _Bars(display))


class _Bars:
    """Shows what is under way, and leaves no line of what is finished."""

    def __init__(self, display: Display) -> None:
        self.progress = display.progress

    def planned(self, steps: Sequence[str]) -> None:
        """Nothing."""

    def finished(self, step: str, seconds: float | None, summary: Mapping[str, Any]) -> None:
        """Nothing."""


def show_prompts(
    scene: Scene, entities: Sequence[str], reference: str | None, with_variables: bool
) -> None:
    """Shows the prompts about some entities, or about one at random."""
    console, template = open_console(), scene.choose_template(reference)
    for number in scene.choose(entities, 1):
        if with_variables:
            _show_variables(scene, number)
        one = render(scene, number, template)
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
    for one in variables(scene, number):
        table.add_row(one.name, one.type, one.example, one.hint)
    open_console().print(table)


def show_trial(
    scene: Scene,
    references: Sequence[str],
    chosen: tuple[Sequence[str], int, int],
    different: bool,
) -> None:
    """Shows what is said of some entities under several templates.

    Args:
        scene: Whose entities.
        references: Of the templates; where there is none, the experiment's.
        chosen: Ids; where there is none, how many at random, and the seed.
        different: Leave out where all say the same.
    """
    from llm.workshop.trial import only_different, try_templates

    templates = [scene.choose_template(one) for one in references] or [scene.template]
    console = open_console()
    with _bar("asking") as tell:
        tried = try_templates(scene, templates, scene.choose(*chosen), tell)
    shown = only_different(tried) if different else tried
    for rows in shown.partition_by("entity", maintain_order=True):
        first = rows.row(0, named=True)
        console.print(styled(*_called(first["title"], first["entity"])))
        for row in rows.iter_rows(named=True):
            console.print(styled((row["template"], "cyan"), " ", (_told(row), "dim")))
            console.print(Text(row["error"] or row["text"], "red" if row["error"] else ""))
        console.print()
    if different:
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


def show_estimate(
    scene: Scene, reference: str | None, sample: int, measure: int, seed: int
) -> None:
    """Shows what describing everybody takes."""
    from llm.workshop.estimate import estimate

    template = scene.choose_template(reference)
    with _bar("rendering prompts") as tell:
        found = estimate(scene, template, sample, measure, seed, tell)
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


def show_update(plan: Plan, sides: Sequence[Side], dry_run: bool) -> None:
    """Shows who is asked about and why, and asks unless it is a rehearsal."""
    from app.pipeline.update import plan_updates, update_knowledge

    console = open_console()
    with Display(console) as display:
        updates = (plan_updates if dry_run else update_knowledge)(plan, sides, display)
        for update in updates:
            _show_one_update(console.print, plan, update, dry_run)


def _show_one_update(print_line: Any, plan: Plan, update: Update, dry_run: bool) -> None:
    from app.pipeline.update import REASONS
    from llm.workshop.scene import WITHOUT_MODEL

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
