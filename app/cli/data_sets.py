"""The commands about data sets."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from app.cli.options import WORKSPACE, ExperimentName, Source, Workspace
from app.cli.progress import Display
from app.experiment.file import load_experiment
from app.experiment.settings import Experiment
from app.pipeline.plan import Plan
from app.pipeline.runner import run_steps
from app.terminal import open_console
from data.catalogue import CATALOGUE, card
from data.dataset import Dataset
from data.download import fetch
from data.errors import ConfigError, DataError
from data.own_tables import try_tables
from data.settings import DataConfig
from data.split import Split
from data.statistics import measure

data_app = typer.Typer(no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="Name in the catalogue, for instance ml-1m.")]
BAD_ROWS_SHOWN = 20


@data_app.command("list")
def list_cards() -> None:
    """List the data sets that are known by name."""
    table = Table("name", "what", "size")
    for one in CATALOGUE.values():
        table.add_row(one.name, f"{one.title}. {one.what}", one.size)
    open_console().print(table)


@data_app.command()
def show(name: Name) -> None:
    """Show the card of a data set: what it is, whose, under which terms."""
    chosen = card(name)
    table = Table.grid(padding=(0, 2))
    rows = {
        "name": chosen.name,
        "title": chosen.title,
        "what": chosen.what,
        "size": chosen.size,
        "licence": chosen.licence,
        "publisher": chosen.publisher,
        "citation": chosen.citation,
        "prompts": f"templates {chosen.domain}-user and {chosen.domain}-item",
        "kept": "everything" if chosen.min_rating is None else f"ratings >= {chosen.min_rating:g}",
        "repeats": chosen.repeats_in_words,
        "files": ", ".join(chosen.files),
        "from": "\n".join(chosen.urls),
    }
    for label, value in rows.items():
        if value:
            table.add_row(Text(label, "bold"), value)
    open_console().print(table)


@data_app.command()
def stats(name: Name, source: Source = None, workspace: Workspace = WORKSPACE) -> None:
    """Read, prepare and measure a data set."""
    card(name)
    if name == "files":
        raise ConfigError(
            "Your own tables are described in an experiment. There: "
            "autograph run EXPERIMENT.toml --upto split shows the counts."
        )
    plan = Plan(Experiment(name="statistics", data=DataConfig(name=name, source=source)), workspace)
    console = open_console()
    with Display(console) as display:
        run_steps(plan, plan.steps("split"), display)
    places = {step.stage: plan.store.place(step.stage, step.key) for step in plan.steps("split")}
    keys = {step.stage: step.key for step in plan.steps("split")}
    left_out = plan.store.manifest("dataset", keys["dataset"])["summary"].get("left out")
    table = Table.grid(padding=(0, 2))
    dataset, split = Dataset.load(places["dataset"]), Split.load(places["split"])
    for row in measure(dataset, split, left_out).rows():
        table.add_row(*row)
    console.print(table)


@data_app.command()
def check(
    experiment: ExperimentName,
    change: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change a setting: data.files.time_format='day first'."),
    ] = None,
) -> None:
    """Read a person's own tables: how times and decimals are understood, and which rows are bad."""
    config, console = load_experiment(experiment, change or ()).data, open_console()
    if not config.tables:
        raise ConfigError(
            f"The data of this experiment are {config.name!r}, which are known by name: "
            f"autograph data stats {config.name} measures them."
        )
    outcome = try_tables(config)
    for row in outcome.bad_rows.head(BAD_ROWS_SHOWN).iter_rows(named=True):
        console.print("{file}:{line}: {reason}".format(**row), markup=False, soft_wrap=True)
    if n := outcome.bad_rows.height:
        console.print(f"{n:,} {'row' if n == 1 else 'rows'} cannot be used.")
    if outcome.problem:
        raise DataError(outcome.problem)
    for sentence in outcome.understood:
        console.print(sentence, markup=False, soft_wrap=True)
    counts = ", ".join(f"{n:,} {what}" for what, n in outcome.counts.items())
    console.print(f"These would be used: {counts}.")
    if told := ", ".join(f"{n:,} {what}" for what, n in outcome.left_out.items() if n):
        console.print(f"Left out: {told}.", markup=False, soft_wrap=True)


@data_app.command()
def download(name: Name, workspace: Workspace = WORKSPACE) -> None:
    """Fetch the publisher's files of a data set, and check them."""
    chosen = card(name)
    console = open_console()
    if name in ("demo", "files"):
        console.print(f"{chosen.title}: there is nothing to download. {chosen.what}")
        return
    with Display(console) as display:
        folder = fetch(
            chosen,
            workspace / "downloads",
            lambda done, total, what: display.progress(what, done, total, "bytes"),
        )
    console.print(f"{chosen.title} is in {folder}. Terms: {chosen.licence}.", soft_wrap=True)
