"""The automations page: rules in words, as a form, as JSON, tried on the past, and removed."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from selectolax.lexbor import LexborHTMLParser
from sqlalchemy import select

from models.session import reading, transaction
from models.tables.mailing import Campaign, Recipient
from models.tables.outside import AutomationRule, WebhookEndpoint
from models.tables.people import Role
from tests.console.conftest import OURS, THEIRS, Console
from tests.console.visiting import Browser
from tests.journey.world import end_state
from tests.worker.small_world import NOW
from worker.act import Act
from worker.acts.automations import automation_of, put_automations

STOP, CALL = '{"do": "stop"}', '{"do": "call", "endpoint": "crm"}'
MOVE = '{"do": "move", "campaign": "campaign-2"}'
SILENT: dict[str, Any] = {"campaign": "campaign-1", "name": "silent", "days": "5", "do": [STOP, ""]}
EDIT = "/automations/edit?campaign=campaign-1&rule={}"
ODD = 'a/b?c=d&e#f%2F <b>"é'
"""A key as no sane system makes it."""


@pytest.fixture(autouse=True)
def crm(console: Console) -> None:
    with transaction(console.engine) as session:
        session.add(WebhookEndpoint(team_id=OURS, name="crm", url="https://crm.example", secret="s", recorded_at=NOW))


def rules(console: Console) -> dict[str, Any]:
    with reading(console.engine) as session:
        standing = session.scalars(select(AutomationRule).where(AutomationRule.until.is_(None)))
        return {rule.name: {key: rule.definition[key] for key in ("when", "then")} for rule in standing}


def typed(page: LexborHTMLParser) -> dict[str, Any]:
    """Return what a browser would send of the form as it is shown."""
    fields: dict[str, list[str]] = {}
    for each in page.css(".editing input, .editing textarea"):
        chosen = each.attributes.get("type") != "checkbox" or "checked" in each.attributes
        if chosen and each.attributes["name"] != "csrf":
            value = each.text() if each.tag == "textarea" else each.attributes.get("value") or ""
            fields.setdefault(str(each.attributes["name"]), []).append(value)
    for each in page.css(".editing select"):
        option = each.css_first("option[selected]")
        fields.setdefault(str(each.attributes["name"]), []).append(str(option.attributes["value"]) if option else "")
    return fields


def test_a_rule_is_made_with_the_form_and_stands_there_in_words(console: Console, browser: Browser) -> None:
    browser.sign_in()
    fields = typed(browser.page("/automations/edit?campaign=campaign-1"))
    fields |= {
        "name": "nurture", "status": ["Active", "Engaged"], "days": "5", "do": [CALL, ""],
        "if_opens": "3", "then": [MOVE, ""], "otherwise": [STOP, ""],
    }  # fmt: skip
    assert browser.said("/automations/keep", fields) == "nurture acts from now on."
    assert rules(console)["nurture"] == {
        "when": {"status": ["Active", "Engaged"], "days_without_reply": 5},
        "then": [
            {"do": "call", "endpoint": "crm"},
            {"if": {"opens": 3}, "then": [{"do": "move", "campaign": "campaign-2"}], "else": [{"do": "stop"}]},
        ],
    }
    card = browser.page("/automations?campaign=campaign-1").css_first(".rule")
    assert "When the status is Active or Engaged and nobody has replied for 5 days:" in card.text()
    assert [each.text(deep=False).strip() for each in card.css("li")] == [
        "Call crm", "If mail was opened 3 times or more:", "Move to campaign-2", "Otherwise:", "Stop the sequence",
    ]  # fmt: skip
    assert "by admin-1@people.example · called or moved 0 times" in card.text()
    with reading(console.engine) as session:
        told = session.scalars(select(Recipient.next_change_at).join(Campaign).where(Campaign.key == "campaign-1"))
        assert set(told) == {NOW}, "the daemon folds everybody, as days may pass for them"


SHAPES: list[dict[str, Any]] = [
    {"when": {"opens": 2}, "then": [{"do": "stop"}]},
    {"when": {"class": ["Interested"], "link": '"/x'}, "then": [{"do": "call", "endpoint": "crm"}] * 5},
    {"when": {"opens": 2}, "then": [{"if": {"status": ["Active"]}, "then": [{"do": "add_dne"}]}]},
    {"when": {"opens": 2}, "then": [{"if": {"opens": 3}, "then": [{"if": {"opens": 4}, "then": [{"do": "stop"}]}]}]},
    {"when": {"opens": 2}, "then": [{"if": {"opens": 3}, "then": [{"do": "stop"}]}, {"do": "add_dne"}]},
]
"""Rules that the form can show, and from the fourth on such as are shown as JSON."""


def test_a_rule_that_is_opened_and_kept_stays_as_it_is(console: Console, browser: Browser) -> None:
    browser.sign_in()
    for number, rule in enumerate(SHAPES):
        name = f"rule {number}"
        fields = {"campaign": "campaign-1", "name": name, "as_json": "true", "text": json.dumps(rule)}
        browser.done("/automations/keep", fields)
        for more in ("", "&as_json=true"):
            form = browser.page(EDIT.format(name) + more)
            assert bool(form.css("textarea")) == (number > 2 or bool(more))
            browser.done("/automations/keep", typed(form))
            assert rules(console)[name] == rule


def test_a_rule_gets_another_name_but_not_that_of_another_one(console: Console, browser: Browser) -> None:
    browser.sign_in()
    browser.done("/automations/keep", SILENT)
    browser.done("/automations/keep", SILENT | {"name": "other"})
    opened = typed(browser.page(EDIT.format("silent")))
    refused = browser.post("/automations/keep", opened | {"name": "other"})
    assert (refused.status_code, "has another rule &#39;other&#39;" in refused.text) == (422, True)
    browser.done("/automations/keep", opened | {"name": "quiet"})
    assert set(rules(console)) == {"quiet", "other"}
    assert browser.said("/automations/remove", {"campaign": "campaign-1", "rule": "quiet"}).startswith("quiet acts no")
    assert set(rules(console)) == {"other"}


def test_nobody_keeps_a_rule_that_somebody_else_changed_or_removed_meanwhile(
    console: Console, browser: Browser
) -> None:
    browser.sign_in()
    browser.done("/automations/keep", SILENT)
    opened = typed(browser.page(EDIT.format("silent")))
    browser.done("/automations/keep", opened | {"do": [CALL]})
    changed = rules(console)
    refused = browser.post("/automations/keep", opened | {"days": "9"})
    assert (refused.status_code, "admin-1@people.example has changed &#39;silent&#39;" in refused.text) == (422, True)
    assert typed(LexborHTMLParser(refused.text))["days"] == ["9"], "what was typed stays"
    assert rules(console) == changed
    opened = typed(browser.page(EDIT.format("silent")))
    browser.done("/automations/remove", {"campaign": "campaign-1", "rule": "silent"})
    refused = browser.post("/automations/keep", opened)
    assert (refused.status_code, "was removed or renamed" in refused.text) == (422, True)
    elsewhere = browser.post("/automations/keep", opened | {"campaign": "campaign-2"})
    assert (elsewhere.status_code, "was removed or renamed" in elsewhere.text) == (422, True)
    assert rules(console) == {}


def test_what_was_typed_is_written_as_json(console: Console, browser: Browser) -> None:
    browser.sign_in()
    browser.done("/automations/keep", SILENT)
    page = browser.page(EDIT.format("silent"))
    way = str(next(each for each in page.css("button") if "JSON" in each.text()).attributes["formaction"])
    as_json = typed(browser.done(way, typed(page) | {"days": "6", "name": "calm"}))
    text = {"when": {"days_without_reply": 6}, "then": [{"do": "stop"}]}
    assert (as_json["name"], json.loads(as_json["text"][0])) == (["calm"], text)
    browser.done("/automations/keep", as_json)
    assert set(rules(console)) == {"calm"}
    unready = typed(browser.done(way, {"campaign": "campaign-1", "link": "<i>"}))
    assert json.loads(unready["text"][0]) == {"when": {"link": "<i>"}, "then": []}
    broken = browser.post(way, SILENT | {"do": ["{"]})
    assert (broken.status_code, "this is no JSON" in broken.text) == (422, True)


def test_the_address_of_a_form_that_was_sent_leads_back_to_the_rules(browser: Browser) -> None:
    browser.sign_in()
    for path in ("try", "keep", "as-json"):
        answer = browser.raw("GET", f"/automations/{path}")
        assert (answer.status_code, answer.headers["location"]) == (303, "/automations")


def test_a_problem_with_a_rule_names_no_command(browser: Browser) -> None:
    answer = browser.sign_in().post("/automations/keep", SILENT | {"do": ['{"do": "call", "endpoint": "erp"}']})
    assert "no endpoint &#39;erp&#39;" in answer.text
    assert "inbox-worker webhooks" not in answer.text


MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"days": "", "link": ""}, "when: a condition names at least one of"),
    ({"days": "many"}, "when days_without_reply: is no whole number"),
    ({"do": [""]}, "then: at least one is needed"),
    ({"name": " "}, "name: must not be empty"),
    ({"then": [STOP]}, "then 2 if: a condition names at least one of"),
    ({"if_opens": "3"}, "then 2 then: at least one is needed"),
    ({"do": ['{"do": "move", "campaign": "<theirs>"}']}, "no campaign '<theirs>'"),
    ({"as_json": "true", "text": "{"}, "this is no JSON"),
    ({"as_json": "true", "text": "[" * 50_000}, "this is no"),
    ({"as_json": "true", "text": "[]"}, "this is no rule"),
    ({"as_json": "true", "text": '{"when": {"opens": 1}, "then": [{"do": "fly"}]}'}, "then 1: Input tag 'fly'"),
]


def test_mistakes_are_told_and_what_was_typed_stays(console: Console, browser: Browser) -> None:
    browser.sign_in()
    for fields, says in MISTAKES:
        answer = browser.post("/automations/keep", SILENT | {"link": "<i>"} | fields)
        assert answer.status_code == 422, fields
        page = LexborHTMLParser(answer.text)
        assert says in page.css_first(".problem").text()
        kept = typed(page)
        assert kept["text"] == [fields["text"]] if "text" in fields else kept["link"] == [fields.get("link", "<i>")]
    assert rules(console) == {}


def test_a_rule_is_tried_on_the_past_and_nothing_changes(console: Console, browser: Browser) -> None:
    browser.sign_in()
    before = end_state(console.engine)
    page = browser.done("/automations/try", SILENT | {"since": (NOW - timedelta(days=30)).date().isoformat()})
    tried = page.css_first("#tried")
    assert "It would have changed something about 2 of 2 recipients" in tried.text()
    assert [each.text() for each in tried.css(".touched a")] == ["ben@client.example", "anna@client.example"]
    assert tried.css_first("a").attributes["href"] == "/contacts/by/ben%40client.example"
    assert "Campaign Stopped" in tried.css_first("li").text()
    assert typed(page)["days"] == ["5"], "what was typed stays"
    assert end_state(console.engine) == before
    assert rules(console) == {}
    late = browser.post("/automations/try", SILENT | {"since": (NOW + timedelta(days=3)).date().isoformat()})
    assert (late.status_code, "still to come" in late.text) == (422, True)


def test_odd_keys_and_names_are_only_text(console: Console, browser: Browser) -> None:
    with transaction(console.engine) as session:
        session.add(Campaign(team_id=OURS, key=ODD, name="<script>alert(1)</script>"))
    browser.sign_in()
    browser.done("/automations/keep", SILENT | {"campaign": ODD, "name": '<img src=x> & "'})
    page = browser.page("/automations")
    assert not page.css("main script, main img")
    edit = str(page.css_first(".rule a.button").attributes["href"])
    fields = typed(browser.page(edit))
    assert (fields["campaign"], fields["was"]) == ([ODD], ['<img src=x> & "'])
    browser.done("/automations/keep", fields | {"days": "6"})
    (form,) = page.css(".rule form")
    gone = {str(each.attributes["name"]): str(each.attributes["value"]) for each in form.css("input")}
    browser.done("/automations/remove", gone)
    assert rules(console) == {}


def test_long_lists_come_in_pages(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.views.automations.LIMIT", 2)
    browser.sign_in()
    for campaign, name in (("campaign-2", "c"), ("campaign-1", "a"), ("campaign-1", "b")):
        browser.done("/automations/keep", SILENT | {"campaign": campaign, "name": name})
    first = browser.page("/automations")
    assert [each.text() for each in first.css("h3")] == ["a", "b"]
    browser.done("/automations/remove", {"campaign": "campaign-1", "rule": "b"})
    rest = browser.page(str(first.css_first("a[rel=next]").attributes["href"]))
    assert [each.text() for each in rest.css("h3")] == ["c"]


def test_viewers_see_rules_and_other_teams_see_none(console: Console, browser: Browser) -> None:
    browser.sign_in()
    browser.done("/automations/keep", SILENT)
    browser.sign_in(Role.VIEWER)
    page = browser.page("/automations")
    assert page.css_first(".rule h3").text() == "silent"
    assert not page.css("main form[method=post], main a.button")
    theirs = Browser(console).sign_in(Role.ADMIN, THEIRS)
    assert "No campaigns yet" in theirs.page("/automations").css_first("main").text()
    for path in ("?campaign=nope", "/edit?campaign=nope", "/edit?campaign=campaign-1&rule=nope"):
        assert browser.sign_in().get(f"/automations{path}").status_code == 404, path
    assert theirs.get(EDIT.format("silent")).status_code == 404
    assert theirs.post("/automations/keep", SILENT).status_code == 404
    assert theirs.post("/automations/try", SILENT | {"since": "2026-05-04"}).status_code == 404
    assert theirs.post("/automations/remove", {"campaign": "campaign-1", "rule": "silent"}).status_code == 404
    assert set(rules(console)) == {"silent"}


def test_every_action_has_words(console: Console, browser: Browser) -> None:
    actions = [{"do": "set_status", "status": "Not Interested"}, {"do": "add_dne"}]
    with transaction(console.engine) as session:
        put_automations(
            session, OURS, "campaign-1",
            [automation_of({"name": f"rule {at}", "when": {"opens": 1}, "then": [each]}) for at, each in
             enumerate(actions)],
            Act("petra", NOW),
        )  # fmt: skip
    cards = browser.sign_in(Role.VIEWER).page("/automations").css(".rule")
    assert [card.css_first("li").text(deep=False).strip() for card in cards] == [
        "Set Not Interested", "Add to Do Not Email",
    ]  # fmt: skip
    assert "mail was opened once or more" in cards[0].text()
