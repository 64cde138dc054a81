"""Campaigns: what a reply does to their sequences."""

from __future__ import annotations

from classifier.verdict import ReplyClass
from tests.worker.commanding import ANNA, BORIS, Commands, reply


def test_the_list_counts_listed_and_running_recipients(run: Commands) -> None:
    run.add_mailbox()
    run.send(BORIS)
    run.receive(reply(ReplyClass.INTERESTED), ANNA, run.send(ANNA))
    (row,) = run.done("campaigns", "list", "--json").rows
    assert (row["key"], row["recipients"], row["running"]) == ("spring", 2, 1)


def test_a_changed_policy_has_a_new_version_and_a_changed_name_has_not(run: Commands) -> None:
    run.send(ANNA)
    changed = run.done("campaigns", "set", "spring", "--no-stop-on-reply", "--auto-response", "pause",
                       "--auto-response-days", "5", "--json")  # fmt: skip
    assert changed.rows == [{"key": "spring", "name": "spring", "stop_on_reply": False, "auto_response": "pause",
                             "auto_response_days": 5, "policy_version": 2}]  # fmt: skip
    (named,) = run.done("campaigns", "set", "spring", "--name", "Spring 2026", "--json").rows
    assert (named["name"], named["policy_version"]) == ("Spring 2026", 2)
    (same,) = run.done("campaigns", "set", "spring", "--auto-response-days", "5", "--json").rows
    assert same["policy_version"] == 2


def test_what_was_decided_under_the_old_policy_stays_decided(run: Commands) -> None:
    run.add_mailbox()
    first, second = run.send(ANNA), run.send(BORIS)
    run.receive(reply(ReplyClass.ENGAGED), ANNA, first)
    run.done("campaigns", "set", "spring", "--no-stop-on-reply")
    run.receive(reply(ReplyClass.ENGAGED), BORIS, second)
    rows = run.done("recipients", "list", "--json").rows
    assert {row["address"]: row["sequence"] for row in rows} == {ANNA: "ended", BORIS: "running"}


def test_an_unknown_campaign_says_where_the_keys_are(run: Commands) -> None:
    said = run("campaigns", "set", "autumn", "--stop-on-reply")
    assert said.code == 1
    assert "inbox-worker campaigns list" in said.err


def test_setting_nothing_is_wrong_usage(run: Commands) -> None:
    assert run("campaigns", "set", "spring").code == 2


def test_without_campaigns_the_list_says_so(run: Commands) -> None:
    said = run.done("campaigns", "list")
    assert (said.out, said.err) == ("", "no campaigns\n")
