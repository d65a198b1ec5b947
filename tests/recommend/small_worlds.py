"""Data sets, graphs and models that a test can hold in the head."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import nn

from data.dataset import INTERACTION_SCHEMA, Dataset
from data.relation import Relation
from data.split import Split, leave_one_out
from graph import LatentGraph
from graph.build.latent import build_graph
from quantize.codes import Codes
from recommend.model import Model
from recommend.protocols import Asked, World
from recommend.sequence.attention import AttentionHead
from recommend.sequence.chunks import Batch, Layout, collate, last_chunks
from recommend.sequence.inputs import Inputs, gather_inputs
from recommend.sequence.network import Network
from recommend.sequence.recommender import SequenceRecommender
from recommend.settings import BACKBONES, ENHANCERS, ModelConfig, TrainConfig
from recommend.settings.registry import takes_enhancers
from recommend.sources import Sources

PARTS = [name for name in BACKBONES if takes_enhancers(name)]
ADDED = [name for name, spec in ENHANCERS.items() if not spec.around]
COMBINATIONS = [(backbone, enhancer) for backbone in PARTS for enhancer in ADDED]
GENRES = [["calm"], ["calm", "odd"], ["odd"], []]


def dataset_of(
    sequences: Sequence[Iterable[int]],
    n_items: int,
    users: dict[str, Sequence[object]] | None = None,
    items: dict[str, Sequence[object]] | None = None,
) -> Dataset:
    """Each user's items in order of time; everybody's k-th interaction is at second k."""
    rows = [
        (user, item, time, 1.0)
        for user, sequence in enumerate(sequences)
        for time, item in enumerate(sequence)
    ]
    return Dataset(
        "small",
        pl.DataFrame({"user_id": [f"u{n}" for n in range(len(sequences))], **(users or {})}),
        pl.DataFrame({"item_id": [f"i{n}" for n in range(n_items)], **(items or {})}),
        pl.DataFrame(rows, schema=INTERACTION_SCHEMA, orient="row"),
    )


def codes_of(prefix: str, codes: Sequence[Sequence[int]], k: int) -> Codes:
    array = np.array(codes, dtype=np.int32)
    books = np.zeros((array.shape[1], k, 2), dtype=np.float32)
    return Codes(tuple(f"{prefix}{n}" for n in range(len(array))), array, books)


def graph_of(
    dataset: Dataset,
    user_codes: Sequence[Sequence[int]] = (),
    item_codes: Sequence[Sequence[int]] = (),
) -> LatentGraph:
    """A graph of two levels whose codes say nothing unless they are given."""
    users = user_codes or [[n // 2 % 3, n % 3] for n in range(dataset.n_users)]
    items = item_codes or [[n // 2 % 2, n // 4 % 2] for n in range(dataset.n_items)]
    split = leave_one_out(dataset)
    return build_graph(dataset, split, codes_of("u", users, 3), codes_of("i", items, 2))


def checkerboard(n_users: int = 24, n_items: int = 12, seed: int = 0) -> Dataset:
    """Even users have even items and odd users odd ones; no attribute and no code says so.

    Histories have 5, 6, … 12 interactions, so some are longer than what a backbone reads.
    """
    rng = np.random.default_rng(seed)
    sequences = [
        [2 * int(half) + user % 2 for half in rng.integers(n_items // 2, size=5 + user // 2 % 8)]
        for user in range(n_users)
    ]
    ages = {"age": [20 + user // 2 % 4 for user in range(n_users)]}
    genres = {"genres": [GENRES[item // 2 % 4] for item in range(n_items)]}
    return dataset_of(sequences, n_items, ages, genres)


def config_of(backbone: str = "gru4rec", enhancer: str = "none", **about: object) -> ModelConfig:
    """A narrow model without dropout that reads five items."""
    drops = "dropout" in ENHANCERS[enhancer].config.model_fields
    return ModelConfig.model_validate(
        {
            "backbone": {"name": backbone, "dropout": 0},
            "enhancer": {"name": enhancer, **({"dropout": 0} if drops else {})},
            "width": 8,
            "max_history": 5,
            "embedding_dropout": 0,
            **about,
        }
    )


def sources_of(dataset: Dataset, graph: LatentGraph | None) -> Sources:
    """All that any enhancer learns from; vectors tell odd entities from even ones."""
    rng = np.random.default_rng(0)

    def vectors(n: int) -> np.ndarray:
        drawn = rng.standard_normal((n, 4)).astype(np.float32)
        drawn[:, 0] += 4 * (np.arange(n) % 2)
        return drawn

    return Sources(
        graph=graph,
        user_vectors=vectors(dataset.n_users),
        item_vectors=vectors(dataset.n_items),
        user_embeddings=vectors(dataset.n_users),
        item_embeddings=vectors(dataset.n_items),
        relations={"phrases": phrases_of(dataset.n_items), "pairs": pairs_of(dataset.n_items)},
        histories=leave_one_out(dataset).histories(dataset),
    )


def phrases_of(n_items: int) -> Relation:
    """Item i holds the phrases 0, …, i % 4 of four, but item 5 holds none; all weights differ."""
    edges = [(i, p) for i in range(n_items) if i != 5 for p in range(i % 4 + 1)]
    return weighted(edges, n_items, 4)


def pairs_of(n_items: int) -> Relation:
    """Items two to four apart are alike, but item 5 is like none."""
    near = [(i, j) for i in range(n_items) for j in range(n_items) if abs(i - j) in (2, 3, 4)]
    return weighted([edge for edge in near if 5 not in edge], n_items, n_items)


def weighted(edges: Sequence[tuple[int, int]], n: int, size: int) -> Relation:
    """Edges that weigh less and less, 1 to 0.5."""
    source, target = np.array(edges).T
    plain = Relation.between(source, target, n, size)
    return replace(plain, weights=np.linspace(1, 0.5, len(edges), dtype=np.float32))


def inputs_of(dataset: Dataset, graph: LatentGraph | None, config: ModelConfig) -> Inputs:
    """What the network of a model is built from."""
    return gather_inputs(dataset, sources_of(dataset, graph), config)


def network_of(dataset: Dataset, graph: LatentGraph | None, config: ModelConfig) -> Network:
    """A network whose parameters are all large enough to show; the same for the same sizes."""
    torch.manual_seed(0)
    network = Network(config, inputs_of(dataset, graph, config))
    enliven(network)
    return network


def enliven(network: nn.Module) -> None:
    """Noise on every parameter: what starts at zero must not hide what it multiplies."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.3 * torch.randn_like(parameter)


