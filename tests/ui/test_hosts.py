"""Who the page is, and who is refused."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from app.cli.ui import PAGE, Door, serve
from app.jobs.control import _environment
from app.serve.hosts import Hosts
from data.errors import ConfigError


@pytest.mark.parametrize("host", ["localhost:8501", "LOCALHOST", "127.0.0.1:8501", "[::1]:8501"])
def test_this_machine_is_itself(host: str) -> None:
    assert Hosts().refusal(host, None) is None
    assert Hosts().refusal(host, f"http://{host}") is None


@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        "evil.example",
        "localhost.evil.example",
        "192.168.1.7:8501",
        "user@localhost",
        "localhost/x",
        "localhost:port",
        "[::1",
    ],
)
def test_anybody_else_is_refused(host: str | None) -> None:
    assert Hosts().refusal(host, None) is not None


def test_all_addresses_are_addresses_in_digits() -> None:
    everywhere = Hosts("0.0.0.0", ["box:8501"])
    assert everywhere.refusal("192.168.1.7:8501", "http://192.168.1.7:8501") is None
    assert everywhere.refusal("box:8501", "http://box:8501") is None
    assert everywhere.refusal("evil.example:8501", None) is not None
    assert everywhere.refusal("192.168.1.7:8501", "http://192.168.1.8:8501") is not None


def test_the_address_it_listens_on_is_one_of_its_names() -> None:
    assert Hosts("box.lan").refusal("box.lan:8501", None) is None


@pytest.mark.parametrize("host", ["https://example.org", "a,b", "*", "example.org/x", ""])
def test_what_is_no_name_of_a_host_is_said(host: str) -> None:
    with pytest.raises(ConfigError, match=r"example\.org:8443"):
        Door(8501, "127.0.0.1", [host])


@pytest.mark.parametrize("content", [None, b"", b" \n", b"\xff\xfe"])
def test_a_file_without_a_password_is_said(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "password"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match="--password-file"):
        Door(8501, "127.0.0.1", password_file=file)


def test_a_password_is_no_argument_and_no_setting_of_a_job(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("sesame")
    settings = Door(8501, "127.0.0.1", viewer=True, password_file=file).settings
    assert settings["AUTOGRAPH_VIEWER"] == "1"
    assert settings["AUTOGRAPH_PASSWORD_FILE"] == str(file)
    assert "sesame" not in str(settings)


def test_a_job_does_not_get_the_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOGRAPH_PASSWORD", "sesame")
    assert "sesame" not in _environment(tmp_path / "workspace" / "jobs" / "one").values()


def test_the_command_becomes_the_page_and_asks_for_no_address(tmp_path, monkeypatch):
    became = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("os.execve", lambda *what: became.append((*what, Path.cwd())))
    serve(Path("here"), Door(8501, "127.0.0.1"), browser=True)
    [(program, words, settings, place)] = became
    assert program == words[0] == sys.executable and place == PAGE.parent
    assert settings["AUTOGRAPH_WORKSPACE"] == str(tmp_path / "here")
    options = dict(zip(words[5::2], words[6::2], strict=True))
    assert options["--server.headless"] == options["--server.showEmailPrompt"] == "false"
