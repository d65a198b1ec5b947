"""The Metapaths screen: what kinds of paths there are, how many, between whom, and their use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import polars as pl
import streamlit as st

from app.experiment.drafts import save_own, saved_folder
from app.experiment.file import experiment_toml
from app.experiment.metapaths import (
    TRAINABLE,
    metapath_words,
    others,
    switch_metapaths,
    used_metapaths,
    walkers,
)
from app.experiment.settings import Experiment
from app.pipeline.records import Record, read_record
from app.results.wording import added
from app.ui.graph.screen import mark
from app.ui.metapaths.charts import (
    flow_chart,
    flow_height,
    flow_table,
    instance_chart,
    instance_height,
    instance_table,
    overview_chart,
    overview_height,
)
from app.ui.metapaths.state import Chosen
from app.ui.shared.charts import draw_chart
from app.ui.shared.experiment import experiments, header, require
from app.ui.shared.frame import (
    as_table,
    command,
    command_line,
    empty,
    go,
    hint,
    link,
    plain,
    table,
    workspace,
)
from app.ui.shared.jobs import at_work_on, run_once, start_button
from app.ui.shared.results import results_of
from data.errors import AutoGraphError
from graph.explore.atlas import Atlas
from graph.explore.flat import Node
from graph.explore.paths import count_instances, flow, instances
from graph.explore.view import View, view_text
from graph.latent import PAPER, latent_schema
from graph.query.query import Query

LISTED = 2000
"""Instances that the streams are made of, at most."""
LONGEST_NAME = 80
"""Letters of an experiment's name."""
DRAWN = 40
"""Instances between two nodes that are drawn one by one."""
FOUND = 8
"""Nodes that a search lists."""


def show() -> None:
    """Draws the screen."""
    header("Metapaths", "Kinds of paths through the graph: how many there are, and between whom.")
    record = require("dataset", "factors-item", "factors-user", "graph")
    atlas = results_of(record).atlas
    chosen = Chosen(atlas)
    _schema(record, chosen)
    _builder(chosen)
    _catalogue(record, chosen)
    path = chosen.metapath
    if path is not None:
        _instances_of(atlas, chosen, path)
    _switch(record)
    words = ["graph", "metapaths", record.experiment.name]
    own = path is not None and str(path) not in PAPER
    command(*words, *(("--path", str(path)) if own else ()))


def _schema(record: Record, chosen: Chosen) -> None:
    overview = results_of(record).overview
    with st.container(border=True):
        draw_chart(
            overview_chart(overview, chosen.types),
            height=overview_height(overview.schema),
            key=chosen.chart,
            on_select=lambda: chosen.click(chosen.chart),
            alt="The types of nodes and edges; the buttons below extend the path as a click does.",
        )


def _catalogue(record: Record, chosen: Chosen) -> None:
    now = "" if chosen.metapath is None else str(chosen.metapath)
    paths = [*PAPER, *([now] if now and now not in PAPER else [])]
    rows = results_of(record).metapaths(paths)
    named = rows.with_columns(
        source=pl.Series(["paper" if path in PAPER else "yours" for path in paths])
    )
    picked = table(
        named.select("metapath", "source", "instances", "starts", "ends", "median_per_end"),
        "metapaths",
        select="single-row",
        key=f"catalogue-{len(paths)}-{chosen.turn}",
        columns={
            "metapath": st.column_config.TextColumn("Metapath", help=hint("metapath")),
            "source": st.column_config.TextColumn("From"),
            "instances": st.column_config.NumberColumn("Instances", format="localized"),
            "starts": st.column_config.NumberColumn(
                "Starts", format="percent", help="Nodes of the first type from which one goes."
            ),
            "ends": st.column_config.NumberColumn(
                "Ends", format="percent", help="Nodes of the last type at which one arrives."
            ),
            "median_per_end": st.column_config.NumberColumn(
                "Median per end",
                format="localized",
                help="Instances that arrive at half of the last type's nodes or more.",
            ),
        },
    )
    if picked and paths[picked[0]] != now:
        chosen.take(paths[picked[0]])
        st.rerun()


