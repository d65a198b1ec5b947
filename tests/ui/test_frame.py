"""The frame of the page: colours, words, links and tables that hold for every screen."""

from __future__ import annotations

import tomllib
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.results.colours import DARK, LIGHT, Palette
from app.ui.shared.address import TYPES, Node
from app.ui.shared.frame import _look_of, _with_headings, plain
from app.ui.shared.words import hint
from data.inert import csv_bytes

CONFIG = Path(__file__).parents[2] / ".streamlit" / "config.toml"


def luminance(colour: str) -> float:
    """Relative luminance. Source: WCAG 2.2, definition of relative luminance."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_of_black_and_white_is_21() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize(("name", "palette"), [("light", LIGHT), ("dark", DARK)])
def test_the_theme_and_the_charts_share_their_colours(name: str, palette: Palette) -> None:
    theme = tomllib.loads(CONFIG.read_text())["theme"][name]
    assert tuple(theme["chartCategoricalColors"]) == palette.series
    assert theme["backgroundColor"] == palette.background
    assert theme["textColor"] == palette.text


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_colours_can_be_told_from_the_background(palette: Palette) -> None:
    for colour in (palette.text, palette.muted, palette.good, palette.bad):
        assert contrast(colour, palette.background) >= 4.5, colour
    for colour in palette.series:
        assert contrast(colour, palette.background) >= 3, colour
    assert len({palette.of(kind) for kind in TYPES}) == len(TYPES)


@given(st.sampled_from(sorted(TYPES)), st.text(min_size=1))
def test_a_node_reads_back_what_it_writes(kind: str, name: str) -> None:
    assert Node.parse(str(Node(kind, name))) == Node(kind, name)


@pytest.mark.parametrize("text", [None, "", "item", "item:", "film:3", ":3"])
def test_what_is_no_node_is_none(text: str | None) -> None:
    assert Node.parse(text) is None


def test_a_spreadsheet_runs_nothing_of_a_download() -> None:
    rows = pl.DataFrame({"title": ["=1+1", "Alien"], "tags": [["a", "b"], []], "n": [-1, 2]})
    assert csv_bytes(rows).decode().splitlines() == ["title,tags,n", "'=1+1,a|b,-1", 'Alien,"",2']


@given(st.text())
def test_no_letter_of_markdown_stays_bare(text: str) -> None:
    shown = plain(text)
    for place, letter in enumerate(shown):
        if letter in "`*_[]<>#|~$":
            assert shown[place - 1] == "\\"


def test_columns_of_results_are_called_as_people_call_them() -> None:
    rows = pl.DataFrame({"run": ["a+b"], "p_holm": [0.5], "sasrec+none": [1.0], "new_one": [1]})
    saved = _with_headings(rows)
    assert saved.columns == ["Recommender", "p (Holm)", "sasrec+none", "New one"]
    assert _look_of("p_holm", None) == {"label": "p (Holm)", "help": hint("Holm")}
    assert _look_of("kept", {"label": None, "format": "%.1f"})["label"] == "Kept"
    assert _look_of("kept", {"label": "Words kept"})["label"] == "Words kept"
    twice = pl.DataFrame({"new_one": [1], "New one": [2]})
    assert _with_headings(twice).columns == twice.columns
