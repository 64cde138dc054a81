from __future__ import annotations

import pytest

from classifier.bounces.flufl_formats import recipients
from classifier.bounces.reasons import KIND_OF, ROWS, cause_of, kind_of
from classifier.message import parse
from classifier.verdict import AutoResponse, Bounce, BounceKind, Outgoing, Receipt, ReceiptKind, Reply
from tests.classifier.letters import OURS, judged, letter, report


def fields(action: str = "failed", status: str = "5.1.1", said: str = "550 5.1.1 no such user", **more: str) -> str:
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in more.items()]
    return "\n".join(
        [
            "Reporting-MTA: dns; mx.customer.example",
            "",
            *lines,
            "Final-Recipient: rfc822; Gone@Customer.Example",
            f"Action: {action}",
            f"Status: {status}",
            f"Diagnostic-Code: smtp; {said}",
            "",
        ]
    )


def bounce(raw: bytes) -> Bounce:
    verdict = judged(raw)
    assert isinstance(verdict, Bounce)
    return verdict


def test_a_standard_report_tells_everything() -> None:
    found = bounce(report(fields()))
    assert (found.kind, found.reason) == (BounceKind.HARD, "user_unknown")
    assert found.recipients == ("gone@customer.example",)
    assert (found.status, found.smtp_reply, found.action) == ("5.1.1", "550", "failed")
    assert found.reporting_mta == "mx.customer.example"
    assert found.original_message_ids == ("s1@our-outreach.example",)
    assert found.original_subject == "A question about your warehouse"


def test_the_original_recipient_comes_before_the_final_one() -> None:
    found = bounce(report(fields(Original_Recipient="rfc822;tom+2Breed@customer.example")))
    assert found.recipients == ("tom+reed@customer.example",)


@pytest.mark.parametrize(
    ("said", "status", "kind", "reason"),
    [
        ("550 5.1.1 <x@y.example>: Recipient address rejected: User unknown", "5.1.1", BounceKind.HARD, "user_unknown"),
        ("550 5.4.1 Recipient address rejected: Access denied.", "5.4.1", BounceKind.HARD, "user_unknown"),
        ("550 5.1.10 RESOLVER.ADR.RecipientNotFound; not found", "5.1.10", BounceKind.HARD, "user_unknown"),
        ("450 4.1.1 user unknown, try again", "4.1.1", BounceKind.SOFT, "user_unknown"),
        ("550 5.1.2 Host or domain name not found", "5.1.2", BounceKind.HARD, "host_unknown"),
        ("550 5.2.1 The email account that you tried to reach is disabled", "5.2.1", BounceKind.HARD, "suspended"),
        ("552 5.2.2 mailbox full", "5.2.2", BounceKind.SOFT, "mailbox_full"),
        ("550 mailbox is over quota", "5.0.0", BounceKind.SOFT, "mailbox_full"),
        ("delivery time expired", "4.4.7", BounceKind.SOFT, "expired"),
        ("550 5.7.1 message identified as spam", "5.7.1", BounceKind.POLICY, "spam_detected"),
        ("550 5.7.26 fails DMARC policy", "5.7.26", BounceKind.POLICY, "auth_failure"),
        ("554 5.7.1 [192.0.2.7] listed on a blocklist", "5.7.1", BounceKind.POLICY, "blocked"),
        ("550 5.1.1 user unknown; also your IP has a poor reputation", "5.1.1", BounceKind.POLICY, "bad_reputation"),
        ("552 5.3.4 message too big", "5.3.4", BounceKind.POLICY, "message_too_big"),
        ("550 5.0.0 no", "5.0.0", BounceKind.UNKNOWN, "undefined"),
        ("550 rejected", "5.1.0", BounceKind.UNKNOWN, "undefined"),
    ],
)
def test_the_words_tell_the_reason_and_the_reason_tells_the_kind(
    said: str, status: str, kind: BounceKind, reason: str
) -> None:
    found = bounce(report(fields(status=status, said=said)))
    assert (found.kind, found.reason) == (kind, reason)


