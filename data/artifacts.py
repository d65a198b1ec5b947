"""The artifact store: results named by the fingerprint of what made them."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from data import atomic, rights
from data.errors import ArtifactError

MANIFEST = "manifest.json"
REOPENED = f".{MANIFEST}"
"""Name of the manifest of an artifact that is to be made again."""
SCRATCH = "scratch"
CHECKSUM = "checksum"
"""In a manifest: of all else that it says."""
MADE_AGAIN = "Run its experiment again: this result alone is made anew, all others are kept."
"""The cure of a finished artifact that is damaged."""
_POLL_S = 0.2
"""Seconds between two looks whether another run has ended."""
_SOUND: set[tuple[int | str | None, ...]] = set()
"""States of files whose content this process found to be as it was written, with its checksum."""


def fingerprint(
    stage: str, version: int, config: Mapping[str, Any], inputs: Mapping[str, str]
) -> str:
    """Sixteen hex digits that change when, and only when, the result may.

    Args:
        stage: Name of the stage.
        version: Raised by the author of a stage when its code gives other results.
        config: JSON-able settings; device, concurrency, URLs and verbosity stay out of it.
        inputs: Fingerprint of each input, by role.
    """
    described = {"stage": stage, "version": version, "config": config, "inputs": dict(inputs)}
    return _digest(described)[:16]


def _digest(value: Any) -> str:
    """Checksum of canonical JSON."""
    canonical = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class ArtifactStore:
    """`root/<stage>/<fingerprint>/`: data first, the manifest last; no manifest means unfinished.

    A stage may keep checkpoints in the folder's `scratch/`; it is removed on completion.
    """

    root: Path

    def place(self, stage: str, key: str) -> Path:
        """The folder of an artifact, whether it exists or not."""
        return self.root / stage / key

    def holds(self, stage: str, key: str) -> bool:
        """Whether the artifact is finished."""
        return (self.place(stage, key) / MANIFEST).exists()

    def manifest(self, stage: str, key: str, cure: str = MADE_AGAIN) -> dict[str, Any]:
        """What is known of a finished artifact: settings, inputs, files with checksums, time.

        The content of its files is read once in the life of a process, sizes are at every call.

        Args:
            stage: That made it.
            key: Its fingerprint.
            cure: What to do where it is damaged, in a sentence.

        Raises:
            ArtifactError: it is unfinished, or a file is not as it was written.
        """
        folder = self.place(stage, key)
        manifest = _read_manifest(folder / MANIFEST, cure)
        for name, size in manifest["files"].items():
            if wrong := _wrong(folder / name, size, manifest["checksums"].get(name)):
                raise ArtifactError(
                    f"The stored result {folder} is damaged: {name} {wrong}. {cure}"
                )
        return manifest

    def sound(self, stage: str, key: str) -> bool:
        """Whether the artifact is finished, and as it was written."""
        with suppress(ArtifactError):
            return self.holds(stage, key) and bool(self.manifest(stage, key))
        return False

    def reopen(self, stage: str, key: str) -> list[tuple[str, str]]:
        """Stage and key of a finished artifact and of all made from it, unfinished from here on.

        Their files stay until the next run makes them again; before that, `close` takes it back.
        """
        rights.require(f"open {stage} again")
        reopened, left = [], [(stage, key)] if self.holds(stage, key) else []
        users: dict[str, list[tuple[str, str]]] = {}
        for path in self.root.glob(f"*/*/{MANIFEST}"):
            with suppress(ArtifactError):  # what is damaged is made again in any case
                for used in _read_manifest(path)["inputs"].values():
                    users.setdefault(used, []).append((path.parent.parent.name, path.parent.name))
        while left:
            one = left.pop()
            if one not in reopened:
                reopened.append(one)
                left += users.get(one[1], [])
        with atomic.explain_failures(self.root):
            for one in reversed(reopened):
                (self.place(*one) / MANIFEST).replace(self.place(*one) / REOPENED)
        return reopened

    def close(self, reopened: Iterable[tuple[str, str]]) -> None:
        """Makes artifacts finished again that `reopen` gave and nobody made since.

        If one of them was begun and left half made, all others stay open with it, for what was made
        from it has to follow it.
        """
        waiting = [self.place(*one) for one in reopened if not self.holds(*one)]
        if all((folder / REOPENED).exists() for folder in waiting):
            for folder in waiting:
                (folder / REOPENED).replace(folder / MANIFEST)

    def make(
        self,
        stage: str,
        key: str,
        fill: Callable[[Path], Mapping[str, Any] | None],
        about: Mapping[str, Any],
        on_wait: Callable[[], None] | None = None,
        on_damage: Callable[[str], None] | None = None,
    ) -> Path:
        """The folder of a finished artifact; `fill(folder)` runs only if it is not there yet.

        What `fill` returns is kept in the manifest under "summary". If it fails or is killed, its
        folder stays without a manifest and the next call finds its `scratch/` as it was left.

        Args:
            stage: That makes it.
            key: Its fingerprint.
            fill: Makes it.
            about: Is kept in the manifest.
            on_wait: Called again and again while another run makes it; without it there is no
                waiting.
            on_damage: Hears what is wrong with a finished one, which is then made again; without it
                it is refused.

        Raises:
            ArtifactError: it is damaged, cannot be written, or another run makes it.
        """
        folder = self.place(stage, key)
        if self._take_as_it_is(stage, key, on_damage):
            return folder
        rights.require(f"make {stage}")
        with sole_writer(folder, on_wait):
            if not self.sound(stage, key):
                (folder / MANIFEST).unlink(missing_ok=True)
                atomic.remove_parts(folder)
                with _prevent_closing(folder):
                    summary = fill(folder)
                    _remove_tree(folder / SCRATCH)
                    manifest = _manifest(stage, key, folder, about, summary)
                    atomic.write_json(folder / MANIFEST, manifest)
        return folder

    def _take_as_it_is(self, stage: str, key: str, on_damage: Callable[[str], None] | None) -> bool:
        if not self.holds(stage, key):
            return False
        try:
            self.manifest(stage, key)
        except ArtifactError as error:
            if on_damage is None:
                raise
            on_damage(str(error).removesuffix(f" {MADE_AGAIN}"))
            return False
        return True


@contextmanager
def _prevent_closing(folder: Path) -> Iterator[None]:
    """A reopened artifact can be closed after a failure only if all its files are as they were."""
    kept, aside = folder / REOPENED, folder / f"{REOPENED}{atomic.PART}"
    if not kept.exists():
        yield
        return
    before = _states(folder)
    kept.replace(aside)  # whoever is killed from here on leaves nothing to close
    try:
        yield
    except BaseException:
        if _states(folder) == before:
            aside.replace(kept)
        raise
    aside.unlink()


def _states(folder: Path) -> dict[Path, tuple[int, ...]]:
    """What tells every file of an artifact from another one in its place."""
    files = {path: path.stat() for path in _files(folder) if folder / SCRATCH not in path.parents}
    return {
        path: (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
        for path, found in files.items()
    }


def _files(folder: Path) -> Iterator[Path]:
    return (p for p in sorted(folder.rglob("*")) if p.is_file() and not p.name.startswith("."))


def _manifest(
    stage: str, key: str, folder: Path, about: Mapping[str, Any], summary: Mapping[str, Any] | None
) -> dict[str, Any]:
    files = {str(path.relative_to(folder)): path for path in _files(folder)}
    described = {
        "stage": stage,
        "fingerprint": key,
        **about,
        "summary": dict(summary or {}),
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "files": {name: path.stat().st_size for name, path in files.items()},
        "checksums": {name: _checksum(path) for name, path in files.items()},
    }
    return {**described, CHECKSUM: _digest(json.loads(json.dumps(described)))}


def _read_manifest(path: Path, cure: str = MADE_AGAIN) -> dict[str, Any]:
    """What a manifest says; those from before there were checksums have none.

    Raises:
        ArtifactError: it is missing, or not as it was written.
    """
    found = atomic.read_json(path, cure)
    if not isinstance(found, dict):
        raise ArtifactError(f"The stored file {path} is damaged: it holds no table. {cure}")
    written = {name: value for name, value in found.items() if name != CHECKSUM}
    if CHECKSUM in found and found[CHECKSUM] != _digest(written):
        raise ArtifactError(f"The stored file {path} is damaged: {_OTHER_CONTENT}. {cure}")
    found = {"inputs": {}, "summary": {}, "checksums": {}, "made_at": "", **found}
    for name, (kind, inner) in _SHAPE.items():
        value = found.get(name)
        inside = value.values() if isinstance(value, dict) else ()
        if not isinstance(value, kind) or not all(type(one) in inner for one in inside):
            raise ArtifactError(f"The stored file {path} is damaged: its {name!r} is amiss. {cure}")
    return found


_SHAPE: dict[str, tuple[type, tuple[type, ...]]] = {
    "files": (dict, (int,)),
    "checksums": (dict, (str,)),
    "inputs": (dict, (str,)),
    "summary": (dict, (str, int, float, bool, type(None), list, dict)),
    "made_at": (str, ()),
}
"""Of a manifest: the kind of each part that is always there, and the kinds of what is in it."""
_OTHER_CONTENT = "it says something else than was written"


def _wrong(path: Path, size: int, checksum: str | None) -> str:
    """What tells a file from the one that was written, "" where nothing does."""
    try:
        found = path.stat()
        if found.st_size != size:
            return f"has {found.st_size} bytes instead of {size}"
        state = (found.st_dev, found.st_ino, size, found.st_mtime_ns, found.st_ctime_ns, checksum)
        if checksum is not None and state not in _SOUND:
            if _checksum(path) != checksum:
                return "holds other bytes than were written"
            _SOUND.add(state)
    except FileNotFoundError:
        return "is missing"
    except (OSError, ValueError) as error:  # a name that no file can have is a ValueError
        return f"cannot be read ({getattr(error, 'strerror', None) or error})"
    return ""


def _checksum(path: Path) -> str:
    """SHA-256 of a file: processors have instructions for it, which make it as fast as a disk."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def sole_writer(folder: Path, on_wait: Callable[[], None] | None) -> Iterator[None]:
    """Hold a lock that dies with the process, so that two runs never fill one folder."""
    with atomic.explain_failures(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("w")
    with lock:
        while not _try_lock(lock):
            if on_wait is None:
                raise ArtifactError(
                    f"Another run is computing {folder} at this moment. Wait for it to end, or "
                    "stop it; then run the same command."
                )
            on_wait()
            time.sleep(_POLL_S)
        yield


def _try_lock(file: IO[str]) -> bool:
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _remove_tree(folder: Path) -> None:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)
