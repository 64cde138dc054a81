from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from models.causes import SOFT_LIMIT
from models.events import (
    Bounced,
    DneReason,
    EndReason,
    Event,
    EventKind,
    Interval,
    Lifts,
    Rank,
    ReviewDraft,
    ReviewKind,
    SequenceState,
    Status,
    Trust,
)
from models.status import fold
from models.timeline import order, rank_of
from tests.models.strategies import (
    LATER,
    absence,
    auto_reply,
    booked,
    bounce,
    cancelled,
    day,
    event,
    folded,
    joined,
    manual,
    opt_out,
    questions,
    reply,
    sent,
    standing,
)

RUNNING, PAUSED = SequenceState.RUNNING, SequenceState.PAUSED
HELD, ENDED = SequenceState.HELD, SequenceState.ENDED
SOFT = Bounced.SOFT

# --- Joining, and mail from before the first send ---


def test_a_recipient_who_joined_is_active_and_running() -> None:
    found = fold([joined()], LATER)
    assert standing(found) == (Status.ACTIVE, RUNNING)
    assert (found.decided_by, found.next_change_at, found.listed) == (None, None, True)


@pytest.mark.parametrize(
    "mail",
    [
        reply(1, Status.INTERESTED),
        reply(1, Status.UNSUBSCRIBED, sure=False),
        auto_reply(1),
        absence(1, 300),
        opt_out(1),
        event(EventKind.COMPLAINT, 1),
        bounce(1),
        bounce(1, trust=Trust.SUGGESTS),
    ],
)
def test_mail_from_before_the_first_send_changes_nothing(mail: Event) -> None:
    unmailed = fold([joined()], LATER)
    assert fold([joined(), mail], LATER) == unmailed
    assert fold([joined(), mail, sent(2)], LATER) == unmailed


@pytest.mark.parametrize(
    ("act", "status"),
    [
        (event(EventKind.LINK_OPT_OUT, 1), Status.UNSUBSCRIBE_LINK),
        (manual(1, Status.INTERESTED), Status.INTERESTED),
        (booked(1), Status.APPOINTMENT_BOOKED),
        (event(EventKind.AUTOMATION_STOP, 1), Status.CAMPAIGN_STOPPED),
    ],
)
def test_what_is_no_mail_acts_without_a_send(act: Event, status: Status) -> None:
    assert fold([joined(), act], LATER).status is status


def test_a_reply_a_little_before_its_send_is_clock_skew() -> None:
    early = reply(2, Status.INTERESTED, send_id="late")
    soon = replace(sent(2, "late"), happened_at=day(2, 60))
    long_after = replace(sent(2, "late"), happened_at=day(2, 61))
    assert folded(early, soon).status is Status.INTERESTED
    assert folded(early, long_after).status is Status.ACTIVE


def test_a_send_imported_late_counts_the_mail_that_waited_for_it() -> None:
    answer = reply(2, Status.INTERESTED, send_id="s")
    assert fold([joined(), answer], LATER).status is Status.ACTIVE
    assert fold([joined(), answer, sent(1, "s")], LATER).status is Status.INTERESTED


def test_a_send_told_twice_counts_from_the_first_time() -> None:
    sends = [sent(1, "s", key="told"), sent(3, "s", key="told again")]
    assert folded(*sends, reply(2, Status.INTERESTED, send_id="s")).status is Status.INTERESTED


def test_manual_active_about_a_mail_is_not_undone_by_that_mail() -> None:
    mail = reply(2, Status.INTERESTED, send_id="late")
    again = replace(manual(2, Status.ACTIVE, about=mail.key), happened_at=day(2, 1))
    assert folded(mail, again, replace(sent(2, "late"), happened_at=day(2, 30))).status is Status.ACTIVE


def test_a_person_stays_behind_the_mail_that_a_late_send_moved() -> None:
    mail = reply(2, Status.INTERESTED, send_id="late")
    first = replace(manual(2, Status.ENGAGED, about=mail.key, key="z"), happened_at=day(2, 1))
    second = replace(manual(2, Status.NOT_INTERESTED, about=mail.key, key="a"), happened_at=day(2, 2))
    found = folded(mail, first, second, replace(sent(2, "late"), happened_at=day(2, 30)))
    assert (found.status, found.decided_by, found.reviews) == (Status.NOT_INTERESTED, "a", ())