def test_every_reason_has_a_kind() -> None:
    assert {reason for reason, *_ in ROWS} <= set(KIND_OF)
    assert all(kind_of(reason, "5.0.0", "") in BounceKind for reason in KIND_OF)


@pytest.mark.parametrize("reason", [reason for reason, kind in KIND_OF.items() if kind is BounceKind.HARD])
def test_a_code_that_says_not_now_never_bans(reason: str) -> None:
    assert kind_of(reason, "4.2.1", "") is not BounceKind.HARD
    assert kind_of(reason, "", "450") is not BounceKind.HARD


def test_vague_words_give_way_to_a_clear_code() -> None:
    assert cause_of("550 access denied", "5.1.1").reason == "user_unknown"
    assert cause_of("550 message has spam", "5.1.1").reason == "spam_detected"


def test_a_delay_is_no_failure() -> None:
    found = bounce(report(fields(action="delayed", status="4.4.1", said="connection timed out")))
    assert found.kind is BounceKind.DELAYED


@pytest.mark.parametrize("action", ["delivered", "relayed", "expanded"])
def test_a_report_of_success_is_a_receipt(action: str) -> None:
    verdict = judged(report(fields(action=action, status="2.1.5", said="250 ok")))
    assert isinstance(verdict, Receipt)
    assert (verdict.kind, verdict.recipients) == (ReceiptKind.DELIVERED, ("gone@customer.example",))


def test_only_the_recipients_with_the_gravest_cause_are_named() -> None:
    two = fields() + "\nFinal-Recipient: rfc822; full@customer.example\nAction: failed\nStatus: 5.2.2\n"
    assert bounce(report(two)).recipients == ("gone@customer.example",)


def test_a_recipient_that_was_delivered_is_not_named() -> None:
    two = fields() + "\nFinal-Recipient: rfc822; fine@customer.example\nAction: delivered\nStatus: 2.0.0\n"
    assert bounce(report(two)).recipients == ("gone@customer.example",)


@pytest.mark.parametrize("value", ["rfc822; not an address", "rfc822; {json: 1}", "local; /var/mail/x", "rfc822; a@"])
def test_what_is_no_address_is_never_named(value: str) -> None:
    raw = report(f"Reporting-MTA: dns; x\n\nFinal-Recipient: {value}\nAction: failed\nStatus: 5.1.1\n")
    assert bounce(raw).recipients in ((), ("gone@customer.example",))


WORDED = {
    "x-failed-recipients": letter(
        "A message that you sent could not be delivered.\n\n  gone@customer.example\n    550 no such user here\n",
        subject="Mail delivery failed: returning message to sender",
        sender="Mail Delivery System <Mailer-Daemon@host.example>",
        X_Failed_Recipients="gone@customer.example",
    ),
    "address before a colon": letter(
        "Hi. I am sorry, your mail could not be delivered.\n\n<gone@customer.example>:\n550 user does not exist\n\n"
        "--- Below this line is a copy of the message.\n\nReturn-Path: <lena@our-outreach.example>\n",
        subject="failure notice",
        sender="MAILER-DAEMON@host.example",
    ),
    "address within a sentence": letter(
        "There was an error delivering your mail to <gone@customer.example>.\n\nmx said: 550 no such user\n\n"
        "Message headers follow.\n\nReceived: from a\nTo: gone@customer.example\nFrom: lena@our-outreach.example\n"
        "Subject: A question\nMessage-Id: <s1@our-outreach.example>\n",
        subject="Mail delivery failed",
        sender="MAILER-DAEMON <>",
    ),
    "fields in the text": letter(
        "The mail could not be delivered.\n\nAction: failed\nFinal-Recipient: rfc822; gone@customer.example\n"
        "Diagnostic-Code: smtp; 550 5.1.1 user unknown\nStatus: 5.1.1\n",
        subject="Delivery Status Notification (Failure)",
        sender="postmaster@host.example",
    ),
}


