"""Versions of the knowledge of one side in a workspace: which there are, and who used them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from app.pipeline.records import Record, read_record
from data import atomic
from data.artifacts import ArtifactStore
from data.errors import AutoGraphError


@dataclass(frozen=True, slots=True)
class Version:
    """Finished knowledge of one side.

    Attributes:
        key: Its fingerprint.
        made_at: When, in ISO form and UTC.
        experiments: Names of those whose latest run used it.
        models: Who answered.
        rows: How many entities there are.
        failed: Of them without a text.
        folder: Where it is.
    """

    key: str
    made_at: str
    experiments: tuple[str, ...]
    models: tuple[str, ...]
    rows: int
    failed: int
    folder: Path

    @property
    def label(self) -> str:
        """How a person tells it from others."""
        who = ", ".join(self.experiments) or "no longer used"
        return f"{who} · {', '.join(self.models)} · {self.made_at[:16].replace('T', ' ')}"


def knowledge_versions(workspace: Path, side: str) -> list[Version]:
    """The finished knowledge of one side, latest first; what is damaged is left out."""
    stage, store = f"knowledge-{side}", ArtifactStore(workspace / "artifacts")
    users: dict[str, list[str]] = {}
    for record in _records(workspace):
        users.setdefault(record.keys.get(stage, ""), []).append(record.experiment.name)
    found = []
    for folder in (workspace / "artifacts" / stage).glob("*/"):
        with suppress(AutoGraphError):
            manifest = store.manifest(stage, folder.name)
            about = atomic.read_json(folder / "knowledge.json")
            found.append(
                Version(
                    key=folder.name,
                    made_at=manifest["made_at"],
                    experiments=tuple(sorted(users.get(folder.name, ()))),
                    models=tuple(about["models"]),
                    rows=about["rows"],
                    failed=about["failed"],
                    folder=folder,
                )
            )
    return sorted(found, key=lambda version: (version.made_at, version.key), reverse=True)


def _records(workspace: Path) -> list[Record]:
    records = []
    for path in sorted((workspace / "runs").glob("*.json")):
        with suppress(AutoGraphError):
            records.append(read_record(path.stem, workspace))
    return records
