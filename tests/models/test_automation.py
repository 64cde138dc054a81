from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest
from pydantic import ValidationError

from models.automation import Automation, Fired, Standing
from models.events import DneReason, EndReason, EventKind, Interval, Lifts, SequenceState, Status, Trust
from models.outcome import Folded
from tests.models.strategies import absence, auto_reply, day, event, folded, manual, opt_out, reply, resolved, sent

STOP = {"do": "stop"}
CALL = {"do": "call", "endpoint": "crm"}
MOVE = {"do": "move", "campaign": "nurture"}
BAN = {"do": "add_dne"}


def rule(when: dict[str, Any], *then: dict[str, Any], since: float = 0, until: float | None = None) -> Standing:
    automation = Automation.model_validate({"name": "the rule", "when": when, "then": list(then) or [STOP]})
    return Standing(1, automation, day(since), None if until is None else day(until))


def opened(when: float) -> Any:
    return event(EventKind.OPENED, when)


def clicked(when: float, link: str) -> Any:
    return event(EventKind.CLICKED, when, link=link)


def said(one: Folded) -> list[str]:
    return [each.says for each in one.commands]


# --- What a condition may ask ---


def test_a_status_that_is_reached_stops_the_campaign_and_the_rule_is_named() -> None:
    found = folded(auto_reply(1, key="a mail"), rules=[rule({"status": ["Auto Response"]})])
    assert found.status is Status.CAMPAIGN_STOPPED
    assert found.sequence.reason is EndReason.AUTOMATION
    (fired,) = found.fired
    assert found.decided_by == fired.key
    assert fired == Fired(
        # What a rule caused is known by this key for good: rows of other tables name it.
        key=sha256(b"automation\n1\na mail").hexdigest(),
        rule_id=1,
        rule="the rule",
        trigger="a mail",
        at=day(1),
        because="automation 'the rule': status Auto Response",
    )


def test_the_class_of_an_answer_counts_as_it_is_applied() -> None:
    when = rule({"class": ["Interested"]}, CALL)
    assert said(folded(reply(1, Status.INTERESTED), rules=[when])) == ["call crm"]
    assert said(folded(reply(1, Status.INTERESTED, sure=False), rules=[when])) == []
    assert said(folded(reply(1, Status.ENGAGED), rules=[when])) == []


@pytest.mark.parametrize(
    ("answer", "name"),
    [(auto_reply(1), "Auto Response"), (absence(1, 9), "Out of Office"), (opt_out(1), "Unsubscribed")],
)
def test_an_answer_that_is_no_reply_has_a_class_too(answer: Any, name: str) -> None:
    assert said(folded(answer, rules=[rule({"class": [name]}, CALL)])) == ["call crm"]


def test_a_link_counts_by_a_part_of_it() -> None:
    when = rule({"link": "/prices"}, CALL)
    assert said(folded(clicked(1, "https://us.example/prices?a=1"), rules=[when])) == ["call crm"]
    assert said(folded(clicked(1, "https://us.example/team"), rules=[when])) == []
    assert said(folded(event(EventKind.CLICKED, 1), rules=[when])) == []


def test_opens_count_and_the_rule_acts_once_at_the_number() -> None:
    opens = [opened(number) for number in (1, 2, 3, 4)]
    found = folded(*opens, rules=[rule({"opens": 3}, CALL)])
    assert [(one.trigger, one.at) for one in found.fired] == [(opens[2].key, day(3))]


def test_days_without_a_reply_pass_by_themselves_and_are_announced() -> None:
    silent = [rule({"days_without_reply": 5})]
    before = folded(now=4.9, rules=silent)
    assert (before.status, before.next_change_at) == (Status.ACTIVE, day(5))
    after = folded(now=5, rules=silent)
    assert (after.status, after.next_change_at) == (Status.CAMPAIGN_STOPPED, None)
    assert folded(now=300, rules=silent).fired == after.fired
    assert after.fired[0].trigger == f"at {day(5).isoformat()}"


