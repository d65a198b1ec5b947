"""All that is opened of a finished experiment: each thing when it is first asked for, and once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import polars as pl

from app.experiment.settings import PLAIN, Cell
from app.pipeline.own_texts import overrides_of, template_of
from app.pipeline.records import Record
from app.pipeline.scenes import recorded_scene
from app.results.wording import nouns_of
from data import atomic, rights
from data.artifacts import MANIFEST
from data.columns import ITEM_ID, TITLE, USER_ID
from data.dataset import Dataset, Histories
from data.errors import ArtifactError
from data.names import names_of
from data.split import Split
from graph.explore.atlas import Atlas
from graph.explore.overview import overview_of, tabulate_metapaths
from graph.latent import LatentGraph
from graph.query.query import Query
from llm.knowledge import Knowledge
from llm.review import Coverage, coverage, review_texts
from llm.vectors import Vectors
from prompts.template import Side
from quantize.describe import FactorDescriptions
from quantize.lexicon import Lexicon
from quantize.terms import Mentions
from quantize.words import Words
from recommend.reasons.showcase import assemble

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from graph.explore.overview import Overview
    from graph.values import Values
    from llm.workshop.scene import Scene
    from quantize.fit import FittedCodes
    from recommend.judge.evaluate import Evaluation
    from recommend.model import Model
    from recommend.newcomers.insertion import Inserter
    from recommend.reasons.showcase import Showcase
    from recommend.reasons.what_if import Ready

SIDES: tuple[Side, Side] = ("user", "item")
Keep = Callable[[str, Callable[[], Any]], Any]
"""What goes by a name, made if it is not there; the name says all that it depends on."""
T = TypeVar("T")


def in_memory() -> Keep:
    """Keeps everything as long as the process lives, for a command."""
    kept: dict[str, Any] = {}

    def keep(name: str, make: Callable[[], Any]) -> Any:
        if name not in kept:
            kept[name] = make()
        return kept[name]

    return keep


def stamp(*folders: Path) -> str:
    """What tells results apart: their folders, and the times at which they were finished.

    Asking again about those without a text makes a result again in its folder.
    """
    return " ".join(f"{one.resolve()} {_made(one)}" for one in folders)


def _made(folder: Path) -> int:
    """When a result was finished, in nanoseconds; 0 for one that is not."""
    with suppress(OSError):
        return (folder / MANIFEST).stat().st_mtime_ns
    return 0


@dataclass(frozen=True)
class Results:
    """What an experiment left, and what is made of it to be looked at.

    Everything raises `ArtifactError` where it is not finished, or damaged, and is opened again
    once its stage has made it again.

    Attributes:
        record: Of the experiment.
        keep: Where what is opened stays; several experiments that share it share their results.
    """

    record: Record
    keep: Keep = field(default_factory=in_memory, repr=False)

    @property
    def stamp(self) -> str:
        """The stamp of all results that are not of one cell."""
        store = self.record.store
        return stamp(*(store.place(*result) for result in sorted(self.record.keys.items())))

    def derive(self, what: str, make: Callable[[], T]) -> T:
        """What is made of several results; `what` says of which, and all else it depends on."""
        made: T = self.keep(f"{what} {self.stamp}", make)
        return made

    def _open(self, load: Callable[..., T], *folders: Path) -> T:
        made: T = self.keep(f"{load.__qualname__} {stamp(*folders)}", lambda: load(*folders))
        return made

    @property
    def dataset(self) -> Dataset:
        """Users, items and interactions."""
        return self._open(Dataset.load, self.record.folder("dataset"))

    @property
    def split(self) -> Split:
        """Which interaction is for training, validation and test."""
        return self._open(Split.load, self.record.folder("split"))

    @property
    def histories(self) -> Histories:
        """Training histories of all users."""
        return self.derive("histories", lambda: self.split.histories(self.dataset))

    def knowledge(self, side: str) -> Knowledge:
        """Texts of one side."""
        return self._open(Knowledge.load, self.record.folder(f"knowledge-{side}"))

    def encoded(self, side: str) -> Knowledge:
        """The texts that a side's vectors are of; in a control, shuffled ones."""
        return self._open(Knowledge.load, self.record.encoded_texts(side))

    def coverage(self, side: str) -> Coverage:
        """How much of one side is described, and what it took."""
        return self.derive(f"coverage {side}", lambda: coverage(self.knowledge(side)))

    def reviewed(self, side: str) -> pl.DataFrame:
        """What is to be said of every text of one side (see `llm.review`), with titles."""

        def make() -> pl.DataFrame:
            table, of = review_texts(self.knowledge(side)), self.dataset
            ids = of.items[ITEM_ID] if side == "item" else of.users[USER_ID]
            titles = pl.DataFrame({"entity": ids, TITLE: names_of(of, side)})
            joined = table.join(titles, on="entity", how="left", maintain_order="left")
            return joined.select(pl.coalesce(TITLE, "entity").alias(TITLE), pl.exclude(TITLE))

        return self.derive(f"reviewed {side}", make)

    def scene(self, side: Side) -> Scene:
        """The users or items as templates see them, with texts by hand as they are just now."""
        experiment = self.record.experiment
        changes = len(overrides_of(experiment, "item", self.record.workspace).changes())
        what = f"scene {side} {changes} {experiment.model_dump_json()}"
        return self.derive(what, lambda: recorded_scene(self.record, side))

    @property
    def words(self) -> Words | None:
        """The words that items are compared by; None where none are."""
        if "words" not in self.record.keys:
            return None
        return self._open(Words.load, self.record.folder("words"))

    def vectors(self, side: str) -> Vectors:
        """Vectors of the texts of one side."""
        return self._open(Vectors.load, self.record.folder(f"vectors-{side}"))

    def codes(self, side: str) -> FittedCodes:
        """Codes of one side, and the quantiser that gives them."""
        from quantize.fit import FittedCodes

        return self._open(FittedCodes.load, self.record.folder(f"codes-{side}"))

    def residuals(self, side: str) -> np.ndarray:
        """(T + 1, n, d_q), what is left of each vector before each level and after the last."""
        from quantize.fit import residuals

        def make() -> np.ndarray:
            return residuals(self.codes(side), self.vectors(side).matrix)

        return self.derive(f"residuals {side}", make)

    def factors(self, side: str) -> FactorDescriptions:
        """What the latent factors of one side mean."""
        return self._open(FactorDescriptions.load, self.record.folder(f"factors-{side}"))

    def lexicon(self, side: str) -> Lexicon:
        """All latent factors of one side, to look at one after another."""
        from quantize.fit import gaps

        def make() -> Lexicon:
            codes, distances = self.codes(side).codes, gaps(self.residuals(side))
            mentions = Mentions(self.encoded(side).texts)
            return Lexicon(codes, self.factors(side), distances, mentions)

        return self.derive(f"lexicon {side}", make)

    def codebook_map(self, side: str, level: int | None) -> pl.DataFrame:
        """The map of the codes of one level, or of all levels and no members.

        It is drawn at the first look, and kept beside the other caches of the workspace: it belongs
        to no result, so drawing it otherwise makes nothing else again.
        """

        def make() -> pl.DataFrame:
            from quantize.codebook_map import draw_map

            path = self.map_path(side, level)
            if path.exists():
                with suppress(ArtifactError):
                    return atomic.read_parquet(path)
            codes = self.codes(side).codes
            levels = range(codes.levels) if level is None else [level]
            drawn = draw_map(codes, self.residuals(side), levels)
            with suppress(ArtifactError), rights.deriving():
                atomic.write_parquet(path, drawn)
            return drawn

        return self.derive(f"map {side} {level}", make)

    def map_path(self, side: str, level: int | None) -> Path:
        """Where a map is kept; a key outlives its results, so their time is a part of the name."""
        from quantize.codebook_map import VERSION

        made = max(_made(self.record.folder(f"{what}-{side}")) for what in ("vectors", "codes"))
        which = "all" if level is None else str(level)
        name = f"{self.record.keys[f'codes-{side}']}-{made}-{which}-{VERSION}.parquet"
        return self.record.workspace / "cache" / "maps" / name

    @property
    def graph(self) -> LatentGraph:
        """The graph, with names of its factors."""
        if "graph" not in self.record.keys:
            raise ArtifactError(
                f"The experiment {self.record.experiment.name!r} has only the enhancer {PLAIN!r}, "
                "so there is no graph to explain with. Add autograph to grid.enhancers and run it."
            )

        def make() -> LatentGraph:
            user, item = (self.factors(side).names for side in SIDES)
            graph = LatentGraph.load(self.record.folder("graph"))
            return replace(graph, user_labels=user, item_labels=item)

        return self.derive("graph", make)

    @property
    def has_graph(self) -> bool:
        """Whether there is a graph whose factors are described, all of it finished."""
        described = (f"{what}-{side}" for what in ("factors", "knowledge") for side in SIDES)
        keys, store = self.record.keys, self.record.store
        return all(part in keys and store.holds(part, keys[part]) for part in ("graph", *described))

    @property
    def atlas(self) -> Atlas:
        """The graph, ready to be explored."""

        def make() -> Atlas:
            graph = self.graph.hetero
            described = {
                node.name: self.factors(node.groups)
                for node in graph.schema.nodes
                if node.groups in SIDES
            }
            terms = {kind: one.table["terms"].to_list() for kind, one in described.items()}
            return Atlas.of(graph, self.dataset, terms)

        return self.derive("atlas", make)

    @property
    def database(self) -> Path:
        """The graph as a database that is asked in openCypher, with names and facts of its nodes.

        It is written at the first look, and kept beside the other caches of the workspace.

        Raises:
            ConfigError: the library that writes it is missing.
        """
        from graph.database.write import VERSION, write_database

        def make() -> Path:
            with rights.deriving():
                write_database(self.atlas.graph, path, self.facts)
            for older in {*path.parent.glob(f"{self.record.keys['graph']}-*.lbug")} - {path}:
                older.unlink(missing_ok=True)
            return path

        of = ("dataset", "graph", *(f"factors-{side}" for side in SIDES))
        made = max(_made(self.record.folder(stage)) for stage in of)
        name = f"{self.record.keys['graph']}-{made}-{VERSION}.lbug"
        path = self.record.workspace / "cache" / "databases" / name
        return path if path.exists() else make()

    @property
    def facts(self) -> dict[str, dict[str, tuple[str, ...] | pl.Series]]:
        """Ids and names of all nodes, and what the data say of users and items, by type."""
        names, data = self.atlas.names, self.dataset
        facts: dict[str, dict[str, tuple[str, ...] | pl.Series]] = {
            kind: {"id": ids.external, "name": names.titles[kind]}
            for kind, ids in names.ids.items()
        }
        for side, table, left_out in (
            ("user", data.users, {USER_ID}),
            ("item", data.items, {ITEM_ID, TITLE}),
        ):
            facts[side] = {**facts[side], **table.drop(left_out & {*table.columns}).to_dict()}
        return facts

    @property
    def described(self) -> Atlas:
        """The atlas, whose graph also has what `facts` say of its nodes, for queries to ask.

        What is a list, or is not known of every node, is left out: conditions compare values.
        """

        def make() -> Atlas:
            graph = self.atlas.graph
            attributes = {kind: dict(about) for kind, about in graph.attributes.items()}
            for kind, about in self.facts.items():
                own = attributes.setdefault(kind, {})
                own |= {
                    name: told
                    for name, values in about.items()
                    if (told := _told(values)) is not None
                }
            return replace(self.atlas, graph=replace(graph, attributes=attributes))

        return self.derive("described", make)

    @property
    def overview(self) -> Overview:
        """Types of nodes and edges with their counts."""
        return self.derive("overview", lambda: overview_of(self.atlas.flat))

    def metapaths(self, paths: Sequence[str]) -> pl.DataFrame:
        """Instances and reach of metapaths, a row each."""

        def counted(path: str) -> pl.DataFrame:
            graph = self.atlas.graph
            steps = Query.parse(path, graph.schema)
            return self.derive(f"metapath {path}", lambda: tabulate_metapaths(graph, [steps]))

        return pl.concat(counted(path) for path in paths)

    def model(self, cell: Cell) -> Model:
        """A trained recommender."""
        from recommend.model import Model

        return self._open(Model.load, self.record.folder("train", cell))

    def ready(self, cell: Cell) -> Ready:
        """A recommender that has passed over its graph, and answers at once."""
        from recommend.reasons.what_if import Ready

        name = f"ready {stamp(self.record.folder('train', cell))}"
        made: Ready = self.keep(name, lambda: Ready.of(self.model(cell)))
        return made

    def everybody(self, cell: Cell) -> Tensor:
        """Vectors of all users after their training histories."""
        read = [self.record.folder(stage) for stage in ("dataset", "split")]
        name = f"everybody {stamp(*read, self.record.folder('train', cell))}"
        made: Tensor = self.keep(name, lambda: self.ready(cell).everybody(self.histories))
        return made

    def evaluation(self, cell: Cell) -> Evaluation:
        """How a recommender did, a row a user."""
        from recommend.judge.evaluate import Evaluation

        return self._open(Evaluation.load, self.record.folder("evaluate", cell))

    @property
    def showcase(self) -> Showcase:
        """What a demonstration draws on."""

        def make() -> Showcase:
            did = nouns_of(self.record).did
            if not self.has_graph:
                return assemble(self.dataset, self.split, did=did)
            factors = {str(side): self.factors(side) for side in SIDES}
            texts: dict[str, Sequence[str | None]] = {
                side: self.knowledge(side).texts for side in SIDES
            }
            return assemble(self.dataset, self.split, self.graph, factors, texts, did)

        return self.derive("showcase", make)

    @property
    def inserter(self) -> Inserter:
        """Finds the places of what is new in the graph."""
        from recommend.newcomers.insertion import Inserter

        experiment, workspace = self.record.experiment, self.record.workspace

        def make() -> Inserter:
            return Inserter(
                built=self,
                llm=experiment.llm,
                template=lambda side: template_of(experiment, side, workspace),
                history=experiment.prompts.history,
                texts_of_items="knowledge-item" in self.record.keys,
                encoder=experiment.encoder,
                workspace=workspace,
                words_of=experiment.words.of,
            )

        return self.derive("inserter", make)


def _told(values: tuple[str, ...] | pl.Series) -> Values | None:
    """Values that conditions can compare, one for every row; None where they are not such."""
    if isinstance(values, tuple):
        return values
    if values.dtype == pl.String:
        return tuple(values.fill_null("").to_list())
    return values.to_numpy() if values.dtype.is_numeric() and not values.null_count() else None
