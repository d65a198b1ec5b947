"""Latent factors: where they lie, how they nest, what each one means, how well codes do."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, cast

import streamlit as st

from app.pipeline.records import Record
from app.results.alternatives import alternative_table, alternatives
from app.ui.factors.charts import (
    CODES,
    Factor,
    curves_chart,
    flat,
    kept_chart,
    map_chart,
    tree_map,
    usage_chart,
)
from app.ui.factors.factor import (
    ALL,
    LEVEL,
    details,
    forget_clicks,
    go_to,
    label_of,
    level_title,
    number_of,
    read_click,
    short,
    summary,
)
from app.ui.shared import address
from app.ui.shared.charts import draw_chart
from app.ui.shared.experiment import header, require
from app.ui.shared.frame import (
    as_table,
    choose,
    command,
    draw_figures,
    draw_tabs,
    empty,
    hint,
    plain,
    table,
)
from app.ui.shared.jobs import job_button
from app.ui.shared.results import results_of
from data import atomic
from prompts.template import Side

if TYPE_CHECKING:
    import polars as pl

    from quantize.lexicon import Lexicon

SIDES = {"Items": "item", "Users": "user"}
MAP_HEIGHT = 560


def show() -> None:
    """Draws the screen."""
    header("Factors", "What users and items have in common, found in what is said of them.")
    record = require("codes-user", "codes-item", "factors-user", "factors-item")
    side = _side()
    lexicon = results_of(record).lexicon(side)
    _figures(lexicon, side)
    tabs = {
        "Map": lambda: _beside_its_page(record, lexicon, side, _map),
        "Hierarchy": lambda: _beside_its_page(record, lexicon, side, _tree),
        "Codes in use": lambda: codes_in_use(record, lexicon, side),
        "Other methods": lambda: other_methods(record, side),
    }
    draw_tabs(tabs, "aspect")


def _side() -> Side:
    node = address.selected_node()
    of_users = node is not None and node.type.startswith("user")
    chosen = choose("Factors of", list(SIDES), "side", default="Users" if of_users else "Items")
    return cast(Side, SIDES[chosen])


def _figures(lexicon: Lexicon, side: str) -> None:
    """The four numbers by which codes are judged."""
    codes = lexicon.codes
    figures = codes.statistics
    used = min(figures["active_ratio"])
    kept = 1 - figures["error_left"][-1]
    perplexity = f"{figures['perplexity'][0]:,.0f} of {figures['k']:,}"
    draw_figures(
        ("Codes in use", f"{used:.0%}", hint("active ratio")),
        ("Perplexity", perplexity, hint("perplexity")),
        ("Collisions", f"{figures['collisions']:.1%}", hint("collision")),
        ("Reconstruction", f"{kept:.0%}", hint("reconstruction")),
    )
    st.caption(
        f"{len(codes):,} {side}s, {codes.levels} levels of {codes.k:,} codes. "
        "Codes in use: of the level that uses fewest. Perplexity: of level 0.",
        help=hint("level"),
    )


def _selected_factor(lexicon: Lexicon, side: str) -> Factor | None:
    node = address.selected_node()
    if node is None or node.type != f"{side}_factor":
        return None
    return lexicon.factor(node.id)


def _beside_its_page(record: Record, lexicon: Lexicon, side: Side, draw: Any) -> None:
    """A picture to click in on the left, and on the right what was clicked.

    The picture is drawn last: at the first look it takes a moment, and nothing waits for it.
    """
    selected = _selected_factor(lexicon, side)
    left, right = st.columns([3, 2], gap="large")
    with right:
        _chooser(lexicon, side, selected)
        if selected is None:
            _nothing_chosen(lexicon, side)
        else:
            summary(record, side, selected)
    if selected is not None:
        details(record, side, selected)
    words = ("factors", "show", record.experiment.name, side)
    command(*words, *([number_of(selected)] if selected else []))
    with left:
        draw(record, lexicon, side, selected)


def _chooser(lexicon: Lexicon, side: Side, selected: Factor | None) -> None:
    """Every factor in a list that can be searched: the way without a mouse."""
    sizes = _sizes(lexicon)
    options = [factor for factor, size in sizes.items() if size]
    key = f"factor-{side}"
    st.session_state[key] = selected if selected in options else None
    st.selectbox(
        "Factor",
        options,
        key=key,
        index=None,
        format_func=lambda factor: f"{label_of(lexicon, factor)} ({sizes[factor]:,})",
        placeholder="Search, or click in the picture",
        help=hint("latent factor"),
        on_change=lambda: _choose_factor(side, st.session_state[key]),
    )


def _choose_factor(side: str, factor: Factor | None) -> None:
    if factor is None:
        address.select(None)
    else:
        go_to(side, factor)


def _nothing_chosen(lexicon: Lexicon, side: Side) -> None:
    """The factors of what is selected elsewhere, or how to begin."""
    node = address.selected_node()
    if node is None or node.type != side or node.id not in lexicon.codes.ids:
        empty("Choose a factor", "Click a dot or a tile, or search the list above.")
        return
    codes = lexicon.codes.codes[lexicon.codes.ids.index(node.id)].tolist()
    st.caption(f"Factors of the selected {side}, level by level:")
    for factor in enumerate(codes):
        st.button(
            plain(label_of(lexicon, factor).replace("·", "–")),
            key=f"of-{side}-{number_of(factor)}",
            on_click=partial(go_to, side, factor),
            icon=":material/category:",
        )


def _sizes(lexicon: Lexicon) -> dict[Factor, int]:
    import numpy as np

    codes = lexicon.codes
    return {
        (level, code): int(size)
        for level in range(codes.levels)
        for code, size in enumerate(np.bincount(codes.codes[:, level], minlength=codes.k))
    }


def _map(record: Record, lexicon: Lexicon, side: Side, selected: Factor | None) -> None:
    levels = [level_title(level) for level in range(lexicon.codes.levels)]
    if st.session_state.get(LEVEL, st.query_params.get(LEVEL)) not in (*levels, ALL):
        st.session_state[LEVEL] = levels[selected[0] if selected else 0]
    chosen = st.segmented_control(
        "Codes of",
        [*levels, ALL],
        key=LEVEL,
        bind="query-params",
        help=hint("level"),
        required=True,
    )
    level = None if chosen == ALL else levels.index(chosen or levels[0])
    with st.spinner("Drawing the map; it is kept for the next time."):
        points = results_of(record).codebook_map(side, level)
    codes = points.filter(kind="code")
    key = f"map-{side}-{level}"
    forget_clicks(key)
    draw_chart(
        map_chart(points, _sizes(lexicon), lambda *of: label_of(lexicon, of), selected, side),
        height=MAP_HEIGHT,
        key=key,
        on_select=lambda: _clicked_dot(key, side, codes),
        alt=f"Map of the codes of {side}s; the list beside it holds the same factors",
    )
    st.caption(
        "Near dots are alike; large ones have many members. Small dots are a sample of "
        f"{side}s, or what is left of them before this level. Ctrl and the wheel zoom.",
        help="t-SNE of the code vectors and of the sample; directions and units mean nothing. "
        "All levels together is the paper's figure 3.",
    )


def _clicked_dot(key: str, side: str, codes: pl.DataFrame) -> None:
    found = read_click(key)
    if found is None:
        return
    series, row = found
    level = int(series.removeprefix(f"{CODES}-"))
    go_to(side, (level, int(codes.filter(level=level)["code"][row])))


def _tree(record: Record, lexicon: Lexicon, side: Side, selected: Factor | None) -> None:  # noqa: ARG001
    from quantize.codes import hierarchy

    level = selected[0] if selected else 0
    tree = hierarchy(lexicon.codes.codes[:, [level]])
    nodes = flat(tree)
    key = f"tree-{side}-{level}"
    forget_clicks(key)
    draw_chart(
        tree_map(
            tree,
            lambda *of: short(lexicon, of),
            level,
            selected[1] if selected else None,
            side,
        ),
        height=MAP_HEIGHT,
        key=key,
        on_select=lambda: _clicked_tile(key, side, level, nodes),
        alt=f"Codes of level {level} of {side}s by size",
    )
    st.caption(
        f"Each tile is a code of level {level}, as large as it has {side}s. What is inside one "
        "shows under Other levels, below, once it is selected."
    )


def _clicked_tile(key: str, side: str, level: int, nodes: list[tuple[int, ...]]) -> None:
    found = read_click(key)
    if found is not None and nodes[found[1]]:
        go_to(side, (level, nodes[found[1]][-1]))


def codes_in_use(record: Record, lexicon: Lexicon, side: Side) -> None:
    """How codes are used level by level, and how they were learnt."""
    from quantize.diagnostics import collision_table, level_table

    percent = partial(st.column_config.NumberColumn, format="percent")
    table(
        level_table(lexicon.codes.statistics),
        f"codes-{side}",
        columns={
            "level": st.column_config.NumberColumn(help=hint("level")),
            "active_ratio": percent("active", help=hint("active ratio")),
            "perplexity": st.column_config.NumberColumn(format="%.1f", help=hint("perplexity")),
            "distinct": st.column_config.NumberColumn(help=hint("distinct")),
            "kept": percent(help=hint("reconstruction")),
            "gained": percent(help=hint("gained")),
        },
    )
    folder = record.folder(f"codes-{side}")
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Members of each code", anchor=False)
        usage = atomic.read_parquet(folder / "usage.parquet")
        draw_chart(
            usage_chart(usage, side),
            height=320,
            key=f"usage-{side}",
            alt="Members of each code, the largest first",
        )
        as_table(usage, f"usage-{side}", f"table-usage-{side}")
    with right:
        st.subheader("Training", anchor=False)
        curves = atomic.read_parquet(folder / "curves.parquet")
        if curves.height:
            draw_chart(
                curves_chart(curves),
                height=320,
                key=f"curves-{side}",
                alt="Losses by epoch",
            )
            as_table(curves, f"losses-{side}", f"table-losses-{side}")
        else:
            empty("No curves", "This method places its codes without epochs of training.")
    st.subheader("Collisions", anchor=False, help=hint("collision"))
    shared = collision_table(lexicon.codes.ids, lexicon.codes.codes)
    if shared.height:
        table(shared, f"collisions-{side}", height=240)
    else:
        st.caption(f"No two {side}s have the same codes on every level.")
    command("factors", "show", record.experiment.name, side)


def other_methods(record: Record, side: Side) -> None:
    """Other ways to quantise the same vectors, side by side."""
    st.caption(
        "The same vectors, as many levels and as many codes, by every method there is. "
        "What is trained here changes nothing of the experiment."
    )
    found = alternatives(record, side)
    fitted = alternative_table(found)
    draw_chart(
        kept_chart(fitted),
        height=90 + 44 * fitted["method"].n_unique(),
        key=f"kept-{side}",
        alt="How much of the vectors each method keeps",
    )
    percent = partial(st.column_config.NumberColumn, format="percent")
    table(
        fitted.drop("codes", "gained", "used"),
        f"methods-{side}",
        columns={
            "own": st.column_config.CheckboxColumn("in use", help="What the experiment uses."),
            "active_ratio": percent("active", help=hint("active ratio")),
            "collisions": percent(help=hint("collision")),
            "perplexity": st.column_config.NumberColumn(format="%.1f", help=hint("perplexity")),
            "distinct": st.column_config.NumberColumn(help=hint("distinct")),
            "kept": percent(help=hint("reconstruction")),
        },
    )
    missing = [one.method for one in found if one.figures is None]
    name = record.experiment.name
    words = ("factors", "alternatives", name, side)
    if missing:
        label = f"Compare with {', '.join(missing)}"
        job_button(label, "alternatives", words, f"Other codes of {side}s, {name}")
    else:
        command(*words)
