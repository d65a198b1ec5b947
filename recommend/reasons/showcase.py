"""What a demonstration shows: people, their histories, two recommenders, and reasons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice

import numpy as np
from polars import List

from data.columns import USER_ID
from data.dataset import Dataset, Histories
from data.domains import Domains
from data.names import NAMES, item_names, user_names
from data.split import Split
from graph.latent import LatentGraph
from prompts.sandbox import join_words
from prompts.views import ItemViews
from quantize.describe import FactorDescriptions
from recommend.protocols import Explains, LeftOut, ReadsFactors
from recommend.reasons.across import bridges, tell_none
from recommend.reasons.explain import (
    RARE,
    Evidence,
    Levels,
    Node,
    People,
    Reason,
    explain,
    measure,
)
from recommend.reasons.quotation import Quotation, quotation

SIDES = ("user", "item")
LONGEST_EXAMPLE = 400


@dataclass(frozen=True, slots=True)
class Asked:
    """A recommender whose list is to be explained, and how it knows the user.

    Attributes:
        recommender: What only some can do it is asked whether it can; None for none at all.
        user: Number by which it knows the user.
        graph: One in which newcomers stand; by default that of the experiment.
        known: How many of the history, from its beginning, are edges of the graph; all by default.
        among: (n_items,) bool, the domain that is ranked, to which ways from others are looked for;
            everything by default.
    """

    recommender: object | None = None
    user: int = 0
    graph: LatentGraph | None = None
    known: int | None = None
    among: np.ndarray | None = None

    def levels(self, graph: LatentGraph | None) -> Levels | None:
        """Levels of the factors that may have moved it, by side; None for all of them."""
        if self.recommender is None or graph is None:
            return None
        reader = self.recommender if isinstance(self.recommender, ReadsFactors) else None
        return {
            side: reader.levels_read(side, graph.levels(side)) if reader else () for side in SIDES
        }

    def left_out(self, history: np.ndarray, items: Sequence[int]) -> LeftOut | None:
        """Where the items would stand without each of the history; None if it cannot say."""
        if not isinstance(self.recommender, Explains) or not len(items):
            return None
        asked = np.asarray(items)
        return self.recommender.left_out(self.user, history, asked, self.known, self.among)


@dataclass(frozen=True, slots=True)
class Quoted:
    """What the description of somebody or something says.

    Attributes:
        of: How it is called.
        quotation: The sentence.
    """

    of: str
    quotation: Quotation


@dataclass(frozen=True, slots=True)
class Why:
    """A reason with names, so that it can be read and drawn.

    Attributes:
        reason: With its sentence.
        steps: Names of the nodes of its steps.
        quotes: What the descriptions on the way say that carries it.
    """

    reason: Reason
    steps: tuple[tuple[str, ...], ...]
    quotes: tuple[Quoted, ...]


@dataclass(frozen=True)
class Showcase:
    """What a demonstration of an experiment draws on.

    Attributes:
        dataset: Users and items.
        histories: Training histories: all that the recommenders have seen.
        later: (n_users, 2) items that each user had afterwards, held out.
        graph: With names of its factors; None without a graph.
        factors: What the factors of "user" and "item" mean.
        texts: Knowledge of "user" and "item", by number: their own, in a control, too.
        did: What people do with items, in the past tense.
    """

    dataset: Dataset
    histories: Histories
    later: np.ndarray
    graph: LatentGraph | None
    factors: Mapping[str, FactorDescriptions]
    texts: Mapping[str, Sequence[str | None]]
    did: str = "had"

    @cached_property
    def people(self) -> list[str]:
        """How each user is called: by name, or by id."""
        return user_names(self.dataset.users).to_list()

    @cached_property
    def about(self) -> list[str]:
        """What is known of each user, in a line, by values that two share on average."""
        users = self.dataset.users.drop(USER_ID, *NAMES, strict=False)
        shared = [
            column
            for column in users.iter_columns()
            if isinstance(column.dtype, List) or 2 * column.n_unique() <= users.height
        ]
        rows = zip(*(column.to_list() for column in shared), strict=True)
        lines = [" · ".join(filter(None, map(join_words, row))) for row in rows]
        return lines or [""] * users.height

    @cached_property
    def titles(self) -> list[str]:
        """How each item is called: by title, or by id."""
        return item_names(self.dataset.items).to_list()

    def title(self, item: int) -> str:
        """How an item is called."""
        return self.titles[item]

    @cached_property
    def gists(self) -> list[str]:
        """What each item is, in a line."""
        views = ItemViews(self.dataset.items)
        return [
            " · ".join(str(part) for part in (view["gist"], view["year"]) if part) for view in views
        ]

    def known_in(self, domain: str) -> np.ndarray:
        """(n,) users whose training histories are of one domain alone, and who have one."""
        assert self.domains is not None
        elsewhere = self.histories.only(~self.domains.holds(domain)).lengths
        found: np.ndarray = np.flatnonzero((elsewhere == 0) & (self.histories.lengths > 0))
        return found

    def find_people(self, words: str, limit: int = 8, whom: np.ndarray | None = None) -> list[int]:
        """Users whose id, name or attributes hold all the words; an exact id comes first.

        Args:
            words: Each of which is looked for.
            limit: Users at most.
            whom: (n,) numbers of those who are looked for; everybody unless given.
        """
        wanted = words.lower().split()
        if not wanted:
            return []
        ids = self.dataset.users[USER_ID].to_list()
        some = range(len(ids)) if whom is None else set(whom.tolist())
        exact = [
            n for n, one in enumerate(ids) if n in some and one.lower() == words.strip().lower()
        ]
        lines = zip(ids, self.people, self.about, strict=True)
        found = (
            n
            for n, parts in enumerate(lines)
            if n in some and n not in exact and _holds(" ".join(parts).lower(), wanted)
        )
        return [*exact, *islice(found, limit - len(exact))]

    def find_items(self, words: str, without: Sequence[int] = (), limit: int = 8) -> list[int]:
        """Items whose title or attributes hold all the words, titles first, popular ones first."""
        wanted = words.lower().split()
        if not wanted:
            return []
        left_out = set(without)
        titles, others = [], []
        for item, gist in enumerate(self.gists):
            title = self.title(item).lower()
            if item in left_out:
                continue
            if _holds(title, wanted):
                titles.append(item)
            elif _holds(f"{title} {gist.lower()}", wanted):
                others.append(item)
        return [*self._popular_first(titles), *self._popular_first(others)][:limit]

    def _popular_first(self, items: Sequence[int]) -> list[int]:
        return sorted(items, key=lambda item: -self.popularity[item])

    @cached_property
    def popularity(self) -> np.ndarray:
        """(n_items,) training interactions of each item."""
        return np.bincount(self.histories.items, minlength=self.dataset.n_items)

    def typical(self) -> int:
        """A user to begin with: of a history that is neither short nor long."""
        return int(np.argsort(self.histories.lengths, kind="stable")[len(self.histories) // 2])

    def another(self, user: int) -> np.ndarray:
        """(n,) the history of somebody else: the longest but this user's."""
        lengths = self.histories.lengths.copy()
        lengths[user : user + 1] = 0
        return self.histories.of(int(lengths.argmax()))

    def example_text(self) -> str:
        """What somebody might type: sentences of items that share the most telling meaning."""
        if self.graph is None:
            return ""
        table = self.factors["item"].table
        weight = table["weights"].list.sum().fill_null(0.0)
        terms = table["terms"][int(weight.arg_max() or 0)].to_list()
        members = table["exemplars"][int(weight.arg_max() or 0)].to_list()
        numbers = self.dataset.item_ids.numbers(members).tolist()
        found = (quotation(self.texts["item"][number], terms) for number in numbers)
        return " ".join(one.sentence for one in found if one)[:LONGEST_EXAMPLE]

    @cached_property
    def evidence(self) -> Evidence:
        """What reasons are drawn from."""
        terms = {side: one.table["terms"].to_list() for side, one in self.factors.items()}
        rare = {
            side: {
                term.lower(): (share, term)
                for term, share in one.vocabulary.rows()
                if share <= RARE
            }
            for side, one in self.factors.items()
        }
        people = People(self.histories)
        return Evidence(
            self.dataset, people, self.graph, terms, rare, self.texts, self.did, self.domains
        )

    @cached_property
    def domains(self) -> Domains | None:
        """Which domain each item is of; None where the catalogue is one."""
        found = Domains.of(self.dataset)
        return found if len(found) > 1 else None

    def whys(
        self,
        history: np.ndarray,
        user: int,
        items: Sequence[int],
        asked: Asked | None = None,
        limit: int = 3,
    ) -> list[list[Why]]:
        """For each item the strongest reasons to show it, what was measured first.

        Where one domain is ranked, ways from others come next, or that there is none.

        Args:
            history: (n,) items that the user is taken to have had, oldest first.
            user: Number of the user in the graph.
            items: Numbers of the items, none of them in the history.
            asked: The recommender that shows them: it is measured if it can be, and of the graph
                only what it reads is named. Without one, all that joins the two.
            limit: Reasons at most.
        """
        asked = asked or Asked()
        levels, left_out = asked.levels(self.graph), asked.left_out(history, items)
        evidence = replace(self.evidence, graph=asked.graph or self.graph)
        found = []
        for place, item in enumerate(items):
            own = measure(evidence, left_out, place, item, levels) if left_out else None
            ways = explain(evidence, history, user, item, levels=levels, limit=limit)
            every = [own] if own else []
            if asked.among is not None:
                every += [
                    one
                    for one in self._across(evidence, history, user, item, levels)
                    if not (
                        own and own.words and own.through == one.through and one.kind == "words"
                    )
                ]
            said = {(one.metapath, one.through, one.factor) for one in every}
            ways = [one for one in ways if (one.metapath, one.through, one.factor) not in said]
            every += [one for one in ways if not (own and one.words and one.words == own.words)]
            found.append([self._named(one) for one in every[:limit]])
        return found

    def _across(
        self,
        evidence: Evidence,
        history: np.ndarray,
        user: int,
        item: int,
        levels: Levels | None,
    ) -> list[Reason]:
        """Ways from other domains, or the sentence that there is none."""
        if self.domains is None:
            return []
        found = bridges(evidence, self.domains, history, user, item, levels=levels)
        if found:
            return found
        told = tell_none(evidence, self.domains, history, item, levels)
        return [Reason("people", item, "", told, across=True)]

    def _named(self, reason: Reason) -> Why:
        steps = tuple(tuple(self._on_the_way(reason, n) for n in step) for step in reason.steps)
        return Why(reason, steps, tuple(self._quotes(reason)))

    def _on_the_way(self, reason: Reason, node: Node) -> str:
        """How a node is called in a reason: a factor by what is true of all ends, not its name."""
        if not node[0].endswith("_factor"):
            return self.name(node)
        if reason.words:
            return ", ".join(f"‘{word}’" for word in reason.words)
        n = self.sizes(node[0].removesuffix("_factor"))[node[1]]
        return f"a group of {n:,}"

    @cached_property
    def _sizes(self) -> dict[str, np.ndarray]:
        graph = self.graph
        if graph is None:
            return {}
        return {
            side: np.bincount(graph.factors(side).ravel(), minlength=graph.size(f"{side}_factor"))
            for side in SIDES
        }

    def sizes(self, side: str) -> np.ndarray:
        """(T * k,) members of each factor of a side."""
        return self._sizes[side]

    def name(self, node: Node) -> str:
        """How a node is called; a newcomer is "new"."""
        kind, number = node
        if kind.endswith("_factor"):
            assert self.graph is not None
            return self.graph.labels(kind.removesuffix("_factor"))[number]
        known = self.dataset.n_users if kind == "user" else self.dataset.n_items
        if number >= known:
            return "You" if kind == "user" else "New"
        return self.people[number] if kind == "user" else self.title(number)

    def _quotes(self, reason: Reason) -> Iterator[Quoted]:
        """Where the words of a reason stand: in the texts of two whom it says them of."""
        if reason.metapath == "user > user_factor > user > item":
            side, whose = "user", [reason.steps[0][0], reason.steps[2][0]]
        else:
            side, whose = "item", [("item", one) for one in (reason.item, *reason.through[:1])]
        for node in whose if reason.words else ():
            texts = self.texts[side]
            found = quotation(texts[node[1]], reason.words) if node[1] < len(texts) else None
            if found:
                yield Quoted(self.name(node), found)


def assemble(
    dataset: Dataset,
    split: Split,
    graph: LatentGraph | None = None,
    factors: Mapping[str, FactorDescriptions] | None = None,
    texts: Mapping[str, Sequence[str | None]] | None = None,
    did: str = "had",
) -> Showcase:
    """What a demonstration draws on, from parts that are open.

    Args:
        dataset: Users and items.
        split: Says what the recommenders have seen.
        graph: None where all recommenders are plain.
        factors: Of "user" and "item", with the graph.
        texts: Of "user" and "item", with the graph.
        did: What people do with items, in the past tense.
    """
    later = np.stack([split.targets(dataset, part) for part in ("valid", "test")], axis=1)
    histories = split.histories(dataset)
    if graph is None or factors is None:
        return Showcase(dataset, histories, later, None, {}, {}, did)
    user, item = (factors[side].names for side in SIDES)
    graph = replace(graph, user_labels=user, item_labels=item)
    return Showcase(dataset, histories, later, graph, factors, texts or {}, did)


def _holds(text: str, words: Sequence[str]) -> bool:
    return all(word in text for word in words)
