"""Codes from k-means of vectors, then inside every cluster, and so on."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import torch

from data import atomic
from quantize.methods import storage
from quantize.residual import kmeans, nearest
from quantize.settings import HierarchicalConfig
from quantize.train import Progress


class Clusters(NamedTuple):
    """The clusters of one level, those of one parent side by side.

    Attributes:
        centres: (m, width) float32.
        first: (parents + 1,) int64; the children of parent p are first[p] … first[p + 1] - 1.
    """

    centres: np.ndarray
    first: np.ndarray


class HierarchicalQuantizer:
    """Hierarchical k-means: each level divides every cluster of the level before it.

    The paper wants as many levels, and as many codes on each, as residual quantisation has. A tree
    has more clusters from level to level, so a code must be the number of a cluster inside its
    parent: the first level divides the vectors into K clusters, each later one divides every
    cluster into K more, or fewer where they would have less than `per_code` members. Numbers run
    on from parent to parent, modulo K, so that as few parents as possible share one; where each
    has K children that is the number inside the parent, as in the identifiers of DSI. The full
    code is a path in the tree and stands for the centre at its end; a single code of a later level
    joins parts of different clusters.

    Source: AutoGraph, section 4.4.2; Tay et al., Transformer memory as a differentiable search
    index, 2022, section 3.2.
    """

    def __init__(
        self, tree: list[Clusters], codebooks: np.ndarray, config: HierarchicalConfig
    ) -> None:
        self.tree, self.codebooks, self.config = tree, codebooks, config
        self.curves = np.zeros((0, 0))

    @classmethod
    def fit(
        cls,
        matrix: np.ndarray,
        config: HierarchicalConfig,
        *,
        seed: int,
        scratch: Path,  # noqa: ARG003
        on_progress: Progress | None = None,
    ) -> Self:
        """A tree of clusters of `matrix` (n, width)."""
        generator = torch.Generator().manual_seed(seed)
        x, nodes = torch.from_numpy(np.array(matrix, dtype=np.float32)), np.zeros(len(matrix), int)
        tree: list[Clusters] = []
        for level in range(config.levels):
            above = tree[-1].centres if tree else x.mean(0, keepdim=True).numpy()
            tree.append(_divide(x, nodes, above, config, generator))
            nodes = _descend(x, nodes, tree[-1])
            if on_progress:
                on_progress(level + 1, config.levels, "levels of clusters")
        k = len(tree[0].centres)
        found = cls(tree, np.zeros((config.levels, k, matrix.shape[1]), np.float32), config)
        found.codebooks = storage.mean_books(matrix, found.assign(matrix), k)
        return found

    def encode(self, matrix: np.ndarray) -> np.ndarray:
        """(n, width) float32, the vectors themselves."""
        return storage.checked(matrix, self.codebooks.shape[2])

    def assign(self, matrix: np.ndarray) -> np.ndarray:
        """(n, T) int32 codes; the same for a vector alone and in a batch."""
        x, k = torch.from_numpy(self.encode(matrix)), self.codebooks.shape[1]
        nodes, codes = np.zeros(len(x), int), []
        for clusters in self.tree:
            nodes = _descend(x, nodes, clusters)
            codes.append(nodes % k)
        return np.stack(codes, 1).astype(np.int32)

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """(n, width) float32 centres at the ends of the paths (n, t), as `assign` gives them."""
        k, nodes = self.codebooks.shape[1], np.zeros(len(codes), int)
        for clusters, column in zip(self.tree, codes.T, strict=False):
            begin = clusters.first[nodes]
            nodes = begin + (column - begin) % k
        ends: np.ndarray = self.tree[codes.shape[1] - 1].centres[nodes]
        return ends

    def save(self, directory: Path) -> None:
        """Tree, code vectors and settings in `directory`."""
        arrays = {f"centres_{t}": clusters.centres for t, clusters in enumerate(self.tree)}
        arrays |= {f"first_{t}": clusters.first for t, clusters in enumerate(self.tree)}
        storage.save(directory, {**arrays, "codebooks": self.codebooks}, self.config)

    @classmethod
    @atomic.report_damage
    def load(cls, directory: Path) -> Self:
        """The quantiser stored by `save`."""
        config = HierarchicalConfig.model_validate(atomic.read_json(directory / storage.ABOUT))
        arrays = atomic.read_arrays(directory / storage.WEIGHTS)
        levels = range(len(arrays["codebooks"]))
        tree = [Clusters(arrays[f"centres_{t}"], arrays[f"first_{t}"]) for t in levels]
        return cls(tree, arrays["codebooks"], config)


def _divide(
    x: torch.Tensor,
    nodes: np.ndarray,
    above: np.ndarray,
    config: HierarchicalConfig,
    generator: torch.Generator,
) -> Clusters:
    """Clusters inside each of those `above` (parents, width); `nodes` (n,) tells the members.

    A parent whose members are equal to those of another can be empty: it stays as it is.
    """
    centres = []
    for parent, members in enumerate(_members(nodes, len(above))):
        part = x[torch.from_numpy(members)] if len(members) else torch.from_numpy(above[[parent]])
        k = config.children_for(len(part))
        centres.append(kmeans(part, k, generator=generator, iterations=config.iterations))
    first = np.cumsum([0, *map(len, centres)])
    return Clusters(torch.cat(centres).numpy(), first.astype(np.int64))


def _descend(x: torch.Tensor, nodes: np.ndarray, clusters: Clusters) -> np.ndarray:
    """(n,) int64 cluster of each vector, the nearest among the children of its own `nodes` (n,).

    In float64, so that rounding never makes a batch differ from its single vectors.
    """
    found = np.empty(len(x), dtype=np.int64)
    for parent, members in enumerate(_members(nodes, len(clusters.first) - 1)):
        begin, end = clusters.first[parent : parent + 2]
        children = torch.from_numpy(clusters.centres[begin:end]).double()
        for start in range(0, len(members), storage.ROWS):
            rows = members[start : start + storage.ROWS]
            found[rows] = begin + nearest(x[torch.from_numpy(rows)].double(), children).numpy()
    return found


def _members(nodes: np.ndarray, parents: int) -> list[np.ndarray]:
    """The rows that belong to each parent, in their order."""
    order = np.argsort(nodes, kind="stable")
    return np.split(order, np.searchsorted(nodes[order], np.arange(1, parents)))
