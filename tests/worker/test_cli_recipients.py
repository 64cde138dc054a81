"""Recipients: finding them, their whole story, and a status set by hand."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event, select

from classifier.verdict import ReplyClass
from models.events import Status
from models.session import reading
from models.tables.mailing import Campaign, Contact, Recipient
from tests.worker.commanding import ANNA, AWAY, BORIS, HARD, OPT_OUT, Commands, reply
from worker.queries.history import tell
from worker.queries.story import Row


def test_recipients_are_found_by_campaign_status_sequence_and_part_of_the_address(run: Commands) -> None:
    run.add_mailbox()
    run.receive(reply(ReplyClass.INTERESTED), ANNA, run.send(ANNA))
    run.send(ANNA, "autumn")
    run.send(BORIS)

    def found(*words: str) -> list[tuple[str, str]]:
        rows = run.done("recipients", "list", "--json", *words).rows
        return [(row["address"], row["campaign"]) for row in rows]

    assert found() == [(ANNA, "autumn"), (ANNA, "spring"), (BORIS, "spring")]
    assert found("--campaign", "autumn") == [(ANNA, "autumn")]
    assert found("--status", "interested") == [(ANNA, "spring")]
    assert found("--sequence", "running") == [(ANNA, "autumn"), (BORIS, "spring")]
    assert found("--address", "BORIS") == [(BORIS, "spring")]
    assert found("--address", "_") == []


def test_a_long_list_says_that_there_is_more(run: Commands) -> None:
    run.send(ANNA)
    run.send(BORIS)
    said = run.done("recipients", "list", "--limit", "1")
    assert len(said.out.splitlines()) == 1
    assert "only the first 1 recipients are shown; --limit shows more" in said.err


def test_the_list_names_what_bans_a_recipient(run: Commands) -> None:
    run.send(ANNA)
    run.done("dne", "add", "client.example")
    (row,) = run.done("recipients", "list", "--all", "--json").rows
    assert row["do_not_email"] == ["client.example"]


def test_the_story_tells_what_happened_and_why(run: Commands) -> None:
    run.add_mailbox()
    run.receive(OPT_OUT, ANNA, run.send(ANNA))
    out = run.done("recipients", "show", ANNA).out
    assert out.startswith(f"{ANNA}: Do Not Email\n")
    assert "anna@client.example: unsubscribe reply since 2026-05-06" in out
    assert "campaign spring: Unsubscribed, sequence ended (opt-out)" in out
    assert "because opt_out_words: take me off" in out
    assert "Active -> Unsubscribed, sequence running -> ended" in out


def test_the_story_as_json_holds_events_history_and_reviews(run: Commands) -> None:
    run.add_mailbox()
    run.receive(reply(ReplyClass.INTERESTED, 0.4, sure=False), ANNA, run.send(ANNA))
    (story,) = run.done("recipients", "show", ANNA.upper(), "--json").rows
    (recipient,) = story["recipients"]
    assert [event["event"] for event in recipient["story"]] == ["sent", "reply"]
    assert recipient["story"][1]["confidence"] == 0.4
    assert recipient["story"][1]["changes"][0]["to"] == "Engaged"
    assert [item["kind"] for item in recipient["reviews"]] == ["low confidence"]


def test_a_change_stands_under_the_event_that_caused_it_and_no_other(run: Commands) -> None:
    run.add_mailbox()
    now = datetime.now(UTC)
    message_id = run.send(ANNA)
    run.done("campaigns", "set", "spring", "--no-stop-on-reply")
    doubtful = reply(ReplyClass.UNSUBSCRIBED, 0.4, sure=False, hold=True)
    run.receive(doubtful, ANNA, message_id, arrived_at=now - timedelta(hours=1))
    (item,) = run.done("review", "list", "--json").rows
    run.done("review", "resolve", str(item["id"]), "dismiss")
    (story,) = run.done("recipients", "show", ANNA, "--json").rows
    sent, answer, resolved, freed = story["recipients"][0]["story"]
    assert (sent["event"], sent["changes"]) == ("sent", [])
    assert [change["because"] for change in answer["changes"]] == [["held for review: possible opt-out"]]
    assert (resolved["event"], resolved["changes"]) == ("review_resolved", [])
    assert [change["to_sequence"] for change in freed["changes"]] == ["running"]


def test_the_story_is_found_by_another_address_of_the_person(run: Commands) -> None:
    run.add_mailbox()
    run.receive(reply(ReplyClass.INTERESTED), "anna@home.example", run.send(ANNA))
    shown = run.done("recipients", "show", "anna@home.example").out
    assert shown.startswith(f"{ANNA}: Active\n  Also\n    anna@home.example, it answered a mail of ours\n")


def test_an_address_that_nobody_knows_is_an_error(run: Commands) -> None:
    said = run("recipients", "show", "who@nowhere.example")
    assert said.code == 1
    assert "nothing is known about who@nowhere.example" in said.err


def test_a_status_is_set_by_hand_with_its_reason(run: Commands) -> None:
    run.send(ANNA)
    said = run.done("recipients", "set-status", ANNA, "not interested", "--why", "told me on the phone")
    assert f"{ANNA}: Not Interested" in said.out
    out = run.done("recipients", "show", ANNA).out
    assert "because petra chose Not Interested: told me on the phone" in out


def test_a_status_by_hand_stands_against_the_mail_that_was_there(run: Commands) -> None:
    run.add_mailbox()
    message_id = run.send(ANNA)
    run.receive(reply(ReplyClass.INTERESTED), ANNA, message_id)
    run.done("recipients", "set-status", ANNA, "Engaged")
    run.receive(reply(ReplyClass.INTERESTED), ANNA, message_id)
    assert run.done("recipients", "list", "--json").rows[0]["status"] == "Engaged"


@pytest.mark.parametrize("status", [each.value for each in Status])
def test_a_person_may_give_every_status(run: Commands, status: str) -> None:
    run.send(ANNA)
    said = run.done("recipients", "set-status", ANNA, status, "--why", "she phoned", "--json").rows
    assert said[0]["status"] == status
    (story,) = run.done("recipients", "show", ANNA, "--json").rows
    (act,) = [row for row in story["recipients"][0]["story"] if row["event"] == "manual"]
    assert (act["by"], act["because"]) == ("petra", [f"petra chose {status}: she phoned"])
    banning = {"Unsubscribed", "Unsubscribe link", "Bounced"}
    assert story["contact"] == ("Do Not Email" if status in banning else "Active")


def test_an_address_in_several_campaigns_needs_the_campaign(run: Commands) -> None:
    run.send(ANNA)
    run.send(ANNA, "autumn")
    said = run("recipients", "set-status", ANNA, "Interested")
    assert said.code == 1
    assert "name one with --campaign: autumn, spring" in said.err
    run.done("recipients", "set-status", ANNA, "Interested", "--campaign", "autumn")
    rows = run.done("recipients", "list", "--json").rows
    assert {row["campaign"]: row["status"] for row in rows} == {"autumn": "Interested", "spring": "Active"}


def test_active_is_refused_while_the_address_is_under_do_not_email(run: Commands) -> None:
    run.add_mailbox()
    run.receive(HARD, ANNA, run.send(ANNA))
    said = run("recipients", "set-status", ANNA, "Active")
    assert said.code == 1
    assert "inbox-worker dne remove" in said.err
    assert run.done("recipients", "list", "--json").rows[0]["status"] == "Bounced"


def test_a_possible_opt_out_is_answered_before_a_status_is_set(run: Commands) -> None:
    run.add_mailbox()
    run.receive(reply(ReplyClass.UNSUBSCRIBED, 0.5, sure=False), ANNA, run.send(ANNA))
    for command in (["set-status", ANNA, "Interested", "--other-cause"], ["remove", ANNA]):
        said = run("recipients", *command)
        assert said.code == 1
        assert "(inbox-worker review resolve 1 CLASS)" in said.err
    run.done("review", "resolve", "1", "Engaged")
    assert "Interested" in run.done("recipients", "set-status", ANNA, "Interested").out


def test_out_of_office_by_hand_takes_the_day_of_return(run: Commands) -> None:
    run.send(ANNA)
    back = (datetime.now(UTC) + timedelta(days=30)).date()
    run.done("recipients", "set-status", ANNA, "Out of Office", "--until", str(back))
    (row,) = run.done("recipients", "list", "--json").rows
    assert (row["status"], row["sequence"]) == ("Out of Office", "paused")
    assert datetime.fromisoformat(row["until"]).date() > back


def test_a_day_of_return_goes_with_out_of_office_alone_and_lies_ahead(run: Commands) -> None:
    run.send(ANNA)
    assert run("recipients", "set-status", ANNA, "Engaged", "--until", "2199-01-01").code == 2
    past = run("recipients", "set-status", ANNA, "Out of Office", "--until", "2020-01-01")
    assert (past.code, "2020-01-01 has passed" in past.err) == (1, True)


def test_a_status_that_does_not_exist_is_wrong_usage(run: Commands) -> None:
    said = run("recipients", "set-status", ANNA, "Happy")
    assert said.code == 2
    assert "not interested" in said.err


def test_a_recipient_that_does_not_exist_is_an_error(run: Commands) -> None:
    said = run("recipients", "set-status", ANNA, "Engaged")
    assert said.code == 1
    assert "is no recipient of any campaign" in said.err


def test_an_absence_shows_until_when_the_sequence_pauses(run: Commands) -> None:
    run.add_mailbox()
    run.receive(AWAY, ANNA, run.send(ANNA))
    assert "absence: until 2026-05-" in run.done("recipients", "show", ANNA).out


def test_addresses_join_a_campaign_and_who_may_not_be_mailed_is_named(run: Commands) -> None:
    run.send("old@client.example")
    run.done("dne", "add", "shop.example")
    path = run.file("list.csv", f"name,email\nBoris,{BORIS}\nCleo,cleo@client.example\n")
    said = run("recipients", "add", ANNA, "nobody", "--campaign", "spring", "--file", path)
    assert said.code == 1
    assert f"{BORIS}: refused: under Do Not Email: shop.example: domain since" in said.err
    assert "nobody: refused: 'nobody' is no address" in said.err
    assert said.out == "joined: 2, known: 0, refused: 2\n"
    again = run.done("recipients", "add", ANNA, "--campaign", "spring")
    assert f"{ANNA}: known: in the campaign already: Active" in again.out


def test_joining_tells_machines_of_each_address(run: Commands) -> None:
    run.send(BORIS)
    said = run.done("recipients", "add", ANNA, "--campaign", "spring", "--json")
    assert said.rows == [{"address": ANNA, "state": "joined", "says": "joined the campaign"}]


def test_joining_needs_addresses_and_a_campaign_that_exists(run: Commands) -> None:
    assert run("recipients", "add", "--campaign", "spring").code == 2
    said = run("recipients", "add", ANNA, "--campaign", "spring")
    assert (said.code, "inbox-worker campaigns list" in said.err) == (1, True)


def test_who_is_removed_before_any_mail_leaves_the_list_and_comes_back_by_undo(run: Commands) -> None:
    run.send(BORIS)
    run.done("recipients", "add", ANNA, "--campaign", "spring")
    assert f"{ANNA}: Removed" in run.done("recipients", "remove", ANNA, "--campaign", "spring", "--why", "a double").out
    run.done("recipients", "remove", BORIS, "--campaign", "spring")
    assert [row["address"] for row in run.done("recipients", "list", "--json").rows] == [BORIS]
    said = run.done("recipients", "undo", ANNA, "--why", "no double")
    assert said.out.startswith(f"taken back: petra chose Removed: a double\n{ANNA}: Active\n")
    assert {row["status"] for row in run.done("recipients", "list", "--json").rows} == {"Active", "Removed"}


def test_an_undo_tells_machines_what_it_took_back(run: Commands) -> None:
    run.send(ANNA)
    run.done("recipients", "set-status", ANNA, "Interested")
    (row,) = run.done("recipients", "undo", ANNA, "--json").rows
    assert (row["status"], row["undone"]) == ("Active", "petra chose Interested")
    said = run("recipients", "undo", ANNA)
    assert (said.code, "no person's act is left" in said.err) == (1, True)


def test_after_an_undo_the_story_says_that_what_was_said_no_longer_counts(run: Commands) -> None:
    run.send(ANNA)
    run.done("recipients", "set-status", ANNA, "Not Interested")
    run.done("recipients", "undo", ANNA)
    (story,) = run.done("recipients", "show", ANNA, "--json").rows
    last = story["recipients"][0]["story"][-1]
    assert [(change["to"], change["because"]) for change in last["changes"]] == [
        ("Active", ["what gave it no longer counts"])
    ]


def test_the_story_of_one_campaign_alone_is_shown_where_it_is_asked_for(run: Commands) -> None:
    run.send(ANNA)
    run.send(ANNA, "autumn")
    for campaign, shown in (("autumn", ["autumn"]), ("winter", [])):
        (story,) = run.done("recipients", "show", ANNA, "--campaign", campaign, "--json").rows
        assert [each["campaign"] for each in story["recipients"]] == shown


def test_each_campaign_has_its_own_story_and_all_are_read_at_once(run: Commands) -> None:
    run.add_mailbox()
    run.receive(reply(ReplyClass.INTERESTED), ANNA, run.send(ANNA))
    found = [_told(run)]
    for campaign in ("autumn", "winter"):
        run.receive(reply(ReplyClass.NOT_INTERESTED), ANNA, run.send(ANNA, campaign))
    found.append(_told(run))
    (_, few), (story, many) = found
    assert many == few
    assert {each["campaign"]: _outline(each) for each in story["recipients"]} == {
        "autumn": [("sent", None, []), ("reply", 2, ["Not Interested"])],
        "spring": [("sent", None, []), ("reply", 1, ["Interested"])],
        "winter": [("sent", None, []), ("reply", 3, ["Not Interested"])],
    }
    with run.database() as engine, reading(engine) as session:
        keys = select(Recipient.id, Campaign.key).join(Campaign, Campaign.id == Recipient.campaign_id)
        assert {(each["id"], each["campaign"]) for each in story["recipients"]} == set(
            map(tuple, session.execute(keys))
        )
        assert story["contact_id"] == session.scalars(select(Contact.id)).one()


def _told(run: Commands) -> tuple[Row, int]:
    """Return the story, and how many statements it took."""
    statements: list[object] = []
    with run.database() as engine, reading(engine) as session:
        event.listen(engine, "before_cursor_execute", lambda *call: statements.append(call[2]))
        return tell(session, 1, ANNA), len(statements)


def _outline(recipient: Row) -> list[tuple[str, int | None, list[str]]]:
    return [
        (each["event"], each.get("message"), [change["to"] for change in each["changes"]])
        for each in recipient["story"]
    ]


def test_the_story_tells_that_an_entry_was_lifted_by_whom_and_why(run: Commands) -> None:
    run.done("dne", "add", ANNA)
    run.done("dne", "remove", ANNA, "--why", "typed by mistake")
    out = run.done("recipients", "show", ANNA).out
    assert "; lifted 20" in out
    assert "by petra: typed by mistake" in out
    assert out.endswith("\nin no campaign\n")


def test_the_story_tells_what_a_rule_did_and_what_changed_by_no_mail(run: Commands) -> None:
    run.send(ANNA)
    run.send(ANNA, "autumn")
    rule = {"name": "ask", "when": {"status": ["Interested"]}, "then": [{"do": "move", "campaign": "autumn"}]}
    run.done("automations", "put", "spring", run.file("rule.json", json.dumps(rule)))
    run.done("recipients", "set-status", ANNA, "Interested", "--campaign", "spring")
    run.done("dne", "add", ANNA)
    lines = run.done("recipients", "show", ANNA).out.splitlines()
    (acted,) = [line for line in lines if " automation: " in line]
    assert acted.partition(" automation: ")[2].startswith("ask: ")
    # The ban is an event of neither campaign; what it changed there stands by itself.
    (changed,) = [line for line in lines if line.endswith(" Active -> Removed, sequence running -> ended")]
    assert not changed.lstrip().startswith("->")
