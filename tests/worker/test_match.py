"""Whose mail is this? The keys of the statuses page, one by one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from worker.match import CLOCK_SKEW, Clues, Family, Send, Sends, Strength, answers_subject, match, subject_key

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
    assert (found.keys, found.by_token, found.shared) == (("message-id send-1@us",), False, False)


def test_a_token_of_ours_is_a_strong_key() -> None:
    sends = Sends(by_token={"x7f": [a_send()]})
    (found,) = match(a_reply(tokens=("x7f",)), LATER, sends, 90)
    assert found.strength is Strength.STRONG
    assert (found.keys, found.by_token, found.shared) == (("token x7f",), True, False)


def test_the_link_in_an_opt_out_by_mail_is_a_strong_key() -> None:
    sends = Sends(by_link={"k4": [a_send()]})
    (found,) = match(a_reply(links=("k4",)), LATER, sends, 90)
    assert (found.strength, found.keys, found.by_token) == (Strength.STRONG, ("link k4",), False)


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

    assert found.keys == ("from", "subject")


def test_of_two_sends_of_one_moment_it_is_always_the_same_one() -> None:
    for sends in (known(a_send(1), a_send(2)), known(a_send(2), a_send(1))):
        (found,) = match(a_reply(subject="Re: A quick question"), LATER, sends, 90)
        assert found.send.send_id == "send-2"


def test_a_weak_match_ends_after_its_days() -> None:
    for days, clues in ((90, a_reply(subject="Re: A quick question")), (90, a_reply(subject="something else"))):
        assert match(clues, SENT_AT + timedelta(days=days), known(a_send()), 90)
        assert match(clues, SENT_AT + timedelta(days=days, microseconds=1), known(a_send()), 90) == ()


def test_a_weak_match_begins_with_the_send() -> None:
    for clues in (a_reply(subject="Re: A quick question"), a_reply(subject="something else")):
        assert match(clues, SENT_AT, known(a_send()), 90)
        assert match(clues, SENT_AT - timedelta(microseconds=1), known(a_send()), 90) == ()


def test_the_sender_alone_is_a_suggestion() -> None:
    (found,) = match(a_reply(subject="something else"), LATER, known(a_send()), 90)
    assert (found.strength, found.send, found.keys) == (Strength.FROM_ALONE, a_send(), ("from",))


def test_junk_is_nobodys_by_its_sender_alone() -> None:
    assert match(a_reply(subject="something else", junk=True), LATER, known(a_send()), 90) == ()
    (found,) = match(a_reply(subject="Re: A quick question", junk=True), LATER, known(a_send()), 90)
    assert found.strength is Strength.WEAK


def test_only_a_contacts_own_address_is_mailed() -> None:
    sends = Sends(by_address={"anna@client.example": [a_send()], "anna@home.example": [a_send()]})
    assert sends.is_mailed("anna@client.example")
    assert not any(sends.is_mailed(address) for address in ("anna@home.example", "ben@client.example", None))


def test_a_mail_without_a_sender_is_nobodys() -> None:
    assert match(a_reply(from_address=None, subject="A quick question"), LATER, known(a_send()), 90) == ()


@pytest.mark.parametrize("subject", ["Re: A quick question", "something else"])
def test_a_second_address_is_told_however_the_mail_was_matched(subject: str) -> None:
    home = "anna@home.example"
    sends = Sends(by_address={home: [a_send()]})
    (found,) = match(a_reply(from_address=home, subject=subject), LATER, sends, 90)
    assert found.other_address == home
    (forged,) = match(a_reply(from_address=home, subject=subject, authentic=False), LATER, sends, 90)
    assert forged.other_address is None


def test_mail_from_before_the_send_does_not_match() -> None:
    before = SENT_AT - timedelta(hours=2)
    assert match(a_reply(answers=("send-1@us",), subject="A quick question"), before, known(a_send()), 90) == ()


def test_clocks_that_differ_a_little_do_not_lose_a_strong_match() -> None:
    (found,) = match(a_reply(answers=("send-1@us",)), SENT_AT - CLOCK_SKEW, known(a_send()), 90)
    assert found.strength is Strength.STRONG
    earlier = SENT_AT - CLOCK_SKEW - timedelta(microseconds=1)
    assert match(a_reply(answers=("send-1@us",)), earlier, known(a_send()), 90) == ()


ANNA, BEN = a_send(1), a_send(2, "ben@client.example")
BEN_WRITES = a_reply(answers=("send-1@us",), from_address="ben@client.example")


def test_a_reply_in_the_name_of_another_whom_we_mailed_is_perhaps_theirs_too() -> None:
    anna, ben = match(BEN_WRITES, LATER, known(ANNA, BEN), 90)
    assert (anna.send, anna.strength, anna.other_address) == (ANNA, Strength.STRONG, None)
    assert (ben.send, ben.strength, ben.other_address) == (BEN, Strength.FROM_ALONE, None)


def test_in_the_name_of_another_counts_within_the_days_of_a_weak_match() -> None:
    for sent_at in (LATER - timedelta(days=91), LATER + timedelta(minutes=1)):
        sends = known(ANNA, replace(BEN, sent_at=sent_at))
        assert [found.send for found in match(BEN_WRITES, LATER, sends, 90)] == [ANNA]


def test_junk_and_reports_speak_in_nobody_elses_name() -> None:
    for clues in (replace(BEN_WRITES, junk=True), replace(BEN_WRITES, family=Family.REPORT)):
        assert [found.send for found in match(clues, LATER, known(ANNA, BEN), 90)] == [ANNA]


def test_a_second_address_of_two_people_tells_of_neither() -> None:
    # The kiosk is a second address of Anna and of Ben: who writes from there is not told by it.
    sends = Sends({"send-1@us": [ANNA]}, {}, {"kiosk@client.example": [BEN, ANNA]})
    (found,) = match(a_reply(answers=("send-1@us",), from_address="kiosk@client.example"), LATER, sends, 90)
    assert (found.send, found.other_address) == (ANNA, None)


def test_a_report_matches_weakly_by_failed_address_and_returned_subject() -> None:
    clues = a_report(addresses=("anna@client.example", "ben@client.example"), subject="A quick question")
    found = match(clues, LATER, known(a_send(1), a_send(2, "ben@client.example")), 90)
    assert [(each.strength, each.send.address) for each in found] == [
        (Strength.WEAK, "anna@client.example"),
        (Strength.WEAK, "ben@client.example"),
    ]
    assert {each.keys for each in found} == {("failed address", "subject")}


def test_a_report_about_an_address_alone_matches_nobody() -> None:
    assert match(a_report(addresses=("anna@client.example",)), LATER, known(a_send()), 90) == ()


def test_a_forged_report_about_somebody_we_never_mailed_matches_nobody() -> None:
    clues = a_report(addresses=("stranger@client.example",), subject="A quick question", answers=("no@where",))
    assert match(clues, LATER, known(a_send()), 90) == ()


def test_a_mail_to_several_people_is_answered_by_the_one_who_writes() -> None:
    anna, ben = a_send(1), a_send(2, "ben@client.example")
    sends = Sends({"both@us": [anna, ben]}, {}, {})
    (found,) = match(a_reply(answers=("both@us",), from_address="ben@client.example"), LATER, sends, 90)
    assert (found.send, found.shared) == (ben, True)
    assert match(a_reply(answers=("both@us",), from_address="eve@else.example"), LATER, sends, 90) == ()


@pytest.mark.parametrize(
    "received",
    ["A quick question", "RE: A quick  question", "AW: WG: a quick question", "Automatische Antwort: A quick question",
     "[EXTERNAL] Re: A quick question", "[EXTERNAL] A quick question", "RE[2]: A quick question",
     "回复\uff1aA quick question"],
)  # fmt: skip
def test_prefixes_of_any_language_do_not_hide_the_subject(received: str) -> None:
    assert answers_subject(received, subject_key("A quick question"))


def test_a_subject_is_kept_without_its_prefixes() -> None:
    assert subject_key("Re: AW: A quick  question") == "a quick question"


@pytest.mark.parametrize("received", ["Not a quick question", "A quick question, part two", "", "Re:"])
def test_another_subject_does_not_match(received: str) -> None:
    assert not answers_subject(received, subject_key("A quick question"))


def test_an_empty_subject_of_ours_matches_nothing() -> None:
    assert not answers_subject("", subject_key("Re:"))
