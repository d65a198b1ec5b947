"""Requests that are not meant for the page, sent to a real one."""

from __future__ import annotations

import http.client
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from benchmarks.browser import CHROMIUM, NO_CHROMIUM, chromium, start_page

HANDSHAKE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}
PATHS = ("/", "/jobs", "/_stcore/health", "/_stcore/host-config", "/media/x.csv", "/static/x.js")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Host and port of a page that also is example.org, as behind a reverse proxy."""
    folder = tmp_path_factory.mktemp("hosts")
    settings = {"AUTOGRAPH_ALLOWED_HOSTS": "example.org"}
    url, process = start_page(folder / "workspace", folder / "page.log", **settings)
    yield urlsplit(url).netloc
    process.terminate()
    process.wait()


def _ask(
    address: str, path: str = "/", method: str = "GET", headers: Mapping[str, str] | None = None
) -> tuple[int, str]:
    """Status and text of an answer."""
    connection = http.client.HTTPConnection(address, timeout=60)
    try:
        connection.request(method, path, headers=dict(headers or {}))
        answer = connection.getresponse()
        return answer.status, "" if answer.status == 101 else answer.read().decode()
    finally:
        connection.close()


def _handshake(address: str, **headers: str) -> tuple[int, str]:
    return _ask(address, "/_stcore/stream", headers={**HANDSHAKE, **headers})


@pytest.mark.parametrize("path", PATHS)
def test_an_unknown_host_gets_a_sentence(address: str, path: str) -> None:
    port = address.rpartition(":")[2]
    status, text = _ask(address, path, headers={"Host": f"evil.example:{port}"})
    assert status == 403
    assert "'evil.example'" in text
    assert "--allow-host" in text


@pytest.mark.parametrize("path", ["/", "/_stcore/health"])
def test_another_port_of_this_machine_is_another_origin(address: str, path: str) -> None:
    status, text = _ask(address, path, headers={"Origin": "http://127.0.0.1:1"})
    assert status == 403
    assert "http://127.0.0.1:1" in text


def test_uploads_from_elsewhere_are_refused(address: str) -> None:
    path = "/_stcore/upload_file/session/file"
    for method in ("PUT", "POST", "DELETE", "OPTIONS"):
        assert _ask(address, path, method, {"Origin": "http://evil.example"})[0] == 403
        assert _ask(address, path, method, {"Host": "evil.example"})[0] == 403


def test_a_websocket_opens_for_the_page_itself_alone(address: str) -> None:
    port = address.rpartition(":")[2]
    assert _handshake(address, Origin=f"http://{address}")[0] == 101
    assert (
        _handshake(address, Host=f"localhost:{port}", Origin=f"http://localhost:{port}")[0] == 101
    )
    for origin in ("http://evil.example", "http://127.0.0.1:1", f"http://localhost:{port}", "null"):
        assert _handshake(address, Origin=origin)[0] == 403, origin
    rebound = f"evil.example:{port}"
    status, text = _handshake(address, Host=rebound, Origin=f"http://{rebound}")
    assert status == 403
    assert "'evil.example'" in text


def test_a_name_that_was_allowed_passes(address: str) -> None:
    assert _ask(address, headers={"Host": "example.org"})[0] == 200
    assert _handshake(address, Host="example.org", Origin="https://example.org")[0] == 101
    assert _handshake(address, Origin="https://example.org")[0] == 101, "a proxy that changes Host"
    assert _ask(address, headers={"Host": "example.org.evil.example"})[0] == 403
    assert _handshake(address, Origin="https://example.org:99")[0] == 403


def test_answers_are_framed_by_the_page_alone(address: str) -> None:
    connection = http.client.HTTPConnection(address, timeout=60)
    connection.request("GET", "/")
    answer = connection.getresponse()
    assert answer.getheader("Content-Security-Policy") == "frame-ancestors 'self'"
    connection.close()


@pytest.mark.skipif(CHROMIUM is None, reason=NO_CHROMIUM)
def test_a_name_that_points_here_shows_nothing_of_the_page(address: str) -> None:
    url = f"http://evil.example:{address.rpartition(':')[2]}/"
    with ThreadPoolExecutor(1) as apart:  # a second browser cannot live in the thread of the first
        status, text = apart.submit(_misled, url).result()
    assert status == 403
    assert text.startswith("The page does not answer under")


def _misled(url: str) -> tuple[int, str]:
    """Status and text of an address in a browser to which its name points at this machine."""
    with chromium("--host-resolver-rules=MAP evil.example 127.0.0.1") as browser:
        tab = browser.new_page()
        answer = tab.goto(url)
        assert answer is not None
        return answer.status, tab.locator("body").inner_text()
