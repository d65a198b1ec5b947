"""What the commands `data …` do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.table import Table
from rich.text import Text

from app.cli.progress import Display
from app.experiment.settings import Experiment
from app.pipeline.plan import Plan
from app.pipeline.runner import run_steps
from app.terminal import open_console
from data.catalogue import CATALOGUE, card
from data.errors import ConfigError, DataError
from data.settings import DataConfig

BAD_ROWS_SHOWN = 20


def show_cards() -> None:
    """Shows the catalogue."""
    table = Table("name", "what", "size")
    for one in CATALOGUE.values():
        table.add_row(one.name, f"{one.title}. {one.what}", one.size)
    open_console().print(table)


def show_card(name: str) -> None:
    """Shows one card.

    Raises:
        ConfigError: there is none of that name.
    """
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


def show_statistics(name: str, source: Path | None, workspace: Path) -> None:
    """Shows what a data set is like, once it is prepared.

    Raises:
        AutoGraphError: it cannot be read.
    """
    from data.dataset import Dataset
    from data.split import Split
    from data.statistics import measure

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


def show_check(experiment: str, changes: Sequence[str]) -> None:
    """Shows what becomes of a person's own tables, and makes nothing of them.

    Raises:
        ConfigError: the experiment is on other data.
        DataError: the tables cannot be used.
    """
    from app.experiment.file import load_experiment
    from data.own_tables import try_tables

    config, console = load_experiment(experiment, changes).data, open_console()
    if config.files is None:
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


def download_files(name: str, workspace: Path) -> None:
    """Fetches a data set's files.

    Raises:
        DataError: they cannot be had, or are not what the publisher put there.
    """
    from data.download import fetch

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
