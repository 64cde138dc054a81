"""The page where a status is corrected in two clicks, of one recipient or of many, and taken back with one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest
from selectolax.lexbor import LexborHTMLParser, LexborNode
from sqlalchemy import select, update

from classifier.verdict import ReplyClass
from models.events import DneReason, Status
from models.session import reading, transaction
from models.tables.learning import Label
from models.tables.mailing import Campaign, Recipient
from models.tables.people import BulkAct, Role, Team
from models.tables.standing import DneEntry, ReviewItem
from tests.console.conftest import ANNA, BEN, OURS, THEIRS, Console
from tests.console.visiting import Browser
from tests.worker.small_world import a_mail, a_reply, take_in
from worker.act import Act
from worker.acts.do_not_email import add_dne
from worker.acts.joining import join
from worker.acts.person import find_recipients
from worker.rules import Rules

SCRIPT = {"HX-Request": "true"}


@pytest.fixture
def editor(browser: Browser) -> Browser:
    return browser.sign_in(Role.EDITOR)


def id_of(console: Console, address: str = ANNA, campaign: str = "campaign-1", team_id: int = OURS) -> int:
    with reading(console.engine) as session:
        return find_recipients(session, team_id, address, campaign)[0]


def row_of(page: LexborHTMLParser, recipient_id: int) -> LexborNode:
    row = page.css_first(f"#recipient-{recipient_id}")
    assert row is not None
    return row


def undo_of(page: LexborHTMLParser) -> str:
    """Return the address that the message's Undo asks."""
    form = page.css_first(".said form")
    assert form is not None
    return str(form.attributes["action"])


def ban(console: Console, address: str = ANNA) -> None:
    with transaction(console.engine) as session:
        add_dne(session, OURS, {address: None}, DneReason.MANUAL, Act("petra", console.now))


def opted_out(console: Console) -> None:
    """Let Anna be under Do Not Email because she asked for it."""
    ban(console)
    with transaction(console.engine) as session:
        session.execute(update(DneEntry).values(reason=DneReason.UNSUBSCRIBE_REPLY))


def shown(page: LexborHTMLParser) -> list[tuple[str, str]]:
    return sorted((row.css("th")[0].text(), row.css(".campaign")[0].text()) for row in page.css("tbody tr"))


def test_the_list_is_filtered_by_its_address_and_leads_to_the_next_page(console: Console, editor: Browser) -> None:
    anna, ben = (ANNA, "campaign-1"), (BEN, "campaign-1")
    assert shown(editor.page("/recipients")) == [anna, (ANNA, "campaign-2"), ben, (BEN, "campaign-2")]
    assert shown(editor.page("/recipients?words=ben&campaign=campaign-1&status=Active&sequence=running")) == [ben]
    assert "Nobody matches" in editor.page("/recipients?words=clara&status=").css_first("#list").text()
    with transaction(console.engine) as session:
        session.execute(update(Recipient).where(Recipient.id == id_of(console)).values(listed=False))
    assert anna not in shown(editor.page("/recipients?campaign=campaign-1"))
    assert shown(editor.page("/recipients?campaign=campaign-1&unlisted=1")) == [anna, ben]
    assert "no campaign" in editor.get("/recipients?campaign=nowhere").text


def test_who_types_gets_the_list_alone_and_a_short_address(editor: Browser) -> None:
    answer = editor.get("/recipients?words=anna&campaign=&status=", headers=SCRIPT | {"HX-Target": "list"})
    assert answer.headers["hx-replace-url"] == "/recipients?words=anna"
    assert "<html" not in answer.text
    assert len(LexborHTMLParser(answer.text).css("#list tbody tr")) == 2


def test_somebody_may_be_back_today_wherever_the_day_still_is(console: Console, editor: Browser) -> None:
    path = f"/recipients/{id_of(console)}"
    with transaction(console.engine) as session:
        session.execute(update(Team).where(Team.id == OURS).values(time_zone="America/Los_Angeles"))
    console.now = datetime(2026, 3, 6, 3, tzinfo=UTC)
    for page in (path, "/recipients", f"/contacts/by/{quote(ANNA, safe='')}"):
        assert editor.page(page).css_first("input[name=until]").attributes["min"] == "2026-03-05"
    editor.done(f"{path}/status", {"status": "Out of Office", "until": "2026-03-05"})
    assert console.status() == "Out of Office"


