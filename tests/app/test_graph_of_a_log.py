"""The graph of what users asked for, asked on the command line; the recommender is made by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest

import app.cli.graphs as command
from app.experiment.settings import Cell
from app.results.log_graph import FACTORS, LOG, focal, graph_for, open_graph
from data.columns import ITEM_ID, USER_ID
from data.dataset import INTERACTION_SCHEMA, Dataset, histories
from data.errors import ConfigError
from data.log import log_of
from data.relation import Relation
from graph.explore.atlas import Atlas
from graph.hetero import HeteroGraph
from graph.latent import latent_schema
from recommend.protocols import Focuses

CLOCK = 1_000_000_000
TAKEN = [("ann", "love", "a"), ("ann", "love", "b"), ("ann", "war", "c"), ("bob", "war", "d")]
CELL = Cell("zoomer", "none", 0)


class Fake:
    """Items 0 and 2 are near user 0 who asks for love, and item 1 is not."""

    relevance = "tanimoto"

    def alone(self, kind: str) -> np.ndarray:
        return {
            "user": np.array([[1.0, 0], [0, 0]]),
            "query": np.array([[1.0, 0], [0, 2]]),
            "item": np.array([[2.0, 0], [0, 2], [1, 0], [0, 1]]),
        }[kind]


def make_dataset() -> Dataset:
    users, items = ("ann", "bob"), ("a", "b", "c", "d")
    rows = [
        (users.index(u), items.index(i), CLOCK + 60 * at, 1.0) for at, (u, _, i) in enumerate(TAKEN)
    ]
    given = pl.DataFrame(
        [(u, q, i, CLOCK + 60 * at) for at, (u, q, i) in enumerate(TAKEN)],
        schema=[USER_ID, "query", ITEM_ID, "time"],
        orient="row",
    )
    people = pl.DataFrame({USER_ID: users})
    goods = pl.DataFrame(
        {ITEM_ID: items, "title": ["Ash", "Bee", "Cod", "Doe"], "price": [1, 2, 3, 4]}
    )
    made = pl.DataFrame(rows, schema=INTERACTION_SCHEMA, orient="row")
    return Dataset("by hand", people, goods, made, log=log_of(given, people, goods))


def make_results(*, log: bool = True, factors: bool = False, queries: str = LOG) -> Any:
    """What a finished experiment leaves, as far as graphs ask for it."""
    dataset = make_dataset()
    past = histories(dataset.interactions, dataset.n_users)
    of = SimpleNamespace(backbone=SimpleNamespace(queries=queries))
    record = SimpleNamespace(
        experiment=SimpleNamespace(name="shop", model_of=lambda _cell: of),
        finished_cells=lambda: [CELL],
        validated=lambda: {CELL: 0.5},
        cautions_of_graph=lambda: (),
    )
    schema = latent_schema()
    sizes = {"user": 2, "item": 4, "user_factor": 0, "item_factor": 0}
    nothing = np.zeros(0, dtype=np.int64)
    edges = {
        edge.key: Relation.between(
            nothing, nothing, sizes[edge.source], sizes[edge.target], nothing
        )
        for edge in schema.edges
    }
    bare = Atlas.of(HeteroGraph(schema, sizes, edges, {}), dataset)
    return SimpleNamespace(
        dataset=dataset if log else replace(dataset, log=None),
        histories=past,
        has_graph=factors,
        atlas=bare,
        described=bare,
        record=record,
        derive=lambda _name, make: make(),
        model=lambda _cell: SimpleNamespace(recommender=Fake()),
    )


@pytest.fixture
def query(autograph: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Runs `graph query shop …`, and gives what is said."""

    def invoke(*words: str, results: Any = None, code: int = 0) -> str:
        of = results or make_results()
        monkeypatch.setattr(command, "read_record", lambda *_: of.record)
        monkeypatch.setattr(command, "Results", lambda _record: of)
        told = autograph("graph", "query", "shop", *words)
        assert told.exit_code == code, told.output
        return " ".join(str(told.stderr if code else told.output).split())

    return invoke


