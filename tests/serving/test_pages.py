"""All pages: who may see them, that they can be used, and that nothing sent in becomes markup.

SPDX-License-Identifier: Apache-2.0
"""

import json
import re
import socket
from pathlib import Path

import pytest

from cxrlens.serving.app import STATIC
from cxrlens.vocabulary import NOT_A_DEVICE, PHANTOM_MODEL

from .accessibility import SMALL_TARGETS, TABLET, find_grave, is_wider_than_the_screen

pytestmark = pytest.mark.slow

TEMPLATES = STATIC.parent / "templates"

MARKUP = "<img src=x onerror=document.title='hacked'>"


@pytest.fixture(scope="module")
def room(start_room, phantoms) -> "ServedRoom":
    """A room in assistance with six cases that the model has answered."""
    room = start_room(level="assistance")
    room.wait_predicted(room.upload(phantoms[:6], "PAT-1"))
    return room


@pytest.fixture
def cases(room) -> list[dict[str, object]]:
    return room.ask("GET", "/cases?shown=open").json()["cases"]


def list_pages(cases: list[dict[str, object]]) -> list[str]:
    return ["/", f"/cases/{cases[0]['id']}", "/room", "/outcomes", "/automation", "/nothing-here"]


def test_nothing_stands_inline_and_no_other_host_is_named() -> None:
    for path in (*TEMPLATES.iterdir(), *STATIC.iterdir()):
        text = path.read_text()
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=\"", text), path
        assert not re.search(r"\beval\(|new Function|innerHTML|insertAdjacentHTML", text), path
        addresses = set(re.findall(r"https?://[^\s\"'<>]+", text))
        assert addresses <= {"http://www.w3.org/2000/svg"}, path


def test_every_page_says_what_it_is_and_has_nothing_grave(room, visit, cases) -> None:
    one = visit(room, room.token)
    for path in list_pages(cases):
        one.page.goto(room.url + path)
        one.page.wait_for_load_state("networkidle" if path == "/nothing-here" else "load")
        if path.startswith("/cases/"):
            one.wait_picture()
            one.page.wait_for_selector("#machine:not([hidden])")
        if path == "/room":
            one.page.wait_for_selector("#trail tr")
        if path == "/automation":
            one.page.wait_for_selector("#promises .nothing")
        words = one.page.inner_text("body")
        assert NOT_A_DEVICE in words, path
        assert PHANTOM_MODEL in words or path == "/nothing-here"
        assert find_grave(one.page) == [], path
    one.page.goto(room.url)
    one.page.keyboard.press("?")
    one.page.wait_for_selector("dialog[open]")
    assert find_grave(one.page) == []
    stranger = visit(room)
    stranger.page.goto(f"{room.url}/room")
    stranger.page.wait_for_selector("#sign-in:not([hidden])")
    assert find_grave(stranger.page) == []
    assert NOT_A_DEVICE in stranger.page.inner_text("body")


def test_a_case_has_nothing_grave_in_any_state(room, visit, cases) -> None:
    one = visit(room, room.add_person("states"))
    one.open_case(str(cases[1]["id"]))
    one.page.click(".maps summary")
    one.page.click(".earlier summary")
    one.page.keyboard.press("Control+Enter")
    assert one.page.inner_text("#form-said") == "Say which of them it is."
    assert find_grave(one.page) == []
    for key in ("1", "w", "Control+Enter"):
        one.page.keyboard.press(key)
    one.page.wait_for_selector("#amend:not([hidden])")
    assert find_grave(one.page) == []
    one.page.click("#amend")
    assert find_grave(one.page) == []


def test_a_tablet_shows_all_without_scrolling_sideways(room, visit, cases) -> None:
    one = visit(room, room.token, **TABLET)
    for path in list_pages(cases):
        one.page.goto(room.url + path)
        if path.startswith("/cases/"):
            one.wait_picture()
        one.page.wait_for_load_state("networkidle" if path == "/nothing-here" else "load")
        assert not is_wider_than_the_screen(one.page), path
        assert one.page.evaluate(SMALL_TARGETS) == [], path


def test_the_token_does_not_stay(room, visit) -> None:
    token = room.add_person("token")
    one = visit(room)
    one.page.goto(room.link_of("x" * 43))
    one.page.wait_for_selector(".sentence-bad")
    assert "nobody's" in one.page.inner_text("#said")
    assert one.page.url == f"{room.url}/sign-in"
    one.page.fill("#token", token)
    one.page.keyboard.press("Enter")
    one.page.wait_for_selector("#rows tr")
    assert token not in one.page.url
    assert all(token not in address for address in one.asked)
    assert token not in one.page.evaluate("JSON.stringify([localStorage, sessionStorage])")
    one.page.click("#sign-out")
    one.page.wait_for_selector("#sign-in:not([hidden])")
    one.page.goto(f"{room.url}/cases/{'0' * 32}")
    assert one.page.url.endswith(f"/sign-in?next=/cases/{'0' * 32}")


def test_who_signs_in_again_comes_back_but_never_elsewhere(room, visit, cases) -> None:
    token = room.add_person("again")
    one = visit(room)
    address = f"/cases/{cases[0]['id']}"
    one.page.goto(f"{room.url}{address}")
    one.page.fill("#token", token)
    one.page.keyboard.press("Enter")
    one.page.wait_for_url(f"{room.url}{address}")
    one.page.goto(f"{room.url}/sign-in?next=//example.org/#{token}")
    one.page.wait_for_url(f"{room.url}/")


