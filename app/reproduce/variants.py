"""Ways in which recommenders of a table differ from its experiment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

from app.experiment.settings import RANDOM, SHUFFLED, Cell, Experiment
from app.results.domains import base_row, changed, choices_of
from quantize.settings import SideConfig
from recommend.settings import BACKBONES, ENHANCERS, OURS, PLAIN, Metapath
from recommend.settings.fusion import Evidence
from recommend.settings.rankgraph import RankGraphConfig
from recommend.settings.registry import takes_enhancers
from recommend.settings.tokens import TokensConfig

SHOPS = ("office", "beauty", "shop")
"""Tables of shops, where texts may say what interactions do not."""
DOMAINS = (RankGraphConfig().name,)
"""Tables of ablations over several domains, called like the method that they take apart."""
TOKENS, PERMUTED = TokensConfig().name, "permuted"
"""The enhancer, after which its tables are called, and what its controls end in."""
UNPUBLISHED = (*SHOPS, TOKENS)
"""Tables that are no paper's."""
QUANTISERS = {"lsh": "LSH", "hierarchical": "HC", "rq-vae": "RQ"}
"""Methods of table 5 and what the paper calls them; others of this version follow them."""
ALL_EDGES = "all-edges"
SIDES = ("user", "item")


@dataclass(frozen=True, slots=True)
class Variant:
    """Recommenders that differ from the table's experiment in the same way.

    Attributes:
        slug: Ends their names; "" for the experiment as it is.
        enhancers: That are trained so.
        changes: Settings by dotted name; `{pair}` stands for backbone+enhancer.
        paper: The paper's row, by enhancer; an enhancer that is missing has a row of its own name.
        rival: Slug of the variant that the same enhancer is also compared with, None for none.
        backbones: That are trained so; none for all of the experiment's.
    """

    slug: str
    enhancers: tuple[str, ...]
    changes: Mapping[str, Any] = field(default_factory=dict)
    paper: Mapping[str, str] = field(default_factory=dict)
    rival: str | None = None
    backbones: tuple[str, ...] = ()


def variants_of(kind: str, experiment: Experiment) -> list[Variant]:
    """The variants of a table, the experiment as it is first.

    Args:
        kind: One of `KINDS`.
        experiment: Its grid names backbones and enhancers.
    """
    if kind in DOMAINS:
        return list(_of_domains(experiment))
    if kind == TOKENS:
        return list(_of_tokens(experiment))
    if kind in SHOPS:
        first = Variant("", experiment.grid.enhancers, rival=SHUFFLED)
        return [first, *_of_shops(experiment)]
    enhancers = experiment.grid.enhancers
    own = tuple(e for e in enhancers if ENHANCERS[e].config.ours)
    control = Variant(SHUFFLED, own, {"control": SHUFFLED}, dict.fromkeys(own, ""))
    first = Variant("", enhancers, {}, _first_rows(kind), SHUFFLED)
    return [first, *_further(kind, own, experiment), *([control] if own else [])]


def _first_rows(kind: str) -> dict[str, str]:
    """The paper's rows of the experiment as it is, where they are not called after enhancers."""
    return {
        "table5": {OURS: "rq-vae"},
        "table6": {OURS: "levels-0-1", PLAIN: ""},
    }.get(kind, {})


def _further(kind: str, own: tuple[str, ...], experiment: Experiment) -> Iterator[Variant]:
    """What a table trains beside the experiment as it is and its control."""
    ours = tuple(e for e in own if e == OURS)
    if kind == "table4":
        for slug, gone in _REMOVED.items():
            kept = [path for path in get_args(Metapath) if path not in gone]
            yield _parts(slug, ours, "metapaths", kept)
    elif kind == "table5":
        for method in methods():
            changes = {f"quantize.{side}": _quantiser(experiment, side, method) for side in SIDES}
            yield Variant(method, ours, changes, dict.fromkeys(ours, method), "")
    elif kind == "table6":
        for levels in ([0], [0, 1, 2]):
            slug = f"levels-{'-'.join(map(str, levels))}"
            yield _parts(slug, ours, "levels", levels)
    elif kind == "leak":
        yield Variant(ALL_EDGES, ours, {"graph.edges": "all"}, dict.fromkeys(ours, ""), "")


