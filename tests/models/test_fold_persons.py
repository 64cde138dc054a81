from __future__ import annotations

from dataclasses import replace

import pytest

from models.events import (
    Bounced,
    DneReason,
    EndReason,
    Event,
    EventKind,
    Interval,
    Lifts,
    ReviewDraft,
    ReviewKind,
    SequenceState,
    Status,
)
from tests.models.strategies import (
    absence,
    auto_reply,
    booked,
    bounce,
    day,
    event,
    folded,
    manual,
    opt_out,
    questions,
    reply,
    resolved,
    standing,
)

RUNNING, PAUSED = SequenceState.RUNNING, SequenceState.PAUSED
HELD, ENDED = SequenceState.HELD, SequenceState.ENDED
SOFT = Bounced.SOFT

# --- Persons ---


def test_what_a_person_takes_back_never_was() -> None:
    label, other = manual(1, Status.INTERESTED), manual(2, Status.NOT_INTERESTED)
    back = event(EventKind.UNDONE, 3, about=other.key)
    assert folded(label, other, back) == folded(label)
    assert folded(label, back) == folded(label)


def test_nobody_takes_back_what_no_person_did() -> None:
    mail = reply(1, Status.INTERESTED)
    assert folded(mail, event(EventKind.UNDONE, 2, about=mail.key)) == folded(mail)


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.ACTIVE])
@pytest.mark.parametrize("newer", [reply(3, Status.NOT_INTERESTED), auto_reply(3), event(EventKind.AUTOMATION_STOP, 3)])
def test_a_label_stands_against_newer_mail_and_machines(status: Status, newer: Event) -> None:
    found = folded(manual(2, status), newer)
    assert (found.status, found.decided_by) == (status, "manual@2")
    mail = newer.kind is not EventKind.AUTOMATION_STOP
    assert found.reviews == ((ReviewDraft(newer.key, ReviewKind.AGAINST_LABEL, holds=True),) if mail else ())


def test_a_label_stands_against_older_mail_that_comes_to_light_later() -> None:
    found = folded(manual(2, Status.INTERESTED), reply(1, Status.NOT_INTERESTED))
    assert found.status is Status.INTERESTED
    assert found.reviews == ()


def test_newer_mail_against_a_label_holds_a_running_sequence() -> None:
    label = manual(1, Status.ENGAGED)
    assert standing(folded(label)) == (Status.ENGAGED, RUNNING)
    assert standing(folded(label, reply(2))) == (Status.ENGAGED, HELD)
    away = folded(label, absence(2, until=9), resolved(3, None, absence(2, until=9)), now=4)
    assert standing(away) == (Status.ENGAGED, PAUSED)


def test_a_possible_opt_out_against_a_label_is_asked_first() -> None:
    found = folded(manual(1, Status.ENGAGED), reply(2, Status.UNSUBSCRIBED, sure=False))
    assert [(item.kind, item.holds) for item in found.reviews] == [
        (ReviewKind.AGAINST_LABEL, True),
        (ReviewKind.POSSIBLE_OPT_OUT, True),
    ]


@pytest.mark.parametrize("life", [[bounce(3)], [bounce(n, SOFT, send_id=f"s{n}") for n in (1, 2, 3)]])
def test_a_dead_address_is_banned_but_the_label_stays(life: list[Event]) -> None:
    found = folded(manual(0.5, Status.OUT_OF_OFFICE, until=day(300)), *life)
    assert standing(found) == (Status.OUT_OF_OFFICE, ENDED)
    assert (len(found.dne), found.reviews, found.next_change_at) == (1, (), None)


def test_a_label_yields_to_entries_made_elsewhere_only_where_it_is_a_pause() -> None:
    elsewhere = [Interval(day(3))]
    assert folded(manual(1, Status.AUTO_RESPONSE), intervals=elsewhere).status is Status.REMOVED
    assert standing(folded(manual(1, Status.ENGAGED), intervals=elsewhere)) == (Status.ENGAGED, ENDED)


def test_a_booking_acts_on_a_label_and_the_label_falls() -> None:
    found = folded(manual(1, Status.INTERESTED), booked(2), reply(3))
    assert standing(found) == (Status.APPOINTMENT_BOOKED, ENDED)
    assert found.reviews == ()


