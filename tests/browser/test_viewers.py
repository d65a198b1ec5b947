"""A page for viewers in a real browser, and the way in with a password."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from urllib.parse import urlencode, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from benchmarks.browser import PATIENCE_MS, new_page, settled, start_page

PASSWORD = "sesame & öffne"
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a page whose visitors are viewers until they give the password."""
    folder = tmp_path_factory.mktemp("viewers")
    (folder / "password").write_text(f"{PASSWORD}\n", encoding="utf-8")
    settings = {"AUTOGRAPH_PASSWORD_FILE": str(folder / "password")}
    url, process = start_page(folder / "workspace", folder / "page.log", **settings)
    yield url
    process.terminate()
    process.wait()


def _menu(page: Page) -> list[str]:
    settled(page)
    links = page.get_by_test_id("stSidebarNavLink").all_inner_texts()
    return [text.split()[-1] for text in links]


def _post(address: str, password: str, **headers: str) -> tuple[int, str, str]:
    """Status, cookie and text of the answer to a password."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
    try:
        connection.request("POST", "/sign-in", urlencode({"password": password}), headers)
        answer = connection.getresponse()
        return answer.status, answer.getheader("Set-Cookie") or "", answer.read().decode()
    finally:
        connection.close()


def test_a_viewer_signs_in_and_out(browser: Browser, address: str) -> None:
    page = new_page(browser)
    page.goto(address)
    assert _menu(page) == ["Factors", "Graph", "Query", "Compare", "Demo", "Ask", "Serve", "Report"]
    page.goto(f"{address}/train")
    expect(page.get_by_text("The screen Train runs or changes things")).to_be_visible()

    page.get_by_role("link", name="Sign in to run and change things").click()
    page.get_by_label("Password").fill("sesame")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_have_text("That is not the password.")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="Build the demo")).to_be_enabled()
    assert _menu(page)[:6] == ["Start", "Data", "Prompts", "Knowledge", "Train", "Jobs"]

    page.goto(f"{address}/jobs")
    expect(page.get_by_text("No jobs yet")).to_be_visible()
    page.get_by_role("link", name="Sign out").click()
    expect(page.get_by_text("Nobody has run an experiment")).to_be_visible()
    assert _menu(page) == ["Factors", "Graph", "Query", "Compare", "Demo", "Ask", "Serve", "Report"]
    page.close()


def test_a_cookie_is_out_of_the_reach_of_scripts_and_of_other_sites(address: str) -> None:
    status, cookie, _ = _post(address, PASSWORD)
    assert status == 303
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    assert "Secure" in _post(address, PASSWORD, **{"X-Forwarded-Proto": "https"})[1]
    assert _post(address, PASSWORD, Origin="http://evil.example")[0] == 403


def test_guessing_ends_after_a_few(address: str) -> None:
    answers = [_post(address, f"guess {n}") for n in range(12)]
    assert {status for status, _, _ in answers} == {403, 429}
    assert not any(cookie for _, cookie, _ in answers)
    status, cookie, text = _post(address, PASSWORD)
    assert (status, cookie) == (429, ""), "the right one has to wait, too"
    assert "Try again in" in text
