"""Tables that a person brought through the page: kept in the workspace, and never changed."""

from __future__ import annotations

import hashlib
import re
import shutil
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from data import atomic, rights
from data.errors import ConfigError, DataError
from data.loaders.parquet_weight import weigh
from data.loaders.peek import MOST_COLUMNS, check_text
from data.settings import DataConfig

MOST_BYTES = 200 * 2**20
"""Size of a file."""
MOST_ROWS = 10_000_000
MOST_CELLS = 200_000_000
"""Rows times columns of a Parquet file, which can be far larger than the file."""
MOST_UNPACKED = 2**30
"""Bytes of a Parquet file once it is decoded."""
TEXTS = (".csv", ".tsv", ".txt")
ENDINGS = (*TEXTS, ".parquet", ".json")


@dataclass(frozen=True, slots=True)
class Upload:
    """A table that was uploaded.

    Attributes:
        name: Folder and file, which tell it from all others.
        path: Where it is.
    """

    name: str
    path: Path

    @property
    def title(self) -> str:
        """How a person knows it again: its file, its size, its day."""
        stat = self.path.stat()
        return (
            f"{self.path.name} ({in_megabytes(stat.st_size)}, "
            f"{datetime.fromtimestamp(stat.st_mtime):%Y-%m-%d %H:%M})"
        )


def uploads_folder(workspace: Path) -> Path:
    """Where uploaded tables are, a folder each."""
    return workspace / "uploads"


def keep_upload(name: str, content: bytes, workspace: Path) -> Upload:
    """A table, kept under a harmless name and its content's fingerprint.

    The same table twice is kept once; another one of the same name stands beside it, so that no
    experiment ever finds other rows than it was made with.

    Args:
        name: As the visitor's computer calls the file; may be hostile.
        content: Of the file.
        workspace: To keep it in.

    Raises:
        DataError: it is empty, too large, packed, or no table.
        ArtifactError: the workspace may not be written.
    """
    shown, ending = shown_name(name), _ending(name)
    if len(content) > MOST_BYTES:
        raise DataError(
            f"{shown} has {in_megabytes(len(content))}, and {in_megabytes(MOST_BYTES)} are the "
            "most that the page takes. Name larger files in an experiment file instead."
        )
    if not content.strip():
        raise DataError(f"{shown} is empty. Choose a file with a header and rows.")
    if ending == ".parquet":
        check_parquet(shown, content)
    else:
        check_text(shown, content)
        _check_rows(shown, content.count(b"\n"))
    stem = safe_stem(name)
    folder = uploads_folder(workspace) / f"{stem}-{hashlib.sha256(content).hexdigest()[:12]}"
    path = folder / f"{stem}{ending}"
    if not path.is_file() or path.stat().st_size != len(content):
        atomic.write(path, lambda part: part.write_bytes(content))
    return Upload(f"{folder.name}/{path.name}", path)


def uploads(workspace: Path) -> list[Upload]:
    """All uploaded tables, the latest first."""
    paths = [
        path
        for path in uploads_folder(workspace).glob("*/*")
        if path.suffix in ENDINGS and path.is_file() and not path.name.startswith(".")
    ]
    paths.sort(key=lambda path: -path.stat().st_mtime)
    return [Upload(f"{path.parent.name}/{path.name}", path) for path in paths]


def remove_upload(upload: Upload, used_by: Iterable[tuple[str, DataConfig]]) -> None:
    """Removes a table.

    Args:
        upload: The table.
        used_by: Name and data of every experiment that may need it.

    Raises:
        ConfigError: one of them does.
    """
    rights.require("remove a table")
    for name, config in used_by:
        if any(upload.path in one.paths.values() for one in config.tables):
            raise ConfigError(
                f"{upload.path.name} is used by the experiment {name!r}: remove that first."
            )
    shutil.rmtree(upload.path.parent, ignore_errors=True)


def safe_stem(name: str) -> str:
    r"""A file's name without folders and ending, of letters, digits, hyphen and underscore.

    >>> safe_stem("../../Käufe 2024.csv"), safe_stem("C:\\x\\..csv"), safe_stem("日本.csv")
    ('Kaufe-2024', 'table', 'table')
    """
    last = re.split(r"[/\\]", name)[-1]
    plain = unicodedata.normalize("NFKD", last.rpartition(".")[0]).encode("ascii", "ignore")
    return re.sub(r"[^A-Za-z0-9_]+", "-", plain.decode()).strip("-_")[:40] or "table"


def shown_name(name: str) -> str:
    """A file's name as messages may hold it: short, in one line."""
    last = "".join(letter for letter in re.split(r"[/\\]", name)[-1] if letter.isprintable())
    return last if len(last) <= 60 else f"{last[:40]}…{last[-15:]}"


def in_megabytes(size: int) -> str:
    """A size in few letters.

    >>> in_megabytes(1_500), in_megabytes(3_400_000)
    ('1.5 kB', '3.24 MB')
    """
    return f"{size / 2**20:.3g} MB" if size >= 2**20 else f"{max(size / 1000, 0.1):.3g} kB"


def check_parquet(name: str, content: bytes) -> None:
    """Nothing, if a Parquet file is sound, and small enough once it is unpacked.

    Raises:
        DataError: it is not.
    """
    weight = weigh(content, MOST_UNPACKED)
    if weight is None:
        raise DataError(f"{name} is no Parquet file, or a damaged one. Write it again.")
    _check_rows(name, weight.rows)
    if weight.columns > MOST_COLUMNS:
        raise DataError(
            f"{name} has {weight.columns:,} columns; {MOST_COLUMNS} are the most. Leave some out."
        )
    if weight.decoded is None or weight.rows * weight.columns > MOST_CELLS:
        raise DataError(
            f"{name} has {weight.rows:,} rows of {weight.columns:,} columns, which take more than "
            f"{MOST_UNPACKED // 2**30} GB of memory or {MOST_CELLS:,} cells: too much for the "
            "page. Name it in an experiment file instead."
        )


def _check_rows(name: str, n: int) -> None:
    if n > MOST_ROWS:
        raise DataError(
            f"{name} has {n:,} rows; {MOST_ROWS:,} are the most that the page takes. Name larger "
            "files in an experiment file instead."
        )


def _ending(name: str) -> str:
    ending = Path(re.split(r"[/\\]", name)[-1]).suffix.lower()
    if ending not in ENDINGS:
        raise DataError(
            f"{shown_name(name)} is none of {', '.join(ENDINGS)}. Save the table as CSV, "
            "Parquet or JSON; unpack archives first."
        )
    return ending
