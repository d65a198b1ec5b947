"""What the commands `recommend` and `explain` do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from app.cautions import tell
from app.records import Record, read_record
from app.settings import PLAIN, Cell
from app.terminal import open_console, styled
from data.errors import ArtifactError

if TYPE_CHECKING:
    from data.dataset import Dataset
    from graph.latent import LatentGraph
    from quantize.describe import FactorDescriptions
    from recommend.model import Model

Choice = tuple[str | None, str | None, int | None]
"""Backbone, enhancer and seed; None leaves it to validation."""


def show_recommendations(
    name: str, workspace: Path, user: str, k: int, choice: Choice, explain: bool
) -> None:
    """Shows the best items for a user, with reasons if they are asked for.

    Raises:
        AutoGraphError: the user is unknown, or nothing fitting was trained.
    """
    from data.split import Split
    from recommend.explain import explain as reasons_for
    from recommend.recommend import recommend

    record = read_record(name, workspace)
    dataset, cell = _dataset(record), record.choose(*choice)
    number = dataset.user_ids.number(user)
    split, model = Split.load(record.folder("split")), _model(record, cell)
    graph = labelled_graph(record) if explain else None
    console = open_console()
    about = record.cautions_of_graph() if explain else record.cautions(cell)
    tell(record.experiment.name, about, console)
    console.print(styled((str(cell), "bold"), f" for user {user}"))
    table = recommend(model, dataset, split, [number], k).table
    for row in table.sort("rank").iter_rows(named=True):
        item = int(row["item"])
        score = (f"{row['score']:.3f}", "dim")
        console.print(styled(f"{row['rank']:>3}. {title_of(dataset, item)} ", score))
        if graph is not None:
            for reason in reasons_for(graph, dataset, split, number, item, 2):
                console.print(f"     {reason.sentence}")


def show_reasons(name: str, workspace: Path, pair: tuple[str, str], limit: int) -> None:
    """Shows the paths through the graph that join a user and an item, in words.

    Raises:
        AutoGraphError: one of them is unknown, or the graph is not finished.
    """
    from data.split import Split
    from recommend.explain import explain

    record = read_record(name, workspace)
    dataset = _dataset(record)
    user, item = dataset.user_ids.number(pair[0]), dataset.item_ids.number(pair[1])
    split, graph = Split.load(record.folder("split")), labelled_graph(record)
    reasons = explain(graph, dataset, split, user, item, limit)
    console = open_console()
    tell(record.experiment.name, record.cautions_of_graph(), console)
    console.print(styled((title_of(dataset, item), "bold"), f" for user {pair[0]}"))
    for reason in reasons:
        console.print(f"- {reason.sentence}")
    if not reasons:
        console.print("No path of the metapaths joins them.")


def labelled_graph(record: Record) -> LatentGraph:
    """The graph of a run, with names of its factors.

    Raises:
        ArtifactError: it is not there; experiments with plain recommenders only have none.
    """
    from dataclasses import replace

    from graph.latent import LatentGraph
    from quantize.describe import FactorDescriptions

    if "graph" not in record.keys:
        raise ArtifactError(
            f"The experiment {record.experiment.name!r} has only the enhancer {PLAIN!r}, so there "
            "is no graph to explain with. Add autograph to grid.enhancers and run it."
        )
    user, item = (
        _named(FactorDescriptions.load(record.folder(f"factors-{side}")))
        for side in ("user", "item")
    )
    graph = LatentGraph.load(record.folder("graph"))
    return replace(graph, user_labels=user, item_labels=item)


def _named(factors: FactorDescriptions) -> tuple[str, ...]:
    """Labels; a factor that no words tell apart is called by its level and code."""
    return tuple(
        label or f"{number // factors.k}.{number % factors.k}"
        for number, label in enumerate(factors.labels)
    )


def title_of(dataset: Dataset, item: int) -> str:
    """The readable name of an item, its id where it has none."""
    from data.columns import ITEM_ID, TITLE

    column = TITLE if TITLE in dataset.items.columns else ITEM_ID
    return str(dataset.items[column][item] or dataset.items[ITEM_ID][item])


def _dataset(record: Record) -> Dataset:
    from data.dataset import Dataset

    return Dataset.load(record.folder("dataset"))


def _model(record: Record, cell: Cell) -> Model:
    from recommend.model import Model

    return Model.load(record.folder("train", cell))
