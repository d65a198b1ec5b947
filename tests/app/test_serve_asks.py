"""A server that is asked for something: a user and a meaning, from kept neighbours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mcp import Client
from serve_fakes import run, write_export
from starlette.testclient import TestClient

from app.serve.api import make_app
from app.serve.desk import Desk
from app.serve.limits import Limits
from app.serve.tools import make_tools


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    folder = tmp_path_factory.mktemp("served") / "export"
    write_export(folder, asked=True)
    return Desk(folder)


@pytest.fixture
def client(desk: Desk) -> TestClient:
    return TestClient(make_app(desk), base_url="http://localhost")


def items(answer: Any, path: str = "items") -> dict[str, float]:
    return {item["id"]: item["score"] for item in answer.json()[path]}


def error_of(answer: Any) -> tuple[int, str, str | None]:
    told = answer.json()["error"]
    return answer.status_code, told["kind"], told["field"]


def test_who_asks_and_what_for_both_count(client: TestClient) -> None:
    ask = {"user": "u1", "k": 2, "again": True}
    found = client.post("/recommend", json={**ask, "for": "0-2"})
    half = float(np.sqrt(0.5))  # the meaning, and the one item that was had
    assert items(found) == pytest.approx({"i2": half, "i7": half})
    assert found.json()["notes"] == ["Asked of what is kept."]
    assert items(client.post("/recommend", json=ask)) == {"i2": 1.0, "i3": 0.5}
    both = {"user": "u1", "history": ["i5", "i6"], "for": "0-0", "k": 3, "again": True}
    third = 1 / np.sqrt(1 + 0.25 + 0.25)
    assert items(client.post("/recommend", json=both)) == pytest.approx(
        {"i0": third, "i5": third / 2, "i6": third / 2}
    )
    stranger = client.post("/recommend", json={"history": ["i5"], "k": 1, "again": True})
    assert items(stranger) == pytest.approx({"i2": half})  # what i5 means


def test_words_are_taken_for_a_meaning_and_it_is_said_for_which(client: TestClient) -> None:
    found = client.post("/recommend", json={"user": "u1", "for": "a ship", "k": 1})
    assert list(items(found)) == ["i0"]
    assert "0-0 (Ships), since ‘ship’ tells of it" in found.json()["notes"][0]
    named = client.post("/recommend", json={"user": "u1", "for": "ships IN ice", "k": 1})
    assert list(items(named)) == ["i2"]


def test_what_nobody_can_ask_for_is_said(client: TestClient, tmp_path: Path) -> None:
    ask = {"user": "u1", "for": "rain"}
    assert error_of(client.post("/recommend", json=ask)) == (404, "unknown", "for")
    assert error_of(client.post("/explain", json={**ask, "item": "i1"})) == (404, "unknown", "for")
    assert error_of(client.post("/recommend", json={**ask, "for": 3})) == (422, "bad_body", "for")
    told = client.post("/recommend", json={"asks": [ask, {"user": "u1", "for": "0-1"}]}).json()
    assert told["answers"][0]["error"]["field"] == "for" and told["answers"][1]["items"]
    assert error_of(client.post("/recommend", json={"asks": [ask], "for": "0-1"}))[0] == 422
    write_export(tmp_path / "mute")
    mute = TestClient(make_app(Desk(tmp_path / "mute")), base_url="http://localhost")
    found = mute.post("/recommend", json={"user": "u1", "for": "0-1"})
    assert error_of(found) == (422, "bad_value", "for")
    assert "cannot be asked" in found.json()["error"]["message"]


def test_an_explanation_is_of_what_was_asked_for(client: TestClient) -> None:
    body = {"user": "u1", "item": "i2"}
    told = client.post("/explain", json={**body, "for": "0-2"}).json()
    assert told["rank"] == 1 and told["reasons"][0] == "It has what is asked for: Ships in ice."
    told = client.post("/explain", json={**body, "for": "0-1"}).json()
    assert told["rank"] > 1 and not any("asked for" in reason for reason in told["reasons"])


def test_it_is_counted_and_said_what_is_kept(client: TestClient, desk: Desk) -> None:
    for _ in range(2):
        client.post("/recommend", json={"user": "u3", "for": "0-0"})
    text = client.get("/metrics").text
    hits = next(row for row in text.splitlines() if 'kept_reads_total{outcome="hits"}' in row)
    assert float(hits.split()[1]) >= 2 and 'kept_draws_total{outcome="dropped"} 0.0' in text
    asks = client.get("/health").json()["asks"]
    assert asks["such_as"] == {"0-0": "Ships", "0-1": "Ice", "0-2": "Ships in ice"}
    assert asks["answered_by"] == "kept" and asks["queries"] == 3
    schema = client.get("/openapi.json").json()["components"]["schemas"]
    assert "for" in schema["AskBody"]["properties"] and "for" in schema["ExplainBody"]["properties"]
    assert "&#34;for&#34;: &#34;0-0&#34;" in client.get("/docs").text


def test_an_assistant_asks_for_the_same(client: TestClient, desk: Desk) -> None:
    async def ask() -> Any:
        async with Client(make_tools(desk, Limits())) as tools:
            return await tools.call_tool("recommend", {"user": "u1", "query": "0-2", "k": 3})

    over_http = client.post("/recommend", json={"user": "u1", "for": "0-2", "k": 3}).json()
    assert run(ask()).structured_content == over_http


def test_a_newer_export_begins_with_what_it_knows(tmp_path: Path) -> None:
    write_export(tmp_path / "e", asked=True)
    desk = Desk(tmp_path / "e")
    old = desk.opened.export.kept
    write_export(tmp_path / "e", turn=1, asked=True)
    assert desk.look() and desk.opened.export.kept is not old
