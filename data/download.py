"""Publishers' files, fetched once, checked, kept."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from data import atomic
from data.catalogue import Card
from data.errors import DataError
from data.loaders.source import Source

Progress = Callable[[int, int, str], None]
"""Called with what is done, the total and what it is."""
CHUNK_BYTES = 1 << 18
"""How much is received between two reports."""


def fetch(chosen: Card, downloads: Path, on_progress: Progress | None = None) -> Path:
    """The folder with the files of a publication, downloaded and unpacked if they are not there.

    Args:
        chosen: Whose files.
        downloads: Kept between runs.
        on_progress: Hears of bytes done, bytes in all (0 if unknown) and the file.

    Raises:
        DataError: a file cannot be had, or is not what the publisher put there.
    """
    if not chosen.urls:
        raise DataError(
            f"{chosen.title} cannot be downloaded. Put {', '.join(chosen.files)} into a folder "
            "and name it as --from FOLDER."
        )
    folder = downloads / chosen.name
    if is_downloaded(chosen, downloads):
        return folder
    for url in chosen.urls:
        archive = _retrieve(url, chosen, folder, on_progress)
        if archive.suffix == ".zip":
            _unpack(archive, folder, chosen.files)
    return folder


def is_downloaded(chosen: Card, downloads: Path) -> bool:
    """Whether all files of a publication are there, so that nothing has to be fetched."""
    source = Source(downloads / chosen.name)
    return bool(chosen.urls) and all(source.find(name) for name in chosen.files)


def _retrieve(url: str, chosen: Card, folder: Path, on_progress: Progress | None) -> Path:
    import pooch

    pooch.get_logger().setLevel("WARNING")
    name = url.rsplit("/", 1)[-1]
    bar = _Bar(on_progress, name) if on_progress else False
    try:
        downloader = pooch.HTTPDownloader(progressbar=bar, chunk_size=CHUNK_BYTES)
        return Path(pooch.retrieve(url, chosen.checks[name], name, folder, downloader=downloader))
    except Exception as error:
        if isinstance(error, ValueError) and "hash" in str(error):
            raise DataError(
                f"What {url} gave is not the published file: its checksum differs "
                f"({chosen.checks[name]} is right). Try again; if it stays so, get the files "
                "elsewhere and name their folder as --from FOLDER."
            ) from error
        raise DataError(
            f"Cannot download {url} ({type(error).__name__}: {error}). Check the connection, or "
            f"put {', '.join(chosen.files)} into a folder and name it as --from FOLDER."
        ) from error


class _Bar:
    """What pooch asks of a progress bar, told on to a function."""

    def __init__(self, on_progress: Progress, name: str) -> None:
        self.on_progress, self.name = on_progress, name
        self.total, self.done = 0, 0

    def update(self, step: int) -> None:
        self.done += step
        self.on_progress(min(self.done, self.total), self.total, self.name)

    def reset(self) -> None:
        self.done = 0

    def close(self) -> None:
        self.on_progress(self.total, self.total, self.name)


def _unpack(archive: Path, folder: Path, wanted: tuple[str, ...]) -> None:
    """Put the wanted files of an archive into `folder` itself, whatever folders they are in."""
    try:
        with zipfile.ZipFile(archive) as packed:
            for member in packed.infolist():
                target = folder / Path(member.filename).name
                if target.name in wanted and not _has_size(target, member.file_size):
                    atomic.write(target, partial(_copy, packed, member))
    except zipfile.BadZipFile as error:
        raise DataError(f"Cannot unpack {archive} ({error}). Remove it and try again.") from error


def _copy(packed: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> None:
    with packed.open(member) as stream, target.open("wb") as out:
        shutil.copyfileobj(stream, out)


def _has_size(path: Path, size: int) -> bool:
    return path.exists() and path.stat().st_size == size