def test_a_mail_seen_twice_keeps_its_earliest_arrival() -> None:
    once = opt_out(3, key="same")
    assert folded(opt_out(5, key="same"), once) == folded(once)


# --- The order ---


def test_at_the_same_instant_what_we_did_comes_first_then_compliance_persons_and_machines() -> None:
    events = [
        sent(1),
        opt_out(1),
        manual(1, Status.ENGAGED),
        reply(1),
        auto_reply(1),
    ]
    assert [rank_of(one) for one in events] == list(Rank)
    backwards = events[::-1]
    assert sorted(backwards, key=order) == events


@pytest.mark.parametrize(
    ("status", "rank"),
    [
        (Status.UNSUBSCRIBED, Rank.COMPLIANCE),
        (Status.OUT_OF_OFFICE, Rank.MACHINE),
        (Status.AUTO_RESPONSE, Rank.MACHINE),
        (Status.INTERESTED, Rank.HUMAN_MAIL),
    ],
)
def test_a_sure_reply_ranks_as_what_it_means_and_an_unsure_one_as_human(status: Status, rank: Rank) -> None:
    assert rank_of(reply(1, status)) is rank
    assert rank_of(reply(1, status, sure=False)) is Rank.HUMAN_MAIL


# --- Replies ---


@pytest.mark.parametrize("status", [Status.ENGAGED, Status.INTERESTED])
def test_a_reply_ends_the_sequence_only_where_the_campaign_stops_on_reply(status: Status) -> None:
    assert standing(folded(reply(1, status))) == (status, RUNNING)
    found = folded(reply(1, status, ends=True))
    assert (found.sequence.state, found.sequence.reason) == (ENDED, EndReason.REPLY)


def test_a_declining_reply_always_ends_the_sequence_but_bans_nobody() -> None:
    found = folded(reply(1, Status.NOT_INTERESTED))
    assert standing(found) == (Status.NOT_INTERESTED, ENDED)
    assert found.dne == ()


def test_an_unsure_reply_is_engaged_and_reviewed() -> None:
    mail = reply(1, Status.INTERESTED, sure=False)
    found = folded(mail)
    assert standing(found) == (Status.ENGAGED, RUNNING)
    assert found.reviews == (ReviewDraft(mail.key, ReviewKind.LOW_CONFIDENCE),)


def test_a_reply_without_a_class_is_engaged() -> None:
    assert standing(folded(reply(1, None))) == (Status.ENGAGED, RUNNING)


def test_a_possible_opt_out_is_held_and_bans_nobody() -> None:
    mail = reply(1, Status.UNSUBSCRIBED, sure=False)
    found = folded(mail)
    assert standing(found) == (Status.ENGAGED, HELD)
    assert found.dne == ()
    assert found.reviews == (ReviewDraft(mail.key, ReviewKind.POSSIBLE_OPT_OUT, holds=True),)


def test_the_newest_sure_human_message_wins_between_yes_and_no() -> None:
    yes, no = reply(1, Status.INTERESTED), reply(2, Status.NOT_INTERESTED)
    assert folded(yes, no).status is Status.NOT_INTERESTED
    assert folded(yes, no, reply(3, Status.INTERESTED)).status is Status.INTERESTED
    unsure = folded(yes, replace(no, sure=False))
    assert unsure.status is Status.INTERESTED
    assert questions(unsure) == [ReviewKind.LOW_CONFIDENCE]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (Status.UNSUBSCRIBED, Status.UNSUBSCRIBED),
        (Status.AUTO_RESPONSE, Status.AUTO_RESPONSE),
        (Status.OUT_OF_OFFICE, Status.OUT_OF_OFFICE),
    ],
)
def test_a_sure_reply_of_another_class_acts_as_that_class(status: Status, expected: Status) -> None:
    assert folded(reply(1, status, until=day(400))).status is expected
    assert folded(reply(1, status, until=day(400), sure=False)).status is Status.ENGAGED


# --- Machines: pauses ---


def test_an_absence_pauses_and_ends_by_itself() -> None:
    away = absence(1, until=8)
    during, after = folded(away, now=7), folded(away, now=8)
    assert standing(during) == (Status.OUT_OF_OFFICE, PAUSED)
    assert during.next_change_at == during.sequence.until == day(8)
    assert standing(after) == (Status.ACTIVE, RUNNING)
    assert (after.decided_by, after.next_change_at) == (None, None)


