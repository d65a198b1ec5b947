"""Vectors of entities, and the cache of what was encoded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data import atomic
from data.errors import ArtifactError
from llm.store import Store
from llm.whitening import Whitening
from llm.words import WordEncoder


@dataclass(frozen=True, slots=True)
class Vectors:
    """What texts mean, one row an entity in order of the dense numbers.

    Attributes:
        ids: (n,) external ids.
        matrix: (n, d) float32; `pooling` tells whether rows are L2-normalised.
        encoder: Name, content and arithmetic of the model.
        pooling: How tokens, and pieces of a text longer than the model reads, became one vector.
        missing: Row numbers of entities without a text; their vector is the mean of the others.
        dtype: Arithmetic of the model: "float32", "bfloat16", "int8"; "" where it is not known.
        agreement: Cosine of a sample's vectors to the same by float32, by which the arithmetic was
            chosen: the least by bfloat16, the mean by int8; None where nothing was measured.
        leaking: The texts have seen valid or test interactions.
        words: What was fitted to the texts, where no model read them.
        whitening: What was done to every vector, where anything was.
    """

    ids: tuple[str, ...]
    matrix: np.ndarray
    encoder: str
    pooling: str
    missing: tuple[int, ...] = ()
    dtype: str = ""
    agreement: float | None = None
    leaking: bool = False
    words: WordEncoder | None = None
    whitening: Whitening | None = None

    def save(self, directory: Path) -> None:
        """`vectors.safetensors` and `vectors.json` in `directory`, and what was fitted."""
        arrays = {"matrix": self.matrix}
        if self.whitening is not None:
            arrays["mean"] = self.whitening.mean
            arrays |= {} if self.whitening.turn is None else {"turn": self.whitening.turn}
        atomic.write_arrays(directory / "vectors.safetensors", arrays)
        if self.words is not None:
            self.words.save(directory)
        about = {
            "encoder": self.encoder,
            "pooling": self.pooling,
            "missing": list(self.missing),
            "dtype": self.dtype,
            "agreement": self.agreement,
            "leaking": self.leaking,
            "ids": list(self.ids),
        }
        atomic.write_json(directory / "vectors.json", about)

    @classmethod
    @atomic.report_damage
    def load(cls, directory: Path) -> Vectors:
        """The vectors stored by `save`.

        Raises:
            ArtifactError: some are no numbers.
        """
        about = atomic.read_json(directory / "vectors.json")
        arrays = atomic.read_arrays(directory / "vectors.safetensors")
        matrix = arrays["matrix"]
        if not np.isfinite(matrix).all():
            raise ArtifactError(
                f"The vectors in {directory} hold NaN or numbers beyond all bounds, so nothing "
                "that uses them means anything. Remove that folder and run again."
            )
        return cls(
            tuple(about["ids"]),
            matrix,
            about["encoder"],
            about["pooling"],
            tuple(about["missing"]),
            about.get("dtype", ""),
            about.get("agreement"),
            about.get("leaking", False),
            WordEncoder.load(directory),
            Whitening(arrays["mean"], arrays.get("turn")) if "mean" in arrays else None,
        )


def flaw(vector: np.ndarray) -> str | None:
    """Why a (d,) vector says nothing of a text, in words; None for one that does."""
    if not vector.size:
        return "is empty"
    if not np.isfinite(vector).all():
        return "holds null, NaN or a number beyond all bounds"
    return None if vector.any() else "holds zeros alone"


_SCHEMA = "CREATE TABLE IF NOT EXISTS vectors (key TEXT PRIMARY KEY, vector BLOB NOT NULL)"
_PUT = """
INSERT INTO vectors (key, vector) VALUES (?, ?)
ON CONFLICT (key) DO UPDATE SET vector = excluded.vector
"""
_GET = "SELECT key, vector FROM vectors WHERE key IN (?)"


class VectorCache:
    """Vectors in one SQLite file, by a key of encoder and text; safe as soon as `put` returns."""

    def __init__(self, path: Path) -> None:
        self._store = Store(path, (_SCHEMA,), "vector cache")

    def put(self, vectors: Mapping[str, np.ndarray]) -> None:
        """Keeps (d,) float32 vectors by key.

        Raises:
            ArtifactError: the disk is full, or the file is damaged while another run uses it.
        """
        rows = [(key, v.astype("<f4", copy=False).tobytes()) for key, v in vectors.items()]
        self._store.write((_PUT, rows))

    def get(self, keys: Iterable[str]) -> dict[str, np.ndarray]:
        """Those of `keys` that are kept and mean something, with their (d,) float32 vectors."""
        rows = self._store.by_key(_GET, keys)
        whole = ((key, stored) for key, stored in rows if len(stored) % 4 == 0)
        vectors = ((key, np.frombuffer(stored, dtype="<f4")) for key, stored in whole)
        return {key: vector for key, vector in vectors if flaw(vector) is None}

    def close(self) -> None:
        """Ends the connection."""
        self._store.close()
