"""Nobody decides by hand over a mail that nobody has read; what is given twice is kept once."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from functools import partial

import pytest
from sqlalchemy import Engine, select

from classifier.verdict import Reply, ReplyClass
from models.events import EventKind, Status
from models.session import reading, transaction
from models.tables.learning import Label
from models.tables.people import Team
from models.tables.standing import RecipientEvent, ReviewItem
from tests.worker.small_world import NOW, RULES, a_mail, furnish, send_all, statuses, take_in
from worker.act import Act
from worker.acts.bulk_deed import Done
from worker.acts.bulk_look import preview_status
from worker.acts.bulk_status import set_status_of_many
from worker.acts.do_not_email import lift_dne
from worker.acts.person import Choice, find_recipients, resolve_review, set_status
from worker.acts.recipient import correct, recipient_row
from worker.acts.unread import ENDS_IT, UnreadError
from worker.errors import InputError
from worker.queries.story import Row

ANNA, BEN = "anna@client.example", "ben@client.example"
PLEASE_STOP = Reply(
    reply_class=ReplyClass.UNSUBSCRIBED,
    confidence=0.5,
    sure=False,
    visible_text="Please do not write to me any more.",
)
TELL_ME = replace(PLEASE_STOP, reply_class=ReplyClass.INTERESTED, sure=True, visible_text="Tell me more.")
DOUBTFUL = replace(TELL_ME, sure=False)


@pytest.fixture
def engine(engine: Engine) -> Engine:
    furnish(engine)
    send_all(engine)
    return engine


def id_of(engine: Engine, address: str = ANNA) -> int:
    with reading(engine) as session:
        return find_recipients(session, 1, address, "campaign-1")[0]


def act(minutes: int = 0, why: str | None = None, by: str = "mila") -> Act:
    return Act(by, NOW + timedelta(minutes=minutes), why)


def seen_of(engine: Engine) -> int:
    with reading(engine) as session:
        return int(recipient_row(session, 1, id_of(engine))["seen"])


def give(engine: Engine, choice: Choice, given: Act, seen: int | None = None) -> Row:
    with transaction(engine) as session:
        return correct(session, RULES, id_of(engine), choice, given, seen)


def give_many(engine: Engine, status: Status, seen: int | None = None) -> Done:
    ids = [id_of(engine), id_of(engine, BEN)]
    return set_status_of_many(partial(transaction, engine), RULES, ids, status, act(), seen, by_mail=True)


def manuals(engine: Engine) -> int:
    with reading(engine) as session:
        return len(session.scalars(select(RecipientEvent.id).where(RecipientEvent.kind == EventKind.MANUAL)).all())


def labels(engine: Engine) -> list[Status]:
    with reading(engine) as session:
        return list(session.scalars(select(Label.label)))


def open_items(engine: Engine) -> list[int]:
    with reading(engine) as session:
        return list(session.scalars(select(ReviewItem.id).where(ReviewItem.closed_at.is_(None))))


def test_who_has_not_seen_the_newest_mail_is_refused(engine: Engine) -> None:
    assert seen_of(engine) == 0
    take_in(engine, a_mail(TELL_ME, answers=("anna-1-0@us",)))
    with pytest.raises(UnreadError, match=f"a mail from {ANNA} came since you looked"):
        give(engine, Choice(Status.NOT_INTERESTED), act(), seen=0)
    assert (manuals(engine), statuses(engine)["campaign-1", ANNA]) == (0, "Interested")
    assert give(engine, Choice(Status.NOT_INTERESTED), act(), seen_of(engine))["status"] == "Not Interested"


def test_who_opens_no_page_counts_as_having_seen_what_is_there(engine: Engine) -> None:
    take_in(engine, a_mail(TELL_ME, answers=("anna-1-0@us",)))
    assert give(engine, Choice(Status.NOT_INTERESTED), act())["status"] == "Not Interested"


def test_no_status_settles_a_possible_opt_out_that_nobody_has_answered(engine: Engine) -> None:
    take_in(engine, a_mail(PLEASE_STOP, answers=("anna-1-0@us",)))
    (item,) = open_items(engine)
    for status in sorted(set(Status) - ENDS_IT):
        for by_mail in (True, False):
            with pytest.raises(UnreadError, match=f"inbox-worker review resolve {item} CLASS") as refused:
                give(engine, Choice(status, by_mail=by_mail), act(), seen_of(engine))
            assert refused.value.item == item
    assert (open_items(engine), labels(engine), manuals(engine)) == ([item], [], 0)


@pytest.mark.parametrize("status", [Status.UNSUBSCRIBED, Status.BOUNCED])
def test_what_also_bans_may_be_given_over_a_possible_opt_out(engine: Engine, status: Status) -> None:
    take_in(engine, a_mail(PLEASE_STOP, answers=("anna-1-0@us",)))
    row = give(engine, Choice(status), act(), seen_of(engine))
    assert (row["status"], row["do_not_email"], open_items(engine)) == (status.value, [ANNA], [])


def test_once_the_possible_opt_out_is_answered_every_status_may_be_given(engine: Engine) -> None:
    take_in(engine, a_mail(PLEASE_STOP, answers=("anna-1-0@us",)))
    with transaction(engine) as session:
        resolve_review(session, RULES, open_items(engine)[0], None, act())
    assert give(engine, Choice(Status.ACTIVE), act(1))["sequence"] == "running"


def test_active_does_not_let_run_what_an_older_possible_opt_out_holds(engine: Engine) -> None:
    take_in(engine, a_mail(PLEASE_STOP, answers=("anna-1-0@us",)))
    take_in(engine, a_mail(DOUBTFUL, hours=40, answers=("anna-1-0@us",)))
    with pytest.raises(UnreadError):
        give(engine, Choice(Status.ACTIVE), act())


def test_many_are_left_alone_where_mail_came_or_an_opt_out_waits(engine: Engine) -> None:
    take_in(engine, a_mail(PLEASE_STOP, answers=("anna-1-0@us",)))
    with reading(engine) as session:
        looked = preview_status(session, RULES, [id_of(engine), id_of(engine, BEN)], Status.INTERESTED)
    assert (looked.changes, looked.waiting, looked.waiting_first) == ({Status.ACTIVE: 1}, 1, [ANNA])
    take_in(engine, a_mail(replace(TELL_ME, reply_class=ReplyClass.NOT_INTERESTED), answers=("ben-1-0@us",)))
    done = give_many(engine, Status.INTERESTED, looked.seen)
    assert done == Done(came=1, waiting=1)
    assert (labels(engine), len(open_items(engine)), manuals(engine)) == ([], 1, 0)
    done = give_many(engine, Status.INTERESTED)
    assert (done.done, done.came, done.waiting) == (1, 0, 1)
    assert statuses(engine)["campaign-1", ANNA] == "Engaged"
    assert give_many(engine, Status.UNSUBSCRIBED).done == 2


def test_a_look_says_how_many_open_questions_are_settled(engine: Engine) -> None:
    take_in(engine, a_mail(DOUBTFUL, answers=("anna-1-0@us",)))
    take_in(engine, a_mail(DOUBTFUL, hours=40, answers=("anna-1-0@us",)), a_mail(DOUBTFUL, answers=("ben-1-0@us",)))
    before = len(open_items(engine))
    with reading(engine) as session:
        ids = [id_of(engine), id_of(engine, BEN)]
        settled = preview_status(session, RULES, ids, Status.NOT_INTERESTED).settled
    give_many(engine, Status.NOT_INTERESTED)
    # That about the older mail stays open.
    assert (settled, before - len(open_items(engine))) == (2, 2)


@pytest.mark.parametrize(
    "choice", [Choice(Status.INTERESTED), Choice(Status.OUT_OF_OFFICE), Choice(Status.OUT_OF_OFFICE, date(2026, 6, 1))]
)
def test_a_second_click_is_answered_as_if_it_were_done_and_kept_once(engine: Engine, choice: Choice) -> None:
    take_in(engine, a_mail(TELL_ME, answers=("anna-1-0@us",)))
    give(engine, Choice(Status.ENGAGED), act())
    rows = [give(engine, choice, replace(act(1), at=act(1).at + timedelta(seconds=n))) for n in (0, 1)]
    assert rows[0] == rows[1]
    assert manuals(engine) == 2


@pytest.mark.parametrize(
    ("choice", "given"),
    [
        (Choice(Status.INTERESTED), act(1, "she rang")),
        (Choice(Status.INTERESTED), act(1, by="petra")),
        (Choice(Status.OUT_OF_OFFICE, date(2026, 6, 2)), act(1)),
    ],
)
def test_what_is_said_anew_is_kept_anew(engine: Engine, choice: Choice, given: Act) -> None:
    give(engine, replace(choice, until=date(2026, 6, 1) if choice.until else None), act())
    give(engine, choice, given)
    assert manuals(engine) == 2


def test_a_status_is_given_anew_after_newer_mail_or_a_lift(engine: Engine) -> None:
    give(engine, Choice(Status.UNSUBSCRIBED), act())
    with transaction(engine) as session:
        lift_dne(session, 1, ANNA, act(1, "by mistake"))
    assert give(engine, Choice(Status.UNSUBSCRIBED), act(2))["do_not_email"] == [ANNA]
    with transaction(engine) as session:
        set_status(session, RULES, id_of(engine, BEN), Status.INTERESTED, act(3))
    take_in(engine, a_mail(TELL_ME, answers=("anna-1-0@us",), hours=300))
    give(engine, Choice(Status.UNSUBSCRIBED), act(4))
    assert manuals(engine) == 4


def test_a_second_click_that_has_another_cause_teaches_nothing(engine: Engine) -> None:
    take_in(engine, a_mail(TELL_ME, answers=("anna-1-0@us",)))
    for _ in range(2):
        give(engine, Choice(Status.NOT_INTERESTED, by_mail=False), act())
    assert (labels(engine), manuals(engine)) == ([], 1)


@pytest.mark.parametrize(
    ("zone", "hour", "until"), [("America/Los_Angeles", 3, date(2026, 5, 13)), ("Asia/Tokyo", 23, date(2026, 5, 15))]
)
def test_the_first_day_somebody_can_be_back_is_today_where_the_team_works(
    engine: Engine, zone: str, hour: int, until: date
) -> None:
    given = Act("mila", NOW.replace(day=14, hour=hour))
    with transaction(engine) as session:
        session.get_one(Team, 1).time_zone = zone
    with pytest.raises(InputError, match="has passed"):
        give(engine, Choice(Status.OUT_OF_OFFICE, until - timedelta(days=1)), given)
    assert give(engine, Choice(Status.OUT_OF_OFFICE, until), given)["status"] == "Out of Office"


def test_the_second_time_the_mail_may_be_why(engine: Engine) -> None:
    take_in(engine, a_mail(TELL_ME, answers=("anna-1-0@us",)))
    give(engine, Choice(Status.NOT_INTERESTED, by_mail=False), act())
    assert labels(engine) == []
    give(engine, Choice(Status.NOT_INTERESTED), act(1))
    assert (labels(engine), manuals(engine)) == ([Status.NOT_INTERESTED], 1)
