"""The part of a sequence recommender that reads a history, written as an ONNX graph."""

from __future__ import annotations

import io
import logging
import warnings
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor, nn

from data.errors import ConfigError
from recommend.sequence.recommender import SequenceRecommender
from recommend.serve.backbone import ITEMS, LENGTHS, USERS

OPSET = 20


class Reading(nn.Module):
    """(b, k, d) users after the last item of each history, without what is added to it."""

    def __init__(self, made: SequenceRecommender) -> None:
        super().__init__()
        self.backbone, self.scale = made.network.backbone, made.network.scale

    def forward(self, items: Tensor, lengths: Tensor) -> Tensor:
        """Of (b, l, d) vectors of items and (b,) lengths, at least 1."""
        users = self.backbone(items * self.scale)  # (b, l, k, d)
        at = (lengths - 1)[:, None, None, None].expand(-1, 1, *users.shape[2:])
        return users.gather(1, at)[:, 0]


def to_onnx(made: SequenceRecommender) -> bytes:
    """The graph, for any number of histories of any lengths up to what the backbone reads.

    Raises:
        ConfigError: what writes it is not installed.
    """
    _require()
    width, longest = made.network.item.embedding_dim, made.config.max_history
    reading = Reading(made).eval()
    example = (torch.zeros(2, min(3, longest), width), torch.tensor([1, min(3, longest)]))
    dynamic = torch.export.Dim.DYNAMIC
    shapes = ({0: dynamic, 1: dynamic}, {0: dynamic})
    with TemporaryDirectory() as folder, redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        path = Path(folder) / "backbone.onnx"
        with torch.no_grad():
            torch.onnx.export(
                reading,
                example,
                path,
                input_names=[ITEMS, LENGTHS],
                output_names=[USERS],
                dynamic_shapes=shapes,
                opset_version=OPSET,
                dynamo=True,
                external_data=False,
                verbose=False,
            )
        return path.read_bytes()


def _require() -> None:
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            f"To write what reads a history needs onnx and onnxscript ({error}): "
            "pip install 'autograph-rec[serve]'."
        ) from None
