"""What the commands `recommend`, `explain` and `insert` show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from app.experiment.cautions import tell
from app.experiment.settings import Cell
from app.pipeline.records import Record, read_record
from app.results.results import Results
from app.terminal import open_console, styled
from data.columns import USER_ID
from data.dataset import Dataset, histories
from data.names import item_names
from prompts.template import Side
from recommend.reasons.showcase import Asked

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
    from recommend.judge.recommend import recommend

    record = read_record(name, workspace)
    results, cell = Results(record), record.choose(*choice)
    dataset, number = results.dataset, results.dataset.user_ids.number(user)
    found = recommend(results.model(cell), dataset, results.split, [number], k).table.sort("rank")
    items = found["item"].to_list()
    whys = _reasons(results, cell, number, items) if explain else [[]] * len(items)
    console = open_console()
    tell(record.experiment.name, record.cautions(cell), console)
    console.print(styled((str(cell), "bold"), f" for user {user}"))
    for row, item, sentences in zip(found.iter_rows(named=True), items, whys, strict=True):
        score = (f"{row['score']:.3f}", "dim")
        console.print(styled(f"{row['rank']:>3}. {title_of(dataset, item)} ", score))
        for sentence in sentences:
            console.print(f"     {sentence}")


def _reasons(results: Results, cell: Cell, user: int, items: list[int]) -> list[list[str]]:
    """Why a recommender shows a user each item: the history is all that the data hold."""
    case = results.showcase
    past = histories(case.dataset.interactions, case.dataset.n_users).of(user)
    known = len(case.histories.of(user))
    found = case.whys(past, user, items, Asked(results.ready(cell), user, known=known), REASONS)
    return [[why.reason.sentence for why in whys] for whys in found]


def show_reasons(name: str, workspace: Path, pair: tuple[str, str], limit: int) -> None:
    """Shows what joins a user and an item, in words; no recommender is asked.

    Raises:
        AutoGraphError: one of them is unknown, or the graph is not finished.
    """
    record = read_record(name, workspace)
    results = Results(record)
    dataset, case = results.dataset, results.showcase
    user, item = dataset.user_ids.number(pair[0]), dataset.item_ids.number(pair[1])
    graph = case.graph or results.graph
    (whys,) = case.whys(case.histories.of(user), user, [item], Asked(graph=graph), limit)
    console = open_console()
    tell(record.experiment.name, record.cautions_of_graph(), console)
    console.print(styled((title_of(dataset, item), "bold"), f" for user {pair[0]}"))
    for why in whys:
        console.print(f"- {why.reason.sentence}")
    if not whys:
        console.print("No path of the metapaths joins them.")


def title_of(dataset: Dataset, item: int) -> str:
    """The readable name of an item, its id where it has none."""
    return str(item_names(dataset.items[[item]])[0])


def show_insertion(
    name: str,
    workspace: Path,
    side: Side,
    text: str | None,
    given: Mapping[str, str],
    liked: Sequence[str],
    neighbours: int,
) -> None:
    """Shows what a new user or item is taken for, and who is like it.

    Raises:
        AutoGraphError: see `Inserter.place`.
    """
    record = read_record(name, workspace)
    results = Results(record)
    dataset, placed = results.dataset, results.inserter.place(side, text, given, liked)
    console = open_console()
    tell(record.experiment.name, record.cautions_of_graph(), console)
    console.print(styled((f"A new {side}", "bold"), f": {placed.text}"), soft_wrap=True)
    for level, code in enumerate(placed.codes):
        n = int((placed.graph.codes(side)[:, level] == code).sum()) - 1
        words = ", ".join(f"‘{word}’" for word in placed.words[level])
        said = f"; of its words the text has {words}" if words else ""
        console.print(
            f"  level {level}: factor {level}-{code} with {n:,} {side}s, called "
            f"{placed.names[level]}{said}"
        )
    n = placed.graph.size(side)
    console.print(f"It is {side} number {n - 1} of {n:,} in the graph; nothing was trained again.")
    for number, shared in zip(placed.neighbours[:neighbours], placed.shared, strict=False):
        who = int(number)
        called = title_of(dataset, who) if side == "item" else f"user {dataset.users[USER_ID][who]}"
        console.print(f"  shares {shared} of {len(placed.codes)} factors: {called}")
    for sentence in places_in_recommenders(record, side):
        console.print(sentence, markup=False)


def places_in_recommenders(record: Record, side: Side) -> list[str]:
    """Which trained recommenders can place somebody or something new, and why others cannot."""
    trained = {cell.enhancer: record.experiment.model_of(cell) for cell in record.finished()}
    why = {name: config.enhancer.strangers.get(side, "") for name, config in trained.items()}
    able = [name for name, reason in why.items() if not reason]
    told = f"Recommenders that can place it have the enhancer {' or '.join(able)}."
    return [
        *([told] if able else []),
        *(f"Not with the enhancer {name}: {reason}" for name, reason in why.items() if reason),
    ]
