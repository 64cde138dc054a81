from __future__ import annotations

from classifier.judge import judge
from classifier.message import parse
from classifier.present import WIDTH, as_card
from tests.classifier.letters import context, letter, report


def card(raw: bytes) -> str:
    parsed = parse(raw)
    return as_card({"file": "a.eml"}, parsed, judge(parsed, context()))


def test_the_card_of_a_bounce_tells_what_it_means_and_which_words_said_so() -> None:
    raw = report(
        "Reporting-MTA: dns; mx.customer.example\n\nFinal-Recipient: rfc822; gone@customer.example\nAction: failed\n"
        "Status: 5.0.0\nDiagnostic-Code: smtp; 550 5.1.1 <gone@customer.example>: no such mailbox here\n"
    )
    assert card(raw) == (
        "a.eml\n"
        "  bounce · hard: the address is dead · user unknown · 5.1.1\n"
        "  from      mailer-daemon@mx.customer.example\n"
        "  subject   Undelivered Mail Returned to Sender\n"
        "  about     gone@customer.example\n"
        "  our mail  <s1@our-outreach.example> A question about your warehouse\n"
        "  server    550 5.1.1 <gone@customer.example>: no such mailbox here\n"
        "  why       bounce: delivery-status report; Action failed, Status 5.0.0\n"
        "  why       reason: says 'no such mailbox'\n"
    )


def test_the_card_of_an_absence_tells_the_day_and_what_was_cut() -> None:
    raw = letter(
        "I am away until 12 June 2026.\nPlease write to ann@customer.example.\n\n"
        "On Mon, 1 Jun 2026 at 10:12, Lena Ott <lena@our-outreach.example> wrote:\n> Hello Tom,\n> a question\n",
        Auto_Submitted="auto-replied",
    )
    assert card(raw) == (
        "a.eml\n"
        "  absence · Out of Office\n"
        "  from      Tom Reed <tom.reed@customer.example>\n"
        "  subject   Re: A question about your warehouse\n"
        "  back on   Saturday, 13 June 2026\n"
        "  instead   ann@customer.example\n"
        "  says      I am away until 12 June 2026.\n"
        "            Please write to ann@customer.example.\n"
        "  cut       3 of 5 lines: quoted mail, signature, footers\n"
        "  why       automatic_answer: Auto-Submitted: auto-replied\n"
        "  why       absence: says 'am away'\n"
    )


def test_a_long_text_is_wrapped_and_the_card_says_that_there_is_more() -> None:
    lines = card(letter("word " * 2_000)).splitlines()
    says = [line for line in lines if line.startswith(("  says", " " * 12))]
    assert len(says) == 6
    assert says[-1].endswith(" …")
    assert all(len(line) <= WIDTH + 12 for line in lines)


def test_the_card_of_a_receipt_tells_whom_it_is_about() -> None:
    raw = report("Final-Recipient: rfc822; tom@customer.example\nAction: delivered\nStatus: 2.0.0\n")
    assert "  receipt\n" in card(raw)
    assert "  about     tom@customer.example\n" in card(raw)
    assert "  cut " not in card(raw)
