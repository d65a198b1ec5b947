"""From settings to a data set, and to digests of the files that it is read from."""

from __future__ import annotations

import hashlib
import io
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import cast

import polars as pl

from data.catalogue import Card, card
from data.dataset import Dataset
from data.domains import with_domains
from data.download import Progress, fetch
from data.errors import DataError
from data.loaders import amazon, book_crossing, gowalla, movielens, own_domains, sequences
from data.loaders.movielens import extension
from data.loaders.raw import BadRows, Reading
from data.loaders.source import Source, open_bytes, unreadable
from data.preprocess import Raw, preprocess
from data.settings import DataConfig

LOADERS: dict[str, Callable[[Reading], Raw]] = {
    "ml-1m": movielens.load_1m,
    "ml-100k": movielens.load_100k,
    "ml-latest-small": movielens.load_latest,
    "ml-latest-small-tags": movielens.load_latest_tags,
    "ml-10m-tags": movielens.load_10m_tags,
    "book-crossing": book_crossing.load,
    "amazon-books": amazon.load,
    "amazon-beauty": partial(sequences.load_numbers, category="Beauty"),
    "amazon-sports": partial(sequences.load_numbers, category="Sports_and_Outdoors"),
    "amazon-office": partial(sequences.load_words, name="Office"),
    gowalla.NAME: gowalla.load,
}
"""How the files of a publication are read."""


@dataclass(frozen=True, slots=True)
class LoadedDataset:
    """A data set and what could not be used of its source.

    Attributes:
        dataset: Ready to be split.
        bad_rows: `file`, `line` (from 1), `reason`; one row a row that could not be read.
        left_out: Counts of what was read and not kept, by what and why, in words.
        understood: How columns were read whose meaning was told from their values, in sentences.
    """

    dataset: Dataset
    bad_rows: pl.DataFrame
    left_out: Mapping[str, int]
    understood: tuple[str, ...] = ()


def load_dataset(
    config: DataConfig, downloads: Path, on_progress: Progress | None = None
) -> LoadedDataset:
    """The data set that `config` names, preprocessed, each item in its domain.

    Args:
        config: Which one, from where, how prepared.
        downloads: Folder for publishers' files, kept between runs.
        on_progress: Hears of bytes downloaded.

    Raises:
        ConfigError: the name is unknown.
        DataError: files are missing, damaged or malformed, nothing is left of them, or items are in
            no domain.
    """
    chosen = card(config.name)
    bad_rows = BadRows(config.on_bad_row)
    min_rating = _first(config.min_rating, chosen.min_rating, -math.inf)
    raw = _raw(config, chosen, min_rating, bad_rows, downloads, on_progress)
    prepared = preprocess(raw, config.name, min_rating, config.min_history)
    dataset = with_domains(prepared.dataset, config.domains)
    return LoadedDataset(dataset, bad_rows.table(), prepared.left_out, prepared.understood)


def _first(*values: float | None) -> float:
    return next(value for value in values if value is not None)


def _raw(
    config: DataConfig,
    chosen: Card,
    min_rating: float,
    bad_rows: BadRows,
    downloads: Path,
    on_progress: Progress | None,
) -> Raw:
    if chosen.name == "demo":
        from data.demo import make_demo

        return make_demo()
    if config.tables:
        return own_domains.load(config, bad_rows)
    source = Source(config.source or fetch(chosen, downloads, on_progress))
    try:
        return LOADERS[chosen.name](Reading(source, bad_rows, min_rating, config.enrich))
    except DataError as error:
        if config.source is not None:
            raise
        raise DataError(f"{error}{_advise_download(str(error), source, chosen)}") from error


def _advise_download(sentence: str, source: Source, chosen: Card) -> str:
    """How to get a downloaded file again that a sentence complains of; "" if it names none."""
    kept = [path for name in chosen.files if (path := source.find(name))]
    spoilt = next((path for path in kept if str(path) in sentence), None)
    return f" To have it fetched again, delete {spoilt} and run the same command." if spoilt else ""


def source_digests(config: DataConfig, downloads: Path | None = None) -> dict[str, str]:
    """Digest of what each file that `config` reads holds, unpacked; for a fingerprint.

    Own tables are named by what they are for, a publisher's files as the publisher does. Downloads
    give what their card says of them; the demo has no files. Files that are not there are left
    out: loading tells what is missing.

    Args:
        config: Which files.
        downloads: Folder for publishers' files, where somebody may have put what extends them.

    Raises:
        DataError: a file cannot be read.
    """
    chosen = card(config.name)
    if config.tables:
        named = {"": config.files} | {f"{one.name}.": one.files for one in config.domains}
        return _digests(
            {
                f"{name}{table}": path
                for name, files in named.items()
                if files is not None
                for table, path in files.paths.items()
            }
        )
    folder = config.source or (downloads and downloads / chosen.name)
    extended = {"extension": extension(Source(folder)) if config.enrich and folder else None}
    if config.source is None:
        checks = {name: check or "unchecked" for name, check in chosen.checks.items()}
        return {**checks, **_digests(extended)}
    source = Source(config.source)
    paths = {name: source.find(name) for name in (*chosen.files, *chosen.stand_ins, *chosen.extras)}
    return _digests({**paths, **extended})


def _digests(paths: Mapping[str, Path | None]) -> dict[str, str]:
    return {name: _digest(path) for name, path in paths.items() if path and path.is_file()}


def _digest(path: Path) -> str:
    state = path.stat()
    return _digest_once(path, state.st_size, state.st_mtime_ns)


@lru_cache(64)
def _digest_once(path: Path, _size: int, _changed: int) -> str:
    """The digest of a file that a page asks for at every click."""
    try:
        with open_bytes(path) as stream:
            return hashlib.file_digest(cast(io.BufferedReader, stream), "sha256").hexdigest()
    except Exception as error:
        raise unreadable(path, error) from error
