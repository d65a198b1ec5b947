"""The backbone of an export: what reads a history, as an ONNX graph that needs no torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from data.errors import ConfigError

ITEMS, LENGTHS, USERS = "items", "lengths", "users"
"""(b, l, d) float32 vectors of items, oldest first; (b,) int64 how many count, at least 1; and
(b, k, d) float32 vectors of users after the last of them."""
NODES, OWN = "nodes", "own"
"""Where an enhancer reads the history, too: its (b, l, e) nodes of items and (b, c) of users."""


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


def open_backbone(path: Path) -> Callable[[Mapping[str, np.ndarray]], np.ndarray]:
    """Users of what is fed by name, as above; it computes in one thread.

    Raises:
        ConfigError: onnxruntime is not installed.
    """
    library = onnxruntime()
    options = library.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = library.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [one.name for one in session.get_inputs()]

    def read(fed: Mapping[str, np.ndarray]) -> np.ndarray:
        found: np.ndarray = session.run([USERS], {name: fed[name] for name in names})[0]
        return found

    return read
