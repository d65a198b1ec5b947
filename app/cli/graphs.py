"""The commands about the graph: search it, save a part of it, follow paths."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from app.cli.options import WORKSPACE, ExperimentName, Workspace
from app.experiment.cautions import tell
from app.pipeline.records import Record, read_record
from app.results.log_graph import (
    FACTORS,
    FOCAL,
    LOG,
    focal,
    graph_for,
    graphs_of,
    is_focal,
    open_graph,
)
from app.results.results import Results
from app.terminal import open_console
from data import atomic
from data.errors import ConfigError
from graph.explore.atlas import Atlas, picture
from graph.explore.export import gexf, graphml
from graph.explore.overview import tabulate_metapaths
from graph.explore.paths import instances
from graph.explore.walk import everywhere, shortest_path
from graph.latent import PAPER
from graph.query.console import read_query
from graph.query.query import Query

if TYPE_CHECKING:
    from graph.explore.walked import Walked

graph_app = typer.Typer(no_args_is_help=True)
MOST_INSTANCES = 20
"""Instances of a metapath that are listed."""
GraphName = Annotated[
    str,
    typer.Option(
        "--graph",
        metavar="factors|log",
        help="That of latent factors, or that of what users asked for, where the data say so.",
    ),
]
NodeText = Annotated[
    str, typer.Argument(metavar="NODE", help="Such as item:1, user:7 or item_factor:0-24.")
]


@graph_app.command()
def find(
    experiment: ExperimentName,
    words: Annotated[list[str], typer.Argument(help="Of its name, its id, or about it.")],
    limit: Annotated[int, typer.Option(min=1, help="Most nodes.")] = 20,
    graph: GraphName = "",
    workspace: Workspace = WORKSPACE,
) -> None:
    """Find users, items and latent factors, or queries."""
    atlas, console = _open(experiment, workspace, graph)
    found = atlas.finder.find(" ".join(words), limit)
    for node in found:
        degree = int(atlas.flat.degrees[atlas.flat.place(node)])
        near = "1 neighbour" if degree == 1 else f"{degree:,} neighbours"
        console.print(f"{atlas.key(node)}  {atlas.names.title(node)}  ({near})")
    if not found:
        console.print("Nothing holds all these words.")


@graph_app.command()
def save(
    experiment: ExperimentName,
    path: Annotated[
        Path, typer.Argument(help="Ends in .svg, .graphml, .gexf or .parquet (edges beside it).")
    ],
    view: Annotated[
        str, typer.Option(help="As `view=` in the page's address; by default an overview.")
    ] = "",
    graph: GraphName = "",
    workspace: Workspace = WORKSPACE,
) -> None:
    """Save what a view of the graph shows."""
    writers = {".graphml": graphml, ".gexf": gexf}
    if path.suffix not in {*writers, ".parquet", ".svg"}:
        raise ConfigError(
            f"{path} ends in {path.suffix!r}; choose .svg, .graphml, .gexf or .parquet."
        )
    atlas, console = _open(experiment, workspace, graph)
    seen = picture(atlas, view)
    if path.suffix == ".parquet":
        nodes, edges = seen.tables(atlas.names)
        beside = path.with_name(f"{path.stem}-edges.parquet")
        atomic.write_parquet(path, nodes)
        atomic.write_parquet(beside, edges)
        console.print(f"{nodes.height:,} nodes in {path}, {edges.height:,} edges in {beside}")
        return
    if path.suffix == ".svg":
        atomic.write(path, lambda part: part.write_text(seen.svg(atlas.names), encoding="utf-8"))
        console.print(f"{len(seen.subgraph.nodes):,} nodes drawn in {path}")
        return
    network = seen.network(atlas.names)
    atomic.write(path, lambda part: part.write_bytes(writers[path.suffix](network)))
    console.print(f"{len(network):,} nodes and {network.size():,} edges in {path}")


@graph_app.command()
def path(
    experiment: ExperimentName,
    start: NodeText,
    end: NodeText,
    workspace: Workspace = WORKSPACE,
) -> None:
    """Show the shortest path between two nodes, along training edges."""
    atlas, console = _open(experiment, workspace)
    ends = [atlas.flat.place(atlas.node(text)) for text in (start, end)]
    found = [atlas.flat.node(place) for place in shortest_path(everywhere(atlas.flat), *ends)]
    for node in found:
        console.print(f"{atlas.key(node)}  {atlas.names.title(node)}")
    if not found:
        console.print("No path joins them.")
    elif len(found) > 1:
        along = Query.along([kind for kind, _ in found], atlas.schema)
        words = ["--path", str(along), "--between", start, end]
        command = f"autograph graph metapaths {shlex.join([experiment, *words])}"
        console.print(f"All along {along}: {command}", soft_wrap=True)


@graph_app.command()
def metapaths(
    experiment: ExperimentName,
    more: Annotated[
        list[str] | None,
        typer.Option("--path", metavar="A > B > C", help="A further metapath."),
    ] = None,
    between: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="NODE NODE", help="List the instances that join two nodes."),
    ] = None,
    workspace: Workspace = WORKSPACE,
) -> None:
    """Count the instances of metapaths and the nodes they reach, or list those of two nodes."""
    atlas, console = _open(experiment, workspace)
    paths = [read_query(text, atlas.schema) for text in (*PAPER, *(more or ()))]
    if between is not None:
        _list_instances(atlas, console, paths, *map(atlas.node, between))
        return
    table = Table("metapath", "instances", "starts", "ends", "median per end")
    for row in tabulate_metapaths(atlas.graph, paths).iter_rows(named=True):
        table.add_row(
            row["metapath"],
            f"{row['instances']:,}",
            f"{row['starts']:.1%}",
            f"{row['ends']:.1%}",
            f"{row['median_per_end']:,.0f}",
        )
    console.print(table)


@graph_app.command()
def query(
    experiment: ExperimentName,
    text: Annotated[str, typer.Argument(help="Such as 'user:5 > item:8 latest', or a GSL chain.")],
    rows: Annotated[int, typer.Option(min=1, help="Most rows that are shown.")] = 20,
    start: Annotated[int, typer.Option(min=1, help="Nodes to begin with, unless it says so.")] = 5,
    seeds: Annotated[
        list[str] | None, typer.Option(metavar="NODE", help="Nodes to begin with, such as user:7.")
    ] = None,
    time: Annotated[
        str,
        typer.Option(
            metavar="DATE",
            help="As of a date such as 2024-01-15: only what was there before it is seen.",
        ),
    ] = "",
    explain: Annotated[bool, typer.Option("--explain", help="Say what each hop did.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Where chance begins.")] = 0,
    graph: GraphName = "",
    focus: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="USER QUERY", help="Of `focal`, such as user:7 query:love."),
    ] = None,
    workspace: Workspace = WORKSPACE,
) -> None:
    """Walk the graph from some nodes, and list what was found.

    Without --graph it is the first one of the experiment that the query fits.
    """
    from graph.explore.walked import walk
    from graph.query.moments import read_moment
    from graph.sample.sampler import Sampler

    record, console = read_record(experiment, workspace), open_console()
    results = Results(record)
    name = graph or graph_for(results, text)
    atlas = open_graph(results, name)
    asked = read_query(text, atlas.schema)
    focused = _focus(atlas, asked, name, focus)
    at = math.floor(read_moment(time)) if time else None
    if at is not None and not atlas.graph.clock:
        raise ConfigError(
            "The times of these interactions only put them in order: there are no dates. Leave "
            "--time out, or write for instance `where edge.time < 40` behind a hop."
        )
    own, cell = focal(results, *focused) if focused else (None, None)
    every = Sampler(atlas.graph, asked, strategies={FOCAL: own} if own else None).seeds()
    begin = _seeds(atlas, asked, seeds) if seeds else every[: asked.start.batch or start]
    each = {FOCAL: own.on(own.focus.repeat(len(begin), axis=0))} if own else None
    walked = walk(atlas, asked, begin, at=at, seed=seed, strategies=each)
    _tell_graph(record, name, console)
    if cell is not None and focus is not None:
        console.print(
            f"Relevance is to {atlas.names.title(atlas.node(focus[0]))} who asks for "
            f"{atlas.names.title(atlas.node(focus[1]))}, by vectors of {cell}.",
            markup=False,
            soft_wrap=True,
        )
    if at is not None:
        console.print(
            f"As of {time}: of edges and nodes with times only the strictly older are seen."
        )
    if explain:
        _explain(walked, console)
    for leaf in walked.leaves:
        found = walked.table(leaf, rows)
        table = Table(*found.columns)
        for row in found.iter_rows():
            table.add_row(*("" if value is None else str(value) for value in row))
        console.print(table)
        total = walked.size(leaf)
        console.print(f"{found.height:,} of {total:,} along {walked.branch(leaf)}")


def _seeds(atlas: Atlas, query: Query, texts: Sequence[str]) -> list[int]:
    """Numbers of the nodes that a query is to start from."""
    nodes = [atlas.node(text) for text in texts]
    for text, (kind, _) in zip(texts, nodes, strict=True):
        if query.start.edge is not None or kind != query.start.type:
            what = "edges" if query.start.edge else f"nodes of type {query.start.type}"
            raise ConfigError(f"The query starts from {what}, and {text} is a {kind}.")
    return [number for _, number in nodes]


def _focus(
    atlas: Atlas, query: Query, graph: str, focus: tuple[str, str] | None
) -> tuple[int, int] | None:
    """Numbers of the user and the query that a query is to draw by; None where it does not.

    Raises:
        ConfigError: it needs some, or has no use for them.
    """
    if not is_focal(query):
        if focus is not None:
            raise ConfigError(
                f"No hop of the query draws by {FOCAL}, so --focus says nothing. Write for "
                f"instance item:5 {FOCAL}, or leave it out."
            )
        return None
    if graph != LOG:
        raise ConfigError(
            f"{FOCAL} draws what is most relevant to a user and a query, and the graph of latent "
            "factors has no queries. Draw otherwise, such as by latest, or ask the graph of a log: "
            f"--graph {LOG}."
        )
    if focus is None:
        raise ConfigError(
            f"{FOCAL} draws what is most relevant to a user and what is asked for. Say which: "
            f"--focus {atlas.key(('user', 0))} {shlex.quote(atlas.key(('query', 0)))}."
        )
    (kind, user), (other, wanted) = map(atlas.node, focus)
    if (kind, other) != ("user", "query"):
        raise ConfigError(
            f"--focus is a user and a query, in this order, and {focus[0]} is a {kind}, "
            f"{focus[1]} a {other}."
        )
    return user, wanted


def _tell_graph(record: Record, graph: str, console: Console) -> None:
    """What is to be known of a graph; that of a log has no texts that could tell too much."""
    if graph == LOG:
        console.print("Graph of what users asked for, as far as training knows it.")
    else:
        tell(record.experiment.name, record.cautions_of_graph(), console)


def _explain(walked: Walked, console: Console) -> None:
    """Prints what every hop did."""
    start = walked.query.start
    what = "edges" if start.edge else walked.atlas.schema.node(start.type).plural.lower()
    console.print(f"Starts from {walked.size(0):,} {what}.")
    table = Table("what each hop does", "from", "edges in sight", "drawn", "different", "ms")
    for step in walked.steps:
        seen = "" if step.seen is None else f"{step.seen:,}"
        counts = f"{step.origins:,}", seen, f"{step.drawn:,}", f"{step.distinct:,}"
        table.add_row(step.says, *counts, f"{step.seconds * 1000:.2f}")
    console.print(table)


@graph_app.command()
def database(
    experiment: ExperimentName,
    folder: Annotated[
        Path | None, typer.Option(help="Where graph.lbug is written; WORKSPACE/databases/NAME.")
    ] = None,
    workspace: Workspace = WORKSPACE,
) -> None:
    """Write the graph into a database that is asked in openCypher (Ladybug, one file)."""
    from graph.database.write import FILE, write_database

    record, console = read_record(experiment, workspace), open_console()
    results = Results(record)
    name = record.experiment.name
    place = (folder or workspace / "databases" / name) / FILE
    graph = results.atlas.graph
    tell(name, record.cautions_of_graph(), console)
    write_database(graph, place, results.facts)
    edges = sum(len(graph.edges[edge.key].targets) for edge in graph.schema.edges)
    console.print(f"{sum(graph.sizes.values()):,} nodes and {edges:,} edges in {place}")
    console.print("In Python:")
    console.print(f"  ladybug.Connection(ladybug.Database({str(place)!r})).execute('MATCH …')")


@graph_app.command()
def cypher(
    experiment: ExperimentName,
    query: Annotated[str, typer.Argument(help="Such as 'MATCH (u:user) RETURN u LIMIT 5'.")],
    rows: Annotated[int, typer.Option(min=1, max=100_000, help="Most rows that are shown.")] = 20,
    seconds: Annotated[float, typer.Option(min=0.1, help="Most that it may take.")] = 30.0,
    workspace: Workspace = WORKSPACE,
) -> None:
    """Ask the graph in openCypher; it only reads."""
    from graph.database.ask import ask

    record, console = read_record(experiment, workspace), open_console()
    results = Results(record)
    found = ask(results.database, query, rows=rows, seconds=seconds)
    tell(record.experiment.name, record.cautions_of_graph(), console)
    table = Table(*found.table.columns)
    for row in found.table.iter_rows():
        table.add_row(*("" if value is None else str(value) for value in row))
    console.print(table)
    many = "1 row" if found.total == 1 else f"{found.total:,} rows"
    shown = f"The first {len(found.rows):,} of {many}" if found.cut else many
    console.print(f"{shown}, {found.seconds * 1000:,.0f} ms")


def _list_instances(
    atlas: Atlas,
    console: Console,
    paths: Sequence[Query],
    start: tuple[str, int],
    end: tuple[str, int],
) -> None:
    fitting = 0
    for path in paths:
        if (path.types[0], path.types[-1]) != (start[0], end[0]):
            continue
        found = instances(atlas.graph, path, start[1], end[1], limit=MOST_INSTANCES)
        fitting += len(found)
        for one in found:
            nodes = zip(path.types, one, strict=True)
            console.print(" → ".join(map(atlas.names.title, nodes)))
    if not fitting:
        console.print("No instance of these metapaths joins them.")


def _open(name: str, workspace: Path, graph: str = FACTORS) -> tuple[Atlas, Console]:
    """A graph of an experiment, by default its first, and where to print; its cautions are said.

    Raises:
        AutoGraphError: it is not finished.
    """
    record, console = read_record(name, workspace), open_console()
    results = Results(record)
    graph = graph or next(iter(graphs_of(results)), FACTORS)
    atlas = open_graph(results, graph)
    _tell_graph(record, graph, console)
    return atlas, console
