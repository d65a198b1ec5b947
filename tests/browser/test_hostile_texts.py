"""Texts of data on the page: what stands on the screen is what stands in the data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page

from benchmarks.browser import new_page, settled, start_page

TITLES = (
    "http://203.0.113.9/evil and https://a.example/x?y=1",
    "www.evil.example",
    "ann@example.org, bob.b+c@mail.example.org",
    "<http://203.0.113.9/>",
    "[click](javascript:window.PWN=3) [x][y] ![i](http://203.0.113.9/pix.png)",
    ":material/home: :smile: :+1: :streamlit:",
    ":red[boo] :blue-background[x] :violet-badge[x]",
    "$\\frac{1}{2}$ $x$ $$y$$ \\(z\\)",
    "# heading",
    "1. list",
    "- item",
    "> quote",
    "*a* _b_ **c** ~~d~~ `code` ~e~",
    "| a | b | |---|---|",
    "<script>window.PWN=1</script><img src=x onerror=window.PWN=1>",
    "&lt;b&gt; &amp; &copy;",
    "A -> B <- C <-> D -- E >= F <= G ~= H",
    "--- *** ___ ===",
    "[^1] [x] [ ] \\ a\\b",
    "12:30:45 10:1:2",
    "Alien: Covenant (2017) #1",
    "日本語 🙂 ‘é’",
)
SCRIPT = """
import streamlit as st
from app.ui.shared.frame import name_badge, plain
for n, title in enumerate(TITLES):
    shown = plain(title)
    with st.container(key=f"t{n}"):
        st.markdown(shown)
        st.markdown(f"**{shown}**")
        st.caption(shown)
        st.subheader(shown, anchor=False)
        st.button(shown, key=f"b{n}")
        st.checkbox(shown, key=f"c{n}")
        name_badge(title, "blue", "A name.")
        st.info(shown)
        st.expander(shown, expanded=False)
        st.metric(shown, 1)
        st.progress(0.5, text=shown)
        st.markdown(f":gray[{shown}]")
st.write("drawn")
"""
KINDS = 12


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A page that shows each title in every way in which screens show one."""
    folder = tmp_path_factory.mktemp("texts")
    script = folder / "lab.py"
    script.write_text(f"TITLES = {list(TITLES)!r}\n{SCRIPT}")
    root = str(Path(__file__).resolve().parents[2])
    url, process = start_page(folder, folder / "page.log", script, PYTHONPATH=root)
    yield url
    process.terminate()
    process.wait()


@pytest.fixture(scope="module")
def drawn(browser: Browser, lab: str) -> Iterator[Page]:
    page = new_page(browser, 1600)
    page.goto(lab)
    page.get_by_text("drawn").wait_for()
    settled(page)
    yield page
    page.close()


def _texts(box: Locator) -> list[str]:
    """Every text in a box, as the browser shows it, without what has no width."""
    found = box.get_by_test_id("stMarkdownContainer").all_inner_texts()
    return [" ".join(text.replace("\u2060", "").split()) for text in found]


@pytest.mark.parametrize("n", range(len(TITLES)), ids=[title[:20] for title in TITLES])
def test_the_screen_shows_the_title(drawn: Page, n: int) -> None:
    texts = _texts(drawn.locator(f".st-key-t{n}"))
    assert len(texts) >= KINDS
    assert set(texts) == {TITLES[n], "1"}, "1 is the value of a metric"


def test_nothing_of_a_title_is_obeyed(drawn: Page) -> None:
    boxes = drawn.locator("[class*='st-key-t']")
    obeyed = "a[href], img, script, iframe, code, em, del, table, li, blockquote, hr, .katex, sup"
    for found in boxes.locator(obeyed).all():
        raise AssertionError(found.evaluate("element => element.outerHTML"))
    icons = boxes.get_by_test_id("stIconMaterial").all_inner_texts()
    assert "home" not in icons
    assert drawn.evaluate("() => window.PWN") is None
