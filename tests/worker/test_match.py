"""Whose mail is this? The keys of the statuses page, one by one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from worker.match import Clues, Family, Send, Sends, Strength, answers_subject, match, subject_key

SENT_AT = datetime(2026, 5, 4, 9, tzinfo=UTC)
LATER = SENT_AT + timedelta(days=2)


def a_send(
    number: int = 1, address: str = "anna@client.example", subject: str = "A quick question", **other: object
) -> Send:
    values: dict[str, object] = {
        "send_id": f"send-{number}",
        "sent_at": SENT_AT,
        "subject_key": subject_key(subject),
        "recipient_id": number,
        "contact_id": number,
        "campaign_id": 1,
        "address": address,
    }
    return Send(**(values | other))  # type: ignore[arg-type]


def known(*sends: Send) -> Sends:
    by_address: dict[str, list[Send]] = {}
    for send in sends:
        by_address.setdefault(send.address, []).append(send)
    return Sends({f"{send.send_id}@us": [send] for send in sends}, {}, by_address)


def a_reply(**other: object) -> Clues:
    return Clues(**({"family": Family.REPLY, "from_address": "anna@client.example"} | other))  # type: ignore[arg-type]


def a_report(**other: object) -> Clues:
    return Clues(**({"family": Family.REPORT} | other))  # type: ignore[arg-type]


def test_a_message_id_of_ours_is_a_strong_key() -> None:
    (found,) = match(a_reply(answers=("send-1@us",)), LATER, known(a_send()), 90)
    assert (found.strength, found.send.send_id, found.other_address) == (Strength.STRONG, "send-1", None)


def test_a_token_of_ours_is_a_strong_key() -> None:
    sends = Sends(by_token={"x7f": [a_send()]})
    (found,) = match(a_reply(tokens=("x7f",)), LATER, sends, 90)
    assert found.strength is Strength.STRONG


def test_a_strong_reply_from_another_address_tells_that_address() -> None:
    (found,) = match(a_reply(answers=("send-1@us",), from_address="anna@home.example"), LATER, known(a_send()), 90)
    assert found.other_address == "anna@home.example"


def test_a_report_has_no_second_address() -> None:
    (found,) = match(a_report(answers=("send-1@us",), from_address="daemon@mx.example"), LATER, known(a_send()), 90)
    assert found.other_address is None


def test_the_id_of_the_mail_answered_wins_over_older_ones() -> None:
    sends = known(a_send(1), a_send(2, campaign_id=2))
    (found,) = match(a_reply(answers=("send-2@us", "send-1@us")), LATER, sends, 90)
    assert found.send.send_id == "send-2"


def test_sender_and_subject_are_a_weak_match_of_the_latest_send() -> None:
    sends = known(a_send(1), a_send(2, sent_at=SENT_AT + timedelta(days=1)))
    (found,) = match(a_reply(subject="Re: A quick question"), LATER, sends, 90)
    assert (found.strength, found.send.send_id) == (Strength.WEAK, "send-2")


def test_a_weak_match_ends_after_its_days() -> None:
    assert match(a_reply(subject="Re: A quick question"), SENT_AT + timedelta(days=91), known(a_send()), 90) == ()


def test_the_sender_alone_is_a_suggestion() -> None:
    (found,) = match(a_reply(subject="something else"), LATER, known(a_send()), 90)
    assert found.strength is Strength.FROM_ALONE


def test_mail_from_before_the_send_does_not_match() -> None:
    before = SENT_AT - timedelta(hours=2)
    assert match(a_reply(answers=("send-1@us",), subject="A quick question"), before, known(a_send()), 90) == ()


def test_clocks_that_differ_a_little_do_not_lose_a_strong_match() -> None:
    (found,) = match(a_reply(answers=("send-1@us",)), SENT_AT - timedelta(seconds=30), known(a_send()), 90)
    assert found.strength is Strength.STRONG


def test_a_report_matches_weakly_by_failed_address_and_returned_subject() -> None:
    clues = a_report(addresses=("anna@client.example", "ben@client.example"), subject="A quick question")
    found = match(clues, LATER, known(a_send(1), a_send(2, "ben@client.example")), 90)
    assert [(each.strength, each.send.address) for each in found] == [
        (Strength.WEAK, "anna@client.example"),
        (Strength.WEAK, "ben@client.example"),
    ]


def test_a_report_about_an_address_alone_matches_nobody() -> None:
    assert match(a_report(addresses=("anna@client.example",)), LATER, known(a_send()), 90) == ()


def test_a_forged_report_about_somebody_we_never_mailed_matches_nobody() -> None:
    clues = a_report(addresses=("stranger@client.example",), subject="A quick question", answers=("no@where",))
    assert match(clues, LATER, known(a_send()), 90) == ()


def test_a_mail_to_several_people_is_answered_by_the_one_who_writes() -> None:
    anna, ben = a_send(1), a_send(2, "ben@client.example")
    sends = Sends({"both@us": [anna, ben]}, {}, {})
    (found,) = match(a_reply(answers=("both@us",), from_address="ben@client.example"), LATER, sends, 90)
    assert found.send is ben
    assert match(a_reply(answers=("both@us",), from_address="eve@else.example"), LATER, sends, 90) == ()


@pytest.mark.parametrize(
    "received",
    ["A quick question", "RE: A quick  question", "AW: WG: a quick question", "Automatische Antwort: A quick question",
     "[EXTERNAL] Re: A quick question", "RE[2]: A quick question", "回复\uff1aA quick question"],
)  # fmt: skip
def test_prefixes_of_any_language_do_not_hide_the_subject(received: str) -> None:
    assert answers_subject(received, subject_key("A quick question"))


@pytest.mark.parametrize("received", ["Not a quick question", "A quick question, part two", "", "Re:"])
def test_another_subject_does_not_match(received: str) -> None:
    assert not answers_subject(received, subject_key("A quick question"))


def test_an_empty_subject_of_ours_matches_nothing() -> None:
    assert not answers_subject("", subject_key("Re:"))
