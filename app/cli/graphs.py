"""The commands about the graph: search it, save a part of it, follow paths."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

graph_app = typer.Typer(
    no_args_is_help=True, help="The graph: search it, save a part of it, follow paths."
)

ExperimentName = Annotated[
    str, typer.Argument(metavar="EXPERIMENT", help="A .toml file, or a name such as demo.")
]
Workspace = Annotated[
    Path,
    typer.Option(help="Folder of results, caches and downloads.", envvar="AUTOGRAPH_WORKSPACE"),
]
NodeText = Annotated[
    str, typer.Argument(metavar="NODE", help="Such as item:1, user:7 or item_factor:0-24.")
]
WORKSPACE = Path("workspace")


@graph_app.command()
def find(
    experiment: ExperimentName,
    words: Annotated[list[str], typer.Argument(help="Of its name, its id, or about it.")],
    limit: Annotated[int, typer.Option(min=1, help="Most nodes.")] = 20,
    workspace: Workspace = WORKSPACE,
) -> None:
    """Find users, items and latent factors."""
    from app.cli.show_graph import show_found

    show_found(experiment, workspace, " ".join(words), limit)


@graph_app.command()
def save(
    experiment: ExperimentName,
    path: Annotated[
        Path, typer.Argument(help="Ends in .graphml, .gexf or .parquet (nodes; edges beside it).")
    ],
    view: Annotated[
        str, typer.Option(help="As `view=` in the page's address; by default an overview.")
    ] = "",
    workspace: Workspace = WORKSPACE,
) -> None:
    """Save what a view of the graph shows."""
    from app.cli.show_graph import save_view

    save_view(experiment, workspace, view, path)


@graph_app.command()
def path(
    experiment: ExperimentName,
    start: NodeText,
    end: NodeText,
    workspace: Workspace = WORKSPACE,
) -> None:
    """Show the shortest path between two nodes, along training edges."""
    from app.cli.show_graph import show_path

    show_path(experiment, workspace, start, end)


@graph_app.command()
def metapaths(
    experiment: ExperimentName,
    more: Annotated[
        list[str] | None,
        typer.Option("--path", metavar="A > B > C", help="A further metapath, by its types."),
    ] = None,
    between: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="NODE NODE", help="List the instances that join two nodes."),
    ] = None,
    workspace: Workspace = WORKSPACE,
) -> None:
    """Count the instances of metapaths and the nodes they reach, or list those of two nodes."""
    from app.cli.show_graph import show_metapaths

    show_metapaths(experiment, workspace, more or [], between)
