"""A newer export takes over between two requests, and a damaged one does not."""

from __future__ import annotations

import asyncio
import gc
import logging
import shutil
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from serve_fakes import run, write_export
from starlette.testclient import TestClient

from app.serve import desk as desks
from app.serve.api import make_app
from app.serve.desk import Desk, open_export, spare_from_collection
from recommend.serve.reader import Ask


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_export(tmp_path / "export")
    return tmp_path / "export"


def ask(client: TestClient, user: str = "u0") -> dict[str, Any]:
    answer = client.post("/recommend", json={"user": user, "k": 1})
    assert answer.status_code == 200
    return dict(answer.json())


def test_the_time_of_an_answer_is_the_shortest_of_several(monkeypatch):
    """Other work on the machine makes a reading long, and turns of a server would stay short."""

    class Asked:
        def __init__(self, *took: float) -> None:
            self.now, self.took = 0.0, list(took)

        def recommend(self, asks: list[Ask]) -> None:
            self.now += self.took.pop(0)

    def timed(*took: float) -> tuple[float, list[float]]:
        export = Asked(*took)
        monkeypatch.setattr(time, "perf_counter", lambda: export.now)
        return desks._seconds(export, [Ask("a"), Ask("b")]), export.took  # type: ignore[arg-type]

    assert timed(9, 0.006, 0.002, 0.004, 0.003, 0.003, 7) == (pytest.approx(0.001), [7])
    assert timed(9, 0.5, 7) == (pytest.approx(0.25), [7])


def test_nothing_happens_while_the_same_export_lies_there(folder):
    desk = Desk(folder)
    assert not desk.look() and desk.swaps == 0


def test_every_answer_during_two_swaps_is_wholly_of_one_export(folder):
    desk = Desk(folder)
    turns = {desk.opened.fingerprint: 0}
    transport = httpx2.ASGITransport(make_app(desk))
    body = {"asks": [{"user": f"u{n}", "k": 1, "again": True} for n in range(4)]}
    over = asyncio.Event()

    async def keep_asking(client: httpx2.AsyncClient) -> list[httpx2.Response]:
        answers = []
        while not over.is_set():
            answers += [
                await client.post("/recommend", json=body),
                await client.post("/recommend", json=body["asks"][3]),
            ]
        return answers

    async def swap_meanwhile() -> list[list[httpx2.Response]]:
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
            asking = [asyncio.create_task(keep_asking(client)) for _ in range(4)]
            for turn in (1, 2):
                card = await asyncio.to_thread(write_export, folder, "newer", turn)
                turns[card["fingerprint"]] = turn
                assert await asyncio.to_thread(desk.look)
            last = await client.post("/recommend", json=body)
            over.set()
            return [[last], *(await asyncio.gather(*asking))]

    answers = [one for some in run(swap_meanwhile()) for one in some]
    seen = set()
    for answer in answers:
        assert answer.status_code == 200
        told = answer.json()
        turn = turns[told["export"]]
        best = [one["items"][0]["id"] for one in told.get("answers", [told])]
        wanted = [f"i{(2 * user + turn) % 8}" for user in range(4)]
        assert best == (wanted if "answers" in told else wanted[3:])
        seen.add(turn)
    assert 2 in seen and desk.swaps == 2


def test_a_link_can_be_pointed_at_another_export(tmp_path):
    write_export(tmp_path / "one")
    write_export(tmp_path / "two", turn=1)
    link = tmp_path / "live"
    link.symlink_to(tmp_path / "one")
    desk = Desk(link)
    beside = tmp_path / "next"
    beside.symlink_to(tmp_path / "two")
    beside.rename(link)
    assert desk.look()
    assert desk.opened.fingerprint == open_export(tmp_path / "two").fingerprint


@pytest.mark.parametrize("there", [True, False])
def test_what_is_written_to_a_link_is_where_it_points_and_the_link_stays(tmp_path, there):
    if there:
        write_export(tmp_path / "one")
    link = tmp_path / "live"
    link.symlink_to("one")
    card = write_export(link, turn=1)
    assert link.is_symlink() and sorted(p.name for p in tmp_path.iterdir()) == ["live", "one"]
    assert open_export(tmp_path / "one").fingerprint == card["fingerprint"]


def damage(folder: Path) -> None:
    """Puts an export into its place that lost a byte of its vectors."""
    beside = folder.with_name("beside")
    write_export(beside, turn=3)
    path = beside / "items.safetensors"
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)
    shutil.rmtree(folder)
    beside.rename(folder)


