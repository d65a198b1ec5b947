"""What the commands `recommend` and `explain` do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from app.experiment.settings import PLAIN, Cell
from app.pipeline.records import Record, read_record
from app.results.cautions import tell
from app.terminal import open_console, styled
from data.errors import ArtifactError

if TYPE_CHECKING:
    from data.dataset import Dataset
    from graph.latent import LatentGraph
    from recommend.sequence.model import Model

Choice = tuple[str | None, str | None, int | None]
"""Backbone, enhancer and seed; None leaves it to validation."""
REASONS = 2
"""Reasons for each recommended item."""


def show_recommendations(
    name: str, workspace: Path, user: str, k: int, choice: Choice, explain: bool
) -> None:
    """Shows the best items for a user, with reasons if they are asked for.

    Raises:
        AutoGraphError: the user is unknown, or nothing fitting was trained.
    """
    from data.split import Split
    from recommend.judge.recommend import recommend

    record = read_record(name, workspace)
    dataset, cell = _dataset(record), record.choose(*choice)
    number = dataset.user_ids.number(user)
    split, model = Split.load(record.folder("split")), _model(record, cell)
    rows = list(
        recommend(model, dataset, split, [number], k).table.sort("rank").iter_rows(named=True)
    )
    items = [int(row["item"]) for row in rows]
    whys = _reasons(record, model, number, items) if explain else [[]] * len(items)
    console = open_console()
    tell(record.experiment.name, record.cautions(cell), console)
    console.print(styled((str(cell), "bold"), f" for user {user}"))
    for row, item, sentences in zip(rows, items, whys, strict=True):
        score = (f"{row['score']:.3f}", "dim")
        console.print(styled(f"{row['rank']:>3}. {title_of(dataset, item)} ", score))
        for sentence in sentences:
            console.print(f"     {sentence}")


def _reasons(record: Record, model: Model, user: int, items: list[int]) -> list[list[str]]:
    """Why a recommender shows a user each item: the history is all that the data hold."""
    from app.results.showcase import Asked, open_showcase
    from data.dataset import histories
    from recommend.reasons.what_if import Ready

    case = open_showcase(record)
    past = histories(case.dataset.interactions, case.dataset.n_users).of(user)
    known = len(case.histories.of(user))
    found = case.whys(past, user, items, Asked(Ready.of(model), user, known=known), REASONS)
    return [[why.reason.sentence for why in whys] for whys in found]


def show_reasons(name: str, workspace: Path, pair: tuple[str, str], limit: int) -> None:
    """Shows what joins a user and an item, in words; no recommender is asked.

    Raises:
        AutoGraphError: one of them is unknown, or the graph is not finished.
    """
    from app.results.showcase import Asked, open_showcase

    record = read_record(name, workspace)
    dataset = _dataset(record)
    user, item = dataset.user_ids.number(pair[0]), dataset.item_ids.number(pair[1])
    case = open_showcase(record)
    graph = case.graph or labelled_graph(record)
    (whys,) = case.whys(case.histories.of(user), user, [item], Asked(graph=graph), limit)
    console = open_console()
    tell(record.experiment.name, record.cautions_of_graph(), console)
    console.print(styled((title_of(dataset, item), "bold"), f" for user {pair[0]}"))
    for why in whys:
        console.print(f"- {why.reason.sentence}")
    if not whys:
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
        FactorDescriptions.load(record.folder(f"factors-{side}")).names for side in ("user", "item")
    )
    graph = LatentGraph.load(record.folder("graph"))
    return replace(graph, user_labels=user, item_labels=item)


def title_of(dataset: Dataset, item: int) -> str:
    """The readable name of an item, its id where it has none."""
    from data.names import item_names

    return str(item_names(dataset.items[[item]])[0])


def _dataset(record: Record) -> Dataset:
    from data.dataset import Dataset

    return Dataset.load(record.folder("dataset"))


def _model(record: Record, cell: Cell) -> Model:
    from recommend.sequence.model import Model

    return Model.load(record.folder("train", cell))
