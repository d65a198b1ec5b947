import os
import subprocess
import sys

import pytest

import app.cli.main as main
from app.threads import SPINS, wait_briefly

CHOICES = "GOMP_SPINCOUNT", "OMP_WAIT_POLICY"
WORKER = """
import os, runpy, sys
import app.jobs.worker
app.jobs.worker.work = lambda *_: print(os.environ.get("GOMP_SPINCOUNT"), "torch" in sys.modules)
sys.argv = ["worker", ".", "1"]
runpy.run_module("app.cli.worker", run_name="__main__")
"""


@pytest.fixture(autouse=True)
def nothing_chosen(monkeypatch):
    for name in CHOICES:
        monkeypatch.setenv(name, "")  # put back afterwards, also where it was missing
        monkeypatch.delenv(name)


def test_the_command_line_and_its_children_wait_briefly(monkeypatch):
    monkeypatch.setattr(main, "app", lambda: None)
    main.main()
    assert os.environ["GOMP_SPINCOUNT"] == str(SPINS)


def test_a_job_waits_briefly_and_is_told_before_torch_is_there():
    done = subprocess.run(
        [sys.executable, "-c", WORKER], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [str(SPINS), "False"]


@pytest.mark.parametrize(
    ("name", "value"), [("GOMP_SPINCOUNT", "7"), ("OMP_WAIT_POLICY", "active")]
)
def test_who_has_chosen_is_not_overruled(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    wait_briefly()
    assert {name: os.environ.get(name) for name in CHOICES if name in os.environ} == {name: value}
