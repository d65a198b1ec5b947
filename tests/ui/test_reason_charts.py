"""Ways through the graph, and through what is around somebody, as pictures, without a browser."""

from __future__ import annotations

import json

import pytest

from app.ui.demo.charts import (
    THICK,
    THIN,
    WAYS,
    height_of,
    reason_chart,
    shorten,
    way_in_words,
    ways_chart,
    ways_height,
    ways_in_words,
)
from recommend.reasons.explain import Reason
from recommend.reasons.showcase import Why
from recommend.reasons.ways import Named

EVIL = "<img src=x onerror=alert(1)>{b}"


def steps_of(steps: tuple) -> str:
    return " > ".join(step[0][0] for step in steps)


def by_factor(through: int = 5) -> Why:
    items = tuple(range(through))
    steps = (
        (("user", 7),),
        tuple(("item", n) for n in items[:5]),
        (("item_factor", 3),),
        (("item", 9),),
    )
    reason = Reason("path", 9, steps_of(steps), "…", 1.0, items, 3, ("ice",), steps)
    names = (("Ada",), tuple(f"Film {n}" for n in items[:5]), ("ice",), (EVIL,))
    return Why(reason, names, ())


def by_people() -> Why:
    steps = (
        (("user", 7),),
        (("user_factor", 1),),
        tuple(("user", n) for n in range(5)),
        (("item", 9),),
    )
    reason = Reason("path", 9, steps_of(steps), "…", 1.0, (), 1, ("sea",), steps, 1234)
    return Why(reason, (("Ada",), ("sea",), ("a", "b", "c", "d", "e"), ("Film",)), ())


def columns(spec: dict) -> dict[float, list[str]]:
    found: dict[float, list[str]] = {}
    for node in spec["series"][0]["data"]:
        found.setdefault(node["x"], []).append(node["name"])
    return found


def test_a_column_a_step_from_left_to_right() -> None:
    shown = columns(reason_chart(by_factor(), "Ada"))
    assert list(shown.values()) == [
        ["Ada"],
        ["Film 0", "Film 1", "3 more"],
        ["ice"],
        [shorten(EVIL)],
    ]
    assert list(shown) == sorted(shown)


@pytest.mark.parametrize(("through", "names"), [(1, 1), (3, 3), (4, 3), (40, 3)])
def test_many_items_are_counted_and_few_are_named(through: int, names: int) -> None:
    items = list(columns(reason_chart(by_factor(through))).values())[1]
    assert len(items) == names
    assert ("more" in items[-1]) == (through > 3)


def test_other_people_are_counted_and_never_named() -> None:
    shown = list(columns(reason_chart(by_people())).values())
    assert shown == [["You"], ["sea"], ["1,234 other people"], ["Film"]]


def test_every_box_is_joined_to_those_of_the_next_column() -> None:
    spec = reason_chart(by_factor())["series"][0]
    links = {(link["source"], link["target"]) for link in spec["links"]}
    first = {("0-0", f"1-{n}") for n in range(3)}
    assert links == first | {(f"1-{n}", "2-0") for n in range(3)} | {("2-0", "3-0")}
    assert {end for pair in links for end in pair} == {node["id"] for node in spec["data"]}


def test_boxes_have_the_colours_of_their_types() -> None:
    nodes = reason_chart(by_factor())["series"][0]["data"]
    borders = {node["id"]: node["label"]["borderColor"] for node in nodes}
    assert borders["0-0"] == "user" and borders["1-0"] == "item"
    assert borders["2-0"] == "item_factor" and borders["3-0"] == "item"


def test_names_stand_in_no_template() -> None:
    spec = reason_chart(by_factor(), EVIL)
    text = json.dumps(spec)
    assert "formatter" not in text and "function" not in text
    pictures = (spec, spec["media"][0]["option"])
    names = [node["name"] for one in pictures for node in one["series"][0]["data"]]
    assert text.count("onerror") == sum("onerror" in name for name in names) > 2


