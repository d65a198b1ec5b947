"""Folders of the publishers' files, plain or compressed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from data.errors import DataError
from data.packed import ENDINGS, open_bytes


@dataclass(frozen=True, slots=True)
class Source:
    """A folder that holds a publication, in the publisher's own formats."""

    folder: Path

    def find(self, *names: str) -> Path | None:
        """The first of the named files that is there, plain or compressed."""
        candidates = (self.folder / (name + ending) for name in names for ending in ENDINGS)
        return next((path for path in candidates if path.is_file()), None)

    def need(self, *names: str) -> Path:
        """The first of the named files that is there, plain or compressed.

        Raises:
            DataError: none of them is.
        """
        found = self.find(*names)
        if found is None:
            there = sorted(p.name for p in self.folder.iterdir()) if self.folder.is_dir() else []
            holds = f"it holds {', '.join(there[:8])}" if there else "it is empty or no folder"
            raise DataError(
                f"There is no {' or '.join(names)} (or .zst, .gz) in {self.folder}; {holds}. "
                "Give the folder with the publisher's files as --from."
            )
        return found


def read_bytes(path: Path) -> bytes:
    """What a file holds, decompressed by its ending.

    Raises:
        DataError: it is empty, damaged or cannot be opened.
    """
    try:
        with open_bytes(path) as stream:
            content = stream.read()
    except Exception as error:
        raise unreadable(path, error) from error
    if not content.strip():
        raise DataError(f"{path} is empty. Fetch the file again, or name another one.")
    return content


def unreadable(path: Path, error: Exception) -> DataError:
    """What to raise when a file cannot be opened or decompressed."""
    return DataError(
        f"Cannot read {path} ({type(error).__name__}: {error}). Fetch the file again, or name "
        "another one."
    )


def read_text(path: Path, encoding: str) -> str:
    """What a text file holds, without a byte order mark, with plain newlines.

    Raises:
        DataError: it is empty, or not in that encoding (with the line where this shows).
    """
    content = read_bytes(path)
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise not_in_encoding(str(path), content, encoding, error) from error
    except (LookupError, ValueError) as error:
        raise no_encoding(str(path), encoding) from error
    return plain_newlines(text.removeprefix("\ufeff"))


def not_in_encoding(
    name: str, content: bytes, encoding: str, error: UnicodeDecodeError
) -> DataError:
    """What to raise when a file is in another encoding, with the line where this shows."""
    line = content.count(b"\n", 0, error.start) + 1
    byte = content[error.start] if error.start < len(content) else 0
    return DataError(
        f"{name}:{line} is not {encoding}: byte 0x{byte:02x} has no meaning there. Save the file "
        "as UTF-8, or name its encoding."
    )


def no_encoding(name: str, encoding: str) -> DataError:
    """What to raise when there is no such encoding, or one that is not for texts."""
    return DataError(
        f"There is no encoding {encoding!r} of texts (for {name}). Try utf-8, latin-1 or cp1252."
    )


def plain_newlines(text: str) -> str:
    r"""A text whose lines end with newlines, whatever they ended with.

    A carriage return alone ends lines only where the first line shows it, and is part of a field
    elsewhere.

    >>> plain_newlines("a,b\r1,2\r"), plain_newlines('a\r\n"one\rfield"\r\n')
    ('a,b\n1,2\n', 'a\n"one\rfield"\n')
    """
    text = text.replace("\r\n", "\n")
    return text.replace("\r", "\n") if "\r" in text.lstrip("\n").partition("\n")[0] else text