def _builder(chosen: Chosen) -> None:
    """The path so far, and the types by which it can go on."""
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        for at, kind in enumerate(chosen.types):
            if at:
                st.markdown(":material/arrow_right_alt:", width="content")
            mark(chosen.schema.node(kind))
            st.markdown(f"**{chosen.schema.node(kind).plural}**", width="content")
        if not chosen.types:
            st.markdown("Begin with a type:", width="content")
        for kind in chosen.next:
            st.button(
                chosen.schema.node(kind).plural,
                icon=":material/add:",
                key=f"extend-{kind}",
                on_click=chosen.extend,
                args=(kind,),
            )
        st.button(
            "Back",
            icon=":material/backspace:",
            on_click=chosen.shorten,
            disabled=not chosen.types,
            type="tertiary",
        )
        st.button(
            "Clear",
            icon=":material/clear:",
            on_click=chosen.clear,
            disabled=not chosen.types,
            type="tertiary",
        )


def _instances_of(atlas: Atlas, chosen: Chosen, path: Query) -> None:
    """Instances from one node, as streams; those to another one, one by one."""
    st.subheader("Instances", anchor=False)
    start, end = chosen.start, chosen.end
    if start is None:
        empty("No node of this type", "The graph has none to start from.")
        return
    with st.container(horizontal=True, gap="small"):
        _node_choice(atlas, "From", path.types[0], start, chosen.start_at)
        _node_choice(atlas, "To", path.types[-1], end, chosen.end_at, any_label="anywhere")
    if end is None:
        _streams(atlas, path, start[1])
    else:
        _between(atlas, path, start[1], end[1])


def _streams(atlas: Atlas, path: Query, start: int) -> None:
    listed = instances(atlas.graph, path, start, limit=LISTED)
    if not listed:
        empty("No instance", "Nothing along this metapath starts from this node.")
        return
    every = count_instances(atlas.graph, path, start=start)
    streams, types = flow(listed), [atlas.schema.node(kind) for kind in path.types]
    shown = f"all {every:,}" if every == len(listed) else f"the first {len(listed):,} of {every:,}"
    st.caption(f"Streams of {shown} instances, through the latest interactions first.")
    draw_chart(
        flow_chart(streams, types, atlas.names.title),
        height=flow_height(streams),
        key="streams",
        alt="How many instances run from which node to which; the table below says the same.",
    )
    as_table(flow_table(streams, types, atlas.names.title), "streams")


def _between(atlas: Atlas, path: Query, start: int, end: int) -> None:
    listed = instances(atlas.graph, path, start, end, limit=DRAWN + 1)
    if not listed:
        empty("No instance", "No instance of this metapath joins these two.")
        return
    more = f"The first {DRAWN}" if len(listed) > DRAWN else f"All {len(listed)}"
    st.caption(f"{more} instances that join them, through the latest interactions first.")
    drawn, types = listed[:DRAWN], [atlas.schema.node(kind) for kind in path.types]
    draw_chart(
        instance_chart(drawn, types, atlas.names.title),
        height=instance_height(drawn),
        key="instances",
        alt=f"{len(drawn)} paths between two nodes; the table below holds them.",
    )
    as_table(instance_table(drawn, types, atlas.names.title), "instances")
    ends = ((path.types[0], start), (path.types[-1], end))
    link(
        "graph",
        "The shortest path between them, in the graph",
        icon=":material/hub:",
        view=view_text(View(ends=ends), atlas.schema),
    )


def _switch(record: Record) -> None:
    """Which metapaths recommenders learn from, and a new experiment with others."""
    st.subheader("In training", anchor=False)
    used = used_metapaths(record.experiment)
    if not walkers(record.experiment):
        empty("Nothing learns along metapaths", _without(record.experiment))
        return
    st.caption(
        f"These can be learnt from, here by {_in_words(walkers(record.experiment))}. Switch some "
        "off to see what each is worth: a new experiment shares all results up to the graph, and "
        f"only trains these recommenders anew. {_without(record.experiment)}"
    )
    with st.container(horizontal=True, gap="medium"):
        on = tuple(
            path
            for path in TRAINABLE
            if st.toggle(path, value=path in used, key=f"use-{path}", persist_state="page")
        )
    if on == used:
        st.caption("As it was trained.")
        return
    _new_experiment(record, on)


