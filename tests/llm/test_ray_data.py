"""Many copies of a backend on a Ray cluster of this machine, against an endpoint of ours."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from llm_fakes import request

from benchmarks.endpoint import Answer, Call, Endpoint
from benchmarks.ray_requests import replicas
from data.errors import ArtifactError, BackendError
from llm.cache import ResponseCache
from llm.knowledge import describe
from llm.protocol import Reply, request_key
from llm.replica import Partitions, abandoned_runs, open_run
from llm.server import ServerBackend
from llm.settings import GateConfig, RayConfig, ServerConfig
from prompts.requests import Request

ROOT = Path(__file__).resolve().parents[2]
GOOD = Answer()
SECRET = "sesame-open-4711"
WARM = replace(request("e1", "half a pair: \ud83d"), schema={"type": "object"}, warmer=0.3)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A local cluster of two cores; the folder of its logs."""
    ray = pytest.importorskip("ray", reason="Ray is not installed: pip install '.[ray]'")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MY_KEY", SECRET)
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
        yield Path(ray._private.worker._global_node.get_session_dir_path())
        ray.shutdown()


def backend(endpoint: Endpoint, folder: Path, rows: int = 10, **about: object):
    """Two replicas, unless said otherwise."""
    config = ServerConfig(backend="server", model="fake", url=endpoint.url, key_variable="MY_KEY")
    config = config.model_copy(update=about)
    from llm.ray_data import RayBackend

    ray = RayConfig(enabled=True, replicas=2, partition_rows=rows)
    return RayBackend(ServerBackend(config), config, ray, folder)


def some(n: int) -> list[Request]:
    return [request(f"e{k}") for k in range(n)]


def echo(call: Call) -> Answer:
    """An answer of its own to each request; one of them is refused."""
    asked = call.body["messages"][0]["content"]
    refused = Answer("too many tokens", status=400)
    return refused if "e13?" in asked else Answer(f"{asked} Nobody knows who that is, I fear.")


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


# --- partitions on disk, which need no Ray ---------------------------------------------------


def test_requests_and_replies_survive_their_files(tmp_path: Path) -> None:
    asked = [request("e0"), WARM]
    with open_run(tmp_path) as run:
        run.ask(0, asked, ["k0", "k1"], "model")
        assert run.requests(0) == [replace(r, facts={}) for r in asked]
        told = Reply(run.requests(0)[1], "text", 3, 4, 0.5, "length", 2)
        failed = Reply(run.requests(0)[0], None, finish_reason="error", error="why")
        run.answer(0, [(1, told), (0, failed)])
        assert list(run.replies(0)) == [("k1", "model", told), ("k0", "model", failed)]


def test_a_run_that_is_over_leaves_what_was_answered_and_nothing_else(tmp_path: Path) -> None:
    with open_run(tmp_path) as run:
        for number in range(3):
            run.ask(number, [request("e")], ["k"], "model")
        assert list(abandoned_runs(tmp_path)) == [], "it is still at work"
        run.answer(1, [(0, Reply(request("e"), "text"))])
    (left,) = [run.numbers() for run in abandoned_runs(tmp_path)]
    assert left == [1]
    assert list(tmp_path.iterdir()) == [], "what was taken is removed"


def test_an_answer_that_no_file_holds_is_kept_without_its_broken_letter(tmp_path: Path) -> None:
    with open_run(tmp_path) as run:
        run.ask(0, [request("e0")], ["k0"], "model")
        run.answer(0, [(0, Reply(run.requests(0)[0], "half \ud83d a pair"))])
        ((_, _, reply),) = run.replies(0)
    assert reply.text == "half \ufffd a pair"


