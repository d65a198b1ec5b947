"""The report: one file that asks nothing of any network, and whose texts are texts."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from app.experiment.settings import Cell
from app.pipeline.records import Record, read_record
from app.results.comparison import compare_contenders, contenders
from app.results.metrics import result_table
from app.results.report import Report, gather, render, write_report
from app.results.report_parts import Against, Meaning, chosen_and_rival
from app.results.results import Results
from data.errors import ConfigError
from graph.latent import LatentGraph

EVIL = '</style><script>alert("1")</script><img src=x onerror=alert(2)>{{ 7 * 7 }}'


class Page(HTMLParser):
    """Tags with their attributes, and the visible text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._hidden = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._hidden = tag == "style"

    def handle_endtag(self, tag: str) -> None:
        self._hidden = False

    def handle_data(self, data: str) -> None:
        self.text += "" if self._hidden else f" {data}"


def said(report: Report) -> str:
    """The visible text of a report, in a line."""
    return " ".join(Page(render(report)).text.split())


@pytest.fixture(scope="module")
def record(finished: Path) -> Record:
    return read_record("tiny", finished)


@pytest.fixture(scope="module")
def report(record: Record) -> Report:
    return gather(Results(record))


@pytest.fixture(scope="module")
def page(report: Report) -> Page:
    return Page(render(report))


def test_nothing_is_fetched_and_nothing_runs(page: Page) -> None:
    asking = {"src", "href", "srcset", "action", "data", "poster", "background", "formaction"}
    for tag, attributes in page.tags:
        assert tag not in {"script", "link", "iframe", "object", "embed", "base", "form", "img"}
        assert not asking & set(attributes), (tag, attributes)
        assert not any(name.startswith("on") for name in attributes)
    policies = [a["content"] for t, a in page.tags if a.get("http-equiv")]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'"]


def test_style_sheets_fetch_nothing(report: Report) -> None:
    html = render(report)
    assert "url(" not in html and "@import" not in html


def test_every_part_is_there(page: Page, report: Report, record: Record) -> None:
    for heading in ("and why", "How good it is", "The graph", "Who described", "The data"):
        assert heading in page.text
    for row in result_table(record).iter_rows(named=True):
        for metric in ("ndcg@10", "hr@10", "mrr", "gauc"):
            assert f"{row[metric]:.4f}" in page.text
    assert [row.enhancer for row in report.rows] == ["none", "autograph"]
    assert report.rows[0].scores["ndcg@10"].change == ""
    for person in report.examples:
        assert person.name in page.text and len(person.lists) == 2
        for shown in person.lists.values():
            assert [one.rank for one in shown] == list(range(1, len(shown) + 1))
    assert report.picture is not None
    assert sum(tag == "circle" for tag, _ in page.tags) == len(report.picture.dots)


def test_the_first_sentence_is_the_best_recommender_s(page: Page, report: Report) -> None:
    best = max(report.rows, key=lambda row: row.valid)
    words = " ".join(page.text.split())
    assert f"For {round(100 * best.scores['hr@10'].mean)} of 100 people {best.title} has" in words
    assert "chosen on validation, where it ranks best of 2" in words
    assert "its first ten, out of all items that the user has not had before." in words


def test_validation_decides_which_is_the_best(report: Report, record: Record) -> None:
    plain, enhanced = report.rows
    for row in report.rows:
        cell = Cell(row.backbone, row.enhancer, 0)
        assert row.valid == record.summary("train", cell)["valid_ndcg@10"]
    low, high = replace(enhanced, valid=0.1), replace(plain, valid=0.2)
    assert chosen_and_rival([high, low]) == (high, low), "whatever the test says"
    first = replace(enhanced, valid=0.3)
    assert chosen_and_rival([high, first]) == (first, high)
    leaky = replace(first, marks="†")
    assert chosen_and_rival([high, leaky]) == (high, leaky)
    assert chosen_and_rival([leaky]) == (leaky, None)


def test_the_rival_is_the_best_plain_one_not_the_twin(report: Report) -> None:
    plain, enhanced = report.rows
    chosen = replace(enhanced, backbone="mind", valid=0.4)
    twin = replace(plain, backbone="mind", valid=0.1)
    best_plain = replace(plain, backbone="sasrec", valid=0.3)
    assert chosen_and_rival([twin, best_plain, chosen]) == (chosen, best_plain)


def test_an_interval_that_holds_zero_is_no_difference(report: Report) -> None:
    plain, enhanced = report.rows
    row = {"difference": 0.04, "low": -0.01, "high": 0.09}
    unsure = Against(plain, dict.fromkeys(("hr@10", "ndcg@10"), row))
    words = said(replace(report, chosen=enhanced, against=unsure))
    assert f"is {plain.title}: {100 * plain.scores['hr@10'].mean:.2f} of 100 people" in words
    reach = "(95 % interval -1.00 to +9.00, which holds zero)"
    assert f"no difference that is certain {reach}" in words
    sure = replace(unsure, differences={"hr@10": {**row, "low": 0.01}})
    words = said(replace(report, chosen=enhanced, against=sure))
    assert "a difference of +4.00 (95 % interval +1.00 to +9.00)" in words
    assert "no difference that is certain" not in words


