"""The export that answers, and the newer one that takes its place between two requests."""

from __future__ import annotations

import gc
import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from data.columns import TITLE
from data.errors import ArtifactError, AutoGraphError
from data.inert import visible
from recommend.serve.folder import check_sizes
from recommend.serve.kept import ENTRIES
from recommend.serve.reader import Ask, Export

log = logging.getLogger("autograph.serve")
CARD = "card.json"
EXAMPLES = 20
"""Queries that are named where it is said what can be asked for."""
TRIES = 5
"""Answers that are timed, together, before an export answers anybody, and how often at most."""
TRIED_S = 0.02
"""Seconds after which they are not timed again."""
Stamp = tuple[int, int, int]
"""Which file a card is: its number on the disk, its time in nanoseconds, its bytes."""


@dataclass(frozen=True, slots=True)
class Opened:
    """An export that answers.

    Attributes:
        export: Itself.
        fingerprint: Of it; every answer says it.
        since: When it began to answer, in seconds since 1970.
        titles: What items are called, by id; none where the data have no titles.
        of_user_s: Seconds of one answer of some for users it knows.
        of_history_s: Seconds of one of some for histories; infinite where it cannot.
    """

    export: Export
    fingerprint: str
    since: float
    titles: dict[str, str | None]
    of_user_s: float
    of_history_s: float


