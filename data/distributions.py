"""How interactions of a data set are spread: over users, over items, over time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl

from data.catalogue import card
from data.columns import ITEM, ITEM_ID, LEAST_CLOCK, TIME, TITLE, USER, USER_ID, WEIGHT
from data.dataset import Dataset
from data.settings import DataConfig
from data.split import Split

FEW = 20
"""Training interactions below which an item is called rare."""
POINTS = 300
"""Points of a curve; more cannot be told apart on a screen."""
STEPS = {"day": "1d", "week": "1w", "month": "1mo", "quarter": "1q", "year": "1y"}
"""Lengths of time, short ones first, as polars writes them."""
PARTS = ("train", "valid", "test")


def length_bins(lengths: np.ndarray, bins: int = 20) -> pl.DataFrame:
    """Columns `first`, `last` (lengths that a bin takes, both included) and `users`.

    Few different lengths get a bin each; otherwise bins widen with the length, since most
    histories are short and some are very long.

    Args:
        lengths: (n_users,) positive lengths of histories.
        bins: How many at most.
    """
    low, high = int(lengths.min()), int(lengths.max())
    if high - low < bins:
        starts = np.arange(low, high + 1)
    else:
        starts = np.unique(np.geomspace(low, high + 1, bins + 1).astype(np.int64)[:-1])
    ends = np.append(starts[1:], high + 1)
    counts, _ = np.histogram(lengths, np.append(starts, high + 1))
    return pl.DataFrame({"first": starts, "last": ends - 1, "users": counts})


@dataclass(frozen=True, slots=True)
class Popularity:
    """How training interactions are spread over items.

    Attributes:
        ranks: Columns `rank` (1 is the most popular item) and `interactions`; items without any
            are left out.
        shares: Columns `items` and `interactions`, shares from 0 to 1: what part of all
            interactions the most popular part of the items has.
    """

    ranks: pl.DataFrame
    shares: pl.DataFrame


def popularity(counts: np.ndarray, points: int = POINTS) -> Popularity:
    """The popularity curve of (n_items,) counts, by rank and as shares, at selected ranks."""
    ranked = np.sort(counts)[::-1].astype(np.int64)
    seen = int((ranked > 0).sum())
    some = np.unique(np.geomspace(1, max(seen, 1), points).round().astype(np.int64))
    ranks = pl.DataFrame({"rank": some, "interactions": ranked[some - 1]})
    upto = np.unique(np.linspace(0, len(ranked), points).round().astype(np.int64))
    sums = np.append(0, np.cumsum(ranked))
    shares = {"items": upto / len(ranked), "interactions": sums[upto] / max(int(sums[-1]), 1)}
    return Popularity(ranks.filter(pl.col("interactions") > 0), pl.DataFrame(shares))


def training_counts(dataset: Dataset, split: Split) -> np.ndarray:
    """(n_items,) training interactions an item."""
    seen = split.training(dataset)[ITEM].to_numpy()
    return np.bincount(seen, minlength=dataset.n_items)


@dataclass(frozen=True, slots=True)
class Cold:
    """How many held-out items a recommender could hardly learn.

    Attributes:
        targets: Held-out items, one a user.
        unseen: Of these, without a training interaction.
        rare: Of these, with at least one and fewer than `FEW`.
    """

    targets: int
    unseen: int
    rare: int


def cold_targets(dataset: Dataset, split: Split, part: str = "test") -> Cold:
    """How many held-out items of a part, "valid" or "test", are cold."""
    counts = training_counts(dataset, split)[split.targets(dataset, part)]
    unseen, few = int((counts == 0).sum()), int((counts < FEW).sum())
    return Cold(len(counts), unseen, few - unseen)


def has_clock(config: DataConfig, dataset: Dataset) -> bool:
    """Whether times are times, and not steps or the order of the rows."""
    if config.tables:
        latest: int = dataset.interactions[TIME].max()  # type: ignore[assignment]
        return config.tables[0].time is not None and latest >= LEAST_CLOCK
    return card(config.name).clock


def period(dataset: Dataset) -> tuple[date, date]:
    """The days of the first and the last interaction, in UTC."""
    times = dataset.interactions[TIME]
    first, last = (_moment(int(second)).date() for second in (times.min(), times.max()))  # type: ignore[arg-type]
    return first, last


EARLIEST, LATEST = -62_135_596_800, 253_402_300_799
"""Seconds of the years 1 and 9999, beyond which there are no dates."""


def _moment(second: int) -> datetime:
    start = datetime(1970, 1, 1, tzinfo=UTC)
    return start + timedelta(seconds=min(max(second, EARLIEST), LATEST))


def timeline(dataset: Dataset, split: Split, bars: int = 90) -> tuple[str, pl.DataFrame]:
    """A length of time, and interactions in each such length.

    Args:
        dataset: With times.
        split: Which interactions belong to which part.
        bars: How many lengths there may be before a longer one is taken; years may be more.

    Returns:
        A key of `STEPS`, and the columns `start` (Date), `train`, `valid` and `test`; lengths
        without an interaction are there, with zeros.
    """
    first, last = period(dataset)
    days = (last - first).days + 1
    lengths = {"day": 1, "week": 7, "month": 30, "quarter": 91, "year": 365}
    step = next((name for name, of in lengths.items() if days / of <= bars), "year")
    rows = dataset.interactions.select(
        pl.from_epoch(pl.col(TIME).clip(EARLIEST, LATEST), "s")
        .dt.date()
        .dt.truncate(STEPS[step])
        .alias("start"),
        pl.Series("part", part_of_rows(split, dataset.interactions.height)),
    )
    counted = rows.group_by("start").agg(
        *((pl.col("part") == k).sum().cast(pl.Int64).alias(part) for k, part in enumerate(PARTS))
    )
    whole = pl.DataFrame({"start": _starts(rows["start"], step)})
    filled = whole.join(counted, on="start", how="left", maintain_order="left")
    return step, filled.with_columns(pl.col(PARTS).fill_null(0))


def _starts(starts: pl.Series, step: str) -> pl.Series:
    first, last = pl.lit(starts.min()), pl.lit(starts.max())
    return pl.select(pl.date_range(first, last, STEPS[step])).to_series()


def part_of_rows(split: Split, n: int) -> np.ndarray:
    """(n,) uint8, the place in `PARTS` of each row's part."""
    parts = np.zeros(n, dtype=np.uint8)
    parts[split.valid], parts[split.test] = 1, 2
    return parts


def interaction_rows(dataset: Dataset, split: Split, *, clock: bool = True) -> pl.DataFrame:
    """Interactions as people read them: external ids, titles if there are any, dates, parts.

    Args:
        dataset: What to show.
        split: Which interaction is in which part.
        clock: Times are times; otherwise they are numbers that stand for the order.
    """
    rows = dataset.interactions
    users, items = dataset.users[USER_ID], dataset.items
    numbers = rows[ITEM]
    titles = [items[TITLE].gather(numbers)] if TITLE in items.columns else []
    time = pl.from_epoch(pl.col(TIME).clip(EARLIEST, LATEST), "s") if clock else pl.col(TIME)
    parts = part_of_rows(split, rows.height)
    return rows.select(
        users.gather(rows[USER]).alias(USER_ID),
        items[ITEM_ID].gather(numbers).alias(ITEM_ID),
        *titles,
        time.alias(TIME if clock else "order"),
        pl.col(WEIGHT),
        pl.Series("part", parts).replace_strict(dict(enumerate(PARTS)), return_dtype=pl.String),
    )