@pytest.mark.parametrize("name", WORDED)
def test_reports_from_before_the_standard_are_understood(name: str) -> None:
    found = bounce(WORDED[name])
    assert found.recipients == ("gone@customer.example",)
    assert found.kind is BounceKind.HARD


def test_the_returned_mail_is_read_from_the_text() -> None:
    found = bounce(WORDED["address within a sentence"])
    assert found.original_message_ids == ("s1@our-outreach.example",)
    assert found.original_subject == "A question"


def test_a_warning_in_words_is_a_delay() -> None:
    raw = letter(
        "Your message has not yet been delivered to:\n\n  slow@customer.example\n\n"
        "Delivery attempts will continue; you do not need to resend it.\n",
        subject="Warning: message delayed 24 hours",
        sender="Mail Delivery System <mailer-daemon@host.example>",
    )
    found = bounce(raw)
    assert (found.kind, found.recipients) == (BounceKind.DELAYED, ("slow@customer.example",))


@pytest.mark.parametrize(
    "raw",
    [
        letter("My mail to sales@shop.example could not be delivered, user unknown. Can you help?", subject="Problem"),
        letter("Mail delivery failed again? Try bob@customer.example: he answers.", subject="Re: Mail delivery failed"),
        letter(
            "The postmaster said 550 user unknown.\n\n> <gone@customer.example>: user unknown", subject="Returned mail"
        ),
    ],
)
def test_people_who_write_about_bounces_are_people(raw: bytes) -> None:
    assert isinstance(judged(raw), Reply)


def test_an_absence_notice_from_a_null_sender_is_no_bounce() -> None:
    raw = letter(
        "I am out of the office. If it fails, write to <deputy@customer.example>: she can help.",
        subject="Out of Office: delivery failed",
        Return_Path="<>",
        Auto_Submitted="auto-replied",
    )
    assert not isinstance(judged(raw), Bounce)


def test_a_report_with_our_address_as_sender_is_still_a_report() -> None:
    assert isinstance(judged(report(fields(), sender=OURS)), Bounce)
    assert isinstance(judged(letter("Hello Tom", sender=OURS)), Outgoing)


def test_a_big_attachment_is_never_scanned() -> None:
    attached = "<victim@customer.example>: 550 user unknown\n" * 2_000
    body = (
        "--b\nContent-Type: text/plain\n\nYour mail could not be delivered.\n"
        f"--b\nContent-Type: text/plain\nContent-Disposition: attachment; filename=log.txt\n\n{attached}\n--b--\n"
    )
    raw = letter(
        body,
        subject="Undeliverable",
        sender="postmaster@host.example",
        Return_Path="<>",
        content_type='multipart/mixed; boundary="b"',
    )
    assert bounce(raw).recipients == ()


def test_a_notification_of_amazon_ses_is_a_bounce() -> None:
    raw = letter(
        '{"notificationType":"Bounce","bounce":{"bounceType":"Permanent","bouncedRecipients":[{"emailAddress":'
        '"Gone@customer.example","status":"5.1.1","diagnosticCode":"smtp; 550 5.1.1 user unknown"}]},"mail":'
        '{"messageId":"abc","commonHeaders":{"subject":"A question",'
        '"messageId":"<s1@our-outreach.example>"}}}\n--\nfooter'
    )
    found = bounce(raw)
    assert (found.kind, found.recipients) == (BounceKind.HARD, ("gone@customer.example",))
    assert found.original_message_ids == ("s1@our-outreach.example", "abc")


def test_a_report_wrapped_by_a_gateway_is_understood() -> None:
    inner = report(fields()).decode()
    raw = letter(
        f"--o\nContent-Type: text/plain\n\nSee the attached report.\n"
        f"--o\nContent-Type: message/rfc822\n\n{inner}\n--o--\n",
        sender="postmaster@gateway.example",
        subject="Delivery failure",
        content_type='multipart/mixed; boundary="o"',
    )
    assert bounce(raw).recipients == ("gone@customer.example",)


