"""Times as dates: a seed that stands at one sees what it sees at the same second as a number."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import polars as pl
import pytest

from data.errors import DataError
from data.relation import Relation
from graph.hetero import HeteroGraph
from graph.query.query import Query
from graph.sample.loader import Loader
from graph.sample.sampler import Sampler
from graph.schema import EdgeType, NodeType, Schema

BUYS = ("user", "buys", "item")
SHOP = Schema((NodeType("user"), NodeType("item")), (EdgeType(*BUYS, timed=True),))
DAYS = np.array(["2024-05-01", "2024-05-02", "2024-05-03"], dtype="datetime64[D]")
SECOND = "2024-05-02T00:00:01"


def _shop(**about):
    buys = Relation.between(np.zeros(3, dtype=int), np.arange(3), 1, 3, DAYS)
    return HeteroGraph(SHOP, {"user": 1, "item": 3}, {BUYS: buys}, about)


KINDS = [
    *(np.datetime64(SECOND, unit) for unit in ("s", "ms", "us", "ns")),
    datetime.fromisoformat(SECOND), SECOND, pl.Series([datetime.fromisoformat(SECOND)]),
    np.datetime64(SECOND, "s").astype(int) + 0.5,
]  # fmt: skip


@pytest.mark.parametrize("at", KINDS)
def test_a_date_hides_what_its_second_hides(at):
    sampler = Sampler(_shop(), Query.parse("user > item:8 latest", SHOP))
    assert sampler.sample(np.array([0]), at).nodes["item"].tolist() == [1, 0]
    loaded = next(iter(Loader(sampler, np.array([0]), at, ahead=0)))
    assert loaded.nodes["item"].tolist() == [1, 0]
    assert _shop().before({"user": at}).relation(BUYS).targets.tolist() == [0, 1]


def test_a_day_hides_the_day_itself():
    sampler = Sampler(_shop(), Query.parse("user > item:8 latest", SHOP))
    assert sampler.sample(np.array([0]), DAYS[1]).nodes["item"].tolist() == [0]


def test_nodes_are_there_from_their_dates_on():
    born = np.array(["2024-05-01", "2024-05-01", "2024-05-01"], dtype="datetime64[ns]")
    born[0] = np.datetime64("2024-05-09")
    sampler = Sampler(_shop(item={"time": born}), Query.parse("user > item:8 latest", SHOP))
    assert sampler.sample(np.array([0]), DAYS[2]).nodes["item"].tolist() == [1]


def test_no_time_is_a_sentence():
    sampler = Sampler(_shop(), Query.parse("user > item:8 latest", SHOP))
    for call in (
        lambda: sampler.sample(np.array([0]), np.datetime64("NaT")),
        lambda: Loader(sampler, times="soon"),
        lambda: _shop().before({"user": np.nan}),
    ):
        with pytest.raises(DataError, match="which is no time"):
            call()
