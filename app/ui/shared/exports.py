"""Exports that the page shows: those of the workspace, or the one that it was started for."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from app.ui.shared import visitors
from app.ui.shared.frame import workspace
from app.ui.shared.remembered import keep, remember

if TYPE_CHECKING:
    from app.serve.desk import Opened
    from recommend.reasons.showcase import Showcase

FOLDER, CARD = "exports", "card.json"
"""In the workspace; and the file of an export that is written last."""
CHOSEN = "export"
"""In the address: the name of the one that is shown."""
Stamp = tuple[int, int, int]


def exports() -> dict[str, Path]:
    """Folders of exports by name, the latest first."""
    alone = visitors.export_alone()
    if alone is not None:
        return {alone.name: alone}
    times: dict[Path, float] = {}
    for card in (workspace() / FOLDER).glob(f"[!.]*/{CARD}"):
        with suppress(OSError):  # it may be gone since it was listed
            times[card.parent] = card.stat().st_mtime
    return {folder.name: folder for folder in sorted(times, key=lambda one: -times[one])}


def choose_export(there: Mapping[str, Path]) -> Path:
    """The folder of the export that a visitor chose; the latest is named in the link."""
    names = list(there)
    key = remember(CHOSEN, names, names[0], "export")
    if len(names) > 1:
        st.selectbox("Export", names, key=key, help="In the workspace, the latest first.")
    keep(CHOSEN, st.session_state[key])
    return there[st.session_state[key]]


def open_export(folder: Path) -> Opened:
    """The export in a folder, opened once for all who look at it, and again when it is replaced.

    Raises:
        ArtifactError: there is none, it is damaged, or another version wrote it.
    """
    return _open(str(folder), _stamp(folder))


def showcase_of(folder: Path) -> Showcase:
    """People, items and histories of an export, as the Demo shows them.

    Raises:
        ArtifactError: as `open_export`.
    """
    return _show(str(folder), _stamp(folder))


def _stamp(folder: Path) -> Stamp | None:
    """Which card lies there, so that a newer export is no older one."""
    with suppress(OSError):
        found = (folder / CARD).stat()
        return found.st_ino, found.st_mtime_ns, found.st_size
    return None


@st.cache_resource(show_spinner="Opening the export …", max_entries=4)
def _open(folder: str, stamp: Stamp | None) -> Opened:  # noqa: ARG001 (a part of its name)
    from app.serve.desk import open_export as opened

    return opened(Path(folder))


@st.cache_resource(show_spinner=False, max_entries=4)
def _show(folder: str, stamp: Stamp | None) -> Showcase:
    import numpy as np
    import polars as pl

    from data.columns import ITEM_ID, USER_ID
    from data.dataset import INTERACTION_SCHEMA, Dataset
    from recommend.reasons.showcase import Showcase

    export = _open(folder, stamp).export
    nothing = pl.DataFrame(schema=INTERACTION_SCHEMA)
    users = export.users.rename({export.users.columns[0]: USER_ID})
    items = export.items.rename({export.items.columns[0]: ITEM_ID})
    dataset = Dataset(str(export.card["data"]["name"]), users, items, nothing)
    later = np.zeros((dataset.n_users, 0), np.int64)
    return Showcase(dataset, export.histories, later, None, {}, {}, "had")