@pytest.mark.parametrize("answer", [reply(0), reply(2), opt_out(2), reply(2, trust=Trust.SUGGESTS)])
def test_who_answered_is_not_silent(answer: Any) -> None:
    assert folded(answer, rules=[rule({"days_without_reply": 5})]).fired == ()


def test_a_machine_that_answers_is_silence_and_a_new_mail_begins_it_anew() -> None:
    silent = [rule({"days_without_reply": 5})]
    assert folded(auto_reply(2), rules=silent).fired[0].at == day(5)
    assert [one.at for one in folded(sent(3), rules=silent).fired] == [day(8)]


def test_everything_a_condition_names_must_hold() -> None:
    both = rule({"opens": 1, "status": ["Out of Office"]}, CALL)
    assert said(folded(opened(1), rules=[both])) == []
    assert said(folded(opened(1), absence(2, 9), rules=[both])) == ["call crm"]


def test_a_condition_that_becomes_true_again_acts_again() -> None:
    found = folded(absence(1, 3), absence(5, 8), rules=[rule({"status": ["Out of Office"]}, CALL)])
    assert [one.at for one in found.fired] == [day(1), day(5)]


def test_the_end_of_a_pause_may_make_a_rule_act() -> None:
    found = folded(absence(1, 3), rules=[rule({"status": ["Active"], "days_without_reply": 2}, CALL)])
    assert [one.at for one in found.fired] == [day(3)]


# --- The tree ---


def test_the_tree_is_walked_once_when_the_rule_acts() -> None:
    fork = {"if": {"opens": 1}, "then": [CALL], "else": [MOVE]}
    silent = [rule({"days_without_reply": 5}, fork)]
    assert said(folded(opened(1), rules=silent)) == ["call crm"]
    assert said(folded(opened(6), rules=silent)) == ["move nurture"]


def test_the_branches_are_chosen_before_anything_is_done() -> None:
    fork = {"if": {"status": ["Active"]}, "then": [CALL]}
    found = folded(opened(1), rules=[rule({"opens": 1}, STOP, fork)])
    assert (said(found), found.status) == (["call crm"], Status.CAMPAIGN_STOPPED)


def test_a_fork_in_a_fork_is_chosen_by_its_own_condition() -> None:
    inner = {"if": {"link": "/prices"}, "then": [MOVE], "else": [CALL]}
    outer = [rule({"days_without_reply": 5}, {"if": {"opens": 1}, "then": [STOP], "else": [inner]})]
    assert said(folded(rules=outer)) == ["call crm"]
    assert said(folded(clicked(1, "https://us.example/prices"), rules=outer)) == ["move nurture"]
    assert said(folded(opened(1), rules=outer)) == []


def test_what_two_branches_ask_for_is_done_once() -> None:
    fork = {"if": {"opens": 1}, "then": [CALL, BAN]}
    found = folded(opened(1), rules=[rule({"opens": 1}, fork, fork, BAN)])
    assert (said(found), len(found.dne)) == (["call crm"], 1)


def test_what_one_rule_does_may_make_another_act() -> None:
    first = rule({"opens": 1})
    second = Standing(
        2, Automation.model_validate({"name": "b", "when": {"status": ["Campaign Stopped"]}, "then": [CALL]}), day(0)
    )
    for rules in ([first, second], [second, first]):
        assert said(folded(opened(1), rules=rules)) == ["call crm"]


def test_two_rules_act_on_the_same_cause_each_once() -> None:
    rules = [
        Standing(number, Automation.model_validate({"name": name, "when": {"opens": 1}, "then": [CALL]}), day(0))
        for number, name in ((1, "a"), (2, "b"))
    ]
    assert [one.rule for one in folded(opened(1), opened(2), rules=rules).fired] == ["a", "b"]


# --- What a rule may do ---


