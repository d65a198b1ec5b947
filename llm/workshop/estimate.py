"""What describing everybody will take, from a few: calls, tokens, time and money."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from data.errors import ConfigError
from llm.cache import ResponseCache
from llm.knowledge import Progress, describe
from llm.lengths import BYTES_A_TOKEN, prompt_tokens
from llm.protocol import Backend, request_key
from llm.settings import GateConfig
from llm.workshop.prices import FILE, Prices, how_to_write, load_prices
from llm.workshop.scene import Scene, asking
from prompts.requests import Request
from prompts.template import Template

CONFIDENCE = 0.95
COUNTED_UP_TO = 10_000
"""Entities up to which all prompts are rendered to count the calls; beyond, a sample is."""
SAMPLED_CALLS = 400
"""Entities in that sample."""
ANSWERS_LOOKED_AT = 1_000
"""Latest answers of a model from which lengths and times are taken."""
_INCOMPLETE = (
    "Not all items are described yet: prompts that show texts of items or themes will change."
)


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


@dataclass(frozen=True, slots=True)
class Estimate:
    """What is still to be asked, and what it takes; None is what is not known.

    Attributes:
        side: Who is described.
        template: `name@version`.
        model: Who would be asked.
        entities: How many there are.
        calls: Different prompts without an answer in the response cache.
        prompt_tokens: Of these calls.
        completion_tokens: Of their answers.
        seconds: From the first call to the last answer.
        money: In `currency`.
        currency: As the price table names it.
        notes: What is not known and why, a sentence each.
    """

    side: str
    template: str
    model: str
    entities: int
    calls: Quantity
    prompt_tokens: Quantity | None = None
    completion_tokens: Quantity | None = None
    seconds: Quantity | None = None
    money: Quantity | None = None
    currency: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Answers:
    """Tokens and seconds of answers that are there, and how they came.

    Attributes:
        tokens: Completion tokens of each.
        seconds: Latency of each.
        beside: Calls in flight at a time; None where it is not known.
        basis: Where they are from.
    """

    tokens: Sequence[int] = ()
    seconds: Sequence[float] = ()
    beside: float | None = None
    basis: str = ""


def estimate(
    scene: Scene,
    template: Template,
    sample: int = 20,
    measure: int = 0,
    seed: int = 0,
    on_progress: Progress | None = None,
) -> Estimate:
    """What it takes to describe all entities of a scene with a template.

    Args:
        scene: Whose entities.
        template: Of its side.
        sample: Prompts whose tokens are counted.
        measure: Calls that are made, and paid, to measure answers; they stay in the cache.
        seed: Of the sample.
        on_progress: Told of prompts that are rendered.

    Raises:
        ConfigError: the sample is too small, or the table of prices is malformed.
        TemplateError: the template does not fit the data set.
        BackendError: answers were to be measured, and nothing can be asked of the backend.
    """
    if sample < 2:
        raise ConfigError(f"A sample of {sample} says nothing of its spread. Take 2 or more.")
    notes = [] if scene.complete else [_INCOMPLETE]
    with asking(scene) as (backend, cache):
        about = (scene.side, template.label, backend.model, len(scene.ids))
        if not scene.asks_model:
            name = scene.backend_config.backend
            nothing = exactly(0, f"{name} asks no language model")
            note = f"The backend {name} asks no language model: nothing is sent or paid."
            return Estimate(*about, nothing, nothing, nothing, nothing, nothing, notes=(note,))
        size = (max(sample, measure), seed)
        calls, requests = _find_calls(scene, template, backend, cache, size, on_progress)
        if not requests:
            nothing = exactly(0, "everything that was looked at is answered")
            known = nothing if calls.high == 0 else None
            return Estimate(*about, calls, known, known, known, known, notes=tuple(notes))
        prompt = _prompt_tokens(backend, requests[:sample], calls.mean)
        answers = _Answers()
        if measure:
            answers = _measure(requests[:measure], backend, cache, scene.gate, notes)
            calls = _less(calls, len(answers.tokens))
        answers = answers if answers.tokens else _earlier_answers(scene, backend, cache)
    return _sum_up(scene, about, calls, prompt, answers, notes)


def costs_by_model(estimate: Estimate, prices: Prices) -> pl.DataFrame:
    """What the calls of an estimate would cost at the price of every model in the table.

    Returns:
        model, low, mean, high, cheapest first; no rows where the tokens are not known. Other
        models count tokens otherwise, so this compares prices and not models.
    """
    prompts, answers = estimate.prompt_tokens, estimate.completion_tokens
    rows = []
    if prompts is not None and answers is not None:
        for model, price in prices.models.items():
            asked = prompts.scale(price.prompt / 1e6)
            said = answers.scale(price.completion / 1e6)
            ends = zip(
                (asked.low, asked.mean, asked.high), (said.low, said.mean, said.high), strict=True
            )
            rows.append((model, *(a + b for a, b in ends)))
    schema = {"model": pl.String, **dict.fromkeys(("low", "mean", "high"), pl.Float64)}
    return pl.DataFrame(rows, schema, orient="row").sort("mean", "model")


def _find_calls(
    scene: Scene,
    template: Template,
    backend: Backend,
    cache: ResponseCache,
    size: tuple[int, int],
    on_progress: Progress | None,
) -> tuple[Quantity, list[Request]]:
    """How many calls are left, and some of them at random: at most `size[0]`, seed `size[1]`."""
    n, rng = len(scene.ids), np.random.default_rng(size[1])
    whole = n <= COUNTED_UP_TO
    numbers = range(n) if whole else rng.choice(n, max(SAMPLED_CALLS, size[0]), False).tolist()
    lazily = scene.requests(template) if whole else (scene.request(k, template) for k in numbers)
    keys: dict[str, int] = {}
    for done, (number, request) in enumerate(zip(numbers, lazily, strict=True), 1):
        keys.setdefault(request_key(backend, request), number)
        if on_progress is not None:
            on_progress(done, len(numbers), "prompts")
    answered = cache.answered_keys(keys)
    left = [number for key, number in keys.items() if key not in answered]
    chosen = rng.permutation(left)[: size[0]].tolist()
    calls = exactly(len(left), "counted") if whole else share(len(left), len(numbers), n)
    return calls, [scene.request(number, template) for number in chosen]


def _prompt_tokens(backend: Backend, requests: Sequence[Request], population: float) -> Quantity:
    """Tokens of a prompt."""
    counts = [prompt_tokens(backend, request.messages) for request in requests]
    how = (
        "counted by the tokenizer"
        if all(tokens.exact for tokens in counts)
        else f"no tokenizer: estimated at {BYTES_A_TOKEN} bytes each"
    )
    basis = f"{len(counts)} prompts, {how}"
    return mean([tokens.count for tokens in counts], basis, population)


def _measure(
    requests: Sequence[Request],
    backend: Backend,
    cache: ResponseCache,
    gate: GateConfig | None,
    notes: list[str],
) -> _Answers:
    """Answers that are asked for to be measured; what failed is put in `notes`.

    The first call is not timed: it may have to wait for the model to be loaded.
    """
    first = describe(requests[:1], backend, cache, gate=gate).table
    start = time.perf_counter()
    others = describe(requests[1:], backend, cache, gate=gate).table
    wall = time.perf_counter() - start
    asked = pl.concat([first, others])
    failed, answers = asked.filter(pl.col("text").is_null()), asked.drop_nulls("text")
    if failed.height:
        notes.append(f"{failed.height} of {asked.height} calls failed: {failed['error'][0]}")
    seconds = float(others["latency_s"].sum())
    if seconds:
        notes.append("A long run keeps more calls in flight than were measured: it may be faster.")
    return _Answers(
        answers["tokens_out"].to_list(),
        answers["latency_s"].to_list(),
        max(seconds / wall, 1.0) if seconds and wall else None,
        f"{answers.height} calls just made",
    )


def _earlier_answers(scene: Scene, backend: Backend, cache: ResponseCache) -> _Answers:
    """The model's latest answers in the cache, to whatever prompts."""
    rows = cache.timings(backend.model, ANSWERS_LOOKED_AT)
    if not rows:
        return _Answers()
    tokens, seconds = zip(*rows, strict=True)
    beside = getattr(scene.backend_config, "concurrency", None)
    return _Answers(tokens, seconds, beside, f"{len(rows)} earlier answers of this model")


