"""Files appear whole or not at all: written beside their place, then renamed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import wraps
from pathlib import Path
from threading import get_ident
from typing import Any, ParamSpec, TypeVar

import numpy as np
import polars as pl

from data import rights
from data.errors import ArtifactError, AutoGraphError

P = ParamSpec("P")
T = TypeVar("T")
PART = ".part"
"""Ending of a file that is being written."""
OF_A_STAGE = "Delete its folder and run the same command: only this stage is computed again."


def write(path: Path, fill: Callable[[Path], object]) -> Path:
    """`path`, filled by `fill(temporary path)` and renamed into place.

    Raises:
        ArtifactError: the disk is full or the folder may not be written.
    """
    with _part_of(path) as part:
        fill(part)
        _on_disk(part)
        part.replace(path)
    return path


@contextmanager
def _part_of(path: Path) -> Iterator[Path]:
    """A place beside `path` to write in, gone at the end."""
    rights.require(f"write {path.name}")
    part = path.with_name(f".{path.name}.{os.getpid()}-{get_ident()}{PART}")
    try:
        with explain_failures(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            yield part
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


@contextmanager
def explain_failures(path: Path) -> Iterator[None]:
    """Whatever keeps `path` from being written, as a sentence.

    Raises:
        ArtifactError: the disk is full or the folder may not be written.
    """
    try:
        yield
    except (OSError, pl.exceptions.PolarsError) as error:
        why = getattr(error, "strerror", None) or error
        raise ArtifactError(
            f"Cannot write {path}: {why}. Free some space or choose another --workspace, then run "
            "the same command: what is finished is kept."
        ) from error


def remove_parts(folder: Path) -> None:
    """Removes what killed processes left half written; nobody may be writing below `folder`."""
    for part in folder.rglob(f".*{PART}"):
        part.unlink(missing_ok=True)


def _on_disk(path: Path) -> None:
    with path.open("rb") as written:
        os.fsync(written.fileno())


def write_text(path: Path, text: str) -> Path:
    """`path`, holding `text` in UTF-8."""
    return write(path, lambda part: part.write_text(text, encoding="utf-8"))


def write_bytes(path: Path, content: bytes) -> Path:
    """`path`, holding `content`."""
    return write(path, lambda part: part.write_bytes(content))


def create_text(path: Path, text: str) -> bool:
    """Whether `path` was created, whole and holding `text`; one that is there is left as it is.

    Of several processes or threads that create the same file, one succeeds.
    """
    with _part_of(path) as part:
        part.write_text(text, encoding="utf-8")
        _on_disk(part)
        try:
            _link_or_copy(part, path, text)
        except FileExistsError:
            return False
    return True


def _link_or_copy(part: Path, path: Path, text: str) -> None:
    """`path` from `part`; some network disks have no links, and there it is written in place."""
    try:
        path.hardlink_to(part)
    except FileExistsError:
        raise
    except OSError:
        with path.open("x", encoding="utf-8") as whole:
            whole.write(text)


def write_json(path: Path, value: Any) -> Path:
    """`path`, holding `value` as readable JSON."""
    return write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def write_parquet(path: Path, table: pl.DataFrame) -> Path:
    """`path`, holding `table` as zstd-compressed Parquet."""
    return write(path, lambda part: table.write_parquet(part, compression="zstd"))


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> Path:
    """`path`, holding named arrays as safetensors, one after the other: no copy of all is made.

    Source: the format, https://huggingface.co/docs/safetensors: eight bytes that say how long the
    header is, the header as JSON, the arrays.
    """
    order = sorted(arrays, key=lambda name: (-arrays[name].itemsize, name))
    header, end = {}, 0
    for name in order:
        array = arrays[name]
        begin, end = end, end + array.nbytes
        dtype = _NAMES[array.dtype.newbyteorder("<").str]
        header[name] = {"dtype": dtype, "shape": array.shape, "data_offsets": (begin, end)}
    said = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    said += b" " * (-len(said) % 8)

    def fill(part: Path) -> None:
        with part.open("wb") as file:
            file.write(len(said).to_bytes(8, "little") + said)
            for name in order:
                array = arrays[name]
                whole = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
                file.write(whole.reshape(-1).view(np.uint8).data)

    return write(path, fill)


def read_json(path: Path, cure: str = OF_A_STAGE) -> Any:
    """What a JSON file holds.

    Args:
        path: Of the file.
        cure: What to do where it cannot be read, in a sentence.

    Raises:
        ArtifactError: it is missing or damaged.
    """
    return _read(path, lambda: json.loads(path.read_text(encoding="utf-8")), cure)


def read_parquet(path: Path, cure: str = OF_A_STAGE) -> pl.DataFrame:
    """The table in a Parquet file.

    Args:
        path: Of the file.
        cure: What to do where it cannot be read, in a sentence.

    Raises:
        ArtifactError: it is missing or damaged.
    """
    return _read(path, lambda: pl.read_parquet(path), cure)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The named arrays in a safetensors file.

    Raises:
        ArtifactError: it is missing or damaged.
    """
    from safetensors.numpy import load_file

    return _read(path, lambda: load_file(path))


def map_arrays(path: Path) -> dict[str, np.ndarray]:
    """The named arrays in a safetensors file, read from the disk as they are used.

    Raises:
        ArtifactError: it is missing or damaged.
    """
    return _read(path, lambda: _map(path))


def _map(path: Path) -> dict[str, np.ndarray]:
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header: dict[str, Any] = json.loads(file.read(size))
    header.pop("__metadata__", None)
    raw = np.asarray(np.memmap(path, np.uint8, "r"))[8 + size :]
    arrays = {}
    for name, about in header.items():
        begin, end = about["data_offsets"]
        arrays[name] = raw[begin:end].view(_DTYPES[about["dtype"]]).reshape(about["shape"])
    return arrays


_DTYPES = {"BOOL": "|b1", "I8": "|i1", "U8": "|u1"} | {
    f"{kind.upper()}{8 * size}": f"<{kind}{size}"
    for kind, sizes in (("i", (2, 4, 8)), ("u", (2, 4, 8)), ("f", (2, 4, 8)))
    for size in sizes
}
"""Types of numbers by their names in safetensors."""
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}


def report_damage(load: Callable[P, T]) -> Callable[P, T]:
    """`load(cls, folder, …)`, by which files of another shape than `save` gives are damaged.

    Raises:
        ArtifactError: something in the folder is missing or amiss.
    """

    @wraps(load)
    def attempt(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return load(*args, **kwargs)
        except AutoGraphError:
            raise
        except _AMISS as error:
            raise ArtifactError(
                f"The stored result {args[1]} holds something else than it should "
                f"({type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}). "
                f"{OF_A_STAGE}"
            ) from error

    return attempt


_AMISS = (
    *(LookupError, TypeError, ValueError, AttributeError, OverflowError, AssertionError),
    pl.exceptions.PolarsError,
)
"""What reading a file of another shape ends in; pydantic's errors are of values, too."""


def _read(path: Path, load: Callable[[], T], cure: str = OF_A_STAGE) -> T:
    try:
        return load()
    except (Exception, pl.exceptions.PanicException) as error:
        what = (
            "is missing" if not path.exists() else f"is damaged ({type(error).__name__}: {error})"
        )
        raise ArtifactError(f"The stored file {path} {what}. {cure}") from error
