"""The part of a sequence recommender that reads a history, written as an ONNX graph.

Items come in as their vectors, so that the table of all items is in the export once, and a new item
can stand in a history. Where the enhancer reads the history, too, its nodes of the items and of the
user come in beside them. What it hears of items before the ones that the backbone reads is left
out: histories are cut before they come here.
"""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Sequence
from contextlib import redirect_stdout
from typing import Any

import torch
from torch import Tensor, nn

from data.errors import ConfigError
from recommend.sequence.chunks import Batch
from recommend.sequence.network import Network, Propagated
from recommend.sequence.opened import last_position
from recommend.sequence.protocols import StandsAfter, StandsBefore
from recommend.sequence.recommender import SequenceRecommender
from recommend.serve.backbone import ITEMS, LENGTHS, NODES, OWN, USERS
from recommend.simple.autoencoder import MultiVae, Vae

OPSET = 20


class Reading(nn.Module):
    """(b, k, d) users after the last item of each history, attributes apart."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, items: Tensor, lengths: Tensor) -> Tensor:
        """Of (b, l, d) vectors of items and (b,) lengths, at least 1."""
        nothing = items.new_empty(items.shape[0], 0)
        return self.read(items, lengths, items[..., :0], nothing)

    def read(self, items: Tensor, lengths: Tensor, nodes: Tensor, own: Tensor) -> Tensor:
        """The same with (b, l, e) nodes of the items and (b, c) of the users."""
        b, length = items.shape[0], items.shape[1]
        place = torch.arange(b * length).view(b, length)
        there = torch.arange(length) < lengths[:, None]
        none = torch.empty(0, dtype=torch.int64)
        batch = Batch(
            users=torch.arange(b),
            items=place.masked_fill(~there, b * length),
            targets=none,
            edges=there,
            prior=none,
            prior_row=none,
        )
        shared = Propagated(items.flatten(0, 1), (own, nodes.flatten(0, 1)), None)
        users = self.network.users(shared, batch)
        return last_position(users, batch, b * length)


class ReadingNodes(Reading):
    """The same of an enhancer that reads the history, too."""

    def forward(self, items: Tensor, lengths: Tensor, nodes: Tensor, own: Tensor) -> Tensor:  # type: ignore[override]
        """As `read`."""
        return self.read(items, lengths, nodes, own)


def reads_nodes(made: SequenceRecommender) -> bool:
    """Whether the enhancer adds to users, so that its nodes have to come in."""
    return "user" in made.network.sides


def why_not(made: SequenceRecommender) -> str:
    """Why a history cannot be read outside torch, in a sentence; "" where it can."""
    enhancer, name = made.network.enhancer, made.config.enhancer.name
    if isinstance(enhancer, StandsBefore | StandsAfter):
        return f"The enhancer {name} puts tokens into the backbone, which are not exported."
    if not reads_nodes(made):
        return ""
    with torch.inference_mode():
        users, items = made.network.propagate(torch.empty(0, dtype=torch.int64)).nodes
    if users.dim() != 2 or items.dim() != 2:
        return f"What the enhancer {name} adds to a user is not exported."
    return ""


def to_onnx(made: SequenceRecommender) -> bytes:
    """The graph, for any number of histories of any lengths.

    Raises:
        ConfigError: what writes it is not installed.
    """
    _require()
    width, dynamic = made.network.item.embedding_dim, torch.export.Dim.DYNAMIC
    length = min(3, made.config.max_history)
    given = [torch.zeros(2, length, width), torch.tensor([1, length])]
    shapes = [{0: dynamic, 1: dynamic}, {0: dynamic}]
    names, reading = [ITEMS, LENGTHS], Reading(made.network)
    if reads_nodes(made):
        with torch.inference_mode():
            users, items = made.network.propagate(torch.empty(0, dtype=torch.int64)).nodes
        given += [torch.zeros(2, length, items.shape[1]), torch.zeros(2, users.shape[1])]
        shapes += [{0: dynamic, 1: dynamic}, {0: dynamic}]
        names, reading = [*names, NODES, OWN], ReadingNodes(made.network)
    return _write(reading, given, shapes, names)


class Encoding(nn.Module):
    """(b, 1, h + 1) what goes into the last layer of a MultiVAE after a history, and a 1."""

    def __init__(self, network: Vae) -> None:
        super().__init__()
        self.bias, self.middle, self.hidden = network.bias, network.middle, network.hidden

    def forward(self, nodes: Tensor, lengths: Tensor) -> Tensor:
        """Of (b, l, h) rows of the first layer, an item each, and (b,) lengths, at least 1."""
        there = torch.arange(nodes.shape[1]) < lengths[:, None]
        inner = (nodes * there[..., None]).sum(1) * lengths[:, None].float().rsqrt()
        mean, _ = self.middle(torch.tanh(inner + self.bias)).chunk(2, 1)
        found = torch.tanh(self.hidden(mean))
        return torch.cat([found, torch.ones_like(found[:, :1])], 1)[:, None]


def encoder_to_onnx(made: MultiVae) -> bytes:
    """The encoder of a MultiVAE and the hidden layer of its decoder.

    Raises:
        ConfigError: what writes it is not installed.
    """
    _require()
    dynamic = torch.export.Dim.DYNAMIC
    given = [torch.zeros(2, 3, made.network.item.embedding_dim), torch.tensor([1, 3])]
    shapes = [{0: dynamic, 1: dynamic}, {0: dynamic}]
    return _write(Encoding(made.network), given, shapes, [NODES, LENGTHS])


def _write(
    reading: nn.Module, given: Sequence[Tensor], shapes: Sequence[Any], names: Sequence[str]
) -> bytes:
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with redirect_stdout(io.StringIO()), warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            # what is traced asks for tensor.shape[0], since len(tensor) would be a constant
            made = torch.onnx.export(
                reading.eval(),
                tuple(given),
                input_names=names,
                output_names=[USERS],
                dynamic_shapes=tuple(shapes),
                opset_version=OPSET,
                dynamo=True,
                verbose=False,
            )
    finally:
        logger.setLevel(level)
    assert made is not None
    return _bare(made.model_proto)


def _bare(graph: Any) -> bytes:
    """A graph without what says where in our code, and on whose disk, each of its nodes is from."""
    for one in (graph, graph.graph, *graph.graph.node, *graph.graph.value_info):
        one.ClearField("doc_string")
        one.ClearField("metadata_props")
    for one in (*graph.graph.input, *graph.graph.output, *graph.graph.initializer):
        one.ClearField("metadata_props")
    return bytes(graph.SerializeToString())


def _require() -> None:
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            f"To write what reads a history needs onnx and onnxscript ({error}): "
            "pip install 'autograph-rec[serve]'."
        ) from None
