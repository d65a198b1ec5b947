"""Pictures of asks, without a browser."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest
from fake_asks import make_asking

from app.results.asking import compare_answers
from app.results.colours import DARK, LIGHT, Palette
from app.ui.ask.charts import (
    EACH,
    THICK,
    THIN,
    drawn_places,
    height_of,
    moved_nodes,
    moves_chart,
    region_chart,
    region_in_words,
    weights_chart,
)
from recommend.protocols import Region

ADA, BO, CY = range(3)
WAR, BEES, ICE, NONE = range(4)


def crowd(n: int) -> Region:
    """Who asks hears n items, of weights that fall; the first of them hears somebody."""
    weights = np.arange(n, 0, -1, dtype=np.float32)
    kinds = ("user", "query", *["item"] * n, "user")
    sources, targets = np.arange(2, n + 3), np.array([0] * n + [2])
    heard = np.append(weights / weights.sum(), 1).astype(np.float32)
    shares = np.append(np.ones(n), -0.5).astype(np.float32)
    return Region(kinds, np.arange(n + 3), sources, targets, shares, heard, shares)


def test_a_column_a_step_and_an_edge_as_wide_as_its_weight() -> None:
    asking = make_asking()
    region = asking.of.region(ADA, BEES)
    spec = region_chart(region, asking.name, asking.kind)
    json.dumps(spec, allow_nan=False)
    (series,) = spec["series"]
    nodes = {node["id"]: node for node in series["data"]}
    assert [nodes[str(place)]["value"][0] for place in range(7)] == [0, 0, 1, 1, 1, 1, 2]
    assert [node["name"] for node in series["data"][:2]] == ["Ada", "bees, queen"]
    widths = {(one["source"], one["target"]): one["lineStyle"]["width"] for one in series["links"]}
    assert widths["6", "3"] == THICK, "the only one that is heard is heard whole"
    assert widths["2", "0"] == pytest.approx(THIN + (THICK - THIN) / 2, abs=0.01)
    rows = [tuple(node["value"]) for node in series["data"]]
    assert len({*rows}) == len(rows), "no node stands on another"
    shown = {entry["name"] for entry in spec["legend"]["data"]}
    assert shown == {"2 people", "4 films", "1 meaning"}
    assert height_of(spec) > 100
    assert region_in_words(region, asking.name) == (
        "Ada hears Hive, Sea War; bees, queen hears Hive, Queen"
    )


def test_the_heaviest_are_drawn_and_what_counts_against_is_dashed() -> None:
    region = crowd(9)
    assert drawn_places(region) == [0, 1, 2, 11, *range(3, 2 + EACH)]
    asking = make_asking()
    spec = region_chart(region, lambda kind, number: f"{kind} {number}", asking.kind)
    dashed = [one for one in spec["series"][0]["links"] if "type" in one["lineStyle"]]
    assert [one["source"] for one in dashed] == ["11"]


def test_names_have_more_room_in_a_wider_picture() -> None:
    asking = make_asking()
    for query, columns in ((BEES, 2), (ICE, 1)):
        region = asking.of.region(ADA if columns == 2 else BO, query)
        spec = region_chart(region, asking.name, asking.kind)
        assert spec["xAxis"]["max"] == columns
        rooms = [one["option"]["series"][0]["label"]["width"] for one in spec["media"]]
        assert rooms == sorted(rooms) and rooms[0] < rooms[1], "a column is wider than a telephone"
        sizes = [one.get("query") for one in spec["media"]]
        assert sizes[0]["maxWidth"] < sizes[1]["minWidth"], "one of them is drawn, not both"


def test_an_ask_of_which_nothing_is_read_is_drawn_all_the_same() -> None:
    none, asking = np.zeros(0, dtype=np.int64), make_asking()
    empty = np.zeros(0, dtype=np.float32)
    region = Region(("user", "query"), np.array([ADA, NONE]), none, none, empty, empty, empty)
    spec = region_chart(region, asking.name, asking.kind)
    json.dumps(spec, allow_nan=False)
    assert len(spec["series"][0]["data"]) == 2 and not spec["series"][0]["links"]
    assert asking.tell_region(region).startswith("Nothing was read")


def test_what_both_read_has_an_edge_to_both() -> None:
    asking = make_asking()
    first, second = (asking.answer(ADA, query, 2) for query in (BEES, ICE))
    moved = moved_nodes(first, second, compare_answers(first, second))
    assert [(one.node, one.weights) for one in moved] == [
        (("item", 3), (0.5, None)),
        (("item", 2), (0.5, 0.5)),
        (("item", 0), (0.5, 0.5)),
        (("item", 4), (None, 0.5)),
        (("item", 5), (None, 0.5)),
    ]
    asks = (("query", BEES), ("query", ICE))
    spec = moves_chart(moved, asks, asking.name, asking.kind)
    json.dumps(spec, allow_nan=False)
    ends = [(one["source"], one["target"]) for one in spec["series"][0]["links"]]
    assert ends == [
        ("0", "first"),
        *(("1", "first"), ("1", "second")),
        *(("2", "first"), ("2", "second")),
        *(("3", "second"), ("4", "second")),
    ]
    json.dumps(moves_chart([], asks, asking.name, asking.kind), allow_nan=False)


def test_weights_stand_in_the_row_of_their_ask() -> None:
    asking = make_asking()
    weights = asking.weights("user", CY, BEES)
    spec = weights_chart(weights)
    json.dumps(spec, allow_nan=False)
    assert spec["yAxis"]["data"] == ["bees, queen", "war", "ice"]
    assert spec["xAxis"]["data"] == ["Queen", "Hive", "Sea War"]
    cells = {tuple(one["value"][1::-1]): one["value"][2] for one in spec["series"][0]["data"]}
    assert cells[1, 2] == pytest.approx(
        weights.filter(name="war", title="Sea War")["weight"][0], abs=1e-4
    )
    assert spec["visualMap"]["max"] == pytest.approx(weights["weight"].max(), abs=1e-4)


@pytest.mark.parametrize("of", [LIGHT, DARK])
def test_figures_can_be_read_on_every_shade(of: Palette) -> None:
    """Contrast of WCAG 2.2, and 3 of it for what is as large as a title."""
    weights = make_asking().weights("user", CY, BEES)
    rows = weights.head(1).select(pl.all().repeat_by(101).explode())
    rows = rows.with_columns(item=pl.int_range(101), weight=pl.int_range(101) / 100)
    shades = [np.array(_rgb(of.of(name))) for name in ("background", "item")]
    for cell in weights_chart(rows)["series"][0]["data"]:
        share = cell["value"][2]
        shade = (1 - share) * shades[0] + share * shades[1]
        light, dark = sorted(map(_luminance, (shade, _rgb(of.of(cell["label"]["color"])))))[::-1]
        assert (light + 0.05) / (dark + 0.05) > 3, share


def _rgb(colour: str) -> list[int]:
    return [int(colour[at : at + 2], 16) for at in (1, 3, 5)]


def _luminance(colour: Sequence[float] | np.ndarray) -> float:
    """Of sRGB: https://www.w3.org/TR/WCAG22/#dfn-relative-luminance."""
    part = np.asarray(colour) / 255
    linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])
