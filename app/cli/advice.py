"""The commands that ask a finished experiment: what it recommends, why, to whom, and how well."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from app.cli.options import WORKSPACE, ExperimentName, Side, User, Workspace
from app.experiment.cautions import tell
from app.experiment.settings import Cell
from app.pipeline.records import Record, read_record
from app.results.report import write_report
from app.results.results import Results
from app.results.wording import nouns_of
from app.terminal import open_console, styled
from data.dataset import histories
from data.domains import Domains
from data.errors import DataError
from data.names import item_names
from recommend.reasons.across import tell_limits
from recommend.reasons.showcase import Asked
from recommend.reasons.ways import NOT_A_SUM, look_around, tell_around, tell_ways

app = typer.Typer()
REASONS = 2
"""Reasons for each recommended item."""
WAYS = 3
"""Ways to each, where a recommender looks around: those that gave most."""
BEST = "By default the best on validation."


@app.command()
def recommend(
    experiment: ExperimentName,
    user: User,
    k: Annotated[int, typer.Option("-k", min=1, help="How many items.")] = 10,
    explain: Annotated[bool, typer.Option("--explain", help="Say why, in words.")] = False,
    backbone: Annotated[str | None, typer.Option(help=BEST)] = None,
    enhancer: Annotated[str | None, typer.Option(help=BEST)] = None,
    seed: Annotated[int | None, typer.Option(help=BEST)] = None,
    domain: Annotated[
        str | None, typer.Option(metavar="NAME", help="Items of this domain alone.")
    ] = None,
    known: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="As if only what the user had in this domain were known."
        ),
    ] = None,
    workspace: Workspace = WORKSPACE,
) -> None:
    """Shows the best items for a user, with reasons if they are asked for."""
    from recommend.judge.recommend import recommend as recommend_items

    record = read_record(experiment, workspace)
    results, cell = Results(record), record.choose(backbone, enhancer, seed)
    dataset, number = results.dataset, results.dataset.user_ids.number(user)
    domains = Domains.of(dataset)
    among, kept = (domains.holds(name) if name else None for name in (domain, known))
    past = histories(dataset.interactions, dataset.n_users).of(number)
    if kept is not None and not kept[past].any():
        raise DataError(
            f"User {user!r} had nothing in {known}, so nothing would be known. Most that this user "
            f"had is in --known {domains.names[domains.counts(past).argmax()]}."
        )
    found = recommend_items(
        results.model(cell), dataset, results.split, [number], k, among, kept
    ).table
    found, names = found.sort("rank"), item_names(dataset.items)
    items, whys = found["item"].to_list(), [list[str]()] * found.height
    if explain:
        whys = _reasons(record, results, cell, number, items, among, kept)
    console = open_console()
    tell(record.experiment.name, record.cautions(cell), console)
    of = f", items of {domain}" if domain else ""
    console.print(styled((str(cell), "bold"), f" for user {user}{of}"))
    ranked = None if among is None else (domain or "", among)
    told = _limits(record, results, cell, number, kept, ranked) if domain or known else ()
    for sentence in told:
        console.print(sentence)
    for row, item, sentences in zip(found.iter_rows(named=True), items, whys, strict=True):
        score, had = (f"{row['score']:.3f}", "dim"), " (had it, held back)" if item in past else ""
        console.print(styled(f"{row['rank']:>3}. {names[item]} ", score, had))
        for sentence in sentences:
            console.print(f"     {sentence}")
    if explain and record.experiment.model_of(cell).backbone.looks_around:
        console.print(styled((f"Of ways, {NOT_A_SUM}", "dim")))
        if domain:
            console.print(styled((f"Ranks without ways are among all, of {domain} or not.", "dim")))


def _limits(
    record: Record,
    results: Results,
    cell: Cell,
    user: int,
    kept: np.ndarray | None,
    ranked: tuple[str, np.ndarray] | None,
) -> list[str]:
    """What a recommender cannot do with what is known of a user, of all or of one domain."""
    case = results.showcase
    past, train = histories(case.dataset.interactions, case.dataset.n_users), case.histories
    known = past.of(user) if kept is None else past.only(kept).of(user)
    back = 0 if kept is None else int((~kept[train.of(user)]).sum())
    other = case.another(user)
    return tell_limits(results.ready(cell), user, known, other, back, nouns_of(record), ranked)


def _reasons(
    record: Record,
    results: Results,
    cell: Cell,
    user: int,
    items: list[int],
    among: np.ndarray | None,
    kept: np.ndarray | None,
) -> list[list[str]]:
    """Why a recommender shows a user each item: the history is all that the data hold.

    Of one that looks at what is around the user, also which ways there lead to it.
    """
    case = results.showcase
    every, train = histories(case.dataset.interactions, case.dataset.n_users), case.histories
    if kept is not None:
        every, train = every.only(kept), train.only(kept)
    past, known, ready = every.of(user), len(train.of(user)), results.ready(cell)
    found = case.whys(past, user, items, Asked(ready, user, known=known, among=among), REASONS)
    told = [[why.reason.sentence for why in whys] for whys in found]
    around = look_around(ready.answers, user, past, items)
    for sentences, one in zip(told, around, strict=False):
        sentences.append(tell_around(case, one, nouns_of(record)))
        sentences += [f"  {line}" for line in tell_ways(case, one, WAYS)]
    return told


@app.command()
def explain(
    experiment: ExperimentName,
    user: User,
    item: Annotated[str, typer.Option(help="Id of an item, as in the data.")],
    limit: Annotated[int, typer.Option(min=1, help="Most reasons.")] = 5,
    workspace: Workspace = WORKSPACE,
) -> None:
    """Shows what joins a user and an item, in words; no recommender is asked."""
    record = read_record(experiment, workspace)
    results = Results(record)
    dataset, case = results.dataset, results.showcase
    who, what = dataset.user_ids.number(user), dataset.item_ids.number(item)
    graph = case.graph or results.graph
    (whys,) = case.whys(case.histories.of(who), who, [what], Asked(graph=graph), limit)
    console = open_console()
    tell(record.experiment.name, record.cautions_of_graph(), console)
    console.print(styled((case.title(what), "bold"), f" for user {user}"))
    for why in whys:
        console.print(f"- {why.reason.sentence}")
    if not whys:
        console.print("No path of the metapaths joins them.")


@app.command()
def report(
    experiment: ExperimentName,
    to: Annotated[
        Path | None,
        typer.Option("--to", help="The HTML file, or its folder; by default NAME.html here."),
    ] = None,
    workspace: Workspace = WORKSPACE,
) -> None:
    """Writes the report, and says where it is."""
    name = f"{read_record(experiment, workspace).experiment.name}.html"
    place = to or Path(name)
    path = write_report(experiment, workspace, place / name if place.is_dir() else place)
    size = path.stat().st_size / 1e3
    open_console().print(f"The report is in {path} ({size:,.0f} kB).", soft_wrap=True)


@app.command()
def insert(
    experiment: ExperimentName,
    side: Side,
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
    """Shows what a new user or item is taken for, and who is like it."""
    given = dict(_pair(one) for one in attribute or [])
    record = read_record(experiment, workspace)
    results = Results(record)
    placed = results.inserter.place(side, text, given, liked or [])
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
    of = results.dataset
    users = [f"user {id}" for id in of.user_ids.external]
    names = users if side == "user" else item_names(of.items)
    for number, shared in zip(placed.neighbours[:neighbours].tolist(), placed.shared, strict=False):
        console.print(f"  shares {shared} of {len(placed.codes)} factors: {names[number]}")
    for sentence in places_in_recommenders(record, side):
        console.print(sentence, markup=False)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise typer.BadParameter(f"{text!r} is not of the form NAME=VALUE.")
    return name.strip(), value.strip()


def places_in_recommenders(record: Record, side: Side) -> list[str]:
    """Which trained recommenders can place somebody or something new, and why others cannot."""
    trained = {cell.enhancer: record.experiment.model_of(cell) for cell in record.finished_cells()}
    why = {name: config.strangers.get(side, "") for name, config in trained.items()}
    able = [name for name, reason in why.items() if not reason]
    told = f"Recommenders that can place it have the enhancer {' or '.join(able)}."
    return [
        *([told] if able else []),
        *(f"Not with the enhancer {name}: {reason}" for name, reason in why.items() if reason),
    ]
