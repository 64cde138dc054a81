"""What people decide becomes what the classifier learns: with the text as it was classified, and never against them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from classifier.verdict import Reply, ReplyClass
from models.events import Status
from models.session import reading, transaction
from models.tables.learning import Label, LabelSource
from models.tables.mailboxes import Mailbox
from tests.worker.commanding import ANNA, AWAY, BORIS, HARD, OPT_OUT, Commands, reply
from worker.decide import is_drawn
from worker.learning.accuracy import Sample, random_sample
from worker.learning.labels import labelled_replies

DOUBTFUL = reply(ReplyClass.INTERESTED, 0.4, sure=False)


def stored(run: Commands) -> list[Label]:
    with run.database() as engine, reading(engine) as session:
        return list(session.scalars(select(Label).order_by(Label.id)))


@pytest.fixture
def world(run: Commands) -> Commands:
    run.add_mailbox()
    return run


def test_a_review_decision_is_a_label_with_the_text_as_it_was_classified(world: Commands) -> None:
    world.receive(DOUBTFUL, ANNA, world.send(ANNA), "Re: Our offer")
    world.done("review", "resolve", "1", "Not Interested", "--why", "irony")
    (label,) = stored(world)
    assert (label.text, label.subject, label.label) == (DOUBTFUL.visible_text, "Re: Our offer", Status.NOT_INTERESTED)
    assert (label.source, label.machine, label.sampled) == (LabelSource.REVIEW, Status.INTERESTED, False)
    assert (label.actor, label.note) == ("petra", "irony")


def test_a_dismissed_question_and_a_bounce_are_no_labels(world: Commands) -> None:
    world.receive(DOUBTFUL, ANNA, world.send(ANNA))
    world.receive(DOUBTFUL, BORIS, world.send(BORIS))
    world.done("review", "resolve", "1", "dismiss")
    world.done("review", "resolve", "2", "Bounced")
    assert stored(world) == []


def test_a_corrected_status_labels_the_newest_mail(world: Commands) -> None:
    sent = world.send(ANNA)
    world.receive(replace(DOUBTFUL, visible_text="First."), ANNA, sent)
    world.receive(replace(DOUBTFUL, visible_text="Second."), ANNA, sent)
    world.done("recipients", "set-status", ANNA, "Interested")
    assert [(label.text, label.source) for label in stored(world)] == [("Second.", LabelSource.STATUS)]


def test_the_newest_word_about_a_mail_stands(world: Commands) -> None:
    world.receive(DOUBTFUL, ANNA, world.send(ANNA))
    world.done("review", "resolve", "1", "Not Interested")
    world.done("recipients", "set-status", ANNA, "Interested")
    assert [label.label for label in stored(world)] == [Status.INTERESTED]


@pytest.mark.parametrize("words", [["--other-cause"], ["--other-cause", "--why", "she rang"]])
def test_a_status_with_another_cause_teaches_nothing(world: Commands, words: list[str]) -> None:
    world.receive(DOUBTFUL, ANNA, world.send(ANNA))
    world.done("recipients", "set-status", ANNA, "Interested", *words)
    assert stored(world) == []


@pytest.mark.parametrize("status", ["Appointment Booked", "Removed", "Active"])
def test_a_status_that_is_no_class_of_reply_teaches_nothing(world: Commands, status: str) -> None:
    world.receive(DOUBTFUL, ANNA, world.send(ANNA))
    world.done("recipients", "set-status", ANNA, status)
    assert stored(world) == []


def test_a_report_is_no_reply_whatever_status_is_set(world: Commands) -> None:
    world.receive(HARD, ANNA, world.send(ANNA))
    world.done("recipients", "set-status", ANNA, "Interested")
    assert stored(world) == []


def test_nobody_is_interested_by_an_absence_notice(world: Commands) -> None:
    world.receive(AWAY, ANNA, world.send(ANNA))
    world.done("recipients", "set-status", ANNA, "Interested")
    assert stored(world) == []
    world.done("recipients", "set-status", ANNA, "Auto Response")
    assert [label.label for label in stored(world)] == [Status.AUTO_RESPONSE]


@pytest.mark.parametrize(("verdict", "status"), [(AWAY, "Unsubscribed"), (OPT_OUT, "Interested")])
def test_a_status_teaches_nothing_of_mail_that_rules_know_for_something_else(
    world: Commands, verdict: Any, status: str
) -> None:
    world.receive(verdict, ANNA, world.send(ANNA))
    world.done("recipients", "set-status", ANNA, status)
    assert stored(world) == []


def test_a_word_without_a_reason_leaves_the_reason_that_was_given(world: Commands) -> None:
    world.receive(DOUBTFUL, ANNA, world.send(ANNA))
    world.done("review", "resolve", "1", "Not Interested", "--why", "irony")
    world.done("recipients", "set-status", ANNA, "Interested")
    assert [label.note for label in stored(world)] == ["irony"]


def test_a_mail_without_words_teaches_nothing(world: Commands) -> None:
    world.receive(replace(DOUBTFUL, visible_text=" \n"), ANNA, world.send(ANNA), "")
    world.done("review", "resolve", "1", "Interested")
    assert stored(world) == []


def test_a_label_outlives_the_mailbox_it_came_from(world: Commands) -> None:
    world.receive(DOUBTFUL, ANNA, world.send(ANNA))
    world.done("review", "resolve", "1", "Interested")
    with world.database() as engine, transaction(engine) as session:
        session.delete(session.scalars(select(Mailbox)).one())
    (label,) = stored(world)
    assert (label.message_id, label.text) == (None, DOUBTFUL.visible_text)


def test_of_two_mails_of_one_text_the_newest_word_is_learnt(world: Commands) -> None:
    for number, (who, said) in enumerate([(ANNA, "Interested"), (BORIS, "Engaged")], start=1):
        world.receive(DOUBTFUL, who, world.send(who))
        world.done("review", "resolve", str(number), said)
    with world.database() as engine, reading(engine) as session:
        assert [row.label for row in labelled_replies(session)] == [ReplyClass.ENGAGED]
    assert len(stored(world)) == 2


@pytest.fixture
def drawn(world: Commands, monkeypatch: pytest.MonkeyPatch) -> Commands:
    """Every answer is drawn at random."""
    monkeypatch.setattr("worker.decide.is_drawn", lambda _key, _share: True)
    return world


def receive(run: Commands, verdict: Any, who: str = ANNA) -> dict[str, Any]:
    run.receive(verdict, who, run.send(who))
    return next(row for row in run.done("review", "list", "--json").rows if row["address"] == who)


@pytest.mark.parametrize(
    ("verdict", "status", "other"),
    [
        (reply(ReplyClass.INTERESTED), "Interested", "Engaged"),
        (AWAY, "Out of Office", "Auto Response"),
        (OPT_OUT, "Unsubscribed", "Engaged"),
    ],
)
def test_mail_drawn_at_random_measures_how_often_the_machine_is_right(
    drawn: Commands, verdict: Any, status: str, other: str
) -> None:
    item = receive(drawn, verdict)
    assert (item["kind"], item["holds"]) == ("drawn at random", False)
    drawn.done("review", "resolve", str(item["id"]), status)
    drawn.done("review", "resolve", str(receive(drawn, verdict, BORIS)["id"]), other)
    with drawn.database() as engine, reading(engine) as session:
        assert random_sample(session) == Sample(drawn=2, answered=2, right=1)


@pytest.mark.parametrize(("said", "then"), [("Interested", "Not Interested"), ("Engaged", "Engaged")])
def test_newer_mail_may_change_what_a_person_only_confirmed(drawn: Commands, said: str, then: str) -> None:
    item = receive(drawn, reply(ReplyClass.INTERESTED))
    drawn.done("review", "resolve", str(item["id"]), said)
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    drawn.receive(reply(ReplyClass.NOT_INTERESTED), ANNA, f"spring-{ANNA}", arrived_at=tomorrow)
    (row,) = drawn.done("recipients", "list", "--json").rows
    assert row["status"] == then


def test_an_answer_that_was_wrong_becomes_the_persons(drawn: Commands) -> None:
    item = receive(drawn, reply(ReplyClass.INTERESTED))
    drawn.done("review", "resolve", str(item["id"]), "Engaged")
    (row,) = drawn.done("recipients", "list", "--json").rows
    assert row["status"] == "Engaged"
    assert drawn.done("review", "list", "--json").rows == []


def test_a_status_that_is_set_is_no_answer_to_the_question_that_was_drawn(drawn: Commands) -> None:
    receive(drawn, reply(ReplyClass.INTERESTED))
    drawn.done("recipients", "set-status", ANNA, "Engaged")
    with drawn.database() as engine, reading(engine) as session:
        assert random_sample(session) == Sample(drawn=1, answered=0, right=0)


def test_whether_the_machine_is_right_is_not_asked_where_more_is_at_stake(world: Commands) -> None:
    near = replace(reply(ReplyClass.INTERESTED), near_opt_out=True)
    world.send(ANNA)
    world.receive(near, ANNA, None, "Something else")
    (item,) = world.done("review", "list", "--json").rows
    assert (item["kind"], item["holds"]) == ("uncertain match", True)
    world.done("review", "resolve", str(item["id"]), "Interested")
    (row,) = world.done("recipients", "list", "--json").rows
    assert row["status"] == "Interested"


def test_what_is_close_to_an_opt_out_is_asked_about_and_not_held(world: Commands) -> None:
    item = receive(world, replace(reply(ReplyClass.ENGAGED), near_opt_out=True))
    assert (item["kind"], item["holds"]) == ("close to a possible opt-out", False)
    world.done("review", "resolve", str(item["id"]), "Engaged")
    assert [label.label for label in stored(world)] == [Status.ENGAGED]


def test_the_list_goes_from_what_holds_to_what_the_machine_is_surest_of(
    world: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.decide.is_drawn", lambda key, _share: key[-1] in "12")
    unsure: dict[str, Reply] = {
        "c@x.example": reply(ReplyClass.ENGAGED, 0.99),  # The first two are drawn.
        "d@x.example": reply(ReplyClass.ENGAGED, 0.6),
        "a@x.example": reply(ReplyClass.INTERESTED, 0.45, sure=False),
        "b@x.example": reply(ReplyClass.INTERESTED, 0.35, sure=False),
        "e@x.example": replace(reply(ReplyClass.ENGAGED, 0.9), near_opt_out=True),
        "f@x.example": reply(ReplyClass.UNSUBSCRIBED, 0.9, sure=False, hold=True),
        "g@x.example": reply(ReplyClass.UNSUBSCRIBED, 0.5, sure=False, hold=True),
    }
    for who, verdict in unsure.items():
        world.receive(verdict, who, world.send(who))
    # From its address alone, so that it is uncertain whose answer it is.
    world.send("h@x.example")
    world.receive(reply(ReplyClass.INTERESTED), "h@x.example", None, "Something else")
    listed = [row["address"][0] for row in world.done("review", "list", "--json").rows]
    assert listed == ["f", "g", "h", "c", "d", "e", "b", "a"]


def test_mail_that_was_drawn_comes_first_though_it_is_doubtful_too(
    world: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.decide.is_drawn", lambda key, _share: key[-1] == "2")
    for who, confidence in {"a@x.example": 0.3, "b@x.example": 0.4, "c@x.example": 0.2}.items():
        world.receive(reply(ReplyClass.INTERESTED, confidence, sure=False), who, world.send(who))
    assert [row["address"][0] for row in world.done("review", "list", "--json").rows] == ["b", "c", "a"]


def test_who_teaches_is_asked_what_was_drawn_and_then_what_was_least_sure_whatever_it_holds(
    world: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.decide.is_drawn", lambda key, _share: key[-1] == "3")
    for who, verdict in {
        "a@x.example": reply(ReplyClass.UNSUBSCRIBED, 0.9, sure=False, hold=True),
        "b@x.example": reply(ReplyClass.INTERESTED, 0.4, sure=False),
        "c@x.example": reply(ReplyClass.ENGAGED, 0.95),
        "d@x.example": replace(OPT_OUT, by_machine=True),
        "e@x.example": replace(reply(ReplyClass.ENGAGED, 0.7), near_opt_out=True),
    }.items():
        world.receive(verdict, who, world.send(who))
    assert [row["address"][0] for row in world.done("review", "list", "--teach", "--json").rows] == list("cbead")


def test_as_many_are_drawn_as_the_setting_says_and_always_the_same() -> None:
    drawn = [is_drawn(f"mail {number}", 0.1) for number in range(20_000)]
    assert 0.09 < sum(drawn) / len(drawn) < 0.11
    assert drawn == [is_drawn(f"mail {number}", 0.1) for number in range(20_000)]
    assert all(is_drawn(f"mail {number}", 0.2) for number, each in enumerate(drawn) if each)
    assert not any(is_drawn(f"mail {number}", 0.0) for number in range(1_000))
    assert all(is_drawn(f"mail {number}", 1.0) for number in range(1_000))


def test_a_sample_says_what_it_does_not_know() -> None:
    assert str(Sample(7, 0, 0)) == "none of 7 mails drawn at random is answered yet"
    assert str(Sample(120, 100, 90)).startswith("right in 90 of 100 (90%), so in 83% to 94% of all; 100 of 120 drawn")
