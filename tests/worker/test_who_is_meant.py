"""Which send and which person a mail belongs to when several are possible, and who stays banned."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest
from sqlalchemy import Engine, select

from classifier.verdict import Bounce, BounceKind, OptOut, Outgoing, ReplyClass
from models.events import DneReason, Status
from models.session import reading, transaction
from models.tables.mailing import Recipient, SecondAddress, SentMessage, SentMessageId
from models.tables.standing import DneEntry, RecipientEvent, ReviewItem
from tests.journey.world import end_state
from tests.worker.small_world import HARD, NOW, RULES, SENT_AT, a_mail, a_reply, furnish, send_all, statuses, take_in
from worker.act import Act
from worker.acts.contacts import merge
from worker.acts.do_not_email import add_dne
from worker.acts.person import resolve_review
from worker.errors import InputError
from worker.matching.known_sends import Sent
from worker.reading.learn import SentHeader, learn
from worker.sending.sends import import_sends

IMPORTED = Sent(
    campaign="spring",
    to="anna@client.example",
    message_ids=("one@us",),
    sent_at=SENT_AT,
    subject="A question",
    send_id="s-1",
)
LEARNT = replace(IMPORTED, campaign="learnt:mila@outreach.example", send_id="one@us anna@client.example")
SPRING, LEFT_OVER = ("spring", "anna@client.example"), (LEARNT.campaign, "anna@client.example")


@pytest.fixture
def engine(engine: Engine) -> Engine:
    furnish(engine)
    return engine


def listed(engine: Engine) -> dict[tuple[str, str], str]:
    return {key: status for key, (status, *_, shown) in end_state(engine).recipients.items() if shown}


@pytest.mark.parametrize("order", [(LEARNT, IMPORTED), (IMPORTED, LEARNT)])
@pytest.mark.parametrize("rewritten", [False, True])
def test_a_mail_that_is_learnt_and_imported_is_one_send(
    engine: Engine, order: tuple[Sent, Sent], rewritten: bool
) -> None:
    sends = [replace(s, message_ids=("rewritten@provider",)) if rewritten and s is LEARNT else s for s in order]
    for send in sends:
        send_all(engine, [send])
    take_in(engine, a_mail(HARD, answers=("one@us",)))
    assert listed(engine) == {SPRING: "Bounced"}
    with reading(engine) as session:
        assert session.scalars(select(SentMessage.send_id)).all() == ["s-1"]
        ids = {"one@us", "rewritten@provider"} if rewritten else {"one@us"}
        assert set(session.scalars(select(SentMessageId.message_id))) == ids


def test_an_import_takes_what_was_decided_over_with_the_send(engine: Engine) -> None:
    send_all(engine, [LEARNT])
    take_in(engine, a_mail(OptOut(), answers=("one@us",)))
    assert listed(engine) == {LEFT_OVER: "Unsubscribed"}
    send_all(engine, [IMPORTED])
    assert listed(engine) == {SPRING: "Unsubscribed"}
    with reading(engine) as session:
        live = session.scalars(select(DneEntry).where(DneEntry.withdrawn_at.is_(None))).all()
        assert [(entry.target, entry.reason) for entry in live] == [
            ("anna@client.example", DneReason.UNSUBSCRIBE_REPLY)
        ]


def test_importing_a_known_send_under_another_campaign_adds_no_recipient(engine: Engine) -> None:
    send_all(engine, [IMPORTED])
    send_all(engine, [replace(IMPORTED, campaign="renamed")])
    assert list(statuses(engine)) == [SPRING]


def test_a_send_id_for_somebody_else_is_refused(engine: Engine) -> None:
    send_all(engine, [IMPORTED])
    with pytest.raises(InputError, match="s-1"), transaction(engine) as session:
        import_sends(session, RULES, [replace(IMPORTED, to="ben@client.example")], NOW)


def test_a_report_about_one_of_several_recipients_concerns_that_one(engine: Engine) -> None:
    ben = replace(IMPORTED, to="ben@client.example", send_id="s-2")
    send_all(engine, [IMPORTED, ben])
    take_in(engine, a_mail(HARD, answers=("one@us",), addresses=("anna@client.example",)))
    assert statuses(engine) == {SPRING: "Bounced", ("spring", "ben@client.example"): "Active"}


def test_a_report_about_several_recipients_concerns_them_all(engine: Engine) -> None:
    both = ("anna@client.example", "ben@client.example")
    send_all(engine, [replace(IMPORTED, to=to, send_id=to) for to in both])
    report = Bounce(kind=BounceKind.HARD, recipients=both, reason="user_unknown")
    take_in(engine, a_mail(report, answers=("one@us",), addresses=both))
    assert set(statuses(engine).values()) == {"Bounced"}


def test_a_bounce_of_a_copy_to_somebody_else_bans_nobody(engine: Engine) -> None:
    send_all(engine, [IMPORTED])
    report = Bounce(kind=BounceKind.HARD, recipients=("colleague@client.example",), reason="user_unknown")
    take_in(engine, a_mail(report, answers=("one@us",), addresses=("colleague@client.example",)))
    assert end_state(engine).recipients[SPRING][:2] == ("Active", "held")
    with reading(engine) as session:
        assert session.scalars(select(DneEntry)).all() == []


def test_an_answer_to_the_other_address_stays_with_the_person(engine: Engine) -> None:
    send_all(engine, [IMPORTED])
    take_in(engine, a_mail(a_reply(), answers=("one@us",), from_address="anna@home.example"))
    header = (
        b"From: mila@outreach.example\r\nTo: anna@home.example\r\nSubject: Re: A question\r\n"
        b"Message-ID: <two@us>\r\nIn-Reply-To: <x@home.example>\r\nReferences: <one@us> <x@home.example>\r\n\r\n"
    )
    with transaction(engine) as session:
        sent = learn(session, 1, 1, "mila", [SentHeader(header, SENT_AT + timedelta(days=2))], frozenset())
        import_sends(session, RULES, sent, NOW)
    take_in(engine, a_mail(OptOut(), hours=60, answers=("two@us",), from_address="anna@home.example"))
    assert statuses(engine) == {SPRING: "Unsubscribed"}
    with reading(engine) as session:
        assert set(session.scalars(select(DneEntry.target))) == {"anna@client.example", "anna@home.example"}


def test_a_person_who_finds_an_opt_out_bans_both_addresses(engine: Engine) -> None:
    send_all(engine, [IMPORTED])
    unsure = a_reply(ReplyClass.UNSUBSCRIBED, sure=False)
    take_in(engine, a_mail(unsure, answers=("one@us",), from_address="anna@home.example"))
    with transaction(engine) as session:
        item = session.scalars(select(ReviewItem.id)).one()
        resolve_review(session, RULES, item, Status.UNSUBSCRIBED, Act("mila", NOW))
    with reading(engine) as session:
        assert set(session.scalars(select(DneEntry.target))) == {"anna@client.example", "anna@home.example"}


def test_a_persons_ban_stands_beside_a_bounce_that_is_withdrawn(engine: Engine) -> None:
    send_all(engine, [IMPORTED])
    take_in(engine, a_mail(HARD, hours=40, answers=("one@us",)))
    with transaction(engine) as session:
        add_dne(session, 1, {"anna@client.example": None}, DneReason.MANUAL, Act("mila", NOW))
    take_in(engine, a_mail(a_reply(), hours=35, answers=("one@us",), from_address="anna@client.example"))
    with reading(engine) as session:
        live = session.scalars(select(DneEntry.reason).where(DneEntry.withdrawn_at.is_(None))).all()
        assert live == [DneReason.MANUAL]
    assert end_state(engine).recipients[SPRING][1] == "ended"


STRANGER = replace(IMPORTED, to="ben@client.example", message_ids=("bens@us",), send_id="s-2", subject="Hello Ben")


@pytest.mark.parametrize("order", list(permutations(("anna", "ben", "mail"))), ids="-".join)
def test_a_mail_in_the_name_of_another_contact_bans_its_reader_alone_and_asks_about_the_other(
    engine: Engine, order: tuple[str, ...]
) -> None:
    mail = a_mail(OptOut(), answers=("one@us",), from_address="ben@client.example")
    for step in order:
        if step == "mail":
            take_in(engine, mail)
        else:
            send_all(engine, [IMPORTED if step == "anna" else STRANGER])
    end = end_state(engine)
    assert end.recipients[SPRING][0] == "Unsubscribed"
    assert {target for target, *_ in end.dne} == {"anna@client.example"}
    assert end.recipients["spring", "ben@client.example"][:2] == ("Active", "held")
    assert [kind for *_, kind, _ in end.reviews] == ["uncertain match"]
    with reading(engine) as session:
        assert session.scalars(select(SecondAddress)).all() == []


def test_an_entry_written_by_a_later_part_covers_contacts_of_an_earlier_one(engine: Engine) -> None:
    many = [
        replace(IMPORTED, to=f"p{n:04}@client.example", message_ids=(f"{n}@us",), send_id=str(n)) for n in range(700)
    ]
    send_all(engine, many)
    with transaction(engine) as session:
        merge(session, RULES, "p0699@client.example", "p0000@client.example", Act("mila", NOW, "she told me"))
    batch = [a_mail(a_reply(), answers=(f"{n}@us",), from_address=f"p{n:04}@client.example") for n in range(1, 699)]
    take_in(engine, *batch, a_mail(OptOut(), answers=("699@us",), from_address="p0000@client.example"))
    assert statuses(engine)["spring", "p0000@client.example"] == "Removed"


def test_a_copy_that_arrived_earlier_may_belong_to_another_send(engine: Engine) -> None:
    late = replace(
        IMPORTED, campaign="late", message_ids=("two@us",), sent_at=SENT_AT + timedelta(days=5), send_id="s-2"
    )
    send_all(engine, [IMPORTED, late])
    mail = a_mail(a_reply(), hours=24 * 6, from_address="anna@client.example", subject="Re: A question")
    take_in(engine, mail)
    assert statuses(engine) == {SPRING: "Active", ("late", "anna@client.example"): "Interested"}
    take_in(engine, replace(mail, uid=10**6, arrived_at=SENT_AT + timedelta(days=1)))
    assert statuses(engine) == {SPRING: "Interested", ("late", "anna@client.example"): "Active"}


def test_an_opt_out_whose_arrival_moves_before_the_send_still_stops_the_sequence(engine: Engine) -> None:
    send_all(engine, [IMPORTED])
    mail = a_mail(OptOut(), answers=("one@us",))
    take_in(engine, mail)
    take_in(engine, replace(mail, uid=10**6, arrived_at=SENT_AT - timedelta(days=30)))
    with reading(engine) as session:
        assert session.scalars(select(DneEntry.withdrawn_at)).all() == [None]
        assert session.scalars(select(Recipient.sequence)).one().value == "ended"


def test_our_own_mail_teaches_no_second_address(engine: Engine) -> None:
    take_in(engine, a_mail(Outgoing(), answers=("one@us",), from_address="mila@outreach.example"))
    send_all(engine, [IMPORTED])
    with reading(engine) as session:
        assert session.scalars(select(SecondAddress)).all() == []
        assert session.scalars(select(RecipientEvent)).all() == []
