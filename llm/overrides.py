"""Texts that people wrote in the place of a model's: a log that only grows, beside the knowledge.

What a model said stays as it is. Every change, and every change taken back, is a line of its own;
the first n lines are version n, so a run can name what it took in.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from data import atomic
from data.errors import ArtifactError, DataError
from data.ids import canonical_id
from llm.knowledge import Knowledge

LONGEST = 20_000
"""Characters of a text by hand."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change by hand.

    Attributes:
        entity: External id.
        text: That is taken in the place of the model's; None where a change is taken back.
        note: Why.
        at: When, in ISO form and UTC.
    """

    entity: str
    text: str | None
    note: str
    at: str


@dataclass(frozen=True, slots=True)
class Overrides:
    """The changes by hand in one JSONL file; several processes may write it."""

    path: Path

    def changes(self) -> list[Change]:
        """All changes, oldest first; their number is the version.

        Raises:
            ArtifactError: the file is damaged.
        """
        if not self.path.exists():
            return []
        try:
            lines = self.path.read_text(encoding="utf-8").split("\n")
            return [Change(**json.loads(line)) for line in lines if line.strip()]
        except (OSError, ValueError, TypeError) as error:
            raise ArtifactError(
                f"The texts by hand in {self.path} cannot be read ({error}). Correct the line, or "
                "move the file away to go on without them."
            ) from None

    def texts(self, version: int | None = None) -> dict[str, str]:
        """Text by entity after the first `version` changes; by default after all.

        Raises:
            ArtifactError: the file is damaged, or has fewer changes.
        """
        changes = self.changes()
        if version is not None and version > len(changes):
            raise ArtifactError(
                f"{self.path} holds {len(changes)} changes by hand, and {version} are wanted. Put "
                "the whole file back, or run the experiment afresh."
            )
        latest = {change.entity: change.text for change in changes[:version]}
        return {entity: text for entity, text in latest.items() if text is not None}

    def write(self, entity: str, text: str, note: str = "") -> bool:
        """Whether `text` is kept for an entity; False where it stands there already.

        Raises:
            DataError: the text is blank or too long.
            ArtifactError: the file is damaged, or the disk is full.
        """
        text = text.encode("utf-8", "replace").decode().strip()
        if not text:
            raise DataError("A text by hand cannot be blank. To take one back, revert it.")
        if len(text) > LONGEST:
            raise DataError(f"The text has {len(text):,} characters; the most are {LONGEST:,}.")
        return self._add(entity, text, note)

    def revert(self, entity: str, note: str = "") -> bool:
        """Whether an entity had a text by hand, which is taken back.

        Raises:
            ArtifactError: the file is damaged, or the disk is full.
        """
        return self._add(entity, None, note)

    def _add(self, entity: str, text: str | None, note: str) -> bool:
        with self._sole_writer():
            changes = self.changes()
            if {c.entity: c.text for c in changes}.get(entity) == text:
                return False
            at = datetime.now(UTC).isoformat(timespec="seconds")
            lines = [*changes, Change(entity, text, note.strip(), at)]
            written = (json.dumps(asdict(line), ensure_ascii=False) + "\n" for line in lines)
            atomic.write_text(self.path, "".join(written))
        return True

    @contextmanager
    def _sole_writer(self) -> Iterator[None]:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.with_name(f".{self.path.name}.lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
        except OSError as error:
            raise ArtifactError(f"Cannot write {self.path}: {error.strerror or error}.") from error


def with_texts(knowledge: Knowledge, texts: Mapping[str, str]) -> Knowledge:
    """The knowledge with exactly these texts by hand; those of unknown entities are left out."""
    known = set(knowledge.table["entity"])
    texts = {e if e in known else canonical_id(e) or "": text for e, text in texts.items()}
    none = dict.fromkeys(knowledge.table.drop_nulls("override")["entity"])
    return knowledge.with_overrides({**none, **{e: t for e, t in texts.items() if e in known}})


def digest(texts: Mapping[str, str]) -> str:
    """Sixteen hex digits that tell texts by hand from others, whoever wrote them and when."""
    canonical = json.dumps(sorted(texts.items()), ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode(errors="surrogatepass")).hexdigest()[:16]
