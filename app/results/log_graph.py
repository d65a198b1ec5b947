"""The graph of what users asked for in an experiment, and what `focal` draws by on it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from app.results.asking import asking_cells
from app.results.results import Results
from data.behaviours import asked
from data.errors import ConfigError
from graph.build.log import log_graph, log_schema
from graph.explore.atlas import Atlas
from graph.query.console import read_query
from graph.query.query import Query
from graph.sample.focal import Focal
from recommend.protocols import Focuses

if TYPE_CHECKING:
    from app.experiment.settings import Cell

FACTORS, LOG = "factors", "log"
"""Graphs of an experiment: of users, items and latent factors; of users, queries and items."""
FOCAL = "focal"


def graphs_of(results: Results) -> tuple[str, ...]:
    """Which graphs an experiment has, that of latent factors first."""
    some = {FACTORS: results.has_graph, LOG: results.dataset.log is not None}
    return tuple(name for name, there in some.items() if there)


def open_graph(results: Results, name: str) -> Atlas:
    """A graph of an experiment, with what is known of its nodes; of a log what training may see.

    Raises:
        ConfigError: the data have no log, or there is no such graph.
        ArtifactError: it is not finished.
    """
    if name == FACTORS:
        return results.described
    if name != LOG:
        raise ConfigError(f"There is no graph {name!r}; there are {FACTORS} and {LOG}.")
    dataset = results.dataset
    if dataset.log is None:
        raise ConfigError(
            f"The data set {dataset.name!r} has no log of what users asked for, so there is no "
            f"graph of it. That of latent factors is --graph {FACTORS}."
        )

    def make() -> Atlas:
        past = results.histories
        atlas = Atlas.of(log_graph(dataset, past, asked(dataset, past)), dataset)
        about = {
            kind: {"name": tuple(titles), **atlas.graph.attributes[kind]}
            for kind, titles in atlas.names.titles.items()
        }
        return replace(atlas, graph=replace(atlas.graph, attributes=about))

    return results.derive("atlas of the log", make)


def graph_for(results: Results, text: str) -> str:
    """The first graph of an experiment that a query fits; that of latent factors if none does."""
    there = graphs_of(results)
    if LOG in there and (FACTORS not in there or not _fits(text, results)):
        return LOG
    return FACTORS


def _fits(text: str, results: Results) -> bool:
    """Whether a query is one of the latent factors' graph, or not even one of the log's."""
    for schema, answer in ((results.atlas.schema, True), (log_schema(), False)):
        try:
            read_query(text, schema)
        except ConfigError:
            continue
        return answer
    return True


def is_focal(query: Query) -> bool:
    """Whether a hop of a query draws by focus."""
    return any(hop.by == FOCAL for hop in query.hops)


def focal(results: Results, user: int, query: int) -> tuple[Focal, Cell]:
    """What draws by the focus, that of one seed, of a user who asks, and whose vectors it has.

    They are those by which a recommender of the experiment chooses what it reads: the best on
    validation that was trained on the log.

    Args:
        results: Of the experiment.
        user: Number of who asks.
        query: Number of what is asked for.

    Raises:
        ConfigError: no recommender was trained on the log.
    """
    record = results.record
    of_log = [
        cell
        for cell in asking_cells(record)
        if getattr(record.experiment.model_of(cell).backbone, "queries", "") == LOG
    ]
    if not of_log:
        raise ConfigError(
            f"Of a hop, {FOCAL} draws what is most relevant to who asks and what is asked for, by "
            "vectors of a recommender that was trained on the log, and "
            f"{record.experiment.name!r} has none. Add zoomer to grid.backbones with "
            'override.zoomer.model.backbone.queries = "log" and run the experiment, or draw '
            "otherwise, such as by topk."
        )
    cell = max(of_log, key=record.validated().__getitem__)
    of = results.model(cell).recommender
    if not isinstance(of, Focuses):
        raise ConfigError(f"{cell.backbone} has no vectors that {FOCAL} could draw by.")
    vectors = {kind: of.alone(kind) for kind in log_schema().types}
    focus = vectors["user"][user] + vectors["query"][query]
    return Focal(vectors, focus[None], of.relevance), cell