def test_manual_active_restarts_and_does_not_lock() -> None:
    history = [reply(1, Status.NOT_INTERESTED), reply(2, Status.UNSUBSCRIBED, sure=False), manual(3, Status.ACTIVE)]
    found = folded(*history)
    assert standing(found) == (Status.ACTIVE, RUNNING)
    assert found.decided_by == "manual@3"
    assert folded(*history, reply(4, Status.INTERESTED)).status is Status.INTERESTED


def test_manual_active_is_refused_while_an_entry_is_live_at_that_time() -> None:
    again = manual(3, Status.ACTIVE)
    assert standing(folded(opt_out(1), again)) == (Status.UNSUBSCRIBED, ENDED)
    assert standing(folded(reply(1), again, intervals=[Interval(day(2))])) == (Status.ENGAGED, ENDED)
    lifted = Lifts({(DneReason.UNSUBSCRIBE_REPLY, "opt_out@1"): day(2)})
    assert standing(folded(opt_out(1), again, lifts=lifted)) == (Status.ACTIVE, RUNNING)


@pytest.mark.parametrize("status", [Status.UNSUBSCRIBED, Status.UNSUBSCRIBE_LINK, Status.BOUNCED])
def test_a_manual_opt_out_or_bounce_also_bans(status: Status) -> None:
    found = folded(manual(1, status))
    assert standing(found) == (status, ENDED)
    assert found.sequence.reason is EndReason.PERSON
    assert [(entry.reason, entry.source) for entry in found.dne] == [(DneReason.MANUAL, "manual@1")]


def test_a_manual_absence_takes_a_date_and_ends_with_it() -> None:
    away = manual(1, Status.OUT_OF_OFFICE, until=day(9))
    assert standing(folded(away, now=5)) == (Status.OUT_OF_OFFICE, PAUSED)
    assert standing(folded(away)) == (Status.ACTIVE, RUNNING)
    assert folded(away, reply(10, Status.INTERESTED)).status is Status.INTERESTED
    assert standing(folded(reply(0.5, ends=True), away, now=5)) == (Status.OUT_OF_OFFICE, ENDED)


def test_newer_notices_do_not_move_the_date_a_person_gave() -> None:
    found = folded(manual(1, Status.OUT_OF_OFFICE, until=day(9)), absence(2, until=20), now=10)
    assert standing(found) == (Status.ACTIVE, HELD)


def test_a_label_without_a_pause_outlives_the_pause_of_a_notice() -> None:
    found = folded(manual(1, Status.AUTO_RESPONSE), absence(2, until=9))
    assert found.status is Status.AUTO_RESPONSE


def test_a_label_in_place_of_an_absence_ends_its_pause() -> None:
    away = absence(1, until=300)
    assert standing(folded(away, manual(2, Status.ENGAGED, about=away.key), now=3)) == (Status.ENGAGED, RUNNING)
    assert standing(folded(away, reply(1.5), manual(2, Status.INTERESTED), now=3)) == (Status.INTERESTED, PAUSED)


def test_removed_by_a_person_is_told_apart() -> None:
    assert folded(manual(1, Status.REMOVED)).removed_by_person
    assert not folded(manual(1, Status.REMOVED), opt_out(2)).removed_by_person


# --- Reviews resolved ---

DOUBT = reply(1, Status.UNSUBSCRIBED, sure=False)


@pytest.mark.parametrize("answer", [resolved(2, None, DOUBT), manual(2, Status.INTERESTED, about=DOUBT.key)])
def test_a_person_who_speaks_of_a_mail_closes_its_questions_and_releases(answer: Event) -> None:
    found = folded(DOUBT, answer)
    assert (found.sequence.state, found.reviews) == (RUNNING, ())


def test_a_person_who_speaks_of_another_mail_releases_nothing() -> None:
    assert standing(folded(DOUBT, resolved(2, None))) == (Status.ENGAGED, HELD)


def test_a_dismissed_question_leaves_the_status() -> None:
    assert (
        folded(reply(1, Status.INTERESTED, review=ReviewKind.CONTRADICTION), resolved(2, None)).decided_by == "reply@1"
    )


def test_a_resolved_review_of_the_newest_mail_stands_as_a_label() -> None:
    found = folded(DOUBT, resolved(2, Status.INTERESTED, DOUBT), reply(3, Status.NOT_INTERESTED))
    assert found.status is Status.INTERESTED
    assert questions(found) == [ReviewKind.AGAINST_LABEL]