def test_the_fake_is_one_that_chooses_by_focus() -> None:
    assert isinstance(Fake(), Focuses)


def test_its_edges_are_typed_and_weighed_and_nodes_have_names() -> None:
    graph = open_graph(make_results(), LOG).graph
    assert graph.schema.types == ("user", "query", "item")
    assert graph.relation(("user", "asks", "query")).weights.tolist() == [1, 1, 1]
    assert graph.attributes["item"]["name"] == ("Ash", "Bee", "Cod", "Doe")
    assert graph.attributes["item"]["price"].tolist() == [1, 2, 3, 4]


def test_what_is_not_training_is_not_in_it() -> None:
    results = make_results()
    kept = results.dataset.interactions.filter(pl.col("item") != 2)  # ann took it last, for war
    results.histories = histories(kept, 2)
    graph = open_graph(results, LOG).graph
    asks = graph.relation(("user", "asks", "query"))
    war = graph.numbers("query", ["war"])[0]
    assert war not in asks.of(0) and asks.of(1).tolist() == [war]


def test_a_query_goes_to_the_first_graph_that_it_fits() -> None:
    both = make_results(factors=True)
    assert graph_for(both, "user > item") == FACTORS
    assert graph_for(both, "user > query") == LOG
    assert graph_for(both, "user > nothing") == FACTORS
    assert graph_for(make_results(), "user > item") == LOG
    assert graph_for(make_results(factors=True, log=False), "user > query") == FACTORS


def test_the_same_language_walks_it(query: Callable[..., str]) -> None:
    said = query("user > query:1 topk > item where price < 2", "--seeds", "user:ann")
    assert "Graph of what users asked for" in said and "love" in said
    assert "Ash" in said and "Bee" not in said


def test_focal_draws_by_user_and_query(query: Callable[..., str]) -> None:
    words = ("user -had-> item:1 focal", "--seeds", "user:ann", "--focus", "user:ann")
    said = query(*words, "query:love")
    assert "who asks for love, by vectors of zoomer" in said
    assert "Ash" in said and "Bee" not in said and "Cod" not in said
    # (1, 2) · (0, 2) / (5 + 4 - 4) is .8 of Bee, and of Ash 2 / (5 + 4 - 2)
    said = query(*words, "query:war")
    assert "Bee" in said and "Ash" not in said


def test_the_focus_is_the_sum_of_both() -> None:
    found, cell = focal(make_results(), 0, 1)
    assert found.focus.tolist() == [[1.0, 2.0]] and cell == CELL


@pytest.mark.parametrize(
    ("words", "made", "sentence"),
    [
        (("user > item:2 focal",), {}, "Say which: --focus user:ann query:love."),
        (
            ("user > item:2 focal", "--focus", "query:love", "user:ann"),
            {},
            "--focus is a user and a query, in this order",
        ),
        (
            ("user > item:2 latest", "--focus", "user:ann", "query:love"),
            {},
            "No hop of the query draws by focal",
        ),
        (
            ("user > item:2 focal", "--focus", "user:ann", "query:hate"),
            {},
            "hate",
        ),
        (
            ("user > item:2 focal", "--focus", "user:ann", "query:love"),
            {"queries": "factors"},
            "and 'shop' has none. Add zoomer to grid.backbones",
        ),
        (("user > item:2 focal",), {"factors": True}, "the graph of latent factors has no queries"),
        (("user > query", "--graph", "log"), {"log": False}, "has no log of what users asked for"),
        (("user > query", "--graph", "logs"), {}, "There is no graph 'logs'"),
    ],
)
def test_what_a_strategy_or_graph_needs_is_a_sentence(
    query: Callable[..., str], words: tuple[str, ...], made: dict[str, Any], sentence: str
) -> None:
    assert sentence in query(*words, results=make_results(**made), code=1)


def test_no_graph_of_a_log_without_one() -> None:
    with pytest.raises(ConfigError, match="--graph factors"):
        open_graph(make_results(log=False), LOG)