def _sum_up(
    scene: Scene,
    about: tuple[str, str, str, int],
    calls: Quantity,
    prompt: Quantity,
    answers: _Answers,
    notes: list[str],
) -> Estimate:
    """Amounts of all calls from those of one."""
    prompts = calls.times(prompt)
    completions = seconds = None
    if any(answers.tokens):
        completions = calls.times(mean(answers.tokens, answers.basis))
    else:
        notes.append(_unknown_answers(scene))
    if any(answers.seconds) and answers.beside:
        beside = max(min(answers.beside, calls.mean), 1.0)
        basis = f"{answers.basis}, {beside:.3g} at a time"
        seconds = calls.times(mean(answers.seconds, basis).scale(1 / beside))
    elif answers.tokens:
        notes.append("The time is not known: measure some calls (--measure 10).")
    prices = load_prices(scene.workspace)
    money = _money(scene, prices, prompts, completions, notes)
    amounts = (prompts, completions, seconds, money)
    return Estimate(*about, calls, *amounts, currency=prices.currency, notes=tuple(notes))


def _money(
    scene: Scene,
    prices: Prices,
    prompts: Quantity,
    completions: Quantity | None,
    notes: list[str],
) -> Quantity | None:
    """What the tokens cost; why it is not known is put in `notes`."""
    model = scene.backend_config.model
    price = prices.models.get(model)
    if price is None:
        path = scene.workspace / FILE
        notes.append(f"The cost is not known: {path} has no {model!r}. {how_to_write(model)}")
        return None
    asked = prompts.scale(price.prompt / 1e6)
    if completions is None:
        notes.append(
            f"The prompts alone cost about {asked.mean:,.2f} {prices.currency}".rstrip() + "."
        )
        return None
    said = completions.scale(price.completion / 1e6)
    basis = f"prices of {model} in {FILE}"
    return Quantity(asked.mean + said.mean, asked.low + said.low, asked.high + said.high, basis)


def _unknown_answers(scene: Scene) -> str:
    most = scene.backend_config.sampling.max_tokens
    return (
        f"The length of answers is not known, but for their limit of {most:,} tokens "
        "(llm.*.sampling.max_tokens): measure some calls (--measure 10)."
    )


def _less(calls: Quantity, answered: int) -> Quantity:
    """The calls that are left after some."""
    mean, low, high = (max(x - answered, 0) for x in (calls.mean, calls.low, calls.high))
    return Quantity(mean, low, high, calls.basis)


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