def test_a_damaged_export_is_refused_and_told_and_the_old_one_stays(folder, caplog):
    desk = Desk(folder)
    old = desk.opened.fingerprint
    client = TestClient(make_app(desk), base_url="http://localhost")
    damage(folder)
    with caplog.at_level(logging.WARNING):
        assert not desk.look()
    assert "items.safetensors is damaged" in caplog.text and old in caplog.text
    assert ask(client)["export"] == old
    told = client.get("/health").json()
    assert told["export"] == old and "items.safetensors is damaged" in told["refused"]
    assert told["lost"] is None and str(folder.parent) not in told["refused"]
    assert 'swaps_total{outcome="refused"} 1.0' in client.get("/metrics").text
    assert not desk.look() and desk.refusals == 1  # it is not read again and again


def test_after_a_damaged_one_a_sound_one_takes_over(folder):
    desk = Desk(folder)
    damage(folder)
    desk.look()
    card = write_export(folder, turn=2)
    assert desk.look() and desk.refused is None
    assert desk.opened.fingerprint == card["fingerprint"]


def test_a_copy_that_comes_file_by_file_takes_over_once_it_is_whole(folder):
    desk = Desk(folder)
    card = write_export(folder.with_name("newer"), turn=2)
    shutil.rmtree(folder)
    folder.mkdir()
    for path in sorted(folder.with_name("newer").iterdir()):
        shutil.copy(path, folder)
        whole = len([*folder.iterdir()]) == len([*folder.with_name("newer").iterdir()])
        assert desk.look() == whole
    assert desk.opened.fingerprint == card["fingerprint"] and desk.refused is None


def test_a_folder_that_is_away_for_a_moment_changes_nothing(folder):
    desk = Desk(folder)
    folder.rename(folder.with_name("away"))
    assert not desk.look() and desk.refused is None
    assert ask(TestClient(make_app(desk), base_url="http://localhost"))["items"]


def test_a_folder_that_is_gone_or_cut_is_told_until_it_is_whole(folder, caplog):
    desk = Desk(folder)
    client = TestClient(make_app(desk), base_url="http://localhost")

    def lost() -> Any:
        desk.look()
        return client.get("/health").json()["lost"]

    assert lost() is None
    away = folder.rename(folder.with_name("away"))
    assert "no export any more" in lost() and "no export any more" in lost()
    assert len(caplog.records) == 1  # not once a second
    away.rename(folder)
    assert lost() is None
    vectors = folder / "index.faiss"
    whole = vectors.read_bytes()
    for change in (lambda: vectors.write_bytes(whole[:-1]), vectors.unlink):
        change()
        assert "index.faiss is" in lost() and str(folder.parent) not in lost()
    vectors.write_bytes(whole)
    assert lost() is None and ask(client)["items"]
    assert desk.swaps == desk.refusals == 0


def test_what_is_opened_while_another_comes_is_looked_at_again(folder):
    desk = Desk(folder)
    write_export(folder, "newer", turn=1)

    def opens(place: Path) -> Any:
        found = open_export(place)
        write_export(folder, "last", turn=2)
        return found

    desk._opens = opens
    assert not desk.look() and desk.refused is None
    desk._opens = open_export
    assert desk.look() and desk.opened.export.card["recommender"] == "last"


def test_one_that_is_replaced_while_it_is_opened_is_looked_at_again(folder):
    desk = Desk(folder)
    write_export(folder, turn=1)

    def opens(place: Path) -> Any:
        found = open_export(place)
        if found.export.card["recommender"] == "first":
            write_export(folder, "last", turn=2)
        return found

    desk._opens = opens
    assert [desk.look(), desk.look()] == [False, True]
    assert desk.opened.export.card["recommender"] == "last"


def test_a_desk_looks_by_itself_until_it_is_closed(folder):
    swapped = threading.Event()

    def opens(place: Path) -> Any:
        found = open_export(place)
        if found.export.card["recommender"] == "newer":
            swapped.set()
        return found

    desk = Desk(folder, opens)
    desk.watch(every_s=0.01)
    write_export(folder, "newer", turn=1)
    assert swapped.wait(30)
    desk.close()


def test_what_is_spared_from_collection_is_what_answers(folder):
    spare_from_collection()
    try:
        desk = Desk(folder)
        old = weakref.ref(desk.opened.export)
        spare_from_collection()
        desk.watch(every_s=0.01)
        write_export(folder, "newer", turn=1)
        wait_until(lambda: desk.swaps == 1 and old() is None)
        wait_until(lambda: not any(one is desk.opened.export for one in gc.get_objects()))
        desk.close()
    finally:
        gc.unfreeze()


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)
