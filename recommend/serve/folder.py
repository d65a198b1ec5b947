"""The folder of an export: how it is written, whole or not at all, and how it is checked.

What is in it: `card.json` says what the export is and has the checksums of all other files;
`users.parquet` and `items.parquet` have ids and attributes; `histories.safetensors` what each user
had; the rest is by the form (see `content`). Nothing in it can run code, an ONNX graph aside, whose
operators are arithmetic.
"""

from __future__ import annotations

import ctypes
import glob
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from data import atomic, rights
from data.dataset import Histories
from data.errors import ArtifactError, ConfigError

FORMAT, VERSION = "autograph-export", 1
CARD = "card.json"
USERS, ITEMS, HISTORIES = "users.parquet", "items.parquet", "histories.safetensors"
AGAIN = "Export it again: autograph export EXPERIMENT RECOMMENDER FOLDER --replace"


@dataclass(frozen=True, slots=True)
class Content:
    """What an export holds.

    Attributes:
        form: "vectors", "weights" or "lists": how scores are made.
        users: A row a user, the first column the id (String), then attributes.
        items: A row an item, likewise.
        histories: What each user had, as far as the export knows.
        arrays: Arrays by file (without its ending) and name.
        files: Other files by name.
        about: What the card says beside.
    """

    form: str
    users: pl.DataFrame
    items: pl.DataFrame
    histories: Histories
    arrays: Mapping[str, Mapping[str, np.ndarray]]
    files: Mapping[str, bytes] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)


def write_folder(folder: Path, content: Content, replace: bool = False) -> dict[str, Any]:
    """The card of what is written: the folder appears whole, by a rename; a link to it stays.

    Args:
        folder: Where it shall be.
        content: What it shall hold.
        replace: Whether an export that is there may go.

    Raises:
        ConfigError: something else is there, or an export that may not go.
        ArtifactError: the disk is full or the folder may not be written.
    """
    rights.require(f"write {folder.name}")
    with suppress(RuntimeError):  # of links in a circle
        folder = folder.resolve()
    refuse_place(folder, replace)
    beside = f".{folder.name}.{os.getpid()}"
    part, old = folder.with_name(f"{beside}.part"), folder.with_name(f"{beside}.old")
    try:
        with _explain_failures(folder):
            _sweep(folder)
            part.mkdir(parents=True)
            card = _fill(part, content)
            refuse_place(folder, replace)  # another one may have come meanwhile
            _take_place(part, folder, old)
    finally:
        for left in (part, old):
            with suppress(OSError):
                shutil.rmtree(left)
    return card


@contextmanager
def _explain_failures(folder: Path) -> Iterator[None]:
    """Whatever keeps an export from being written, as a sentence that names its folder."""
    try:
        with atomic.explain_failures(folder):
            yield
    except ArtifactError as error:
        why = getattr(error.__cause__, "strerror", None) or error.__cause__ or error
        raise ArtifactError(
            f"Cannot write the export {folder}: {why}. Free some space or name another folder; "
            "what was there is as it was."
        ) from error


def _take_place(part: Path, folder: Path, old: Path) -> None:
    """`folder` is what `part` was; what was there is what `part` is, or comes back on failure.

    Both change places at once where the system can do that; elsewhere a process that is killed
    between two renames leaves what was there as `old`.
    """
    if not folder.exists():
        part.rename(folder)
    elif not _exchange(part, folder):
        folder.rename(old)
        try:
            part.rename(folder)
        except OSError:
            old.rename(folder)
            raise


def _exchange(one: Path, other: Path) -> bool:
    """Whether two folders have changed places, in one step that nobody can see half done."""
    here, at_once = -100, 2  # AT_FDCWD, RENAME_EXCHANGE of Linux
    try:
        rename = ctypes.CDLL(None).renameat2
    except (AttributeError, OSError, TypeError):
        return False
    return bool(rename(here, os.fsencode(one), here, os.fsencode(other), at_once) == 0)


def _sweep(folder: Path) -> None:
    """Takes away what processes that are no more have left beside an export, never its one copy.

    One of the number of this process is of an earlier one: in a container all may have the same.
    """
    for left in folder.parent.glob(f".{glob.escape(folder.name)}.*"):
        number, _, kind = left.name.removeprefix(f".{folder.name}.").partition(".")
        is_left = kind == "part" or (kind == "old" and folder.exists())
        is_over = number.isdecimal() and (int(number) == os.getpid() or not _lives(int(number)))
        if is_left and is_over:
            shutil.rmtree(left, ignore_errors=True)


