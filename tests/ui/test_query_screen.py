"""The Query screen: what is asked, what comes back, and what a mistake looks like."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from opening import Open, asked, press, sound, words
from streamlit.testing.v1 import AppTest

from app.pipeline.records import read_record
from app.results.results import Results
from app.ui.query import waiting
from app.ui.shared import visitors
from app.ui.shared.frame import plain
from graph.explore.examples import ARROWS, CHAINS, CYPHER, examples
from graph.explore.view import read_view
from graph.explore.walked import walk
from graph.query.console import read_query

TITLES = {ARROWS: "Arrows", CHAINS: "GSL", CYPHER: "Cypher"}
OWN = "user:3 > item:2 latest > item_factor"


@pytest.fixture(autouse=True)
def _wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers of the database are waited for, however busy the machine is."""
    monkeypatch.setattr(waiting, "PATIENCE_S", 60.0)


@pytest.fixture
def results(demo_workspace: Path) -> Results:
    return Results(read_record("demo", demo_workspace))


def _box(page: AppTest) -> str:
    return str(page.text_area[0].value)


def _table(page: AppTest) -> pl.DataFrame:
    return pl.from_pandas(page.dataframe[0].value)


def _pills(page: AppTest, label: str):
    return next(one for one in page.button_group if one.label == label)


@pytest.mark.parametrize("language", TITLES)
def test_every_example_can_be_asked(
    screen: Open, demo_workspace: Path, results: Results, language: str
) -> None:
    if language == CYPHER:
        pytest.importorskip("ladybug")
    offered = examples(results.atlas, language)
    assert len(offered) >= 3
    for example in offered:
        page = screen("query", demo_workspace, language=TITLES[language], query=example.text)
        assert sound(page), example
        assert _box(page) == example.text
        assert _table(page).height > 0, example


def test_at_first_the_box_holds_an_example_and_nothing_is_asked(
    screen: Open, demo_workspace: Path
) -> None:
    page = screen("query", demo_workspace)
    assert "Nothing asked yet" in words(page) and asked(page, "query") is None
    page = press(page, "Ask")
    assert sound(page) and asked(page, "query") == _box(page)
    assert _table(page).columns == ["user", "item", "item, at"]


def test_one_click_fills_the_box_and_asks(
    screen: Open, demo_workspace: Path, results: Results
) -> None:
    page = screen("query", demo_workspace)
    text = examples(results.atlas, ARROWS)[-1].text
    page = _pills(page, "Examples from this experiment").select(text).run()
    assert sound(page) and asked(page, "query") == _box(page) == text
    assert _table(page).height > 0


def test_rows_are_what_the_sampler_found_under_names(
    screen: Open, demo_workspace: Path, results: Results
) -> None:
    page = screen("query", demo_workspace, query=OWN)
    atlas = results.described
    walked = walk(atlas, read_query(OWN, atlas.schema), range(3))
    assert _table(page).rows() == walked.table(2).rows()
    assert f"{walked.size(2):,} ways from 3 starts" in words(page)


def test_the_start_and_the_moment_stand_in_the_link(
    screen: Open, demo_workspace: Path, results: Results
) -> None:
    title = results.atlas.names.title(("user", 5))
    key = results.atlas.key(("user", 5))
    page = screen("query", demo_workspace, query="user > item", seeds="The selected node", node=key)
    assert sound(page) and set(_table(page)["user"]) == {title}
    everything = _table(page).height
    page = screen(
        "query",
        demo_workspace,
        query="user > item",
        seeds="The selected node",
        node=key,
        at="2000-01-01",
    )
    assert not page.exception and everything > 0 and "Nothing found" in words(page)
    page = screen("query", demo_workspace, query="item > user", seeds="The selected node", node=key)
    assert "no node of that type is selected" in page.error[0].value


@pytest.mark.parametrize(
    ("language", "text", "said", "where"),
    [
        ("Arrows", "user > itm", "did you mean", "user > itm\n       ^"),
        ("GSL", "g.V('user').valus()", "did you mean", ""),
        ("GSL", "__import__('os').system('true')", "cannot stand in a query", ""),
        ("Cypher", "MATCH (u:user)\nRETRUN u", "cannot be read as Cypher", "RETRUN u\n^"),
        ("Cypher", "MATCH (u:user) DELETE u", "DELETE is not run here", " " * 15 + "^"),
        ("Cypher", "LOAD FROM '/etc/passwd' RETURN *", "only read", "LOAD FROM"),
    ],
)
def test_a_mistake_is_a_sentence_and_a_caret_and_the_text_stays(
    screen: Open, demo_workspace: Path, language: str, text: str, said: str, where: str
) -> None:
    if language == "Cypher":
        pytest.importorskip("ladybug")
    page = screen("query", demo_workspace, language=language, query=text)
    assert not page.exception and _box(page) == text
    assert said in page.error[0].value.replace("\\", "")
    assert not where or any(where in code.value for code in page.code)


