"""Publishers' files, fetched once, checked, kept."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable
from pathlib import Path

from data.catalogue import Card
from data.errors import DataError


def fetch(
    chosen: Card, downloads: Path, on_progress: Callable[[int, int, str], None] | None = None
) -> Path:
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
            f"{chosen.title} cannot be downloaded by itself. Give its files as --from FOLDER."
        )
    folder = downloads / chosen.name
    for url in chosen.urls:
        archive = _retrieved(url, chosen, folder, on_progress)
        if archive.suffix == ".zip":
            _unpack(archive, folder)
    _check(chosen, folder)
    return folder


def _retrieved(
    url: str,
    chosen: Card,
    folder: Path,
    on_progress: Callable[[int, int, str], None] | None,
) -> Path:
    import pooch

    name = url.rsplit("/", 1)[-1]
    bar = _Bar(on_progress, name) if on_progress else False
    try:
        downloader = pooch.choose_downloader(url, progressbar=bar)
        return Path(pooch.retrieve(url, chosen.checks[name], name, folder, downloader=downloader))
    except ValueError as error:
        raise DataError(
            f"{url} does not have the checksum that its publisher states ({error}). Remove "
            f"{folder / name} and try again; if it stays so, the file was changed."
        ) from error
    except Exception as error:
        raise DataError(
            f"Cannot download {url} ({type(error).__name__}: {error}). Check the connection, or "
            f"put {', '.join(chosen.files)} into a folder and name it as --from FOLDER."
        ) from error


class _Bar:
    """What pooch asks of a progress bar, told on to a function."""

    def __init__(self, on_progress: Callable[[int, int, str], None], name: str) -> None:
        self.on_progress, self.name = on_progress, name
        self.total, self.done = 0, 0

    def update(self, step: int) -> None:
        self.done += step
        self.on_progress(self.done, self.total, self.name)

    def reset(self) -> None:
        self.done = 0

    def close(self) -> None:
        self.on_progress(self.total, self.total, self.name)


def _unpack(archive: Path, folder: Path) -> None:
    """Put the files of an archive into `folder`, without their own folders."""
    try:
        with zipfile.ZipFile(archive) as packed:
            for member in packed.infolist():
                target = folder / Path(member.filename).name
                if not member.is_dir() and not _same_size(target, member.file_size):
                    target.write_bytes(packed.read(member))
    except (zipfile.BadZipFile, OSError) as error:
        raise DataError(f"Cannot unpack {archive}: {error}. Remove it and try again.") from error


def _same_size(path: Path, size: int) -> bool:
    return path.exists() and path.stat().st_size == size


def _check(chosen: Card, folder: Path) -> None:
    for name, expected in chosen.contents.items():
        path = folder / name
        if not path.exists() or hashlib.sha256(path.read_bytes()).hexdigest() != expected:
            raise DataError(
                f"{path} is missing or not the published file. Remove {folder} and try again."
            )
