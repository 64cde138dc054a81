"""What is counted of a team's days, when it is counted anew, and what the overview reads of it."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Engine, select, update

from classifier.verdict import Absence, AutoResponse, Bounce, BounceKind, Outgoing, ReplyClass
from models.events import Bounced, ReviewKind, Status, Trust
from models.session import reading, transaction
from models.tables.figures import Counted, DayFigure
from models.tables.learning import Label, LabelSource, Promotion
from models.tables.mail import InboundMessage, MessageState
from models.tables.mailboxes import Mailbox
from models.tables.mailing import Recipient
from models.tables.outside import Alarm, AlarmKind, Delivery, DeliveryState, EventType, OutboxEvent, WebhookEndpoint
from models.tables.people import Team
from models.tables.standing import RecipientEvent, ReviewItem
from tests.worker.small_world import HARD, NOW, SENT_AT, a_mail, a_reply, furnish, send_all, take_in
from worker.queries import figures as figures_module
from worker.queries import mailbox_health, waiting
from worker.queries.bounce_rate import Bounces
from worker.queries.figures import DAYS, LABELS, count, count_all, counted_at, figures, fresh
from worker.queries.mailbox_health import Mailboxes
from worker.queries.overview import Overview, overview
from worker.queries.tallies import Tally
from worker.watch.health import state_of
from worker.writing.record import Judged
from worker.writing.stored import KINDS

OURS, THEIRS = 1, 2
TODAY = NOW.date()
HOURS = (NOW - SENT_AT) // timedelta(hours=1)
"""Of a mail that arrives now."""


@pytest.fixture
def engine(engine: Engine) -> Engine:
    """Anna and Ben, each in two campaigns of the first team, after their sends; a second team that has nothing."""
    furnish(engine)
    with transaction(engine) as session:
        session.add(Team(id=THEIRS, name="theirs"))
    send_all(engine)
    return engine


def from_anna(reply_class: ReplyClass, hours: int = HOURS, *, sure: bool = True) -> Judged:
    return a_mail(a_reply(reply_class, sure=sure), hours, from_address="anna@client.example", answers=("anna-1-1@us",))


def of_day(engine: Engine, counted: Counted, day: date = TODAY, team_id: int = OURS) -> dict[str, int]:
    """Return what was counted, without zeros."""
    with reading(engine) as session:
        found = figures(session, team_id, counted, day).get(day, {})
    return {name: number for name, number in found.items() if number}


def shown(engine: Engine, team_id: int = OURS, now: datetime = NOW) -> Overview:
    with reading(engine) as session:
        return overview(session, team_id, now)


def test_listed_recipients_are_counted_by_status_as_they_stand_now(engine: Engine) -> None:
    take_in(engine, from_anna(ReplyClass.INTERESTED))
    with transaction(engine) as session:
        gone = select(Recipient.id).where(Recipient.status == Status.ACTIVE).limit(1).scalar_subquery()
        session.execute(update(Recipient).where(Recipient.id == gone).values(listed=False))
    count(engine, OURS, NOW)
    assert of_day(engine, Counted.STATUS) == {"Active": 2, "Interested": 1}
    assert of_day(engine, Counted.STATUS, team_id=THEIRS) == {}


def test_mail_is_counted_by_verdict_on_the_day_it_arrived_once_and_without_our_own(engine: Engine) -> None:
    yesterday = HOURS - 24
    first = from_anna(ReplyClass.INTERESTED)
    take_in(
        engine,
        first,
        replace(first, folder="Archive"),
        from_anna(ReplyClass.UNSUBSCRIBED, sure=False),
        a_mail(AutoResponse(), HOURS),
        a_mail(Absence(), HOURS),
        a_mail(Outgoing(), HOURS),
        from_anna(ReplyClass.ENGAGED, yesterday),
    )
    count_all(engine, NOW)
    assert of_day(engine, Counted.VERDICT, team_id=THEIRS) == {}
    assert of_day(engine, Counted.VERDICT) == {
        "reply: Interested": 1,
        "reply: Unsubscribed": 1,
        "auto_response": 1,
        "absence": 1,
    }
    assert of_day(engine, Counted.VERDICT, TODAY - timedelta(days=1)) == {"reply: Engaged": 1}


def test_a_day_begins_at_midnight_utc_and_ends_before_the_next(engine: Engine) -> None:
    midnight = datetime.combine(TODAY, datetime.min.time(), UTC)
    take_in(engine, *(from_anna(ReplyClass.ENGAGED) for _ in range(3)))
    with transaction(engine) as session:
        ids = session.scalars(select(InboundMessage.id).order_by(InboundMessage.id)).all()
        moments = (midnight, midnight - timedelta(microseconds=1), midnight + timedelta(days=1))
        for row_id, moment in zip(ids, moments, strict=True):
            session.execute(update(InboundMessage).where(InboundMessage.id == row_id).values(arrived_at=moment))
    count(engine, OURS, NOW)
    assert of_day(engine, Counted.VERDICT) == {"reply: Engaged": 1}


def test_sends_are_counted_with_and_without_a_mailbox(engine: Engine) -> None:
    count(engine, OURS, NOW)
    assert of_day(engine, Counted.SENT, SENT_AT.date()) == {"": 4}
    with transaction(engine) as session:
        session.execute(update(Mailbox).values(team_id=THEIRS))
    count_all(engine, NOW)
    assert of_day(engine, Counted.SENT, SENT_AT.date()) == {"": 4}, "a send belongs to the team that sent it"
    assert of_day(engine, Counted.SENT, SENT_AT.date(), THEIRS) == {}


def test_bounces_are_counted_by_kind_but_not_those_that_do_not_act_or_were_taken_back(engine: Engine) -> None:
    soft = Bounce(kind=BounceKind.SOFT, recipients=("ben@client.example",), reason="mailbox_full")
    take_in(
        engine,
        a_mail(HARD, HOURS, answers=("anna-1-1@us",), addresses=("anna@client.example",)),
        a_mail(soft, HOURS, answers=("ben-1-1@us",), addresses=("ben@client.example",)),
    )
    count(engine, OURS, NOW)
    assert of_day(engine, Counted.BOUNCED) == {"hard": 1, "soft": 1}
    with transaction(engine) as session:
        for kind, values in ((Bounced.HARD, {"trust": Trust.SUGGESTS}), (Bounced.SOFT, {"retracted_at": NOW})):
            session.execute(update(RecipientEvent).where(RecipientEvent.bounce == kind).values(**values))
    count(engine, OURS, NOW)
    assert of_day(engine, Counted.BOUNCED) == {}, "what is there no more is zero"


def test_several_reports_of_one_send_are_one_bounce(engine: Engine) -> None:
    soft = Bounce(kind=BounceKind.SOFT, recipients=("ben@client.example",), reason="mailbox_full")
    reports = [a_mail(soft, HOURS, answers=(send,)) for send in ("ben-1-0@us", "ben-1-1@us", "ben-1-1@us")]
    take_in(engine, *reports)
    count(engine, OURS, NOW)
    assert of_day(engine, Counted.BOUNCED) == {"soft": 2}


def test_a_clock_that_was_ahead_keeps_nobody_from_counting(engine: Engine) -> None:
    count(engine, OURS, NOW + timedelta(days=365))
    take_in(engine, from_anna(ReplyClass.INTERESTED))
    fresh(engine, OURS, NOW)
    assert of_day(engine, Counted.VERDICT) == {"reply: Interested": 1}


def test_a_page_does_without_figures_that_cannot_be_counted(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("the disk is full")

    count(engine, OURS, NOW)
    with monkeypatch.context() as patched:
        patched.setattr("worker.queries.figures.count", fail)
        fresh(engine, OURS, NOW + timedelta(hours=1))
    fresh(engine, OURS, NOW + timedelta(hours=1))
    with reading(engine) as session:
        assert counted_at(session, OURS) == NOW + timedelta(hours=1)


def test_the_first_count_of_a_day_looks_back_a_month_and_the_next_ones_two_days(engine: Engine) -> None:
    with reading(engine) as session:
        assert counted_at(session, OURS) is None
    count(engine, OURS, NOW)
    with transaction(engine) as session:
        days = session.scalars(select(DayFigure.day).distinct().order_by(DayFigure.day)).all()
        session.execute(update(DayFigure).values(count=77))
    assert (len(days), days[-1]) == (DAYS, TODAY)
    later = NOW + timedelta(minutes=5)
    count(engine, OURS, later)
    with reading(engine) as session:
        assert counted_at(session, OURS) == later
        old = session.scalars(select(DayFigure.day).where(DayFigure.count == 77).distinct()).all()
    assert max(old) == TODAY - timedelta(days=2)
    count(engine, OURS, NOW + timedelta(days=1))
    with reading(engine) as session:
        left = session.scalars(select(DayFigure.day).where(DayFigure.count == 77).distinct()).all()
    assert left == [TODAY - timedelta(days=DAYS - 1)]


def test_a_slower_count_overwrites_no_newer_one(engine: Engine) -> None:
    count(engine, OURS, NOW)
    take_in(engine, from_anna(ReplyClass.INTERESTED))
    count(engine, OURS, NOW - timedelta(seconds=1))
    assert of_day(engine, Counted.STATUS) == {"Active": 4}
    count(engine, OURS, NOW)
    assert of_day(engine, Counted.STATUS) == {"Active": 3, "Interested": 1}


def test_every_team_is_counted_until_the_daemon_stops(engine: Engine) -> None:
    count_all(engine, NOW, lambda: True)
    with reading(engine) as session:
        assert counted_at(session, OURS) is None
    count_all(engine, NOW)
    with reading(engine) as session:
        assert [counted_at(session, each) for each in (OURS, THEIRS)] == [NOW, NOW]


def test_while_one_page_counts_the_next_one_does_not_begin_again(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[int] = []
    going, goes_on = threading.Event(), threading.Event()

    def slow(_: Engine, team_id: int, __: datetime) -> None:
        begun.append(team_id)
        going.set()
        assert goes_on.wait(20)

    monkeypatch.setattr(figures_module, "count", slow)
    monkeypatch.setattr(figures_module, "PATIENCE_SECONDS", 0)
    fresh(engine, OURS, NOW)
    assert going.wait(20)
    fresh(engine, OURS, NOW)
    fresh(engine, THEIRS, NOW)
    assert begun == [OURS]
    goes_on.set()
    (counting,) = [each for each in threading.enumerate() if each.name == "counting"]
    counting.join(20)
    monkeypatch.setattr(figures_module, "PATIENCE_SECONDS", 20)
    fresh(engine, THEIRS, NOW)
    assert begun == [OURS, THEIRS]


@pytest.mark.parametrize(("minutes", "counts"), [(9, False), (10, True)])
def test_a_page_counts_itself_only_where_nobody_did_for_ten_minutes(
    engine: Engine, minutes: int, *, counts: bool
) -> None:
    fresh(engine, OURS, NOW)
    assert of_day(engine, Counted.STATUS) == {"Active": 4}
    later = NOW + timedelta(minutes=minutes)
    fresh(engine, OURS, later)
    with reading(engine) as session:
        assert counted_at(session, OURS) == (later if counts else NOW)


def test_the_overview_of_a_team_that_has_nothing_is_empty_and_not_an_error(engine: Engine) -> None:
    for number in range(2):
        seen = shown(engine, THEIRS)
        assert (seen.counted_at is None) == (number == 0)
        assert (seen.mail, seen.mail_today, seen.mailboxes, seen.alarms) == ([], 0, Mailboxes({}, []), [])
        assert [each.count for each in seen.statuses] == [0] * 12
        assert (seen.bounces.share, len(seen.bounces.days)) == (None, 28)
        assert (seen.reviews.open, seen.reviews.oldest) == (Tally(0), None)
        assert not any((seen.unmatched, seen.aside, seen.dead))
        assert (seen.model.version, seen.model.answered, seen.model.low) == ("default", 0, None)
        count(engine, THEIRS, NOW)


def test_the_overview_shows_mail_statuses_and_the_bounce_rate(engine: Engine) -> None:
    take_in(
        engine,
        a_mail(HARD, HOURS, answers=("anna-1-1@us",), addresses=("anna@client.example",)),
        a_mail(AutoResponse(), HOURS),
        a_mail(AutoResponse(), HOURS),
    )
    count(engine, OURS, NOW)
    seen = shown(engine)
    assert [(each.label, each.count) for each in seen.mail] == [("Automatic answer", 2), ("Bounce", 1)]
    assert (seen.mail_today, seen.today, seen.counted_at) == (3, TODAY, NOW)
    assert {each.name: each.count for each in seen.statuses if each.count}["Bounced"] == 1
    assert [each.day for each in seen.status_days] == [TODAY]
    assert (seen.bounces.hard, seen.bounces.sends, seen.bounces.share) == (1, 8, 1 / 8)
    assert (seen.bounces.days[-1].hard, seen.bounces.days[-1].share) == (1, None), "nothing was sent today"
    assert seen.unmatched == Tally(2)


def test_open_questions_are_counted_by_kind(engine: Engine) -> None:
    take_in(engine, from_anna(ReplyClass.INTERESTED, sure=False), from_anna(ReplyClass.UNSUBSCRIBED, sure=False))
    with transaction(engine) as session:
        (first, *_) = session.scalars(select(ReviewItem).order_by(ReviewItem.id))
        first.opened_at = NOW - timedelta(days=3)
        session.add(
            ReviewItem(
                team_id=OURS, campaign_id=1, recipient_id=1, event_key="k", kind=ReviewKind.MOVED_BACK, urgency=0,
                lesson=0, opened_at=SENT_AT - timedelta(days=9), closed_at=NOW,
            )
        )  # fmt: skip
    seen = shown(engine).reviews
    assert {each.kind: each.tally.count for each in seen.kinds} == {
        ReviewKind.LOW_CONFIDENCE: 1,
        ReviewKind.POSSIBLE_OPT_OUT: 1,
    }
    assert (seen.open, seen.holding, seen.oldest) == (Tally(2), Tally(1), NOW - timedelta(days=3))
    assert not shown(engine, THEIRS).reviews.open


def test_where_there_is_very_much_counting_stops(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    take_in(engine, from_anna(ReplyClass.INTERESTED, sure=False), *(a_mail(AutoResponse(), HOURS) for _ in range(3)))
    monkeypatch.setattr(waiting, "MOST", 2)
    assert shown(engine).reviews.open == Tally(1)
    assert str(shown(engine).unmatched) == "more than 2"
    monkeypatch.setattr(waiting, "MOST", 0)
    seen = shown(engine).reviews
    assert (seen.open, seen.kinds[0].tally) == (Tally(0, more=True), Tally(1, more=True))


@pytest.mark.parametrize(("hard", "sends", "reaches"), [(1, 3, False), (1, 20, True), (2, 41, False), (0, 0, False)])
def test_a_bounce_rate_is_too_high_where_an_alarm_would_say_so(hard: int, sends: int, *, reaches: bool) -> None:
    assert Bounces(hard, sends, hard / sends if sends else None, []).reaches(0.05, 20) is reaches


def test_mailboxes_that_are_ill_come_first_with_what_is_wrong_and_the_next_step(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    minutes = timedelta(minutes=7)
    with transaction(engine) as session:
        session.execute(update(Mailbox).values(last_success_at=NOW - minutes))
        for number, values in enumerate(
            (
                {"failures": 3, "last_error": "no route to host"},
                {"failures": 1, "last_error": "timed out", "last_success_at": NOW},
                {"stopped_at": NOW, "last_error": "wrong password"},
                {},
                {"paused_at": NOW},
                {"last_success_at": NOW},
            ),
            2,
        ):
            session.add(
                Mailbox(
                    id=number, team_id=OURS, name=f"m{number}", host="h", port=1, username="u", password="p", **values
                )
            )
    monkeypatch.setattr(mailbox_health, "MOST_MAILBOXES", 6)
    found = shown(engine).mailboxes
    rows = found.worst
    assert [row.state for row in rows] == ["stopped", "failing", "trying again", "not polled yet", "well", "well"]
    with reading(engine) as session:
        states = Counter(state_of(each) for each in session.scalars(select(Mailbox).where(Mailbox.team_id == OURS)))
    assert list(found.states) == ["stopped", "failing", "trying again", "not polled yet", "well", "paused"]
    assert found.states == states
    assert [row.delay for row in rows] == [None, None, timedelta(0), None, timedelta(0), minutes]
    assert "wrong password" in (rows[0].says or "")
    assert "mailboxes resume m4" in (rows[0].step or "")
    assert (rows[1].says, rows[1].step) == (
        "3 failures in a row; the last: no route to host",
        "run: inbox-worker mailboxes check m2",
    )
    assert rows[2].says == "1 failure; the last: timed out"
    assert (rows[5].says, rows[5].step) == (None, None)


def test_what_waits_for_somebody_is_counted_for_the_team_alone(engine: Engine) -> None:
    with transaction(engine) as session:
        session.add(WebhookEndpoint(id=1, team_id=OURS, name="crm", url="https://crm", secret="s", recorded_at=NOW))
        session.add_all(
            OutboxEvent(id=number, team_id=OURS, type=EventType.DNE_ADDED, subject="a", payload={}, recorded_at=NOW)
            for number in (900, 901)
        )
        session.add(Alarm(team_id=OURS, kind=AlarmKind.UNMATCHED, subject="mailbox m", says="much", opened_at=NOW))
        session.flush()
        session.add_all(
            Delivery(endpoint_id=1, event_id=number, subject="a", state=state, next_attempt_at=NOW)
            for number, state in ((900, DeliveryState.DEAD), (901, DeliveryState.DELIVERED))
        )
    take_in(engine, a_mail(AutoResponse(), HOURS), a_mail(AutoResponse(), HOURS - 31 * 24))
    with transaction(engine) as session:
        old = session.scalars(select(InboundMessage).order_by(InboundMessage.arrived_at)).first()
        assert old is not None
        session.add(
            InboundMessage(
                mailbox_id=1, folder="INBOX", uidvalidity=1, uid=999, content_hash="x", arrived_at=old.arrived_at,
                size=1, state=MessageState.SET_ASIDE, recorded_at=NOW,
            )
        )  # fmt: skip
    ours, theirs = shown(engine), shown(engine, THEIRS)
    assert (ours.unmatched, ours.aside, ours.dead, len(ours.alarms)) == (Tally(1), Tally(1), Tally(1), 1)
    assert (theirs.unmatched, theirs.aside, theirs.dead, len(theirs.alarms)) == (Tally(0), Tally(0), Tally(0), 0)


def test_the_classifier_is_measured_on_what_was_drawn_at_random_since_it_serves(engine: Engine) -> None:
    with transaction(engine) as session:
        session.add(Promotion(artifact_id=None, actor="petra", recorded_at=NOW))
        examples = [
            (Status.ENGAGED, {}),
            (Status.INTERESTED, {}),
            (Status.INTERESTED, {"recorded_at": NOW - timedelta(seconds=1)}),
            (Status.INTERESTED, {"sampled": False}),
            (Status.INTERESTED, {"source": LabelSource.STATUS}),
            (Status.INTERESTED, {"team_id": THEIRS}),
        ]
        for number, (label, other) in enumerate(examples):
            values = {"team_id": OURS, "source": LabelSource.REVIEW, "sampled": True, "recorded_at": NOW} | other
            session.add(
                Label(
                    key=f"k{number}", text_key=f"t{number}", subject="", text="", language="en", label=label,
                    machine=Status.ENGAGED, **values,
                )
            )  # fmt: skip
    model = shown(engine).model
    assert (model.version, model.since, model.answered, model.right, model.share) == ("default", NOW, 2, 1, 0.5)
    assert (model.low, model.high) == (pytest.approx(0.0945, abs=1e-3), pytest.approx(0.9055, abs=1e-3))


def test_every_verdict_but_our_own_mail_has_a_label() -> None:
    assert {name for name in LABELS if not name.startswith("reply")} == set(KINDS) - {"reply", "outgoing"}
