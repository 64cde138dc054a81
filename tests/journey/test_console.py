"""The console in a browser: each page's main task, on the mail of the demo, and what no page may let happen."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import pytest
from axe_core_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.console.installation import Installation, Visits, chromium

pytestmark = [pytest.mark.xdist_group("browser")]

PAGES = ("/", "/recipients", "/recipients/many", "/account", "/users")
SERIOUS = {"serious", "critical"}


@pytest.fixture(scope="module")
def visits(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visits]:
    with chromium(Installation(tmp_path_factory.mktemp("console"))) as opened:
        yield opened


@pytest.fixture(scope="module")
def admin(visits: Visits) -> Page:
    return visits.window()


@pytest.fixture(autouse=True)
def quiet(visits: Visits) -> Iterator[None]:
    """No page may complain: of a script that fails, or of something the security policy forbids."""
    visits.complaints.clear()
    yield
    assert visits.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_accessible(admin: Page, path: str, scheme: str) -> None:
    admin.emulate_media(color_scheme=scheme)  # type: ignore[arg-type] - one of the two words
    admin.goto(path)
    assert faults(admin) == []


def test_nobody_is_let_in_with_a_wrong_password(visits: Visits) -> None:
    page = visits.window(None)
    page.goto("/users")
    page.get_by_label("Name").fill("admin@default.example")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("wrong")
    assert faults(page) == []


def test_a_user_is_added_and_signs_in(visits: Visits, admin: Page) -> None:
    admin.goto("/users")
    admin.get_by_text("Add a user").click()
    admin.get_by_label("Name").first.fill("nora@default.example")
    admin.get_by_label("Role").select_option("viewer")
    admin.get_by_label("Password").fill("a long enough password")
    admin.get_by_role("button", name="Add", exact=True).click()
    expect(admin.get_by_role("status")).to_contain_text("can sign in now")
    page = visits.window(None)
    page.goto("/account")
    page.get_by_label("Name").fill("nora@default.example")
    page.get_by_label("Password").fill("a long enough password")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="nora@default.example")).to_be_visible()


def test_a_status_is_corrected_with_two_clicks_and_taken_back_with_one(admin: Page) -> None:
    admin.goto("/recipients?status=Interested")
    row = admin.locator("tbody tr").first
    row.get_by_role("button", name="Set status").click()
    row.get_by_role("button", name="Not Interested").click()
    expect(row.locator("td.status")).to_have_text("Not Interested")
    # Whoever works with the keyboard goes on where they were.
    expect(row.locator("summary")).to_be_focused()
    admin.get_by_role("button", name="Undo").click()
    expect(row.locator("td.status")).to_have_text("Interested")
    assert admin.url.endswith("/recipients?status=Interested")


def test_recipients_are_found_and_corrected_by_the_keyboard(admin: Page) -> None:
    admin.goto("/recipients")
    address = admin.locator("tbody tr").last.locator("th").inner_text()
    admin.keyboard.press("/")
    admin.keyboard.type(address)
    expect(admin.locator("tbody tr")).to_have_count(1)
    row = admin.locator("tbody tr").first
    row.locator("summary").focus()
    admin.keyboard.press("ArrowUp")
    expect(row.get_by_role("link", name="With a reason")).to_be_focused()
    assert faults(admin) == []
    admin.keyboard.press("Escape")
    expect(row.locator("details")).not_to_have_attribute("open", "")
    row.get_by_label("Choose").check()
    expect(admin.locator("#many")).to_contain_text("1 chosen")
    assert faults(admin) == []


def faults(page: Page) -> list[str]:
    """Return what a page does that keeps somebody from using it."""
    found = Axe().run(page)["violations"]
    return [
        f"{each['id']}: {each['help']}: {[node['html'][:200] for node in each['nodes'][:3]]}"
        for each in found
        if each["impact"] in SERIOUS
    ]


HOSTILE_PLACES = ("/recipients", "/contacts", "/review", "/messages?state=judged")


def test_a_hostile_mail_is_text_wherever_it_is_shown(visits: Visits, admin: Page) -> None:
    message, address = visits.installation.hostile()
    for path in (*HOSTILE_PLACES, f"/messages/{message}", f"/contacts/by/{quote(address)}"):
        admin.goto(path)
        admin.wait_for_load_state("networkidle")
        assert admin.title() != "owned", path
        assert admin.locator("img").count() == 0, path
    admin.goto(f"/messages/{message}")
    expect(admin.get_by_text("<script>", exact=False).first).to_be_visible()
