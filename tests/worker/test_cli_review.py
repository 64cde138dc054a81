"""What a person should look at, and what they say to it."""

from __future__ import annotations

import pytest

from classifier.verdict import ReplyClass
from tests.worker.commanding import ANNA, BORIS, Commands, reply


@pytest.fixture
def doubtful(run: Commands) -> Commands:
    """A reply we are not sure about, and one that may ask for removal."""
    run.add_mailbox()
    run.receive(reply(ReplyClass.INTERESTED, 0.4, sure=False), ANNA, run.send(ANNA), "Re: \x1b[2Jyour [offer]")
    run.receive(reply(ReplyClass.UNSUBSCRIBED, 0.5, sure=False, hold=True), BORIS, run.send(BORIS, "autumn"))
    return run


def test_what_holds_a_sequence_comes_first(doubtful: Commands) -> None:
    rows = doubtful.done("review", "list", "--json").rows
    assert [(row["kind"], row["address"], row["holds"]) for row in rows] == [
        ("possible opt-out", BORIS, True),
        ("low confidence", ANNA, False),
    ]
    assert rows[1]["confidence"] == 0.4


def test_the_list_is_filtered_by_kind_and_campaign(doubtful: Commands) -> None:
    assert len(doubtful.done("review", "list", "--kind", "low confidence").out.splitlines()) == 1
    (row,) = doubtful.done("review", "list", "--campaign", "autumn", "--json").rows
    assert row["address"] == BORIS


def test_a_strangers_subject_reaches_no_terminal_as_a_command(doubtful: Commands) -> None:
    out = doubtful.done("review", "list").out
    assert "\x1b" not in out
    assert "your [offer]" in out


def test_the_answer_becomes_the_status_and_closes_the_item(doubtful: Commands) -> None:
    item = doubtful.done("review", "list", "--campaign", "spring", "--json").rows[0]["id"]
    said = doubtful.done("review", "resolve", str(item), "not interested", "--why", "irony")
    assert f"review item {item} is settled: Not Interested" in said.out
    assert "Engaged -> Not Interested" in said.out
    assert doubtful.done("review", "list", "--campaign", "spring", "--json").rows == []


def test_a_dismissed_item_is_closed_and_a_held_sequence_goes_on(doubtful: Commands) -> None:
    item = doubtful.done("review", "list", "--campaign", "autumn", "--json").rows[0]["id"]
    doubtful.done("review", "resolve", str(item), "dismiss")
    (row,) = doubtful.done("recipients", "list", "--campaign", "autumn", "--json").rows
    assert (row["status"], row["sequence"]) != ("Unsubscribed", "held")
    assert doubtful.done("review", "list", "--campaign", "autumn", "--json").rows == []


def test_a_confirmed_opt_out_bans(doubtful: Commands) -> None:
    item = doubtful.done("review", "list", "--campaign", "autumn", "--json").rows[0]["id"]
    doubtful.done("review", "resolve", str(item), "Unsubscribed")
    (row,) = doubtful.done("recipients", "list", "--campaign", "autumn", "--json").rows
    assert (row["status"], row["do_not_email"]) == ("Unsubscribed", [BORIS])


def test_an_item_is_settled_once(doubtful: Commands) -> None:
    doubtful.done("review", "resolve", "1", "Engaged")
    said = doubtful("review", "resolve", "1", "Engaged")
    assert said.code == 1
    assert "no open review item 1" in said.err


def test_a_class_that_no_reply_has_is_wrong_usage(doubtful: Commands) -> None:
    assert doubtful("review", "resolve", "1", "Removed").code == 2


def test_a_mail_may_turn_out_to_be_about_an_appointment(doubtful: Commands) -> None:
    doubtful.done("review", "resolve", "1", "appointment booked", "--why", "agreed by mail")
    (row,) = doubtful.done("recipients", "list", "--campaign", "spring", "--json").rows
    assert (row["status"], row["sequence"]) == ("Appointment Booked", "ended")


def test_an_item_of_another_team_is_not_there(doubtful: Commands) -> None:
    doubtful.done("teams", "add", "sales")
    said = doubtful("review", "resolve", "1", "Engaged", "--team", "sales")
    assert said.code == 1
    assert "no open review item 1" in said.err


def test_an_answer_tells_machines_what_it_changed(doubtful: Commands) -> None:
    (row,) = doubtful.done("review", "resolve", "1", "Not Interested", "--json").rows
    assert (row["item"], row["answer"]) == (1, "Not Interested")
    assert [(each["address"], each["from"], each["to"]) for each in row["changes"]] == [
        (ANNA, "Engaged", "Not Interested")
    ]