def test_a_picture_is_as_high_as_its_longest_column() -> None:
    assert height_of(by_factor(1)) < height_of(by_factor(2)) < height_of(by_factor(3))
    assert height_of(by_factor(3)) == height_of(by_factor(30))


def test_the_picture_in_words() -> None:
    assert way_in_words(by_people(), "Ada") == "Ada → sea → 1,234 other people → Film"


AROUND = (
    Named("Sonar", "2 other people", "user", 0.8, 3),
    Named("Fathoms", "‘creak’, ‘hull’, ‘thousand metres’", "item_factor", 0.4, 1),
    Named("Sonar", "a group of 9", "item_factor", -0.1, 1),
)


def widths(spec: dict) -> dict[tuple[str, str], float]:
    nodes = {node["id"]: node["name"] for node in spec["series"][0]["data"]}
    return {
        (nodes[link["source"]], nodes[link["target"]]): link["lineStyle"]["width"]
        for link in spec["series"][0]["links"]
    }


class TestWhatIsAround:
    def test_edges_are_as_thick_as_what_their_way_gave(self) -> None:
        half = (THIN + THICK) / 2
        assert widths(ways_chart(AROUND, "Ada", "Letter")) == {
            ("Ada", "Sonar"): THICK,
            ("Sonar", "2 other people"): THICK,
            ("2 other people", "Letter"): THICK,
            ("Sonar", "a group of 9"): THIN,
            ("a group of 9", "Letter"): THIN,
            ("Ada", "Fathoms"): half,
            ("Fathoms", "‘creak’, ‘hull’"): half,
            ("‘creak’, ‘hull’", "Letter"): half,
        }

    def test_what_gave_the_whole_score_is_thickest_and_the_rest_thin(self) -> None:
        ways = (Named("A", "1 other person", "user", float("inf"), 9), *AROUND)
        drawn = widths(ways_chart(ways, "Ada", "Letter"))
        assert drawn["A", "1 other person"] == THICK and drawn["Ada", "Sonar"] == THIN
        assert "Infinity" not in json.dumps(ways_chart(ways, "Ada", "Letter"))

    def test_a_column_a_step_and_no_box_on_another(self) -> None:
        for option in (
            (spec := ways_chart(AROUND, "Ada", "Letter")),
            spec["media"][0]["option"],
        ):
            nodes = option["series"][0]["data"]
            places = {(node["x"], node["y"]): node["name"] for node in nodes}
            assert len(places) == len(nodes) == 7
            assert [name for (x, _), name in sorted(places.items()) if x == min(places)[0]] == [
                "Ada"
            ]
            assert places[max(places)] == "Letter"

    def test_what_the_history_holds_itself_is_one_edge(self) -> None:
        itself = (Named("Letter", "", "", 0.5, 2),)
        assert widths(ways_chart(itself, "Ada", "Letter")) == {("Ada", "Letter"): THICK}
        assert ways_in_words(itself, "Ada", "Letter") == "Ada → Letter"

    def test_only_so_many_are_drawn(self) -> None:
        many = [Named(f"Film {n}", "1 other person", "user", 9.0 - n, 1) for n in range(9)]
        assert len(ways_chart(many, "Ada", "Letter")["series"][0]["links"]) == 3 * WAYS
        assert ways_height(many) == ways_height(many[:WAYS]) > ways_height(many[:1])

    def test_in_words(self) -> None:
        told = ways_in_words(AROUND[:1], "Ada", "Letter")
        assert told == "Ada → Sonar → 2 other people → Letter"

    def test_names_stand_in_no_template(self) -> None:
        spec = ways_chart([Named(EVIL, EVIL, "user", 1.0, 1)], EVIL, EVIL)
        text = json.dumps(spec)
        assert "formatter" not in text and text.count("onerror") == 8