def test_pages_of_a_lead_are_not_for_a_reader(room, visit) -> None:
    one = visit(room, room.add_person("mere reader"))
    assert "Outcomes" not in one.page.inner_text("header")
    answer = one.page.goto(f"{room.url}/room")
    assert answer is not None
    assert answer.status == 403
    assert "needs the role lead" in one.page.inner_text("main")
    missing = one.page.goto(f"{room.url}/cases/{'0' * 32}")
    assert missing is not None
    assert missing.status == 404


def test_what_is_sent_in_never_becomes_markup(room, visit, phantoms, tmp_path: Path) -> None:
    one = visit(room, room.add_person(f"{MARKUP[:40]}"))
    path = tmp_path / f"{MARKUP}.png"
    path.write_bytes(phantoms[40].read_bytes())
    one.page.fill("#patient", MARKUP)
    one.page.set_input_files("#files", [path])
    one.until("document.querySelector('#outbox-sum').textContent.includes('1 accepted')")
    assert path.name in one.page.inner_text("#outbox-list")
    one.until(f"document.querySelector('#rows').textContent.includes({json.dumps(MARKUP)})")
    one.page.get_by_role("row").filter(has_text=MARKUP).get_by_role("link").click()
    one.wait_picture()
    one.page.fill("#words", MARKUP)
    for key in ("Escape", "1", "w", "Enter"):
        one.page.keyboard.press(key)
    one.page.wait_for_selector(".said-final")
    assert one.page.inner_text("#title") == MARKUP
    assert one.page.inner_text(".said-words") == MARKUP
    assert one.page.locator("img").count() == 0
    assert "hacked" not in one.page.title()
    lead = visit(room, room.token)
    lead.page.goto(f"{room.url}/room")
    lead.page.wait_for_selector("#people tr")
    assert lead.page.locator("img").count() == 0


def test_a_level_is_set_with_a_reason_and_a_question(room, visit) -> None:
    lead = visit(room, room.add_person("the lead", "lead"))
    other = visit(room, room.add_person("who watches"))
    lead.page.goto(f"{room.url}/room")
    assert lead.page.locator("#people").count() == 0
    lead.page.check("input[value=shadow]")
    lead.page.fill("#level-reason", "we begin on Monday")
    lead.page.click("#level-set")
    lead.page.wait_for_selector("#ask[open]")
    assert "fall to this level at once" in lead.page.inner_text("#ask")
    lead.page.click("#ask [value=no]")
    assert room.ask("GET", "/room").json()["level"] == "assistance"
    lead.page.click("#level-set")
    lead.page.click("#ask-yes")
    for one in (lead, other):
        one.until("document.querySelector('#level').textContent.includes('Shadow')")
    assert room.ask("GET", "/room").json()["level"] == "shadow"
    lead.until("document.querySelector('#trail').textContent.includes('we begin on Monday')")
    lead.page.check("#asks-first")
    lead.page.fill("#readers", "2")
    lead.page.click("#settings-form .main-button")
    lead.until("document.querySelector('#settings-done').textContent === 'Set.'")
    settings = room.ask("GET", "/room").json()["settings"]
    assert settings == {
        "reveal": "after-commit",
        "asks_first": True,
        "readers_per_case": 2,
        "spot_check_percent": 5,
    }
    room.set_up()
    head = room.ask("GET", "/trail/head").json()
    lead.until(f"document.querySelector('#trail-head').value === '{head['seq']} {head['hash']}'")
    lead.page.click("#trail-older")
    lead.until("!document.querySelector('#trail-newest').disabled")
    room.set_level("assistance")


def test_an_admin_lets_people_in_and_out(room, visit) -> None:
    admin = visit(room, room.token)
    admin.page.goto(f"{room.url}/room")
    admin.page.fill("#person-name", "Dr. New")
    admin.page.click("#person-form .main-button")
    admin.page.wait_for_selector("#token-shown[open]")
    link = admin.page.input_value("#token-link")
    admin.page.keyboard.press("Escape")
    admin.until("document.querySelector('#token-link').value === ''")
    new = visit(room, link.partition("#")[2])
    assert "Dr. New" in new.page.inner_text("header")
    row = admin.page.get_by_role("row").filter(has_text="Dr. New")
    row.get_by_role("button", name="Shut out").click()
    admin.page.click("#ask-yes")
    admin.page.locator("#people .is-off").filter(has_text="Dr. New").wait_for()
    new.page.keyboard.press("2")
    new.page.wait_for_selector(".sentence-bad a")
    assert "no longer signed in" in new.page.inner_text("#said")


def test_a_room_without_sign_in_has_no_sign_out(start_room, visit) -> None:
    room = start_room(level="human-only", options=["--no-sign-in"])
    one = visit(room)
    one.page.goto(room.url)
    one.page.wait_for_selector("#empty:not([hidden])")
    assert "Nothing waits for you" in one.page.inner_text("#empty")
    assert one.page.locator("#sign-out").count() == 0
    assert find_grave(one.page) == []


def test_a_page_says_when_the_room_is_gone_and_goes_on_by_itself(
    start_room, visit, phantoms
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
    room = start_room(level="human-only", options=["--port", port])
    one = visit(room, room.token)
    room.stop()
    one.page.wait_for_selector("#live:not([hidden])")
    assert one.page.inner_text("#live") == "Reconnecting…"
    again = start_room(level=None, folder=room.folder, options=["--port", port])
    again.token = room.token
    again.upload(phantoms[:1])
    one.page.wait_for_selector("#rows tr", timeout=60_000)
    one.page.wait_for_selector("#live", state="hidden")
