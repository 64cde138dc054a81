"""What a person said can be taken back, with everything that followed from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select

from classifier.verdict import OptOut, Reply, ReplyClass
from models.events import DneReason, EventKind, ReviewKind, Status
from models.session import reading, transaction
from models.tables.learning import Label, LabelSource
from models.tables.outside import EventType, OutboxEvent
from models.tables.people import Team
from models.tables.standing import DneEntry, RecipientEvent, ReviewItem
from tests.worker.small_world import BOX, NOW, RULES, a_mail, furnish, send_all, statuses, take_in
from worker.act import Act
from worker.acts.do_not_email import lift_dne
from worker.acts.person import Choice, find_recipients, resolve_review, set_status
from worker.acts.recipient import correct
from worker.acts.reviewing import Answer, settle
from worker.acts.undo import newest_act, undo
from worker.apply import apply
from worker.errors import InputError
from worker.learning.accuracy import Sample, random_sample
from worker.rules import Rules
from worker.writing.refold import Change

ANNA = "anna@client.example"
FIRST, SECOND = ("campaign-1", ANNA), ("campaign-2", ANNA)


@pytest.fixture
def engine(engine: Engine) -> Engine:
    furnish(engine)
    with transaction(engine) as session:
        session.add(Team(id=2, name="others"))
    send_all(engine)
    return engine


def act(minutes: int = 0, why: str | None = None, by: str = "mila") -> Act:
    return Act(by, NOW + timedelta(minutes=minutes), why)


def anna(engine: Engine) -> int:
    with reading(engine) as session:
        return find_recipients(session, 1, ANNA, "campaign-1")[0]


def choose(engine: Engine, status: Status, minutes: int = 0, by: str = "mila", *, by_mail: bool = True) -> str:
    """Set a status, and return the key of the act."""
    with transaction(engine) as session:
        set_status(session, RULES, anna(engine), status, act(minutes, by=by), by_mail=by_mail)
        newest = newest_act(session, anna(engine))
    assert newest is not None
    return newest.key


def take_back(
    engine: Engine, minutes: int = 10, why: str | None = None, rules: Rules = RULES, key: str | None = None
) -> tuple[str, Sequence[Change]]:
    with transaction(engine) as session:
        return undo(session, rules, anna(engine), act(minutes, why), key)


def answer(reply_class: ReplyClass, *, sure: bool = True, hold: bool = False) -> Reply:
    return Reply(
        reply_class=reply_class, confidence=0.6, sure=sure, hold=hold, visible_text="Please call me on Monday."
    )


def labels(engine: Engine) -> list[Status]:
    with reading(engine) as session:
        return list(session.scalars(select(Label.label)))


def test_the_machines_word_counts_again(engine: Engine) -> None:
    take_in(engine, a_mail(answer(ReplyClass.INTERESTED), answers=("anna-1-0@us",)))
    choose(engine, Status.NOT_INTERESTED)
    assert statuses(engine)[FIRST] == "Not Interested"
    said, changes = take_back(engine, why="the wrong person")
    assert said == "mila chose Not Interested"
    assert statuses(engine)[FIRST] == "Interested"
    assert [(each.before, each.after) for each in changes] == [(Status.NOT_INTERESTED, Status.INTERESTED)]
    with reading(engine) as session:
        event = session.scalars(select(RecipientEvent).where(RecipientEvent.kind == EventKind.UNDONE)).one()
    assert event.because == ["mila took back: mila chose Not Interested: the wrong person"]


def test_acts_are_taken_back_one_after_the_other_and_each_once(engine: Engine) -> None:
    choose(engine, Status.INTERESTED)
    choose(engine, Status.ENGAGED, 1)
    take_back(engine)
    assert statuses(engine)[FIRST] == "Interested"
    take_back(engine, 11)
    assert statuses(engine)[FIRST] == "Active"
    with pytest.raises(InputError, match="set-status"):
        take_back(engine, 12)


def test_only_the_act_that_was_shown_is_taken_back_and_once(engine: Engine) -> None:
    first = choose(engine, Status.INTERESTED)
    second = choose(engine, Status.UNSUBSCRIBED, 1, by="ben")
    with pytest.raises(InputError, match=f"{ANNA}: ben has set it to Unsubscribed since; the page of the contact"):
        take_back(engine, key=first)
    assert statuses(engine)[FIRST] == "Unsubscribed"
    take_back(engine, key=second)
    with pytest.raises(InputError, match="that was taken back already"):
        take_back(engine, 11, key=second)
    assert statuses(engine)[FIRST] == "Interested"
    with reading(engine) as session:
        assert session.scalars(select(DneEntry.withdrawn_at)).one() is not None


def test_what_is_set_anew_after_an_undo_stands_and_can_be_taken_back(engine: Engine) -> None:
    choose(engine, Status.INTERESTED)
    take_back(engine)
    choose(engine, Status.INTERESTED, 20)
    assert statuses(engine)[FIRST] == "Interested"
    take_back(engine, 30)
    assert statuses(engine)[FIRST] == "Active"


def test_the_entry_that_the_act_made_goes_with_it_everywhere(engine: Engine) -> None:
    choose(engine, Status.UNSUBSCRIBED)
    assert (statuses(engine)[FIRST], statuses(engine)[SECOND]) == ("Unsubscribed", "Removed")
    take_back(engine, why="a slip")
    assert (statuses(engine)[FIRST], statuses(engine)[SECOND]) == ("Active", "Active")
    with reading(engine) as session:
        entry = session.scalars(select(DneEntry)).one()
        told = session.scalars(select(OutboxEvent).where(OutboxEvent.type == EventType.DNE_WITHDRAWN)).all()
    assert (entry.withdrawn_at, entry.lifted_by, entry.lifted_why) == (act(10).at, "mila", "a slip")
    assert [(each.subject, each.payload["reason"], each.payload["withdrawn_by"]) for each in told] == [
        (ANNA, "manual", "mila")
    ]


def possible_opt_out(engine: Engine) -> int:
    take_in(engine, a_mail(answer(ReplyClass.UNSUBSCRIBED, sure=False, hold=True), answers=("anna-1-0@us",)))
    with reading(engine) as session:
        query = select(ReviewItem.id).where(ReviewItem.kind == ReviewKind.POSSIBLE_OPT_OUT)
        return session.scalars(query).one()


def test_a_resolved_review_opens_again_and_an_opt_out_is_taken_back_with_a_reason_only(engine: Engine) -> None:
    item = possible_opt_out(engine)
    with transaction(engine) as session:
        resolve_review(session, RULES, item, Status.UNSUBSCRIBED, act())
    assert labels(engine) == [Status.UNSUBSCRIBED]
    with pytest.raises(InputError, match="needs a reason"):
        take_back(engine)
    assert statuses(engine)[FIRST] == "Unsubscribed"
    take_back(engine, why="it was about another list")
    assert statuses(engine)[FIRST] == "Engaged"
    assert labels(engine) == []
    with reading(engine) as session:
        assert session.get_one(ReviewItem, item).closed_at is None


def test_an_opt_out_by_mail_stays_whatever_is_taken_back(engine: Engine) -> None:
    take_in(engine, a_mail(OptOut(), answers=("anna-1-0@us",)))
    choose(engine, Status.UNSUBSCRIBED)
    take_back(engine)
    with reading(engine) as session:
        live = session.scalars(select(DneEntry.reason).where(DneEntry.withdrawn_at.is_(None))).all()
    assert live == [DneReason.UNSUBSCRIBE_REPLY]
    assert statuses(engine)[FIRST] == "Unsubscribed"


def test_a_label_that_somebody_gave_since_is_kept(engine: Engine) -> None:
    take_in(engine, a_mail(answer(ReplyClass.INTERESTED), answers=("anna-1-0@us",)))
    choose(engine, Status.NOT_INTERESTED)
    with transaction(engine) as session:
        session.scalars(select(Label)).one().recorded_at = NOW + timedelta(minutes=5)
    take_back(engine)
    assert labels(engine) == [Status.NOT_INTERESTED]


def word_of(engine: Engine) -> tuple[object, ...]:
    """Return what the one label says, who said it, when, why, and in which way."""
    with reading(engine) as session:
        label = session.scalars(select(Label)).one()
    return label.label, label.actor, label.recorded_at, label.note, label.source


@pytest.mark.parametrize("said", ["Interested", "Engaged"])
def test_what_another_person_answered_before_is_the_label_again(engine: Engine, said: Answer) -> None:
    drawn = replace(RULES, review_share=1.0)
    with transaction(engine) as session:
        apply(
            session, replace(BOX, rules=drawn), [a_mail(answer(ReplyClass.INTERESTED), answers=("anna-1-0@us",))], NOW
        )
        item = session.scalars(select(ReviewItem.id)).one()
        settle(session, RULES, item, said, act(why="reads: so", by="dora"))
    before = word_of(engine)
    assert before == (Status(said), "dora", NOW, "reads: so", LabelSource.REVIEW)
    choose(engine, Status.NOT_INTERESTED, 5)
    assert word_of(engine) == (Status.NOT_INTERESTED, "mila", act(5).at, "reads: so", LabelSource.STATUS)
    take_back(engine)
    assert word_of(engine) == before
    with reading(engine) as session:
        assert random_sample(session) == Sample(drawn=1, answered=1, right=int(said == "Interested"))


def test_a_label_goes_back_over_what_was_taken_back_or_had_another_cause(engine: Engine) -> None:
    take_in(engine, a_mail(answer(ReplyClass.INTERESTED), answers=("anna-1-0@us",)))
    choose(engine, Status.NOT_INTERESTED, by="dora")
    choose(engine, Status.ENGAGED, 1, by="ben")
    take_back(engine, 2)
    choose(engine, Status.UNSUBSCRIBED, 3, by_mail=False)
    choose(engine, Status.ENGAGED, 4)
    take_back(engine, 5)
    assert word_of(engine) == (Status.NOT_INTERESTED, "dora", NOW, "", LabelSource.STATUS)
    take_back(engine, 6)
    take_back(engine, 7)
    assert labels(engine) == []


def test_a_status_that_the_mail_says_after_all_is_learnt_again_once_a_later_act_is_taken_back(engine: Engine) -> None:
    take_in(engine, a_mail(answer(ReplyClass.INTERESTED), answers=("anna-1-0@us",)))
    for minutes, by_mail in ((0, False), (1, True)):
        with transaction(engine) as session:
            choice = Choice(Status.NOT_INTERESTED, by_mail=by_mail)
            correct(session, RULES, anna(engine), choice, act(minutes))
    choose(engine, Status.ENGAGED, 2)
    take_back(engine)
    assert labels(engine) == [Status.NOT_INTERESTED]


def test_who_answered_that_there_is_nothing_in_a_mail_gave_it_no_label(engine: Engine) -> None:
    item = possible_opt_out(engine)
    choose(engine, Status.UNSUBSCRIBED, by="dora")
    take_back(engine, 1, why="not read")
    with transaction(engine) as session:
        resolve_review(session, RULES, item, None, act(2))
    choose(engine, Status.NOT_INTERESTED, 3)
    assert labels(engine) == [Status.NOT_INTERESTED]
    take_back(engine, 4)
    assert labels(engine) == []


def test_an_entry_that_was_lifted_before_its_act_is_taken_back_says_on_who_lifted_it(engine: Engine) -> None:
    choose(engine, Status.UNSUBSCRIBED)
    with transaction(engine) as session:
        lift_dne(session, 1, ANNA, act(5, "she rang", by="dora"))
    take_back(engine)
    with reading(engine) as session:
        entry = session.scalars(select(DneEntry)).one()
    assert (entry.lifted_by, entry.lifted_why) == ("dora", "she rang")
    assert (entry.lifted_at, entry.withdrawn_at) == (act(5).at, act(10).at)


def test_the_ban_that_came_with_an_answer_goes_with_it(engine: Engine) -> None:
    item = possible_opt_out(engine)
    with transaction(engine) as session:
        settle(session, RULES, item, "do not email", act())
    assert statuses(engine)[SECOND] == "Removed"
    take_back(engine)
    assert statuses(engine)[SECOND] == "Active"
    with reading(engine) as session:
        assert session.scalars(select(DneEntry.withdrawn_at)).all() == [act(10).at]


def test_nothing_to_take_back_is_an_error(engine: Engine) -> None:
    with pytest.raises(InputError, match="no person's act is left"):
        take_back(engine)


def test_no_team_reaches_anothers_recipients(engine: Engine) -> None:
    choose(engine, Status.INTERESTED)
    others = Rules(team_id=2)
    with pytest.raises(InputError, match="no recipient"):
        take_back(engine, rules=others)
    with transaction(engine) as session, pytest.raises(InputError, match="no recipient"):
        set_status(session, others, anna(engine), Status.ENGAGED, act())
    item = possible_opt_out(engine)
    with transaction(engine) as session, pytest.raises(InputError, match="no open review item"):
        resolve_review(session, others, item, Status.ENGAGED, act())
    assert statuses(engine)[FIRST] == "Interested"
