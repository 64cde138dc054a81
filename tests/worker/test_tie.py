"""Whom a message is tied to: in every campaign where settings say so, in no other team, and from its first copy on."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select

from classifier.verdict import OptOut, ReplyClass
from models.session import reading, transaction
from models.tables.mailboxes import Mailbox
from models.tables.mailing import Campaign, Contact, Recipient
from models.tables.people import Team
from models.tables.standing import DneEntry, RecipientEvent
from tests.journey.world import end_state
from tests.worker.small_world import (
    BOX,
    HARD,
    NOW,
    RULES,
    SENDS,
    UIDS,
    a_mail,
    a_reply,
    furnish,
    send_all,
    statuses,
    take_in,
)
from worker.act import Act
from worker.acts.do_not_email import lift_dne
from worker.apply import Box, apply
from worker.sending.sends import import_sends
from worker.writing.book import read
from worker.writing.record import Judged

ANNA, BEN = "anna@client.example", "ben@client.example"
EVERYWHERE = replace(BOX, rules=replace(RULES, all_campaigns=True))


@pytest.fixture
def engine(engine: Engine) -> Engine:
    furnish(engine)
    send_all(engine)
    return engine


def take_in_everywhere(engine: Engine, *batch: Judged) -> None:
    with transaction(engine) as session:
        apply(session, EVERYWHERE, batch, NOW)


def test_where_the_settings_say_so_a_reply_changes_every_campaign_of_its_sender(engine: Engine) -> None:
    mail = a_mail(a_reply(ReplyClass.NOT_INTERESTED), answers=("anna-1-0@us",), from_address=ANNA)
    take_in_everywhere(engine, mail)
    assert statuses(engine) == {
        ("campaign-1", ANNA): "Not Interested",
        ("campaign-2", ANNA): "Not Interested",
        ("campaign-1", BEN): "Active",
        ("campaign-2", BEN): "Active",
    }
    with reading(engine) as session:
        keys = session.scalars(select(RecipientEvent.key)).all()
    assert len(set(keys)) == 2


def test_a_bounce_changes_the_campaign_it_answers_alone_whatever_the_settings_say(engine: Engine) -> None:
    take_in_everywhere(engine, a_mail(HARD, answers=("anna-1-0@us",)))
    with reading(engine) as session:
        campaigns = session.scalars(
            select(Campaign.key)
            .join(Recipient, Recipient.campaign_id == Campaign.id)
            .join(RecipientEvent, RecipientEvent.recipient_id == Recipient.id)
        ).all()
    assert campaigns == ["campaign-1"]


def test_a_reply_from_nobody_we_mailed_changes_no_campaign_at_all(engine: Engine) -> None:
    take_in_everywhere(engine, a_mail(a_reply(), from_address="stranger@else.example"))
    assert set(statuses(engine).values()) == {"Active"}


def test_the_same_mail_in_two_teams_leaves_each_teams_event_alone(engine: Engine) -> None:
    with transaction(engine) as session:
        session.add(Team(id=2, name="other"))
        session.flush()
        session.add(Mailbox(id=2, team_id=2, name="other", host="h", port=993, username="u2", password="p"))
    theirs = replace(RULES, team_id=2)
    with transaction(engine) as session:
        import_sends(session, theirs, SENDS, NOW)
    mail = a_mail(a_reply(), answers=("anna-1-0@us",), from_address=ANNA)
    take_in(engine, mail)
    with transaction(engine) as session:
        apply(session, Box(2, "other", theirs), [mail], NOW)
    with reading(engine) as session:
        events = session.execute(
            select(Recipient.team_id, RecipientEvent.key, RecipientEvent.retracted_at, RecipientEvent.message_id)
            .join(Recipient, Recipient.id == RecipientEvent.recipient_id)
            .order_by(Recipient.team_id)
        ).all()
    assert [(event.team_id, event.retracted_at) for event in events] == [(1, None), (2, None)]
    assert (events[0].key == events[1].key, events[0].message_id == events[1].message_id) == (True, False)


def an_earlier_copy(mail: Judged, hours: int) -> Judged:
    return replace(mail, uid=next(UIDS), arrived_at=mail.arrived_at - timedelta(hours=hours))


def test_a_reply_counts_from_the_arrival_of_its_earliest_copy(engine: Engine) -> None:
    mail = a_mail(a_reply(), hours=50, answers=("anna-1-0@us",), from_address=ANNA)
    copy = an_earlier_copy(mail, 10)
    take_in(engine, mail)
    take_in(engine, copy)
    with reading(engine) as session:
        event = session.scalars(select(RecipientEvent)).one()
        assert (event.happened_at, event.until) == (copy.arrived_at, None)


def test_an_entry_that_never_acted_does_not_act_when_an_earlier_copy_of_its_mail_turns_up(engine: Engine) -> None:
    take_in(engine, a_mail(OptOut(), hours=30, answers=("anna-1-0@us",)))
    with transaction(engine) as session:
        lift_dne(session, 1, ANNA, Act("mila", NOW, "she called"))
    mail = a_mail(OptOut(), hours=29, answers=("anna-1-0@us",))
    take_in(engine, mail)
    copy = an_earlier_copy(mail, 2)
    take_in(engine, copy)
    with reading(engine) as session:
        entry = session.scalars(select(DneEntry).order_by(DneEntry.since)).first()
        assert entry is not None
        assert (entry.since, entry.lifted_at) == (copy.arrived_at, copy.arrived_at)


def test_a_contact_in_no_campaign_needs_no_fold(engine: Engine) -> None:
    with transaction(engine) as session:
        session.add(Contact(id=99, team_id=1, address="nobody@else.example", domain="else.example"))
        session.flush()
        assert read(session, [99]).people == []
    assert len(end_state(engine).recipients) == 4
