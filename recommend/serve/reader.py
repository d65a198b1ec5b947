"""An export, opened: it recommends and finds what is alike, in a process without torch.

>>> from recommend.serve.reader import Ask, Export           # doctest: +SKIP
>>> export = Export.open(Path("served"))                      # doctest: +SKIP
>>> export.recommend([Ask(user="user-001", k=3)])[0].items    # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl

from data import atomic
from data.columns import TITLE
from data.dataset import Histories
from data.errors import ArtifactError, ConfigError, DataError
from data.ids import canonical_id
from recommend.serve.filters import Filters
from recommend.serve.folder import AGAIN, HISTORIES, ITEMS, USERS, check_files, read_card
from recommend.serve.forms import ByLists, ByVectors, ByWeights, Form, Found, Want, Who, best
from recommend.serve.kept import ENTRIES, Kept
from recommend.serve.neighbours import Executor
from recommend.serve.terms import Terms
from recommend.serve.wanted import QUERIES, Wanted
from recommend.serve.why import (
    TOLD,
    TRIED,
    Moved,
    Why,
    had_together,
    owners_of,
    rank_of,
    shared_attributes,
)

MOST = 1000
"""Items of an answer at most."""
SHORT = 64
"""Items that somebody had are left as they are; of more, each is looked at once."""
ALIKE = 20
"""Items that what is new is taken for, at most."""
Side = Literal["user", "item"]
_NOTHING = np.empty(0, np.int64)
KEPT = "kept.safetensors"


@dataclass(frozen=True, slots=True)
class Ask:
    """For whom items are wanted, and which.

    Attributes:
        user: Id of a user; None for a stranger, of whom a history is given.
        history: Ids of items, oldest first, as if this were all that was had; None: what the
            export knows of the user.
        k: How many items, 1 to `MOST`; fewer come where fewer fit.
        exclude: Ids of items that must not come.
        where: Conditions on attributes of items; see `filters.Filters.mask`.
        again: Whether items of the history may come.
        query: What is asked for: an id of `Export.wanted`, or words; None: nothing is said.
    """

    user: str | None = None
    history: tuple[str, ...] | None = None
    k: int = 10
    exclude: tuple[str, ...] = ()
    where: Mapping[str, Any] = field(default_factory=dict)
    again: bool = False
    query: str | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """What is recommended, or alike, best first.

    Attributes:
        items: Ids.
        scores: Of each; comparable within a listing.
        notes: What is to be known of it, in sentences.
    """

    items: tuple[str, ...]
    scores: tuple[float, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Placed:
    """What somebody or something new is taken for.

    Attributes:
        alike: Items that it is taken for, or by.
        listing: Of a new user, items to show; of a new item, users to whom it would be shown first.
        notes: How it was placed, in sentences.
    """

    alike: Listing
    listing: Listing
    notes: tuple[str, ...]


class Export:
    """What `autograph export` wrote; see `open`.

    Attributes:
        folder: Where it is.
        card: What it is.
        items: A row an item: id, attributes.
        users: A row a user, likewise.
        histories: What each user had, as far as the export knows.
        wanted: What can be asked for; None where nothing can.
        kept: What answers asks without a look at the graph; None of most recommenders.
    """

    def __init__(
        self,
        folder: Path,
        card: Mapping[str, Any],
        users: pl.DataFrame,
        items: pl.DataFrame,
        histories: Histories,
        form: Form,
        wanted: Wanted | None = None,
        kept: Kept | None = None,
    ) -> None:
        self.folder, self.card, self.wanted, self.kept = folder, card, wanted, kept
        self.users, self.items, self.histories = users, items, histories
        self._form, self._filters = form, Filters(items)
        self._ids = {"user": users.to_series(0).to_list(), "item": items.to_series(0).to_list()}
        self._numbers: dict[str, dict[str, int]] = {
            side: {one: number for number, one in enumerate(ids)} for side, ids in self._ids.items()
        }

    @classmethod
    def open(
        cls,
        folder: Path | str,
        check: bool = True,
        beside: Executor | None = None,
        entries: int = ENTRIES,
    ) -> Export:
        """The export in a folder; large arrays are read from the disk as they are used.

        Args:
            folder: That `autograph export` wrote.
            check: Whether all files are compared with their checksums.
            beside: Draws neighbours of asks beside them; without one, an ask draws what it needs.
            entries: Most users and queries whose neighbours are kept.

        Raises:
            ArtifactError: there is none, it is damaged, or another version wrote it.
        """
        folder = Path(folder)
        card = read_card(folder)
        if card.get("form") not in _FORMS:
            raise ArtifactError(
                f"{folder} is an export of the form {card.get('form')!r}, which this version does "
                f"not read. {AGAIN}"
            )
        if check:
            check_files(folder, card)
        users, items = (atomic.read_parquet(folder / name) for name in (USERS, ITEMS))
        past = atomic.map_arrays(folder / HISTORIES)
        histories = Histories(past["offsets"], past["items"], np.empty(0, np.int64))
        kept = None
        if "kept" in card:
            arrays = atomic.map_arrays(folder / KEPT)
            kept = Kept(arrays, card["kept"], histories, beside, entries)
        form = _FORMS[card["form"]](folder, card, histories, kept)
        wanted = _wanted(folder, card)
        if read_card(folder)["fingerprint"] != card["fingerprint"]:
            # it was replaced meanwhile: all is to be of one
            return cls.open(folder, check, beside, entries)
        return cls(folder, card, users, items, histories, form, wanted, kept)

    def recommend(self, asks: Sequence[Ask]) -> list[Listing]:
        """The best items for each who is asked about.

        Raises:
            DataError: a user, all items of a history or an attribute are unknown, or this export
                cannot answer for a history.
            ConfigError: k is out of bounds, or neither a user nor a history is given.
        """
        whos, wants, notes = list[Who](), list[Want](), list[list[str]]()
        for ask in asks:
            who, said = self._who(ask)
            whos.append(who)
            wants.append(self._want(ask, who, said))
            notes.append(said)
        found = self._form.top(whos, wants)
        for who, want, said, (items, scores) in zip(whos, wants, notes, found, strict=True):
            floor = self._floor(who)
            if floor is None:
                continue
            if len(items) < want.k:
                said.append(
                    f"Only {len(items)} of the items that were listed for this user beforehand "
                    "fit; others may fit, and are not known."
                )
            elif scores[-1] < floor:
                said.append(
                    f"From place {1 + int((scores >= floor).sum())} on, items may be missing that "
                    "were not listed for this user beforehand."
                )
        return [self._listing(one, said) for one, said in zip(found, notes, strict=True)]

    def similar(
        self,
        item: str | None = None,
        user: str | None = None,
        k: int = 10,
        exclude: Sequence[str] = (),
        where: Mapping[str, Any] | None = None,
    ) -> Listing:
        """What is most like an item, or who like a user, most alike first; itself left out.

        Raises:
            DataError: it is unknown, or so is an attribute.
            ConfigError: k is out of bounds, or not one of item and user is given.
        """
        if (item is None) == (user is None):
            raise ConfigError("Give an item or a user, one of them.")
        side: Side = "item" if item is not None else "user"
        own = self._number(side, item if item is not None else user)
        if side == "user" and where:
            raise ConfigError("Conditions are on attributes of items, and users are asked for.")
        barred = {own, *(self._number(side, one) for one in exclude)}
        allowed = self._filters.mask(where) if where else None
        want = Want(_bounded(k), np.array(sorted(barred)), allowed)
        scores, note = self._alike(side, own)
        items, found = best(np.where(scores > 0, scores, -np.inf), want)
        ids = self._ids[side]
        return Listing(tuple(ids[n] for n in items.tolist()), tuple(found.tolist()), (note,))

    def explain(
        self,
        item: str,
        user: str | None = None,
        history: Sequence[str] | None = None,
        query: str | None = None,
    ) -> Why:
        """Why an item is shown to a user, or after a history: only what is true by counting.

        Args:
            item: That is asked about.
            user: To whom it is shown.
            history: After which, oldest first.
            query: What is asked for; see `Ask`.

        Raises:
            DataError: the item, the user or the whole history is unknown.
            ConfigError: neither a user nor a history is given.
        """
        one = self._number("item", item)
        given = None if history is None else tuple(history)
        who, notes = self._who(Ask(user=user, history=given, query=query), wait=True)
        past = self._past(who)
        name = self._name
        reasons = shared_attributes(self._terms, one, past, name)
        reasons += had_together(self._owners, one, past, who.user, name)
        if not len(past):
            notes.append("The export knows nothing that this user had.")
        if who.query is not None and self.kept is not None and self.kept.has(who.query, one):
            assert self.wanted is not None
            reasons.insert(0, f"It has what is asked for: {self.wanted.names[who.query]}.")
        score, rank, moved = None, None, tuple[Moved, ...]()
        scores = self._form.scores(who)
        floor = self._floor(who)
        if floor is not None and -np.inf < scores[one] < floor:
            score = float(scores[one])
            notes.append(
                "It stands behind all that was listed for this user, so its rank is not known."
            )
        elif np.isfinite(scores[one]):
            score, rank = float(scores[one]), rank_of(scores, one, past)
            moved = self._moved(who, one, past, notes)
        else:
            notes.append("It is not in the list that was made for this user, so it has no rank.")
        if one in past:
            notes.append("It is in the history.")
        if not reasons:
            notes.append("Nothing of the history and of it is shared, and nobody had both.")
        return Why(item, score, rank, tuple(reasons), moved, tuple(notes))

    def newcomer(
        self,
        side: Side,
        attributes: Mapping[str, Any] | None = None,
        words: str = "",
        history: Sequence[str] = (),
        k: int = 10,
        where: Mapping[str, Any] | None = None,
    ) -> Placed:
        """What a new user, or a new item, is taken for; nothing is trained again.

        A new user has a history, or attributes and words of what is wanted, and is taken for
        somebody who had the items that match these best. A new item has attributes and words, and
        is taken for the mean of the items that match best.

        Args:
            side: "user" or "item".
            attributes: Values of attributes of items, such as {"genres": ["noir"]}.
            words: What is said besides.
            history: Of a new user: ids of items, oldest first.
            k: How many to list.
            where: Of a new user: conditions on the items to show.

        Raises:
            DataError: nothing matches, an attribute is none whose values are compared, or this
                export cannot answer for a stranger.
            ConfigError: nothing is given, or a history or conditions of an item.
        """
        if side == "item" and history:
            raise ConfigError("A new item has no history; give attributes or words.")
        if side == "item" and where:
            raise ConfigError("Conditions are on items, and of a new item users are listed.")
        if history:
            (listing,) = self.recommend([Ask(history=tuple(history), k=k, where=where or {})])
            numbers = (self._find("item", one) for one in reversed(history))
            latest = list(dict.fromkeys(one for one in numbers if one is not None))[:ALIKE]
            known = tuple(self._ids["item"][one] for one in reversed(latest))
            alike = Listing(known, (1.0,) * len(known))
            unread = "Beside a history, attributes and words are not looked at."
            more = (unread,) if attributes or words.strip() else ()
            told = ("Taken for what the history says.", *more, *listing.notes)
            return Placed(alike, listing, told)
        if not attributes and not words.strip():
            raise ConfigError("Give attributes or words, or, of a new user, a history.")
        _bounded(k)
        items, shares = self._terms.match(attributes or {}, words)
        items, shares = items[:ALIKE], shares[:ALIKE]
        if not len(items):
            raise DataError(
                "No item shares a value or a word with what is said, so there is nothing to take "
                "it for. Say it with words or values that items have."
            )
        alike = self._listing((items, shares), [])
        if side == "user":
            note = f"Taken for somebody who had the {len(items)} items that match what is said."
            found = self.recommend(
                [Ask(history=alike.items[::-1], k=k, where=where or {}, again=True)]
            )[0]
            return Placed(alike, found, (note, *found.notes))
        note = f"Taken for the mean of the {len(items)} items that match what is said."
        if not isinstance(self._form, ByVectors):
            why = "This recommender has no vectors, so it is not said to whom it would be shown."
            return Placed(alike, Listing((), ()), (note, why))
        vector = self._form.items[items].mean(0)
        scores = np.asarray((self._form.users @ vector).max(1))
        users, best_of = best(scores, Want(k, np.empty(0, np.int64)))
        ids = self._ids["user"]
        listing = Listing(tuple(ids[n] for n in users.tolist()), tuple(best_of.tolist()))
        return Placed(alike, listing, (note, "Users are those whose score of it is largest."))

    def titles(self, items: Sequence[str]) -> list[str]:
        """What items are called; by id where they have no title.

        Raises:
            DataError: one is unknown.
        """
        numbers = [self._number("item", one) for one in items]
        if TITLE not in self.items.columns:
            return [self._ids["item"][n] for n in numbers]
        titled = self.items[TITLE].cast(pl.String).gather(numbers).to_list()
        return [
            title if title and title.strip() else self._ids["item"][n]
            for title, n in zip(titled, numbers, strict=True)
        ]

    def had(self, user: str) -> tuple[str, ...]:
        """Ids of what a user had, oldest first.

        Raises:
            DataError: the user is unknown.
        """
        ids = self._ids["item"]
        return tuple(ids[n] for n in self.histories.of(self._number("user", user)).tolist())

    def check_where(self, where: Mapping[str, Any]) -> None:
        """Nothing, where conditions can be asked for.

        Raises:
            DataError: there is no such attribute, or it cannot be compared so.
        """
        self._filters.mask(where)

    @cached_property
    def _terms(self) -> Terms:
        return Terms(self.items)

    @cached_property
    def _owners(self) -> tuple[np.ndarray, np.ndarray]:
        return owners_of(self.histories, len(self._ids["item"]))

    def _name(self, item: int) -> str:
        return self.titles([self._ids["item"][item]])[0]

    def _past(self, who: Who) -> np.ndarray:
        """(m,) items that somebody had."""
        if who.history is not None:
            return who.history
        assert who.user is not None
        return self.histories.of(who.user).astype(np.int64)

    def _floor(self, who: Who) -> float | None:
        """The score below which there may be items that no list has; None where all are known."""
        form, longest = self._form, self.card.get("lists", {}).get("longest", 0)
        if not isinstance(form, ByLists) or who.user is None:
            return None
        rest = self.items.height - len(np.unique(self.histories.of(who.user)))
        return form.score_at(who.user, longest - 1) if longest < rest else None

    def _moved(self, who: Who, item: int, past: np.ndarray, notes: list[str]) -> tuple[Moved, ...]:
        """Where an item would stand without each of the latest of a history, in turn."""
        by = self.card["history"]["answered_by"]
        if (
            by == "refused"
            or (who.query is not None and self.kept is None)
            or (by == "mean" and who.history is None)
            or len(past) < 2
        ):
            return ()
        whole = rank_of(self._form.scores(Who(who.user, past, who.query)), item, past)
        found = []
        for left in list(dict.fromkeys(past[::-1].tolist()))[:TRIED]:
            rest = past[past != left]
            if left == item or not len(rest):
                continue
            without = Who(who.user, rest, who.query)
            rank = rank_of(self._form.scores(without), item, past)
            found.append((rank - whole, left))
        found.sort(key=lambda one: -one[0])
        read_anew = who.history is None and who.query is None
        if read_anew and any(fall for fall, _ in found[:TOLD]):
            notes.append(
                f"With the whole history read anew it stands at {whole}; ranks without an item of "
                "it compare with that."
            )
        ids = self._ids["item"]
        return tuple(Moved(ids[left], whole + fall) for fall, left in found[:TOLD] if fall)

    def _alike(self, side: Side, own: int) -> tuple[np.ndarray, str]:
        """(n,) how alike each of a side is to one of it, and by what."""
        form = self._form
        if isinstance(form, ByVectors):
            vectors = form.items if side == "item" else form.users.mean(1)
            lengths = np.maximum(np.linalg.norm(vectors, axis=1), 1e-12)
            cosines = (vectors @ vectors[own]) / (lengths * lengths[own])
            return cosines, f"Alike by the cosine of the recommender's vectors of {side}s."
        row = form.row(own) if side == "item" and isinstance(form, ByWeights) else None
        if row is not None:
            return row, "Alike by what one in a history adds to the score of the other."
        return self._met(side, own), (
            "Alike by the cosine of who had them."
            if side == "item"
            else "Alike by the cosine of what they had."
        )

    def _met(self, side: Side, own: int) -> np.ndarray:
        """(n,) float32 of one and all of its side: shared interactions / √(n_one · n_other)."""
        past = self.histories
        owners = np.repeat(np.arange(len(past)), past.lengths)
        code = np.unique(owners * np.int64(len(self._ids["item"])) + past.items)
        ends = np.divmod(code, len(self._ids["item"]))
        mine, others = ends if side == "user" else ends[::-1]
        n = len(self._ids[side])
        shared = np.isin(others, others[mine == own])
        counts = np.bincount(mine, minlength=n)
        both = np.bincount(mine[shared], minlength=n)
        found: np.ndarray = both / np.sqrt(np.maximum(counts * counts[own], 1))
        return found.astype(np.float32)

    def _who(self, ask: Ask, wait: bool = False) -> tuple[Who, list[str]]:
        """For whom scores are wanted, and what is to be known of it; see `Kept.near` of `wait`."""
        notes: list[str] = []
        if ask.user is None and ask.history is None:
            raise ConfigError("Give a user or a history, so that there is somebody to answer for.")
        user = None if ask.user is None else self._number("user", ask.user)
        query = None if ask.query is None else self._query(ask.query, notes)
        known = user is not None and ask.history is None
        beforehand = self.card.get("asks", {}).get("answered_by") == "beforehand"
        if query is not None and not known and self.kept is None:
            raise ConfigError(
                "Queries were asked beforehand for the users of this export and what they had: "
                "name a user and no history."
            )
        if ask.history is None:
            who = Who(user, None, query)
            if query is None or beforehand:
                return who, notes
        else:
            who = Who(user, self._known(ask.history, notes), query)
            notes = self._how_read(who, notes)
        if self.kept is None:
            return who, notes
        near = self.kept.near(who.user, who.history, who.query, wait)
        if query is not None and ask.history is None:
            notes.append(self.card["asks"]["note"])
        notes += [_UNHEARD[ego] for ego in near.missed]
        return who._replace(near=near), notes

    @property
    def queries(self) -> tuple[str, ...]:
        """Ids of what can be asked for; none of most recommenders."""
        return () if self.wanted is None else self.wanted.ids

    def _query(self, query: str, notes: list[str]) -> int:
        if self.wanted is None:
            asks = self.card.get("asks", {"note": "Its recommender is not asked for anything."})
            raise DataError(f"This export cannot be asked for {query!r}. {asks['note']}")
        number, told = self.wanted.find(query)
        notes += [told] if told else []
        return number

    def _known(self, history: Sequence[str], notes: list[str]) -> np.ndarray:
        """(m,) items of a history that the export knows; those it does not are noted."""
        if isinstance(history, str) or not len(history):
            raise DataError("The history is empty. Give ids of items in it, oldest first.")
        numbers = [self._find("item", one) for one in history]
        unknown = [one for one, number in zip(history, numbers, strict=True) if number is None]
        if len(unknown) == len(numbers):
            raise DataError(
                f"None of the {len(unknown)} items of the history is in this export: "
                f"{_some(unknown)}. Its items look like {_some(self._ids['item'][:3])}."
            )
        if unknown:
            notes.append(f"Left out of the history, since this export lacks it: {_some(unknown)}.")
        return np.array([one for one in numbers if one is not None], np.int64)

    def _how_read(self, who: Who, notes: list[str]) -> list[str]:
        about = self.card["history"]
        told = [about.get("note", ""), about.get("stranger" if who.user is None else "own", "")]
        return [*notes, *(one for one in told if one)]

    def _want(self, ask: Ask, who: Who, notes: list[str]) -> Want:
        excluded = []
        for one in ask.exclude:
            number = self._find("item", one)
            if number is None:
                notes.append(f"{one!r} was to be excluded, and is not in this export.")
            else:
                excluded.append(number)
        barred = _NOTHING if ask.again else self._past(who)
        if excluded:
            barred = np.concatenate((barred, excluded), dtype=np.int64)
        if len(barred) > SHORT:
            barred = np.unique(barred)
        allowed = self._filters.mask(ask.where) if ask.where else None
        return Want(_bounded(ask.k), barred, allowed)

    def _listing(self, found: Found, notes: list[str]) -> Listing:
        ids, (items, scores) = self._ids["item"], found
        named = tuple(map(ids.__getitem__, items.tolist()))
        return Listing(named, tuple(scores.tolist()), tuple(notes))

    def _find(self, side: Side, external: object) -> int | None:
        numbers = self._numbers[side]
        if isinstance(external, str) and external in numbers:
            return numbers[external]
        return numbers.get(canonical_id(external) or "")

    def _number(self, side: Side, external: object) -> int:
        found = self._find(side, external)
        if found is None:
            raise DataError(
                f"There is no {side} {external!r} in this export; known ones look like "
                f"{_some(self._ids[side][:3])}."
            )
        return found


def _bounded(k: int) -> int:
    if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= MOST:
        raise ConfigError(f"k is {k!r}; it can be 1 to {MOST}.")
    return k


def _some(ids: Sequence[object]) -> str:
    more = f" and {len(ids) - 5} more" if len(ids) > 5 else ""
    return ", ".join(map(repr, ids[:5])) + more


_UNHEARD = {
    ego: f"Of {who} no neighbours are kept yet, so none are heard in this answer; they are being "
    "drawn for the next one."
    for ego, who in (("user", "this user"), ("query", "what is asked for"))
}


def _wanted(folder: Path, card: Mapping[str, Any]) -> Wanted | None:
    asks = card.get("asks", {})
    if QUERIES in card["files"]:
        return Wanted.read(asks["noun"], atomic.read_parquet(folder / QUERIES))
    names = tuple(asks.get("queries", ()))  # of an export that has no table of them
    return Wanted("query", names, names) if names else None


def _by_vectors(
    folder: Path, card: Mapping[str, Any], histories: Histories, kept: Kept | None
) -> ByVectors:
    del histories
    import faiss

    items = atomic.map_arrays(folder / "items.safetensors")
    users = atomic.map_arrays(folder / "users.safetensors")
    index = faiss.read_index(str(folder / "index.faiss"))
    exact = card["index"]["kind"] == "flat"
    reads: Reads
    if kept is not None:
        reads = kept.read
    else:
        read_by = _READS[card["history"]["answered_by"]]
        reads = read_by(folder, card, items["vectors"], items.get("nodes"), users)
    asks = users.get("asks")
    return ByVectors(items["vectors"], users["vectors"], index, exact, reads, asks)


Reads = Callable[[Sequence[Who]], list[np.ndarray]]


def _by_backbone(
    folder: Path,
    card: Mapping[str, Any],
    items: np.ndarray,
    nodes: np.ndarray | None,
    users: Mapping[str, np.ndarray],
) -> Reads:
    from recommend.serve.backbone import ITEMS, LENGTHS, NODES, OWN, open_backbone

    longest, once = int(card["history"]["longest"]), bool(card["history"].get("once"))
    opened = cache(partial(open_backbone, folder / "backbone.onnx"))
    tables = {ITEMS: items, NODES: nodes} if nodes is not None else {ITEMS: items}
    offsets, own = users.get("offsets"), users.get("nodes")

    def read(whos: Sequence[Who]) -> list[np.ndarray]:
        last = [_latest(_history(who), longest, once) for who in whos]
        lengths = np.array([len(one) for one in last], np.int64)
        fed: dict[str, np.ndarray] = {LENGTHS: lengths}
        for name, table in tables.items():
            rows = np.zeros((len(last), int(lengths.max()), table.shape[1]), np.float32)
            for row, one in zip(rows, last, strict=True):
                row[: len(one)] = table[one]
            fed[name] = rows
        if own is not None:
            numbers = [len(own) - 1 if who.user is None else who.user for who in whos]
            fed[OWN] = own[numbers]
        found = opened()(fed)
        if offsets is not None:
            for one, who in zip(found, whos, strict=True):
                if who.user is not None:
                    one += offsets[who.user]
        return list(found)

    return read


def _latest(history: np.ndarray, longest: int, once: bool) -> np.ndarray:
    """The last items of a history, each once where it says so, by its latest time."""
    if once:
        latest, at = np.unique(history[::-1], return_index=True)
        history = latest[np.argsort(-at)]
    return history[-longest:]


def _by_mean(
    folder: Path,  # noqa: ARG001
    card: Mapping[str, Any],  # noqa: ARG001
    items: np.ndarray,
    nodes: np.ndarray | None,  # noqa: ARG001
    users: Mapping[str, np.ndarray],  # noqa: ARG001
) -> Reads:
    return lambda whos: [items[_history(who)].mean(0, keepdims=True) for who in whos]


def _history(who: Who) -> np.ndarray:
    assert who.history is not None
    return who.history


_READS = {"backbone": _by_backbone, "mean": _by_mean}
"""How vectors of a history are made, by what the card says."""


def _by_weights(
    folder: Path, card: Mapping[str, Any], histories: Histories, kept: Kept | None
) -> ByWeights:
    del kept
    import scipy.sparse as sp

    arrays = atomic.map_arrays(folder / "weights.safetensors")
    parts = []
    for name, about in card["weights"].items():
        own = {
            key.removeprefix(f"{name}."): one
            for key, one in arrays.items()
            if key.startswith(f"{name}.")
        }
        of: Any = own.get("dense")
        if of is None:
            sparse = (own["data"], own["indices"], own["indptr"])
            of = sp.csr_matrix(sparse, shape=tuple(own["shape"].tolist()))
        parts.append({**about, "of": of})
    return ByWeights(parts, histories, int(card["sizes"]["items"]))


def _by_lists(
    folder: Path, card: Mapping[str, Any], histories: Histories, kept: Kept | None
) -> ByLists:
    del histories, kept
    arrays = atomic.map_arrays(folder / "lists.safetensors")
    return ByLists(arrays["items"], arrays["scores"], int(card["sizes"]["items"]))


_FORMS: dict[str, Callable[[Path, Mapping[str, Any], Histories, Kept | None], Form]] = {
    "vectors": _by_vectors,
    "weights": _by_weights,
    "lists": _by_lists,
}