def test_a_status_is_set_with_the_forms_of_the_list_and_taken_back_there(console: Console, editor: Browser) -> None:
    here = "/recipients?words=anna"
    row = row_of(editor.page(here), id_of(console))
    form = next(form for form in row.css("form") if form.css("button[value=Interested]"))
    fields: dict[str, Any] = {str(e.attributes["name"]): e.attributes["value"] for e in form.css("input[type=hidden]")}
    # The form's own token, as whoever has no script sends it.
    page = editor.done(str(form.attributes["action"]), fields | {"status": "Interested"})
    assert console.status() == "Interested"
    assert page.css_first("[name=words]").attributes["value"] == "anna"
    assert page.css_first(".said p").text() == f"{ANNA} is Interested now."
    assert editor.said(undo_of(page)) == f"Taken back: {ANNA} is Active."
    assert console.status() == "Active"


def test_an_old_message_takes_back_nothing_that_another_said_since(console: Console, editor: Browser) -> None:
    path = f"/recipients/{id_of(console)}"
    own = undo_of(editor.done(f"{path}/status", {"status": "Interested"}))
    other = Browser(console).sign_in(Role.ADMIN)
    theirs = undo_of(other.done(f"{path}/status", {"status": "Unsubscribed"}))
    refused = editor.post(own)
    assert (refused.status_code, "has set it to Unsubscribed since" in refused.text) == (409, True)
    assert console.status() == "Unsubscribed"
    assert other.said(theirs) == f"Taken back: {ANNA} is Interested."
    assert "taken back already" in other.post(theirs).text
    assert console.status() == "Interested"


def test_the_long_form_takes_back_what_it_shows(console: Console, editor: Browser) -> None:
    path = f"/recipients/{id_of(console)}"
    assert "No person has set a status" in editor.page(path).css_first("main").text()
    editor.done(f"{path}/status", {"status": "Interested"})
    form = editor.page(path).css_first(f"form[action='{path}/undo']")
    shown = {str(e.attributes["name"]): str(e.attributes["value"]) for e in form.css("input[type=hidden]")}
    editor.done(f"{path}/status", {"status": "Engaged"})
    assert editor.post(f"{path}/undo", shown).status_code == 409
    assert console.status() == "Engaged"


def test_a_script_gets_the_row_and_the_message(console: Console, editor: Browser) -> None:
    recipient_id = id_of(console)
    path = f"/recipients/{recipient_id}/status"
    answer = editor.post(path, {"status": "Bounced"}, headers=SCRIPT | {"HX-Target": f"recipient-{recipient_id}"})
    assert answer.text.lstrip().startswith(f'<tr id="recipient-{recipient_id}">')
    assert f"{ANNA} is Bounced now and under Do Not Email." in answer.text
    undone = editor.post(f"/recipients/{recipient_id}/undo", headers=SCRIPT)
    # The row may have left the page meanwhile: it is exchanged where it is there.
    assert f'<tr id="recipient-{recipient_id}" hx-swap-oob="true">' in undone.text
    assert console.status() == "Active"


def test_the_menu_offers_what_is_possible(console: Console, editor: Browser) -> None:
    ban(console)
    row = row_of(editor.page("/recipients"), id_of(console))
    disabled = {
        button.attributes["value"] for button in row.css("button[name=status]") if "disabled" in button.attributes
    }
    assert disabled == {"Active", "Removed"}
    assert len(row.css("button[name=status]")) == len(Status)
    assert f"Do Not Email: {ANNA}" in row.text()
    answer = editor.post(f"/recipients/{id_of(console)}/status", {"status": "Active"})
    assert (answer.status_code, "lift that first" in answer.text) == (409, True)


def test_out_of_office_takes_a_day_that_lies_ahead(console: Console, editor: Browser) -> None:
    path = f"/recipients/{id_of(console)}/status"
    assert "has passed" in editor.post(path, {"status": "Out of Office", "until": "2026-05-01"}).text
    assert "goes with Out of Office" in editor.post(path, {"status": "Active", "until": "2026-06-01"}).text
    page = editor.done(path, {"status": "Out of Office", "until": "2026-06-01"})
    assert "paused until 02 Jun" in row_of(page, id_of(console)).text()
    editor.done(path, {"status": "Out of Office", "until": ""})


