"""Terms of texts: words, names, pairs of words; who mentions them, and what tells texts apart."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, pairwise
from math import log
from typing import Any, NamedTuple

import numpy as np

from quantize.stop_words import leads_a_name, stop_words

_LETTER = r"[^\W\d_]"
_CAPITAL = r"[^\W\d_a-zß-öø-ÿ]"
_TAIL = rf"{_LETTER}*(?:[-'’](?!s\b){_LETTER}+)*"
_PROPER = rf"{_CAPITAL}(?:\.|{_TAIL})"
_SMALL = r"(?:of|the|and|a|an|in|to|on|for|with|at|from|de|la|le|van|von)"
_QUOTED = re.compile(r"[\"“*][^\"“”*\n]{1,80}[\"”*]")
_TITLE_AND_YEAR = re.compile(
    rf"{_PROPER}(?:[:!?]?\s+(?:{_SMALL}\s+|\d+\s+)*{_PROPER})*[!?]?\s*\(\d{{4}}\)"
)
_TOKEN = re.compile(
    rf"(?P<name>\b{_PROPER}(?:\s+{_PROPER})+)|(?P<word>\b{_LETTER}{_TAIL})"
    r"|(?P<decade>\b(?:1[89]|20)?\d0s\b)|(?P<stop>[^\s\w])"
)
_YEAR_AT_END = re.compile(r"\s*\(\d{4}\)\s*$")
_SHORTEST = 3
_LEAST_TEXTS = 2
_MOST_SHARE = 0.5
_BELONG = 0.45
_POSSESSIVE = re.compile(r"['’]s\b(?![-'’]\w)")
_LEAST_SHARE = 0.2
_LEAST_MEMBERS = 3
_DRAWS = 400
_CHANCE = 0.05


@dataclass(frozen=True, slots=True)
class Terms:
    """Which text holds which term.

    Attributes:
        names: (m) terms as they are shown.
        holds: (n, m) scipy CSR matrix of ones.
    """

    names: tuple[str, ...]
    holds: Any


def read_terms(texts: Sequence[str | None], titles: Sequence[str | None] | None = None) -> Terms:
    """Words, names and pairs that stand in at least two texts and at most half of them.

    Left out: stop words, what stands in quotation marks or before a year in brackets (mostly the
    titles of other works), names of the entities themselves, and in each text the words of its
    own title.

    Args:
        texts: (n) texts; None where there is none.
        titles: (n) names of the entities; None where there is none.
    """
    shown = Shown()
    silent = stop_words() | {_YEAR_AT_END.sub("", title).lower() for title in titles or () if title}
    own = (
        [_words_of(title or "") for title in titles] if titles else [frozenset[str]()] * len(texts)
    )
    read = [
        [shown.add(run, silent, words) for run in _runs(text or "")]
        for text, words in zip(texts, own, strict=True)
    ]
    together = _pairs_that_belong(read)
    held = [_terms_of(runs, together) for runs in read]
    return _matrix(held, shown)


@lru_cache(maxsize=4096)
def words_in(text: str, title: str = "") -> frozenset[str]:
    """Every word, name and pair of neighbouring words that `read_terms` could find in a text.

    In lower case. A term is said by a text only as it stands there: neither as part of a longer
    word nor of a name, nor in another form, nor in the title of another work. What its own title
    says is left out.

    >>> sorted(words_in("Ann Lee's sled dogs (see “Dogs”)."))
    ['ann lee', 'dogs', 'see', 'sled', 'sled dogs']
    >>> sorted(words_in("Rope, ice.", "Ice Fall (1990)"))
    ['rope']
    """
    own = _words_of(title)
    runs = [[t.lower() if len(t) >= _SHORTEST else "" for t in run] for run in _runs(text)]
    pairs = {" ".join(pair) for run in runs for pair in pairwise(run) if all(pair)}
    found = pairs | {token for run in runs for token in run if token}
    return frozenset(term for term in found if not own.issuperset(term.split()))


class Shown:
    """How each term is written most often; terms are compared in lower case."""

    def __init__(self) -> None:
        self._forms: dict[str, Counter[str]] = {}

    def add(self, run: Sequence[str], silent: frozenset[str], own: frozenset[str]) -> list[str]:
        """The run in lower case with "" for silent words and those of the own title."""
        lower = [token.lower() for token in run]
        for small, form in zip(lower, run, strict=True):
            self._forms.setdefault(small, Counter())[form] += 1
        return [
            "" if len(w) < _SHORTEST or w in silent or own.issuperset(w.split()) else w
            for w in lower
        ]

    def form(self, term: str) -> str:
        """The commonest way to write a term."""
        if term in self._forms:
            return max(self._forms[term].items(), key=lambda item: (item[1], item[0]))[0]
        return " ".join(self.form(word) for word in term.split())


def _runs(text: str) -> Iterator[list[str]]:
    """Tokens between marks of punctuation; a name is one token, and its last word alone is none."""
    plain = _TITLE_AND_YEAR.sub(" . ", _QUOTED.sub(" . ", text))
    surnames: set[str] = set()
    run: list[str] = []
    for match in _TOKEN.finditer(plain):
        kind, token = match.lastgroup, match[0]
        if kind == "stop":
            if run:
                yield run
            run = []
        elif kind == "name":
            name = _bare_name(token)
            surnames.add(name.split()[-1] if " " in name else "")
            run.append(name)
        else:
            run.append("" if token in surnames else token)
    if run:
        yield run


def _bare_name(name: str) -> str:
    """A run of capitalised words without leading stop words, such as "Director" or "With"."""
    first, _, rest = name.partition(" ")
    return _bare_name(rest.strip()) if rest and not leads_a_name(first) else name


def _words_of(title: str) -> frozenset[str]:
    return frozenset(match[0].lower() for match in re.finditer(rf"{_LETTER}{_TAIL}", title))


def _pairs_that_belong(read: Sequence[Sequence[Sequence[str]]]) -> frozenset[tuple[str, str]]:
    """Neighbouring words that occur together far more often than by chance, by normalised PMI.

    Source: Bouma, Normalized (Pointwise) Mutual Information in Collocation Extraction, 2009.
    """
    words: Counter[str] = Counter()
    pairs: Counter[tuple[str, str]] = Counter()
    for runs in read:
        words.update({w for run in runs for w in run if w})
        pairs.update({p for run in runs for p in pairwise(run) if all(p) and " " not in "".join(p)})
    n = len(read)
    return frozenset(
        (a, b)
        for (a, b), count in pairs.items()
        if count > _LEAST_TEXTS
        and log(count * n / (words[a] * words[b])) >= _BELONG * -log(count / n)
    )


def _terms_of(runs: Sequence[Sequence[str]], together: frozenset[tuple[str, str]]) -> set[str]:
    """Terms of one text; a word counts apart from its pair only where it stands apart."""
    found = set()
    for run in runs:
        taken = set()
        for at, pair in enumerate(pairwise(run)):
            if pair in together and at not in taken:
                found.add(" ".join(pair))
                taken |= {at, at + 1}
        found |= {word for at, word in enumerate(run) if word and at not in taken}
    return found


def _matrix(held: Sequence[set[str]], shown: Shown) -> Terms:
    from scipy.sparse import csr_matrix

    texts = Counter(term for terms in held for term in terms)
    most = max(_LEAST_TEXTS, _MOST_SHARE * len(held))
    kept = sorted(term for term, n in texts.items() if _LEAST_TEXTS <= n <= most)
    number = {term: at for at, term in enumerate(kept)}
    columns = [sorted(number[term] for term in terms if term in number) for terms in held]
    offsets = np.cumsum([0, *map(len, columns)])
    flat = np.fromiter((c for row in columns for c in row), dtype=np.int64)
    holds = csr_matrix((np.ones(len(flat)), flat, offsets), shape=(len(held), len(kept)))
    return Terms(tuple(shown.form(term) for term in kept), holds)


class Mentions:
    """Looks for terms in many texts at once: whole words, in any case.

    >>> Mentions(["A Space Opera.", None, "the spaceship", "space   opera"]).of("space opera")
    array([ True, False, False,  True])
    >>> Mentions(["a sled-dog", "the dog's sled", "dogs"]).of("dog")
    array([False,  True, False])
    """

    def __init__(self, texts: Sequence[str | None]) -> None:
        self._n = len(texts)
        lowered = [" ".join((text or "").lower().split()) for text in texts]
        self._ends = list(accumulate(len(text) + 1 for text in lowered))
        self._whole = "\n".join(lowered)

    def of(self, term: str) -> np.ndarray:
        """(n,) bool, whether each text holds the term."""
        found = np.zeros(self._n, dtype=bool)
        sought = " ".join(term.lower().split())
        at = self._whole.find(sought) if sought else -1
        while at >= 0:
            end = at + len(sought)
            if not (self._goes_on(at - 1, -1) or self._goes_on(end, 1)):
                found[bisect_right(self._ends, at)] = True
            at = self._whole.find(sought, end)
        return found

    def _goes_on(self, at: int, step: int) -> bool:
        """Whether a word goes on at a place: by a letter, or a hyphen or apostrophe and letters.

        The s of a possessive is no part of its word.
        """
        if not 0 <= at < len(self._whole):
            return False
        if self._whole[at] not in "-'’":
            return self._whole[at].isalnum()
        possessive = step > 0 and _POSSESSIVE.match(self._whole, at) is not None
        beyond = self._whole[at + step : at + step + 1] if at + step >= 0 else ""
        return beyond.isalpha() and not possessive


class Telling(NamedTuple):
    """Pairs of a group and a term that is commoner in it than in the whole.

    Those of a group stand together; what is both surprising and widespread in it comes first.

    Attributes:
        groups: (p,) int64.
        terms: (p,) int64.
        scores: (p,) how surprising it is, about a standard score.
        shares: (p,) in what share of the group's texts it stands.
    """

    groups: np.ndarray
    terms: np.ndarray
    scores: np.ndarray
    shares: np.ndarray

    def of(self, group: int) -> Telling:
        """The pairs of one group."""
        part = slice(*np.searchsorted(self.groups, [group, group + 1]))
        return Telling(*(column[part] for column in self))

    def best(self, k: int) -> np.ndarray:
        """(k,) best score of each group, 0 where there is none."""
        top = np.zeros(k)
        np.maximum.at(top, self.groups, self.scores)
        return top


def telling(terms: Terms, groups: np.ndarray, k: int) -> Telling:
    """Terms that stand in a fifth of a group's texts, in three of them at least, and surprise.

    The score is the signed root of the likelihood ratio between the observed number of texts and
    the one expected from the whole. It is cautious about rare terms. A group of two needs both.

    Source: Dunning, Accurate Methods for the Statistics of Surprise and Coincidence, 1993.
    """
    from scipy.sparse import csr_matrix

    n, size = len(groups), np.bincount(groups, minlength=k)
    member = csr_matrix((np.ones(n), (groups, np.arange(n))), shape=(k, n))
    seen = (member @ terms.holds).tocoo()
    whole = np.asarray(terms.holds.sum(0)).ravel()
    of, observed = size[seen.row], seen.data
    expected = of * whole[seen.col] / n
    enough = np.maximum(_LEAST_SHARE * of, np.clip(of, 2, _LEAST_MEMBERS))
    kept = (observed >= enough) & (observed > expected)
    scores = _root(observed[kept], expected[kept], of[kept])
    rows, columns = seen.row[kept].astype(np.int64), seen.col[kept].astype(np.int64)
    shares = observed[kept] / of[kept]
    order = np.lexsort((columns, -scores * np.sqrt(shares), rows))
    return Telling(rows[order], columns[order], scores[order], shares[order])


def least_score(terms: Terms, groups: np.ndarray, k: int, seed: int = 0) -> float:
    """The score that only one group in twenty would reach if its members were drawn at random."""
    rng = np.random.default_rng(seed)
    rounds = max(1, round(_DRAWS / k))
    best = [telling(terms, rng.permutation(groups), k).best(k) for _ in range(rounds)]
    used = np.tile(np.bincount(groups, minlength=k) > 0, rounds)
    return float(np.quantile(np.concatenate(best)[used], 1 - _CHANCE))


def _root(observed: np.ndarray, expected: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Root of 2 Σ o ln(o / e), over texts that hold a term and those that do not."""
    lacking, lacking_expected = size - observed, size - expected
    held = observed * np.log(observed / expected)
    rest = lacking * np.log(np.maximum(lacking, 1e-300) / np.maximum(lacking_expected, 1e-300))
    root: np.ndarray = np.sqrt(np.maximum(2 * (held + rest), 0))
    return root