def test_a_rule_gives_a_status_only_where_no_answer_stands() -> None:
    engaged = [rule({"opens": 1}, {"do": "set_status", "status": "Engaged"})]
    found = folded(opened(1), rules=engaged)
    assert (found.status, found.sequence.state) == (Status.ENGAGED, SequenceState.RUNNING)
    assert found.decided_by == found.fired[0].key
    assert folded(reply(1, Status.INTERESTED), opened(2), rules=engaged).status is Status.INTERESTED
    declined = [rule({"opens": 1}, {"do": "set_status", "status": "Not Interested"})]
    assert folded(opened(1), rules=declined).sequence.state is SequenceState.ENDED


def test_a_rule_that_bans_makes_an_entry_of_its_own_and_ends_the_sequence() -> None:
    found = folded(opened(1), rules=[rule({"opens": 1}, BAN)])
    (entry,) = found.dne
    assert (entry.reason, entry.since, entry.source) == (DneReason.AUTOMATION, day(1), found.fired[0].key)
    assert (found.status, found.sequence.reason) == (Status.CAMPAIGN_STOPPED, EndReason.DNE)
    assert found.decided_by == entry.source


def test_a_ban_by_a_rule_that_was_lifted_since_stops_nothing() -> None:
    lifted = Lifts(newest={DneReason.AUTOMATION: day(2)})
    found = folded(opened(1), rules=[rule({"opens": 1}, BAN)], lifts=lifted)
    assert [entry.born_lifted for entry in found.dne] == [True]
    assert (found.status, found.sequence.state) == (Status.ACTIVE, SequenceState.RUNNING)


def test_a_move_stops_here_too() -> None:
    found = folded(opened(1), rules=[rule({"opens": 1}, MOVE)])
    assert (found.status, said(found)) == (Status.CAMPAIGN_STOPPED, ["move nurture"])


def test_a_command_tells_which_rule_gave_it_and_why() -> None:
    found = folded(opened(1), rules=[rule({"opens": 1}, CALL, MOVE)])
    assert [command.fired for command in found.commands] == [*found.fired, *found.fired]


def test_an_answer_keeps_its_name_when_a_rule_stops_the_campaign() -> None:
    found = folded(reply(1, Status.INTERESTED), rules=[rule({"class": ["Interested"]})])
    assert (found.status, found.sequence.reason) == (Status.INTERESTED, EndReason.AUTOMATION)


def test_against_a_label_a_rule_calls_and_bans_but_gives_no_status_and_stops_nothing() -> None:
    label = manual(1, Status.ENGAGED)
    found = folded(label, opened(2), rules=[rule({"opens": 1}, STOP, CALL, MOVE)])
    assert (found.status, found.sequence.state, said(found)) == (Status.ENGAGED, SequenceState.RUNNING, ["call crm"])
    assert folded(label, opened(2), rules=[rule({"opens": 1}, BAN)]).sequence.reason is EndReason.DNE


def test_what_a_person_says_lets_a_rule_act_as_mail_would() -> None:
    found = folded(manual(1, Status.INTERESTED), rules=[rule({"status": ["Interested"]}, MOVE)])
    assert (found.status, found.sequence.reason) == (Status.INTERESTED, EndReason.AUTOMATION)
    assert said(found) == ["move nurture"]
    away = folded(manual(1, Status.OUT_OF_OFFICE, until=day(300)), rules=[rule({"status": ["Out of Office"]})])
    assert (away.status, away.sequence.reason) == (Status.OUT_OF_OFFICE, EndReason.AUTOMATION)


def test_while_a_person_is_asked_rules_wait() -> None:
    doubtful = reply(1, Status.UNSUBSCRIBED, sure=False)
    moving = [rule({"status": ["Engaged", "Interested"]}, MOVE)]
    assert folded(doubtful, rules=moving).fired == ()
    answered = folded(doubtful, resolved(2, Status.INTERESTED, about=doubtful), rules=moving)
    assert [one.at for one in answered.fired] == [day(2)]
    assert folded(doubtful, resolved(2, Status.UNSUBSCRIBED, about=doubtful), rules=moving).fired == ()