def test_the_classifier_learns_unless_something_else_is_why(console: Console, editor: Browser) -> None:
    answer = replace(a_reply(), visible_text="Yes, please call me tomorrow.")
    take_in(console.engine, a_mail(answer, answers=("anna-1-1@us",), from_address=ANNA))
    page = editor.page(f"/recipients/{id_of(console)}?back=/contacts/by/{ANNA}")
    assert page.css_first("input[name=back]").attributes["value"] == f"/contacts/by/{ANNA}"
    for cause, labels in (({"other_cause": "1"}, 0), ({}, 1)):
        fields = {"status": "Not Interested", "why": "called <b>her</b>", **cause}
        editor.done(f"/recipients/{id_of(console)}/status", fields)
        with reading(console.engine) as session:
            assert len(session.scalars(select(Label)).all()) == labels
    assert "called <b>her</b>" in console.events("manual")[0].because[0]


def test_nobody_is_led_to_another_site(console: Console, editor: Browser) -> None:
    path = f"/recipients/{id_of(console)}/status"
    fields = {"status": "Interested", "back": "//evil.example"}
    assert editor.post(path, fields, follow=False).headers["location"] == "/recipients"


def test_what_strangers_wrote_is_shown_as_text(console: Console, editor: Browser) -> None:
    with transaction(console.engine) as session:
        session.execute(update(Campaign).values(name="<script>alert(1)</script>"))
    for path in ("/recipients", f"/recipients/{id_of(console)}"):
        answer = editor.get(path)
        assert "&lt;script&gt;alert" in answer.text
        assert "<script>alert" not in answer.text


def test_another_teams_recipients_are_not_found(console: Console) -> None:
    theirs = Browser(console).sign_in(Role.EDITOR, THEIRS)
    recipient_id = id_of(console)
    assert "Nobody yet" in theirs.page("/recipients").css_first("#list").text()
    asked = {"what": "Interested", "chosen": str(recipient_id)}
    for answer in (
        theirs.get(f"/recipients/{recipient_id}"),
        theirs.post(f"/recipients/{recipient_id}/status", {"status": "Interested"}),
        theirs.post(f"/recipients/{recipient_id}/undo"),
        theirs.post("/recipients/many/preview", asked),
        theirs.post("/recipients/many", asked),
        theirs.post("/recipients/many/1/undo"),
    ):
        assert (answer.status_code, "in this team" in answer.text) == (404, True)
    assert console.status() == "Active"


def test_viewers_see_the_list_and_no_way_to_change_it(browser: Browser) -> None:
    page = browser.sign_in(Role.VIEWER).page("/recipients")
    assert len(page.css("tbody tr")) == 4
    assert page.css("#list button, #list input") == []


def test_many_are_changed_after_a_look_and_taken_back_as_one(console: Console, editor: Browser) -> None:
    ban(console)
    chosen = [id_of(console, address) for address in (ANNA, BEN)]
    page = editor.done("/recipients/many/preview?of=words%3Dclient", {"what": "Active", "chosen": chosen})
    assert "1 is Active already" in page.css_first("ul.facts").text()
    assert "1 is refused: it is under Do Not Email" in page.css_first("ul.facts").text()
    asked = {"what": "Interested", "chosen": chosen}
    page = editor.done("/recipients/many/preview?of=words%3Dclient", asked)
    assert page.css_first("h1").text() == "Set 2 recipients to Interested?"
    form = page.css_first("main form.fields")
    fields = {str(e.attributes["name"]): str(e.attributes["value"]) for e in form.css("input[type=hidden]")}
    page = editor.done(str(form.attributes["action"]), fields)
    assert page.css_first(".said p").text() == "2 are set to Interested."
    assert page.css_first("[name=words]").attributes["value"] == "client"
    assert (console.status(), console.status(BEN)) == ("Interested", "Interested")
    assert "Set 2 recipients to Interested" in editor.page("/recipients/many").css_first("tbody tr").text()
    assert editor.said(undo_of(page)) == "Taken back for 2."
    assert (console.status(), console.status(BEN)) == ("Removed", "Active")
    assert "taken back" in editor.page("/recipients/many").css_first("tbody tr").text()


