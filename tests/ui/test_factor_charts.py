"""Charts of factors, as the plain dicts that they are."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import polars as pl
import pytest
from test_frame import contrast

from app.results.colours import DARK, LIGHT
from app.ui.factors.charts import (
    INK,
    contrast_chart,
    curves_chart,
    flat,
    kept_chart,
    map_chart,
    sunburst,
    terms_chart,
    tree_map,
    usage_chart,
)
from app.ui.shared.charts import resolve_colours
from quantize.codebook_map import SCHEMA
from quantize.codes import hierarchy
from quantize.diagnostics import curve_table, usage

HOSTILE = "<img src=x onerror=alert(1)>{c}"
CODES = np.array([[0, 1], [0, 1], [0, 2], [2, 0]], np.int32)


def label(level: int, code: int) -> str:
    return f"{HOSTILE} {level}.{code}"


def points(levels: list[int]) -> pl.DataFrame:
    rows = [("code", level, code, -1, float(code), 1.0) for level in levels for code in range(3)]
    if len(levels) == 1:
        rows += [("member", levels[0], 0, row, 0.5, 0.5) for row in range(2)]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def formatters(spec: Any) -> list[str]:
    """Every template in a chart, wherever it stands."""
    if isinstance(spec, dict):
        own = [v for k, v in spec.items() if k in ("formatter", "valueFormatter")]
        return own + [found for v in spec.values() for found in formatters(v)]
    return [found for v in spec for found in formatters(v)] if isinstance(spec, list) else []


def colours(spec: Any) -> list[str]:
    """Every colour in a chart."""
    if isinstance(spec, dict):
        own = [v for k, v in spec.items() if k.lower().endswith("color")]
        flat_own = [one for v in own for one in (v if isinstance(v, list) else [v])]
        return flat_own + [found for v in spec.values() for found in colours(v)]
    return [found for v in spec for found in colours(v)] if isinstance(spec, list) else []


def every_chart() -> list[dict[str, Any]]:
    tree, sizes = hierarchy(CODES), {(0, 0): 3, (0, 2): 1}
    terms = pl.DataFrame({"term": [HOSTILE], "score": [2.0], "here": [1.0], "everywhere": [0.1]})
    contrast = pl.DataFrame({"term": [HOSTILE] * 2, "code": [0, 1], "share": [1.0, 0.0]})
    kept = pl.DataFrame({"method": [HOSTILE], "level": [0], "gained": [0.4]})
    return [
        map_chart(points([0]), sizes, label, (0, 0), "item"),
        map_chart(points([0, 1]), sizes, label, None, "user"),
        tree_map(hierarchy(CODES[:, :1]), label, 0, 2, "item"),
        sunburst(tree, label, [0, 1], "item"),
        terms_chart(terms, "item"),
        contrast_chart(contrast, {0: HOSTILE, 1: "b"}, "item"),
        curves_chart(curve_table(np.arange(12.0).reshape(2, 6), 2)),
        usage_chart(usage(CODES, 3), "item"),
        kept_chart(kept),
    ]


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_charts_are_json_and_texts_are_in_no_template(palette: Any) -> None:
    for spec in every_chart():
        drawn = resolve_colours(spec, palette)
        assert all(one == "transparent" or one.startswith("#") for one in colours(drawn)), drawn
        json.dumps(drawn, allow_nan=False)
        assert all(form in ("{b}",) or form.startswith("%") for form in formatters(spec)), spec


def test_only_colours_are_looked_up() -> None:
    spec = {"color": ["user", "red"], "data": [{"name": "user", "itemStyle": {"color": "user"}}]}
    assert resolve_colours(spec, LIGHT) == {
        "color": [LIGHT.user, "red"],
        "data": [{"name": "user", "itemStyle": {"color": LIGHT.user}}],
    }


def test_dots_are_as_large_as_their_codes_and_one_stands_out() -> None:
    spec = map_chart(points([0]), {(0, 0): 9, (0, 2): 1}, label, (0, 2), "item")
    members, codes, selected = spec["series"]
    assert [dot["value"][0] for dot in codes["data"]] == [0, 1, 2]
    sizes = [dot["symbolSize"] for dot in codes["data"]]
    assert sizes[0] > sizes[2] > sizes[1], "the code of nobody is the smallest"
    assert codes["selectedMode"] and codes["id"] == "codes-0"
    assert codes["itemStyle"]["color"] == "item_factor"
    assert selected["data"][0]["value"] == [2, 1] and selected["silent"]
    assert len(members["data"]) == 2
    assert map_chart(points([0]), {}, label, (1, 0), "item")["series"][-1]["id"] == "codes-0"


def test_members_of_the_selected_factor_have_the_colour_of_their_side() -> None:
    members = map_chart(points([0]), {}, label, (0, 0), "user")["series"][0]
    assert {dot["itemStyle"]["color"] for dot in members["data"]} == {"user"}


def test_levels_together_are_a_series_each() -> None:
    spec = map_chart(points([0, 1]), {}, label, None, "user")
    assert [series["id"] for series in spec["series"]] == ["codes-0", "codes-1"]
    assert len({series["itemStyle"]["color"] for series in spec["series"]}) == 2
    assert spec["legend"]["data"] == ["level 0", "level 1"]


def test_more_levels_than_colours_can_be_told_apart() -> None:
    series = map_chart(points(list(range(8))), {}, label, None, "item")["series"]
    assert len({(one["itemStyle"]["color"], one["symbol"]) for one in series}) == 8


def test_tiles_are_as_large_as_they_have_members() -> None:
    spec = tree_map(hierarchy(CODES[:, :1]), lambda t, c: f"{t}-{c}", 0, 2, "item")
    tiles = spec["series"][0]["data"]
    assert [(tile["name"], tile["value"]) for tile in tiles] == [("0-0", 3), ("0-2", 1)]
    assert tiles[1]["itemStyle"]["color"] == "text" != tiles[0]["itemStyle"]["color"]


def test_rings_nest_and_are_counted_as_echarts_counts_them() -> None:
    tree = hierarchy(CODES)
    spec = sunburst(tree, lambda t, c: f"{t}-{c}", [1, 2], "item")
    inner = spec["series"][0]["data"]
    assert [(ring["name"], ring["value"]) for ring in inner] == [("1-0", 3), ("1-2", 1)]
    assert [ring["name"] for ring in inner[0]["children"]] == ["2-1", "2-2"]
    assert flat(tree) == [(), (0,), (0, 1), (0, 2), (2,), (2, 0)]


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_letters_on_tiles_can_be_read(palette: Any) -> None:
    for kind in ("user_factor", "item_factor"):
        assert contrast(INK, palette.of(kind)) >= 4.5


def test_terms_are_shown_in_per_cent_best_on_top() -> None:
    terms = pl.DataFrame({"term": ["a", "b"], "here": [0.5, 0.25], "everywhere": [0.1, 0.2]})
    spec = terms_chart(terms, "item")
    assert spec["yAxis"]["data"] == ["b", "a"], "ECharts begins at the bottom"
    assert [series["data"] for series in spec["series"]] == [[25, 50], [20, 10]]


def test_cells_stand_where_term_and_factor_meet() -> None:
    table = pl.DataFrame(
        {"term": ["a", "a", "b", "b"], "code": [7, 3] * 2, "share": [1.0, 0.0, 0.5, 0.2]}
    )
    spec = contrast_chart(table, {7: "seven", 3: "three"}, "item")
    assert spec["xAxis"]["data"] == ["seven", "three"] and spec["yAxis"]["data"] == ["b", "a"]
    assert spec["series"][0]["data"] == [[0, 1, 100], [1, 1, 0], [0, 0, 50], [1, 0, 20]]


def test_losses_of_the_warm_up_have_no_logarithm() -> None:
    curves = curve_table(np.array([[3.0, 3, 0, 0], [2, 1.5, 0.4, 0.1]]), 1)
    spec = curves_chart(curves)
    assert [series["name"] for series in spec["series"]] == [
        "total",
        "reconstruction",
        "codes, level 0",
    ]
    assert spec["series"][2]["data"] == [None, 0.4]


def test_usage_falls() -> None:
    lines = usage_chart(usage(CODES, 3), "item")["series"]
    assert [line["data"] for line in lines] == [[3, 1, 0], [2, 1, 1]]


def test_a_method_that_is_worse_than_nothing_is_drawn_as_such() -> None:
    table = pl.DataFrame({"method": ["m", "m"], "level": [0, 1], "gained": [-0.02, 0.1]})
    assert [s["data"] for s in kept_chart(table)["series"]] == [[-2], [10]]
