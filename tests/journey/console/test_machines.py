"""Mailboxes, the classifier, labels, automations and webhooks in a browser, as who runs them works with them."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from models.session import transaction
from models.tables.handling import MailboxRequest
from tests.console.installation import PACE, Visits
from tests.journey.console.accessible import faults
from worker.errands.requests import PATIENCE

pytestmark = [pytest.mark.xdist_group("browser")]

MILA, ILL = "mila@outreach.example", "ill@outreach.example"


def test_a_mailbox_is_found_paused_and_resumed(admin: Page) -> None:
    admin.goto("/mailboxes")
    expect(admin.get_by_role("row", name=ILL)).to_contain_text("Next step:")
    admin.get_by_role("link", name=MILA).click()
    admin.get_by_role("button", name="Pause").click()
    expect(admin.get_by_role("main")).to_contain_text("paused")
    admin.get_by_role("button", name="Resume").click()
    expect(admin.get_by_role("button", name="Pause")).to_be_visible()


def test_a_check_that_nobody_carries_out_says_so_and_is_stopped(visits: Visits, admin: Page) -> None:
    admin.goto("/mailboxes")
    admin.get_by_role("link", name=MILA).click()
    admin.get_by_role("button", name="Check", exact=True).click()
    asked = admin.get_by_role("article").filter(has_text="Asked for by admin@default.example")
    expect(asked).to_contain_text("waiting")
    with transaction(visits.installation.engine) as session:
        (request,) = session.scalars(select(MailboxRequest))
        request.recorded_at -= 2 * PATIENCE
    expect(asked).to_contain_text("inbox-worker run")
    assert faults(admin) == []
    asked.get_by_role("button", name="Stop").click()
    expect(asked.get_by_role("button", name="Stop")).to_have_count(0)


def test_the_serving_classifier_and_its_labels_are_shown(admin: Page) -> None:
    admin.goto("/model")
    expect(admin.get_by_role("link", name="In service")).to_contain_text("default")
    admin.get_by_role("link", name="Labels", exact=True).click()
    label = admin.get_by_role("article", name="Label 1", exact=True)
    expect(label).to_contain_text("We would love to hear more.")
    admin.get_by_label("Language").press_sequentially("en", delay=PACE)
    admin.wait_for_url("**language=en*")
    # What was typed is asked for once: leaving the field does not bring the list anew, which would close the menu.
    label.get_by_role("button", name="Change label 1").click()
    label.get_by_label("Class").select_option("Engaged")
    label.get_by_role("button", name="Change the class").click()
    expect(label.locator("header .chip").first).to_have_text("Engaged")
    admin.get_by_role("button", name="Undo").click()
    expect(label.locator("header .chip").first).to_have_text("Interested")


def test_a_rule_is_tried_on_the_past_made_and_removed(admin: Page) -> None:
    admin.goto("/automations")
    admin.get_by_role("button", name="New rule").click()
    admin.get_by_role("group").get_by_role("combobox", name="Campaign").select_option("trade-fair")
    admin.get_by_role("button", name="Go on").click()
    admin.get_by_label("Name").fill("silent ones")
    admin.get_by_label("Days without a reply").first.fill("1")
    admin.get_by_role("combobox", name="Action 1", exact=True).select_option('{"do": "stop"}')
    admin.get_by_role("button", name="Try it").click()
    expect(admin.get_by_role("heading", name=re.compile(r"^It would have changed"))).to_be_visible()
    assert faults(admin) == []
    admin.get_by_role("button", name="Make the rule").click()
    rule = admin.get_by_role("article").filter(has=admin.get_by_role("heading", name="silent ones"))
    expect(rule).to_contain_text("1 day")
    rule.get_by_role("button", name="Remove silent ones").click()
    rule.get_by_role("button", name="Remove this rule").click()
    expect(rule).to_have_count(0)


def test_an_endpoint_shows_its_secret_once_is_paused_and_removed(admin: Page) -> None:
    admin.goto("/webhooks")
    admin.get_by_text("Add an endpoint").click()
    admin.get_by_label("Name").fill("crm")
    admin.get_by_label("URL").fill("http://127.0.0.1:9/hooks")
    admin.get_by_label("It lies in a network of your own").check()
    admin.get_by_role("button", name="Add it").click()
    expect(admin.get_by_text("whsec_")).to_be_visible()
    assert faults(admin) == []
    admin.goto("/webhooks")
    admin.get_by_role("link", name="crm", exact=True).click()
    expect(admin.get_by_role("heading", name="crm")).to_be_visible()
    expect(admin.get_by_text("whsec_")).to_have_count(0)
    admin.get_by_role("button", name="Pause").click()
    expect(admin.get_by_role("button", name="Resume")).to_be_visible()
    admin.get_by_role("button", name="More for crm").click()
    admin.get_by_role("button", name="Remove this endpoint").click()
    expect(admin.get_by_role("link", name="crm", exact=True)).to_have_count(0)


def test_a_mailbox_that_cannot_be_is_refused_in_words(admin: Page) -> None:
    admin.goto("/mailboxes")
    admin.get_by_role("link", name="Add a mailbox").click()
    address = admin.get_by_role("textbox", name=re.compile("^Address"))
    address.fill("new@outreach.example")
    admin.get_by_role("button", name="Add", exact=True).click()
    expect(admin.get_by_role("status")).to_contain_text("host is missing")
    expect(address).to_have_value("new@outreach.example")
