"""A server that is killed and begins again while it is asked: nothing wrong, and few errors."""

from __future__ import annotations

import http.client
import json
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event, Lock

from serve_fakes import write_export
from test_serve_process import port_of, server

CLIENTS, ENOUGH = 4, 40
PATIENCE_S = 60


class Clients:
    """Several who ask for users whose best item they know, each request on its own connection.

    Attributes:
        told: How often an answer was right or wrong, a connection refused, and one broken off.
    """

    def __init__(self, port: int) -> None:
        self._port, self._lock, self.stop, self._changed = port, Lock(), Event(), Event()
        self.told: Counter[str] = Counter()

    def ask(self, seed: int) -> None:
        """Asks until `stop`."""
        turn = seed
        while not self.stop.is_set():
            turn += 1
            outcome = self._one(turn % 4)
            with self._lock:
                self.told[outcome] += 1
            self._changed.set()

    def _one(self, user: int) -> str:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE_S)
        try:
            connection.connect()
        except ConnectionRefusedError:
            return "refused"
        except OSError:
            return "broken"
        try:
            connection.request("POST", "/recommend", json.dumps({"user": f"u{user}", "k": 2}))
            answer = connection.getresponse()
            items = [item["id"] for item in json.loads(answer.read()).get("items", [])]
        except (OSError, http.client.HTTPException):
            return "broken"
        finally:
            connection.close()
        right = answer.status == 200 and items[:1] == [f"i{2 * user}"] and len(items) == 2
        return "right" if right else "wrong"

    def wait(self, until: Callable[[Counter[str]], bool]) -> Counter[str]:
        """What was told by the time that something holds."""
        begun = time.monotonic()
        while not until(self.told):
            assert time.monotonic() - begun < PATIENCE_S, self.told
            self._changed.wait(0.05)
            self._changed.clear()
        return Counter(self.told)


def test_killed_under_load_only_what_was_in_flight_is_lost(tmp_path: Path) -> None:
    write_export(tmp_path / "export")
    with server(tmp_path / "export") as (process, lines):
        port = port_of(lines)
        clients = Clients(port)
        with ThreadPoolExecutor(CLIENTS) as pool:
            asking = [pool.submit(clients.ask, seed) for seed in range(CLIENTS)]
            try:
                # before the server listens it refuses
                before = clients.wait(lambda told: told["right"] >= ENOUGH)
                process.kill()
                process.wait(PATIENCE_S)
                gone = Counter(clients.told)  # until then the system may take in further ones
                clients.wait(lambda told: told["refused"] >= before["refused"] + CLIENTS)
                down = Counter(clients.told)
                with server(tmp_path / "export", port):
                    back = clients.wait(lambda told: told["right"] > down["right"])
                    clients.wait(lambda told: told["right"] >= back["right"] + ENOUGH)
                    clients.stop.set()
                    for one in asking:
                        one.result(PATIENCE_S)
            finally:
                clients.stop.set()
    told = clients.told
    assert before["wrong"] == before["broken"] == 0
    assert told["wrong"] == 0
    assert told["broken"] <= gone["broken"] + CLIENTS, "no more than were in flight"
    assert told["refused"] > before["refused"] and told["right"] >= 2 * ENOUGH
    assert told["refused"] - back["refused"] <= CLIENTS, "none once it answers again"
