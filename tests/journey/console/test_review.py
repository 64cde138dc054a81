"""Review in a browser: a person with the keyboard alone, whether or not they see the guess before they choose."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from models.tables.people import Role
from tests.console.installation import Visits
from tests.journey.console.accessible import faults

pytestmark = [pytest.mark.xdist_group("browser")]


@pytest.fixture
def reviewer(visits: Visits) -> Page:
    return visits.of(Role.DATA_STAFF)


def asked(page: Page) -> str:
    """Return what tells the item from others: where its answer goes."""
    return str(page.get_by_role("form", name="Your answer").get_attribute("action"))


def press(page: Page, key: str) -> str:
    """Press a key, wait until another item is shown, and return it."""
    before = asked(page)
    page.keyboard.press(key)
    expect(page.get_by_role("form", name="Your answer")).not_to_have_attribute("action", before)
    return asked(page)


def test_mails_are_answered_and_taken_back_by_keys_alone(reviewer: Page) -> None:
    reviewer.goto("/review")
    shown = [asked(reviewer), *(press(reviewer, key) for key in ("2", "n", "1"))]
    assert len(set(shown)) == 4
    expect(reviewer.get_by_text("3 answered today")).to_be_visible()
    assert faults(reviewer) == []
    for before in reversed(shown[:3]):
        assert press(reviewer, "z") == before
    expect(reviewer.get_by_text("0 answered today")).to_be_visible()
    expect(reviewer.get_by_role("status").first).to_contain_text("the item is open again")


def test_a_mail_is_skipped_by_a_key_and_stays_open(reviewer: Page) -> None:
    reviewer.goto("/review")
    first = asked(reviewer)
    press(reviewer, "s")
    reviewer.goto("/review")
    assert asked(reviewer) == first


def test_who_wants_no_guess_sees_none_before_the_choice(reviewer: Page) -> None:
    reviewer.goto("/review?kind=low+confidence")
    guess = reviewer.get_by_text("the machine's guess")
    doubt = reviewer.get_by_text("not sure of it")
    expect(guess).to_have_count(1)
    expect(doubt).to_have_count(1)
    like(reviewer, "after you have chosen")
    reviewer.goto("/review?kind=low+confidence")
    expect(reviewer.get_by_role("heading", level=2)).to_be_visible()
    expect(guess).to_have_count(0)
    expect(doubt).to_have_count(0)
    expect(reviewer.get_by_role("mark")).to_have_count(0)
    reviewer.keyboard.press("2")
    expect(reviewer.get_by_role("status").first).to_contain_text("machine")
    reviewer.keyboard.press("z")
    expect(reviewer.get_by_role("form", name="Your answer")).to_be_visible()
    like(reviewer, "at once")


def like(page: Page, when: str) -> None:
    """Choose when the guess is shown."""
    page.goto("/account")
    page.get_by_label(when).check()
    page.get_by_role("button", name="Keep").click()
    expect(page.get_by_role("status")).not_to_be_empty()
