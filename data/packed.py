"""Files as they come: plain, zstd- or gzip-compressed, and never taken for whole if cut off."""

from __future__ import annotations

import gzip
import io
from pathlib import Path
from typing import BinaryIO, cast

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