def _lives(process: int) -> bool:
    if os.name == "nt":  # where signal 0 is no question
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def refuse_place(folder: Path, replace: bool) -> None:
    """Nothing, where an export may be written to a place.

    Raises:
        ConfigError: something else is there, or an export that may not go.
    """
    if not _is_there(folder):
        return
    if folder.is_dir() and not any(folder.iterdir()):
        return
    if not _is_export(folder):
        raise ConfigError(f"{folder} is there and is no export. Name another folder.")
    if not replace:
        raise ConfigError(
            f"{folder} is an export already. Name another folder, or add --replace: the new one "
            "takes its place as a whole."
        )


def _is_there(path: Path) -> bool:
    with suppress(OSError):  # of a name that is too long
        return path.exists()
    return False


def _is_export(folder: Path) -> bool:
    with suppress(OSError, ValueError, AttributeError, RecursionError):
        found: Any = json.loads((folder / CARD).read_text(encoding="utf-8"))
        return bool(found.get("format") == FORMAT)
    return False


def _fill(part: Path, content: Content) -> dict[str, Any]:
    atomic.write_parquet(part / USERS, content.users)
    atomic.write_parquet(part / ITEMS, content.items)
    past = content.histories
    told: dict[str, np.ndarray] = {
        "offsets": past.offsets.astype(np.int64),
        "items": past.items.astype(np.int32),
    }
    atomic.write_arrays(part / HISTORIES, told)
    for name, arrays in content.arrays.items():
        atomic.write_arrays(part / f"{name}.safetensors", arrays)
    for name, raw in content.files.items():
        atomic.write_bytes(part / name, raw)
    card = {
        "format": FORMAT,
        "version": VERSION,
        "form": content.form,
        **content.about,
        "sizes": {
            "users": content.users.height,
            "items": content.items.height,
            "interactions": len(past.items),
        },
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "files": {
            path.name: {"bytes": path.stat().st_size, "sha256": _sum_of(path)}
            for path in sorted(part.iterdir())
        },
    }
    card["fingerprint"] = _fingerprint(card)
    atomic.write_json(part / CARD, card)
    return card


def read_card(folder: Path) -> dict[str, Any]:
    """What an export is, as its card says; its files are not looked at.

    Raises:
        ArtifactError: there is none, it is damaged, or another version wrote it.
    """
    if not _is_there(folder) or not folder.is_dir():
        raise ArtifactError(f"There is no export in {folder}: no such folder. {AGAIN}")
    if not (folder / CARD).exists():
        raise ArtifactError(
            f"{folder} is no export: it has no {CARD}. Name a folder that autograph export wrote."
        )
    card = atomic.read_json(folder / CARD, AGAIN)
    if not isinstance(card, dict) or card.get("format") != FORMAT:
        raise ArtifactError(f"{folder / CARD} is no card of an export. {AGAIN}")
    if card.get("version") != VERSION:
        raise ArtifactError(
            f"{folder} is an export of format {card.get('version')}, and this reads format "
            f"{VERSION}. {AGAIN}"
        )
    if card.get("fingerprint") != _fingerprint(card):
        raise ArtifactError(f"{folder / CARD} was changed after it was written. {AGAIN}")
    return card


def check_files(folder: Path, card: Mapping[str, Any]) -> None:
    """Nothing, where all files of an export are as they were written.

    Raises:
        ArtifactError: one is missing or damaged.
    """
    check_sizes(folder, card)
    for name, about in card["files"].items():
        path = folder / name
        try:
            is_same = _sum_of(path) == about["sha256"]
        except OSError as error:
            raise ArtifactError(f"{path} cannot be read: {error.strerror}.") from None
        if not is_same:
            raise ArtifactError(f"{path} is damaged: it is not what was exported. {AGAIN}")


def check_sizes(folder: Path, card: Mapping[str, Any]) -> None:
    """Nothing, where all files of an export are there and as long as they were written.

    Raises:
        ArtifactError: one is missing, or longer or shorter.
    """
    for name, about in card["files"].items():
        path = folder / name
        try:
            size = path.stat().st_size if path.is_file() else None
        except OSError:
            size = None
        if size is None:
            raise ArtifactError(f"{path} is missing from the export. {AGAIN}")
        if size != about["bytes"]:
            raise ArtifactError(f"{path} is damaged: it is not what was exported. {AGAIN}")


def _sum_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fingerprint(card: Mapping[str, Any]) -> str:
    said = {name: value for name, value in card.items() if name != "fingerprint"}
    text = json.dumps(said, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
