"""The embedded data set: an invented film service with planted tastes, made from a seed.

Whoever reads the descriptions can tell a film's theme, and people follow themes; the coarse
attributes hardly tell it, and each film is seen by few. So what texts are worth here was put in: it
says how things work, and nothing of other data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
import polars as pl

from data import demo_world as world
from data.columns import DESCRIPTION, ITEM_ID, TIME, TITLE, USER_ID, WEIGHT
from data.preprocess import Raw

SEED = 20_240_101
N_USERS = 400
FILMS_A_THEME = 30
START = 1_704_067_200
"""1 January 2024, in seconds."""
DAY = 86_400
PERIOD_DAYS = 360

SHORTEST, LONGEST = 5, 14
"""Films a person watches; short histories are the most frequent."""
STAY = 0.82
"""Chance that the next film is of the same theme as the last."""
STRAY = 0.15
"""Chance that a person watches something popular of any theme."""
NEW_FILMS = 0.55
"""Share of films that appear while the service runs; the others were there on the first day."""
FRESH_DAYS = 25
"""At this age a film has lost half of the attention that being new gives it."""


@dataclass(frozen=True, slots=True)
class _Films:
    theme: np.ndarray  # (n,) number of each film's theme
    appeal: np.ndarray  # (n,) long-tailed within a theme
    release: np.ndarray  # (n,) day on which it appears

    def weights(self, day: float) -> np.ndarray:
        """(n,) how much attention each film draws on a day; 0 before it appears."""
        age = day - self.release
        fresh = 0.25 + FRESH_DAYS / (FRESH_DAYS + np.maximum(age, 0))
        return np.where(age >= 0, self.appeal * fresh, 0.0)


def make_demo() -> Raw:
    """The demo's tables; always the same."""
    rng = np.random.default_rng(SEED)
    films = _films(rng)
    items = _item_table(rng, films)
    users = _user_table(rng)
    return Raw(users, items, _watch(rng, films, users[USER_ID], items[ITEM_ID]))


@cache
def planted_themes() -> Mapping[str, str]:
    """The theme of each film by `item_id`; no part of the data set, so that no model can see it."""
    films = _films(np.random.default_rng(SEED))
    return {_film_id(k): world.THEMES[theme].name for k, theme in enumerate(films.theme)}


def _film_id(number: int) -> str:
    return f"film-{number + 1:03d}"


def _films(rng: np.random.Generator) -> _Films:
    n = FILMS_A_THEME * len(world.THEMES)
    theme = rng.permutation(np.repeat(np.arange(len(world.THEMES)), FILMS_A_THEME))
    appeal = 1.0 / (2.0 + rng.integers(0, FILMS_A_THEME, n))
    release = np.where(rng.random(n) < NEW_FILMS, rng.integers(1, PERIOD_DAYS, n), 0)
    return _Films(theme, appeal, release)


def _pick(rng: np.random.Generator, words: tuple[str, ...]) -> str:
    return words[int(rng.integers(len(words)))]


def _item_table(rng: np.random.Generator, films: _Films) -> pl.DataFrame:
    titles: set[str] = set()
    more = np.random.default_rng([SEED, 1])
    rows = [_film(rng, more, world.THEMES[theme], titles) for theme in films.theme]
    years = 2024 - np.where(films.release > 0, 0, rng.integers(1, 40, len(rows)))
    return pl.DataFrame(
        {
            ITEM_ID: [_film_id(k) for k in range(len(rows))],
            TITLE: [title for title, _, _, _ in rows],
            DESCRIPTION: [description for _, description, _, _ in rows],
            "genres": [genres for _, _, genres, _ in rows],
            "year": years.astype(np.int32),
            "director": [director for _, _, _, director in rows],
        }
    )


def _film(
    rng: np.random.Generator, more: np.random.Generator, theme: world.Theme, titles: set[str]
) -> tuple[str, str, list[str], str]:
    title = _title(rng, theme)
    while title in titles:
        title = _title(rng, theme)
    titles.add(title)
    return title, _description(rng, more, theme), _genres(rng, theme), _person(rng)


def _title(rng: np.random.Generator, theme: world.Theme) -> str:
    noun = _pick(rng, theme.motifs) if rng.random() < 0.5 else _pick(rng, world.TITLE_NOUNS)
    owner = _pick(rng, world.FIRST_NAMES)
    adjective = _pick(rng, world.TITLE_WORDS)
    return f"{owner} and the {noun}" if rng.random() < 0.3 else f"The {adjective} {noun}"