@pytest.mark.parametrize("name", ["asked-1", "replied-1"])
def test_a_damaged_partition_is_put_aside_and_the_others_are_taken(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip("ray", reason="Ray is not installed: pip install '.[ray]'")
    with open_run(tmp_path) as run:
        for number in range(3):
            run.ask(number, [request(f"e{number}")], [f"k{number}"], "model")
            run.answer(number, [(0, Reply(run.requests(number)[0], f"text {number}"))])
        path = run.folder / f"{name}.parquet"
        left = path.read_bytes()[:-9]
        path.write_bytes(left)
    with Endpoint() as endpoint:
        taken = [reply.text for _, _, reply in backend(endpoint, tmp_path).leftover_replies()]
    assert taken == ["text 0", "text 2"]
    (kept,) = [p for p in (tmp_path / "damaged").iterdir() if p.name.endswith(f"{name}.parquet")]
    assert kept.read_bytes() == left
    assert "is damaged" in caplog.text and "asked again. It was moved to" in caplog.text


# --- on a cluster ----------------------------------------------------------------------------


def test_the_same_knowledge_as_without_ray(
    cluster: Path, tmp_path: Path, cache: ResponseCache
) -> None:
    with Endpoint(echo) as endpoint:
        mine = backend(endpoint, tmp_path / "ray")
        spread = describe(some(45), mine, cache)
        assert Counter(c.body["messages"][0]["content"] for c in endpoint.calls) == Counter(
            f"Who is e{k}?" for k in range(45)
        )
        alone = describe(some(45), mine._inner, ResponseCache(tmp_path / "other.sqlite"))
    clock = "latency_s"
    assert spread.table.drop(clock).equals(alone.table.drop(clock))
    (row,) = spread.failures.iter_rows(named=True)
    assert row["entity"] == "e13" and "refuses this request (400: too many" in row["error"]
    assert files(tmp_path / "ray") == [], "nothing is left behind"
    headers = {call.headers["authorization"] for call in endpoint.calls}
    assert headers == {f"Bearer {SECRET}"}, "workers read the key themselves"
    seen = [p for p in [*files(tmp_path), *files(cluster)] if p.stat().st_size < 50_000_000]
    assert not [path for path in seen if SECRET.encode() in path.read_bytes()]


def test_rejected_answers_are_asked_for_again(
    cluster: Path, tmp_path: Path, cache: ResponseCache
) -> None:
    cold = lambda call: call.body["temperature"] == 0  # noqa: E731
    with Endpoint(lambda call: Answer("Too short.") if cold(call) else Answer()) as endpoint:
        knowledge = describe(some(4), backend(endpoint, tmp_path), cache, gate=GateConfig())
    assert knowledge.failures.height == 0 and endpoint.count == 8


def test_a_refused_key_ends_the_run_with_its_sentence(
    cluster: Path, tmp_path: Path, cache: ResponseCache
) -> None:
    refuse_late = lambda call: GOOD if call.number < 30 else Answer("bad key", status=401)  # noqa: E731
    with Endpoint(refuse_late) as endpoint:
        mine = backend(endpoint, tmp_path, rows=200)
        mine._ray = mine._ray.model_copy(update={"replicas": 1})
        with pytest.raises(BackendError, match=r"refuses the key.*MY_KEY.*llm check"):
            describe(some(2_000), mine, cache)
        assert endpoint.count < 400
        endpoint.behave = lambda _call: GOOD
        before = endpoint.count
        assert describe(some(100), mine, cache).failures.height == 0
        assert endpoint.count - before <= 100 - 10, "what was answered before is kept"


def test_each_replica_has_an_endpoint(cluster: Path, tmp_path: Path) -> None:
    slow = Answer(delay_s=0.5)
    with Endpoint(lambda _call: slow) as one, Endpoint(lambda _call: slow) as two:
        mine = backend(one, tmp_path, rows=5)
        mine._ray = mine._ray.model_copy(update={"endpoints": (one.url, two.url)})
        replies = list(mine.generate(some(150)))
    assert {reply.error for reply in replies} == {None}
    assert one.count > 0 and two.count > 0 and one.count + two.count == 150


def test_an_error_of_the_requests_is_raised(cluster: Path, tmp_path: Path) -> None:
    def broken() -> Iterator[Request]:
        yield from some(15)
        raise ArtifactError("the disk is full")

    with Endpoint() as endpoint, pytest.raises(ArtifactError, match="disk is full"):
        list(backend(endpoint, tmp_path).generate(broken()))


def test_an_early_end_stops_the_calls_and_requests_are_drawn_as_they_are_needed(
    cluster: Path, tmp_path: Path
) -> None:
    drawn: list[int] = []

    def drawing() -> Iterator[Request]:
        for k in range(100_000):
            drawn.append(k)
            yield request(f"e{k}")

    with Endpoint() as endpoint:
        replies = backend(endpoint, tmp_path).generate(drawing())
        next(replies)
        replies.close()  # type: ignore[attr-defined]
        assert len(drawn) < 1_000
        assert not [thread for thread in threading.enumerate() if thread.name == "partitions"]
        until(lambda: not replicas())


def test_a_worker_that_dies_is_replaced(
    cluster: Path, tmp_path: Path, cache: ResponseCache
) -> None:
    killed: list[int] = []

    def behave(call: Call) -> Answer:
        if call.number == 20:
            killed.extend(replicas())
            for pid in killed:
                os.kill(pid, signal.SIGKILL)
        return Answer(delay_s=0.01)

    with Endpoint(behave) as endpoint:
        knowledge = describe(some(120), backend(endpoint, tmp_path), cache)
    assert killed and knowledge.failures.height == 0


def until(true: Callable[[], bool]) -> None:
    """Waits for what another process does."""
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


DYING = """
import sys
from pathlib import Path
sys.path[:0] = sys.argv[4:]
import ray
from llm.cache import ResponseCache
from llm.knowledge import describe
from llm.ray_data import RayBackend
from llm.server import ServerBackend
from llm.settings import RayConfig, ServerConfig
from llm_fakes import request
ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
config = ServerConfig(backend="server", model="fake", url=sys.argv[1], concurrency=4)
backend = RayBackend(ServerBackend(config), config, RayConfig(partition_rows=10, replicas=2),
                     Path(sys.argv[3]))
def slow(done, total, what):
    import time
    time.sleep(0.2)
describe([request(f"e{k}") for k in range(300)], backend, ResponseCache(Path(sys.argv[2])), slow)
"""


def test_killed_in_the_middle_nothing_that_was_finished_is_asked_again(
    cluster: Path, tmp_path: Path
) -> None:
    """The driver stores slowly, so that workers have finished more than it stored."""
    path, folder = tmp_path / "replies.sqlite", tmp_path / "ray"
    with Endpoint(0.005) as endpoint:
        process = subprocess.Popen(
            [sys.executable, "-c", DYING, endpoint.url, str(path), str(folder),
             str(ROOT), str(Path(__file__).parent)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        until(lambda: len(list(folder.glob("run-*/replied-*"))) >= 3 or process.poll() is not None)
        theirs = replicas()
        process.kill()
        process.wait()
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in theirs))
        mine, cache = backend(endpoint, folder), ResponseCache(path)
        keys = [request_key(mine, r) for r in some(300)]
        stored = cache.answered_keys(keys)
        finished = {key for p in folder.glob("run-*/replied-*.parquet") for key in keys_of(p)}
        before = endpoint.count
        knowledge = describe(some(300), mine, cache)
        assert theirs and len(finished - stored) >= 20, "there was something to take over"
        assert endpoint.count - before == 300 - len(stored | finished)
    assert knowledge.failures.height == 0 and files(folder) == []


def keys_of(replied: Path) -> list[str]:
    """Keys of the replies in one file."""
    number = int(replied.stem.partition("-")[2])
    rows = pl.read_parquet(replied)["row"]
    run = Partitions(replied.parent)
    assert len(rows) == 10 and number in run.numbers()
    return [key for key, _, _ in run.replies(number)]


def test_without_gpus_a_replica_that_needs_one_gets_a_sentence(
    cluster: Path, tmp_path: Path
) -> None:
    with Endpoint() as endpoint:
        mine = backend(endpoint, tmp_path)
        mine._ray = mine._ray.model_copy(update={"gpus_per_replica": 1.0})
        with pytest.raises(BackendError, match="needs 1 GPUs and the Ray cluster has 0"):
            list(mine.generate(some(1)))


def test_without_ray_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.setitem(sys.modules, "ray.data", None)
    with Endpoint() as endpoint, pytest.raises(BackendError, match=r"pip install .*\[ray\]"):
        backend(endpoint, tmp_path)