def _without(experiment: Experiment) -> str:
    """What is to be said of recommenders that know no metapaths; "" where there are none."""
    named = others(experiment)
    if named:
        return f"There are none to switch in {_in_words(named)}."
    return "" if walkers(experiment) else "This experiment trains plain recommenders only."


def _in_words(enhancers: Sequence[str]) -> str:
    experiments = [added(name) for name in enhancers]
    return " and ".join(filter(None, (", ".join(experiments[:-1]), experiments[-1])))


def _new_experiment(record: Record, on: tuple[str, ...]) -> None:
    experiment = record.experiment
    usual = _name_of(experiment, on)
    name = st.text_input(
        "Name of the new experiment",
        usual,
        max_chars=LONGEST_NAME,
        key=f"metapath-experiment-{usual}",
        help="Letters, digits, dot, hyphen and underscore.",
    )
    fresh = switch_metapaths(experiment, on, name)
    taken = _is_taken(fresh)
    replace = taken and st.checkbox(
        f"Replace the experiment {plain(name)}, which has other settings",
        key=f"metapath-replace-{name}",
    )
    held = taken and not replace
    with st.container(horizontal=True):
        if st.button("Save its settings", icon=":material/save:", disabled=held):
            save_own(fresh, workspace(), replace=replace)
            st.toast(f"Saved as {name}.toml.")
        if start_button("Train it", at_work_on(fresh.name), disabled=held):
            run_once(save_own(fresh, workspace(), replace=replace))
            go("jobs")
    changes = (*metapath_words(experiment, on), f"name={name}")
    sets = [part for word in changes for part in ("--set", word)]
    st.caption("The same by `--set`, and the command that runs the saved settings:")
    commands = (
        command_line("run", "EXPERIMENT.toml", *sets),
        command_line("run", str(_file(name))),
    )
    st.code("\n".join(commands), language="shell", wrap_lines=True)


def _name_of(experiment: Experiment, on: Sequence[str]) -> str:
    """A name that says which metapaths are learnt from."""
    schema = latent_schema()
    paths = "-".join(schema.letters(Query.parse(path, schema).types) for path in on)
    return f"{experiment.name}-{paths or 'no-metapaths'}"[:LONGEST_NAME]


def _is_taken(fresh: Experiment) -> bool:
    """Whether an experiment with other settings is saved, or was run, under its name."""
    file = _file(fresh.name)
    try:
        if file.exists() and file.read_text("utf-8") != experiment_toml(fresh):
            return True
        ran = fresh.name in experiments()
        return ran and read_record(fresh.name, workspace()).experiment != fresh
    except (AutoGraphError, OSError, UnicodeDecodeError):
        return True


def _file(name: str) -> Path:
    return saved_folder(workspace()) / f"{name}.toml"


def _node_choice(
    atlas: Atlas,
    label: str,
    kind: str,
    node: Node | None,
    choose: Callable[[Node | None], None],
    *,
    any_label: str | None = None,
) -> None:
    """Shows the node that is chosen; opened, it searches for another.

    Args:
        atlas: Of the graph.
        label: What the node is, for instance "From".
        kind: Type of node that may be chosen.
        node: The one that is.
        choose: Called with the new one, or with None.
        any_label: What the choice of no node is called; None if there is to be a node.
    """
    title = plain(atlas.names.title(node)) if node else any_label or "choose …"
    with st.popover(f"{label}: **{title}**"):
        words = st.text_input(
            f"{label}, search",
            type="search",
            icon=":material/search:",
            live=True,
            key=f"choice-{label}-{kind}",
        )
        if node is not None and any_label:
            st.button(any_label, on_click=choose, args=(None,), key=f"any-{label}", type="tertiary")
        found = atlas.finder.find(words, FOUND, (kind,))
        if words.strip() and not found:
            st.caption("Nothing holds all these words.")
        for hit in found:
            st.button(
                plain(atlas.names.title(hit)),
                key=f"choice-{label}-{hit}",
                type="tertiary",
                on_click=choose,
                args=(hit,),
            )
