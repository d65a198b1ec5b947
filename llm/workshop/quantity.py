"""Amounts that are worked out from samples, and how well they are known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Quantity:
    """An amount and how well it is known.

    Attributes:
        mean: The likeliest amount.
        low: Lower end of the 95 % confidence interval; equal to `high` where it was counted.
        high: Its upper end.
        basis: What it was worked out from.
    """

    mean: float
    low: float
    high: float
    basis: str

    def times(self, other: Quantity) -> Quantity:
        """The product, on the other's basis; its interval is of the extremes: rather too wide."""
        high = self.high * other.high if self.high else 0.0
        return Quantity(self.mean * other.mean, self.low * other.low, high, other.basis)

    def scale(self, factor: float) -> Quantity:
        """`factor` times as much."""
        return Quantity(self.mean * factor, self.low * factor, self.high * factor, self.basis)


def exactly(amount: int, basis: str) -> Quantity:
    """An amount that is known."""
    return Quantity(amount, amount, amount, basis)


def share(met: int, looked_at: int, population: int) -> Quantity:
    """How many of a population, from those met in a sample, by Wilson's interval.

    Source: Wilson, Probable inference, the law of succession, and statistical inference (1927).
    """
    from scipy.stats import norm

    z, p, n = float(norm.ppf((1 + CONFIDENCE) / 2)), met / looked_at, looked_at
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    low, high = max(middle - half, 0.0), min(middle + half, 1.0)
    basis = f"{looked_at:,} entities at random"
    return Quantity(p * population, low * population, high * population, basis)


def mean(values: Sequence[float], basis: str, population: float = math.inf) -> Quantity:
    """The mean and its confidence interval, by Student's t, corrected for small populations.

    A single value of many says nothing of the spread.
    """
    from scipy.stats import t

    n, mean = len(values), sum(values) / len(values)
    if n >= population:
        return Quantity(mean, mean, mean, basis)
    if n == 1:
        return Quantity(mean, 0.0, math.inf, basis)
    variance = sum((value - mean) ** 2 for value in values) / (n - 1)
    left = 1.0 if math.isinf(population) else (population - n) / (population - 1)
    half = float(t.ppf((1 + CONFIDENCE) / 2, n - 1)) * math.sqrt(variance / n * left)
    return Quantity(mean, max(mean - half, 0.0), mean + half, basis)
