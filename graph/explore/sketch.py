"""What a sampler drew as a picture, and any picture as an SVG file that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from graph.explore.export import escape as visible
from graph.explore.flat import FlatGraph
from graph.explore.layout import Places
from graph.explore.subgraph import Count, Subgraph
from graph.explore.walk import link_table
from graph.sample.sample import Sample

COLOURS = (
    *("#0b5cad", "#c2410c", "#2a8fcf", "#b07700"),
    *("#6d4fc2", "#0d8268", "#b8336a", "#5b6676"),
)
"""Of types of nodes, by `NodeType.colour`, on white."""
_UNIT, _MARGIN, _LEGEND, _LETTER = 90.0, 70.0, 28.0, 7.5
"""Pixels: of a layout's unit, around the picture, of the legend's row, of a letter of it."""


CAP = 150
"""Most nodes of a picture of what was found."""


def sketch(sample: Sample, flat: FlatGraph, cap: int = CAP) -> Subgraph:
    """The nodes and edges of a sample, each once, as what a view of the graph shows.

    Args:
        sample: Of the graph that `flat` is of.
        flat: The graph in a row.
        cap: Most nodes; whole ways from a seed to the end of a branch are taken one by one, row
            by row, and then what leads to no end. What is left out counts.
    """
    found, shown, brought_by = _brought(sample, flat, cap)
    index = np.full(len(flat), -1, dtype=np.int64)
    index[shown] = np.arange(len(shown))
    edges = _edges(sample, flat, index)
    kinds = flat.types[shown]
    every = np.bincount(flat.types[found], minlength=len(flat.sizes)).tolist()
    seen = np.bincount(kinds, minlength=len(flat.sizes)).tolist()
    return Subgraph(
        schema=flat.schema,
        nodes=tuple(map(flat.node, shown.tolist())),
        named=int((brought_by < 0).sum()),
        degrees=flat.degrees[shown],
        levels=flat.levels[shown],
        parents=np.where(brought_by < 0, -1, index[brought_by]).astype(np.int32),
        edges=edges.astype(np.int32),
        relations=link_table(flat.schema)[kinds[edges[:, 0]], kinds[edges[:, 1]]],
        edges_hidden=0,
        path=(),
        counts={
            kind: Count(s, n - s, 0, 0)
            for kind, n, s in zip(flat.schema.types, every, seen, strict=True)
        },
    )


def _brought(
    sample: Sample, flat: FlatGraph, cap: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places of distinct nodes; of those that show, seeds first; what brought each, or -1."""
    firsts = dict(zip(flat.schema.types, flat.firsts, strict=False))
    start = sample.query.start.type
    reached = [sample.nodes[start][sample.places[0]].astype(np.int64) + firsts[start]]
    parents = [np.full(len(reached[0]), -1, dtype=np.int64)]
    for hop, draws in zip(sample.query.hops, sample.draws, strict=True):
        there = draws.nodes.astype(np.int64)
        reached.append(np.where(there >= 0, there + firsts[hop.type], -1))
        parents.append(reached[hop.origin][draws.origins])
    places, brought_by = np.concatenate(reached), np.concatenate(parents)
    ways = np.concatenate(_ways(sample, [len(one) for one in reached]))
    order = np.lexsort((np.arange(len(places)), ways))
    order = order[places[order] >= 0]
    _, first = np.unique(places[order], return_index=True)
    order = order[np.sort(first)]
    found = places[order]
    kept = order[:cap]
    if cap < len(order) and ways[order[cap]] < _NO_WAY:
        whole = kept[ways[kept] < ways[order[cap]]]
        kept = whole if len(whole) else kept
    seeds = np.isin(places[kept], reached[0])
    kept = kept[np.lexsort((kept, ~seeds))]
    seeds = np.isin(places[kept], reached[0])
    return found, places[kept], np.where(seeds, -1, brought_by[kept])


_NO_WAY = np.iinfo(np.int64).max


def _ways(sample: Sample, sizes: Sequence[int]) -> list[np.ndarray]:
    """The first way on which each draw lies, branches in turn; of each hop, the start's first."""
    origins = {hop.origin for hop in sample.query.hops}
    leaves = [hop for hop in range(len(sizes)) if hop not in origins]
    ways = [np.full(size, _NO_WAY, dtype=np.int64) for size in sizes]
    for branch, leaf in enumerate(leaves):
        ways[leaf] = np.arange(sizes[leaf], dtype=np.int64) * len(leaves) + branch
    for hop in range(len(sizes) - 1, 0, -1):
        origin = sample.query.hops[hop - 1].origin
        np.minimum.at(ways[origin], sample.draws[hop - 1].origins, ways[hop])
    return ways


