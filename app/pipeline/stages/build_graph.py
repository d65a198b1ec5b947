"""The latent-factor graph; its factors have no names in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.experiment.settings import Cell, Experiment
from app.pipeline.stages.stage import Stage, Task, reads
from graph.build.latent import build_graph
from graph.explore.overview import statistics
from graph.latent import LatentGraph
from quantize.codes import Codes


def make_graph(task: Task) -> Mapping[str, Any]:
    """The latent-factor graph, its factors without names."""
    users, items = (Codes.load(task.inputs[f"codes-{side}"]) for side in ("user", "item"))
    edges = task.experiment.graph.edges
    graph = build_graph(task.dataset, task.split, users, items, edges=edges)
    graph.save(task.folder)
    return {**statistics(graph.hetero), "memory_mb": graph.nbytes / 1e6}


def _settings(experiment: Experiment, _cell: Cell | None, _workspace: Path) -> Mapping[str, Any]:
    """Nothing where it is as it should be, so that results from before the setting stay valid."""
    return experiment.graph.model_dump(mode="json", exclude_defaults=True)


STAGES = {
    "graph": Stage(
        "building the graph",
        1,
        reads("dataset", "split", "codes-user", "codes-item"),
        _settings,
        make_graph,
        gives={"graph": LatentGraph.load},
    ),
}
"""Names of factors are no input: words that describe a code better train nothing again."""