@pytest.mark.parametrize(
    ("status", "reason"),
    [(Status.UNSUBSCRIBED, DneReason.UNSUBSCRIBE_REPLY), (Status.BOUNCED, DneReason.HARD_BOUNCE)],
)
@pytest.mark.parametrize("newer", [[], [reply(1.5, Status.INTERESTED)]])
def test_a_confirmed_opt_out_or_bounce_bans_whatever_came_after_the_mail(
    status: Status, reason: DneReason, newer: list[Event]
) -> None:
    found = folded(DOUBT, *newer, resolved(2, status, DOUBT))
    assert standing(found) == (status, ENDED)
    assert [(entry.reason, entry.source) for entry in found.dne] == [(reason, "review_resolved@2")]


def test_a_resolved_review_of_an_older_mail_acts_as_that_reply_and_does_not_lock() -> None:
    history = [DOUBT, reply(1.5), resolved(2, Status.INTERESTED, DOUBT)]
    assert folded(*history).status is Status.INTERESTED
    assert folded(*history, reply(3, Status.NOT_INTERESTED)).status is Status.NOT_INTERESTED


def test_a_resolved_review_of_an_older_mail_does_not_overturn_a_newer_one() -> None:
    found = folded(DOUBT, reply(1.5, Status.INTERESTED), resolved(2, Status.NOT_INTERESTED, DOUBT))
    assert found.status is Status.INTERESTED
    assert found.reviews == ()


def test_what_a_person_resolved_asks_no_new_question() -> None:
    found = folded(DOUBT, reply(1.2), booked(1.5), resolved(2, Status.NOT_INTERESTED, DOUBT))
    assert (found.status, found.reviews) == (Status.APPOINTMENT_BOOKED, ())


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (Status.OUT_OF_OFFICE, Status.OUT_OF_OFFICE),
        (Status.AUTO_RESPONSE, Status.AUTO_RESPONSE),
        (Status.REMOVED, Status.ACTIVE),
    ],
)
def test_an_older_mail_resolved_as_a_machines_goes_through_the_table(status: Status, expected: Status) -> None:
    history = [DOUBT, reply(1.5), manual(1.7, Status.ACTIVE), resolved(2, status, DOUBT, until=day(9))]
    assert folded(*history, now=3).status is expected


def test_the_newest_resolution_of_a_mail_wins() -> None:
    found = folded(DOUBT, resolved(2, Status.ENGAGED, DOUBT), resolved(3, Status.INTERESTED, DOUBT))
    assert found.status is Status.INTERESTED


# --- Mail drawn at random ---


def test_a_mail_drawn_at_random_asks_and_changes_nothing_else() -> None:
    drawn = folded(replace(reply(1, Status.INTERESTED), sampled=True))
    plain = folded(reply(1, Status.INTERESTED))
    assert questions(drawn) == [ReviewKind.RANDOM_SAMPLE]
    assert replace(drawn, reviews=()) == plain


def test_a_mail_that_is_looked_at_anyway_is_not_asked_about_twice() -> None:
    unsure = replace(reply(1, Status.INTERESTED), sure=False, sampled=True)
    assert questions(folded(unsure)) == [ReviewKind.LOW_CONFIDENCE]


def test_a_mail_that_comes_close_to_an_opt_out_asks_no_more_once_it_is_drawn() -> None:
    close = reply(1, review=ReviewKind.NEAR_OPT_OUT)
    assert questions(folded(close)) == [ReviewKind.NEAR_OPT_OUT]
    assert questions(folded(replace(close, sampled=True))) == [ReviewKind.RANDOM_SAMPLE]


def test_each_mail_drawn_at_random_asks_for_itself() -> None:
    first, second = (replace(reply(at), sampled=True, sure=at == 2) for at in (1, 2))
    assert questions(folded(first, second)) == [ReviewKind.LOW_CONFIDENCE, ReviewKind.RANDOM_SAMPLE]


def test_a_mail_drawn_at_random_that_is_found_right_stays_the_machines() -> None:
    drawn = replace(reply(1, Status.INTERESTED), sampled=True)
    found = folded(drawn, resolved(2, None, drawn), reply(3, Status.NOT_INTERESTED))
    assert (found.status, found.reviews) == (Status.NOT_INTERESTED, ())