def _edges(sample: Sample, flat: FlatGraph, index: np.ndarray) -> np.ndarray:
    """(m, 2) pairs of indices of shown nodes that the sample's edges join, each once."""
    firsts = dict(zip(flat.schema.types, flat.firsts, strict=False))
    pairs = [np.zeros((0, 2), dtype=np.int64)]
    for (source, _, target), edges in sample.edges.items():
        ends = (
            sample.nodes[source][edges.rows] + firsts[source],
            sample.nodes[target][edges.columns] + firsts[target],
        )
        pairs.append(np.sort(index[np.stack(ends, 1)], 1))
    every = np.concatenate(pairs)
    return np.unique(every[(every >= 0).all(1)], axis=0)


def svg(subgraph: Subgraph, places: Places, titles: Sequence[str]) -> str:
    """An SVG text: nodes in the colours of their types, groups as diamonds, names under nodes.

    Args:
        subgraph: What is visible.
        places: Of its nodes, from `layout`.
        titles: (n,) their names; they come from data, and are escaped.
    """
    at = np.array([places[node] for node in subgraph.nodes]).reshape(-1, 2) * _UNIT
    low = at.min(0) if len(at) else np.zeros(2)
    at = at - low + [_MARGIN, _MARGIN + _LEGEND]
    width, height = (at.max(0) if len(at) else np.zeros(2)) + _MARGIN
    legend, needed = _legend(subgraph)
    width = max(float(width), needed)
    lines = [
        f'<line x1="{at[a, 0]:.1f}" y1="{at[a, 1]:.1f}" x2="{at[b, 0]:.1f}" y2="{at[b, 1]:.1f}"/>'
        for a, b in subgraph.edges.tolist()
    ]
    nodes = [
        _node(subgraph, number, x, y, titles[number]) for number, (x, y) in enumerate(at.tolist())
    ]
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
            f'width="{width:.0f}" height="{height:.0f}" font-family="sans-serif" font-size="11">',
            '<rect width="100%" height="100%" fill="#ffffff"/>',
            '<g stroke="#5b6676" stroke-opacity="0.45">',
            *lines,
            '</g><g fill="#1d2733" text-anchor="middle">',
            *nodes,
            '</g><g fill="#1d2733">',
            *legend,
            "</g></svg>",
        )
    )


def _node(subgraph: Subgraph, number: int, x: float, y: float, title: str) -> str:
    kind, _ = subgraph.nodes[number]
    radius = 5 + min(float(subgraph.degrees[number]) ** 0.4, 10)
    thick = ' stroke="#1d2733" stroke-width="2"' if number < subgraph.named else ""
    short = title if len(title) <= 24 else f"{title[:23]}…"
    return (
        f"{_mark(subgraph, kind, x, y, radius, thick, title)}"
        f'<text x="{x:.1f}" y="{y + radius + 12:.1f}">{_legible(short)}</text>'
    )


def _mark(
    subgraph: Subgraph, kind: str, x: float, y: float, radius: float, more: str, title: str
) -> str:
    about = subgraph.schema.node(kind)
    fill = COLOURS[about.colour % len(COLOURS)]
    looks = f'fill="{fill}"{more}><title>{_legible(title)}</title>'
    if about.groups:
        side, corner = radius * 1.7, radius * 0.85
        return (
            f'<rect x="{x - corner:.1f}" y="{y - corner:.1f}" width="{side:.1f}" '
            f'height="{side:.1f}" transform="rotate(45 {x:.1f} {y:.1f})" {looks}</rect>'
        )
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" {looks}</circle>'


def _legend(subgraph: Subgraph) -> tuple[list[str], float]:
    """A mark and a word for every type that shows, and how wide they are."""
    x, marks = 20.0, []
    shown = {kind for kind, _ in subgraph.nodes}
    for about in subgraph.schema.nodes:
        if about.name in shown:
            mark = _mark(subgraph, about.name, x, 18, 6, "", about.plural)
            marks.append(f'{mark}<text x="{x + 12:.1f}" y="22">{_legible(about.plural)}</text>')
            x += 34 + _LETTER * len(about.plural)
    return marks, x


def _legible(text: str) -> str:
    """Escaped for XML; letters that it cannot hold are spelled out."""
    return escape(visible(text))
