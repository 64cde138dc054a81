"""Rules of campaigns, in the database: what they do outside is done once, whatever is folded how often."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, delete, func, select

from classifier.verdict import OptOut, ReplyClass
from models.automation import Automation
from models.events import DneReason, Event, EventKind, Status
from models.session import insert_new, reading, transaction
from models.tables.mailing import Campaign, Contact, Recipient
from models.tables.outside import AutomationCommand, AutomationRule, EventType, OutboxEvent, WebhookEndpoint
from models.tables.people import Team
from models.tables.standing import DneEntry, RecipientEvent, ReviewItem, StatusChange
from tests.worker.commanding import ANNA, Commands
from tests.worker.small_world import NOW, SENT_AT, a_mail, a_reply, furnish, send_all, statuses, take_in
from worker.act import Act
from worker.acts.automations import announce, put_automations, remove_automation
from worker.acts.do_not_email import add_dne, lift_dne
from worker.acts.person import resolve_review
from worker.daemon.ticks import due_contacts, fold_all
from worker.errors import InputError
from worker.rules import Rules
from worker.writing.locks import lock
from worker.writing.refold import refold
from worker.writing.stored import event_columns

ACT = Act("petra", SENT_AT + timedelta(hours=1))
ANNA_1 = ("campaign-1", "anna@client.example")
MOVE = {"do": "move", "campaign": "nurture"}
INTERESTED = {"class": ["Interested"]}


@pytest.fixture
def world(engine: Engine) -> Engine:
    """Anna and Ben in two campaigns; a third one to move to, and an endpoint."""
    furnish(engine)
    send_all(engine)
    with transaction(engine) as session:
        # Another team has a campaign of the same name, and had it first.
        session.add(Team(id=2, name="other"))
        session.flush()
        session.add(Campaign(team_id=2, key="nurture", name="nurture"))
        session.flush()
        session.add(Campaign(team_id=1, key="nurture", name="nurture"))
        session.add(
            WebhookEndpoint(team_id=1, name="crm", url="https://crm.example", secret="whsec_x", recorded_at=NOW)
        )
    return engine


def put(
    engine: Engine,
    when: dict[str, Any],
    *then: dict[str, Any],
    campaign: str = "campaign-1",
    act: Act = ACT,
    name: str = "the rule",
) -> None:
    rule = Automation.model_validate({"name": name, "when": when, "then": list(then)})
    with transaction(engine) as session:
        timed = put_automations(session, 1, campaign, [rule], act)
    if timed:
        announce(partial(transaction, engine), 1, campaign, act)


def answer(engine: Engine, hours: int = 30, reply_class: ReplyClass = ReplyClass.INTERESTED) -> None:
    take_in(engine, a_mail(a_reply(reply_class), hours, answers=("anna-1-1@us",), from_address=ANNA_1[1]))


def happen(engine: Engine, kind: EventKind, at: datetime, **fields: Any) -> None:
    """Let something happen to Anna in the first campaign, as the sending side tells it."""
    with transaction(engine) as session:
        query = (
            select(Recipient.id, Recipient.contact_id)
            .join(Contact, Contact.id == Recipient.contact_id)
            .join(Campaign, Campaign.id == Recipient.campaign_id)
            .where(Contact.address == ANNA_1[1], Campaign.key == ANNA_1[0])
        )
        recipient_id, contact_id = session.execute(query).one()
        locked = lock(session, [contact_id])
        event = Event(kind=kind, happened_at=at, key=f"{kind}{at}", **fields)
        row = event_columns(event) | {"recipient_id": recipient_id, "because": [], "recorded_at": NOW}
        insert_new(session, RecipientEvent, [row])
        refold(session, locked, NOW)


def fold_everybody(engine: Engine, now: datetime = NOW) -> None:
    with transaction(engine) as session:
        refold(session, lock(session, session.scalars(select(Contact.id)).all()), now)


def told(engine: Engine, kind: EventType) -> list[OutboxEvent]:
    with reading(engine) as session:
        return list(session.scalars(select(OutboxEvent).where(OutboxEvent.type == kind).order_by(OutboxEvent.id)))


def commands(engine: Engine) -> list[tuple[str, str]]:
    with reading(engine) as session:
        return [(each.action, each.outcome) for each in session.scalars(select(AutomationCommand))]


def test_a_rule_that_moves_stops_here_and_joins_there_once(world: Engine) -> None:
    put(world, INTERESTED, {"do": "call", "endpoint": "crm"}, MOVE)
    answer(world)
    fold_everybody(world)
    fold_everybody(world, NOW + timedelta(days=300))
    assert statuses(world)[ANNA_1] == "Interested"
    assert statuses(world)["nurture", ANNA_1[1]] == "Active"
    assert sorted(commands(world)) == [("call crm", "told"), ("move nurture", "joined")]
    (call,) = told(world, EventType.AUTOMATION)
    assert (call.endpoint, call.subject, call.payload["rule"]) == ("crm", ANNA_1[1], "the rule")


def test_who_was_moved_follows_the_rules_there(world: Engine) -> None:
    put(world, INTERESTED, MOVE)
    put(world, {"status": ["Active"]}, {"do": "call", "endpoint": "crm"}, campaign="nurture")
    answer(world)
    assert sorted(commands(world)) == [("call crm", "told"), ("move nurture", "joined")]
    (call,) = told(world, EventType.AUTOMATION)
    assert call.payload["campaign"] == "nurture"


def test_the_history_names_the_rule(world: Engine) -> None:
    put(world, {"opens": 1}, {"do": "stop"})
    happen(world, EventKind.OPENED, NOW - timedelta(days=1))
    with reading(world) as session:
        (change,) = session.scalars(select(StatusChange).where(StatusChange.to_status == Status.CAMPAIGN_STOPPED))
    assert change.because == ["automation 'the rule': opened 1 times"]
    (event,) = [each for each in told(world, EventType.STATUS_CHANGED) if each.payload["to"] == "Campaign Stopped"]
    assert event.payload["because"] == change.because


def test_nobody_under_do_not_email_is_moved(world: Engine) -> None:
    put(world, {"opens": 1}, {"do": "add_dne"}, MOVE)
    happen(world, EventKind.OPENED, NOW - timedelta(days=1))
    assert commands(world) == [("move nurture", f"refused: {ANNA_1[1]} is under Do Not Email")]
    assert ("nurture", ANNA_1[1]) not in statuses(world)
    assert statuses(world)["campaign-2", ANNA_1[1]] == "Removed"


def test_who_is_in_the_other_campaign_already_stays_there_as_they_are(world: Engine) -> None:
    put(world, INTERESTED, {"do": "move", "campaign": "campaign-2"})
    answer(world)
    fold_everybody(world)
    assert commands(world) == [("move campaign-2", "is in campaign 'campaign-2' already")]
    assert statuses(world)["campaign-2", ANNA_1[1]] == "Active"
    with reading(world) as session:
        joined = select(func.count(RecipientEvent.id)).where(RecipientEvent.kind == EventKind.JOINED)
        assert session.scalar(joined) == 0


def test_a_campaign_that_is_gone_takes_nobody_in_and_the_mail_counts_all_the_same(world: Engine) -> None:
    put(world, INTERESTED, MOVE)
    with transaction(world) as session:
        session.execute(delete(Campaign).where(Campaign.team_id == 1, Campaign.key == "nurture"))
    answer(world)
    assert commands(world) == [("move nurture", "refused: no campaign 'nurture'")]
    assert statuses(world)[ANNA_1] == "Interested"


def test_an_entry_of_a_rule_names_it_and_goes_when_late_mail_shows_that_it_was_wrong(world: Engine) -> None:
    put(world, {"days_without_reply": 5}, {"do": "add_dne"})
    fold_everybody(world)
    with reading(world) as session:
        entries = session.scalars(select(DneEntry).where(DneEntry.target == ANNA_1[1])).all()
    assert [(each.reason, each.actor) for each in entries] == [(DneReason.AUTOMATION, "automation the rule")]
    answer(world)
    with reading(world) as session:
        assert all(each.withdrawn_at for each in session.scalars(select(DneEntry).where(DneEntry.target == ANNA_1[1])))
    assert [each.payload["target"] for each in told(world, EventType.DNE_WITHDRAWN)] == [ANNA_1[1]]
    assert statuses(world)["campaign-2", ANNA_1[1]] == "Active"


def test_a_rule_bans_nobody_whose_sequence_an_entry_of_others_had_ended(world: Engine) -> None:
    put(world, {"days_without_reply": 5}, {"do": "add_dne"})
    take_in(world, a_mail(OptOut(), 40, answers=("anna-2-1@us",), from_address=ANNA_1[1]))
    with transaction(world) as session:
        lift_dne(session, 1, ANNA_1[1], Act("petra", NOW, "she asked for it"))
    fold_everybody(world, NOW + timedelta(days=1))
    with reading(world) as session:
        reasons = session.scalars(select(DneEntry.reason).where(DneEntry.target == ANNA_1[1])).all()
    assert reasons == [DneReason.UNSUBSCRIBE_REPLY]


def test_a_rule_may_ban_because_of_an_entry_of_others(world: Engine) -> None:
    put(world, {"status": ["Removed"]}, {"do": "add_dne"})
    with transaction(world) as session:
        add_dne(session, 1, {"client.example": None}, DneReason.MANUAL, Act("petra", NOW))
    fold_everybody(world, NOW + timedelta(days=1))
    with reading(world) as session:
        reasons = session.scalars(select(DneEntry.reason).where(DneEntry.target == ANNA_1[1])).all()
    assert reasons == [DneReason.AUTOMATION]


def test_two_rules_that_ban_the_same_contact_do_not_undo_each_other(world: Engine) -> None:
    put(world, {"days_without_reply": 5}, {"do": "add_dne"})
    put(world, {"days_without_reply": 5}, {"do": "add_dne"}, campaign="campaign-2")
    for days in range(4):
        fold_everybody(world, NOW + timedelta(days=days))
    with reading(world) as session:
        entries = session.scalars(select(DneEntry).where(DneEntry.target == ANNA_1[1])).all()
    assert [entry.withdrawn_at for entry in entries] == [None, None]
    assert len([each for each in told(world, EventType.DNE_ADDED) if each.subject == ANNA_1[1]]) == 2
    assert told(world, EventType.DNE_WITHDRAWN) == []


def test_who_may_have_opted_out_in_one_campaign_is_moved_from_no_other_before_a_person_has_looked(
    world: Engine,
) -> None:
    put(world, {"opens": 1}, MOVE)
    doubtful = a_mail(
        a_reply(ReplyClass.UNSUBSCRIBED, sure=False), 40, answers=("anna-2-1@us",), from_address=ANNA_1[1]
    )
    take_in(world, doubtful)
    happen(world, EventKind.OPENED, NOW - timedelta(days=1))
    assert commands(world) == []
    with transaction(world) as session:
        (item,) = session.scalars(select(ReviewItem.id).where(ReviewItem.closed_at.is_(None)))
        resolve_review(session, Rules(team_id=1), item, Status.ENGAGED, Act("petra", NOW))
    assert commands(world) == [("move nurture", "joined")]


def test_days_without_a_reply_are_seen_by_the_tick_also_after_a_week_of_downtime(world: Engine) -> None:
    put(world, {"days_without_reply": 5}, {"do": "stop"})
    now = SENT_AT + timedelta(days=5)
    for piece in due_contacts(world, now):
        fold_all(world, piece, now)
    assert statuses(world)[ANNA_1] == "Active"
    assert due_contacts(world, now + timedelta(hours=23)) == []
    later = now + timedelta(days=8)
    for piece in due_contacts(world, later):
        fold_all(world, piece, later)
    assert statuses(world)[ANNA_1] == "Campaign Stopped"
    assert statuses(world)["campaign-2", ANNA_1[1]] == "Active"
    assert due_contacts(world, later + timedelta(days=300)) == []


def test_a_rule_is_replaced_by_one_of_its_name_and_the_past_stays(world: Engine) -> None:
    put(world, {"opens": 1}, {"do": "stop"})
    happen(world, EventKind.OPENED, SENT_AT + timedelta(days=1))
    put(world, {"opens": 9}, {"do": "stop"}, act=Act("petra", SENT_AT + timedelta(days=2)))
    put(world, {"opens": 9}, {"do": "stop"}, act=Act("petra", SENT_AT + timedelta(days=3)))
    fold_everybody(world)
    assert statuses(world)[ANNA_1] == "Campaign Stopped"
    with transaction(world) as session:
        assert session.scalar(select(func.count(AutomationRule.id))) == 2
        remove_automation(session, 1, "campaign-1", "the rule", Act("petra", NOW))
        with pytest.raises(InputError, match="has no rule 'the rule'; it has: none"):
            remove_automation(session, 1, "campaign-1", "the rule", Act("petra", NOW))


@pytest.mark.parametrize(
    ("then", "says"),
    [
        ({"do": "move", "campaign": "campaign-1"}, "cannot move to itself"),
        ({"do": "move", "campaign": "theirs"}, "no campaign 'theirs'"),
        ({"do": "call", "endpoint": "theirs"}, "no endpoint 'theirs'; inbox-worker webhooks add"),
    ],
)
def test_a_rule_reaches_no_place_outside_its_team(world: Engine, then: dict[str, Any], says: str) -> None:
    with transaction(world) as session:
        session.add(Campaign(team_id=2, key="theirs", name="theirs"))
        session.add(WebhookEndpoint(team_id=2, name="theirs", url="https://x.example", secret="s", recorded_at=NOW))
    with pytest.raises(InputError, match=says):
        put(world, {"opens": 1}, then)
    with pytest.raises(InputError, match="no campaign 'theirs'"), transaction(world) as session:
        put_automations(session, 1, "theirs", [], ACT)


def test_a_campaign_has_only_so_many_rules_and_one_may_take_the_place_of_another(
    world: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.acts.automations.MOST_RULES", 1)
    put(world, {"opens": 1}, MOVE, name="first")
    put(world, {"opens": 2}, MOVE, name="first")
    with pytest.raises(InputError, match="more than 1 rules; remove some first"):
        put(world, {"opens": 1}, MOVE, name="second")


def test_the_example_of_the_page_is_a_rule() -> None:
    page = (Path(__file__).parents[2] / "docs" / "automations.md").read_text()
    (example,) = re.findall(r"```json\n(.+?)```", page, re.DOTALL)
    rule = Automation.model_validate_json(example)
    assert str(rule.when) == "status Active, 10 days without a reply"


def test_rules_are_put_listed_and_removed_by_command(run: Commands) -> None:
    run.add_mailbox()
    run.send(ANNA)
    rule = {"name": "hot", "when": {"class": ["Interested"], "opens": 2}, "then": [{"do": "stop"}]}
    path = run.file("rules.json", json.dumps([rule]))
    assert "hot in place from now on" in run.done("automations", "put", "spring", path).out
    (row,) = run.done("automations", "list", "--json").rows
    assert (row["campaign"], row["when"], row["definition"]) == ("spring", "answer Interested, opened 2 times", rule)
    assert run("automations", "list", "--campaign", "autumn").code == 1
    run.done("automations", "remove", "spring", "hot")
    assert run.done("automations", "list", "--json").rows == []


def test_a_bad_rule_file_is_refused_with_every_mistake(run: Commands) -> None:
    run.add_mailbox()
    run.send(ANNA)
    good = {"name": "a", "when": {"opens": 1}, "then": [{"do": "stop"}]}
    bad = {"name": "b", "when": {"opens": 0}, "then": [{"do": "stop"}], "els": []}
    said = run("automations", "put", "spring", run.file("rules.json", json.dumps([good, bad])))
    assert said.code == 1
    assert "rules.json: rule 2 when opens: Input should be greater than or equal to 1" in said.err
    assert "rule 2 els: Extra inputs" in said.err
    assert "Nothing is changed" in said.err
    assert run.count(AutomationRule) == 0
    assert "cannot be read" in run("automations", "put", "spring", run.file("no.json", "{")).err