def _of_shops(experiment: Experiment) -> Iterator[Variant]:
    """What a table of a shop trains beside the experiment as it is.

    Fusion is there with one kind of evidence beside behaviour, to see which of them could stand for
    the others, and upon each enhancer of the grid. The controls give texts to other items, or put
    random vectors in their place.
    """
    grid = experiment.grid
    parts = tuple(filter(takes_enhancers, grid.backbones))
    around = tuple(name for name in grid.enhancers if ENHANCERS[name].around)
    place = "override.{pair}.model.enhancer"
    for one in get_args(Evidence) if around else ():
        changes = {f"{place}.evidence": list(dict.fromkeys(("items", one)))}
        yield Variant(f"by-{one}", around, changes, rival="", backbones=parts)
    for name in grid.enhancers if around else ():
        if name == PLAIN or name in around:
            continue
        slug, upon = f"upon-{name}", {f"{place}.upon": name}
        shuffled = f"{slug}-{SHUFFLED}"
        yield Variant(slug, around, upon, rival=shuffled, backbones=parts)
        yield Variant(shuffled, around, {**upon, "control": SHUFFLED}, backbones=parts)
    read = tuple(name for name in grid.enhancers if _reads_texts(experiment, name, parts))
    worded = tuple(name for name in grid.backbones if _is_worded(experiment, name))
    if read or worded:
        kept = (*worded, *(parts if read else ()))
        yield Variant(SHUFFLED, read or (PLAIN,), {"control": SHUFFLED}, backbones=kept)
    if read:
        no_words = {f"override.{name}.model.enhancer.evidence": list(NO_WORDS) for name in around}
        yield Variant(RANDOM, read, {"control": RANDOM, **no_words}, backbones=parts)


def _of_domains(experiment: Experiment) -> Iterator[Variant]:
    """The experiment as it is, and its first backbone with every other value of each setting."""
    first = base_row(experiment)
    yield Variant("", (PLAIN,))
    for choice in choices_of(experiment):
        if choice.setting and choice.row != first:
            changes = dict([changed(experiment, choice)])
            yield Variant(choice.row, (PLAIN,), changes, backbones=(first,))


def _of_tokens(experiment: Experiment) -> Iterator[Variant]:
    """What the grid has as it is, and tokens of all in it that have vectors, with their controls.

    Sources stand in the grid themselves: recommenders by themselves, and enhancers.
    """
    grid = experiment.grid
    parts = tuple(filter(takes_enhancers, grid.backbones))
    sources = [n for n in grid.backbones if n not in parts and BACKBONES[n].config.embeds]
    sources += [name for name in grid.enhancers if ENHANCERS[name].config.embeds]
    yield Variant("", tuple(name for name in grid.enhancers if name != TOKENS))
    place = f"override.{TOKENS}.model.enhancer"
    for source in sources:
        slug, changes = f"{source}-{PERMUTED}", {f"{place}.source": source}
        yield Variant(source, (TOKENS,), changes, rival=slug, backbones=parts)
        control = {**changes, f"{place}.permuted": True}
        yield Variant(slug, (TOKENS,), control, backbones=parts)


NO_WORDS = ("items", "vectors", "factors")
"""Evidence of fusion where vectors are random: words are no vectors."""
OF_TEXTS = {"words", "item_vectors", "user_vectors", "graph", "phrases", "pairs"}
"""Parts of `recommend.sources.Sources` that are made of texts."""


def _reads_texts(experiment: Experiment, enhancer: str, parts: Sequence[str]) -> bool:
    cells = (Cell(backbone, enhancer, 0) for backbone in parts)
    return any(OF_TEXTS & {*experiment.model_of(cell).needs} for cell in cells)


def _is_worded(experiment: Experiment, backbone: str) -> bool:
    """Whether a recommender that takes no enhancer reads texts."""
    needs = experiment.model_of(Cell(backbone, PLAIN, 0)).needs
    return not takes_enhancers(backbone) and bool(OF_TEXTS & {*needs})


def methods() -> list[str]:
    """Ways to quantise beside the paper's own: those of its table 5 first."""
    there = [name for name in _quantisers() if name != "rq-vae"]
    return sorted(there, key=lambda name: (name not in QUANTISERS, name))


def _quantisers() -> dict[str, Any]:
    """Settings of every way to quantise, by its name."""
    kinds = get_args(get_args(SideConfig)[0])
    return {kind.model_fields["method"].default: kind for kind in kinds}


def _quantiser(experiment: Experiment, side: str, method: str) -> dict[str, Any]:
    """Settings of a method with as many levels and codes as the experiment's own."""
    own, known = getattr(experiment.quantize, side), _quantisers()[method].model_fields
    shared = {name: getattr(own, name) for name in ("k", "levels", "per_code") if name in known}
    return {"method": method, **shared}


def _parts(slug: str, ours: tuple[str, ...], part: str, value: list[Any]) -> Variant:
    """A variant whose enhancer has other parts; it is also compared with the one as it is."""
    changes = {f"override.{{pair}}.model.enhancer.{part}": value}
    return Variant(slug, ours, changes, dict.fromkeys(ours, slug), "")


_REMOVED = {
    "without-user-semantic": ("user > user_factor > user",),
    "without-item-semantic": ("item > item_factor > item",),
    "without-interactions": ("item > user", "user > item"),
}
"""Metapaths that table 4 leaves out."""
