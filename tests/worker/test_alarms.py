"""Alarms: what raises one, what ends it, and that other systems hear of both once."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from typing import Any

import pytest
from sqlalchemy import Engine, select, update

from models.events import Bounced, EventKind, Trust
from models.session import insert_new, reading, transaction
from models.tables.handling import GrantKind, OAuthGrant
from models.tables.mail import InboundMessage, MessageState, VerdictRow
from models.tables.mailboxes import Mailbox, SignIn
from models.tables.mailing import Campaign, Contact, Recipient, SentMessage
from models.tables.outside import Alarm, AlarmKind, EventType, OutboxEvent
from models.tables.standing import RecipientEvent
from tests.worker.small_world import BOX, NOW, RULES, furnish
from worker.sending.intake import Signal, Told, take_in
from worker.watch.alarms import Looked, list_alarms, look, note
from worker.watch.sign import Limits, Sign
from worker.watch.signs import signs

LIMITS = Limits()
MAILBOX = f"mailbox {BOX.name}"
NUMBERS = count(1)


@pytest.fixture
def engine(engine: Engine) -> Engine:
    furnish(engine)
    with transaction(engine) as session:
        session.execute(update(Mailbox).values(last_success_at=NOW))
        session.add(Campaign(id=1, team_id=1, key="spring", name="Spring"))
    return engine


def send(engine: Engine, number: int, *, days_ago: int = 1, mailbox: int | None = 1) -> list[int]:
    """Send so many mails to as many new people; return the recipients."""
    ids = [next(NUMBERS) for _ in range(number)]
    sent_at = NOW - timedelta(days=days_ago)
    with transaction(engine) as session:
        for model, rows in (
            (Contact, [{"id": n, "team_id": 1, "address": f"{n}@c.example", "domain": "c.example"} for n in ids]),
            (Recipient, [{"id": n, "team_id": 1, "campaign_id": 1, "contact_id": n, "changed_at": NOW} for n in ids]),
            (
                SentMessage,
                [
                    {"team_id": 1, "recipient_id": n, "mailbox_id": mailbox, "send_id": f"s{n}", "subject_key": "",
                     "sent_at": sent_at}
                    for n in ids
                ],
            ),
        ):  # fmt: skip
            insert_new(session, model, rows)
    return ids


def bounce(
    engine: Engine, recipients: Sequence[int], kind: Bounced = Bounced.HARD, *, at: datetime = NOW,
    reason: str = "user_unknown", **columns: Any,
) -> None:  # fmt: skip
    with transaction(engine) as session:
        for n in recipients:
            row_id = receive(session, MessageState.JUDGED, at)
            details = {"kind": kind.value, "reason": reason}
            session.add(VerdictRow(message_id=row_id, kind="bounce", details=details, recorded_at=at))
            event = RecipientEvent(
                recipient_id=n, message_id=row_id, key=f"k{row_id}", kind=EventKind.BOUNCE, bounce=kind,
                happened_at=at, send_id=f"s{n}", recorded_at=at,
            )  # fmt: skip
            for name, value in columns.items():
                setattr(event, name, value)
            session.add(event)


def receive(session: Any, state: MessageState, at: datetime) -> int:
    uid = next(NUMBERS)
    row = InboundMessage(
        mailbox_id=1, folder="INBOX", uidvalidity=1, uid=uid, content_hash=f"{uid}", arrived_at=at, size=1,
        state=state, recorded_at=at,
    )  # fmt: skip
    session.add(row)
    session.flush()
    return int(row.id)


def found(engine: Engine, now: datetime = NOW, limits: Limits = LIMITS) -> dict[tuple[AlarmKind, str], str]:
    with reading(engine) as session:
        return {(sign.kind, sign.subject): sign.says for sign in signs(session, limits, now)}


def told(engine: Engine) -> list[OutboxEvent]:
    with reading(engine) as session:
        return list(session.scalars(select(OutboxEvent).order_by(OutboxEvent.id)))


RATES = {(AlarmKind.BOUNCE_RATE, MAILBOX), (AlarmKind.BOUNCE_RATE, "campaign spring")}


def test_a_mailbox_and_a_campaign_whose_mails_bounce_are_named_with_an_advice(engine: Engine) -> None:
    bounce(engine, send(engine, 50)[:1])
    says = found(engine)
    assert set(says) == RATES
    assert says[AlarmKind.BOUNCE_RATE, MAILBOX] == (
        "1 of 50 mails sent in the last 28 days bounced for good (2.0%); advice: pause sending from it until the"
        " addresses are checked"
    )
    assert "pause it" in says[AlarmKind.BOUNCE_RATE, "campaign spring"]


@pytest.mark.parametrize(
    ("sends", "bounces"), [(51, 1), (101, 2), (19, 19), (20, 0)], ids=["just under", "two", "too few sends", "none"]
)
def test_fewer_bounces_or_too_few_sends_are_no_alarm(engine: Engine, sends: int, bounces: int) -> None:
    bounce(engine, send(engine, sends)[:bounces])
    assert found(engine) == {}


def test_the_limits_are_settings(engine: Engine) -> None:
    bounce(engine, send(engine, 10)[:1])
    assert set(found(engine, limits=Limits(bounce_share=0.1, bounce_sends=10))) == RATES
    assert found(engine, limits=Limits(bounce_share=0.11, bounce_sends=10)) == {}


def test_several_reports_about_one_send_count_once(engine: Engine) -> None:
    sent = send(engine, 60)
    for _ in range(3):
        bounce(engine, sent[:1])
    assert found(engine) == {}


@pytest.mark.parametrize(
    "columns",
    [
        {"trust": Trust.SUGGESTS},
        {"retracted_at": NOW},
        {"bounce": Bounced.SOFT},
        {"happened_at": NOW - timedelta(days=29)},
    ],
)
def test_bounces_that_do_not_count_are_no_alarm(engine: Engine, columns: dict[str, Any]) -> None:
    bounce(engine, send(engine, 30), **columns)
    assert found(engine) == {}


def test_old_sends_count_neither_as_failed_nor_as_sent(engine: Engine) -> None:
    bounce(engine, send(engine, 40, days_ago=29))
    bounce(engine, send(engine, 20)[:1])
    assert found(engine)[AlarmKind.BOUNCE_RATE, MAILBOX].startswith("1 of 20 mails")


def test_sends_from_an_unknown_mailbox_count_for_their_campaign(engine: Engine) -> None:
    bounce(engine, send(engine, 30, mailbox=None)[:3])
    assert set(found(engine)) == {(AlarmKind.BOUNCE_RATE, "campaign spring")}


def test_policy_bounces_say_the_most_frequent_reason(engine: Engine) -> None:
    sent = send(engine, 5)
    bounce(engine, sent[:2], Bounced.POLICY, reason="spam_content")
    assert found(engine) == {}
    bounce(engine, sent[2:3], Bounced.POLICY, reason="blocked")
    says = found(engine)
    assert set(says) == {(AlarmKind.POLICY_BOUNCES, MAILBOX), (AlarmKind.POLICY_BOUNCES, "campaign spring")}
    assert "3 mails were refused" in says[AlarmKind.POLICY_BOUNCES, MAILBOX]
    assert "most often: spam content" in says[AlarmKind.POLICY_BOUNCES, MAILBOX]
    assert found(engine, NOW + timedelta(days=8)).keys().isdisjoint(says)


def test_policy_refusals_that_the_sending_side_tells_count_too(engine: Engine) -> None:
    told = Told(
        signals=[
            Signal(row=row, kind=EventKind.BOUNCE, happened_at=NOW, send_id=f"s{number}", bounce=Bounced.POLICY)
            for row, number in enumerate(send(engine, 3))
        ]
    )
    take_in(partial(transaction, engine), RULES, told, "crm", NOW)
    says = found(engine)
    assert "most often: refused while it was sent" in says[AlarmKind.POLICY_BOUNCES, "campaign spring"]
    assert (AlarmKind.POLICY_BOUNCES, MAILBOX) in says


def test_policy_refusals_of_sends_from_an_unknown_mailbox_count_for_their_campaign(engine: Engine) -> None:
    bounce(engine, send(engine, 3, mailbox=None), Bounced.POLICY)
    with transaction(engine) as session:
        session.execute(update(RecipientEvent).values(message_id=None))
    assert set(found(engine)) == {(AlarmKind.POLICY_BOUNCES, "campaign spring")}


def fare(engine: Engine, **columns: Any) -> None:
    with transaction(engine) as session:
        session.execute(update(Mailbox).values(**columns))


def test_a_mailbox_that_nobody_reads_any_more_is_stale(engine: Engine) -> None:
    fare(engine, last_success_at=NOW - timedelta(minutes=29))
    assert found(engine) == {}
    fare(engine, last_success_at=NOW - timedelta(minutes=31))
    assert found(engine)[AlarmKind.MAILBOX_STALE, MAILBOX].startswith("not read since 2026-05-14 08:29Z")
    assert found(engine, limits=Limits(poll_seconds=300)) == {}
    fare(engine, paused_at=NOW)
    assert found(engine) == {}


def test_a_stale_mailbox_says_what_keeps_it_from_being_read(engine: Engine) -> None:
    fare(engine, last_success_at=NOW - timedelta(hours=1), next_poll_at=NOW - timedelta(hours=1))
    assert "inbox-worker run is up" in found(engine)[AlarmKind.MAILBOX_STALE, MAILBOX]
    fare(engine, next_poll_at=NOW + timedelta(seconds=20))
    assert "INBOX_HOST_CONNECTIONS" in found(engine)[AlarmKind.MAILBOX_STALE, MAILBOX]
    fare(engine, last_error="the 5 MB a day that may be read of it are used up; it goes on tomorrow")
    says = found(engine)[AlarmKind.MAILBOX_STALE, MAILBOX]
    assert says.endswith("the last attempt: the 5 MB a day that may be read of it are used up; it goes on tomorrow")


def test_an_old_error_does_not_hide_that_nobody_polls_any_more(engine: Engine) -> None:
    hour_ago = NOW - timedelta(hours=1)
    fare(engine, last_success_at=hour_ago, next_poll_at=hour_ago, last_error="no answer")
    says = found(engine)[AlarmKind.MAILBOX_STALE, MAILBOX]
    assert says.endswith("advice: see that inbox-worker run is up, and its log; the last attempt: no answer")


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        ("invalid_client: the client secret has expired", "INBOX_MICROSOFT_CLIENT_SECRET"),
        ("unauthorized_client", "INBOX_MICROSOFT_CLIENT_ID"),
        ("invalid_grant: consent was withdrawn", "mailboxes sign-in mila@outreach.example"),
    ],
)
def test_a_refused_token_is_mended_where_the_provider_says(engine: Engine, error: str, advice: str) -> None:
    fare(engine, sign_in=SignIn.MICROSOFT, last_success_at=NOW)
    with transaction(engine) as session:
        session.add(OAuthGrant(mailbox_id=1, kind=GrantKind.CLIENT, error=error, granted_at=NOW))
    assert advice in found(engine)[AlarmKind.TOKEN, MAILBOX].partition("advice: ")[2]


def test_a_mailbox_that_was_never_read_is_stale_once_it_is_long_overdue(engine: Engine) -> None:
    fare(engine, last_success_at=None, next_poll_at=None)
    assert found(engine) == {}
    fare(engine, next_poll_at=NOW - timedelta(minutes=31))
    assert found(engine)[AlarmKind.MAILBOX_STALE, MAILBOX].startswith("not read yet")


def test_a_mailbox_that_fails_again_and_again_says_its_last_error(engine: Engine) -> None:
    fare(engine, failures=2, last_error="no answer", last_success_at=NOW - timedelta(minutes=11))
    assert found(engine) == {}
    fare(engine, failures=3)
    assert found(engine)[AlarmKind.MAILBOX_FAILING, MAILBOX].endswith("the last: no answer")


def test_a_mailbox_that_fails_for_long_is_one_alarm_and_not_two(engine: Engine) -> None:
    fare(engine, failures=9, last_error="no answer", last_success_at=NOW - timedelta(hours=2))
    assert set(found(engine)) == {(AlarmKind.MAILBOX_FAILING, MAILBOX)}
    fare(engine, last_success_at=None, next_poll_at=NOW - timedelta(hours=2))
    assert set(found(engine)) == {(AlarmKind.MAILBOX_FAILING, MAILBOX)}


def test_failures_in_a_row_are_no_alarm_where_the_mailbox_was_read_a_moment_ago(engine: Engine) -> None:
    fare(engine, failures=9, last_error="[UNAVAILABLE] restarting", last_success_at=NOW - timedelta(minutes=9))
    assert found(engine) == {}
    fare(engine, last_success_at=None, next_poll_at=NOW)
    assert set(found(engine)) == {(AlarmKind.MAILBOX_FAILING, MAILBOX)}


def test_a_mailbox_that_was_stopped_says_why_and_how_it_goes_on_and_raises_no_other_alarm(engine: Engine) -> None:
    fare(engine, failures=3, last_error="wrong password", stopped_at=NOW, last_success_at=NOW - timedelta(hours=1))
    says = found(engine, NOW + timedelta(days=2))
    assert set(says) == {(AlarmKind.SIGN_IN, MAILBOX)}
    assert says[AlarmKind.SIGN_IN, MAILBOX] == (
        "not polled since 2026-05-14 09:00Z, as providers lock accounts that go on signing in wrongly; the last error:"
        " wrong password; advice: run: inbox-worker mailboxes set mila@outreach.example --password-file FILE; or, where"
        " only the provider had to be asked: inbox-worker mailboxes resume mila@outreach.example"
    )
    fare(engine, sign_in=SignIn.GOOGLE)
    assert "mailboxes sign-in mila@outreach.example" in found(engine)[AlarmKind.SIGN_IN, MAILBOX]
    fare(engine, paused_at=NOW)
    assert found(engine) == {}


def test_a_stopped_mailbox_whose_token_was_refused_is_told_of_once(engine: Engine) -> None:
    fare(engine, failures=3, stopped_at=NOW, sign_in=SignIn.GOOGLE)
    with transaction(engine) as session:
        session.add(OAuthGrant(mailbox_id=1, kind=GrantKind.REFRESH, error="invalid_grant", granted_at=NOW))
    assert set(found(engine)) == {(AlarmKind.TOKEN, MAILBOX)}
    fare(engine, paused_at=NOW)
    assert found(engine) == {}


@pytest.mark.parametrize(("unmatched", "judged", "raised"), [(20, 19, True), (20, 20, False), (19, 0, False)])
def test_mail_that_mostly_matches_nobody_is_an_alarm(engine: Engine, unmatched: int, judged: int, raised: bool) -> None:
    with transaction(engine) as session:
        for state, number in ((MessageState.UNMATCHED, unmatched), (MessageState.JUDGED, judged)):
            for _ in range(number):
                receive(session, state, NOW - timedelta(hours=1))
        for _ in range(50):
            receive(session, MessageState.JUDGED, NOW - timedelta(hours=25))
    assert ((AlarmKind.UNMATCHED, MAILBOX) in found(engine)) is raised


def test_an_alarm_opens_once_and_closes_once_and_both_are_told(engine: Engine) -> None:
    fare(engine, failures=3, last_error="wrong password", last_success_at=NOW - timedelta(minutes=11))
    assert look(engine, LIMITS, NOW) == Looked(1, 0)
    assert look(engine, LIMITS, NOW + timedelta(minutes=1)) == Looked()
    fare(engine, last_error="no answer")
    assert look(engine, LIMITS, NOW + timedelta(minutes=2)) == Looked()
    with reading(engine) as session:
        (row,) = list_alarms(session, 1, also_closed=False, limit=9)
    assert row["says"].endswith("no answer")
    fare(engine, failures=0, last_success_at=NOW + timedelta(minutes=3))
    assert look(engine, LIMITS, NOW + timedelta(minutes=3)) == Looked(0, 1)
    assert look(engine, LIMITS, NOW + timedelta(minutes=4)) == Looked()
    opened, closed = told(engine)
    assert (opened.type, opened.subject) == (EventType.ALARM_OPENED, MAILBOX)
    assert opened.payload == {
        "kind": "mailbox failing",
        "subject": MAILBOX,
        "says": "at least 3 polls in a row failed; the last: wrong password",
        "opened_at": "2026-05-14T09:00:00+00:00",
        "closed_at": None,
    }
    assert (closed.type, closed.payload["closed_at"]) == (EventType.ALARM_CLOSED, "2026-05-14T09:03:00+00:00")
    with reading(engine) as session:
        assert list_alarms(session, 1, also_closed=False, limit=9) == []
        assert len(list_alarms(session, 1, also_closed=True, limit=9)) == 1


def test_what_is_over_may_come_again(engine: Engine) -> None:
    for minutes, failures in enumerate((3, 0, 3)):
        fare(engine, failures=failures, last_success_at=NOW - timedelta(minutes=11))
        look(engine, LIMITS, NOW + timedelta(minutes=minutes))
    assert [event.type for event in told(engine)] == ["alarm.opened", "alarm.closed", "alarm.opened"]


def test_of_two_daemons_that_look_at_once_one_tells(engine: Engine) -> None:
    here = [Sign(1, AlarmKind.MAILBOX_FAILING, f"mailbox {n}", "fails") for n in range(20)]
    for wrong, kind in ((here, EventType.ALARM_OPENED), ([], EventType.ALARM_CLOSED)):
        together = threading.Barrier(2)

        def daemon(wrong: list[Sign] = wrong, together: threading.Barrier = together) -> None:
            together.wait()
            with transaction(engine) as session:
                note(session, wrong, NOW)

        threads = [threading.Thread(target=daemon) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [event.type for event in told(engine)].count(kind) == 20
    with reading(engine) as session:
        assert len(session.scalars(select(Alarm)).all()) == 20
