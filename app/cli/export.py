"""The command that writes a trained recommender as a folder to serve."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli.options import WORKSPACE, ExperimentName, Workspace
from app.experiment.cautions import tell
from app.experiment.settings import Cell
from app.pipeline.records import Record, read_record
from app.results.results import Results
from app.terminal import open_console, styled
from recommend.settings.index import Kind

app = typer.Typer()


@app.command()
def export(
    experiment: ExperimentName,
    recommender: Annotated[
        str, typer.Argument(help="Such as sasrec+autograph, or sasrec alone; best: the best one.")
    ],
    folder: Annotated[Path, typer.Argument(help="Where it is written.")],
    seed: Annotated[
        int | None, typer.Option(help="By default the best on validation of those that fit.")
    ] = None,
    index: Annotated[Kind, typer.Option(help="How vectors are searched.")] = "flat",
    replace: Annotated[
        bool, typer.Option("--replace", help="Take the place of an export that is there.")
    ] = False,
    workspace: Workspace = WORKSPACE,
) -> None:
    """Writes a trained recommender as a folder that another process opens without torch."""
    from recommend.serve.folder import refuse_place, write_folder
    from recommend.serve.take import take

    refuse_place(folder, replace)
    record = read_record(experiment, workspace)
    cell = choose(record, recommender, seed)
    results = Results(record)
    content = take(
        results.model(cell), results.dataset, results.split, described(record, cell), index
    )
    card = write_folder(folder, content, replace)
    console = open_console()
    tell(record.experiment.name, record.cautions(cell), console)
    size = sum(one["bytes"] for one in card["files"].values()) / 1e6
    console.print(styled((str(cell), "bold"), f" is in {folder} ({size:,.1f} MB)."))


def choose(record: Record, recommender: str, seed: int | None) -> Cell:
    """The trained recommender of a name such as sasrec+autograph; of "best", the best of all.

    Raises:
        ConfigError: none fits.
    """
    if recommender == "best":
        return record.choose(None, None, seed)
    backbone, _, enhancer = recommender.partition("+")
    return record.choose(backbone, enhancer or None, seed)


def described(record: Record, cell: Cell) -> dict[str, Any]:
    """What a card says of an experiment's recommender."""
    from data.catalogue import CATALOGUE

    experiment = record.experiment
    data = CATALOGUE.get(experiment.data.name)
    figures = {
        name: value
        for name, value in record.summary("evaluate", cell).items()
        if isinstance(value, float)
    }
    return {
        "experiment": experiment.name,
        "recommender": str(cell),
        "settings": experiment.model_of(cell).model_dump(mode="json"),
        "data": {
            "name": experiment.data.name,
            "title": data.title if data else experiment.data.name,
            "licence": data.licence if data else "",
        },
        "test": {"figures": figures, **record.judging(cell)},
        "cautions": [f"{experiment.name} {one.note}" for one in record.cautions(cell)],
    }
