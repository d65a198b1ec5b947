"""What the commands about the graph show."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli.progress import open_console
from app.experiment.cautions import tell
from app.pipeline.records import read_record
from app.results.atlas import Atlas, picture
from app.results.results import Results
from data.errors import ConfigError

if TYPE_CHECKING:
    from graph.metapath import Metapath

MOST_INSTANCES = 20
"""Instances of a metapath that are listed."""


def show_found(name: str, workspace: Path, words: str, limit: int) -> None:
    """Shows the nodes that hold all words.

    Raises:
        AutoGraphError: the graph is not finished.
    """
    atlas, console = _open(name, workspace), open_console()
    found = atlas.finder.find(words, limit)
    for node in found:
        degree = int(atlas.flat.degrees[atlas.flat.place(node)])
        near = "1 neighbour" if degree == 1 else f"{degree:,} neighbours"
        console.print(f"{atlas.key(node)}  {atlas.names.title(node)}  ({near})")
    if not found:
        console.print("Nothing holds all these words.")


def save_view(name: str, workspace: Path, view: str, path: Path) -> None:
    """Writes what a view shows.

    Raises:
        AutoGraphError: the graph is not finished, the view is none, or the file has no format.
    """
    from data import atomic
    from graph.explore.export import gexf, graphml

    writers = {".graphml": graphml, ".gexf": gexf}
    if path.suffix not in {*writers, ".parquet"}:
        raise ConfigError(f"{path} ends in {path.suffix!r}; choose .graphml, .gexf or .parquet.")
    atlas, console = _open(name, workspace), open_console()
    seen = picture(atlas, view)
    if path.suffix == ".parquet":
        nodes, edges = seen.tables(atlas.names)
        beside = path.with_name(f"{path.stem}-edges.parquet")
        atomic.write_parquet(path, nodes)
        atomic.write_parquet(beside, edges)
        console.print(f"{nodes.height:,} nodes in {path}, {edges.height:,} edges in {beside}")
        return
    network = seen.network(atlas.names)
    atomic.write(path, lambda part: part.write_bytes(writers[path.suffix](network)))
    console.print(f"{len(network):,} nodes and {network.size():,} edges in {path}")


def show_path(name: str, workspace: Path, start: str, end: str) -> None:
    """Shows the shortest path between two nodes.

    Raises:
        AutoGraphError: the graph is not finished, or there is no such node.
    """
    from graph.explore.route import shortest_path
    from graph.explore.steps import everywhere

    atlas, console = _open(name, workspace), open_console()
    ends = [atlas.flat.place(atlas.node(text)) for text in (start, end)]
    found = [atlas.flat.node(place) for place in shortest_path(everywhere(atlas.flat), *ends)]
    for node in found:
        console.print(f"{atlas.key(node)}  {atlas.names.title(node)}")
    if not found:
        console.print("No path joins them.")


def show_metapaths(
    name: str, workspace: Path, more: Sequence[str], between: tuple[str, str] | None
) -> None:
    """Shows the metapaths with their counts, or their instances between two nodes.

    Raises:
        AutoGraphError: the graph is not finished, or there is no such node or metapath.
    """
    from rich.table import Table

    from graph.explore.overview import catalogue
    from graph.metapath import PAPER, Metapath

    atlas, console = _open(name, workspace), open_console()
    paths = [*PAPER, *map(Metapath.parse, more)]
    if between is not None:
        _show_instances(atlas, paths, *map(atlas.node, between))
        return
    table = Table("metapath", "instances", "starts", "ends", "median per end")
    for row in catalogue(atlas.graph, paths).iter_rows(named=True):
        table.add_row(
            row["metapath"],
            f"{row['instances']:,}",
            f"{row['starts']:.1%}",
            f"{row['ends']:.1%}",
            f"{row['median_per_end']:,.0f}",
        )
    console.print(table)


def _show_instances(
    atlas: Atlas, paths: Sequence[Metapath], start: tuple[str, int], end: tuple[str, int]
) -> None:
    from graph.explore.instances import instances

    console, fitting = open_console(), 0
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


def _open(name: str, workspace: Path) -> Atlas:
    record = read_record(name, workspace)
    atlas = Results(record).atlas
    tell(record.experiment.name, record.cautions_of_graph(), open_console())
    return atlas