def test_what_can_follow_is_put_behind_the_text(screen: Open, demo_workspace: Path) -> None:
    page = screen("query", demo_workspace)
    page.text_area[0].set_value("user:4 > it").run()
    pills = _pills(page, "Go on with")
    page = pills.select("em").run()
    assert _box(page) == "user:4 > item" and sound(page)
    assert plain("> user") in _pills(page, "Go on with").options


def test_what_was_asked_before_can_be_asked_again(screen: Open, demo_workspace: Path) -> None:
    page = screen("query", demo_workspace)
    for text in ("user:2", "item:2"):
        page.text_area[0].set_value(text).run()
        page = press(page, "Ask")
    assert [code.value for code in page.code if code.value in ("user:2", "item:2")] == [
        "item:2",
        "user:2",
    ]
    again = [button for button in page.button if button.label == "Arrows"]
    page = again[1].click().run()
    assert _box(page) == "user:2" == asked(page, "query")


@pytest.mark.parametrize("part", ["Picture", "Explain"])
def test_the_other_parts_of_an_answer(screen: Open, demo_workspace: Path, part: str) -> None:
    pytest.importorskip("ladybug")
    for language, text in (
        ("Arrows", OWN),
        ("Cypher", "MATCH (i:item)-->(f:item_factor) RETURN i, f LIMIT 4"),
    ):
        page = screen("query", demo_workspace, language=language, query=text, answer=part)
        assert sound(page)
        if part == "Explain":
            rows = _table(page)
            assert rows.height >= 2 and {"ms"} <= {*rows.columns}
    nothing = screen(
        "query", demo_workspace, language="Cypher", query="RETURN 1 AS one", answer="Picture"
    )
    assert "No nodes in this answer" in words(nothing)


def test_the_nodes_of_an_answer_are_a_view_of_the_graph(results: Results) -> None:
    from app.ui.query.answers import _look, graph_address
    from graph.explore.sketch import CAP

    atlas = results.atlas
    nodes = [("item", number) for number in range(CAP + 9)]
    view = read_view(graph_address(atlas, nodes), atlas.schema)
    assert view.starts == tuple(nodes[:CAP]) and view.cap == CAP
    seen = _look(atlas, nodes)
    assert seen.nodes == tuple(nodes[:CAP])
    assert {kind: count.total for kind, count in seen.counts.items() if count.total} == {
        "item": CAP + 9
    }, "neighbours nobody asked for do not count"


def test_a_large_answer_shows_ways_and_says_what_is_left_out(
    screen: Open, demo_workspace: Path
) -> None:
    page = screen("query", demo_workspace, query="user:200 > item:2", answer="Picture")
    assert sound(page) and "nodes are drawn, here and in Graph" in words(page)


