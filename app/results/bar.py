"""The bar that learning has to clear: what simple recommenders are, and whether it is cleared."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from app.results.comparison import (
    Contender,
    Load,
    best_of,
    best_simple,
    compare_contenders,
    load_evaluation,
    plain_twins,
)
from app.results.wording import is_certain
from recommend.settings import BACKBONES

METRIC, TITLE = "ndcg@10", "NDCG@10"


def against_in_words(found: Mapping[str, Contender], against: str | None = None) -> str:
    """What changes of a comparison are against, in a sentence; "" where nothing is compared.

    Args:
        found: From `contenders`.
        against: As `baselines` takes it.
    """
    simple = best_simple(found)
    if against is None and plain_twins(found):
        return "Changes are against the plain twin."
    against = against or simple
    if against is None or len(found) == 1:
        return ""
    best = ", the best simple recommender on validation" if against == simple else ""
    return f"Changes are against {against}{best}."


def learning_in_words(
    found: Mapping[str, Contender],
    load: Load = load_evaluation,
    name_of: Callable[[str], str] = str,
) -> list[str]:
    """Whether training was worth it, a sentence an experiment with simple recommenders and others.

    Both are the best on validation of their kind; the test compares them, over users.

    Args:
        found: From `contenders`.
        load: Of an evaluation.
        name_of: How a recommender of a label is called.
    """
    told = []
    for name in dict.fromkeys(one.record.experiment.name for one in found.values()):
        own = {label: one for label, one in found.items() if one.record.experiment.name == name}
        simple = best_simple(own)
        trained = best_of({label: one for label, one in own.items() if one.learns})
        if simple is not None and trained is not None:
            told.append(_learning(own, trained, simple, load, name_of))
    return told


def _learning(
    found: Mapping[str, Contender],
    trained: str,
    simple: str,
    load: Load,
    name_of: Callable[[str], str],
) -> str:
    pair = {label: found[label] for label in (trained, simple)}
    table = compare_contenders(pair, simple, load).filter(metric=METRIC)
    ours, theirs = (table.filter(run=label).row(0, named=True) for label in pair)
    figures = f"{ours['mean']:.4f} against {theirs['mean']:.4f}"
    reach = f"95 % interval of the difference {ours['low']:+.4f} to {ours['high']:+.4f}"
    first, second = name_of(trained), name_of(simple)
    about = (
        f"{second}, which is not trained; each is the best of its kind on validation, and {TITLE} "
        f"on the test is {figures} ({reach})."
    )
    if not is_certain(ours["low"], ours["high"]):
        return f"The best trained one shows no certain difference: {first} beside {about}"
    if ours["difference"] > 0:
        return f"The best trained one is ahead: {first} is better than {about}"
    return f"The best trained one is behind: {first} is worse than {about}"


def twins_below_in_words(
    found: Mapping[str, Contender], name_of: Callable[[str], str] = str
) -> list[str]:
    """Which plain twins a simple recommender outdoes on validation, a sentence an experiment.

    A gain over such a twin is none over what needs no training.
    """
    told = []
    twins = set(plain_twins(found).values())
    for name in dict.fromkeys(one.record.experiment.name for one in found.values()):
        own = {label: one for label, one in found.items() if one.record.experiment.name == name}
        simple = best_simple(own)
        below = [x for x in own if simple and x in twins and own[x].valid <= own[simple].valid]
        if below:
            told.append(
                f"On validation {name_of(str(simple))} is as good as "
                f"{', '.join(map(name_of, below))} or better, so a gain "
                "over such a twin alone does not show that training is worth it."
            )
    return told


def simple_in_words(found: Mapping[str, Contender]) -> list[str]:
    """What each simple recommender does, a line each, as `label: words`."""
    simple = {label: one for label, one in found.items() if not one.learns}
    return [f"{label}: {words_of(one.backbone)}" for label, one in simple.items()]


def words_of(backbone: str) -> str:
    """What a backbone does, in a few words.

    >>> words_of("popularity")
    'what most users had, the same for everybody; nothing is learnt.'
    """
    first = (BACKBONES[backbone].config.__doc__ or "").split("\n")[0]
    return first.partition(": ")[2] or first
