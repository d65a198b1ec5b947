"""What the files of a data set hold, as digests: results depend on this, not on their place."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import cast

from data.catalogue import card
from data.loaders.movielens_1m import extension
from data.loaders.source import Source, unreadable
from data.packed import open_bytes
from data.settings import DataConfig


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
    if (own := config.files) is not None:
        tables = {"interactions": own.interactions, "users": own.users, "items": own.items}
        return _digests(tables)
    folder = config.source or (downloads and downloads / chosen.name)
    extended = {"extension": extension(Source(folder)) if config.enrich and folder else None}
    if config.source is None:
        checks = {name: check or "unchecked" for name, check in chosen.checks.items()}
        return {**checks, **_digests(extended)}
    source = Source(config.source)
    paths = {name: source.find(name) for name in (*chosen.files, *chosen.stand_ins)}
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