def test_a_slow_question_can_be_stopped(
    screen: Open, demo_workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ladybug")
    monkeypatch.setattr(waiting, "PATIENCE_S", 0.0)
    slow = "UNWIND range(1,9000) AS a UNWIND range(1,9000) AS b RETURN sum(a * b % 7)"
    page = screen("query", demo_workspace, language="Cypher", query=slow)
    assert "Asking" in words(page)
    page = press(page, "Stop")
    page = page.run()
    assert not page.exception and "Stopped" in words(page)


def test_viewers_ask_too(
    screen: Open, own_workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ladybug")
    monkeypatch.setenv(visitors.VIEWER, "1")
    text = "MATCH (u:user) RETURN count(u) AS users"
    page = screen("query", own_workspace, language="Cypher", query=text)
    assert sound(page) and _table(page)["users"][0] > 0
    made = list((own_workspace / "cache" / "databases").iterdir())
    assert [path.suffix for path in made] == [".lbug"]


def test_without_the_library_a_sentence_says_what_to_install(
    screen: Open, own_workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "ladybug", None)
    page = screen("query", own_workspace, language="Cypher", query="RETURN 1")
    assert not page.exception and "pip install" in page.error[0].value.replace("\\", "")


@pytest.mark.parametrize("language", [ARROWS, CHAINS])
def test_examples_show_nothing_twice_and_not_the_start(results: Results, language: str) -> None:
    atlas = results.described
    for example in examples(results.atlas, language):
        query = read_query(example.text, atlas.schema)
        walked = walk(atlas, query, range(3))
        for hop, step in enumerate(query.hops, 1):
            draws = walked.draws[hop - 1]
            pairs = list(zip(draws.origins.tolist(), draws.nodes.tolist(), strict=True))
            assert step.negative or len(set(pairs)) == len(pairs), example
            assert step.by != "random", example
        if query.start.alias in [hop.without for hop in query.hops if hop.without]:
            leaf = next(n for n, hop in enumerate(query.hops, 1) if hop.without)
            assert query.types[leaf] == query.start.type
            owners, hop = walked.draws[leaf - 1].origins, query.hops[leaf - 1].origin
            while hop:
                owners, hop = walked.draws[hop - 1].origins[owners], query.hops[hop - 1].origin
            assert not (walked.numbers(0)[owners] == walked.numbers(leaf)).any(), example


def _command(page: AppTest) -> str:
    """The command that does the same; empty where there is none."""
    return next((code.value for code in page.code if code.value.startswith("autograph ")), "")


@pytest.mark.parametrize(
    ("text", "more", "label"),
    [
        ("user:3 > item", {}, "From 3, as the query says"),
        ("user > item", {"n": "7"}, "From the first 7"),
        ("user:3 > item", {"seeds": "Some at random"}, "From 3 at random, as the query says"),
    ],
)
def test_the_line_beside_ask_says_where_the_query_begins(
    screen: Open, demo_workspace: Path, text: str, more: dict[str, str], label: str
) -> None:
    page = screen("query", demo_workspace, query=text, **more)
    assert sound(page) and label in words(page)


def test_an_answer_under_another_text_says_what_it_answers(
    screen: Open, demo_workspace: Path
) -> None:
    page = screen("query", demo_workspace, query=OWN)
    assert "This answers:" not in words(page)
    page.text_area[0].set_value("item:2").run()
    assert "not asked yet. This answers:" in words(page) and OWN in [c.value for c in page.code]
    assert "This answers:" not in words(press(page, "Ask"))


def test_the_command_begins_as_the_page_does(
    screen: Open, demo_workspace: Path, results: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = {"n": "2", "seed": "9", "at": "2030-01-02"}
    page = screen("query", demo_workspace, query="user > item:2 random", **more)
    assert sound(page)
    assert " --start 2 --seed 9 --time 2030-01-02 " in _command(page)
    page = screen("query", demo_workspace, query="-interacts-:2 > target")
    last = _command(page).split(" --workspace ")[1]
    assert last.split(" ", 1)[1] == "-- '-interacts-:2 > target'"
    at_random = {"seeds": "Some at random", "n": "2"}
    page = screen("query", demo_workspace, query="user", **at_random)
    assert _command(page).count(" --seeds user:") == 2
    page = screen("query", demo_workspace, query="user", **{**at_random, "n": "50"})
    assert not _command(page) and "no short command does the same" in words(page)
    monkeypatch.setenv(visitors.VIEWER, "1")
    page = screen("query", demo_workspace, query="user")
    assert "--workspace WORKSPACE" in _command(page) and str(demo_workspace) not in words(page)


def test_nothing_found_says_why(screen: Open, demo_workspace: Path) -> None:
    page = screen("query", demo_workspace, query="user > item", at="1971-01-01")
    assert "by what was there before 1971-01-01" in words(page)
    page = screen("query", demo_workspace, query="user where id = nobody > item")
    assert "No user fits what the query says of where it begins" in words(page)


def test_a_text_too_long_is_refused_and_neither_kept_nor_linked(
    screen: Open, demo_workspace: Path
) -> None:
    page = screen("query", demo_workspace)
    assert page.text_area[0].proto.max_chars == 4000
    page = screen("query", demo_workspace, query="user:2" + " " * 4000)
    assert "4,000 are read" in page.error[0].value and len(_box(page)) < 4000
    assert asked(page, "query") is None
    assert "user:2" not in [code.value.strip() for code in page.code]
