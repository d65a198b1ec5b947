"""Viewers look and change nothing, by the screens and below them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from made_jobs import FAILED, FINISHED, make_job
from opening import Open, words
from streamlit.testing.v1 import AppTest

from app.experiment.saved import NewItem, new_items_of
from app.jobs.control import forget, resume, start, stop
from app.jobs.state import read_job
from app.serve import sign_in
from app.ui.main import SECTIONS
from app.ui.shared import visitors
from app.ui.shared.visitors import SHARED, is_named
from data import atomic, rights
from data.artifacts import ArtifactStore
from data.rights import RightsError
from data.uploads import keep_upload, remove_upload, uploads
from llm.backends import open_backend
from llm.cache import ResponseCache
from llm.inspection import inspect_endpoint
from llm.settings import ServerConfig
from prompts.library import Library

OTHERS = [one.path for screens in SECTIONS.values() for one in screens if one.path not in SHARED]
ITEM = NewItem(name="Untitled", data="demo", text="Ice.")
TABLE = b"user_id,item_id\na,b\n"


@pytest.fixture
def viewer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page was started for viewers."""
    monkeypatch.setenv(visitors.VIEWER, "1")


@pytest.fixture
def looking() -> Iterator[None]:
    """Whoever is served may only look."""
    rights.ask(lambda: False)
    yield
    rights.ask(visitors.may_change)


def _files(folder: Path) -> dict[str, tuple[int, int]]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {
        str(p): (p.stat().st_size, p.stat().st_mtime_ns) for p in found if "maps" not in p.parts
    }


def _pressable(page: AppTest) -> set[str]:
    return {button.label for button in page.button if not button.disabled}


@pytest.mark.parametrize("path", OTHERS)
def test_what_runs_or_changes_is_not_open(
    screen: Open, empty_workspace: Path, viewer: None, path: str
) -> None:
    page = screen(path, empty_workspace)
    assert not page.exception
    assert [one.value for one in page.info] == [
        f"The screen {_title(path)} runs or changes things, so it is not open to viewers."
    ]
    assert not page.button


def _title(path: str) -> str:
    return next(s.title for screens in SECTIONS.values() for s in screens if s.path == path)


@pytest.mark.parametrize("path", SHARED)
def test_an_empty_workspace_offers_nothing_to_run(
    screen: Open, empty_workspace: Path, viewer: None, path: str
) -> None:
    page = screen(path, empty_workspace)
    assert not page.exception
    assert not _pressable(page)
    assert "Nobody has run an experiment" in words(page)


@pytest.mark.parametrize("path", SHARED)
def test_open_screens_show_results_and_write_nothing(
    screen: Open, own_workspace: Path, viewer: None, path: str
) -> None:
    before = _files(own_workspace)
    page = screen(path, own_workspace)
    assert not page.exception
    assert not page.error
    assert _files(own_workspace) == before
    writing = ("Save", "Keep", "Remove", "Run", "Fit", "Train", "Make", "Start job")
    assert not {label for label in _pressable(page) if label.startswith(writing)}


def test_a_job_of_an_open_screen_cannot_be_started(
    screen: Open, own_workspace: Path, viewer: None
) -> None:
    page = screen("compare", own_workspace, part="Beyond accuracy")
    locked = [button for button in page.button if button.disabled]
    assert not page.exception
    for button in locked:
        assert "sign in" in button.help


def test_nothing_below_the_buttons_is_open_either(
    empty_workspace: Path, looking: None, tmp_path: Path
) -> None:
    rights.ask(lambda: True)
    failed = read_job(empty_workspace, make_job(empty_workspace, 1, FAILED).name)
    ended = read_job(empty_workspace, make_job(empty_workspace, 2, FINISHED).name)
    new_items_of(empty_workspace).save(ITEM)
    keep_upload("t.csv", TABLE, empty_workspace)
    cache = ResponseCache(empty_workspace / "cache" / "replies.sqlite")
    rights.ask(lambda: False)
    before = _files(empty_workspace)
    store = ArtifactStore(empty_workspace / "artifacts")
    server = ServerConfig(backend="server", url="http://127.0.0.1:9/v1", model="m")
    acts: dict[str, Callable[[], object]] = {
        "start": lambda: start(empty_workspace, "run", ("run", "demo"), "Run demo"),
        "resume": lambda: resume(failed),
        "stop": lambda: stop(failed),
        "forget": lambda: forget(ended),
        "save": lambda: new_items_of(empty_workspace).save(ITEM, replace=True),
        "remove": lambda: new_items_of(empty_workspace).remove(ITEM.name),
        "upload": lambda: keep_upload("u.csv", TABLE + b"c,d\n", empty_workspace),
        "remove upload": lambda: remove_upload(uploads(empty_workspace)[0], []),
        "template": lambda: Library(empty_workspace / "t").create("mine", "x", "note"),
        "write": lambda: atomic.write_text(tmp_path / "x", ""),
        "create": lambda: atomic.create_text(tmp_path / "y", ""),
        "artifact": lambda: store.make("split", "0" * 16, lambda _: None, {}),
        "reply": lambda: cache._store.write(("DELETE FROM replies", [()])),
        "model": lambda: open_backend(server),
        "endpoint": lambda: inspect_endpoint(server),
    }
    for act in acts.values():
        with pytest.raises(RightsError, match="sign in"):
            act()
    assert _files(empty_workspace) == before
    cache.close()
    assert not list(tmp_path.glob("[xy]"))


