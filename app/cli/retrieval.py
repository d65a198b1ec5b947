"""The commands that ask recommenders for their vectors: what these retrieve, and what is alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from app.cli.compare import judged_records
from app.cli.factors import rich_table
from app.cli.options import WORKSPACE, Device, ExperimentName, Experiments, Workspace
from app.cli.progress import open_display
from app.experiment.cautions import tell
from app.pipeline.runner import choose_device
from app.results.comparison import caution_notes, contenders
from app.results.engagement import (
    KS,
    embedding_cells,
    engagement_in_words,
    load_engagement,
    measure_engagement,
    recall_table,
)
from app.results.results import Results
from app.terminal import open_console, styled
from data.domains import Domains
from data.errors import ConfigError
from data.names import item_names

if TYPE_CHECKING:
    from recommend.protocols import Embeds

app = typer.Typer()


@app.command()
def engagement(
    experiments: Experiments,
    route: Annotated[
        Literal["u2i", "u2u2i", "i2i"] | None, typer.Option(help="Show this one; default: all.")
    ] = None,
    k: Annotated[
        list[int] | None,
        typer.Option("-k", "--k", min=1, help="Items retrieved; may be given again: 20 and 100."),
    ] = None,
    device: Device = "auto",
    workspace: Workspace = WORKSPACE,
) -> None:
    """Measures what is missing, and shows Engagement Recall of recommenders that have vectors."""
    from recommend.judge.engagement import ROUTES

    records = judged_records(experiments, workspace)
    on = choose_device(device)
    left_out = [one for of in records for one in measure_engagement(of, on, open_display)]
    found, console = contenders(records), open_console()
    routes = (route,) if route else ROUTES
    about = None
    for label, one in found.items():
        if measured := list(load_engagement(one).values()):
            table, about = recall_table(measured, routes, k or KS), measured[0].about
            seeds = f", mean of {len(measured)} seeds" if len(measured) > 1 else ""
            console.print(rich_table(table, f"{label}: Engagement Recall@K{seeds}"))
    said = engagement_in_words(about, routes) if about is not None else []
    for sentence in (*said, *left_out, *caution_notes(found)):
        console.print(sentence)


@app.command()
def similar(
    experiment: ExperimentName,
    item: Annotated[str, typer.Argument(help="Id of an item, as in the data.")],
    k: Annotated[int, typer.Option("-k", min=1, help="How many items.")] = 10,
    backbone: Annotated[
        str | None, typer.Option(help="By default that of the best on validation.")
    ] = None,
    workspace: Workspace = WORKSPACE,
) -> None:
    """Shows the items whose vectors are most like that of an item, by cosine."""
    from recommend.retrieval.alike import similar as most_alike

    record = judged_records([experiment], workspace)[0]
    cells = embedding_cells(record)
    fitting = [cell for cell in cells if backbone in (None, cell.backbone)]
    if not fitting:
        there = ", ".join(dict.fromkeys(cell.backbone for cell in cells))
        raise ConfigError(f"{backbone!r} is not trained here or has no vectors. There is: {there}.")
    cell = max(fitting, key=record.validated().__getitem__)
    results, console = Results(record), open_console()
    dataset = results.dataset
    number, names = dataset.item_ids.number(item), item_names(dataset.items)
    domains, recommender = Domains.of(dataset), cast("Embeds", results.model(cell).recommender)
    tell(record.experiment.name, record.cautions(cell), console)
    console.print(styled((str(cell), "bold"), f": most like {names[number]}"))
    numbers, cosines = most_alike(recommender.embeddings()[1], number, k)
    for place, (other, cosine) in enumerate(zip(numbers.tolist(), cosines, strict=True), 1):
        of = f", {domains.names[domains.of_item[other]]}" if len(domains) > 1 else ""
        console.print(styled(f"{place:>3}. {names[other]} ", (f"{cosine:.3f}{of}", "dim")))
    if not len(numbers):
        console.print("No other item has a cosine above 0 with it.")


@app.command()
def negatives(
    experiment: ExperimentName,
    steps: Annotated[int, typer.Option(min=1, help="Steps of an epoch that are looked at.")] = 20,
    workspace: Workspace = WORKSPACE,
) -> None:
    """Shows what a trained RankGraph is set against: how many, how near, how hard, by source."""
    from recommend.rank.profile import COLUMNS, profile_negatives
    from recommend.rank.recommender import RankGraph

    record, console = judged_records([experiment], workspace)[0], open_console()
    results, found = Results(record), False
    for cell in embedding_cells(record):
        made = results.model(cell).recommender
        if isinstance(made, RankGraph):
            found = True
            size = record.experiment.train_of(cell).batch_size
            tell(record.experiment.name, record.cautions(cell), console)
            table = profile_negatives(made, size, steps)
            console.print(rich_table(table, f"{cell}: what its pairs are set against"))
    if not found:
        raise ConfigError(
            f"No trained recommender of {record.experiment.name!r} is a RankGraph, whose negatives "
            "are of several sources. Add rankgraph to grid.backbones, and run it."
        )
    for column, words in COLUMNS.items():
        console.print(f"{column}: {words}.")
    console.print("All sources are looked at together, whether or not training used them.")
