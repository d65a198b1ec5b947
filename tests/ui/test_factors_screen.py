"""The screen of factors, on workspaces that are finished, empty or broken."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from manifests import accept_changes
from opening import open_tables, words

from app.pipeline.records import read_record
from app.results.results import Results
from app.ui.factors.charts import CODES
from app.ui.factors.factor import ALL, LEVEL, level_title
from app.ui.shared.frame import plain

Screen = Callable[..., Any]
OTHERS = ["rq-kmeans", "hierarchical", "lsh", "pq"]
"""Methods that the demo did not use."""


@pytest.fixture(scope="module")
def lexicon(demo_workspace: Path) -> Any:
    return Results(read_record("demo", demo_workspace)).lexicon("item")


@pytest.fixture(scope="module")
def factor(lexicon: Any) -> tuple[int, int]:
    """The largest factor of the first level that words tell apart."""
    sizes = np.bincount(lexicon.codes.codes[:, 0])
    named = [c for c in np.argsort(-sizes) if lexicon.terms(0, int(c)).height]
    return 0, int(named[0])


def test_figures_of_the_codes_are_those_of_the_stage(
    screen: Screen, demo_workspace: Path, lexicon: Any
) -> None:
    page = screen("factors", demo_workspace)
    assert not page.exception and not page.error
    figures = lexicon.codes.statistics
    values = {metric.label: metric.value for metric in page.metric}
    assert values["Collisions"] == f"{figures['collisions']:.1%}"
    assert values["Perplexity"] == f"{figures['perplexity'][0]:,.0f} of {figures['k']:,}"
    assert "Choose a factor" in words(page)


def test_pictures_of_the_codes_have_their_tables(screen: Any, demo_workspace: Path) -> None:
    page = screen("factors", demo_workspace, aspect="Codes in use")
    page = open_tables(page, "table-usage-item", "table-losses-item")
    columns = [set(one.value.columns) for one in page.dataframe]
    assert not page.exception and not page.error
    assert sum({"level", "members"} <= names for names in columns) == 1
    assert sum("epoch" in names for names in columns) == 1


def test_a_factor_in_the_address_shows_its_page(
    screen: Screen, demo_workspace: Path, lexicon: Any, factor: tuple[int, int]
) -> None:
    page = screen("factors", demo_workspace, node=f"item_factor:0-{factor[1]}")
    assert not page.exception and not page.error
    members = lexicon.members(*factor)
    assert f"{members.height:,} of 531 items have it" in words(page)
    (shown,) = [t.value for t in page.dataframe if "title" in t.value.columns]
    assert shown["id"].to_list() == members["id"].to_list()
    record = read_record("demo", demo_workspace)
    from llm.knowledge import Knowledge

    texts = Knowledge.load(record.folder("knowledge-item")).texts
    assert page.text[0].value == texts[members["row"][0]], "the text of the most typical member"


def test_choosing_in_the_list_selects_for_the_whole_page(
    screen: Screen, demo_workspace: Path, factor: tuple[int, int]
) -> None:
    page = screen("factors", demo_workspace)
    page.selectbox(key="factor-item").set_value(factor).run()
    assert page.query_params["node"] in (
        f"item_factor:0-{factor[1]}",
        [f"item_factor:0-{factor[1]}"],
    )
    assert f"Factor 0-{factor[1]} of items" in words(page)


def test_the_side_follows_the_selected_node(screen: Screen, demo_workspace: Path) -> None:
    page = screen("factors", demo_workspace, node="user_factor:0-1")
    assert "Factor 0-1 of users" in words(page)
    page.segmented_control(key="side").set_value("Items").run()
    assert not page.exception and "Choose a factor" in words(page)


def test_an_item_of_another_screen_offers_its_factors(
    screen: Screen, demo_workspace: Path, lexicon: Any
) -> None:
    page = screen("factors", demo_workspace, node=f"item:{lexicon.codes.ids[0]}")
    code = int(lexicon.codes.codes[0, 1])
    page.button(key=f"of-item-1-{code}").click().run()
    assert page.query_params["node"] in (f"item_factor:1-{code}", [f"item_factor:1-{code}"])
    assert f"Factor 1-{code} of items" in words(page)


def test_the_map_follows_to_the_level_of_the_factor(screen: Screen, demo_workspace: Path) -> None:
    page = screen("factors", demo_workspace, node="item_factor:0-1")
    assert page.segmented_control(key=LEVEL).value == level_title(0)
    page.selectbox(key="factor-item").set_value((2, 1)).run()
    assert not page.exception and page.segmented_control(key=LEVEL).value == level_title(2)
    page.segmented_control(key=LEVEL).set_value(ALL).run()
    page.selectbox(key="factor-item").set_value((1, 1)).run()
    assert not page.exception and page.segmented_control(key=LEVEL).value == ALL
    page = screen("factors", demo_workspace, node="item_factor:2-1", level=level_title(1))
    assert page.segmented_control(key=LEVEL).value == level_title(1), "as the link says"
    page = screen("factors", demo_workspace, node="item_factor:2-1", level="Level 9")
    assert page.segmented_control(key=LEVEL).value == level_title(2)


def test_a_map_that_is_drawn_anew_forgets_what_was_clicked(
    screen: Screen, demo_workspace: Path
) -> None:
    page = screen("factors", demo_workspace, level=level_title(0))
    for aspect, known in (("Map", True), ("Hierarchy", True), ("Map", False)):
        page.session_state["aspect"] = aspect
        if known:
            page.session_state["map-item-0-known"] = {(f"{CODES}-0", 3)}
        page.run()
        assert not page.exception and ("map-item-0-known" in page.session_state) == known


@pytest.mark.parametrize("node", ["item_factor:9-1", "item_factor:0-100000", "item_factor:<b>"])
def test_a_factor_that_is_not_there_is_said_to_be_missing(
    screen: Screen, demo_workspace: Path, node: str
) -> None:
    page = screen("factors", demo_workspace, node=node)
    assert not page.exception and "There is no item factor" in page.warning[0].value
    assert "<b>" not in page.warning[0].value


@pytest.mark.parametrize("aspect", ["Hierarchy", "Codes in use", "Other methods"])
@pytest.mark.parametrize("side", ["Items", "Users"])
def test_every_aspect_is_drawn(
    screen: Screen, demo_workspace: Path, aspect: str, side: str
) -> None:
    page = screen("factors", demo_workspace, aspect=aspect, side=side)
    assert not page.exception and not page.error
    if aspect == "Other methods":
        assert "rq-vae" in page.dataframe[0].value["method"].to_list()


def test_other_methods_are_started_as_a_job(
    screen: Screen, own_workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Any] = []
    monkeypatch.setattr("app.ui.shared.jobs.start", lambda *given: started.append(given))
    page = screen("factors", own_workspace, aspect="Other methods")
    (button,) = [one for one in page.button if one.label == f"Compare with {', '.join(OTHERS)}"]
    button.click().run()
    (given,) = started
    assert given[1:3] == ("alternatives", ("factors", "alternatives", "demo", "item"))


def test_other_methods_are_shown_once_they_are_fitted(screen: Screen, own_workspace: Path) -> None:
    from app.results.alternatives import fit_alternatives

    fit_alternatives(read_record("demo", own_workspace), "item")
    page = screen("factors", own_workspace, aspect="Other methods")
    assert not page.exception
    shown = page.dataframe[0].value["method"].to_list()
    assert shown == [method for method in ["rq-vae", *OTHERS] for _ in range(3)]
    assert not [one for one in page.button if one.label.startswith("Compare")]


def test_an_empty_workspace_offers_the_demo(screen: Screen, empty_workspace: Path) -> None:
    page = screen("factors", empty_workspace)
    assert not page.exception and "Nothing here yet" in words(page)


def test_an_experiment_without_a_graph_says_what_is_missing(
    screen: Screen, own_workspace: Path
) -> None:
    from app.pipeline.records import keep_record

    record = read_record("demo", own_workspace)
    plain = {cell: keys for cell, keys in record.cells.items() if cell.enhancer == "none"}
    keys = {stage: record.keys[stage] for stage in ("dataset", "split")}
    keep_record(record.experiment, own_workspace, keys, plain)
    page = screen("factors", own_workspace)
    assert not page.exception and "Not finished yet" in words(page)


@pytest.mark.parametrize("name", ["codes-item/*/codes.parquet", "factors-item/*/factors.parquet"])
def test_a_damaged_result_is_a_sentence(screen: Screen, own_workspace: Path, name: str) -> None:
    (path,) = (own_workspace / "artifacts").glob(name)
    path.write_bytes(b"damaged!")
    page = screen("factors", own_workspace)
    assert not page.exception and "is damaged" in page.error[0].value


def test_hostile_titles_and_texts_stay_text(
    screen: Screen, own_workspace: Path, factor: tuple[int, int]
) -> None:
    import polars as pl

    hostile = "<script>alert(1)</script> **[x](javascript:1)** :material/home:"
    record = read_record("demo", own_workspace)
    path = record.folder("dataset") / "items.parquet"
    pl.read_parquet(path).with_columns(title=pl.lit(hostile)).write_parquet(path)
    accept_changes(path.parent)
    page = screen("factors", own_workspace, node=f"item_factor:0-{factor[1]}")
    assert not page.exception and not page.error
    said = {one.value for one in page.markdown if "script" in one.value}
    assert said == {f"**{plain(hostile)}**"}
