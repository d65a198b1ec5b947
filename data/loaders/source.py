"""Files as they come: plain or compressed, never taken for whole if cut off, a folder of them."""

from __future__ import annotations

import gzip
import io
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from data.errors import DataError

ENDINGS = ("", ".zst", ".gz")
"""Every file may be stored plain, zstd- or gzip-compressed."""
CHUNK = 1 << 20
"""Bytes read at a time."""


def open_bytes(path: Path) -> BinaryIO:
    """A stream of what a file holds, decompressed by its ending.

    Reading raises EOFError where the compressed data ends too early.
    """
    if path.suffix.lower() == ".zst":
        return io.BufferedReader(cast(io.RawIOBase, _ZstdFrames(path)), CHUNK)
    gzipped = path.suffix.lower() == ".gz"
    return cast(BinaryIO, gzip.open(path)) if gzipped else path.open("rb")


class _ZstdFrames(io.RawIOBase):
    """All frames of a file; zstandard's own reader takes a file cut off for a shorter one."""

    def __init__(self, path: Path) -> None:
        import zstandard

        self._start = zstandard.ZstdDecompressor().decompressobj
        self._frame = self._start()
        self._file = path.open("rb")
        self._packed = self._plain = b""
        self._inside = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        while not self._plain and self._advance():
            pass
        n = min(len(buffer), len(self._plain))
        buffer[:n], self._plain = self._plain[:n], self._plain[n:]
        return n

    def _advance(self) -> bool:
        """Decompress some more; False at the end of the last frame."""
        packed = self._packed or self._file.read(CHUNK // 8)
        if not packed:
            if self._inside:
                raise EOFError("it ends in the middle of the compressed data")
            return False
        self._plain, self._inside, self._packed = self._frame.decompress(packed), True, b""
        if self._frame.eof:
            self._packed = self._frame.unused_data
            self._frame, self._inside = self._start(), False
        return True

    def close(self) -> None:
        self._file.close()
        super().close()


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
