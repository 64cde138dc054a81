"""Contacts: the list, acts on one and on many, and the whole story of an address."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from urllib.parse import quote

import pytest
from selectolax.lexbor import LexborNode
from sqlalchemy import select

from classifier.verdict import Evidence, OptOut, Reply, ReplyClass
from console.stories import SHOWN, sections
from models.session import reading
from models.tables.mailing import Contact
from models.tables.people import Role
from models.tables.standing import DneEntry
from tests.console.conftest import ANNA, BEN, THEIRS, Console
from tests.console.visiting import Browser
from tests.worker.small_world import HARD, NOW, a_mail, take_in
from worker.acts.person import find_recipients
from worker.queries import contact_search
from worker.queries.pages import contacts_page

HOSTILE = "<script>alert(1)</script>"
STORY = f"/contacts/by/{quote(ANNA, safe='')}"


def addresses(browser: Browser, path: str = "/contacts") -> list[str]:
    return [each.text() for each in browser.page(path).css("#list tbody th a")]


def recipient_id(console: Console, address: str = ANNA, campaign: str = "campaign-1") -> int:
    with reading(console.engine) as session:
        (found,) = find_recipients(session, 1, address, campaign)
        return found


def answer(console: Console, text: str = "Yes, send me a time", subject: str = "Re: Question 1") -> None:
    reply = Reply(
        reply_class=ReplyClass.INTERESTED,
        confidence=0.9,
        sure=True,
        probabilities={"Interested": 0.9, "Engaged": 0.1},
        visible_text=text,
        evidence=(Evidence("classifier", "words: send me"),),
    )
    mail = a_mail(reply, answers=("anna-1-1@us",), from_address=ANNA)
    take_in(console.engine, replace(mail, subject=subject))


def hidden(form: LexborNode | None) -> dict[str, str]:
    """Return what a form sends besides what is typed."""
    assert form is not None
    return {str(e.attributes["name"]): str(e.attributes["value"] or "") for e in form.css("input[type=hidden]")}


def live(console: Console, address: str = ANNA) -> list[str]:
    with reading(console.engine) as session:
        query = select(DneEntry).where(DneEntry.target == address, DneEntry.lifted_at.is_(None))
        return [each.reason.value for each in session.scalars(query) if each.withdrawn_at is None]


def test_contacts_are_found_by_words_and_by_status(console: Console, browser: Browser) -> None:
    browser.sign_in(Role.VIEWER)
    take_in(console.engine, a_mail(HARD, answers=("anna-1-1@us",)))
    assert addresses(browser) == [ANNA, BEN]
    assert addresses(browser, "/contacts?words=be") == [BEN]
    assert addresses(browser, "/contacts?standing=active") == [BEN]
    page = browser.page("/contacts?standing=do+not+email")
    assert "hard bounce" in page.css_first("#list tbody td.standing").text()
    assert page.css_first("#list form") is None
    assert "Nobody matches" in browser.page("/contacts?words=zoe").css_first(".empty").text()


def test_one_address_is_banned_with_a_reason_and_the_ban_taken_back(console: Console, browser: Browser) -> None:
    browser.sign_in(Role.EDITOR)
    asked = {"address": ANNA, "why": "her boss rang", "back": STORY}
    page = browser.done("/contacts/do-not-email/add", asked)
    assert page.css_first("h1").text() == ANNA
    assert "her boss rang" in page.css_first(".entry").text()
    assert (live(console), console.status()) == (["manual"], "Removed")
    browser.done(page.css_first(".said form").attributes["action"] or "")
    assert (live(console), console.status()) == ([], "Active")


def test_an_opt_out_is_lifted_only_with_a_reason(console: Console, browser: Browser) -> None:
    take_in(console.engine, a_mail(OptOut(), answers=("anna-1-0@us",)))
    browser.sign_in(Role.EDITOR)
    form = browser.page(STORY).css_first("form[action='/contacts/do-not-email/lift']")
    assert "required" in form.css_first("[name=why]").attributes
    told = browser.post("/contacts/do-not-email/lift", hidden(form))
    assert (told.status_code, "opted out" in told.text) == (HTTPStatus.CONFLICT, True)
    assert "may be mailed again" in browser.said("/contacts/do-not-email/lift", hidden(form) | {"why": "she wrote"})
    assert live(console) == []


def test_an_opt_out_that_the_page_did_not_show_is_not_lifted(console: Console, browser: Browser) -> None:
    browser.sign_in(Role.EDITOR)
    browser.done("/contacts/do-not-email/add", {"address": ANNA})
    forms = [
        hidden(browser.page(path).css_first("form[action='/contacts/do-not-email/lift']"))
        for path in (STORY, "/contacts")
    ]
    take_in(console.engine, a_mail(OptOut(), answers=("anna-1-0@us",)))
    for form in forms:
        said = browser.said("/contacts/do-not-email/lift", form | {"why": "a mistake of mine"})
        assert "came onto Do Not Email anew" in said
    assert len(live(console)) == 2


def test_a_story_tells_mail_reasons_and_changes(console: Console, browser: Browser) -> None:
    answer(console)
    browser.sign_in(Role.VIEWER)
    page = browser.page(STORY)
    story = page.css_first(".campaign-story")
    assert "Interested" in story.css_first("li.inbound .what").text()
    assert story.css_first("li.inbound .because li").text() == "Classifier: went by “send me”"
    assert "became" in story.css_first("li.inbound .change").text()
    assert story.css_first("li.inbound .letter a").attributes["href"] == "/messages/1"
    assert page.css_first(".actions") is None


def test_strangers_words_are_text(console: Console, browser: Browser) -> None:
    answer(console, HOSTILE, HOSTILE)
    browser.sign_in(Role.EDITOR)
    for path in (STORY, "/messages/1"):
        assert browser.page(path).css_first("main script") is None
        assert HOSTILE in browser.page(path).css_first("main").text()


def test_a_status_is_set_in_the_story_and_taken_back_there(console: Console, browser: Browser) -> None:
    browser.sign_in(Role.EDITOR)
    menu = browser.page(STORY).css_first(".statuses form")
    action, back = menu.attributes["action"] or "", menu.css_first("[name=back]").attributes["value"]
    assert "Set status" in browser.page(STORY).css_first(".campaign-story .actions").text()
    page = browser.done(action, {"status": "Interested", "back": back})
    assert page.css_first("h1").text() == ANNA
    first = page.css_first(".campaign-story")
    assert "chose Interested" in first.css_first("li.person").text()
    form = first.css("form[action$='/undo']")[0]
    undo, shown = form.attributes["action"] or "", form.css_first("[name=act]").attributes["value"]
    browser.done(action, {"status": "Engaged"})
    assert "has set it to Engaged since" in browser.post(undo, {"back": back, "act": shown}).text
    browser.done(undo, {"back": back, "why": ""})
    assert console.status() == "Interested"
    browser.done(undo, {"back": back, "act": shown})
    assert console.status() == "Active"
    assert not browser.page(STORY).css(".campaign-story form[action$='/undo']")


def test_two_addresses_of_one_person_lead_to_one_story(browser: Browser) -> None:
    browser.sign_in(Role.EDITOR)
    page = browser.done("/contacts/same-person", {"address": ANNA, "second": "anna@home.example", "why": "she said so"})
    assert "she said so" in page.css_first("main").text()
    assert browser.get("/contacts/by/anna%40home.example", follow=False).headers["location"] == STORY
    browser.done(page.css_first(".said form").attributes["action"] or "")
    assert browser.get("/contacts/by/anna%40home.example").status_code == HTTPStatus.NOT_FOUND


def test_many_are_looked_at_then_banned_and_taken_back_as_one(console: Console, browser: Browser) -> None:
    browser.sign_in(Role.EDITOR)
    boxes = [each.attributes["value"] for each in browser.page("/contacts").css("[name=chosen]")]
    page = browser.done("/contacts/many", {"wish": "add", "chosen": boxes})
    assert "2 will not be mailed any more" in page.css_first("ul.facts").text()
    page = browser.done("/contacts/many/do", {"wish": "add", "chosen": boxes, "why": "asked by law"})
    assert (live(console), live(console, BEN)) == (["manual"], ["manual"])
    browser.done(page.css_first(".said form").attributes["action"] or "")
    assert (live(console), live(console, BEN)) == ([], [])


def test_everything_that_a_search_finds_is_lifted(console: Console, browser: Browser) -> None:
    browser.sign_in(Role.EDITOR)
    asked = {"wish": "add", "every": "true", "words": "anna"}
    browser.done("/contacts/many/do", hidden(browser.done("/contacts/many", asked).css_first("main form.fields")))
    assert (live(console), live(console, BEN)) == (["manual"], [])
    page = browser.done("/contacts/many", asked | {"wish": "lift"})
    assert "1 may be mailed again" in page.css_first("ul.facts").text()
    browser.done("/contacts/many/do", hidden(page.css_first("main form.fields")))
    assert live(console) == []


def test_only_those_who_were_shown_are_lifted_and_only_what_was_known_then(console: Console, browser: Browser) -> None:
    browser.sign_in(Role.EDITOR)
    browser.done("/contacts/do-not-email/add", {"address": ANNA})
    asked = {"wish": "lift", "every": "true", "standing": "do not email"}
    form = hidden(browser.done("/contacts/many", asked).css_first("main form.fields"))
    take_in(console.engine, a_mail(OptOut(), answers=("anna-1-0@us",)))
    browser.done("/contacts/do-not-email/add", {"address": BEN})
    said = browser.said("/contacts/many/do", form | {"every": "true", "why": "she moved"})
    assert said == "0 may be mailed again unless their domain is banned; 1 came onto Do Not Email since: left alone."
    assert (len(live(console)), live(console, BEN)) == (2, ["manual"])


def test_a_choice_that_no_contact_can_be_is_refused(browser: Browser) -> None:
    browser.sign_in(Role.EDITOR)
    for chosen in (str(2**63), "0", "1,x"):
        assert browser.post("/contacts/many", {"wish": "add", "chosen": chosen}).status_code == 422


def test_a_part_of_the_list_in_which_nobody_is_wanted_leads_on(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser.sign_in(Role.EDITOR)
    browser.done("/contacts/do-not-email/add", {"address": ANNA})
    monkeypatch.setattr(contact_search, "BATCHES", 1)
    monkeypatch.setattr("console.views.contacts.contacts_page", partial(contacts_page, limit=0))
    page = browser.page("/contacts?standing=active")
    assert "Nothing in this part" in page.css_first(".empty").text()
    monkeypatch.undo()
    assert addresses(browser, str(page.css_first("a[rel=next]").attributes["href"])) == [BEN]


def test_nothing_chosen_is_said_in_words(browser: Browser) -> None:
    browser.sign_in(Role.EDITOR)
    told = browser.post("/contacts/many", {"wish": "add"})
    assert (told.status_code, "no contact is chosen" in told.text) == (HTTPStatus.CONFLICT, True)


def test_the_newest_stands_first_the_older_part_is_folded_and_the_newest_mail_is_open() -> None:
    def happened(day: int, **more: object) -> dict[str, object]:
        return {"at": NOW + timedelta(days=day), "event": "reply", "key": str(day), "about": None, **more}

    long = {"campaign": "long", "story": [happened(day, message=day) for day in range(SHOWN + 5)]}
    later = {"campaign": "later", "story": [happened(100, event="manual"), happened(101, event="sent")]}
    first, second = sections([long, later])
    assert (first.recipient["campaign"], first.undoable) == ("later", later["story"][0])
    assert [row["key"] for row in second.newest][:2] == [str(SHOWN + 4), str(SHOWN + 3)]
    assert (len(second.newest), len(second.older), second.undoable) == (SHOWN, 5, None)
    (alone,) = sections([long])
    assert [row["message"] for row in alone.newest if row["open"]] == [SHOWN + 4]


def test_what_was_taken_back_is_not_offered_once_more() -> None:
    acts = [
        {"at": NOW, "event": "manual", "key": "a", "about": None},
        {"at": NOW, "event": "review_resolved", "key": "b", "about": None},
        {"at": NOW, "event": "undone", "key": "c", "about": "b"},
    ]
    (section,) = sections([{"story": acts}])
    assert section.undoable == acts[0]


def test_other_teams_contacts_are_not_known(console: Console, browser: Browser) -> None:
    with reading(console.engine) as session:
        anna = session.scalar(select(Contact.id).where(Contact.address == ANNA))
    browser.sign_in(Role.EDITOR, THEIRS)
    assert addresses(browser) == []
    assert browser.get(STORY).status_code == HTTPStatus.NOT_FOUND
    told = browser.post("/contacts/many/do", {"wish": "add", "chosen": str(anna)})
    assert told.status_code == HTTPStatus.NOT_FOUND
    told = browser.post("/contacts/same-person", {"address": ANNA, "second": "a@b.example"})
    assert told.status_code == HTTPStatus.NOT_FOUND
    assert live(console) == []


def test_what_is_done_already_is_said_so_and_has_no_way_back(console: Console, browser: Browser) -> None:
    browser.sign_in(Role.EDITOR)
    browser.done("/contacts/do-not-email/add", {"address": ANNA})
    assert browser.said("/contacts/do-not-email/add", {"address": ANNA}) == f"{ANNA} was on Do Not Email already."
    lifted = browser.said("/contacts/do-not-email/lift", {"address": BEN})
    assert lifted == f"{BEN} has no entry of its own on Do Not Email."
    page = browser.done("/contacts/many/do", {"wish": "lift", "chosen": contact_id(console, BEN)})
    assert page.css_first(".said p").text() == "There was nothing to do."
    assert page.css_first(".said form") is None
    assert (live(console), live(console, BEN)) == (["manual"], [])


def contact_id(console: Console, address: str) -> str:
    with reading(console.engine) as session:
        return str(session.scalars(select(Contact.id).where(Contact.address == address)).one())
