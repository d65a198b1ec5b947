"""The commands about the graph, as a person types them."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import polars as pl
import pytest

from graph.explore.atlas import Atlas, picture


@pytest.fixture
def graph(autograph: Any, demo_workspace: Path) -> Any:
    """Runs `graph …` on the finished demo."""

    def invoke(*arguments: object, code: int = 0) -> str:
        told = autograph("graph", *arguments, "--workspace", demo_workspace)
        assert told.exit_code == code, told.output
        return str(told.stderr if code else told.output)

    return invoke


def test_find(graph: Any, atlas: Atlas) -> None:
    title = atlas.names.title(("item", 7))
    first = graph("find", "demo", *title.split(), "--limit", 1)
    assert first.startswith(atlas.key(("item", 7))) and title in first
    assert "Nothing holds all these words" in graph("find", "demo", "no", "such", "film")


@pytest.mark.parametrize("ending", ["graphml", "gexf"])
def test_saved_files_read_back(graph: Any, atlas: Atlas, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"around.{ending}"
    said = graph("save", "demo", path, "--view", "su3_h2_c60")
    read = {"graphml": nx.read_graphml, "gexf": nx.read_gexf}[ending]
    nodes = picture(atlas, "su3_h2_c60").subgraph.nodes
    assert set(read(path)) == {atlas.key(node) for node in nodes}
    assert f"{len(nodes)} nodes" in said


def test_tables_are_saved_beside_each_other(graph: Any, atlas: Atlas, tmp_path: Path) -> None:
    graph("save", "demo", tmp_path / "all.parquet")
    nodes = pl.read_parquet(tmp_path / "all.parquet")
    edges = pl.read_parquet(tmp_path / "all-edges.parquet")
    seen = picture(atlas, "").subgraph
    assert (nodes.height, edges.height) == (len(seen.nodes), len(seen.edges))
    assert set(edges["source"]) | set(edges["target"]) <= set(nodes["node"])


def test_a_path_node_by_node(graph: Any, atlas: Atlas) -> None:
    ends = atlas.key(("user", 0)), atlas.key(("user", 9))
    *lines, more = graph("path", "demo", *ends).splitlines()
    assert (lines[0].split()[0], lines[-1].split()[0]) == ends and len(lines) > 2
    types = [line.split(":")[0] for line in lines]
    assert more.startswith(f"All along {' > '.join(types)}: autograph graph metapaths")
    listed = graph(*shlex.split(more.split(": ", 1)[1])[2:])
    titles = [line.split("  ", 1)[1] for line in lines]
    assert " → ".join(titles) in listed.replace("\n", " ")


def test_metapaths_are_counted_and_listed(graph: Any, atlas: Atlas) -> None:
    from graph.explore.paths import count_instances
    from graph.latent import INTERACTIONS
    from graph.query.query import Query

    own = "user > item > item_factor"
    said = graph("metapaths", "demo", "--path", own)
    assert f"{count_instances(atlas.graph, Query.parse(own, atlas.schema)):,}" in said
    item = int(atlas.graph.neighbours(INTERACTIONS, 0)[0])
    pair = atlas.key(("user", 0)), atlas.key(("item", item))
    listed = graph("metapaths", "demo", "--between", *pair)
    assert " → ".join(map(atlas.names.title, (("user", 0), ("item", item)))) in listed


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("path", "demo", "item:nobody", "user:nobody"), "There is no item 'nobody'"),
        (("path", "demo", "film:1", "user:x"), "There is no film '1'"),
        (("path", "demo", "nobody", "user:x"), "its type stands before a colon"),
        (("save", "demo", "x.png"), "choose .svg, .graphml, .gexf or .parquet"),
        (("save", "demo", "x.gexf", "--view", "h7"), "hops is 7; choose 1 to 3"),
        (("metapaths", "demo", "--path", "user > item_factor"), "no such edges"),
        (("query", "demo", "user > itm"), "Letter 8 of the query: there is no type 'itm'; did you"),
        (("query", "demo", "g.V('user').ouV('item')"), "did you mean 'outV'"),
        (("query", "demo", "user where agee > 3"), "Nodes of type user have no attribute 'agee'"),
        (("query", "demo", "item", "--seeds", "user:user-001"), "starts from nodes of type item"),
        (("find", "nothing", "x"), "was not run in"),
    ],
)
def test_what_is_wrong_is_a_sentence(graph: Any, words: tuple[str, ...], sentence: str) -> None:
    assert sentence in " ".join(graph(*words, code=1).split())


def test_the_database_is_written_and_asked(graph: Any, atlas: Atlas, tmp_path: Path) -> None:
    pytest.importorskip("ladybug")
    from graph.database.write import read_database

    said = graph("database", "demo", "--folder", tmp_path)
    back = read_database(tmp_path / "graph.lbug")
    assert back.schema == atlas.schema and f"{sum(back.sizes.values()):,} nodes" in said
    name = atlas.names.title(("item", 7))
    assert back.attributes["item"]["name"][7] == name
    assert {"genres", "id"} <= {*back.attributes["item"]}
    asked = graph("cypher", "demo", "MATCH (i:item {number: 7}) RETURN i, i.id")
    assert name in asked and atlas.names.id(("item", 7)) in asked and "1 rows" not in asked


def test_writes_are_refused_in_a_sentence(graph: Any) -> None:
    pytest.importorskip("ladybug")
    told = graph("cypher", "demo", "MATCH (u:user) SET u.name = 'x'", code=1)
    assert "SET is not run here" in told and "^" in told


def test_a_query_is_walked_from_nodes_and_explained(graph: Any, atlas: Atlas) -> None:
    seeds = [atlas.key(("user", number)) for number in (3, 1)]
    words = [word for seed in seeds for word in ("--seeds", seed)]
    said = graph("query", "demo", "user as who > item:2 latest", *words, "--explain")
    assert "Starts from 2 users." in said
    assert "2 items, the latest first" in " ".join(said.split())
    assert "4 of 4 along who > item" in said
    for number in (3, 1):
        assert atlas.names.title(("user", number)) in said
    same = graph("query", "demo", "g.V('user').alias('who').outV('item').sample(2).by('latest')")
    assert "10 of 10 along who > item" in same and "Starts from" not in same


def test_a_query_is_walked_and_listed(graph: Any, atlas: Atlas) -> None:
    said = graph("query", "demo", "user:2 as u > (item:1 latest as i, user_factor)", "--rows", 3)
    assert atlas.names.title(("user", 1)) in said
    assert "of 2 along u > i" in said and "along u > user_factor" in said
    chain = "g.V('item').batch(2).inV('interacts').sample(1).by('latest').values()"
    assert "along item > user" in graph("query", "demo", chain)


def test_a_query_is_asked_as_of_a_date(graph: Any, atlas: Atlas) -> None:
    from datetime import UTC, datetime

    from graph.latent import INTERACTIONS

    times = np.sort(atlas.graph.relation(INTERACTIONS).moments[:]).astype(int)
    day = datetime.fromtimestamp(int(np.median(times)), UTC).strftime("%Y-%m-%d")
    second = datetime.fromisoformat(f"{day}T00:00+00:00").timestamp()
    every = len(atlas.graph.relation(INTERACTIONS).targets)
    before = int((times < second).sum())
    assert 0 < before < every
    words = "query", "demo", "user > item", "--start", str(atlas.graph.size("user"))
    assert f"of {every:,} along" in graph(*words)
    said = " ".join(graph(*words, "--time", day).split())
    assert f"of {before:,} along" in said
    assert f"As of {day}: of edges and nodes with times only the strictly older" in said
    assert "is no date" in graph(*words, "--time", "yesterday", code=1)
