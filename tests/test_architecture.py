"""The rules of the house that a machine can check."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import networkx

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("data", "prompts", "llm", "quantize", "graph", "recommend", "app")
"""From left to right; imports point only left."""
FILES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
FOLDERS_OF_APP = (
    *("experiment", "pipeline", "results", "jobs", "search", "reproduce"),
    *("serve", "cli", "ui"),
)
"""In the order of the way; each imports only what stands before it, and what stands beside them."""
FORBIDDEN = {"utils", "util", "helpers", "helper", "common", "misc", "datasets", "pages"}
PICKLERS = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve"}
HEAVY = {
    "torch",
    "transformers",
    "sentence_transformers",
    "sklearn",
    "scipy",
    "faiss",
    "networkx",
    "polars",
    "numpy",
    "pyarrow",
    "streamlit",
    "vllm",
    "openai",
    "pydantic",
    "ray",
}


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(path: Path) -> Iterator[tuple[str, int]]:
    """Every module that a file imports, inside functions too, with the line."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{named(path)}:{node.lineno} imports relatively"
            yield node.module or "", node.lineno


def modules_in(path: Path, known: set[str]) -> Iterator[str]:
    """Modules of ours that a file imports, those for types apart."""
    for_types = {
        inside
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inside in ast.walk(node)
    }
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.ImportFrom) and node not in for_types:
            inside = {f"{node.module}.{alias.name}" for alias in node.names} & known
            yield from inside or {node.module or ""} & known


def test_there_is_something_to_check() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in FILES} == set(ROOMS)


def test_imports_point_only_left() -> None:
    for path in FILES:
        here = ROOMS.index(path.relative_to(ROOT).parts[0])
        for module, line in imported(path):
            room = module.partition(".")[0]
            if room in ROOMS:
                assert ROOMS.index(room) <= here, f"{named(path)}:{line} imports {module}"
            assert room not in {"tests", "benchmarks", "experiments"}, f"{named(path)}:{line}"


def test_folders_of_the_app_import_only_what_stands_before_them() -> None:
    for path in FILES:
        here = path.relative_to(ROOT).parts
        if here[0] != "app":
            continue
        place = FOLDERS_OF_APP.index(here[1]) if here[1] in FOLDERS_OF_APP else -1
        for module, line in imported(path):
            room, *inside = module.split(".")
            if room != "app" or not inside or inside[0] not in FOLDERS_OF_APP:
                continue
            then = FOLDERS_OF_APP.index(inside[0])
            beside = here[1] == "page.py"
            assert then <= place or beside, f"{named(path)}:{line} imports {module}"


def test_no_module_imports_itself_in_a_circle() -> None:
    """Imports inside functions count; those for types alone do not."""
    names = {path: named(path)[:-3].replace("/", ".").removesuffix(".__init__") for path in FILES}
    graph = networkx.DiGraph()
    for path, name in names.items():
        graph.add_edges_from((name, of) for of in modules_in(path, set(names.values())))
    circles = [sorted(of) for of in networkx.strongly_connected_components(graph) if len(of) > 1]
    assert not circles


def test_streamlit_stays_in_the_page_and_pickle_outside() -> None:
    for path in FILES:
        ui = path.is_relative_to(ROOT / "app" / "ui")
        for module, line in imported(path):
            where = f"{named(path)}:{line} imports {module}"
            root = module.partition(".")[0]
            assert root != "streamlit" or ui, where
            assert root not in PICKLERS, f"{where}: a file from somebody else must never run code"


def test_nothing_is_loaded_that_could_run_code() -> None:
    for path in FILES:
        for call in (node for node in ast.walk(parsed(path)) if isinstance(node, ast.Call)):
            where = f"{named(path)}:{call.lineno}"
            keywords = {keyword.arg: keyword.value for keyword in call.keywords}
            for name in ("allow_pickle", "trust_remote_code"):
                value = keywords.get(name)
                assert value is None or ast.literal_eval(value) is False, f"{where} sets {name}"
            if ast.unparse(call.func) == "torch.load":
                safe = keywords.get("weights_only")
                assert safe is not None and ast.literal_eval(safe) is True, f"{where} loads pickles"


def test_charts_are_drawn_in_one_place() -> None:
    """It looks up the colours that their specs name."""
    for path in FILES:
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Attribute) and node.attr == "echarts_chart":
                assert named(path) == "app/ui/shared/charts.py", f"{named(path)}:{node.lineno}"


def is_there(parts: list[str]) -> bool:
    """Whether these folders lead to a module, and its text holds the names after it."""
    for place in range(1, len(parts) + 1):
        module = ROOT.joinpath(*parts[:place]).with_suffix(".py")
        if module.exists():
            text = module.read_text(encoding="utf-8")
            return all(re.search(rf"\b{name}\b", text) for name in parts[place:])
    return ROOT.joinpath(*parts).is_dir()


def is_setting(parts: list[str]) -> bool:
    """Whether it is a setting of an experiment, such as `data.source`."""
    from app.experiment.settings import Experiment

    config: Any = Experiment()
    for name in parts:
        if config is not None and name not in getattr(type(config), "model_fields", ()):
            return False
        config = getattr(config, name, None)
    return True


def test_modules_and_files_that_texts_name_are_there() -> None:
    dotted = re.compile(rf"`((?:{'|'.join(ROOMS)})(?:\.\w+)+)`")
    file = re.compile(rf"`((?:{'|'.join(ROOMS)}|docs|tests|benchmarks)/[\w/]+\.(?:py|md|toml))")
    for path in [*FILES, *ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]:
        text = path.read_text(encoding="utf-8")
        for name in dotted.findall(text):
            parts = name.split(".")
            assert is_there(parts) or is_setting(parts), f"{named(path)} names {name}"
        for name in file.findall(text):
            assert "NAME" in name or (ROOT / name).exists(), f"{named(path)} names {name}"


def test_nothing_has_a_name_that_says_nothing() -> None:
    folders = {part for path in FILES for part in path.relative_to(ROOT).parts[:-1]}
    assert not FORBIDDEN & {path.stem for path in FILES}
    assert not FORBIDDEN & folders
    assert not set(ROOMS) & {path.stem for path in (ROOT / "app").rglob("*.py")}


def test_nothing_beside_the_script_of_the_page_hides_a_room() -> None:
    script = ROOT / "app" / "page.py"
    assert script.exists()
    assert not set(ROOMS) & {path.stem for path in script.parent.iterdir()}


def test_the_command_line_answers_without_anything_heavy() -> None:
    script = "import sys, app.cli.main; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "app" in done.stdout.split()
    assert not HEAVY & set(done.stdout.split())


def test_settings_need_no_library_but_pydantic() -> None:
    loaded = "print(*{name.partition('.')[0] for name in sys.modules})"
    script = f"import sys, app.experiment.settings; {loaded}"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert not (HEAVY - {"pydantic"}) & set(done.stdout.split())