def test_a_pause_is_over_before_the_next_event() -> None:
    assert folded(absence(1, until=5), auto_reply(5), now=5).status is Status.AUTO_RESPONSE
    assert folded(absence(1, until=5), auto_reply(4), now=4).status is Status.OUT_OF_OFFICE


@pytest.mark.parametrize(
    ("first_dated", "second_dated", "second_until", "until"),
    [(True, True, 10, 10), (True, True, 30, 30), (True, False, 10, 20), (True, False, 30, 30), (False, False, 10, 10)],
)
def test_a_newer_notice_replaces_the_date_but_an_undated_one_never_shortens(
    *, first_dated: bool, second_dated: bool, second_until: float, until: float
) -> None:
    found = folded(absence(1, 20, dated=first_dated), absence(2, second_until, dated=second_dated), now=3)
    assert found.sequence.until == day(until)


def test_an_undated_notice_with_the_same_end_leaves_it_dated() -> None:
    undated = [absence(when, until, dated=False) for when, until in ((2, 20), (3, 10))]
    assert folded(absence(1, 20), *undated, now=4).sequence.until == day(20)


@pytest.mark.parametrize("until", [2, 3])
def test_a_notice_whose_date_has_passed_says_nothing(until: float) -> None:
    old = absence(3, until)
    assert folded(old) == folded()
    assert folded(auto_reply(1), old).status is Status.AUTO_RESPONSE


def test_an_absence_pauses_a_running_sequence_where_it_gives_no_status() -> None:
    found = folded(reply(1), absence(2, until=9), now=3)
    assert standing(found) == (Status.ENGAGED, PAUSED)
    assert standing(folded(reply(1), absence(2, until=9))) == (Status.ENGAGED, RUNNING)


def test_an_absence_never_restarts_or_pauses_what_has_ended() -> None:
    found = folded(reply(1, ends=True), absence(2, until=9), now=3)
    assert (found.sequence.state, found.next_change_at) == (ENDED, None)


def test_the_campaign_says_what_an_automatic_answer_does() -> None:
    assert standing(folded(auto_reply(1), now=2)) == (Status.AUTO_RESPONSE, RUNNING)
    pause = auto_reply(1, until=day(5))
    assert standing(folded(pause, now=2)) == (Status.AUTO_RESPONSE, PAUSED)
    assert standing(folded(pause)) == (Status.ACTIVE, RUNNING)
    ended = folded(auto_reply(1, ends=True))
    assert standing(ended) == (Status.AUTO_RESPONSE, ENDED)
    assert ended.sequence.reason is EndReason.AUTO_RESPONSE


def test_an_automatic_answer_after_a_human_one_neither_pauses_nor_ends() -> None:
    assert standing(folded(reply(1), auto_reply(2, until=day(300)), now=3)) == (Status.ENGAGED, RUNNING)
    assert standing(folded(reply(1), auto_reply(2, ends=True), now=3)) == (Status.ENGAGED, RUNNING)


# --- Compliance ---


@pytest.mark.parametrize(
    ("kind", "status", "reason"),
    [
        (EventKind.OPT_OUT, Status.UNSUBSCRIBED, DneReason.UNSUBSCRIBE_REPLY),
        (EventKind.COMPLAINT, Status.UNSUBSCRIBED, DneReason.COMPLAINT),
        (EventKind.LINK_OPT_OUT, Status.UNSUBSCRIBE_LINK, DneReason.UNSUBSCRIBE_LINK),
    ],
)
def test_a_wish_to_leave_bans_ends_and_releases(kind: EventKind, status: Status, reason: DneReason) -> None:
    found = folded(reply(1, Status.UNSUBSCRIBED, sure=False), event(kind, 2, other_address="home@example.org"))
    assert standing(found) == (status, ENDED)
    assert found.sequence.reason is EndReason.OPT_OUT
    (entry,) = found.dne
    assert (entry.reason, entry.source, entry.since) == (reason, f"{kind.value}@2", day(2))
    assert (entry.other_address, entry.born_lifted) == ("home@example.org", False)


