"""The command that asks a recommender for something on somebody's behalf."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli.options import WORKSPACE, ExperimentName, Workspace
from app.experiment.cautions import tell
from app.experiment.settings import Cell
from app.pipeline.records import Record, read_record
from app.results.asking import (
    WHAT_WEIGHTS_ARE,
    Answer,
    Asking,
    asking_cells,
    no_asker,
    nothing_near,
    open_asking,
)
from app.results.results import Results
from app.terminal import open_console, styled
from data.errors import ConfigError

app = typer.Typer()
BEST = "By default the best on validation."


@app.command()
def ask(
    experiment: ExperimentName,
    user: Annotated[str, typer.Argument(metavar="USER", help="Id of a user, as in the data.")],
    words: Annotated[
        str | None, typer.Option("--for", metavar="WORDS", help="What is asked for, in words.")
    ] = None,
    query: Annotated[
        str | None,
        typer.Option(metavar="ID", help="What is asked for: a factor, 0-12, or a query's id."),
    ] = None,
    k: Annotated[int, typer.Option("-k", min=1, help="How many items.")] = 10,
    limit: Annotated[int, typer.Option(min=0, help="Most neighbours that are listed.")] = 20,
    backbone: Annotated[str | None, typer.Option(help=BEST)] = None,
    seed: Annotated[int | None, typer.Option(help=BEST)] = None,
    workspace: Workspace = WORKSPACE,
) -> None:
    """Shows the items for an ask, and the neighbours that were read for it with their weights.

    Without --for and --query, what the recommender makes of the user's own past is asked for.
    """
    if words is not None and query is not None:
        raise ConfigError("--for and --query both say what is asked for; give one of them.")
    record = read_record(experiment, workspace)
    cell = _choose(record, backbone, seed)
    asking = open_asking(Results(record), cell)
    number = asking.case.dataset.user_ids.number(user)
    wanted, told = _wanted(asking, number, words, query)
    answer = asking.answer(number, wanted, k)
    console = open_console()
    tell(record.experiment.name, record.cautions(cell), console)
    name = asking.queries.names[wanted]
    console.print(styled((str(cell), "bold"), f" for user {user}, who asks for ", (name, "bold")))
    for sentence in told:
        console.print(sentence, soft_wrap=True)
    _print_items(asking, answer)
    _print_region(asking, answer, limit)


def _choose(record: Record, backbone: str | None, seed: int | None) -> Cell:
    """The finished recommender that is asked.

    Raises:
        ConfigError: none can be asked, or fits.
    """
    cells = asking_cells(record)
    if not cells:
        raise ConfigError(no_asker(record))
    fitting = [
        cell for cell in cells if backbone in (None, cell.backbone) and seed in (None, cell.seed)
    ]
    if not fitting:
        there = ", ".join(map(str, cells))
        raise ConfigError(f"None that can be asked fits --backbone and --seed. There are: {there}.")
    return max(fitting, key=record.validated().__getitem__)


def _wanted(
    asking: Asking, user: int, words: str | None, query: str | None
) -> tuple[int, list[str]]:
    """The query, and sentences that say how it was found.

    Raises:
        ConfigError: words come near nothing.
        DataError: there is no such query.
    """
    queries = asking.queries
    if query is not None:
        return queries.number(query), []
    if words is None:
        usual = asking.usual(user)
        said = f"Nothing is asked for, so {queries.names[usual]} is taken: {asking.tell_usual()}."
        return usual, [said]
    found = queries.find(words)
    if not found:
        raise ConfigError(nothing_near(asking, words))
    first, *others = found
    told = [f"‘{words}’ is taken for {queries.names[first.query]} (--query "]
    told[0] += f"{queries.ids[first.query]}). {first.told}"
    told += [
        f"  or: --query {queries.ids[one.query]}, {queries.names[one.query]}. {one.told}"
        for one in others
    ]
    return first.query, told


def _print_items(asking: Asking, answer: Answer) -> None:
    console = open_console()
    console.print(asking.tell_answer(answer))
    if told := asking.tell_training():
        console.print(told, soft_wrap=True)
    for offer in answer.offers:
        score, later = (f"{offer.score:.3f}", "dim"), " (had it later)" if offer.later else ""
        console.print(
            styled(f"{offer.rank:>3}. {asking.case.title(offer.item)} ", score, later),
            soft_wrap=True,
        )
        console.print(f"     {asking.tell_offer(offer)}", soft_wrap=True)


def _print_region(asking: Asking, answer: Answer, limit: int) -> None:
    console, rows = open_console(), asking.edges(answer.region)
    console.print(asking.tell_region(answer.region), soft_wrap=True)
    for row in rows.head(limit).iter_rows(named=True):
        weight = (f"{row['weight']:.3f}", "dim")
        said = f" {row['node']} ({row['type']}), heard by {row['by']}"
        console.print(styled("  ", weight, said), soft_wrap=True)
    if rows.height > limit:
        console.print(f"  … and {rows.height - limit:,} more: --limit {rows.height}")
    if rows.height:
        console.print(styled((WHAT_WEIGHTS_ARE, "dim")), soft_wrap=True)