def test_parsing_a_report_keeps_its_fields() -> None:
    parts = parse(report(fields())).parts
    assert "Final-Recipient" in next(part for part in parts if part.content_type.endswith("delivery-status")).text


def test_a_report_part_that_a_gateway_turned_into_a_file_is_read() -> None:
    body = (
        "--b\nContent-Type: text/plain\n\nYour mail could not be delivered.\n"
        '--b\nContent-Type: text/plain; name="ATT00001.txt"\nContent-Disposition: attachment\n\n'
        "Reporting-MTA: dns; mx.customer.example\n\nFinal-Recipient: rfc822; gone@customer.example\nAction: failed\n"
        "Status: 5.2.2\n--b--\n"
    )
    kind = "multipart/mixed; boundary=b"
    found = bounce(letter(body, subject="Undeliverable", sender="postmaster@host.example", content_type=kind))
    assert (found.recipients, found.reason) == (("gone@customer.example",), "mailbox_full")


def test_a_report_without_an_action_tells_success_by_its_status() -> None:
    verdict = judged(report("Final-Recipient: rfc822; tom@customer.example\nStatus: 2.1.5\n", words="Fine."))
    assert isinstance(verdict, Receipt)
    assert (verdict.kind, verdict.recipients) == (ReceiptKind.DELIVERED, ("tom@customer.example",))


def test_a_mail_that_waits_until_its_sender_confirms_it_is_no_bounce() -> None:
    refused = fields(status="5.7.1", said="550 5.7.1 blocked by policy")
    assert bounce(report(refused)).kind is BounceKind.POLICY
    waits = judged(report(refused, words="Your mail waits. Please click here to confirm that you sent it."))
    assert isinstance(waits, AutoResponse)
    assert waits.evidence[0].detector == "challenge"
    dead = report(fields(), words="No such user. Please click here to confirm that you sent it.")
    assert bounce(dead).kind is BounceKind.HARD


def test_the_format_of_an_old_report_is_known_although_a_part_stands_before_it() -> None:
    body = (
        "--b\nContent-Type: text/plain\n\nSee below.\n--b\nContent-Type: text/plain\n\n"
        "Hi. This is the qmail-send program at mx.example.\n"
        "I'm afraid I wasn't able to deliver your message to the following addresses.\n\n"
        "<gone@customer.example>:\nSorry, no mailbox here by that name.\n--b--\n"
    )
    assert recipients(parse(letter(body, content_type="multipart/mixed; boundary=b"))) == ("gone@customer.example",)


def test_the_returned_mail_is_read_from_a_file_that_a_gateway_made_of_it() -> None:
    body = (
        "--b\nContent-Type: text/plain\n\nYour message to gone@customer.example could not be delivered.\n"
        "--b\nContent-Type: text/plain\nContent-Disposition: attachment; filename=notes.txt\n\nNo mail at all.\n"
        "--b\nContent-Type: text/plain\nContent-Disposition: attachment; filename=mail.txt\n\n"
        "Received: from mx\nFrom: lena@our-outreach.example\nTo: gone@customer.example\nSubject: A question\n"
        "Message-ID: <s1@our-outreach.example>\n\nHello\n--b--\n"
    )
    kind = "multipart/mixed; boundary=b"
    found = bounce(letter(body, subject="Undeliverable", sender="MAILER-DAEMON@host.example", content_type=kind))
    assert (found.original_message_ids, found.original_subject) == (("s1@our-outreach.example",), "A question")


@pytest.mark.parametrize(
    "name",
    [
        r"utf-8; \x{0}gone@customer.example",
        "rfc822; +00gone@customer.example",
        r"utf-8; \x{D800}gone@customer.example",
        r"utf-8; \x{1B}gone@host",
    ],
)
def test_no_address_holds_what_a_database_cannot_keep(name: str) -> None:
    for address in bounce(report(fields(Original_Recipient=name))).recipients:
        assert address.isprintable()
        assert address.encode()