def test_a_wish_to_leave_acts_over_labels_and_bookings_and_bans_in_every_row() -> None:
    found = folded(manual(1, Status.INTERESTED), booked(2), opt_out(3), event(EventKind.LINK_OPT_OUT, 4))
    assert found.status is Status.UNSUBSCRIBED
    assert [entry.reason for entry in found.dne] == [DneReason.UNSUBSCRIBE_REPLY, DneReason.UNSUBSCRIBE_LINK]
    assert found.sequence.reason is EndReason.BOOKING


def test_an_opt_out_in_an_automatic_answer_acts_and_is_reviewed() -> None:
    found = folded(opt_out(1, review=ReviewKind.MACHINE_OPT_OUT))
    assert found.status is Status.UNSUBSCRIBED
    assert found.reviews == (ReviewDraft("opt_out@1", ReviewKind.MACHINE_OPT_OUT),)


def test_an_entry_made_elsewhere_removes_and_ends() -> None:
    found = folded(intervals=[Interval(day(1))])
    assert standing(found) == (Status.REMOVED, ENDED)
    assert (found.sequence.reason, found.removed_by_person, found.decided_by) == (EndReason.DNE, False, None)
    assert standing(folded(reply(1), intervals=[Interval(day(2))])) == (Status.ENGAGED, ENDED)


def test_an_entry_made_elsewhere_removes_also_who_has_no_past() -> None:
    assert fold([], day(5), intervals=[Interval(day(1))]).status is Status.REMOVED


def test_an_entry_made_elsewhere_acts_only_while_it_was_live_in_the_campaign() -> None:
    assert folded(intervals=[Interval(day(-9), day(-1))]).status is Status.ACTIVE
    assert folded(intervals=[Interval(day(-9), day(1))]).status is Status.REMOVED


def test_a_recipient_removed_before_any_mail_leaves_the_list_until_a_send_shows_up() -> None:
    history = [joined(), manual(1, Status.REMOVED)]
    assert not fold(history, LATER).listed
    assert fold([*history, sent()], LATER).listed


# --- Lifts ---


def test_lifting_an_entry_changes_no_status() -> None:
    entry = (DneReason.UNSUBSCRIBE_REPLY, "opt_out@1")
    assert folded(opt_out(1), lifts=Lifts({entry: day(5)})) == folded(opt_out(1))


def test_what_happened_before_a_lift_and_came_to_light_after_it_does_not_act_again() -> None:
    lifts = Lifts(newest={DneReason.UNSUBSCRIBE_REPLY: day(5)})
    found = folded(opt_out(1), lifts=lifts)
    assert standing(found) == (Status.ACTIVE, RUNNING)
    assert [entry.born_lifted for entry in found.dne] == [True]
    stored = Lifts({(DneReason.UNSUBSCRIBE_REPLY, "opt_out@1"): day(1)}, lifts.newest)
    assert folded(opt_out(1), lifts=stored) == found
    assert folded(opt_out(6), lifts=lifts).status is Status.UNSUBSCRIBED


def test_a_bounce_from_before_a_lift_that_came_to_light_after_it_changes_no_status() -> None:
    found = folded(bounce(1), lifts=Lifts(newest={DneReason.HARD_BOUNCE: day(5)}))
    assert standing(found) == (Status.ACTIVE, RUNNING)
    assert [(entry.reason, entry.born_lifted) for entry in found.dne] == [(DneReason.HARD_BOUNCE, True)]


def test_a_send_imported_late_moves_no_entry_across_a_lift() -> None:
    lifts = Lifts(newest={DneReason.UNSUBSCRIBE_REPLY: day(2, 10)})
    late_send = replace(sent(2, "late"), happened_at=day(2, 30))
    found = folded(opt_out(2, send_id="late"), late_send, lifts=lifts)
    assert found.status is Status.ACTIVE
    assert [(entry.since, entry.born_lifted) for entry in found.dne] == [(day(2), True)]


def test_a_lift_of_another_reason_leaves_the_entry_alone() -> None:
    lifts = Lifts(newest={DneReason.COMPLAINT: day(5)})
    assert folded(opt_out(1), lifts=lifts).status is Status.UNSUBSCRIBED


# --- Bounces ---


