"""From verdicts to events: what is stored, how far it may act, and under which key."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from classifier.verdict import (
    Absence,
    AutoResponse,
    Bounce,
    BounceKind,
    Complaint,
    OptOut,
    Outgoing,
    Receipt,
    ReceiptKind,
    Reply,
    ReplyClass,
    Verdict,
)
from models.events import Bounced, Event, EventKind, ReviewKind, Status, Trust
from models.tables.mailing import AutoResponsePolicy
from worker.decide import Mail, Policy, decide, event_key
from worker.match import Match, Send, Strength
from worker.working_days import Calendar

AT = datetime(2026, 5, 8, 12, tzinfo=UTC)  # a Friday
SEND = Send("send-1", AT - timedelta(days=1), "a quick question", 1, 1, 1, "anna@client.example")
POLICY = Policy("spring")


def decided(
    verdict: Verdict, strength: Strength = Strength.STRONG, *, authentic: bool = True, policy: Policy = POLICY
) -> Event:
    match = Match(SEND, strength, ("key",), None)
    event = decide(verdict, Mail("mail", AT, authentic=authentic), match, "anna@client.example", policy)
    assert event is not None
    return event


def a_reply(reply_class: ReplyClass, **other: object) -> Reply:
    return Reply(**({"reply_class": reply_class, "confidence": 0.9, "sure": True} | other))  # type: ignore[arg-type]


def test_a_sure_reply_keeps_its_class_and_the_policy_of_the_day() -> None:
    event = decided(a_reply(ReplyClass.INTERESTED))
    assert (event.kind, event.status, event.sure, event.ends) == (EventKind.REPLY, Status.INTERESTED, True, True)
    assert not decided(a_reply(ReplyClass.INTERESTED), policy=Policy("spring", stop_on_reply=False)).ends


def test_a_sure_unsubscribed_reply_is_an_opt_out() -> None:
    assert decided(a_reply(ReplyClass.UNSUBSCRIBED)).kind is EventKind.OPT_OUT


def test_an_unsure_unsubscribed_reply_stays_a_reply_that_is_not_sure() -> None:
    event = decided(a_reply(ReplyClass.UNSUBSCRIBED, sure=False))
    assert (event.kind, event.status, event.sure) == (EventKind.REPLY, Status.UNSUBSCRIBED, False)


def test_a_sure_answer_of_a_machine_is_what_it_says() -> None:
    away = decided(a_reply(ReplyClass.OUT_OF_OFFICE))
    assert (away.kind, away.confidence, away.until) == (EventKind.ABSENCE, 0.9, AT + timedelta(days=7))
    automatic = decided(a_reply(ReplyClass.AUTO_RESPONSE))
    assert (automatic.kind, automatic.confidence) == (EventKind.AUTO_REPLY, 0.9)


def test_a_likely_opt_out_is_held_whatever_class_came_first() -> None:
    event = decided(a_reply(ReplyClass.NOT_INTERESTED, hold=True))
    assert (event.status, event.sure) == (Status.UNSUBSCRIBED, False)


def test_a_return_date_pauses_until_one_working_day_later() -> None:
    event = decided(Absence(return_date=date(2026, 5, 15)))  # a Friday
    assert (event.until, event.dated) == (datetime(2026, 5, 18, tzinfo=UTC), True)


def test_the_pause_ends_when_the_teams_day_begins() -> None:
    policy = Policy("spring", calendar=Calendar("America/New_York", "12345"))
    assert decided(Absence(return_date=date(2026, 5, 15)), policy=policy).until == datetime(2026, 5, 18, 4, tzinfo=UTC)


def test_an_absence_without_a_date_pauses_for_the_default() -> None:
    event = decided(Absence())
    assert (event.until, event.dated) == (AT + timedelta(days=7), False)


@pytest.mark.parametrize(
    ("policy", "ends", "until"),
    [
        (AutoResponsePolicy.CONTINUE, False, None),
        (AutoResponsePolicy.PAUSE, False, AT + timedelta(days=3)),
        (AutoResponsePolicy.END, True, None),
    ],
)
def test_an_automatic_answer_follows_the_campaign(
    policy: AutoResponsePolicy, ends: bool, until: datetime | None
) -> None:
    event = decided(AutoResponse(), policy=Policy("spring", auto_response=policy))
    assert (event.ends, event.until) == (ends, until)


def test_an_opt_out_in_a_machines_words_is_reviewed() -> None:
    assert decided(OptOut(by_machine=True)).review is ReviewKind.MACHINE_OPT_OUT


@pytest.mark.parametrize("kind", list(BounceKind))
def test_every_kind_of_bounce_is_kept(kind: BounceKind) -> None:
    event = decided(Bounce(kind=kind, recipients=(), reason="x"))
    assert event.bounce is Bounced(kind.value)


@pytest.mark.parametrize(
    "verdict",
    [
        Outgoing(),
        Receipt(kind=ReceiptKind.READ),
        Receipt(kind=ReceiptKind.AGGREGATE),
        Complaint(feedback_type="not-spam"),
        Complaint(feedback_type="auth-failure"),
    ],
)
def test_our_own_mail_receipts_and_reports_that_are_no_complaint_cause_nothing(verdict: Verdict) -> None:
    match = Match(SEND, Strength.STRONG, ("key",))
    assert decide(verdict, Mail("mail", AT), match, "anna@client.example", POLICY) is None


BOUNCE = Bounce(kind=BounceKind.HARD, recipients=(), reason="user_unknown")


@pytest.mark.parametrize(
    ("verdict", "strength", "authentic", "trust"),
    [
        (BOUNCE, Strength.STRONG, True, Trust.ACTS),
        (BOUNCE, Strength.WEAK, True, Trust.SUGGESTS),
        (Complaint(feedback_type="abuse"), Strength.WEAK, True, Trust.SUGGESTS),
        (OptOut(), Strength.WEAK, True, Trust.ACTS),
        (OptOut(), Strength.WEAK, False, Trust.SUGGESTS),
        (OptOut(), Strength.STRONG, False, Trust.ACTS),
        (a_reply(ReplyClass.ENGAGED), Strength.WEAK, False, Trust.ACTS),
        (a_reply(ReplyClass.ENGAGED), Strength.FROM_ALONE, True, Trust.SUGGESTS),
        (OptOut(), Strength.FROM_ALONE, True, Trust.SUGGESTS),
    ],
)
def test_only_a_good_match_acts(verdict: Verdict, strength: Strength, authentic: bool, trust: Trust) -> None:
    assert decided(verdict, strength, authentic=authentic).trust is trust


def test_only_a_strong_match_names_the_send() -> None:
    assert decided(BOUNCE).send_id == "send-1"
    assert decided(BOUNCE, Strength.WEAK).send_id is None


def test_the_key_tells_mail_kind_campaign_and_address_apart() -> None:
    first = ("mail", EventKind.REPLY, "spring", "anna@client.example")
    others = [
        ("other", *first[1:]),
        ("mail", EventKind.OPT_OUT, *first[2:]),
        ("mail", EventKind.REPLY, "autumn", first[3]),
        (*first[:3], "ben@client.example"),
    ]
    assert len({event_key(*each) for each in (first, *others)}) == 5
    assert event_key(*first) == event_key(*first)