def test_what_follows_from_results_may_be_kept(looking: None, tmp_path: Path) -> None:
    with rights.deriving():
        atomic.write_text(tmp_path / "map", "drawn")
    assert (tmp_path / "map").exists()
    with pytest.raises(RightsError):
        atomic.write_text(tmp_path / "other", "")


def test_without_a_visitor_a_guarded_page_changes_nothing(viewer: None) -> None:
    assert visitors.has_viewers()
    assert not rights.may_change(), "a thread of the page's process is nobody"


def test_a_password_makes_viewers_of_all_others(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not visitors.has_viewers()
    assert rights.may_change()
    monkeypatch.setenv(sign_in.PASSWORD, "sesame")
    assert visitors.has_viewers()
    assert not rights.may_change()


@pytest.mark.parametrize(
    ("user", "named"),
    [
        ({"email": "ann@example.org"}, True),
        ({"email": "Ann@Example.ORG", "email_verified": True}, True),
        ({"email": "ann@example.org", "email_verified": False}, False),
        ({"email": "ann@example.org.evil.example"}, False),
        ({"email": "bob@other.example"}, True),
        ({"email": "eve@other.example"}, False),
        ({"name": "ann@example.org"}, False),
        ({}, False),
    ],
)
def test_editors_are_named_by_address(user: dict[str, Any], named: bool) -> None:
    assert is_named(user, ["*@example.org", "bob@other.example"]) is named


def test_accounts_make_viewers_of_all_who_are_not_editors(
    screen: Open, empty_workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = {"auth": {"client_id": "x"}, "autograph": {"editors": ["ann@example.org"]}}
    user: dict[str, Any] = {}

    class User:
        is_logged_in = True

        def to_dict(self) -> dict[str, Any]:
            return user

    monkeypatch.setattr("app.ui.shared.visitors._secrets", lambda section: kept.get(section, {}))
    monkeypatch.setattr("streamlit.user", User())
    for email, opened in (("ann@example.org", True), ("eve@example.org", False)):
        user["email"] = email
        page = screen("jobs", empty_workspace)
        assert ("not open to viewers" not in words(page)) is opened
        assert ("not among the editors" in words(page)) is not opened


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_wrong_passwords_have_to_wait() -> None:
    clock = Clock()
    attempts = sign_in.Attempts(of_one=2, within_s=60, clock=clock)
    attempts.fail("a")
    assert attempts.wait_s("a") == 0
    clock.now += 10
    attempts.fail("a")
    assert attempts.wait_s("a") == 50
    assert attempts.wait_s("b") == 0
    for n in range(38):
        attempts.fail(str(n))
    assert attempts.wait_s("b") == 50, "all addresses together have a limit, too"
    clock.now += 50
    assert attempts.wait_s("a") == 0
    clock.now += 60
    assert attempts.wait_s("b") == 0
    assert not attempts.failed


def test_signing_in_ends() -> None:
    clock = Clock()
    sessions = sign_in.Sessions(clock)
    token, other = sessions.begin(), sessions.begin()
    assert token != other
    assert sessions.holds(token)
    assert not sessions.holds(token[:-1])
    assert not sessions.holds(None)
    assert token not in sessions.until, "what opens the page is not kept"
    sessions.end(token)
    assert not sessions.holds(token)
    clock.now += sign_in.LASTS_S
    assert not sessions.holds(other)


def test_the_password_is_in_a_file_or_in_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(sign_in.PASSWORD, "sesame")
    assert sign_in.is_password("sesame")
    assert not sign_in.is_password("Sesame")
    (tmp_path / "file").write_text("öffne dich\n", encoding="utf-8")
    monkeypatch.setenv(sign_in.PASSWORD_FILE, str(tmp_path / "file"))
    assert sign_in.is_password("öffne dich")
    assert not sign_in.is_password("sesame")
    (tmp_path / "file").unlink()
    assert not sign_in.is_password(""), "a file that is gone opens nothing"
    assert sign_in.has_password()
