"""Recipients, contacts, Do Not Email and users in a browser, as people work with them."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.console.installation import PACE, Visits
from tests.journey.console.accessible import faults

pytestmark = [pytest.mark.xdist_group("browser")]


def rows(page: Page) -> Locator:
    """Return the rows of the list, without its head."""
    return page.get_by_role("row").filter(has=page.get_by_role("rowheader"))


def addresses(page: Page) -> list[str]:
    """Return whose rows are shown."""
    return rows(page).get_by_role("rowheader").get_by_role("link").all_inner_texts()


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


def test_a_status_is_corrected_with_two_clicks_and_taken_back_with_one(editor: Page) -> None:
    editor.goto("/recipients?status=Interested")
    row = rows(editor).first
    row.get_by_role("button", name="Set status").click()
    row.get_by_role("button", name="Not Interested").click()
    expect(row.locator("td.status")).to_have_text("Not Interested")
    # Whoever works with the keyboard goes on where they were.
    expect(row.get_by_role("button", name="Set status")).to_be_focused()
    editor.get_by_role("button", name="Undo").click()
    expect(row.locator("td.status")).to_have_text("Interested")
    assert editor.url.endswith("/recipients?status=Interested")


def test_recipients_are_found_and_corrected_by_the_keyboard(editor: Page) -> None:
    editor.goto("/recipients")
    address = addresses(editor)[-1]
    editor.keyboard.press("/")
    editor.keyboard.type(address)
    expect(rows(editor)).to_have_count(1)
    row = rows(editor).first
    row.get_by_role("button", name="Set status").focus()
    editor.keyboard.press("ArrowUp")
    expect(row.get_by_role("link", name="With a reason")).to_be_focused()
    assert faults(editor) == []
    editor.keyboard.press("Escape")
    expect(row.get_by_role("link", name="With a reason")).to_be_hidden()


def test_a_search_narrows_the_list_while_one_types_and_stays_in_the_address(editor: Page) -> None:
    editor.goto("/recipients")
    everybody = rows(editor).count()
    editor.get_by_label("Search").press_sequentially("theo.l", delay=PACE)
    expect(rows(editor)).to_have_count(2)
    assert everybody > 2
    editor.wait_for_url("**/recipients?words=theo.l")
    editor.reload()
    expect(rows(editor)).to_have_count(2)
    expect(editor.get_by_label("Search")).to_have_value("theo.l")


def test_three_are_chosen_set_at_once_and_taken_back_at_once(editor: Page) -> None:
    editor.goto("/recipients?status=Bounced")
    before = addresses(editor)
    boxes = rows(editor).get_by_role("checkbox")
    boxes.nth(0).check()
    boxes.nth(2).click(modifiers=["Shift"])
    expect(boxes.nth(1)).to_be_checked()
    expect(editor.get_by_text("3 chosen")).to_be_visible()
    assert faults(editor) == []
    editor.get_by_role("button", name="Set status of those chosen").click()
    editor.get_by_role("button", name="Engaged", exact=True).click()
    for each in before[:3]:
        expect(editor.get_by_role("listitem").filter(has_text=each)).to_be_visible()
    assert faults(editor) == []
    editor.get_by_role("button", name="Do it").click()
    expect(rows(editor)).to_have_count(len(before) - 3)
    editor.get_by_role("button", name="Undo").click()
    expect(rows(editor)).to_have_count(len(before))
    assert sorted(addresses(editor)) == sorted(before)


def test_a_contact_is_found_and_its_story_read(editor: Page) -> None:
    editor.goto("/contacts")
    editor.get_by_label("Search").press_sequentially("lukas.w", delay=PACE)
    expect(rows(editor)).to_have_count(1)
    editor.get_by_role("link", name="lukas.winter@dachsbau.example").click()
    expect(editor.get_by_role("heading", level=1)).to_have_text("lukas.winter@dachsbau.example")
    story = editor.get_by_role("listitem").filter(has_text="Answered").first
    mail = story.get_by_role("article", name="Mail")
    expect(mail).to_be_hidden()
    story.get_by_text("The mail", exact=True).click()
    expect(mail.get_by_role("mark").first).to_be_visible()
    quoted = mail.locator("pre")
    expect(quoted).to_be_hidden()
    mail.get_by_text("Quoted mail, signature, footer").click()
    expect(quoted).to_be_visible()
    assert faults(editor) == []


def test_an_address_comes_under_do_not_email_and_is_removed_with_a_reason(editor: Page) -> None:
    editor.goto("/do-not-email")
    editor.get_by_text("Add addresses or domains").click()
    editor.get_by_label("Addresses and domains").fill("wilma@nowhere.example\nno-more.example")
    editor.get_by_label("Reason").first.fill("asked on the phone")
    editor.get_by_role("button", name="Add to Do Not Email").click()
    expect(rows(editor).filter(has_text="no-more.example")).to_be_visible()
    editor.get_by_label("Address or domain", exact=True).press_sequentially("wilma", delay=PACE)
    editor.wait_for_url("**/do-not-email?words=wilma&*")
    expect(rows(editor)).to_have_count(1)
    expect(rows(editor)).to_contain_text("asked on the phone")
    editor.get_by_role("button", name="Remove wilma@nowhere.example from Do Not Email").click()
    rows(editor).get_by_label("Reason").fill("a mistake")
    editor.get_by_role("button", name="Remove", exact=True).click()
    expect(rows(editor)).to_contain_text("a mistake")
    expect(editor.get_by_role("status").first).to_contain_text("1 entry lifted")


def test_a_file_is_looked_at_before_it_is_taken_in(editor: Page, tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_text("target,reason\nfirst@import.example,their wish\nno address at all,\nsecond@import.example,\n")
    editor.goto("/do-not-email")
    editor.get_by_role("link", name="Import").click()
    editor.get_by_label("File").set_input_files(file)
    editor.get_by_role("button", name="Look at it").click()
    expect(editor.get_by_role("listitem").filter(has_text="no address at all")).to_be_visible()
    assert faults(editor) == []
    editor.get_by_role("button", name="Add 2 to Do Not Email, leave the others out").click()
    expect(rows(editor).filter(has_text="first@import.example")).to_contain_text("their wish")
    expect(rows(editor).filter(has_text="second@import.example")).to_be_visible()


def test_the_list_is_exported(editor: Page) -> None:
    editor.goto("/do-not-email")
    with editor.expect_download() as download:
        editor.get_by_role("link", name="Export").click()
    assert "theo.lang@kestrelworks.example" in Path(download.value.path()).read_text(encoding="utf-8")