def model_of(dataset: Dataset, graph: LatentGraph | None, config: ModelConfig) -> Model:
    """An untrained model."""
    network = network_of(dataset, graph, config)
    curve = pl.DataFrame({"loss": [0.0]})
    recommender = SequenceRecommender(config, inputs_of(dataset, graph, config), network.eval())
    return Model(config, recommender, dataset.user_ids, dataset.item_ids, curve)


def world_of(dataset: Dataset, settings: TrainConfig, graph: LatentGraph | None = None) -> World:
    """What a recommender is fitted on."""
    histories = leave_one_out(dataset).histories(dataset)
    return World(dataset, histories, sources_of(dataset, graph), settings)


def whole_histories(dataset: Dataset, split: Split, width: int) -> Batch:
    """One batch with the last `width` training items of every user."""
    past = split.histories(dataset)
    chunks = last_chunks(past.lengths, width, np.arange(dataset.n_users))
    return collate(past, chunks, Layout(width, dataset.n_items), past.lengths)


def scores_of(model: Model, dataset: Dataset) -> np.ndarray:
    """(n_users, n_items) scores after the training histories."""
    past = leave_one_out(dataset).histories(dataset)
    blocks = model.scores(Asked(past, np.arange(dataset.n_users)))
    return np.concatenate([scores.numpy() for _, scores in blocks])


def dense_attention(
    head: AttentionHead, nodes: np.ndarray, others: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """(n, d) of eq. (6) and (7) in numpy: row i attends to the others that it has a weight for.

    Args:
        head: Its parameters.
        nodes: (n, d) who hears.
        others: (m, d) who speaks.
        weights: (n, m) what multiplies the attention; 0 where there is no edge.
    """
    project = head.project.weight.detach().numpy().astype(np.float64)
    source, target = (getattr(head, f"of_{end}").detach().numpy() for end in ("source", "target"))
    width, out = len(project) // head.heads, np.zeros((len(nodes), len(project)))
    for h in range(head.heads):
        part = slice(h * width, (h + 1) * width)
        mine, theirs = nodes @ project[part].T, others @ project[part].T
        logit = (mine @ target[h])[:, None] + theirs @ source[h]
        weight = weights * np.exp(np.where(logit > 0, logit, 0.2 * logit))
        total = weight.sum(1, keepdims=True)
        out[:, part] = (weight / np.where(total > 0, total, 1)) @ theirs
    return out


def dense_history(
    enhancer: Any, nodes: tuple[torch.Tensor, torch.Tensor], past: Any, batch: Batch, found: Any
) -> None:
    """Asserts that (b, l, 2 d) `found` is each user beside what history and user say of it."""
    users, items = (part.detach().numpy() for part in nodes)
    width = batch.items.shape[1]
    for row, user in enumerate(batch.users.tolist()):
        history, own = past.of(user), users[[user]]
        start = max(len(history) - width, 0)
        for position in range(min(width, len(history))):
            others = np.concatenate([own, items[history[: start + position + 1]]])
            heard = dense_attention(enhancer.history, own, others, np.ones((1, len(others))))
            expected = np.concatenate([own, heard], 1)[0]
            np.testing.assert_allclose(found[row, position], expected, rtol=1e-3, atol=1e-5)
