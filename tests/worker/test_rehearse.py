"""A rule tried on the past: it says what the rule would really have done, and changes nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select

from classifier.verdict import ReplyClass
from models.automation import Automation
from models.events import DneReason, Status
from models.session import reading, transaction
from models.tables.mailing import Campaign, Contact, Recipient
from models.tables.outside import AutomationCommand, WebhookEndpoint
from tests.journey.world import end_state
from tests.worker.small_world import NOW, SENT_AT, a_mail, a_reply, furnish, send_all, statuses, take_in
from worker.act import Act
from worker.acts import rehearse as rehearsing
from worker.acts.automations import put_automations
from worker.acts.do_not_email import add_dne
from worker.acts.rehearse import Rehearsal, rehearse
from worker.errors import InputError
from worker.writing.locks import lock
from worker.writing.refold import refold

SINCE = SENT_AT + timedelta(hours=1)
MOVE, CALL, STOP = {"do": "move", "campaign": "nurture"}, {"do": "call", "endpoint": "crm"}, {"do": "stop"}
ANNA, BEN = "anna@client.example", "ben@client.example"


@pytest.fixture
def world(engine: Engine) -> Engine:
    """Anna has answered in the first campaign and Ben has not; a campaign to move to, an endpoint to call."""
    furnish(engine)
    send_all(engine)
    with transaction(engine) as session:
        session.add(Campaign(team_id=1, key="nurture", name="nurture"))
        session.add(WebhookEndpoint(team_id=1, name="crm", url="https://c.example", secret="s", recorded_at=NOW))
    take_in(engine, a_mail(a_reply(), 30, answers=("anna-1-1@us",), from_address=ANNA))
    return engine


def a_rule(when: dict[str, Any], *then: dict[str, Any]) -> Automation:
    return Automation.model_validate({"name": "the rule", "when": when, "then": list(then)})


def put(engine: Engine, rule: Automation) -> None:
    """Let the rule really stand, from the same moment on."""
    with transaction(engine) as session:
        put_automations(session, 1, "campaign-1", [rule], Act("petra", SINCE))
    with transaction(engine) as session:
        refold(session, lock(session, session.scalars(select(Contact.id)).all()), NOW)


def tried(engine: Engine, rule: Automation) -> Rehearsal:
    with reading(engine) as session:
        return rehearse(session, 1, "campaign-1", rule, SINCE, NOW)


def commands(engine: Engine) -> set[tuple[str, str, str]]:
    with reading(engine) as session:
        query = (
            select(Contact.address, AutomationCommand.action, AutomationCommand.outcome)
            .join(Recipient, Recipient.contact_id == Contact.id)
            .join(AutomationCommand, AutomationCommand.recipient_id == Recipient.id)
        )
        return {(address, action, outcome.partition(":")[0]) for address, action, outcome in session.execute(query)}


FORK = {"if": {"class": ["Interested"]}, "then": [CALL], "else": [{"do": "set_status", "status": "Not Interested"}]}


@pytest.mark.parametrize(
    "rule",
    [
        a_rule({"days_without_reply": 5}, STOP),
        a_rule({"days_without_reply": 5}, {"do": "add_dne"}, MOVE),
        a_rule({"class": ["Interested"]}, CALL, MOVE),
        a_rule({"status": ["Interested"]}, FORK),
        a_rule({"days_without_reply": 4}, FORK),
        a_rule({"days_without_reply": 300}, STOP),
    ],
    ids=lambda rule: str(rule.when),
)
def test_what_it_would_have_done_is_what_it_does_once_it_stands(world: Engine, rule: Automation) -> None:
    before = end_state(world)
    found = tried(world, rule)
    assert end_state(world) == before
    put(world, rule)
    after = statuses(world)
    changed = {
        address: (before.recipients["campaign-1", address][0], after["campaign-1", address])
        for address in (ANNA, BEN)
        if before.recipients["campaign-1", address][0] != after["campaign-1", address]
    }
    assert {each.address: (each.before, each.after) for each in found.first if each.before != each.after} == changed
    done = {(each.address, f"move {to}", "joined") for each in found.first for to in each.moves}
    done |= {(each.address, f"move {to}", "refused") for each in found.first for to in each.stays}
    done |= {(each.address, f"call {to}", "told") for each in found.first for to in each.calls}
    assert done == commands(world)
    assert {each.address for each in found.first if each.bans} == {
        target for target, reason, *_ in end_state(world).dne if reason == "automation"
    }


def test_it_counts_what_it_would_have_come_to(world: Engine) -> None:
    found = tried(world, a_rule({"days_without_reply": 5}, STOP))
    assert (found.looked_at, found.touched, found.idle, found.ends) == (2, 1, 0, 1)
    assert found.changes == {(Status.ACTIVE, Status.CAMPAIGN_STOPPED): 1}
    nothing = tried(world, a_rule({"class": ["Interested"]}, STOP))
    assert (nothing.touched, nothing.idle, nothing.ends, nothing.first) == (1, 1, 0, []), "the answer stands"


def test_a_rule_that_stands_is_tried_in_place_of_itself(world: Engine) -> None:
    put(world, a_rule({"days_without_reply": 5}, STOP))
    assert statuses(world)["campaign-1", BEN] == "Campaign Stopped"
    found = tried(world, a_rule({"days_without_reply": 5}, {"do": "set_status", "status": "Not Interested"}))
    assert found.changes == {(Status.ACTIVE, Status.NOT_INTERESTED): 1}


def test_what_another_rule_does_it_does_without_the_rule_too(world: Engine) -> None:
    other = a_rule({"days_without_reply": 4}, {"do": "set_status", "status": "Not Interested"})
    put(world, other.model_copy(update={"name": "another rule"}))
    (one,) = tried(world, a_rule({"status": ["Not Interested"]}, CALL)).first
    assert (one.address, one.before, one.after, one.calls) == (
        BEN,
        Status.NOT_INTERESTED,
        Status.NOT_INTERESTED,
        ("crm",),
    )


def test_it_acts_no_more_on_whom_an_entry_had_ended(world: Engine) -> None:
    with transaction(world) as session:
        add_dne(session, 1, {"client.example": None}, DneReason.MANUAL, Act("petra", SENT_AT + timedelta(days=2)))
    assert tried(world, a_rule({"days_without_reply": 5}, STOP)).touched == 0


def test_it_looks_at_those_that_changed_last(world: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rehearsing, "MOST", 1)
    with transaction(world) as session:
        query = select(Recipient).join(Contact, Contact.id == Recipient.contact_id).where(Contact.address == BEN)
        for recipient in session.scalars(query):
            recipient.changed_at = NOW + timedelta(hours=1)
    found = tried(world, a_rule({"days_without_reply": 5}, STOP))
    assert (found.looked_at, found.more, [each.address for each in found.first]) == (1, True, [BEN])


def test_who_waits_for_review_in_another_campaign_is_not_moved(world: Engine) -> None:
    doubtful = a_reply(ReplyClass.UNSUBSCRIBED, sure=False)
    take_in(world, a_mail(doubtful, 40, answers=("ben-2-1@us",), from_address=BEN))
    (one,) = tried(world, a_rule({"days_without_reply": 5}, MOVE)).first
    assert (one.address, one.moves, one.stays, one.says) == (
        BEN, (), ("nurture",), ["the sequence ends", "not moved to nurture"],
    )  # fmt: skip
    put(world, a_rule({"days_without_reply": 5}, MOVE))
    assert commands(world) == set()


def test_a_day_to_come_and_places_that_are_not_there_are_refused(world: Engine) -> None:
    with reading(world) as session:
        with pytest.raises(InputError, match="still to come"):
            rehearse(session, 1, "campaign-1", a_rule({"opens": 1}, STOP), NOW + timedelta(days=1), NOW)
        with pytest.raises(InputError, match="no campaign 'elsewhere'"):
            rehearse(session, 1, "campaign-1", a_rule({"opens": 1}, MOVE | {"campaign": "elsewhere"}), SINCE, NOW)
        with pytest.raises(InputError, match="NUL"):
            rehearse(session, 1, "campaign-1", a_rule({"link": "a\0b"}, STOP), SINCE, NOW)
