"""What no page may let happen: text of strangers that becomes more, and people who see or do what they may not."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from models.session import reading
from models.tables.mailing import Contact
from models.tables.people import Role
from tests.console.hostility import BANNED, HOSTILE
from tests.console.installation import OTHERS, Visits, hostile_mail
from tests.journey.console.accessible import faults

pytestmark = [pytest.mark.xdist_group("browser")]

HOSTILE_PLACES = (
    "/", "/recipients", "/recipients?campaign=hostile", "/recipients/{recipient}", "/contacts",
    "/contacts/by/{address}", "/contacts/by/{banned}", "/review", "/messages?state=judged", "/messages/{message}",
    "/do-not-email", "/mailboxes", "/mailboxes/2", "/labels", "/labels/doubtful", "/model", "/automations",
    "/automations/edit?campaign=hostile", "/automations/edit?campaign=hostile&rule={name}", "/webhooks", "/webhooks/1",
    "/users",
)  # fmt: skip
LISTS = (
    "/", "/recipients", "/recipients/many", "/contacts", "/review", "/do-not-email", "/mailboxes",
    "/messages?state=judged", "/messages?state=unmatched", "/model", "/labels", "/automations", "/webhooks", "/users",
)  # fmt: skip


def test_nobody_is_let_in_with_a_wrong_password(visits: Visits) -> None:
    page = visits.window(None)
    page.goto("/users")
    page.get_by_label("Name").fill("admin@default.example")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("wrong")
    assert faults(page) == []


def test_a_hostile_mail_is_text_wherever_it_is_shown(visits: Visits, admin: Page) -> None:
    message, recipient, address = hostile_mail(visits.installation.engine)
    named = {"address": quote(address), "banned": quote(BANNED), "name": quote(HOSTILE)}
    told = 0
    for path in HOSTILE_PLACES:
        admin.goto(path.format(message=message, recipient=recipient, **named))
        if path.endswith("{address}"):
            admin.get_by_role("article", name="Mail").wait_for()
        assert admin.title() != "owned", path
        assert admin.locator("img").count() == 0, path
        assert admin.locator("body script").count() == 0, path
        told += "<script>" in admin.get_by_role("main").inner_text()
    # Most of them do show it; the others have it in fields, or not at all.
    assert told > len(HOSTILE_PLACES) / 2
    admin.goto(f"/messages/{message}")
    expect(admin.get_by_role("article", name="Mail")).to_contain_text("<script>document.title='owned'</script>")


@pytest.mark.parametrize(
    "path", ["/recipients", "/contacts", "/do-not-email", "/mailboxes", "/mailboxes/1", "/webhooks/1"]
)
def test_a_viewer_sees_nothing_to_press(visits: Visits, path: str) -> None:
    page = visits.of(Role.VIEWER)
    page.goto(path)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert page.get_by_role("main").get_by_role("button").all_inner_texts() == []
    assert page.locator("main form[method=post]").count() == 0


def test_another_team_sees_nobody_of_ours(visits: Visits) -> None:
    with reading(visits.installation.engine) as session:
        ours = {"mila@outreach.example", *session.scalars(select(Contact.address).where(Contact.team_id == 1))}
    page = visits.of(Role.ADMIN, OTHERS)
    for path in LISTS:
        page.goto(path)
        shown = page.content()
        assert [each for each in ours if each in shown] == [], path


def test_another_team_finds_nobody_of_ours(visits: Visits) -> None:
    message, _, address = hostile_mail(visits.installation.engine)
    page = visits.of(Role.ADMIN, OTHERS)
    for path in (f"/contacts/by/{quote(address)}", f"/messages/{message}", "/mailboxes/1", "/webhooks/1"):
        page.goto(path)
        expect(page.get_by_role("link", name="Go to the overview")).to_be_visible()
        expect(page.get_by_role("article")).to_have_count(0)
