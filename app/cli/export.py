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
from data.errors import ConfigError
from recommend.serve.wanted import Wanted
from recommend.settings import BACKBONES
from recommend.settings.index import Kind

app = typer.Typer()
KNOWS = (
    "Histories are all interactions of the data set, those held out for validation and test among "
    "them: what was had is not shown again. The weights know training interactions alone."
)
RIGHTS = (
    "The folder holds ids, attributes and histories of the data set: it may be passed on only "
    "where its terms allow that."
)
PARAMETERS = {"flat": (), "ivf": ("lists", "probes"), "hnsw": ("links", "effort")}


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
    lists: Annotated[int | None, typer.Option(min=1, help="Of ivf: into how many parts.")] = None,
    probes: Annotated[int | None, typer.Option(min=1, help="Of ivf: parts looked at.")] = None,
    links: Annotated[int | None, typer.Option(min=2, help="Of hnsw: neighbours of each.")] = None,
    effort: Annotated[int | None, typer.Option(min=1, help="Of hnsw: nodes in view.")] = None,
    beforehand: Annotated[
        bool,
        typer.Option(
            "--beforehand", help="Of zoomer: the whole of it is asked for everything right now."
        ),
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Take the place of an export that is there.")
    ] = False,
    workspace: Workspace = WORKSPACE,
) -> None:
    """Writes a trained recommender as a folder that another process opens without torch."""
    from recommend.serve.folder import refuse_place, write_folder
    from recommend.serve.take import take

    refuse_place(folder, replace)
    given = {"lists": lists, "probes": probes, "links": links, "effort": effort}
    options = {name: value for name, value in given.items() if value is not None}
    for name in options:
        if name not in PARAMETERS[index]:
            raise ConfigError(f"--{name} is no parameter of --index {index}.")
    record = read_record(experiment, workspace)
    cell = choose(record, recommender, seed)
    results = Results(record)
    wanted = wanted_of(results, cell)
    if beforehand and wanted is None:
        raise ConfigError(f"{cell.backbone} is not asked for anything; leave out --beforehand.")
    model, about = results.model(cell), described(results, cell)
    content = take(model, results.dataset, results.split, about, index, options, wanted, beforehand)
    card = write_folder(folder, content, replace)
    console = open_console()
    tell(record.experiment.name, record.cautions(cell), console)
    size = sum(one["bytes"] for one in card["files"].values()) / 1e6
    console.print(styled((str(cell), "bold"), f" is in {folder} ({size:,.1f} MB)."))
    for sentence in (*by_form(card), about["data"]["rights"]):
        console.print(sentence, markup=False, soft_wrap=True)


def choose(record: Record, recommender: str, seed: int | None) -> Cell:
    """The trained recommender of a name such as sasrec+autograph; of "best", the best of all.

    Raises:
        ConfigError: none fits.
    """
    if recommender == "best":
        return record.choose(None, None, seed)
    backbone, _, enhancer = recommender.partition("+")
    return record.choose(backbone, enhancer or None, seed)


def by_form(card: dict[str, Any]) -> list[str]:
    """How an export makes scores and reads histories, in sentences."""
    history, told = card["history"], []
    if card["form"] == "vectors":
        index = card["index"]
        name = next(one for one in index if one.startswith("recall"))
        found = f"{index['kind']}: {name} {index[name]:.3f}"
        told.append(f"Scores are products of vectors, searched by {found}.")
    elif card["form"] == "weights":
        told.append("Scores are sums of what the items of a history add.")
    else:
        told.append(f"It holds the {card['lists']['longest']} best of each user, made beforehand.")
    how = {
        "backbone": "A history in a call is read by the recommender's own backbone.",
        "weights": "A history in a call is answered exactly.",
        "refused": "A history in a call is refused: it needs torch to answer one.",
        "kept": "A history in a call is answered with attention of edges alone.",
    }
    told.append(how.get(history["answered_by"], history["note"]))
    told += by_asks(card["asks"]) if "asks" in card else []
    return told


def by_asks(asks: dict[str, Any]) -> list[str]:
    """What can be asked for, and how near that is to the whole recommender, in sentences."""
    if asks["answered_by"] == "nothing":
        return [asks["note"]]
    many = "meanings" if asks["noun"] == "meaning" else "queries"
    told = [f"It can be asked for {asks['n']:,} {many}. {asks['note']}"]
    found = asks.get("agreement")
    if found and asks["answered_by"] == "kept":
        k = found["k"]
        same, own, whole = (
            found[name]
            for name in (f"overlap@{k} of drawn", f"ndcg@{k} of kept", f"ndcg@{k} of whole")
        )
        told.append(
            f"Measured for {found['users']:,} users: of the {k} best for a query, {k * same:.1f} "
            f"are those of the whole recommender; NDCG@{k} on validation {own:.3f}, of the whole "
            f"{whole:.3f}."
        )
    return told


def wanted_of(results: Results, cell: Cell) -> Wanted | None:
    """What a recommender can be asked for; None where it is asked for nothing."""
    from app.results.asking import queries_of

    if not BACKBONES[cell.backbone].config.asks:
        return None
    of = queries_of(results, cell)
    return Wanted(of.noun, of.ids, of.names, of.terms)


def described(results: Results, cell: Cell) -> dict[str, Any]:
    """What a card says of an experiment's recommender."""
    from data.catalogue import CATALOGUE

    record = results.record
    experiment, data = record.experiment, CATALOGUE.get(record.experiment.data.name)
    figures = {
        name: value
        for name, value in record.summary("evaluate", cell).items()
        if isinstance(value, float)
    }
    return {
        "what": f"The recommender {cell} of the experiment {experiment.name}, to be served.",
        "experiment": experiment.name,
        "recommender": str(cell),
        "settings": experiment.model_of(cell).model_dump(mode="json"),
        "knows": KNOWS,
        "data": {
            "name": experiment.data.name,
            "title": data.title if data else experiment.data.name,
            "licence": data.licence if data else "",
            "rights": RIGHTS + (f" Terms: {data.licence}." if data else ""),
        },
        "test": {"figures": figures, **record.judging(cell)},
        "cautions": [f"{experiment.name} {one.note}" for one in record.cautions(cell)],
    }
