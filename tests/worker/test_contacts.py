"""One person with several addresses, by a person's word."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from classifier.verdict import OptOut, ReplyClass
from models.events import DneReason, Status
from models.session import reading, transaction
from models.tables.mail import InboundMessage, MessageState
from models.tables.mailing import SecondAddress
from models.tables.outside import EventType, OutboxEvent
from models.tables.people import Team
from models.tables.standing import DneEntry
from tests.worker.small_world import HARD, NOW, RULES, a_mail, a_reply, furnish, send_all, statuses, take_in
from worker.act import Act
from worker.acts.contacts import merge, split
from worker.acts.do_not_email import add_dne, lift_dne
from worker.acts.opt_out import opt_out_by_link
from worker.acts.person import find_recipients, set_status
from worker.acts.undo import undo
from worker.errors import InputError
from worker.matching.links import Purpose, linked_of_addresses, make_token
from worker.rules import Rules
from worker.writing.suppression import suppressed

ANNA, BEN, HOME = "anna@client.example", "ben@client.example", "anna@home.example"


@pytest.fixture
def engine(engine: Engine) -> Engine:
    furnish(engine)
    with transaction(engine) as session:
        session.add(Team(id=2, name="others"))
    send_all(engine)
    return engine


def act(minutes: int = 0, why: str | None = "she said so") -> Act:
    return Act("mila", NOW + timedelta(minutes=minutes), why)


def merged(engine: Engine, address: str = ANNA, second: str = HOME, minutes: int = 0, rules: Rules = RULES) -> None:
    with transaction(engine) as session:
        merge(session, rules, address, second, act(minutes))


def parted(engine: Engine, minutes: int = 10, why: str | None = "two persons", rules: Rules = RULES) -> None:
    with transaction(engine) as session:
        split(session, rules, ANNA, HOME, act(minutes, why))


def banned(engine: Engine, *addresses: str) -> dict[str, list[str]]:
    with reading(engine) as session:
        found = suppressed(session, 1, addresses)
        return {address: [each.reason.value for each in covers] for address, covers in found.items()}


def test_mail_from_the_second_address_counts_also_what_came_before(engine: Engine) -> None:
    mail = a_mail(a_reply(ReplyClass.INTERESTED), from_address=HOME, subject="Re: Question 1")
    take_in(engine, mail)
    assert statuses(engine)["campaign-1", ANNA] == "Active"
    merged(engine)
    assert statuses(engine)["campaign-1", ANNA] == "Interested"
    parted(engine)
    assert statuses(engine)["campaign-1", ANNA] == "Active"
    with reading(engine) as session:
        assert session.scalars(select(InboundMessage.state)).one() is MessageState.UNMATCHED


def test_who_said_so_when_and_why_is_kept(engine: Engine) -> None:
    merged(engine)
    with reading(engine) as session:
        row = session.scalars(select(SecondAddress)).one()
    assert (row.address, row.actor, row.why, row.recorded_at) == (HOME, "mila", "she said so", NOW)


def test_that_somebody_answered_for_another_says_nothing_against_a_persons_word(engine: Engine) -> None:
    take_in(engine, a_mail(a_reply(), answers=("ben-1-0@us",), from_address=HOME))
    merged(engine)
    with reading(engine) as session:
        rows = session.execute(select(SecondAddress.contact_id, SecondAddress.actor).order_by(SecondAddress.actor))
        assert {row.actor for row in rows} == {None, "mila"}
    with pytest.raises(InputError, match=f"{HOME} is another address of {ANNA} already"):
        merged(engine, BEN)


def test_an_opt_out_of_one_bans_the_other_with_an_entry_of_its_own(engine: Engine) -> None:
    take_in(engine, a_mail(OptOut(), answers=("anna-1-0@us",)))
    merged(engine)
    assert banned(engine, ANNA, HOME) == {ANNA: ["unsubscribe reply"], HOME: ["unsubscribe reply"]}
    with reading(engine) as session:
        copy = session.scalars(select(DneEntry).where(DneEntry.target == HOME)).one()
        told = session.scalars(
            select(OutboxEvent).where(OutboxEvent.type == EventType.DNE_ADDED, OutboxEvent.subject == HOME)
        ).one()
        first = session.scalars(select(DneEntry).where(DneEntry.target == ANNA)).one()
    assert copy.note == f"same person as {ANNA}; {first.note}"
    assert (copy.since, copy.source) == (first.since, first.source)
    assert told.payload == {
        "target": HOME, "reason": "unsubscribe reply", "since": first.since.isoformat(), "by": None, "note": copy.note,
    }  # fmt: skip


def test_what_one_asks_later_bans_the_other_too_whichever_of_them_it_is(engine: Engine) -> None:
    merged(engine, ANNA, BEN)
    take_in(engine, a_mail(OptOut(), answers=("ben-2-0@us",)))
    assert banned(engine, ANNA, BEN) == {ANNA: ["unsubscribe reply"], BEN: ["unsubscribe reply"]}
    assert statuses(engine)["campaign-1", ANNA] == "Removed"
    with transaction(engine) as session:
        split(session, RULES, ANNA, BEN, act(10, "two persons"))
    assert banned(engine, ANNA, BEN) == {BEN: ["unsubscribe reply"]}
    assert statuses(engine)["campaign-1", ANNA] == "Active"


def test_an_opt_out_from_the_second_address_itself_outlives_a_split(engine: Engine) -> None:
    merged(engine)
    take_in(engine, a_mail(OptOut(), answers=("anna-1-0@us",), from_address=HOME))
    parted(engine)
    assert banned(engine, ANNA, HOME) == {ANNA: ["unsubscribe reply"], HOME: ["unsubscribe reply"]}


def test_of_three_addresses_of_a_person_each_bans_all(engine: Engine) -> None:
    other = "anna@third.example"
    merged(engine, ANNA, BEN)
    merged(engine, ANNA, other, minutes=1)
    take_in(engine, a_mail(OptOut(), answers=("ben-2-0@us",)))
    assert set(banned(engine, ANNA, BEN, other)) == {ANNA, BEN, other}


def test_a_split_leaves_a_third_address_banned(engine: Engine) -> None:
    other = "anna@third.example"
    with transaction(engine) as session:
        add_dne(session, 1, {ANNA: None}, DneReason.MANUAL, act())
    merged(engine)
    merged(engine, ANNA, other, minutes=1)
    parted(engine)
    assert set(banned(engine, ANNA, HOME, other)) == {ANNA, other}


def test_a_link_pressed_again_after_a_lift_counts_again_for_the_address_that_was_lifted(engine: Engine) -> None:
    merged(engine)
    key = "k" * 32
    with reading(engine) as session:
        (whose,) = linked_of_addresses(session, 1, [ANNA], "campaign-1")
    token = make_token(key, Purpose.UNSUBSCRIBE, whose)
    for minutes in (1, 3):
        with transaction(engine) as session:
            assert opt_out_by_link(session, (key,), token, "one-click", NOW + timedelta(minutes=minutes))
            assert set(banned_now(session)) == {ANNA, HOME}
            if minutes == 1:
                lift_dne(session, 1, ANNA, act(2))
    with reading(engine) as session:
        told = session.scalars(select(OutboxEvent.type).where(OutboxEvent.subject == ANNA).order_by(OutboxEvent.id))
        assert EventType.DNE_WITHDRAWN not in told.all()


def banned_now(session: Session) -> dict[str, object]:
    return {**suppressed(session, 1, (ANNA, HOME))}


def test_what_bans_the_second_address_acts_on_the_contact_at_once(engine: Engine) -> None:
    with transaction(engine) as session:
        add_dne(session, 1, {HOME: None}, DneReason.MANUAL, act())
    merged(engine)
    assert banned(engine, ANNA) == {ANNA: ["manual"]}
    assert statuses(engine)["campaign-1", ANNA] == "Removed"


def test_a_dead_address_says_nothing_about_the_person(engine: Engine) -> None:
    take_in(engine, a_mail(HARD, answers=("anna-1-0@us",)))
    merged(engine)
    assert banned(engine, ANNA, HOME) == {ANNA: ["hard bounce"]}


def test_a_second_address_that_is_a_contact_keeps_its_status_and_is_banned_too(engine: Engine) -> None:
    take_in(engine, a_mail(a_reply(ReplyClass.INTERESTED), answers=("ben-1-0@us",), from_address=BEN))
    take_in(engine, a_mail(OptOut(), answers=("anna-1-0@us",)))
    merged(engine, ANNA, BEN)
    assert banned(engine, BEN) == {BEN: ["unsubscribe reply"]}
    assert statuses(engine)["campaign-1", BEN] == "Interested"
    assert statuses(engine)["campaign-2", BEN] == "Removed"


def test_a_split_withdraws_what_only_the_merge_made_and_needs_a_reason_after_an_opt_out(engine: Engine) -> None:
    take_in(engine, a_mail(OptOut(), answers=("anna-1-0@us",)))
    merged(engine)
    with pytest.raises(InputError, match="needs a reason"):
        parted(engine, why=None)
    parted(engine)
    assert banned(engine, ANNA, HOME) == {ANNA: ["unsubscribe reply"]}
    with reading(engine) as session:
        told = session.scalars(select(OutboxEvent.subject).where(OutboxEvent.type == EventType.DNE_WITHDRAWN)).all()
    assert told == [HOME]


def test_a_merge_after_a_split_bans_again(engine: Engine) -> None:
    take_in(engine, a_mail(OptOut(), answers=("anna-1-0@us",)))
    merged(engine)
    parted(engine)
    merged(engine, minutes=20)
    assert banned(engine, HOME) == {HOME: ["unsubscribe reply"]}


def test_an_act_that_is_taken_back_takes_its_copy_along(engine: Engine) -> None:
    with transaction(engine) as session:
        (recipient, _) = find_recipients(session, 1, ANNA)
        set_status(session, RULES, recipient, Status.UNSUBSCRIBED, act())
    merged(engine, minutes=1)
    assert banned(engine, ANNA, HOME) == {ANNA: ["manual"], HOME: ["manual"]}
    with transaction(engine) as session:
        undo(session, RULES, recipient, act(2))
    assert banned(engine, ANNA, HOME) == {}


def test_what_a_reply_showed_is_confirmed_by_a_person_and_bans_both_once(engine: Engine) -> None:
    take_in(engine, a_mail(OptOut(), answers=("anna-1-0@us",), from_address=HOME))
    merged(engine)
    assert banned(engine, ANNA, HOME) == {ANNA: ["unsubscribe reply"], HOME: ["unsubscribe reply"]}


def test_what_only_a_reply_showed_is_not_split(engine: Engine) -> None:
    take_in(engine, a_mail(a_reply(), answers=("anna-1-0@us",), from_address=HOME))
    with pytest.raises(InputError, match="a reply to our own mail came from it"):
        parted(engine)


def test_what_nobody_merged_is_not_split(engine: Engine) -> None:
    with pytest.raises(InputError, match="nobody said so"):
        parted(engine)


@pytest.mark.parametrize(
    ("address", "second", "says"),
    [
        (ANNA, " Anna@CLIENT.example", "the same address"),
        ("nobody@client.example", HOME, "is no contact of this team"),
        (ANNA, "home", "neither an address nor a domain"),
        (ANNA, "home.example", "is no address"),
    ],
)
def test_nonsense_is_refused(engine: Engine, address: str, second: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        merged(engine, address, second)


def test_an_address_belongs_to_one_person_and_it_is_said_whose_it_is(engine: Engine) -> None:
    merged(engine)
    with pytest.raises(InputError, match=f"{HOME} is another address of {ANNA} already"):
        merged(engine, BEN, HOME)
    with pytest.raises(InputError, match="is known as another address"):
        merged(engine)


def test_a_merge_in_a_circle_is_refused(engine: Engine) -> None:
    merged(engine, ANNA, BEN)
    with pytest.raises(InputError, match=f"{BEN} is another address of {ANNA}"):
        merged(engine, BEN, ANNA)


def test_no_team_reaches_anothers_contacts(engine: Engine) -> None:
    merged(engine)
    others = Rules(team_id=2)
    with pytest.raises(InputError, match="is no contact of this team"):
        merged(engine, ANNA, "anna@other.example", rules=others)
    with pytest.raises(InputError, match="is no contact of this team"):
        parted(engine, rules=others)


def test_an_entry_of_another_team_is_not_extended(engine: Engine) -> None:
    with transaction(engine) as session:
        add_dne(session, 2, {HOME: None}, DneReason.MANUAL, act())
    merged(engine)
    assert banned(engine, ANNA, HOME) == {}
