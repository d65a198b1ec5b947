"""What describing everybody takes, before anything is spent: calls, tokens, time and price."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import streamlit as st
from pydantic import ValidationError

from app.jobs.commands import estimate_words, reference
from app.pipeline.records import settings_file
from app.ui.prompts import draft
from app.ui.prompts.charts import costs
from app.ui.prompts.choice import Choice, library
from app.ui.prompts.examples import Asked, choose_backend
from app.ui.shared import frame
from app.ui.shared.charts import draw_chart
from app.ui.shared.experiment import require
from app.ui.shared.jobs import begin, latest_job, tell_end, watch
from app.ui.shared.results import results_of
from data.errors import AutoGraphError
from llm.workshop.estimate import Estimate, costs_by_model, estimate
from llm.workshop.prices import Prices, load_prices, save_prices

if TYPE_CHECKING:
    import polars as pl

    from llm.workshop.estimate import Quantity
    from prompts.template import Template

FOUND = "estimates"
"""In the session: the latest estimate, and of what."""
COLUMNS = {
    "model": st.column_config.TextColumn("Model", required=True, width="large"),
    "prompt": st.column_config.NumberColumn(
        "A million prompt tokens", min_value=0.0, required=True
    ),
    "completion": st.column_config.NumberColumn(
        "A million answer tokens", min_value=0.0, required=True
    ),
}


def show_cost(choice: Choice) -> None:
    """Draws the estimate, the calls that measure it, and the table of prices."""
    record = require("dataset" if choice.side == "item" else "split")
    scene = results_of(record).scene(choice.side)
    template = draft.template_in_draft(choice.template) or choice.template
    what = "what you are writing" if template is not choice.template else template.label
    st.caption(
        f"For all {len(scene.ids):,} {choice.side}s with {what}, from a sample of prompts; what is "
        "answered already costs nothing."
    )
    asked = choose_backend(scene)
    if asked is not None:
        _draw_estimate(choice, asked, template)
    _prices(asked)


def _draw_estimate(choice: Choice, asked: Asked, template: Template) -> None:
    record = choice.record
    assert record is not None
    sample = _sample()
    name = reference(template, library().folder)
    about = settings_file(record), choice.side, name
    words = estimate_words(*about, (sample, 0), asked.changes)
    measuring = estimate_words(*about, (sample, 10), asked.changes)
    job = latest_job("estimate", measuring)
    prices = _known_prices().model_dump_json()
    key = (words, record.keys.get("dataset"), job.ended if job else None, prices)
    with st.container(horizontal=True, vertical_alignment="center"):
        pressed = st.button("Work it out", type="primary", icon=":material/calculate:")
        if asked.scene.asks_model:
            st.button(
                "Measure with 10 calls",
                icon=":material/timer:",
                help="Makes, and pays, ten calls to learn how long answers are and how fast they "
                "come. They are kept: a run does not pay them again.",
                disabled=job is not None and job.active,
                on_click=begin,
                args=("estimate", measuring, f"Measure {template.label}"),
            )
    if job is not None and job.active:
        watch(job, lambda: None)
    elif job is not None:
        tell_end(job)
    before = st.session_state.get(FOUND)
    if pressed or (before is not None and before[0] != key and before[0][0] == words):
        _work_out(asked, template, sample, key)
    found = st.session_state.get(FOUND)
    if found is not None and found[0] == key:
        _draw_cells(found[1])
    frame.command(*words)


def _sample() -> int:
    return int(
        st.number_input(
            "Prompts in the sample",
            2,
            1_000,
            20,
            key="sample",
            width=200,
            help="Their tokens are counted; more make the interval narrower.",
        )
    )


def _work_out(asked: Asked, template: Template, sample: int, key: Any) -> None:
    bar = st.progress(0.0, text="Rendering prompts …")

    def tell(done: int, total: int, _what: str) -> None:
        if done % 50 == 0 or done == total:
            said = f"Rendering prompts: {done:,} of {total:,}"
            bar.progress(done / max(total, 1), text=said)

    try:
        found = estimate(asked.scene, template, sample, on_progress=tell)
        st.session_state[FOUND] = key, found
    except AutoGraphError as error:
        frame.show_error(error)
    finally:
        bar.empty()


def _draw_cells(found: Estimate) -> None:
    prices = _known_prices()
    cells: list[tuple[str, Quantity | None, str]] = [
        ("Calls", found.calls, ",.0f"),
        ("Prompt tokens", found.prompt_tokens, ",.0f"),
        ("Answer tokens", found.completion_tokens, ",.0f"),
        ("Time", found.seconds, "time"),
        ("Price", found.money, ",.2f"),
    ]
    for column, (label, amount, form) in zip(st.columns(len(cells)), cells, strict=True):
        with column, st.container(border=True):
            unit = f" {found.currency}" if label == "Price" else ""
            likely = "?" if amount is None else f"{_in_words(amount.mean, form)}{unit}"
            st.metric(label, likely, help=amount.basis if amount else "Not known yet.")
            st.caption(_interval(amount, form))
    for note in found.notes:
        st.caption(f":material/info: {frame.plain(note)}")
    by_model = costs_by_model(found, prices)
    if by_model.height > 1:
        draw_chart(
            costs(by_model, prices.currency),
            height=80 + 36 * by_model.height,
            alt="What the calls cost at the price of each model",
        )
        st.caption("The same tokens at every price in the table; other models count otherwise.")


def _in_words(value: float, form: str) -> str:
    from app.jobs.wording import duration

    if math.isinf(value):
        return "?"
    return duration(value) if form == "time" else f"{value:{form}}"


def _interval(amount: Quantity | None, form: str) -> str:
    if amount is None:
        return "not known"
    if amount.low == amount.high:
        return "counted" if form != "time" else " "
    return f"{_in_words(amount.low, form)} … {_in_words(amount.high, form)}"


def _known_prices() -> Prices:
    try:
        return load_prices(frame.workspace())
    except AutoGraphError:
        return Prices()


def _prices(asked: Asked | None) -> None:
    """The table of prices, which a person fills in."""
    import polars as pl

    st.subheader("Prices", anchor=False, help="Kept in prices.toml of the workspace.")
    try:
        prices = load_prices(frame.workspace())
    except AutoGraphError as error:
        frame.show_error(error)
        return
    rows: list[tuple[str, float | None, float | None]] = [
        (name, one.prompt, one.completion) for name, one in prices.models.items()
    ]
    if asked is not None and asked.scene.asks_model:
        model = asked.scene.backend_config.model
        if model not in prices.models:
            rows.append((model, None, None))
    table = pl.DataFrame(
        rows,
        {"model": pl.String, "prompt": pl.Float64, "completion": pl.Float64},
        orient="row",
    )
    currency = st.text_input("Currency", prices.currency or "EUR", key="currency", width=200)
    edited = st.data_editor(
        table,
        column_config=COLUMNS,
        num_rows="dynamic",
        hide_index=True,
        key=f"prices {hash(tuple(rows))}",
    )
    if st.button("Save prices", icon=":material/save:"):
        _save(currency, pl.DataFrame(edited))


def _save(currency: str, edited: pl.DataFrame) -> None:
    from polars import col

    full = edited.drop_nulls().with_columns(col("model").str.strip_chars())
    models = {
        row["model"]: {"prompt": row["prompt"], "completion": row["completion"]}
        for row in full.iter_rows(named=True)
    }
    try:
        save_prices(
            frame.workspace(),
            Prices.model_validate({"currency": currency.strip(), "models": models}),
        )
    except (ValidationError, AutoGraphError) as error:
        said = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error
        frame.show_error(said)
        return
    st.toast("Prices saved.", icon=":material/check:")
    st.rerun()
