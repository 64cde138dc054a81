"""Whoever goes through reviews: the order of the list, answers that are taken back exactly, and how far one is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select

from classifier.verdict import Reply, ReplyClass
from models.events import ReviewKind
from models.session import reading, transaction
from models.tables.learning import Label
from models.tables.people import Team
from models.tables.standing import DneEntry, ReviewItem
from tests.worker.small_world import NOW, RULES, a_mail, furnish, send_all, statuses, take_in
from worker.act import Act
from worker.acts.person import find_recipients
from worker.acts.reviewing import Answer, needs_why, progress, settle, take_back
from worker.acts.undo import undo as undo_act
from worker.errors import InputError, SettledError
from worker.queries.story import list_reviews, review_of
from worker.queries.tallies import Tally
from worker.rules import Rules
from worker.writing.urgency import lesson, urgency

FIRST = ("campaign-1", "anna@client.example")


@pytest.fixture
def engine(engine: Engine) -> Engine:
    furnish(engine)
    with transaction(engine) as session:
        session.add(Team(id=2, name="theirs"))
    send_all(engine)
    return engine


def asked(engine: Engine, to: str = "anna-1-0@us", confidence: float = 0.4, *, hold: bool = False) -> int:
    """Let a doubtful reply come in, and return the item that asks about it."""
    verdict = Reply(
        reply_class=ReplyClass.UNSUBSCRIBED if hold else ReplyClass.INTERESTED,
        confidence=confidence,
        sure=False,
        hold=hold,
        visible_text="please tell me more",
    )
    take_in(engine, a_mail(verdict, answers=(to,)))
    with reading(engine) as session:
        return max(session.scalars(select(ReviewItem.id)))


def answer(engine: Engine, item: int, said: Answer, by: str = "mila", minutes: int = 0) -> None:
    with transaction(engine) as session:
        settle(session, RULES, item, said, Act(by, NOW + timedelta(minutes=minutes)))


def undo(
    engine: Engine, item: int, by: str = "mila", rules: Rules = RULES, minutes: int = 10, why: str | None = None
) -> None:
    with transaction(engine) as session:
        take_back(session, rules, item, Act(by, NOW + timedelta(minutes=minutes), why))


def is_open(engine: Engine, item: int) -> bool:
    with reading(engine) as session:
        return review_of(session, 1, item)["settled_at"] is None


@pytest.mark.parametrize("said", ["Interested", "Unsubscribed", "Bounced", "nothing", "do not email"])
def test_what_was_answered_is_taken_back_with_all_that_followed(engine: Engine, said: Answer) -> None:
    item = asked(engine, hold=True)
    before = statuses(engine)
    answer(engine, item, said)
    assert not is_open(engine, item)
    undo(engine, item)
    assert (statuses(engine), is_open(engine, item)) == (before, True)
    with reading(engine) as session:
        assert all(entry.withdrawn_at for entry in session.scalars(select(DneEntry)))
        assert session.scalars(select(Label)).all() == []


def test_an_opt_out_is_taken_back_without_a_reason_only_at_once(engine: Engine) -> None:
    item = asked(engine, hold=True)
    answer(engine, item, "Unsubscribed")
    late = Act("mila", NOW + timedelta(minutes=11))
    with pytest.raises(InputError, match="needs a reason"):
        undo(engine, item, minutes=11)
    with reading(engine) as session:
        assert needs_why(session, 1, item, late)
        assert not needs_why(session, 1, item, replace(late, why="a slip"))
        assert not needs_why(session, 1, item, Act("mila", NOW + timedelta(minutes=10)))
        with pytest.raises(InputError, match="mila has answered"):
            needs_why(session, 1, item, replace(late, by="ben"))
    undo(engine, item, minutes=11, why="another list was meant")
    with reading(engine) as session:
        assert session.scalars(select(DneEntry.lifted_why)).all() == ["another list was meant"]
    answer(engine, item, "do not email", minutes=12)
    with reading(engine) as session:
        assert not needs_why(session, 1, item, replace(late, at=NOW + timedelta(days=200)))
    undo(engine, item, minutes=60)


def test_an_address_that_is_banned_in_a_review_teaches_nothing(engine: Engine) -> None:
    item = asked(engine)
    answer(engine, item, "do not email")
    with reading(engine) as session:
        entry = session.scalars(select(DneEntry)).one()
        assert (entry.target, entry.reason.value, entry.actor) == (FIRST[1], "manual", "mila")
        assert session.scalars(select(Label)).all() == []
    assert not is_open(engine, item)


def test_an_entry_that_was_there_before_outlives_the_answer(engine: Engine) -> None:
    one, other = asked(engine), asked(engine, "anna-2-0@us")
    answer(engine, one, "do not email")
    answer(engine, other, "do not email", minutes=5)
    undo(engine, other)
    with reading(engine) as session:
        assert session.scalars(select(DneEntry.withdrawn_at)).all() == [None]


def test_nobody_takes_back_what_somebody_else_said_or_what_is_not_the_newest_word(engine: Engine) -> None:
    older, newer = asked(engine), asked(engine)
    answer(engine, older, "Interested")
    with pytest.raises(InputError, match="mila has answered"):
        undo(engine, older, by="ben")
    answer(engine, newer, "Engaged", minutes=1)
    with pytest.raises(InputError, match="not the newest word"):
        undo(engine, older)
    undo(engine, newer)
    undo(engine, older)
    assert is_open(engine, older)


def test_the_second_of_two_answers_is_told_so(engine: Engine) -> None:
    item = asked(engine)
    answer(engine, item, "Interested", by="ben")
    with pytest.raises(SettledError):
        answer(engine, item, "do not email")
    with reading(engine) as session:
        assert session.scalars(select(DneEntry)).all() == []


def test_another_team_neither_sees_nor_changes_an_item(engine: Engine) -> None:
    item = asked(engine)
    answer(engine, item, "Interested")
    with reading(engine) as session:
        assert list_reviews(session, 2) == []
        assert progress(session, 2, "mila", NOW).answered == Tally(0)
        with pytest.raises(InputError, match="no review item"):
            review_of(session, 2, item)
        with pytest.raises(InputError, match="no review item"):
            list_reviews(session, 2, after=item)
    with pytest.raises(InputError, match="no review item"):
        undo(engine, item, rules=Rules(team_id=2))


def test_the_list_goes_on_behind_an_item_that_may_be_settled_by_now(engine: Engine) -> None:
    items = [asked(engine, "anna-1-0@us", 0.2), asked(engine, "ben-1-0@us", 0.3), asked(engine, "ben-2-0@us", 0.4)]
    answer(engine, items[0], "Interested")
    with reading(engine) as session:
        assert [row["id"] for row in list_reviews(session, 1, after=items[0])] == items[1:]
        assert [row["id"] for row in list_reviews(session, 1, after=items[1], teaching=True)] == items[2:]
        assert [row["id"] for row in list_reviews(session, 1, campaign="campaign-2")] == items[2:]
        assert [row["id"] for row in list_reviews(session, 1, kind=ReviewKind.MOVED_BACK)] == []


def test_one_sees_how_far_one_is(engine: Engine) -> None:
    items = [asked(engine, to) for to in ("anna-1-0@us", "anna-2-0@us", "ben-1-0@us", "ben-2-0@us")]
    answer(engine, items[0], "Interested")
    answer(engine, items[1], "Engaged", minutes=1)
    answer(engine, items[2], "nothing", minutes=2)
    answer(engine, items[3], "Interested", minutes=3)
    undo(engine, items[3])
    with reading(engine) as session:
        seen = progress(session, 1, "mila", NOW)
        assert (seen.answered, seen.labelled, seen.agreed, seen.agreement) == (Tally(3), 2, 1, 0.5)
        assert (seen.open, seen.last) == (Tally(1), items[2])
        later = progress(session, 1, "mila", NOW + timedelta(minutes=2))
        assert (later.answered, later.agreement) == (Tally(1), None)
        assert progress(session, 1, "ben", NOW).last is None


def test_an_answer_that_somebody_else_took_back_counts_no_more(engine: Engine) -> None:
    items = [asked(engine, to) for to in ("anna-1-0@us", "ben-1-0@us")]
    answer(engine, items[0], "Interested")
    answer(engine, items[1], "nothing", minutes=1)
    with transaction(engine) as session:
        (ben,) = find_recipients(session, 1, "ben@client.example", "campaign-1")
        undo_act(session, RULES, ben, Act("petra", NOW + timedelta(minutes=2)))
    with reading(engine) as session:
        seen = progress(session, 1, "mila", NOW)
    assert (seen.answered, seen.last) == (Tally(1), items[0])


@dataclass(frozen=True)
class Asked:
    sampled: bool
    artifact: str | None
    confidence: float | None


def test_what_holds_comes_first_and_what_the_machine_is_surest_of_last() -> None:
    doubtful, drawn = (
        Asked(sampled=False, artifact="a", confidence=0.4),
        Asked(sampled=True, artifact="a", confidence=1),
    )
    surer = Asked(sampled=False, artifact="a", confidence=0.5)
    order = [
        urgency(ReviewKind.POSSIBLE_OPT_OUT, doubtful, holds=True),
        urgency(ReviewKind.UNCERTAIN_MATCH, None, holds=True),
        urgency(ReviewKind.CONTRADICTION, drawn, holds=False),
        urgency(ReviewKind.LOW_CONFIDENCE, drawn, holds=False),
        urgency(ReviewKind.NEAR_OPT_OUT, doubtful, holds=False),
        urgency(ReviewKind.LOW_CONFIDENCE, doubtful, holds=False),
        urgency(ReviewKind.LOW_CONFIDENCE, surer, holds=False),
    ]
    assert order == sorted(set(order))
    assert urgency(ReviewKind.RANDOM_SAMPLE, drawn, holds=False) == order[3]
    lessons = [lesson(drawn), lesson(doubtful), lesson(surer), lesson(None)]
    assert lessons == sorted(set(lessons))
