"""What the files of a data set hold, as digests: results depend on this, not on their place."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from data.catalogue import card
from data.loaders.movielens_1m import extension
from data.loaders.source import Source
from data.settings import DataConfig


def source_digests(config: DataConfig) -> dict[str, str]:
    """File name → digest of each file that `config` reads; for the inputs of a fingerprint.

    Downloads give what their card says of them; the demo has no files. Files that are not there
    are left out: loading tells what is missing.
    """
    chosen = card(config.name)
    if config.files is not None:
        named = (config.files.interactions, config.files.users, config.files.items)
        return _digests(path for path in named if path)
    if config.source is None:
        return {name: check or "unchecked" for name, check in chosen.checks.items()}
    source = Source(config.source)
    paths = [source.find(name) for name in (*chosen.files, *chosen.stand_ins)]
    paths += [extension(source)] if config.enrich else []
    return _digests(path for path in paths if path)


def _digests(paths: Iterable[Path]) -> dict[str, str]:
    return {path.name: _digest(path) for path in paths if path.is_file()}


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
