"""Asks of one recommender: who asks for what, what comes of it, what was read, and how it moves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
import polars as pl

from app.experiment.settings import Cell
from app.pipeline.records import Record
from app.results.queries import Queries, Space, asked_before, meanings
from app.results.results import Results, stamp
from app.results.wording import nouns_of
from data.errors import ArtifactError, ConfigError
from data.names import Nouns, with_a
from quantize.terms import words_in
from recommend.protocols import Asks, Region
from recommend.reasons.showcase import Showcase
from recommend.settings import BACKBONES
from recommend.settings.zoomer import ZoomerConfig

if TYPE_CHECKING:
    from llm.encoders import TextEncoder

ASKER = ZoomerConfig().name
"""The backbone that an experiment can add to be asked."""
EGOS = ("user", "query")
"""The first two nodes of a region: who asks, and for what."""
WORDS = 4
"""Telling words of a meaning that are said of an item."""
ROWS, COLUMNS = 8, 10
"""Asks and items of a table of weights. Source: ZOOMER, figure 13."""
Node = tuple[str, int]
"""Type and number."""


def asking_cells(record: Record) -> list[Cell]:
    """Finished recommenders of an experiment that can be asked for something."""
    return [
        cell
        for cell in record.finished_cells()
        if (spec := BACKBONES.get(cell.backbone)) and spec.config.asks
    ]


def no_asker(record: Record) -> str:
    """Why nobody can be asked, and how that is mended."""
    able = " or ".join(name for name, spec in BACKBONES.items() if spec.config.asks) or ASKER
    there = ", ".join(dict.fromkeys(cell.backbone for cell in record.finished_cells())) or "none"
    return (
        f"No trained recommender of {record.experiment.name!r} can be asked for something "
        f"(trained: {there}). One that can is {able}: add it to grid.backbones, and run the "
        "experiment."
    )


@dataclass(frozen=True, slots=True)
class Offer:
    """An item that an ask is answered with.

    Attributes:
        item: Its number.
        rank: Best = 1.
        score: Product of the vectors of ask and item.
        has: How often it was taken under the query in training; of a meaning 1 if it is its own.
        words: Telling words of the query that its description holds, the first `WORDS`.
        later: Whether the person had it later, held back from the recommender.
    """

    item: int
    rank: int
    score: float
    has: int
    words: tuple[str, ...]
    later: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """What comes of an ask.

    Attributes:
        user: Who asks.
        query: For what.
        offers: Items, best first.
        region: What was read for it.
    """

    user: int
    query: int
    offers: tuple[Offer, ...]
    region: Region


@dataclass(frozen=True, slots=True)
class Move:
    """How an answer changes when the question does.

    Attributes:
        stay: Neighbours of both regions.
        leave: Those of the first alone.
        come: Those of the second alone.
        same: Items of both lists.
        gone: Of the first alone.
        fresh: Of the second alone.
    """

    stay: tuple[Node, ...]
    leave: tuple[Node, ...]
    come: tuple[Node, ...]
    same: tuple[int, ...]
    gone: tuple[int, ...]
    fresh: tuple[int, ...]


def hops(region: Region) -> np.ndarray:
    """(n,) steps of each node from the egos, which are 0."""
    found = np.full(len(region.kinds), -1, dtype=np.int64)
    found[: len(EGOS)] = 0
    while True:
        ready = (found[region.targets] >= 0) & (found[region.sources] < 0)
        if not ready.any():
            return found
        found[region.sources[ready]] = found[region.targets[ready]] + 1


def neighbours(region: Region) -> tuple[Node, ...]:
    """The nodes besides the egos, each once, in the order of the region."""
    places = zip(region.kinds[len(EGOS) :], region.numbers[len(EGOS) :].tolist(), strict=True)
    return tuple(dict.fromkeys(places))


def compare_answers(first: Answer, second: Answer) -> Move:
    """How regions and lists of two asks differ."""
    one, other = neighbours(first.region), neighbours(second.region)
    items, others = ([offer.item for offer in answer.offers] for answer in (first, second))
    return Move(
        tuple(node for node in one if node in {*other}),
        tuple(node for node in one if node not in {*other}),
        tuple(node for node in other if node not in {*one}),
        tuple(item for item in items if item in {*others}),
        tuple(item for item in items if item not in {*others}),
        tuple(item for item in others if item not in {*items}),
    )


@dataclass(frozen=True)
class Asking:
    """A recommender that can be asked, and all that is needed to say what it answers.

    Attributes:
        case: People, items and histories.
        of: The recommender.
        queries: What it can be asked for.
        nouns: How items are called.
        repeats: Whether what somebody had may be offered again.
        asked: In training, which query stood beside a user: see `ZoomerConfig.asked`.
    """

    case: Showcase
    of: Asks
    queries: Queries
    nouns: Nouns
    repeats: bool = False
    asked: str = "both"

    @cached_property
    def _items(self) -> np.ndarray:
        return self.of.base_items

    def usual(self, user: int) -> int:
        """What somebody is taken to ask for who says nothing."""
        return int(self.of.query_after(self.case.histories, np.array([user]))[0])

    def other(self, user: int, query: int) -> int:
        """Something else that somebody might ask for: of the history, most often, or at large."""
        own, every = self.queries.tally(self.case.histories.of(user)), self.queries.sizes
        order = np.lexsort((-every, -own))
        return int(next((one for one in order if one != query), query))

    def answer(self, user: int, query: int, k: int) -> Answer:
        """The k best items for an ask, and what was read for it.

        Raises:
            ArtifactError: a score is no finite number.
        """
        scores = self._items @ self.of.asking(np.array([user]), np.array([query]))[0]
        if wrong := int((~np.isfinite(scores)).sum()):
            raise ArtifactError(
                f"{wrong:,} of {len(scores):,} scores of this ask are no finite numbers, so there "
                "is no order to show: the weights are damaged, or training ran away. Train it "
                "again: delete its folder below artifacts/train and run its experiment."
            )
        history = self.case.histories.of(user)
        if not self.repeats:
            scores = scores.copy()
            scores[history] = -np.inf
        order = np.argsort(-scores, kind="stable")[:k]
        best = order[np.isfinite(scores[order])]
        offers = tuple(
            self._offer(user, query, int(item), rank, float(scores[item]))
            for rank, item in enumerate(best, 1)
        )
        return Answer(user, query, offers, self.of.region(user, query))

    def _offer(self, user: int, query: int, item: int, rank: int, score: float) -> Offer:
        words = tuple(self._words(query, item))
        has, later = self.queries.count(query, item), item in self.case.later[user]
        return Offer(item, rank, score, has, words, bool(later))

    def _words(self, query: int, item: int) -> list[str]:
        """Telling words of a meaning that the description of an item holds, most telling first."""
        texts = self.queries.texts
        text = texts[item] if item < len(texts) else None
        if not text or self.queries.noun == "query":
            return []
        terms, held = self.queries.terms[query], words_in(text)
        return sorted(terms.keys() & held, key=lambda term: (-terms[term][1], term))[:WORDS]

    def name(self, kind: str, number: int) -> str:
        """What a node of a region is called."""
        if kind == "query":
            return self.queries.names[number]
        return self.case.people[number] if kind == "user" else self.case.title(number)

    def kind(self, kind: str, n: int = 2) -> str:
        """What so many nodes of a type are called."""
        one, many = {
            "user": ("person", "people"),
            "item": (self.nouns.one, self.nouns.many),
            "query": (self.queries.noun, self.queries.many),
        }.get(kind, (kind, f"{kind}s"))
        return one if n == 1 else many

    def count(self, query: int) -> str:
        """How many items have a query, in words."""
        n = int(self.queries.sizes[query])
        return f"{n:,} {self.kind('item', n)}"

    def edges(self, region: Region) -> pl.DataFrame:
        """Every edge of a region, those first that the egos hear, and of them the heaviest.

        Columns: `hop`, `by` (who hears it), `node`, `type`, `relevance`, `weight`, `share`.
        """
        step, sources, targets = hops(region), region.sources, region.targets
        names = [
            self.name(kind, number)
            for kind, number in zip(region.kinds, region.numbers.tolist(), strict=True)
        ]
        table = pl.DataFrame(
            {
                "hop": step[sources],
                "by": [names[at] for at in targets.tolist()],
                "node": [names[at] for at in sources.tolist()],
                "type": [self.kind(region.kinds[at], 1) for at in sources.tolist()],
                "relevance": region.relevance.astype(np.float64),
                "weight": region.weights.astype(np.float64),
                "share": region.shares.astype(np.float64),
                "target": targets,
            },
            schema_overrides={"by": pl.String, "node": pl.String, "type": pl.String},
        )
        order = ("hop", "target", "type", "weight")
        falling = (False, False, False, True)
        return table.sort(*order, descending=falling, maintain_order=True).drop("target")

    def asks_of(self, user: int, query: int) -> np.ndarray:
        """(f,) queries to vary around a person: the one asked for, own ones, then large ones."""
        own, every = self.queries.tally(self.case.histories.of(user)), self.queries.sizes
        order = np.lexsort((-every, -own))
        some = [query, *(one for one in order.tolist() if one != query and every[one])]
        return np.array(some[:ROWS], dtype=np.int64)

    def askers(self, user: int) -> np.ndarray:
        """(f,) people to vary around a query: the one who asks, and others drawn with seed 0."""
        everybody = np.flatnonzero(self.case.histories.lengths > 0)
        others = np.random.default_rng(0).permutation(everybody[everybody != user])
        return np.array([user, *others[: ROWS - 1].tolist()], dtype=np.int64)

    def heard_items(self, ego: Literal["user", "query"], user: int, query: int) -> np.ndarray:
        """(n,) items whose weights are shown: of the history, latest first, or of the query."""
        if ego == "user":
            latest = self.case.histories.of(user)[::-1].tolist()
            return np.array([*dict.fromkeys(latest)][:COLUMNS], dtype=np.int64)
        of = self.queries.of(query)
        order = np.argsort(-self.case.popularity[of], kind="stable")
        return of[order][:COLUMNS].astype(np.int64)

    def weights(self, ego: Literal["user", "query"], user: int, query: int) -> pl.DataFrame:
        """Weights of the same items under several asks, a row each; empty without any item.

        Columns: `ask`, `item`, `weight`, `name` and `title`. The first ask is the one in question.

        Args:
            ego: Which side stays: the person, or what is asked for.
            user: Who asks.
            query: For what.

        Source: ZOOMER, figure 13.
        """
        rows = self.asks_of(user, query) if ego == "user" else self.askers(user)
        columns = self.heard_items(ego, user, query)
        if not len(columns):
            return pl.DataFrame(schema=_WEIGHTS)
        found = self.of.coupling(ego, user if ego == "user" else query, rows, columns)
        names = [self.name("query" if ego == "user" else "user", n) for n in rows.tolist()]
        titles = [self.case.title(item) for item in columns.tolist()]
        return pl.DataFrame(
            {
                "ask": np.repeat(rows, len(columns)),
                "item": np.tile(columns, len(rows)),
                "weight": found.ravel().astype(np.float64),
                "name": [name for name in names for _ in titles],
                "title": titles * len(names),
            },
            schema=_WEIGHTS,
        )

    def tell_answer(self, answer: Answer) -> str:
        """How many of the items have what was asked for."""
        n, having = len(answer.offers), sum(offer.has > 0 for offer in answer.offers)
        if not n:
            return f"No {self.nouns.one} is left: this person has had everything."
        many = self.kind("item", n)
        if self.queries.noun == "meaning":
            verb = "has" if having == 1 else "have"
            return f"{having:,} of these {n:,} {many} {verb} the meaning that was asked for."
        were = "was" if having == 1 else "were"
        return f"{having:,} of these {n:,} {many} {were} taken in training by who asked for it."

    def has(self, offer: Offer) -> str:
        """Whether an item has what was asked for, in few words."""
        if self.queries.noun == "meaning":
            return "has it" if offer.has else "lacks it"
        return "taken for it" if offer.has else "not taken for it"

    def tell_usual(self) -> str:
        """What is taken where nothing is asked for, in words."""
        if self.queries.noun == "meaning":
            return f"that of the latest {self.nouns.one} of the history"
        return "what this person asked for last or, if that is nothing, what is asked for most"

    def tell_training(self) -> str:
        """What a recommender never met in training; "" for one that met what is asked here."""
        if self.asked != "latest":
            return ""
        return (
            f"In training it never met a {self.nouns.one} beside the {self.queries.noun} that was "
            f"asked for, only beside the one before: so it tells what comes next, and need not "
            "answer the question. With asked = both it is trained for both."
        )

    def tell_offer(self, offer: Offer) -> str:
        """What of the ask an item has, in a sentence: counted, or read in its description."""
        found = self.tell_found(offer)
        if self.queries.noun == "query":
            return found or "Nobody who asked for this took it in training."
        if offer.has:
            return f"It has this meaning. {found}".strip()
        though = f", though its{found.removeprefix('Its').removesuffix('.')}" if found else ""
        return f"It does not have this meaning{though}."

    def tell_found(self, offer: Offer) -> str:
        """What an item shares with the ask, beside whether it has it; "" for nothing."""
        if self.queries.noun == "query":
            times = f"{offer.has:,} time{'' if offer.has == 1 else 's'}"
            return f"Taken {times} in training by who asked for this." if offer.has else ""
        words = ", ".join(f"‘{word}’" for word in offer.words)
        return f"Its description says {words}." if words else ""

    def tell_region(self, region: Region) -> str:
        """How many nodes were read, by who hears them."""
        step = hops(region)
        parts = []
        for place, ego in enumerate(("the person", f"the {self.queries.noun}")):
            heard = region.sources[region.targets == place].tolist()
            counts = Counter(region.kinds[at] for at in heard)
            if counts:
                said = " and ".join(f"{n:,} {self.kind(kind, n)}" for kind, n in counts.items())
                parts.append(f"{said} around {ego}")
        beyond = int((step == 2).sum())
        if not parts:
            return "Nothing was read of the graph: nothing is next to the person or what is asked."
        further = f", and {beyond:,} around these" if beyond else ""
        return f"To answer, {', '.join(parts)} were read{further}."

    def tell_move(self, move: Move) -> str:
        """How regions and lists of two asks differ, counted."""
        read, of = len(move.stay) + len(move.leave), len(move.same) + len(move.gone)
        stand = "stands" if len(move.same) == 1 else "stand"
        return (
            f"Of the {read:,} neighbours read for the first, {len(move.stay):,} are read for the "
            f"second, too, and {len(move.leave):,} are not; {len(move.come):,} others are. "
            f"{len(move.same):,} of {of:,} {self.kind('item', of)} {stand} in both lists."
        )


_WEIGHTS = {
    "ask": pl.Int64,
    "item": pl.Int64,
    "weight": pl.Float64,
    "name": pl.String,
    "title": pl.String,
}
WHAT_WEIGHTS_ARE = (
    "A weight says how much the model listened to a neighbour, and not why the person likes "
    "something."
)


def open_asking(results: Results, cell: Cell) -> Asking:
    """A recommender that can be asked, opened once.

    Raises:
        ConfigError: it cannot be asked.
        ArtifactError: what it needs is not finished, or damaged.
    """
    name = f"asking {results.stamp} {stamp(results.record.folder('train', cell))}"

    def make() -> Asking:
        record, of = results.record, results.model(cell).recommender
        if not isinstance(of, Asks):
            raise ConfigError(f"{cell.backbone} cannot be asked for something.")
        case = results.showcase
        seen = record.judging(cell).get("exclude_seen", True)
        asked = getattr(record.experiment.model_of(cell).backbone, "asked", "both")
        queries = queries_of(results, cell)
        return Asking(case, of, queries, nouns_of(record), not seen, asked)

    made: Asking = results.keep(name, make)
    return made


def queries_of(results: Results, cell: Cell) -> Queries:
    """What a recommender can be asked for, by its settings."""
    own = results.record.experiment.model_of(cell).backbone
    if getattr(own, "queries", "factors") == "log":
        log = results.dataset.log
        if log is None:
            raise ConfigError("The data set has no log of what people asked for.")
        return asked_before(log, results.histories)
    level: int = getattr(own, "level", 0)
    codes = results.codes("item").codes
    texts = results.encoded("item").texts
    return meanings(codes, level, results.factors("item"), texts, _opener(results, level))


def _opener(results: Results, level: int) -> Callable[[], Space]:
    """Opens what compares words with meanings: the encoder of the texts, and where these lie."""
    from llm.encode import encode_text, open_encoder

    def make() -> Space:
        vectors, codes = results.vectors("item"), results.codes("item").codes
        config = results.record.experiment.encoder
        settled = config.model_copy(update={"dtype": vectors.dtype} if vectors.dtype else {})

        @cache
        def encoder() -> TextEncoder:
            return vectors.words or open_encoder(settled)

        def encode(text: str) -> np.ndarray:
            return encode_text(text, encoder(), vectors.whitening)

        return Space.of(vectors.matrix, codes.codes[:, level], codes.k, encode)

    return lambda: results.derive(f"space of meanings {level}", make)


def find_user(asking: Asking, user: str) -> int:
    """The number of a user.

    Raises:
        DataError: there is no such user.
    """
    return asking.case.dataset.user_ids.number(user)


def nothing_near(asking: Asking, words: str) -> str:
    """What is said where words come near nothing."""
    return (
        f"Nothing that can be asked for is near ‘{words}’, so nothing was taken for it. Use other "
        f"words, or choose {with_a(asking.queries.noun)} from the list."
    )