def test_a_hard_bounce_bans_and_ends() -> None:
    found = folded(bounce(1, send_id="send0"))
    assert standing(found) == (Status.BOUNCED, ENDED)
    assert found.sequence.reason is EndReason.BOUNCE
    assert [(entry.reason, entry.since) for entry in found.dne] == [(DneReason.HARD_BOUNCE, day(1))]


@pytest.mark.parametrize("kind", [Bounced.POLICY, Bounced.DELAYED, Bounced.UNKNOWN])
@pytest.mark.parametrize("trust", Trust)
def test_bounces_that_do_not_speak_of_the_address_change_nothing(kind: Bounced, trust: Trust) -> None:
    assert folded(*(bounce(n, kind, send_id=f"s{n}", trust=trust) for n in range(1, 6))) == folded()


def test_a_bounce_of_a_send_that_a_person_answered_is_reviewed_not_believed() -> None:
    found = folded(reply(1), bounce(2, send_id="send0"))
    assert standing(found) == (Status.ENGAGED, RUNNING)
    assert found.dne == ()
    assert questions(found) == [ReviewKind.BOUNCE_AFTER_REPLY]


def test_a_bounce_that_names_no_send_of_ours_is_of_the_newest_one() -> None:
    for unnamed in (bounce(2), bounce(2, send_id="unknown")):
        assert questions(folded(reply(1), unnamed)) == [ReviewKind.BOUNCE_AFTER_REPLY]


def test_a_bounce_of_a_later_send_is_believed_whatever_was_answered_before() -> None:
    answered = [reply(1), sent(2)]
    assert folded(*answered, bounce(3, send_id="send2")).status is Status.BOUNCED
    assert folded(*answered, bounce(3, send_id="unknown")).status is Status.BOUNCED
    assert folded(*answered, bounce(3, send_id="send0")).status is Status.ENGAGED


def test_an_answer_that_seems_older_than_its_send_still_excuses_the_bounce() -> None:
    send = replace(sent(2, "late"), happened_at=day(2, 5))
    found = folded(send, reply(2, send_id="late"), bounce(3, send_id="late"))
    assert questions(found) == [ReviewKind.BOUNCE_AFTER_REPLY]


def test_an_opt_out_excuses_a_bounce_only_where_a_person_wrote_it() -> None:
    failed = bounce(3, send_id="send0")
    assert len(folded(opt_out(1), failed).dne) == 1
    assert len(folded(opt_out(1, review=ReviewKind.MACHINE_OPT_OUT), failed).dne) == 2


@pytest.mark.parametrize(
    "mail",
    [auto_reply(1), absence(1, 2), reply(1, other_address="home@example.org"), reply(1, Status.AUTO_RESPONSE)],
)
def test_only_a_human_mail_from_that_very_address_excuses_a_bounce(mail: Event) -> None:
    assert folded(mail, bounce(3, send_id="send0")).dne != ()


def test_a_late_human_mail_withdraws_the_bounce_entry() -> None:
    failed = bounce(3, send_id="send0")
    assert folded(failed).dne != ()
    assert folded(failed, reply(2)).dne == ()


def test_the_third_soft_bounce_in_a_row_is_the_limit() -> None:
    row = [bounce(n, SOFT, send_id=f"s{n}") for n in range(1, SOFT_LIMIT + 1)]
    assert folded(*row[:-1]) == folded()
    found = folded(*row)
    assert standing(found) == (Status.BOUNCED, ENDED)
    assert [(entry.reason, entry.source) for entry in found.dne] == [(DneReason.SOFT_BOUNCE_LIMIT, row[-1].key)]


def test_the_count_of_soft_bounces_starts_again_at_the_limit() -> None:
    row = [bounce(n, SOFT, send_id=f"s{n}") for n in range(1, 2 * SOFT_LIMIT + 1)]
    assert len(folded(*row[:-1]).dne) == 1
    assert len(folded(*row).dne) == 2


def test_soft_bounces_of_one_send_or_one_day_count_once() -> None:
    assert folded(*(bounce(n, SOFT, send_id="s") for n in range(1, 6))) == folded()
    assert folded(*(bounce(n / 10, SOFT) for n in range(1, 6))) == folded()
    assert folded(*(bounce(n, SOFT) for n in range(1, 4))).status is Status.BOUNCED


