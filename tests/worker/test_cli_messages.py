"""Mail that matched nobody, was set aside, or came twice; and everything about one message."""

from __future__ import annotations

from classifier.verdict import ReplyClass
from tests.worker.commanding import ANNA, BOX, SENT_AT, Commands, reply
from worker.writing.record import Judged


def judged(uid: int, **more: object) -> Judged:
    facts = {"folder": "INBOX", "uidvalidity": 7, "uid": uid, "arrived_at": SENT_AT, "size": 10, "subject": "Hello"}
    return Judged(**{**facts, "content_hash": "f" * 64, **more})  # type: ignore[arg-type]


def test_mail_that_matched_nobody_is_listed_until_its_send_is_known(run: Commands) -> None:
    run.add_mailbox()
    run.receive(reply(ReplyClass.ENGAGED), ANNA, f"spring-{ANNA}", "Re: lunch")
    (row,) = run.done("messages", "list", "--json").rows
    assert (row["from"], row["subject"], row["verdict"]) == (ANNA, "Re: lunch", "reply")
    run.send(ANNA)
    said = run.done("messages", "list")
    assert (said.out, said.err.splitlines()[-1]) == ("", "no messages unmatched")


def test_mail_that_was_set_aside_shows_its_error(run: Commands) -> None:
    run.add_mailbox()
    run.take_in(judged(1, error="ValueError: it has no beginning"))
    assert run.done("messages", "list").out == ""
    assert "ValueError: it has no beginning" in run.done("messages", "list", "--set-aside", "--mailbox", BOX).out
    assert "ValueError: it has no beginning" in run.done("messages", "show", "1").out


def test_a_second_copy_is_listed_as_a_duplicate(run: Commands) -> None:
    run.add_mailbox()
    verdict = reply(ReplyClass.ENGAGED)
    run.take_in(judged(1, verdict=verdict))
    run.take_in(judged(2, verdict=verdict))
    (row,) = run.done("messages", "list", "--duplicates", "--json").rows
    assert (row["uid"], row["duplicate_of"]) == (2, 1)


def test_a_message_is_shown_with_verdict_evidence_and_whom_it_concerns(run: Commands) -> None:
    run.add_mailbox()
    run.receive(reply(ReplyClass.INTERESTED), ANNA, run.send(ANNA))
    out = run.done("messages", "show", "1").out
    assert "verdict:       reply\nclass:         Interested\n" in out
    assert "because:       classifier: suit me" in out
    assert f"event:         {ANNA} in spring (reply)" in out
    assert "    Tuesday would suit me." in out


def test_a_message_as_json_holds_the_whole_verdict(run: Commands) -> None:
    run.add_mailbox()
    run.receive(reply(ReplyClass.INTERESTED), ANNA, run.send(ANNA))
    (row,) = run.done("messages", "show", "1", "--json").rows
    assert row["details"]["visible_text"] == "Tuesday would suit me."
    assert row["events"][0]["because"] == ["classifier: suit me", f"matched by message-id spring-{ANNA}"]


def test_a_message_whose_words_are_kept_no_more_says_so(run: Commands) -> None:
    run.add_mailbox()
    run.receive(reply(ReplyClass.INTERESTED), ANNA, run.send(ANNA))
    run.forget_texts()
    out = run.done("messages", "show", "1").out
    assert "Its verdict and words are kept no more" in out
    assert f"event:         {ANNA} in spring (reply)" in out
    (row,) = run.done("messages", "show", "1", "--json").rows
    assert (row["removed"], row["verdict"], row["details"]) == (True, None, None)
    assert "(kept no more)" in run.done("recipients", "show", ANNA).out


def test_an_unknown_message_is_an_error(run: Commands) -> None:
    said = run("messages", "show", "99")
    assert said.code == 1
    assert "no message 99" in said.err


def test_what_was_odd_about_a_mail_is_shown_and_not_as_a_command(run: Commands) -> None:
    run.add_mailbox()
    run.take_in(judged(1, verdict=reply(ReplyClass.ENGAGED), problems=("a part was cut\x1b[2J",)))
    out = run.done("messages", "show", "1").out
    assert "problem:       a part was cut" in out
    assert "\x1b" not in out
