"""The Data screen without a browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from manifests import accept_changes
from opening import open_tables, press, sound, words
from streamlit.testing.v1 import AppTest

from app.experiment.file import load_experiment
from data import atomic
from data.catalogue import CATALOGUE
from data.uploads import uploads

Open = Callable[..., AppTest]
OWN = "Your own files"
SALES = "who,product,stars,when\n" + "".join(
    f"u{user},p{(user + step) % 7},{1 + step % 5},2024-05-{1 + step:02d}\n"
    for user in range(6)
    for step in range(5)
)


def bring(page: AppTest, text: str | bytes, name: str = "sales.csv") -> AppTest:
    content = text.encode() if isinstance(text, str) else text
    return page.file_uploader(key="upload-interactions").upload(name, content, "text/csv").run()


def test_the_demo_in_numbers(screen: Open, demo_workspace: Path) -> None:
    page = screen("data", demo_workspace)
    assert sound(page)
    shown = {metric.label: metric.value for metric in page.metric}
    assert shown["Users"] == "400" and shown["Interactions"] == "2,856"
    assert "that the user had before: 0.00%." in words(page)
    assert shown["Sparsity"] == f"{1 - 2856 / (400 * int(shown['Items'])):.2%}"
    rows = page.dataframe[0].value
    assert list(rows.columns[:3]) == ["user_id", "item_id", "title"] and len(rows) == 1000
    assert "of 2,856 rows" in words(page)


def test_every_picture_has_its_table(screen: Open, demo_workspace: Path) -> None:
    names = ("table-lengths", "popularity-ranks", "table-timeline", "table-split", "table-cold")
    page = open_tables(screen("data", demo_workspace), *names)
    tables = [one.value for one in page.dataframe]
    lengths, ranks, *_, split, cold = tables[:-1]
    assert sound(page) and len(tables) in (5, 6), "the demo may have no dates"
    assert lengths["users"].sum() == 400 and ranks["rank"][0] == 1
    assert split["interactions"].sum() == 2856 and cold["test items"].sum() == 400
    alts = [chart.proto.alt for chart in page.get("echarts_chart")]
    assert any(f"Test {split['interactions'].iloc[-1]}" in alt for alt in alts)
    assert any(f"Never {cold['test items'][0]:,}" in alt for alt in alts)


@pytest.mark.parametrize("kind", ["Users", "Items"])
def test_other_tables(screen: Open, demo_workspace: Path, kind: str) -> None:
    page = screen("data", demo_workspace, rows=kind)
    assert sound(page) and page.dataframe[0].value.columns[0] == f"{kind[:-1].lower()}_id"


def test_bad_rows_are_listed(screen: Open, own_workspace: Path) -> None:
    path = next((own_workspace / "artifacts" / "dataset").glob("*/bad_rows.parquet"))
    rows = {"file": ["a.csv"], "line": [7], "reason": ["weight is <b>x</b>, not a number"]}
    atomic.write_parquet(path, pl.DataFrame(rows))
    accept_changes(path.parent)
    page = screen("data", own_workspace)
    assert not page.exception
    assert [one for one in page.dataframe if "line" in one.value], [e.value for e in page.error]


def test_an_empty_workspace_offers_the_demo(screen: Open, empty_workspace: Path) -> None:
    page = screen("data", empty_workspace)
    assert sound(page) and "Build the demo" in [button.label for button in page.button]


@pytest.mark.parametrize("part", ["Catalogue", OWN])
def test_other_tabs_need_no_experiment(screen: Open, empty_workspace: Path, part: str) -> None:
    assert sound(screen("data", empty_workspace, part=part))


def test_a_damaged_result_is_a_sentence(screen: Open, own_workspace: Path) -> None:
    for path in (own_workspace / "artifacts" / "dataset").glob("*/interactions.parquet"):
        path.write_bytes(b"broken")
    page = screen("data", own_workspace)
    assert not page.exception and len(page.error) == 1 and "damaged" in page.error[0].value


def test_a_damaged_record_leaves_the_other_tabs(screen: Open, own_workspace: Path) -> None:
    (own_workspace / "runs" / "demo.json").write_text("{")
    assert len(screen("data", own_workspace).error) == 1
    assert sound(screen("data", own_workspace, part=OWN))


def test_cards_hold_terms_and_state(screen: Open, empty_workspace: Path) -> None:
    folder = empty_workspace / "downloads" / "ml-100k"
    folder.mkdir(parents=True)
    for name in CATALOGUE["ml-100k"].files:
        (folder / name).write_text("x")
    page = screen("data", empty_workspace, part="Catalogue")
    assert sound(page)
    titles = [part.value for part in page.subheader]
    assert titles == [card.title for name, card in CATALOGUE.items() if name != "files"]
    downloads = [button.key for button in page.button if button.label == "Download"]
    assert "data-download-ml-1m" in downloads and "data-download-ml-100k" not in downloads
    assert "no commercial use" in words(page).replace("\\", "")


SHOP = "\ufeffKunden Nr;Art.-Nr.;Bestelldatum;Betrag €\n" + "".join(
    f"K{user};A{(user + step) % 7};{28 - step}.08.2025 03:26;{step},95\n"
    for user in range(6)
    for step in range(5)
)


def test_a_european_shop_needs_no_knowledge(screen: Open, empty_workspace: Path) -> None:
    page = bring(screen("data", empty_workspace, part=OWN), SHOP)
    assert sound(page), [error.value for error in page.error]
    chosen = {one.label: one.value for one in page.selectbox}
    assert (chosen["User"], chosen["Item"]) == ("Kunden Nr", "Art.-Nr.")
    assert chosen["Time"] == "Bestelldatum"
    said = words(page)
    assert "day first, since 28 \\> 12 in line 2" in said or "since 28 > 12 in line 2" in said
    assert said.count("August 2025") == 3
    assert {m.label: m.value for m in page.metric}["Interactions"] == "30"
    page = press(page, "Save")
    saved = load_experiment(str(empty_workspace / "experiments" / "sales.toml")).data.files
    assert saved is not None and (saved.separator, saved.time) == (";", "Bestelldatum")


def test_the_order_of_rows_has_to_be_said(screen: Open, empty_workspace: Path) -> None:
    page = bring(screen("data", empty_workspace, part=OWN), SHOP)
    page = next(one for one in page.selectbox if one.label == "Time").select_index(0).run()
    assert "looks like times" in page.warning[0].value
    assert "no column of times is named" in page.error[0].value
    assert "Save" not in [button.label for button in page.button]
    page = next(box for box in page.checkbox if "order of the rows" in box.label).check().run()
    assert sound(page) and "the order of the rows stands for them" in words(page)


def test_an_ambiguous_date_is_asked_for(screen: Open, empty_workspace: Path) -> None:
    rows = "".join(f"u{u},p{i},0{1 + i}/0{2 + i}/2024\n" for u in range(6) for i in range(5))
    page = bring(screen("data", empty_workspace, part=OWN), "user,item,date\n" + rows)
    assert "How times are written" in page.error[0].value
    field = next(one for one in page.selectbox if one.label == "How times are written")
    page = field.select("month first").run()
    assert sound(page) and "2 January 2024" in words(page)


def test_upload_guess_save(screen: Open, empty_workspace: Path) -> None:
    page = bring(screen("data", empty_workspace, part=OWN), SALES)
    assert sound(page)
    chosen = {one.label: one.value for one in page.selectbox}
    assert (chosen["User"], chosen["Item"]) == ("who", "product")
    assert (chosen["Time"], chosen["Rating or count"]) == ("when", "stars")
    shown = {metric.label: metric.value for metric in page.metric}
    assert shown == {"Users": "6", "Items": "7", "Interactions": "30"}
    page = press(page, "Save")
    assert sound(page) and "Saved as sales" in page.success[0].value
    saved = load_experiment(str(empty_workspace / "experiments" / "sales.toml"))
    files = saved.data.files
    assert files is not None and files.interactions.read_text() == SALES
    assert (files.user, files.item, files.time, files.weight) == ("who", "product", "when", "stars")
    assert "autograph run" in words(page) and "sales.toml" in words(page)


def test_rows_that_cannot_be_used_are_listed_and_decided(
    screen: Open, empty_workspace: Path
) -> None:
    page = bring(screen("data", empty_workspace, part=OWN), SALES + "u1,,3,2024-05-09\nu2,p1,x,\n")
    assert not page.exception
    assert page.dataframe[-1].value["line"].tolist() == [32, 33]
    assert page.button(key="own-save").disabled
    page = page.checkbox(key="own-skip").check().run()
    page = page.button(key="own-save").click().run()
    assert sound(page)
    saved = load_experiment(str(empty_workspace / "experiments" / "sales.toml"))
    assert saved.data.on_bad_row == "skip"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", b"", "empty"),
        ("a.csv", b"PK\x03\x04", "ZIP"),
        ("a.csv", "who,what\nJos\u00e9,1\n".encode("latin-1"), "not utf-8"),
        ("a.csv", b"who,who\n1,2\n", "twice"),
        ("a.csv", b"who\n1\n", "different columns"),
        ("a.parquet", b"PAR1PAR1", "no Parquet file"),
    ],
)
def test_what_is_no_table_is_a_sentence(
    screen: Open, empty_workspace: Path, name: str, content: bytes, said: str
) -> None:
    page = bring(screen("data", empty_workspace, part=OWN), content, name)
    assert not page.exception and len(page.error) == 1
    assert said in page.error[0].value.replace("\\", "")


def test_markup_in_a_table_stays_text(screen: Open, empty_workspace: Path) -> None:
    hostile = SALES.replace("who", "<b>who</b>").replace("u1,", "<script>u1,")
    page = bring(screen("data", empty_workspace, part=OWN), hostile, "<b>x</b>.csv")
    assert sound(page) and "<b>" not in words(page)
    assert [one.path.name for one in uploads(empty_workspace)] == ["b.csv"]


def test_another_experiment_of_that_name_stays_unless_told(
    screen: Open, empty_workspace: Path
) -> None:
    page = press(bring(screen("data", empty_workspace, part=OWN), SALES), "Save")
    path = empty_workspace / "experiments" / "sales.toml"
    before = path.read_text()
    page = page.number_input(key="own-min-history").set_value(4).run()
    page = page.button(key="own-save").click().run()
    assert "another experiment" in page.error[0].value and path.read_text() == before
    page = page.checkbox(key="own-replace").check().run()
    page = page.button(key="own-save").click().run()
    assert sound(page) and "min_history = 4" in path.read_text()


def test_items_beside_interactions(screen: Open, empty_workspace: Path) -> None:
    page = bring(screen("data", empty_workspace, part=OWN), SALES)
    table = "nr,label,genres\n" + "".join(f"p{k},Thing {k},a|b\n" for k in range(7))
    goods = page.file_uploader(key="upload-items")
    page = goods.upload("goods.csv", table.encode(), "text/csv").run()
    assert sound(page)
    page = press(page, "Save")
    files = load_experiment(str(empty_workspace / "experiments" / "sales.toml")).data.files
    assert files is not None and (files.items_id, files.title) == ("nr", "label")
    assert files.list_columns == ("genres",) and files.list_separator == "|"


SEARCHES = "who,words,product,when,visit\n" + "".join(
    f"u{user},{words},p{(user + step) % 7},2024-05-{1 + step:02d},{user}\n"
    for user in range(6)
    for step, words in enumerate(("red lamps", "chairs") * 3)
)


def with_log(page: AppTest, text: str = SEARCHES) -> AppTest:
    """The page after a log was brought beside interactions."""
    log = page.file_uploader(key="upload-log")
    return log.upload("searches.csv", text.encode(), "text/csv").run()


def of_log(page: AppTest, label: str) -> Any:
    """The field that says which column of the log something is."""
    return next(one for one in page.selectbox if one.key.startswith(f"column-{label}-log-"))


def test_a_log_beside_interactions(screen: Open, empty_workspace: Path) -> None:
    page = with_log(bring(screen("data", empty_workspace, part=OWN), SALES))
    assert sound(page), [error.value for error in page.error]
    labels = ("User", "Query", "Item", "Time", "Ask")
    named = [of_log(page, label).value for label in labels]
    assert named == ["who", "words", "product", "when", "visit"]
    shown = {metric.label: metric.value for metric in page.metric}
    assert (shown["Asks"], shown["Queries"], shown["Items taken"]) == ("12", "2", "36")
    page = of_log(page, "Ask").select_index(0).run()
    shown = {metric.label: metric.value for metric in page.metric}
    assert shown["Asks"] == "36", "days lie between rows"
    page = press(page, "Save")
    path = empty_workspace / "experiments" / "sales.toml"
    files = load_experiment(str(path)).data.files
    assert files is not None and files.log is not None
    assert files.log.path.read_text() == SEARCHES
    block = path.read_text().partition("[data.files.log]\n")[2].partition("\n\n")[0].splitlines()
    assert block == [
        f'path = "{files.log.path}"',
        'user = "who"',
        'query = "words"',
        'item = "product"',
        'time = "when"',
    ]


def test_without_a_log_the_file_names_none(screen: Open, empty_workspace: Path) -> None:
    page = press(bring(screen("data", empty_workspace, part=OWN), SALES), "Save")
    assert sound(page) and "Asks" not in {metric.label for metric in page.metric}
    assert "[data.files.log" not in (empty_workspace / "experiments" / "sales.toml").read_text()


def test_one_file_may_be_interactions_and_log(screen: Open, empty_workspace: Path) -> None:
    page = bring(screen("data", empty_workspace, part=OWN), SEARCHES, "searches.csv")
    page = page.selectbox(key="own-log").select_index(0).run()
    assert sound(page), [error.value for error in page.error]
    assert {m.label: m.value for m in page.metric}["Queries"] == "2"
    page = page.selectbox(key="own-items").select_index(0).run()
    page = page.selectbox(key="own-users").select_index(0).run()
    assert not page.exception


def test_what_a_log_lacks_is_a_sentence(screen: Open, empty_workspace: Path) -> None:
    page = with_log(bring(screen("data", empty_workspace, part=OWN), SALES))
    page = of_log(page, "Query").select("when").run()
    assert not page.exception
    assert "of the log have to be different columns" in page.error[0].value
    page = of_log(page, "Query").select("words").run()
    time = next(one for one in page.selectbox if one.label == "Time")
    page = time.select_index(0).run()
    assert not page.exception and "nobody knows which came first" in page.error[0].value
    assert "Save" not in [button.label for button in page.button]


def test_rows_of_a_log_that_do_not_fit_are_told(screen: Open, empty_workspace: Path) -> None:
    rows = "ghost,lamps,p1,2024-05-01,9\nu1,,p1,2024-05-01,9\n"
    page = with_log(bring(screen("data", empty_workspace, part=OWN), SALES), SEARCHES + rows)
    assert sound(page) and "1 of users or items without interactions" in words(page)
    assert page.dataframe[-1].value["line"].tolist() == [39]
    only = SEARCHES.partition("\n")[0] + "\nghost,lamps,p1,2024-05-01,9\n"
    page = with_log(bring(screen("data", empty_workspace, part=OWN), SALES), only)
    said = page.error[0].value.replace("\\", "")
    assert not page.exception and "No row of searches.csv is of a user" in said