def test_everything_that_the_filter_matches_is_chosen_as_it_was_looked_at(console: Console, editor: Browser) -> None:
    assert "All 2 that match" in editor.page("/recipients/many/every?words=anna").text()
    page = editor.done("/recipients/many/preview?of=words%3Danna", {"what": "dne add", "every": "1"})
    ids = str(page.css_first("input[name=chosen]").attributes["value"])
    assert sorted(map(int, ids.split(","))) == sorted([id_of(console), id_of(console, campaign="campaign-2")])
    assert "1 address gets an entry" in page.css_first("ul.facts").text()
    assert editor.said("/recipients/many", {"what": "dne add", "chosen": ids}) == "1 is added to Do Not Email."
    assert (console.status(), console.status(BEN)) == ("Removed", "Active")


def test_too_many_are_told_before_they_are_chosen(editor: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.acts.selection.MOST", 3)
    page = editor.page("/recipients/many/every")
    assert "narrow the filter" in page.text()
    assert page.css("input") == []
    assert editor.post("/recipients/many/preview", {"what": "Interested", "every": "1"}).status_code == 409


def test_lifting_an_opt_out_needs_a_reason(console: Console, editor: Browser) -> None:
    opted_out(console)
    asked = {"what": "dne lift", "chosen": str(id_of(console))}
    page = editor.done("/recipients/many/preview", asked)
    assert "required" in page.css_first("input[name=why]").attributes
    assert "1 came onto Do Not Email since: left alone" in editor.said("/recipients/many", asked | {"why": "unseen"})
    asked["seen"] = str(page.css_first("input[name=seen]").attributes["value"])
    assert "opted out" in editor.post("/recipients/many", asked).text
    assert "1 is removed from" in editor.said("/recipients/many", asked | {"why": "asked to come back"})
    with reading(console.engine) as session:
        assert session.scalars(select(DneEntry.lifted_why)).all() == ["asked to come back"]


def hidden(form: LexborNode) -> dict[str, Any]:
    """Return what a form sends besides what somebody fills in."""
    return {str(e.attributes["name"]): str(e.attributes["value"]) for e in form.css("input[type=hidden]")}


def asks_to_stop(console: Console) -> int:
    """Let Anna write what may be an opt-out, and return the question about it."""
    answer = replace(a_reply(ReplyClass.UNSUBSCRIBED, sure=False), visible_text="Please do not write to me any more.")
    take_in(console.engine, a_mail(answer, answers=("anna-1-1@us",), from_address=ANNA))
    with reading(console.engine) as session:
        return session.scalars(select(ReviewItem.id).where(ReviewItem.closed_at.is_(None))).one()


@pytest.mark.parametrize("here", ["/recipients?campaign=campaign-1", "/recipients/{}", f"/contacts/by/{ANNA}"])
def test_nobody_decides_on_a_page_from_before_the_newest_mail(console: Console, editor: Browser, here: str) -> None:
    page = editor.page(here.format(id_of(console)))
    path = f"/recipients/{id_of(console)}/status"
    forms = page.css(f"form[action='{path}']")
    asks_to_stop(console)
    for form in forms:
        page = editor.done(path, hidden(form) | {"status": "Interested"})
        told = page.css_first(".said.wrong p")
        assert told.text() == f"A mail from {ANNA} came since you looked; read it first, then decide."
        assert page.css_first("h1").text() == ANNA
    assert console.events("manual") == []
    assert console.status() == "Engaged"


def test_a_script_is_told_what_to_read_first(console: Console, editor: Browser) -> None:
    path = f"/recipients/{id_of(console)}/status"
    item = asks_to_stop(console)
    for seen, link in (("0", f"/contacts/by/{quote(ANNA, safe='')}"), ("", f"/review?item={item}")):
        answer = editor.post(path, {"status": "Active", "seen": seen or "1000000"}, headers=SCRIPT)
        assert 'class="said wrong"' in answer.text
        assert f'<a href="{link}">' in answer.text
    page = editor.done(path, {"status": "Active"})
    assert "may have asked to be removed; answer that first" in page.css_first(".said.wrong p").text()
    assert page.css(f"a[href='/review?item={item}']")
    assert console.events("manual") == []


def test_many_are_left_alone_where_something_is_unread(console: Console, editor: Browser) -> None:
    chosen = [id_of(console, address) for address in (ANNA, BEN)]
    asked = {"what": "Interested", "chosen": chosen}
    fields = hidden(editor.done("/recipients/many/preview", asked).css_first("main form.fields"))
    asks_to_stop(console)
    says = editor.said("/recipients/many", fields)
    assert says == "1 is set to Interested; 1 left alone: a mail came since."
    facts = editor.done("/recipients/many/preview", asked).css_first("ul.facts").text()
    assert "1 is left alone: whether they asked to be removed waits for an answer in Review." in facts
    says = editor.said("/recipients/many", {"what": "Engaged", "chosen": chosen[1], "seen": fields["seen"]})
    assert says == "1 is set to Engaged."
    facts = editor.done("/recipients/many/preview", {"what": "Unsubscribed", "chosen": chosen}).css_first("ul.facts")
    assert "1 open question is settled with it." in facts.text()


def test_what_was_done_already_leads_to_the_acts(console: Console, editor: Browser) -> None:
    fields = {"what": "Interested", "chosen": str(id_of(console))}
    assert editor.said("/recipients/many", fields) == "1 is set to Interested."
    page = editor.done("/recipients/many", fields)
    assert page.css_first(".said p").text() == "It was done already."
    assert "Set 1 recipient to Interested" in page.css_first("tbody tr").text()
    assert console.status() == "Interested"


def test_the_classifier_learns_from_many_only_where_a_box_says_so(console: Console, editor: Browser) -> None:
    answer = replace(a_reply(), visible_text="Yes, please call me tomorrow.")
    take_in(console.engine, a_mail(answer, answers=("anna-1-1@us",), from_address=ANNA))
    asked = {"what": "Not Interested", "chosen": str(id_of(console))}
    for box, labels in (({}, 0), ({"by_mail": "1"}, 1)):
        form = editor.done("/recipients/many/preview", asked).css_first("main form.fields")
        assert form.css_first("input[name=by_mail]") is not None
        editor.done("/recipients/many", hidden(form) | box)
        with reading(console.engine) as session:
            assert len(session.scalars(select(Label)).all()) == labels
        editor.done(f"/recipients/{id_of(console)}/undo")


def test_what_cannot_be_meant_is_refused_in_words(console: Console, editor: Browser) -> None:
    for path, fields, says in (
        ("/recipients/many/preview", {"what": "Interested"}, "nobody is chosen"),
        ("/recipients/many/preview?of=status%3Dx", {"what": "Interested", "every": "1"}, "is not known"),
        ("/recipients/many", {"what": "Interested", "chosen": "1,x"}, "integer"),
        ("/recipients/many", {"what": "Interested", "chosen": str(2**63)}, "less than"),
        ("/recipients/many", {"what": "forget", "chosen": "1"}, "Input should be"),
    ):
        answer = editor.post(path, fields)
        assert answer.status_code in {409, 422}
        assert says in answer.text
    with reading(console.engine) as session:
        assert session.scalars(select(BulkAct)).all() == []


def test_before_addresses_are_banned_or_lifted_it_is_said_of_how_many_nothing_changes(
    console: Console, editor: Browser
) -> None:
    editor.done("/contacts/do-not-email/add", {"address": ANNA})
    chosen = [id_of(console, address) for address in (ANNA, BEN)]

    def facts(what: str, of: list[int]) -> str:
        page = editor.done("/recipients/many/preview", {"what": what, "chosen": of})
        return str(page.css_first("ul.facts").text())

    assert "1 address gets an entry" in facts("dne add", chosen)
    assert "1 has such an entry already and stays as it is." in facts("dne add", chosen)
    assert "already" not in facts("dne add", chosen[1:])
    assert "1 has no entry of its own and stays as it is" in facts("dne lift", chosen)
    assert "no entry of" not in facts("dne lift", chosen[:1])
    assert "opted out" not in facts("dne lift", chosen)


def test_who_was_never_mailed_leaves_the_list_and_that_is_said(console: Console, editor: Browser) -> None:
    with transaction(console.engine) as session:
        join(session, Rules(team_id=OURS), "campaign-1", ["zoe@client.example"], Act("test", console.now))
    says = editor.said(f"/recipients/{id_of(console, 'zoe@client.example')}/status", {"status": "Removed"})
    left = "left the campaign's list, as nothing was ever sent to it"
    assert says == f"zoe@client.example is Removed now, and {left}."
