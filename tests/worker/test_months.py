"""Old texts go with their months; the message, what it caused, and what is still needed of it stay."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from classifier.verdict import ReplyClass, Verdict
from config.settings import Settings
from models.partitions import months
from models.session import open_engine, reading, transaction
from models.tables.mail import InboundMessage, MessageClue, MessageState, VerdictRow
from models.tables.standing import ReviewItem
from tests.journey.world import end_state
from tests.keys import VAULT
from tests.worker.small_world import BOX, RULES, SENDS, a_mail, a_reply, furnish, send_all
from worker.act import Act
from worker.acts.person import resolve_review
from worker.apply import Applied, apply
from worker.privacy import months as months_module
from worker.privacy.months import keep_months
from worker.queries.mail_text import mail_of
from worker.queries.messages import MessageFilter, messages_page
from worker.reading.visit import PollReport
from worker.schedule import Daemon
from worker.sending.sends import import_sends
from worker.webhooks.lanes import Lanes
from worker.writing.record import Judged

TWO = Settings(message_months=2)
MINE = ("anna-1-1@us",)
SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
POSTGRES = pytest.mark.parametrize(
    "database_url", [pytest.param("postgresql", marks=pytest.mark.server)], indirect=True
)


@pytest.fixture(params=[2020, 2090], ids=["before the months", "in its month"])
def year(request: pytest.FixtureRequest) -> int:
    """When mail is taken in: on PostgreSQL before there were months, or after."""
    number: int = request.param
    return number


@pytest.fixture
def engine(engine: Engine) -> Engine:
    furnish(engine)
    send_all(engine)
    return engine


def take_in(engine: Engine, at: datetime, *batch: Judged) -> Applied:
    with transaction(engine) as session:
        return apply(session, BOX, batch, at)


def day(year: int, month: int, number: int = 10) -> datetime:
    return datetime(year, month, number, 12, tzinfo=UTC)


def texts(engine: Engine) -> list[int]:
    """Return of which messages the verdict is kept; clues are kept of the same."""
    with reading(engine) as session:
        found = list(session.scalars(select(VerdictRow.message_id).order_by(VerdictRow.message_id)))
        assert set(session.scalars(select(MessageClue.message_id))) == set(found)
        return found


def listed(session: Session, state: MessageState = MessageState.JUDGED) -> dict[int, bool]:
    """Return the messages of a list, and whether each says that its text is removed."""
    return {row["id"]: row["removed"] for row in messages_page(session, 1, MessageFilter(state=state)).rows}


def a_text(number: int, verdict: Verdict | None = None) -> Judged:
    mail = a_mail(verdict or a_reply(), uid=number, answers=MINE)
    return replace(mail, verdict=replace(mail.verdict, visible_text="Tuesday would suit me."), rest="> our offer")  # type: ignore[type-var]


def test_old_texts_go_and_the_messages_stay_with_all_that_they_caused(engine: Engine, year: int) -> None:
    keep_months(engine, TWO, day(year, 1))
    for number, at in enumerate((day(year, 1), day(year, 1, 31), day(year, 2, 1)), 1):
        take_in(engine, at, a_text(number))
    before = end_state(engine)
    keep_months(engine, TWO, day(year, 3, 31))
    assert texts(engine) == [1, 2, 3]
    keep_months(engine, TWO, day(year, 4, 1))
    assert texts(engine) == [3]
    assert end_state(engine) == before
    with reading(engine) as session:
        assert listed(session) == {1: True, 2: True, 3: False}
        shown = mail_of(session, 1, 1)
        assert (shown.removed, shown.kind, shown.own, shown.rest) == (True, None, [], None)
        assert not mail_of(session, 1, 3).removed


def test_mail_whose_text_is_gone_is_never_taken_in_again(engine: Engine, year: int) -> None:
    take_in(engine, day(year, 1), a_text(1))
    keep_months(engine, TWO, day(year, 9))
    before = end_state(engine)
    again, copy = a_text(1), replace(a_text(1), uid=2, arrived_at=a_text(1).arrived_at - timedelta(hours=1))
    take_in(engine, day(year, 9), again, copy)
    assert (texts(engine), end_state(engine)) == ([], before)
    with reading(engine) as session:
        assert (listed(session), listed(session, MessageState.DUPLICATE)) == ({1: True}, {2: False})
        assert mail_of(session, 1, 2).removed


def test_sends_that_are_told_late_leave_what_old_mail_caused(engine: Engine, year: int) -> None:
    take_in(engine, day(year, 1), a_text(1))
    keep_months(engine, TWO, day(year, 9))
    before = end_state(engine)
    late = replace(SENDS[0], message_ids=("anna-1-9@us",), send_id="late")
    with transaction(engine) as session:
        import_sends(session, RULES, [late], day(year, 9))
    assert end_state(engine).recipients == before.recipients


def test_a_text_that_a_person_is_asked_about_is_kept_until_it_is_answered(engine: Engine, year: int) -> None:
    keep_months(engine, TWO, day(year, 1))
    take_in(engine, day(year, 1), a_text(1, a_reply(ReplyClass.INTERESTED, sure=False)), a_text(2))
    keep_months(engine, TWO, day(year, 9))
    assert texts(engine) == [1]
    with transaction(engine) as session:
        (item,) = session.scalars(select(ReviewItem.id).where(ReviewItem.closed_at.is_(None)))
        resolve_review(session, RULES, item, None, Act("petra", day(year, 9)))
    keep_months(engine, TWO, day(year, 9, 11))
    assert texts(engine) == []


def test_mail_that_a_late_send_may_still_claim_keeps_what_it_is_claimed_by(engine: Engine, year: int) -> None:
    keep_months(engine, TWO, day(year, 1))
    early = replace(
        a_mail(a_reply(), uid=1, from_address="eve@client.example"),
        arrived_at=day(year, 1),
        from_address="eve@client.example",
    )
    take_in(engine, day(year, 1), early, replace(early, uid=2, content_hash="other", arrived_at=day(year, 1, 20)))
    patient = Settings(message_months=2, weak_match_days=100)
    keep_months(engine, patient, day(year, 1, 15) + timedelta(days=100))
    assert texts(engine) == [2]
    keep_months(engine, patient, day(year, 1, 21) + timedelta(days=100))
    assert texts(engine) == []


def test_mail_that_is_set_aside_is_left_alone(engine: Engine, year: int) -> None:
    aside = replace(a_text(1), verdict=None, clues=None, error="ValueError: no beginning", raw=b"x")
    take_in(engine, day(year, 1), aside)
    keep_months(engine, TWO, day(year, 9))
    with reading(engine) as session:
        assert listed(session, MessageState.SET_ASIDE) == {1: False}
        assert (mail_of(session, 1, 1).removed, mail_of(session, 1, 1).error) == (False, "ValueError: no beginning")


def test_without_the_setting_every_text_is_kept(engine: Engine, year: int) -> None:
    take_in(engine, day(year, 1), a_text(1))
    keep_months(engine, Settings(), day(year + 9, 1))
    assert texts(engine) == [1]


@SQLITE
@pytest.mark.parametrize("batch", [1, 2, 1_000])
def test_texts_are_removed_batch_by_batch(engine: Engine, monkeypatch: pytest.MonkeyPatch, batch: int) -> None:
    monkeypatch.setattr(months_module, "BATCH", batch)
    take_in(engine, day(2026, 1), a_text(1, a_reply(sure=False)), *(a_text(number) for number in range(2, 8)))
    take_in(engine, day(2026, 3), a_text(8))
    keep_months(engine, TWO, day(2026, 4))
    assert texts(engine) == [1, 8]


@SQLITE
def test_told_to_stop_it_ends_after_the_batch_in_hand(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(months_module, "BATCH", 1)
    take_in(engine, day(2026, 1), *(a_text(number) for number in range(1, 5)))
    answers = iter([False, True])
    keep_months(engine, TWO, day(2026, 9), lambda: next(answers))
    assert texts(engine) == [2, 3, 4]


@POSTGRES
def test_a_month_that_is_over_is_dropped_as_a_whole(engine: Engine) -> None:
    keep_months(engine, TWO, day(2090, 1))
    take_in(engine, day(2090, 1), a_text(1, a_reply(sure=False)), a_text(2))
    keep_months(engine, TWO, day(2090, 4))
    with reading(engine) as session:
        assert sorted({each.since.month for each in months(session) if each.since}) == [2, 3, 4, 5, 6]
        assert session.scalar(select(func.count()).select_from(InboundMessage)) == 2
    assert texts(engine) == [1]


@POSTGRES
def test_months_that_are_in_use_are_changed_another_time(
    engine: Engine, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "worker.privacy.months")
    other = open_engine(database_url)
    with reading(other) as busy:
        busy.scalar(select(func.count()).select_from(VerdictRow))
        keep_months(engine, TWO, day(2090, 1))
    other.dispose()
    assert [record.message for record in caplog.records] == ["the months are in use; they are changed another time"] * 2
    keep_months(engine, TWO, day(2090, 1))
    with reading(engine) as session:
        assert len(months(session)) == 6


@POSTGRES
def test_another_trouble_of_the_database_with_the_months_is_no_passing_one(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = OperationalError("", {}, Exception("no space left on device"))

    def full(*_: object) -> None:
        raise refused

    monkeypatch.setattr(months_module, "keep_ahead", full)
    with pytest.raises(OperationalError, match="no space left on device"):
        keep_months(engine, TWO, day(2090, 1))


@SQLITE
def test_the_daemon_keeps_the_months(engine: Engine) -> None:
    take_in(engine, day(2026, 1), a_text(1))
    daemon = Daemon(engine, TWO, lambda *_: PollReport(), lambda: day(2026, 9))
    lanes = Lanes(engine, daemon.clock, VAULT)
    (step,) = [each for each in daemon.steps(lanes) if each.name == "keeping months"]
    step()
    daemon.close()
    lanes.close()
    assert (step.seconds, texts(engine)) == (600, [])
