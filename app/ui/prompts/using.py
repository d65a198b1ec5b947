"""Running an experiment with a template, beside the one it comes from."""

from __future__ import annotations

import streamlit as st

from app.experiment.file import load_experiment
from app.pipeline.own_texts import take_along
from app.pipeline.records import settings_file
from app.ui.prompts.choice import Choice
from app.ui.shared import frame
from app.ui.shared.experiment import experiments
from app.ui.shared.jobs import run_once
from data.errors import AutoGraphError, ConfigError


def use_button(choice: Choice) -> None:
    """A button that runs the chosen experiment with the version that is shown."""
    record, template = choice.record, choice.template
    with st.popover("Use it", icon=":material/play_arrow:", disabled=record is None):
        if record is None:
            return
        if (why := _unread(choice)) is not None:
            st.info(why, icon=":material/info:")
            changes = {
                "name": f"{record.experiment.name}-{template.name}",
                f"prompts.{choice.side}_template": template.label,
                f"llm.{choice.side}.backend": "server",
            }
            frame.link("train", "Choose who answers it", ":material/model_training:", **changes)
            return
        st.caption(
            f"Runs {frame.plain(record.experiment.name)} with {frame.plain(template.label)}, as an "
            "experiment of its own; results that do not depend on it are shared."
        )
        name = st.text_input(
            "Name of the experiment",
            f"{record.experiment.name}-{template.name}-{template.version}",
            key=f"use name {template.label}",
            help="Letters, digits, dot, hyphen and underscore.",
        )
        if st.button("Run it", type="primary", key="use it"):
            try:
                _start(choice, name.strip())
            except AutoGraphError as error:
                frame.failed(error)
                return
            frame.go("jobs")


def _unread(choice: Choice) -> str | None:
    """Why the experiment would never read a template; None where it asks a language model."""
    from llm.workshop.scene import WITHOUT_MODEL

    assert choice.record is not None
    of = choice.record.experiment
    backend = getattr(of.llm, choice.side).backend
    if backend not in WITHOUT_MODEL:
        return None
    how = "are stated from their facts" if backend == "facts" else "were recorded elsewhere"
    return (
        f"{frame.plain(of.name)} asks no language model: its texts about {choice.side}s {how} "
        f"({backend}), which reads no template. To use this one, choose on Train who answers it: "
        "an endpoint, or a model on this machine."
    )


def _start(choice: Choice, name: str) -> None:
    """A job of an experiment that takes along the texts by hand of the one it comes from."""
    record = choice.record
    assert record is not None
    if name in experiments():
        raise ConfigError(f"There is an experiment {name!r} already. Choose another name.")
    file = settings_file(record)
    sets = (f"name={name}", f"prompts.{choice.side}_template={choice.template.label}")
    checked = load_experiment(file, sets)
    take_along(record.experiment, checked.name, record.workspace)
    run_once(file, sets)
