"""What the server answers, and what it says instead."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
from msgspec.json import Decoder
from serve_fakes import run, write_export
from starlette.testclient import TestClient

from app.serve.api import make_app
from app.serve.desk import Desk
from app.serve.gate import Door
from app.serve.limits import Limits
from app.serve.wire import RecommendBody, read
from data.errors import ArtifactError
from recommend.serve.folder import Content, write_folder

TOKEN = "a-token-that-is-long-enough"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    folder = tmp_path_factory.mktemp("served") / "export"
    write_export(folder)
    return Desk(folder)


@pytest.fixture
def client(desk: Desk) -> Iterator[TestClient]:
    with TestClient(make_app(desk), base_url="http://localhost") as client:
        yield client


def error_of(answer: Any) -> tuple[int, str, str | None]:
    told = answer.json()["error"]
    assert set(told) == {"kind", "message", "field"} and told["message"]
    return answer.status_code, told["kind"], told["field"]


def ids(answer: Any) -> list[str]:
    return [item["id"] for item in answer["items"]]


def test_a_user_gets_items_with_titles_and_the_export_that_they_are_of(client, desk):
    answer = client.post("/recommend", json={"user": "u1", "k": 2}).json()
    assert answer == {
        "export": desk.opened.fingerprint,
        "items": [
            {"id": "i2", "score": 1.0, "title": "Casablanca"},
            {"id": "i3", "score": 0.5, "title": "Dune"},
        ],
        "notes": [],
    }


def test_a_history_in_the_call_is_answered_without_a_user(client):
    answer = client.post("/recommend", json={"history": ["i4"], "k": 1, "again": True}).json()
    assert ids(answer) == ["i4"]
    assert "i4" not in ids(client.post("/recommend", json={"history": ["i4"]}).json())


def test_what_was_had_comes_only_again(client):
    assert "i7" not in ids(client.post("/recommend", json={"user": "u3"}).json())
    again = client.post("/recommend", json={"user": "u3", "again": True, "k": 2}).json()
    assert ids(again) == ["i6", "i7"]


def test_items_can_be_excluded_and_chosen_by_attributes(client):
    without = client.post("/recommend", json={"user": "u1", "k": 1, "exclude": ["i2"]}).json()
    assert ids(without) == ["i3"]
    old = {"year": {"least": 1980, "below": 1990}}
    assert ids(client.post("/recommend", json={"user": "u1", "where": old}).json()) == ["i3", "i1"]
    odd = {"genres": ["odd"], "year": 1996}
    assert ids(client.post("/recommend", json={"user": "u1", "where": odd}).json()) == ["i5"]


def test_asks_in_one_body_are_answered_in_their_order_each_as_alone(client):
    asks = [{"user": f"u{n}", "k": 3} for n in (3, 0, 2, 1)]
    together = client.post("/recommend", json={"asks": asks}).json()["answers"]
    alone = [client.post("/recommend", json=ask).json() for ask in asks]
    assert [one["items"] for one in together] == [one["items"] for one in alone]


def test_an_ask_that_cannot_be_answered_spoils_none_beside_it(client):
    body = {"asks": [{"user": "u0", "k": 1}, {"user": "nobody"}, {"user": "u1", "k": 1}]}
    first, wrong, last = client.post("/recommend", json=body).json()["answers"]
    assert ids(first) == ["i0"] and ids(last) == ["i2"]
    assert wrong["error"]["kind"] == "unknown" and "'nobody'" in wrong["error"]["message"]


def test_notes_are_some(client):
    excluded = [f"none {n}" for n in range(30)]
    notes = client.post("/recommend", json={"user": "u1", "exclude": excluded}).json()["notes"]
    assert len(notes) == 21 and "'none 0'" in notes[0] and notes[-1] == "And 10 more notes."


def test_items_like_one(client, desk):
    assert client.post("/similar", json={"item": "i0"}).json()["export"] == desk.opened.fingerprint
    assert error_of(client.post("/similar", json={"item": "i99"})) == (404, "unknown", "item")


def test_why_an_item_is_shown(client, desk):
    told = client.post("/explain", json={"item": "i1", "history": ["i3", "i4"]}).json()
    assert told["export"] == desk.opened.fingerprint
    assert told["item"]["title"] == "Brazil" and told["rank"] >= 1
    assert "genres: odd. It has this, and so Dune has." in told["reasons"]
    assert {one["without"]["id"] for one in told["moved"]} <= {"i3", "i4"}
    assert client.post("/explain", json={"item": "i1", "user": "u1"}).status_code == 200


def test_what_a_newcomer_is_taken_for(client):
    said = {"side": "user", "attributes": {"genres": ["odd"]}, "words": "dune", "k": 2}
    told = client.post("/newcomer", json=said).json()
    assert told["alike"][0] == {**told["alike"][0], "id": "i3", "title": "Dune"}
    assert len(told["listed"]) == 2 and told["notes"]
    film = client.post("/newcomer", json={"side": "item", "words": "dune"}).json()
    assert {one["id"] for one in film["listed"]} <= {f"u{n}" for n in range(4)}
    assert all(one["title"] is None for one in film["listed"])


@pytest.mark.parametrize(
    ("path", "body", "wrong"),
    [
        ("/explain", {"item": "i99", "user": "u1"}, (404, "unknown", "item")),
        ("/explain", {"item": "i1", "user": "nobody"}, (404, "unknown", "user")),
        ("/explain", {"item": "i1", "history": ["none"]}, (404, "unknown", "history")),
        ("/explain", {"item": "i1"}, (422, "bad_body", "user")),
        ("/explain", {"user": "u1"}, (422, "bad_body", None)),
        ("/newcomer", {"side": "film"}, (422, "bad_body", "side")),
        ("/newcomer", {"side": "user"}, (422, "bad_value", None)),
        ("/newcomer", {"side": "item", "history": ["i1"]}, (422, "bad_value", None)),
        ("/newcomer", {"side": "item", "words": "zebra"}, (422, "bad_value", None)),
        ("/newcomer", {"side": "user", "history": ["none"]}, (404, "unknown", "history")),
        ("/newcomer", {"side": "user", "attributes": {"colour": "red"}}, (422, "bad_value", None)),
        ("/newcomer", {"side": "user", "words": "a", "k": 1001}, (422, "bad_value", "k")),
    ],
)
def test_the_same_of_reasons_and_newcomers(client, path, body, wrong):
    assert error_of(client.post(path, json=body)) == wrong


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({"user": "nobody"}, (404, "unknown", "user")),
        ({"history": ["none", "of these"]}, (404, "unknown", "history")),
        ({}, (422, "bad_body", "user")),
        ({"history": []}, (422, "bad_value", "history")),
        ({"user": 7}, (422, "bad_body", "user")),
        ({"user": "u1", "k": 0}, (422, "bad_body", "k")),
        ({"user": "u1", "k": 1001}, (422, "bad_value", "k")),
        ({"user": "u1", "kk": 3}, (422, "bad_body", None)),
        ({"user": "u1", "where": {"colour": "red"}}, (422, "bad_value", "where")),
        ({"user": "u1", "where": {"year": "red"}}, (422, "bad_value", "where")),
        ({"history": ["i1"] * 10_001}, (422, "bad_value", "history")),
        ({"user": "u1", "exclude": ["i1"] * 10_001}, (422, "bad_value", "exclude")),
        ({"user": "u1", "where": {"year": [1] * 101}}, (422, "bad_value", "where")),
        ({"asks": []}, (422, "bad_body", "asks")),
        ({"asks": [{"user": "u1"}], "k": 3}, (422, "bad_body", "asks")),
        ({"asks": [{"user": "u1"}, {"user": "u1", "k": "3"}]}, (422, "bad_body", "asks[1].k")),
        ({"asks": [{"user": "u1"}, {"user": "u1", "k": 2000}]}, (422, "bad_value", "asks[1].k")),
        ({"asks": [{"user": "u1"}] * 257}, (413, "too_large", "asks")),
        ({"user": "u1", "where": {"y" * 501: 1}}, (422, "bad_body", "where")),
        ([], (422, "bad_body", None)),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_wrong_is_said_with_the_field(client, body, wrong):
    assert error_of(client.post("/recommend", json=body)) == wrong


def test_lists_made_beforehand_blame_the_history_that_they_cannot_answer(desk, tmp_path):
    one = desk.opened.export
    lists = {"items": np.zeros((4, 1), np.int32), "scores": np.ones((4, 1), np.float32)}
    about = {"history": {"answered_by": "refused", "note": ""}, "lists": {"longest": 1}}
    content = Content("lists", one.users, one.items, one.histories, {"lists": lists}, about=about)
    write_folder(tmp_path / "lists", content)
    client = TestClient(make_app(Desk(tmp_path / "lists")), base_url="http://localhost")
    ask = {"user": "u1", "history": ["i1"]}
    for path, more in (("/recommend", {}), ("/explain", {"item": "i2"})):
        answer = client.post(path, json=ask | more)
        assert error_of(answer) == (422, "bad_value", "history")
    answer = client.post("/recommend", json={**ask, "where": {"year": "red"}})
    assert error_of(answer) == (422, "bad_value", "where")


def test_bounds_arrive_as_they_were_sent(client):
    for least, there in ((2**53 + 1, []), (1984, ["i3", "i1", "i5", "i6"])):
        ask = {"user": "u1", "where": {"year": {"least": least}}}
        items = client.post("/recommend", json=ask).json()["items"]
        assert sorted(one["id"] for one in items) == sorted(there)
    bounds = read(b'{"where": {"year": {"least": 9007199254740993}}}', Decoder(RecommendBody)).where
    assert bounds == {"year": {"least": 2**53 + 1}}


def test_the_description_has_the_bounds_of_every_list(client):
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    for of, name in (("AskBody", "exclude"), ("NewcomerBody", "history")):
        assert schemas[of]["properties"][name]["maxItems"] == Limits().history


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"k": 1e999}'])
def test_what_is_no_json_is_said_to_be_none(client, raw):
    assert error_of(client.post("/recommend", content=raw))[:2] == (422, "bad_body")


def test_a_long_body_is_refused_whether_it_says_its_length_or_not(client):
    long = json.dumps({"user": "u" * 1_000_001}).encode()
    assert error_of(client.post("/recommend", content=long))[:2] == (413, "too_large")
    parts = (long[at : at + 10_000] for at in range(0, len(long), 10_000))
    assert error_of(client.post("/recommend", content=parts))[:2] == (413, "too_large")


def test_wrong_places_and_methods_are_named(client):
    assert error_of(client.get("/nowhere"))[:2] == (404, "no_such_route")
    assert error_of(client.post("/recommend/", json={}))[:2] == (404, "no_such_route")
    answer = client.get("/recommend")
    assert error_of(answer)[:2] == (405, "wrong_method") and answer.headers["allow"] == "POST"


def test_who_is_somebody_else_or_comes_from_elsewhere_is_refused(client):
    for headers in (
        {"Host": "evil.example"},
        {"Origin": "http://evil.example"},
        {"Origin": "http://[no address"},
    ):
        answer = client.post("/recommend", json={"user": "u1"}, headers=headers)
        assert error_of(answer)[:2] == (403, "wrong_host")


def test_with_a_token_only_who_has_it_is_answered(desk):
    app = make_app(desk, door=Door(token=TOKEN))
    client, ask = TestClient(app, base_url="http://localhost"), {"user": "u1"}
    wrong = ("", f"Basic {TOKEN}", TOKEN, "Bearer ", f"Bearer {TOKEN}x", f"Bearer {TOKEN[1:]}")
    for given in (None, *wrong):
        headers = {} if given is None else {"Authorization": given}
        answer = client.post("/recommend", json=ask, headers=headers)
        assert error_of(answer)[:2] == (401, "no_token")
        assert answer.headers["www-authenticate"] == "Bearer"
        assert client.get("/metrics", headers=headers).status_code == 401
    for scheme in ("Bearer", "bearer"):  # RFC 9110, 11.1: schemes have no case
        right = {"Authorization": f"{scheme} {TOKEN}"}
        assert client.post("/recommend", json=ask, headers=right).status_code == 200
    assert client.get("/health").status_code == 200


def test_the_pages_of_a_closed_server_name_nobody_of_the_data(desk):
    client = TestClient(make_app(desk, door=Door(token=TOKEN)), base_url="http://localhost")
    for path in ("/docs", "/openapi.json"):
        shown = client.get(path).text
        assert "u0" not in shown and desk.opened.fingerprint not in shown
        known = client.get(path, headers={"Authorization": f"Bearer {TOKEN}"}).text
        assert "u0" in known


def test_health_says_what_answers(client, desk):
    told = client.get("/health").json()
    assert told["export"] == desk.opened.fingerprint and told["recommender"] == "first"
    assert told["sizes"] == {"users": 4, "items": 8, "interactions": 4}
    assert told["refused"] is None and told["uptime_s"] >= 0


def test_metrics_count_requests_asks_and_name_the_export(client, desk):
    client.post("/recommend", json={"asks": [{"user": "u1"}] * 3})
    client.post("/recommend", json={"user": "nobody"})
    client.get("/favicon.ico")
    told = client.get("/metrics").text
    assert 'autograph_requests_total{endpoint="/recommend",status="200"} 1.0' in told
    assert 'autograph_requests_total{endpoint="/recommend",status="404"} 1.0' in told
    assert 'autograph_requests_total{endpoint="other",status="404"} 1.0' in told
    assert 'autograph_request_seconds_count{endpoint="/recommend"} 2.0' in told
    assert "autograph_asks_sum 4.0" in told and "autograph_asks_count 2.0" in told
    assert 'autograph_asks_bucket{le="2.0"} 1.0' in told
    assert "autograph_requests_in_flight 1.0" in told
    assert f'export="{desk.opened.fingerprint}"' in told
    assert 'autograph_export_swaps_total{outcome="swapped"} 0.0' in told


def test_the_page_of_all_endpoints_needs_nothing_from_elsewhere_and_escapes_data(client):
    answer = client.get("/docs")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "http://" not in answer.text and "https://" not in answer.text
    assert all(f"POST {path}" in answer.text for path in ("/similar", "/explain"))
    assert "4 users, 8 items" in answer.text


class Held:
    """An export that answers when it is let."""

    def __init__(self, export: Any) -> None:
        self._export, self.let, self.began = export, threading.Event(), threading.Event()

    def recommend(self, asks: Any) -> Any:
        self.began.set()
        assert self.let.wait(30)
        return self._export.recommend(asks)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._export, name)


def hold(desk: Desk) -> tuple[Desk, Held]:
    """A desk whose answers take a thread each, and the export that holds them."""
    held = Held(desk.opened.export)
    slow = dataclasses.replace(desk.opened, export=held, of_user_s=1.0)  # type: ignore[arg-type]
    return Desk(desk.folder, lambda folder: slow), held


def test_an_answer_that_takes_too_long_is_given_up(desk):
    slow, held = hold(desk)
    app = make_app(slow, Limits(seconds=0.05))
    with TestClient(app, base_url="http://localhost") as client:
        answer = client.post("/recommend", json={"user": "u1"})
        assert error_of(answer)[:2] == (504, "too_slow") and "0.05 seconds" in answer.text
        held.let.set()


def test_beyond_what_is_answered_at_once_others_are_asked_to_come_again(desk):
    slow, held = hold(desk)
    transport = httpx2.ASGITransport(make_app(slow, Limits(requests=1)))

    async def ask() -> None:
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
            first = asyncio.create_task(client.post("/recommend", json={"user": "u1"}))
            await asyncio.to_thread(held.began.wait, 30)
            second = await client.post("/recommend", json={"user": "u1"})
            assert error_of(second)[:2] == (503, "busy") and second.headers["retry-after"] == "1"
            assert (await client.get("/health")).status_code == 200
            held.let.set()
            assert (await first).status_code == 200
            assert (await client.post("/recommend", json={"user": "u1"})).status_code == 200

    run(ask())


def test_who_asks_at_the_same_time_gets_the_own_answer(desk):
    transport = httpx2.ASGITransport(make_app(desk))
    asks = [{"user": f"u{n % 5}", "k": 1 + n % 3} for n in range(60)]  # there is no u4

    async def ask() -> list[httpx2.Response]:
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await asyncio.gather(*(client.post("/recommend", json=one) for one in asks))

    for one, answer in zip(asks, run(ask()), strict=True):
        if one["user"] == "u4":
            assert error_of(answer) == (404, "unknown", "user")
        else:
            best = 2 * int(one["user"][1])
            assert ids(answer.json())[0] == f"i{best}" and len(ids(answer.json())) == one["k"]


def test_what_fails_in_the_server_is_told_without_its_insides(desk, caplog):
    class Broken(Held):
        def recommend(self, asks: Any) -> Any:
            raise ZeroDivisionError("inside")

    _, held = hold(desk)
    broken = dataclasses.replace(desk.opened, export=Broken(held))  # type: ignore[arg-type]
    app = make_app(Desk(desk.folder, lambda folder: broken))
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
        answer = client.post("/recommend", json={"user": "u1"})
    assert error_of(answer)[:2] == (500, "broken")
    assert "inside" not in answer.text and "ZeroDivisionError" in caplog.text


def test_a_folder_that_is_no_export_is_told(tmp_path: Path):
    with pytest.raises(ArtifactError, match="There is no export"):
        Desk(tmp_path / "nothing")
