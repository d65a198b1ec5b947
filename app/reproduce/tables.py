"""The paper's tables as variants of an experiment: what differs from row to row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from app.experiment.file import put
from app.experiment.settings import BACKBONES, SHUFFLED, Cell, Experiment
from app.reproduce.paper import Figures, figures_of
from quantize.settings import SideConfig
from recommend.settings import ENHANCERS, OURS, PLAIN, Metapath

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
    """

    slug: str
    enhancers: tuple[str, ...]
    changes: Mapping[str, Any] = field(default_factory=dict)
    paper: Mapping[str, str] = field(default_factory=dict)
    rival: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One recommender of a table.

    Attributes:
        key: What `--only` calls it: backbone+enhancer, and what differs, after a hyphen.
        variant: That it belongs to.
        backbone: Its name.
        enhancer: Its name.
        figures: What the paper reports of it; none where it does not.
    """

    key: str
    variant: Variant
    backbone: str
    enhancer: str
    figures: Figures

    def cells(self, seeds: tuple[int, ...]) -> list[Cell]:
        """Of the variant's experiment, a seed each."""
        return [Cell(self.backbone, self.enhancer, seed) for seed in seeds]


def variants_of(kind: str, experiment: Experiment) -> list[Variant]:
    """The variants of a table, the experiment as it is first.

    Args:
        kind: "table2", "table4", "table5", "table6" or "leak".
        experiment: Its grid names backbones and enhancers.
    """
    enhancers = experiment.grid.enhancers
    own = tuple(e for e in enhancers if ENHANCERS[e].config.ours)
    control = Variant(SHUFFLED, own, {"control": SHUFFLED}, dict.fromkeys(own, ""))
    first = Variant("", enhancers, {}, _first_rows(kind), SHUFFLED)
    return [first, *_further(kind, own, experiment), *([control] if own else [])]


def rows_of(kind: str, dataset: str, experiment: Experiment) -> list[Row]:
    """The rows of a table, backbone by backbone."""
    variants = variants_of(kind, experiment)
    return [
        Row(
            key=key_of(backbone, enhancer, variant.slug),
            variant=variant,
            backbone=backbone,
            enhancer=enhancer,
            figures=figures_of(kind, dataset, backbone).get(
                variant.paper.get(enhancer, enhancer), {}
            ),
        )
        for backbone in experiment.grid.backbones
        for variant in variants
        for enhancer in variant.enhancers
    ]


def missing_rows(kind: str, dataset: str, rows: list[Row]) -> list[tuple[str, str]]:
    """Backbone and name of the paper's rows that are none of ours."""
    there = {(row.backbone, row.variant.paper.get(row.enhancer, row.enhancer)) for row in rows}
    return [
        (backbone, name)
        for backbone in BACKBONES
        for name in figures_of(kind, dataset, backbone)
        if (backbone, name) not in there
    ]


def key_of(backbone: str, enhancer: str, slug: str) -> str:
    """What a row is called.

    >>> key_of("sasrec", "autograph", ""), key_of("sasrec", "autograph", "shuffled")
    ('sasrec+autograph', 'sasrec+autograph-shuffled')
    """
    return f"{backbone}+{enhancer}" + (f"-{slug}" if slug else "")


def experiment_of(base: Experiment, variant: Variant) -> Experiment:
    """The experiment of a variant: the base's settings, what differs, and its own name."""
    tree = base.model_dump(mode="json", exclude_none=True)
    if variant.slug and variant.slug != SHUFFLED:
        tree["name"] = f"{base.name}-{variant.slug}"
    tree["grid"]["enhancers"] = list(variant.enhancers)
    for key, value in variant.changes.items():
        if "{pair}" not in key:
            put(tree, key, value)
            continue
        for backbone in base.grid.backbones:
            for enhancer in variant.enhancers:
                put(tree, key.replace("{pair}", f"{backbone}+{enhancer}"), value)
    return Experiment.model_validate(tree)


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