@pytest.mark.parametrize(
    "life",
    [reply(2.5), auto_reply(2.5), absence(2.5, 2.6), event(EventKind.DELIVERED, 2.5)],
)
@pytest.mark.parametrize("trust", Trust)
def test_any_sign_of_life_starts_the_count_of_soft_bounces_again(life: Event, trust: Trust) -> None:
    row = [bounce(n, SOFT, send_id=f"s{n}") for n in range(1, 5)]
    assert folded(*row, replace(life, trust=trust)).dne == ()


def test_a_soft_bounce_that_only_suggests_is_not_counted() -> None:
    row = [bounce(n, SOFT, send_id=f"s{n}", trust=Trust.SUGGESTS) for n in range(1, 5)]
    assert folded(*row).dne == ()


# --- Trust ---


@pytest.mark.parametrize("mail", [reply(1), opt_out(1), auto_reply(1), absence(1, 99), bounce(1), bounce(1, SOFT)])
def test_an_uncertain_match_holds_and_bans_nobody(mail: Event) -> None:
    found = folded(replace(mail, trust=Trust.SUGGESTS))
    assert standing(found) == (Status.ACTIVE, HELD)
    assert found.dne == ()
    assert found.reviews == (ReviewDraft(mail.key, ReviewKind.UNCERTAIN_MATCH, holds=True),)


# --- Bookings and automations ---


def test_a_booking_that_is_perhaps_theirs_is_asked_about_until_it_is_cancelled() -> None:
    perhaps = booked(1, trust=Trust.SUGGESTS)
    found = folded(perhaps)
    assert standing(found) == (Status.ACTIVE, HELD)
    assert found.reviews == (ReviewDraft(perhaps.key, ReviewKind.UNCERTAIN_MATCH, holds=True),)
    assert folded(perhaps, cancelled(2)) == folded()


def test_a_booking_wins_over_reply_labels_and_ends() -> None:
    found = folded(reply(1, Status.NOT_INTERESTED), booked(2), reply(3, Status.INTERESTED))
    assert standing(found) == (Status.APPOINTMENT_BOOKED, ENDED)


def test_a_cancelled_booking_leaves_the_fold_but_the_sequence_stays_ended() -> None:
    found = folded(reply(1, Status.INTERESTED), booked(2), cancelled(3))
    assert standing(found) == (Status.INTERESTED, ENDED)
    assert found.sequence.reason is EndReason.BOOKING
    assert folded(booked(2), booked(4, "other"), cancelled(5)).status is Status.APPOINTMENT_BOOKED
    assert folded(booked(2, None), cancelled(3, None)).status is Status.APPOINTMENT_BOOKED


def test_an_absence_under_a_cancelled_booking_ends_as_without_it() -> None:
    history = [absence(1, until=9), booked(2), cancelled(3)]
    away = folded(*history, now=5)
    assert standing(away) == (Status.OUT_OF_OFFICE, ENDED)
    assert away.next_change_at == day(9)
    assert standing(folded(*history)) == (Status.ACTIVE, ENDED)


def test_an_automation_stops_the_sequence_and_leaves_reply_labels_their_name() -> None:
    stop = event(EventKind.AUTOMATION_STOP, 2)
    assert standing(folded(stop)) == (Status.CAMPAIGN_STOPPED, ENDED)
    assert standing(folded(reply(1), stop)) == (Status.ENGAGED, ENDED)


# --- The end ---


def test_ended_keeps_its_first_reason_and_only_a_person_leaves_it() -> None:
    history = [reply(1, ends=True), booked(2), opt_out(3)]
    assert folded(*history).sequence.reason is EndReason.REPLY


def test_ended_wins_over_held_and_held_over_paused() -> None:
    away = absence(0.5, until=300)
    doubt = replace(reply(1), trust=Trust.SUGGESTS)
    assert standing(folded(away, doubt, now=2)) == (Status.OUT_OF_OFFICE, HELD)
    assert folded(away, doubt, opt_out(2), now=3).sequence.state is ENDED


def test_a_question_asked_twice_is_one_question() -> None:
    doubt = reply(1, Status.UNSUBSCRIBED, sure=False)
    again = replace(doubt, happened_at=doubt.happened_at + timedelta(hours=1))
    assert len(folded(doubt, again, doubt).reviews) == 1
