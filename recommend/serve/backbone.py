"""The backbone of an export: what reads a history, as an ONNX graph that needs no torch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from data.errors import ConfigError

ITEMS, LENGTHS, USERS = "items", "lengths", "users"
"""(b, l, d) float32 vectors of items, oldest first; (b,) int64 how many count, at least 1; and
(b, k, d) float32 vectors of users after the last of them."""


def onnxruntime() -> Any:
    """The library that runs it.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        import onnxruntime as library
    except (ImportError, OSError) as error:
        raise ConfigError(
            f"What reads a history needs onnxruntime ({error}): pip install 'autograph-rec[serve]'."
        ) from None
    return library


def open_backbone(path: Path) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Users of items and lengths, as above; it computes in one thread.

    Raises:
        ConfigError: onnxruntime is not installed.
    """
    library = onnxruntime()
    options = library.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = library.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def read(items: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        fed = {ITEMS: items.astype(np.float32), LENGTHS: lengths.astype(np.int64)}
        found: np.ndarray = session.run([USERS], fed)[0]
        return found

    return read
