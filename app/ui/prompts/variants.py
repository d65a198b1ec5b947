"""Several templates on the same users or items: what is asked, and what is answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from app.jobs.commands import reference, trial_words
from app.pipeline.records import settings_file
from app.ui.prompts import draft
from app.ui.prompts.charts import tokens_by_variant
from app.ui.prompts.choice import Choice, library
from app.ui.prompts.examples import Asked, choose_backend, pick_some
from app.ui.shared import frame
from app.ui.shared.charts import draw_chart
from app.ui.shared.experiment import require
from app.ui.shared.jobs import begin, latest_job, tell_end, watch
from app.ui.shared.marked import show_diff
from app.ui.shared.remembered import keep_some, remember_some
from app.ui.shared.results import results_of
from data.errors import AutoGraphError
from llm.workshop.trial import known_answers, only_different, try_templates

if TYPE_CHECKING:
    import polars as pl

    from prompts.template import Template

MOST_VARIANTS, MOST_ENTITIES = 4, 10
SHOWN = "shown variants"
WRITTEN = "what you are writing"
TALL = 380
"""Pixels of a prompt; a longer one is scrolled."""


def show_variants(choice: Choice) -> None:
    """Draws variants beside each other, and the button that has them answered."""
    record = require("dataset" if choice.side == "item" else "split")
    scene = results_of(record).scene(choice.side)
    left, right = st.columns(2)
    with left:
        variants = _variants(choice)
    with right:
        numbers = pick_some(scene, f"{choice.side}s", MOST_ENTITIES)
    asked = choose_backend(scene)
    if asked is None:
        return
    if not variants or not numbers:
        frame.empty("Nothing chosen", "Choose at least one template and one user or item.")
        return
    _draw_trial(choice, asked, variants, numbers)


def _variants(choice: Choice) -> dict[str, Template]:
    """Templates by how they are called; what is being written, or the version shown, at first."""
    known: dict[str, Template] = {}
    written = draft.template_in_draft(choice.template)
    if written is not None:
        known[WRITTEN] = written
    for entry in library().entries():
        if entry.template.side == choice.side:
            for version in reversed(entry.versions):
                label = f"{entry.template.name}@{version}"
                known[label] = library().load(label)
    name, version = choice.template.name, choice.template.version
    before = [f"{name}@{one}" for one in choice.entry.versions if one < version]
    first = [*before[-1:], choice.template.label]
    if written is not None:
        first = [choice.template.label, WRITTEN]
    names = st.multiselect(
        "Templates",
        list(known),
        key=remember_some("variants", list(known), first, MOST_VARIANTS, "template"),
        max_selections=MOST_VARIANTS,
        help=f"Up to {MOST_VARIANTS}, beside each other.",
    )
    keep_some("variants", names, first)
    return {name: known[name] for name in names}


def _draw_trial(
    choice: Choice, asked: Asked, variants: dict[str, Template], numbers: list[int]
) -> None:
    record = choice.record
    assert record is not None
    folder, scene = library().folder, asked.scene
    references = [reference(one, folder) for one in variants.values()]
    chosen = [scene.ids.external[number] for number in numbers]
    words = trial_words(settings_file(record), choice.side, references, chosen, asked.changes)
    job = latest_job("try", words)
    running = job is not None and job.active

    def draw() -> None:
        _answers(asked, variants, numbers)

    _button(asked, variants, numbers, words, running)
    if job is not None and running:
        watch(job, draw)
    else:
        if job is not None:
            tell_end(job)
        draw()
    frame.command(*words)


def _button(
    asked: Asked,
    variants: dict[str, Template],
    numbers: list[int],
    words: tuple[str, ...],
    running: bool,
) -> None:
    """The button that asks: here where no model is asked, as a job where one is."""
    scene, templates = asked.scene, list(variants.values())
    left = _unanswered(asked, variants, numbers)
    name = scene.backend_config.backend
    with st.container(horizontal=True, vertical_alignment="center"):
        label = f"Try it with {name}"
        if scene.asks_model:
            model, times = (
                frame.plain(scene.backend_config.model),
                "once" if left == 1 else f"{left} times",
            )
            st.button(
                f"Try it: ask {model} {times}" if left else "Everything is answered",
                type="primary",
                icon=":material/send:",
                key="try",
                disabled=running or not left,
                on_click=_begin,
                args=(words, f"Try {', '.join(variants)}"),
            )
            st.caption("Answers are kept: a later run that asks the same pays nothing.")
            return
        if st.button(label, type="primary", icon=":material/send:", key="try", disabled=not left):
            try_templates(scene, templates, numbers)
            st.session_state[SHOWN] = "Answers"
            st.rerun()
        st.caption(
            f"{name} asks no language model and does not read the template: choose an "
            "endpoint to see what a model makes of it."
        )


def _begin(words: tuple[str, ...], title: str) -> None:
    begin("try", words, title)
    st.session_state[SHOWN] = "Answers"


def _unanswered(asked: Asked, variants: dict[str, Template], numbers: list[int]) -> int:
    """How many different prompts have no answer yet."""
    import polars as pl

    known = _known_answers(asked, variants, numbers)
    if known is None:
        return 0
    left = known.filter(~pl.col("cached") & pl.col("prompt").is_not_null())
    return left.select("entity", "prompt").n_unique() if left.height else 0


def _known_answers(
    asked: Asked, variants: dict[str, Template], numbers: list[int]
) -> pl.DataFrame | None:
    try:
        return known_answers(asked.scene, list(variants.values()), numbers)
    except AutoGraphError as error:
        frame.show_error(error)
        return None


def _answers(asked: Asked, variants: dict[str, Template], numbers: list[int]) -> None:
    """The prompts or the answers, a row an entity and a column a variant."""
    known = _known_answers(asked, variants, numbers)
    if known is None:
        return
    st.session_state[SHOWN] = st.session_state.get(SHOWN, "Prompts")  # said anew, as in remembered
    with st.container(horizontal=True, vertical_alignment="center"):
        shown = st.segmented_control(
            "Shown",
            ["Prompts", "Answers"],
            required=True,
            key=SHOWN,
            label_visibility="collapsed",
        )
        different = st.toggle("Only different", key="only different", disabled=len(variants) < 2)
        marked = st.toggle("Mark differences", key="mark differences", disabled=len(variants) < 2)
    prompts = shown == "Prompts"
    rows = only_different(known, prompts) if different and len(variants) > 1 else known
    hidden = known["entity"].n_unique() - rows["entity"].n_unique()
    if hidden:
        st.caption(f"Of {known['entity'].n_unique()}, all variants say the same of {hidden}.")
    for part in rows.partition_by("entity", maintain_order=True):
        _row(part, list(variants), prompts, marked)
    if rows.is_empty():
        frame.empty(
            "No difference", "All variants say the same of those chosen.", ":material/check:"
        )
    _below(known, list(variants))


def _row(part: pl.DataFrame, names: list[str], prompts: bool, marked: bool) -> None:
    first = part.row(0, named=True)
    title = frame.plain(first["title"])
    st.markdown(
        f"**{title}**"
        + ("" if first["title"] == first["entity"] else f" · {frame.plain(first['entity'])}")
    )
    for column, row in zip(st.columns(len(names)), part.iter_rows(named=True), strict=True):
        with column, st.container(border=True, height=TALL if prompts else "content"):
            st.caption(frame.plain(names[row["variant"]]))
            text = row["prompt"] if prompts else row["text"]
            base = first["prompt"] if prompts else first["text"]
            if row["error"]:
                st.warning(frame.plain(row["error"]), icon=":material/warning:")
            elif text is None:
                st.caption(":material/hourglass_empty: Not asked yet.")
            elif marked and row["variant"] and base is not None:
                show_diff(base, text, framed=False)
            else:
                st.text(text)
            if not prompts and text is not None:
                st.caption(_took(row))


def _took(row: dict[str, object]) -> str:
    tokens = f"{row['tokens_in'] or 0:,} + {row['tokens_out'] or 0:,} tokens"
    return f"{tokens} · {row['latency_s'] or 0:.2f} s"


def _below(known: pl.DataFrame, names: list[str]) -> None:
    if known["tokens_in"].sum():
        spec = tokens_by_variant(known, names)
        draw_chart(spec, height=220, alt="Mean tokens of prompts and answers by variant")
    frame.as_table(known.drop("variant"), "trial")