def open_export(folder: Path, entries: int = ENTRIES) -> Opened:
    """An export, ready: its arrays have been touched and its answers timed.

    Where it can be asked for something, neighbours of as many users and queries as it keeps are
    drawn beside its first answers.

    Args:
        folder: Of the export.
        entries: Most users and queries whose neighbours are kept.

    Raises:
        ArtifactError: there is none, or it is damaged.
    """
    beside = ThreadPoolExecutor(1, "neighbours")
    export = Export.open(folder, beside=beside, entries=entries)
    if export.kept is not None:
        export.kept.warm(beside)
    if export.wanted is not None:
        export.wanted.prepare()
    ids = export.items.to_series(0).to_list()
    titles: dict[str, str | None] = {}
    if TITLE in export.items.columns:
        titles = dict(zip(ids, map(_title, export.items[TITLE].to_list()), strict=True))
    users = export.users.to_series(0).to_list()
    some = users[:: max(1, len(users) // TRIES)][:TRIES]
    return Opened(
        export,
        str(export.card["fingerprint"]),
        time.time(),
        titles,
        _seconds(export, [Ask(user=user) for user in some]) if some else 0.0,
        _seconds(export, [Ask(history=(item,)) for item in ids[:TRIES] or [""]]),
    )


def _title(given: Any) -> str | None:
    return str(given) if given is not None and str(given).strip() else None


def _seconds(export: Export, asks: Sequence[Ask]) -> float:
    """Of an answer: several are asked for, and again, and the shortest time is of the work alone.

    The first reads what the next have read; other work on the machine may stand in any.
    """
    took: list[float] = []
    try:
        export.recommend(asks)
        while not took or (len(took) < TRIES and sum(took) < TRIED_S):
            begin = time.perf_counter()
            export.recommend(asks)
            took.append(time.perf_counter() - begin)
    except AutoGraphError:
        return float("inf")
    return min(took) / len(asks)


class Desk:
    """Answers from a folder, also after a newer export has taken its place there.

    An answer takes `opened` once and is wholly from that; who still reads the old one keeps it. A
    newer one that cannot be opened is refused, and the old one stays.

    Args:
        folder: Of the export; a link to one may be pointed at another.
        opens: Opens it.

    Attributes:
        opened: What answers.
        began: When the desk was made, in seconds since 1970.
        swaps: How many newer ones took over.
        refusals: How many were refused.
        refused: Why the one that lies there does not answer; None where it does.
        lost: What is amiss with the folder of the one that answers, so that no process could begin
            with it; None where it is whole, or another lies there.
    """

    def __init__(self, folder: Path, opens: Callable[[Path], Opened] = open_export) -> None:
        self.folder, self._opens = folder, opens
        self._stamp = _stamp(folder)
        self.opened = opens(folder.resolve())
        self.began = self.opened.since
        self.swaps = self.refusals = 0
        self.refused: str | None = None
        self.lost: str | None = None
        self._files: list[tuple[str, int, int]] = []
        self._stop = threading.Event()

    def look(self) -> bool:
        """Whether a newer export took over just now."""
        there = _stamp(self.folder)
        self._look_for_loss(there)
        if there is None or (there == self._stamp and not self._has_more()):
            return False
        self._files = _files(self.folder)  # before it is opened: what comes meanwhile counts
        try:
            newer = self._opens(self.folder.resolve())
        except Exception as error:
            if _stamp(self.folder) == there:  # else it was replaced meanwhile: look again
                self._refuse(_why(error), there)
            return False
        if _stamp(self.folder) != there:  # what was opened may be of two: look again
            return False
        self._stamp, self.refused = there, None
        if newer.fingerprint == self.opened.fingerprint:
            return False
        self.opened = newer
        self.swaps += 1
        log.info("The newer export %s answers from here on.", newer.fingerprint)
        return True

    def _refuse(self, why: str, stamp: Stamp) -> None:
        self._stamp, self.refused = stamp, self._within(why)
        self.refusals += 1
        log.warning(
            "The newer export is refused, and %s stays: %s", self.opened.fingerprint, visible(why)
        )

    def _has_more(self) -> bool:
        """Whether files of one that was refused have changed: a copy may have been on its way."""
        return self.refused is not None and _files(self.folder) != self._files

    def _look_for_loss(self, there: Stamp | None) -> None:
        """Keeps, and logs once, that files of what answers have gone or changed their length."""
        lost = None
        if there is None:
            lost = "There is no export any more, so that a server could not begin again."
        elif there == self._stamp and self.refused is None:
            try:
                check_sizes(self.folder, self.opened.export.card)
            except ArtifactError as error:
                lost = str(error)
        lost = None if lost is None else self._within(lost)
        if lost is not None and lost != self.lost:
            log.warning(
                "The folder of %s, which answers, is not whole: %s",
                self.opened.fingerprint,
                visible(lost),
            )
        self.lost = lost

    def _within(self, said: str) -> str:
        """A sentence without the places of this machine: whoever asks for the health reads it."""
        for place in (self.folder.resolve(), self.opened.export.folder, self.folder):
            said = said.replace(f"{place.parent}{os.sep}", "")
        return said

    def watch(self, every_s: float = 1.0) -> None:
        """Looks for newer exports, in a thread beside, until `close`."""

        def look() -> None:
            while not self._stop.wait(every_s):
                if self.look() and gc.get_freeze_count():
                    spare_from_collection()

        threading.Thread(target=look, name="desk", daemon=True).start()

    def close(self) -> None:
        """Stops looking."""
        self._stop.set()


def spare_from_collection() -> None:
    """Lets the garbage collector pass over all that is alive now, such as an export, from here on.

    What was spared before and is not alive any more, such as an export after a swap, goes.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def _why(error: Exception) -> str:
    if isinstance(error, AutoGraphError):
        return str(error)
    log.error("A newer export cannot be opened.", exc_info=error)
    return f"It cannot be opened ({type(error).__name__}); the log of the server says more."


def _stamp(folder: Path) -> Stamp | None:
    """Which card is there; None for a moment between two of them."""
    try:
        found = (folder / CARD).stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _can_ask(export: Export) -> dict[str, Any] | None:
    """What can be asked for, and how it is answered; None where nothing is."""
    about = export.card.get("asks")
    if about is None:
        return None
    ids = export.queries[:EXAMPLES]
    names = () if export.wanted is None else export.wanted.names[:EXAMPLES]
    said = {name: about.get(name) for name in ("answered_by", "note", "agreement")}
    return {**said, "queries": len(export.queries), "such_as": dict(zip(ids, names, strict=True))}


def _files(folder: Path) -> list[tuple[str, int, int]]:
    """Name, bytes and time of each file that is there at this moment."""
    with suppress(OSError):
        told = [(one.name, one.stat()) for one in folder.iterdir()]
        return sorted((name, of.st_size, of.st_mtime_ns) for name, of in told)
    return []


def last_word(desk: Desk) -> dict[str, Any]:
    """What `/health` says of an export: what it is, since when it answers, what was refused."""
    opened = desk.opened
    card = opened.export.card
    return {
        "export": opened.fingerprint,
        "folder": desk.folder.name,
        "made": card.get("made"),
        "form": card.get("form"),
        "recommender": card.get("recommender"),
        "data": card.get("data"),
        "test": card.get("test"),
        "cautions": card.get("cautions", []),
        "history": card.get("history"),
        "asks": _can_ask(opened.export),
        "sizes": card.get("sizes"),
        "since": datetime.fromtimestamp(opened.since, UTC).isoformat(timespec="seconds"),
        "uptime_s": time.time() - desk.began,
        "swaps": desk.swaps,
        "refused": desk.refused,
        "lost": desk.lost,
    }
