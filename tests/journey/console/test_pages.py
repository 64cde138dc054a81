"""Every page: light and dark, on a phone, by keyboard, without scripts, and in each person's time zone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import Locator, Page, expect

from models.tables.people import Role
from tests.console.installation import Visits, hostile_mail
from tests.journey.console.accessible import faults

pytestmark = [pytest.mark.xdist_group("browser")]

PAGES = (
    "/", "/recipients?status=Interested", "/recipients/many", "/recipients/{recipient}", "/contacts?words=hostile",
    "/contacts/by/{address}", "/review", "/do-not-email", "/do-not-email/import", "/mailboxes", "/mailboxes/1",
    "/mailboxes/2", "/mailboxes/new", "/mailboxes/2/change", "/mailboxes/2/remove", "/model", "/model/default",
    "/labels", "/labels/statistics", "/labels/doubtful", "/labels/import", "/automations",
    "/automations/edit?campaign=spring-launch", "/webhooks", "/webhooks/1", "/users", "/account",
    "/messages?state=judged", "/messages/{message}",
)  # fmt: skip
"""Every kind of page; of long lists a part, since axe looks at each row."""
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 720}
WIDTHS = "() => [document.documentElement.scrollWidth, window.innerWidth]"
RING = "each => getComputedStyle(each).outlineStyle + ' ' + getComputedStyle(each).outlineWidth"


def address_of(visits: Visits, path: str) -> str:
    message, recipient, address = hostile_mail(visits.installation.engine)
    return path.format(message=message, recipient=recipient, address=quote(address))


@pytest.fixture(scope="module")
def looker(visits: Visits) -> Page:
    """An admin's window for looking only."""
    return visits.window()


@pytest.fixture
def phone(looker: Page) -> Iterator[Page]:
    looker.set_viewport_size(PHONE)  # type: ignore[arg-type] - width and height
    yield looker
    looker.set_viewport_size(DESK)  # type: ignore[arg-type] - width and height


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_accessible_in_light_and_dark(visits: Visits, looker: Page, path: str) -> None:
    looker.emulate_media(color_scheme="light")
    looker.goto(address_of(visits, path))
    assert faults(looker) == []
    looker.emulate_media(color_scheme="dark")
    assert faults(looker, "color-contrast") == []


@pytest.mark.parametrize("path", PAGES)
def test_a_page_fits_a_phone(visits: Visits, phone: Page, path: str) -> None:
    phone.goto(address_of(visits, path))
    needed, there = phone.evaluate(WIDTHS)
    assert needed <= there


def test_the_menu_opens_on_a_phone_and_leads_on(phone: Page) -> None:
    phone.goto("/")
    expect(phone.get_by_role("link", name="Recipients", exact=True)).to_be_hidden()
    phone.get_by_text("Menu", exact=True).click()
    assert faults(phone) == []
    phone.get_by_role("link", name="Recipients", exact=True).click()
    expect(phone.get_by_role("heading", name="Recipients")).to_be_visible()


def test_the_first_stop_of_the_keyboard_skips_to_the_content(looker: Page) -> None:
    looker.goto("/mailboxes")
    looker.keyboard.press("Tab")
    skip = looker.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    looker.keyboard.press("Enter")
    expect(looker.get_by_role("main")).to_be_focused()
    looker.keyboard.press("Tab")
    expect(looker.get_by_role("link", name="Add a mailbox")).to_be_focused()


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_a_menu_opens_by_the_keyboard_and_escape_closes_it(looker: Page, key: str) -> None:
    looker.goto("/mailboxes/1")
    button = looker.get_by_role("button", name="More for mila@outreach.example")
    button.focus()
    looker.keyboard.press(key)
    entry = looker.get_by_role("link", name="Change", exact=True)
    expect(entry).to_be_visible()
    looker.keyboard.press("Tab")
    expect(entry).to_be_focused()
    looker.keyboard.press("Escape")
    expect(entry).to_be_hidden()
    expect(button).to_be_focused()


def test_whatever_has_the_focus_shows_it(looker: Page) -> None:
    looker.goto("/mailboxes/1")
    looker.keyboard.press("Tab")
    seen = set()
    for _ in range(60):
        looker.keyboard.press("Tab")
        here = looker.locator(":focus")
        if here.count() == 0:  # The last one was reached.
            break
        assert _ringed(here), here.evaluate("each => each.outerHTML")
        seen.add(here.evaluate("each => each.localName"))
    assert {"a", "button", "summary"} <= seen


def _ringed(here: Locator) -> bool:
    style, width = str(here.evaluate(RING)).split()
    return style != "none" and width != "0px"


def test_without_scripts_a_status_is_set_and_taken_back(plain: Page) -> None:
    plain.goto("/recipients?words=kim.tran")
    plain.get_by_role("button", name="Set status of kim.tran@driftwood.example").click()
    plain.get_by_role("button", name="Interested", exact=True).click()
    row = plain.get_by_role("row", name="kim.tran@driftwood.example")
    expect(row).to_contain_text("Interested")
    plain.get_by_role("button", name="Undo").click()
    expect(row).to_contain_text("Active")


def test_without_scripts_a_review_is_answered_and_taken_back(plain: Page) -> None:
    plain.goto("/review")
    asked = plain.get_by_role("heading", level=3).inner_text()
    plain.get_by_role("button", name=re.compile("^n Nothing in it")).click()
    expect(plain.get_by_role("status")).to_contain_text("Nothing in it.")
    plain.get_by_role("button", name="Undo", exact=True).click()
    expect(plain.get_by_role("heading", level=3)).to_have_text(asked)


@pytest.fixture(scope="module")
def plain(visits: Visits) -> Page:
    """An editor's window that runs no scripts."""
    return visits.window(Role.EDITOR, java_script_enabled=False)


def test_times_are_those_of_the_reader(visits: Visits) -> None:
    page, mail = visits.of(Role.DATA_STAFF), address_of(visits, "/messages/{message}")
    seen = []
    for zone in ("Asia/Tokyo", "UTC"):
        page.goto("/account")
        page.get_by_label("Time zone").fill(zone)
        page.get_by_role("button", name="Keep").click()
        expect(page.get_by_role("status")).not_to_be_empty()
        page.goto(mail)
        seen.append(page.get_by_role("article", name="Mail").get_by_role("time").inner_text())
    hours = [int(re.search(r", (\d\d):\d\d", each)[1]) for each in seen]  # type: ignore[index] - a time is told
    assert (hours[0] - hours[1]) % 24 == 9
