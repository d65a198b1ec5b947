"""The command line in child processes that are forked where everything is imported already.

A child is what a person starts, and dies or meets a full disk at a chosen event: the n-th time
that Python opens, renames, makes or removes something that fits a pattern. So its death is a
matter of where the program is, not of a clock. What a child imports is imported for the next ones,
which take some tenths of a second then.
"""

from __future__ import annotations

import errno
import importlib
import json
import logging
import os
import re
import resource
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

REPOSITORY = Path(__file__).resolve().parents[2]
CHANGES = ("os.rename", "os.link", "os.mkdir", "os.remove", "os.rmdir", "shutil.rmtree")
"""Audit events, beside opening for writing, that change something on the disk."""
SENTENCE = "No space left on device"
LEFT = ("said", "events", "modules")
"""What a child leaves: its output, what changed the disk, and what it imported."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong with a child.

    Attributes:
        at: Pattern of the event, as `os.rename …/.a.json.part …/a.json`; all if it is empty.
        nth: Which of those that fit, from 1.
        kill: It dies; otherwise the disk is full from that event on.
        largest: Bytes that a file may have; -1 for as many as there is room for.
    """

    at: str = ""
    nth: int = 0
    kill: bool = False
    largest: int = -1


class ForkServer:
    """Starts children while used as a context; `unshared` gives it mounts of its own."""

    def __init__(self, unshared: bool = False) -> None:
        self._unshared = unshared

    def __enter__(self) -> Self:
        own = {"OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1", "PYTHONPATH": str(REPOSITORY)}
        command = [sys.executable, str(Path(__file__))]
        self._process = subprocess.Popen(
            ["unshare", "--map-root-user", "--mount", *command] if self._unshared else command,
            cwd=REPOSITORY,
            env={**os.environ, **own},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()

    def start(
        self, *words: object, fault: Fault | None = None, debug: bool = False, **env: str
    ) -> Child:
        """A command of `autograph` in a child; `debug` logs everything."""
        given: dict[str, Any] = {"words": [str(word) for word in words], "env": env}
        given["debug"] = debug
        about = fault or Fault()
        given["fault"] = {name: getattr(about, name) for name in Fault.__slots__}
        return Child(self, self.ask(given))

    def run(self, *words: object, **about: Any) -> Ended:
        """A command of `autograph` in a child, when it has ended."""
        return self.start(*words, **about).wait()

    def ask(self, what: dict[str, Any]) -> Any:
        assert self._process.stdin and self._process.stdout
        print(json.dumps(what), file=self._process.stdin, flush=True)
        return json.loads(self._process.stdout.readline())

    @property
    def root(self) -> Path:
        """The root of the files that children see."""
        return Path(f"/proc/{self._process.pid}/root")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a child ended: `code` is negative for a signal; `faults` counts those that it met."""

    code: int
    said: str
    events: list[str]
    faults: int


class Child:
    """A child that was started."""

    def __init__(self, server: ForkServer, pid: int) -> None:
        self._server, self.pid = server, pid

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> Ended:
        return Ended(**self._server.ask({"wait": self.pid}))


def _serve() -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        for line in sys.stdin:
            asked = json.loads(line)
            if "wait" in asked:
                told = _ended(asked["wait"], Path(folder))
            elif "mount" in asked:
                told = subprocess.run(asked["mount"], check=False).returncode
            else:
                told = os.fork()
                if told == 0:
                    _child(asked, Path(folder))
            print(json.dumps(told), flush=True)


def _ended(pid: int, folder: Path) -> dict[str, Any]:
    _, status = os.waitpid(pid, 0)
    said, events, modules = (folder / f"{pid}.{name}" for name in LEFT)
    for name in modules.read_text().split():
        with suppress(Exception):  # the next child finds it imported
            importlib.import_module(name)
    lines = events.read_text().splitlines()
    return {
        "code": os.waitstatus_to_exitcode(status),
        "said": said.read_text(),
        "events": [line.removeprefix("! ") for line in lines],
        "faults": sum(line.startswith("! ") for line in lines),
    }


def _child(asked: dict[str, Any], folder: Path) -> None:
    """A command; never returns."""
    code, known = 70, set(sys.modules)
    said, events, modules = (_created(folder / f"{os.getpid()}.{name}") for name in LEFT)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(said, 1)
    os.dup2(said, 2)
    try:
        os.environ.update(asked["env"])
        if asked["debug"]:
            logging.basicConfig(level=logging.DEBUG, force=True)
        fault = Fault(**asked["fault"])
        sys.addaudithook(_Watch(fault, events))
        if fault.largest >= 0:
            resource.setrlimit(resource.RLIMIT_FSIZE, (fault.largest, resource.RLIM_INFINITY))
        sys.argv = ["autograph", *asked["words"]]
        from app.cli.main import main

        main()
    except SystemExit as end:
        code = int(end.code or 0)
    except BaseException:
        import traceback

        os.write(2, traceback.format_exc().encode())
    finally:
        sys.stdout.flush()
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        fresh = [name for name in sys.modules if name not in known]
        os.write(modules, "\n".join(fresh).encode())  # in the order of import, which may matter
        os._exit(code)


def _created(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)


class _Watch:
    """An audit hook that writes down what changes the disk, and spoils it."""

    def __init__(self, fault: Fault, log: int) -> None:
        self._fault, self._log, self._met = fault, log, 0

    def __call__(self, event: str, given: tuple[Any, ...]) -> None:
        if event == "open":
            if not isinstance(given[2], int) or not given[2] & (os.O_WRONLY | os.O_RDWR):
                return
            given = given[:1]
        elif event not in CHANGES:
            return
        paths = [str(one) for one in given if isinstance(one, str | bytes | Path)]
        text = " ".join([event, *paths]).replace("\n", " ")
        if not self._fault.nth or not re.search(self._fault.at, text):
            os.write(self._log, f"{text}\n".encode())
            return
        self._met += 1
        spoilt = self._met == self._fault.nth if self._fault.kill else self._met >= self._fault.nth
        os.write(self._log, f"{'! ' if spoilt else ''}{text}\n".encode())
        if spoilt and self._fault.kill:
            os.kill(os.getpid(), signal.SIGKILL)
        if spoilt and event not in ("os.remove", "os.rmdir", "shutil.rmtree"):
            raise OSError(errno.ENOSPC, SENTENCE)


if __name__ == "__main__":
    _serve()