def test_changes_of_the_table_are_told_by_their_intervals(report: Report, record: Record) -> None:
    table = compare_contenders(contenders([record])).filter(run="gru4rec+autograph")
    for row in table.iter_rows(named=True):
        score = report.rows[1].scores[row["metric"]]
        sure = row["low"] > 0 or row["high"] < 0
        assert score.change == (f"{row['change']:+.1f} %" if sure else "no difference")
        assert score.better == (row["difference"] > 0 if sure else None)
    assert report.against is not None
    assert report.against.differences["mrr"]["low"] in (
        table.filter(metric="mrr")["low"][0],
        -table.filter(metric="mrr")["high"][0],
    )


def test_what_a_user_had_later_is_marked_and_not_known(report: Report, record: Record) -> None:
    case = Results(record).showcase
    for person in report.examples:
        user = case.people.index(person.name)
        history = [case.title(item) for item in case.histories.of(user)[::-1]]
        assert list(person.history) == history[: len(person.history)]
        assert person.more == len(history) - len(person.history)
        assert list(person.later) == [case.title(item) for item in case.later[user]]
        for shown in person.lists.values():
            for one in shown:
                assert one.title not in history
                assert one.later == (one.title in person.later)


def test_whatever_a_name_holds_it_is_shown_as_it_is(report: Report) -> None:
    person = report.examples[0]
    recommender, shown = next(iter(person.lists.items()))
    whys = (why for shown in person.lists.values() for one in shown for why in one.whys)
    drawn = next(why for why in whys if why.steps)
    evil = replace(drawn, steps=(("x",), (EVIL,), (EVIL,), (EVIL,)))
    lists = {recommender: (replace(shown[0], title=EVIL, gist=EVIL, whys=(evil,)),)}
    changed = replace(
        report,
        examples=[
            replace(person, name=EVIL, about=EVIL, history=(EVIL,), later=(EVIL,), lists=lists)
        ],
        meanings=[Meaning(EVIL, 3, (EVIL,), (EVIL,))],
        told=[replace(one, text=EVIL, prompt=(("user", EVIL),)) for one in report.told],
        picture=replace(
            report.picture, dots=tuple(replace(d, name=EVIL) for d in report.picture.dots)
        ),
        settings=EVIL,
    )  # fmt: skip
    html = render(changed)
    page = Page(html)
    assert "<script" not in html and "<img" not in html
    assert "\x1b" not in render(replace(changed, settings="\x1b[31m")), (
        "nor does a terminal obey it"
    )
    assert page.text.count(EVIL) > 10 and "49" not in page.text.split(EVIL)[1][:20]


def test_a_report_is_small_enough_to_be_mailed(report: Report, page: Page) -> None:
    assert len(render(report).encode()) < 500_000
    long = replace(report, settings="x" * 5_000_000)
    with pytest.raises(ConfigError, match=r"5\.\d MB"):
        render(long)


def test_paths_of_this_machine_are_nobody_s_business(report: Report, tiny_model: Path) -> None:
    assert str(tiny_model.parent) not in render(report)
    assert f'model = "{tiny_model.name}"' in report.settings


def test_plain_recommenders_have_a_report_without_a_graph(
    record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = {cell: keys for cell, keys in record.cells.items() if cell.enhancer == "none"}
    kept = {name: record.keys[name] for name in ("dataset", "split")}
    report = gather(Results(replace(record, cells=plain, keys=kept)))
    page = Page(render(report))
    assert report.picture is None and "The graph" not in page.text
    assert "without the graph" in page.text and "How good it is" in page.text
    kinds = {
        why.reason.kind
        for person in report.examples
        for shown in person.lists.values()
        for one in shown
        for why in one.whys
    }
    assert "measured" in kinds and kinds <= {"measured", "people"}
    assert "In the graph" not in page.text


def test_of_nothing_there_is_no_report(record: Record) -> None:
    with pytest.raises(ConfigError, match=r"nothing to report.*autograph run tiny"):
        gather(Results(replace(record, cells={})))


def test_the_command_writes_the_file(finished: Path, tmp_path: Path, autograph: Any) -> None:
    to = tmp_path / "deep" / "tiny.html"
    told = autograph("report", "tiny", "--to", to, "--workspace", finished)
    assert told.exit_code == 0, told.output
    assert to.read_text().startswith("<!doctype html>") and "tiny.html" in told.output
    told = autograph("report", "tiny", "--to", tmp_path, "--workspace", finished)
    assert told.exit_code == 0 and (tmp_path / "tiny.html").exists(), "a folder may be named"
    again = autograph("report", "nothing", "--workspace", finished)
    assert again.exit_code == 1 and "was not run" in again.stderr


def test_a_file_in_the_way_gets_a_sentence(finished: Path, tmp_path: Path) -> None:
    from data.errors import ArtifactError

    (tmp_path / "here").write_text("a file")
    with pytest.raises(ArtifactError, match="Cannot write"):
        write_report("tiny", finished, tmp_path / "here" / "report.html")


def test_a_damaged_graph_gets_a_sentence(record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    from data.errors import ArtifactError

    def damaged(_directory: Path) -> LatentGraph:
        raise ArtifactError("The stored file is damaged.")

    monkeypatch.setattr(LatentGraph, "load", damaged)
    with pytest.raises(ArtifactError, match="damaged"):
        gather(Results(record))
