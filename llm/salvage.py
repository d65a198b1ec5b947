"""Rows of a damaged SQLite file, read page by page: also those that no index leads to any more.

Source: the SQLite file format, https://www.sqlite.org/fileformat2.html, sections 1.2–1.6, 2.1, 4.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import suppress
from mmap import ACCESS_READ, mmap
from pathlib import Path

Value = int | float | str | bytes | None
MAGIC = b"SQLite format 3\0"
_LEAF = 0x0D  # of a table; leaves of an index are 0x0A
_WAL_MAGIC = (0x377F0682, 0x377F0683)
_WAL_HEADER, _FRAME_HEADER = 32, 24
_INTEGERS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}
_BROKEN = (IndexError, ValueError, struct.error)


class Pages:
    """The pages of a database, those of its write-ahead log in place of older ones."""

    def __init__(self, path: Path) -> None:
        log = bytes(_content(path.with_name(f"{path.name}-wal")))
        self._main = _content(path)  # after the log, out of which a checkpoint moves pages
        self.size = _page_size(self._main, log)
        self._logged, self.needed = _frames(log, self.size)
        if not self.needed and self._main[:16] == MAGIC and len(self._main) >= 32:
            self.needed = _u32(self._main, 28)

    @property
    def damaged(self) -> bool:
        """Whether pages are missing, or this is no database; an empty file is a new one."""
        there = len(self._main) // self.size
        if any(number not in self._logged for number in range(there + 1, self.needed + 1)):
            return True
        return len(self._main) > 0 and 1 not in self._logged and self._main[:16] != MAGIC

    @property
    def usable(self) -> int:
        """Bytes of a page that hold content."""
        return self.size - (self._main[20] if self._main[:16] == MAGIC else 0)

    def numbers(self) -> range:
        """Of all pages of which anything is left."""
        return range(1, max([-(-len(self._main) // self.size), *self._logged]) + 1)

    def page(self, number: int) -> bytes:
        """What is left of a page."""
        start = (number - 1) * self.size
        return self._logged.get(number) or self._main[start : start + self.size]


def rows(pages: Pages) -> Iterator[list[Value]]:
    """The rows of all tables that are whole, in any order."""
    for number in pages.numbers():
        page, start = pages.page(number), 100 if number == 1 else 0
        if page[start : start + 1] == bytes([_LEAF]) and len(page) >= start + 8:
            first, cells = start + 8, _u16(page, start + 3)
            for place in range(first, first + 2 * cells, 2):
                with suppress(*_BROKEN):
                    yield _record(_payload(pages, page, _u16(page, place)))


def _content(path: Path) -> bytes | mmap:
    """A file without reading it whole; nothing where there is none."""
    try:
        with path.open("rb") as file:
            return mmap(file.fileno(), 0, access=ACCESS_READ)
    except (FileNotFoundError, ValueError):  # an empty file cannot be mapped
        return b""


def _page_size(main: bytes | mmap, log: bytes) -> int:
    sizes = [_u16(main, 16)] if main[:16] == MAGIC and len(main) >= 18 else []
    sizes += [_u32(log, 8)] if len(log) >= _WAL_HEADER else []
    fitting = (size if size != 1 else 65_536 for size in sizes)
    return next((size for size in fitting if size >= 512 and size & (size - 1) == 0), 4_096)


def _frames(log: bytes, size: int) -> tuple[dict[int, bytes], int]:
    """Pages in a write-ahead log up to its last commit, and how many pages there were then."""
    committed: dict[int, bytes] = {}
    if len(log) < _WAL_HEADER or _u32(log, 0) not in _WAL_MAGIC:
        return committed, 0
    salt, waiting, needed = log[16:24], dict[int, bytes](), 0
    step = _FRAME_HEADER + size
    for start in range(_WAL_HEADER, len(log) - step + 1, step):
        if log[start + 8 : start + 16] != salt:
            break
        waiting[_u32(log, start)] = log[start + _FRAME_HEADER : start + step]
        if commits := _u32(log, start + 4):
            committed |= waiting
            waiting, needed = {}, commits
    return committed, needed


def _payload(pages: Pages, page: bytes, start: int) -> bytes:
    """The content of a cell, with what did not fit its page."""
    length, start = _varint(page, start)
    _rowid, start = _varint(page, start)
    usable = pages.usable
    local, least = usable - 35, (usable - 12) * 32 // 255 - 23
    if length > local:
        fitting = least + (length - least) % (usable - 4)
        local = fitting if fitting <= local else least
    parts, left = [_exactly(page, start, min(length, local))], length - min(length, local)
    following = _u32(page, start + local) if left else 0
    while left:
        more, size = pages.page(following) if following else b"", min(left, usable - 4)
        parts.append(_exactly(more, 4, size))
        following, left = _u32(more, 0), left - size
    return b"".join(parts)


def _record(payload: bytes) -> list[Value]:
    """The values of a row."""
    end, start = _varint(payload, 0)
    kinds = []
    while start < end:
        kind, start = _varint(payload, start)
        kinds.append(kind)
    values: list[Value] = []
    for kind in kinds:
        value, start = _value(payload, start, kind)
        values.append(value)
    return values


def _value(payload: bytes, start: int, kind: int) -> tuple[Value, int]:
    """A value of a serial type, and where the next one begins."""
    if kind in (0, 8, 9):
        return (None if kind == 0 else kind - 8), start
    if kind in (10, 11):
        raise ValueError("reserved")
    size = _INTEGERS.get(kind, 8) if kind <= 7 else (kind - 12) // 2
    raw, end = _exactly(payload, start, size), start + size
    if kind == 7:
        return struct.unpack(">d", raw)[0], end
    if kind < 7:
        return int.from_bytes(raw, "big", signed=True), end
    return (raw.decode() if kind % 2 else raw), end


def _varint(content: bytes, start: int) -> tuple[int, int]:
    """A number of one to nine bytes, and where it ends."""
    number = 0
    for place in range(start, start + 8):
        number = number << 7 | content[place] & 0x7F
        if content[place] < 0x80:
            return number, place + 1
    return number << 8 | content[start + 8], start + 9


def _exactly(content: bytes, start: int, size: int) -> bytes:
    part = content[start : start + size]
    if len(part) < size:
        raise ValueError("cut off")
    return part


def _u16(content: bytes | mmap, start: int) -> int:
    return int(struct.unpack_from(">H", content, start)[0])


def _u32(content: bytes | mmap, start: int) -> int:
    return int(struct.unpack_from(">I", content, start)[0])