def _description(rng: np.random.Generator, more: np.random.Generator, theme: world.Theme) -> str:
    """Who does what, and two turns of the story; the first half is drawn from `rng`."""
    hero = _pick(rng, theme.heroes)
    opening, deed = _pick(rng, world.OPENINGS), _pick(rng, theme.deeds)
    turn, event, goal = (_pick(rng, of) for of in (world.TURNS, theme.events, theme.goals))
    closing = _pick(rng, world.CLOSINGS)
    deeds = f"{deed} and {_another(more, theme.deeds, deed)}"
    second = _another(more, world.TURNS, turn).format(
        event=_another(more, theme.events, event), goal=_another(more, theme.goals, goal)
    )
    first = opening.format(hero=hero, Hero=hero[0].upper() + hero[1:], deed=deeds)
    told = (first, turn.format(event=event, goal=goal), second, closing)
    return " ".join(filter(None, told))


def _another(rng: np.random.Generator, words: tuple[str, ...], taken: str) -> str:
    return _pick(rng, tuple(word for word in words if word != taken))


def _genres(rng: np.random.Generator, theme: world.Theme) -> list[str]:
    usual = world.GENRES[sorted({t.family for t in world.THEMES}).index(theme.family)]
    first = usual if rng.random() < 0.2 else _pick(rng, world.GENRES)
    return sorted({first, _pick(rng, world.GENRES)})


def _person(rng: np.random.Generator) -> str:
    return f"{_pick(rng, world.FIRST_NAMES)} {_pick(rng, world.SURNAMES)}"


def _user_table(rng: np.random.Generator) -> pl.DataFrame:
    pairs = [f"{first} {last}" for first in world.FIRST_NAMES for last in world.SURNAMES]
    names = [pairs[k] for k in rng.permutation(len(pairs))[:N_USERS]]
    return pl.DataFrame(
        {
            USER_ID: [f"user-{k + 1:03d}" for k in range(N_USERS)],
            "name": names,
            "age": [_pick(rng, world.AGE_GROUPS) for _ in names],
            "region": [_pick(rng, world.REGIONS) for _ in names],
        }
    )


def _watch(
    rng: np.random.Generator, films: _Films, user_ids: pl.Series, item_ids: pl.Series
) -> pl.DataFrame:
    seen = [(user, *step) for user in range(N_USERS) for step in _history(rng, films)]
    user, item, seconds = (np.array(column) for column in zip(*seen, strict=True))
    ratings = pl.DataFrame({USER_ID: user_ids[user], ITEM_ID: item_ids[item], TIME: seconds})
    return ratings.select(
        USER_ID, ITEM_ID, pl.lit(1, pl.Float32).alias(WEIGHT), pl.col(TIME).cast(pl.Int64)
    )


def _history(rng: np.random.Generator, films: _Films) -> list[tuple[int, int]]:
    """Films (number, second) that one person watches: runs of a theme, then a switch."""
    tastes = _tastes(rng)
    luck = rng.random()
    length = SHORTEST + int((LONGEST + 1 - SHORTEST) * luck * luck * luck)
    day = float(rng.integers(0, PERIOD_DAYS // 2))
    free = np.ones(len(films.theme), dtype=bool)
    now, history = 0, []
    for _ in range(length):
        now = now if rng.random() < STAY else (now + 1) % len(tastes)
        weights = films.weights(day) * free
        liked = weights * (films.theme == tastes[now])
        weights = weights if rng.random() < STRAY or not liked.any() else liked
        film = _draw(rng, weights)
        free[film] = False
        history.append((film, START + int(day * DAY) + int(rng.integers(DAY // 2))))
        day += 0.5 + 12 * rng.random()
    return history


def _draw(rng: np.random.Generator, weights: np.ndarray) -> int:
    """A number, as likely as its weight; the sum is taken in order, alike on every machine."""
    upto = np.cumsum(weights)
    return int(np.searchsorted(upto, rng.random() * upto[-1], side="right"))


def _tastes(rng: np.random.Generator) -> np.ndarray:
    """(2 or 3,) theme numbers in the order in which this person turns to them."""
    return rng.permutation(len(world.THEMES))[: int(rng.integers(2, 4))]