def test_a_possible_opt_out_is_moved_nowhere_also_where_its_reply_ended_the_sequence() -> None:
    doubtful = reply(1, Status.UNSUBSCRIBED, sure=False, ends=True)
    assert folded(doubtful, rules=[rule({"class": ["Engaged"]}, MOVE)]).fired == ()
    assert folded(doubtful, opt_out(2), rules=[rule({"status": ["Unsubscribed"]}, CALL)]).fired != ()


def test_judging_an_older_mail_late_makes_it_not_the_newest_answer() -> None:
    older, newer = reply(1, sure=False), reply(2, Status.INTERESTED)
    banning = [rule({"class": ["Not Interested"]}, BAN)]
    assert folded(older, newer, resolved(3, Status.NOT_INTERESTED, about=older), rules=banning).fired == ()
    assert folded(older, resolved(3, Status.NOT_INTERESTED, about=older), rules=banning).fired != ()


# --- When a rule stands ---


def test_a_new_rule_does_nothing_about_what_was_true_before_it() -> None:
    assert folded(opened(1), opened(5), rules=[rule({"opens": 1}, CALL, since=2)]).fired == ()
    late = [rule({"days_without_reply": 5}, since=6)]
    assert folded(now=300, rules=late).fired == ()
    assert folded(opened(7), now=300, rules=late).fired == ()


def test_a_rule_that_stands_no_longer_keeps_what_it_did_and_does_no_more() -> None:
    gone = [rule({"opens": 1}, until=3)]
    assert folded(opened(2), rules=gone).status is Status.CAMPAIGN_STOPPED
    assert folded(opened(4), rules=gone).status is Status.ACTIVE
    for until in (3, 5):
        assert folded(now=1, rules=[rule({"days_without_reply": 5}, until=until)]).next_change_at is None


def test_under_do_not_email_nothing_is_silence_any_more() -> None:
    covered = [Interval(day(1))]
    found = folded(intervals=covered, rules=[rule({"days_without_reply": 5})])
    assert (found.status, found.fired) == (Status.REMOVED, ())


# --- What is no rule ---


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"name": "x", "when": {}, "then": [STOP]}, "at least one of"),
        ({"name": "x", "when": {"link": None}, "then": [STOP]}, "at least one of"),
        ({"name": "x", "when": {"status": []}, "then": [STOP]}, "at least 1"),
        ({"name": "x", "when": {"class": []}, "then": [STOP]}, "at least 1"),
        ({"name": "a\x00b", "when": {"opens": 1}, "then": [STOP]}, "should match pattern"),
        ({"name": "x", "when": {"opens": 0}, "then": [STOP]}, "greater than or equal to 1"),
        ({"name": "x", "when": {"weather": 1}, "then": [STOP]}, "Extra inputs"),
        ({"name": "x", "when": {"class": ["Bounced"]}, "then": [STOP]}, "Input should be"),
        ({"name": "x", "when": {"opens": 1}, "then": []}, "at least 1"),
        ({"name": "x", "when": {"opens": 1}, "then": [{"do": "set_status", "status": "Interested"}]}, "Input should"),
        ({"name": "x", "when": {"opens": 1}, "then": [{"do": "explode"}]}, "does not match any of the expected tags"),
        ({"name": " ", "when": {"opens": 1}, "then": [STOP]}, "at least 1"),
    ],
)
def test_what_is_no_rule_is_refused_with_what_is_wrong(data: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Automation.model_validate(data)


def test_a_tree_stays_small() -> None:
    deep: dict[str, Any] = STOP
    for _ in range(6):
        deep = {"if": {"opens": 1}, "then": [deep]}
    with pytest.raises(ValidationError, match="deeper than 5"):
        rule({"opens": 1}, deep)
    with pytest.raises(ValidationError, match="more than 50"):
        rule({"opens": 1}, *[CALL] * 51)
