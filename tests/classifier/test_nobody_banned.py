"""Whom a mail may not make dead: what is said of the sender, of others, by people, or in passing."""

# ruff: noqa: E501 - the mails stand as they are sent.
from __future__ import annotations

import pytest

from classifier.bounces.reasons import cause_of
from classifier.verdict import Bounce, BounceKind, Complaint, OptOut, Receipt, ReceiptKind
from tests.classifier.letters import OURS, judged, letter, report

FIELDS = "Reporting-MTA: dns; mx.customer.example\n\nFinal-Recipient: rfc822; gone@customer.example\nAction: failed\n"
DAEMON = {"sender": "MAILER-DAEMON@mx.example", "subject": "Undeliverable", "Return_Path": "<>"}


def bounce_of(text: str) -> Bounce:
    found = judged(letter(text, **DAEMON))
    assert isinstance(found, Bounce)
    return found


@pytest.mark.parametrize(
    "said",
    [
        f"550 <{OURS}> No such user here; sender verification",
        f"550 Callback setup failed while verifying <{OURS}>. user unknown",
        "550 Your account has been suspended for outgoing mail",
        "550 Sending account suspended",
        "550 The sending domain was suspended",
        "550 Your mailbox is disabled for sending",
        "550 From address is invalid",
        "554 Message contains invalid e-mail address in header",
        f"550 Mail from your address {OURS} not allowed: invalid sender",
        "550 The domain our-outreach.example does not exist",
        "550 your mail host address is not registered in DNS",
        "550 Authentication required: account not found",
        "550 mailbox jim does not accept mail from unknown senders",
        "550 Invalid recipient (your domain is not in our whitelist)",
        "554 5.7.1 Unable to relay: recipient not found",
        "550 5.1.1 Message rejected due to local policy",
        "550 5.1.1 Greylisted, try again later",
        "535 5.7.8 authentication failed: invalid user",
        "450 4.1.1 <gone@customer.example>: user unknown",
    ],
)
def test_what_is_said_of_the_sender_or_of_policy_makes_no_address_dead(said: str) -> None:
    found = judged(report(f"{FIELDS}Status: 5.1.1\nDiagnostic-Code: smtp; {said}\n"))
    assert isinstance(found, Bounce)
    assert found.kind is not BounceKind.HARD


@pytest.mark.parametrize(
    "words",
    [
        f"<gone@customer.example>: host mx[192.0.2.1] said: 550 5.1.0 <{OURS}>: User unknown (in reply to MAIL FROM command)",
        "  gone@customer.example\n    SMTP error from remote mail server after MAIL FROM:<x@y.example>:\n    550 Invalid user",
        "  gone@customer.example\n    SMTP error from remote mail server after initial connection:\n    550 Unknown host",
    ],
)
def test_a_refusal_before_any_address_was_named_makes_none_dead(words: str) -> None:
    found = bounce_of(f"Your message could not be delivered:\n\n{words}\n")
    assert (found.recipients, found.kind) == (("gone@customer.example",), BounceKind.POLICY)


@pytest.mark.parametrize(
    "text",
    [
        "The mail to sue@customer.example was delivered.\nThe mail to gone@customer.example was not: 550 5.1.1 user unknown",
        "<sue@customer.example>: delivered OK\n<gone@customer.example>: 550 5.1.1 user unknown",
        "Your message\nTo: sue@customer.example, gone@customer.example\n\nwas not delivered to gone@customer.example: 550 no such user",
    ],
)
def test_one_address_does_not_answer_for_another(text: str) -> None:
    assert bounce_of(text).recipients == ("gone@customer.example",)


def test_a_list_of_addresses_with_one_reason_below_is_about_all_of_them() -> None:
    found = bounce_of(
        "These addresses failed:\n\n<a@customer.example>\n<b@customer.example>\n\n550 5.1.1 user unknown\n"
    )
    assert found.recipients == ("a@customer.example", "b@customer.example")


@pytest.mark.parametrize(
    "text",
    [
        "Your message could not be delivered: user unknown.\nIf you have questions contact jane.admin@customer.example.",
        "Your message could not be delivered: mailbox unavailable.\nFor help write to: helpme@customer.example",
        "Your message could not be delivered: user unknown.\nFor assistance please mail\n   desk@customer.example",
        "It was rejected as spam. If you think this is an error forward it to false.positives@filter.example",
        f"Your message could not be delivered.\n<{OURS}>: user unknown",
    ],
)
def test_whom_to_ask_and_the_reader_are_never_the_failed_address(text: str) -> None:
    assert bounce_of(text).recipients == ()


def test_recipients_without_a_blank_line_between_them_are_told_apart() -> None:
    fields = (
        "Reporting-MTA: dns; mx\n\nFinal-Recipient: rfc822; a@customer.example\nAction: failed\nStatus: 5.1.1\n"
        "Final-Recipient: rfc822; b@customer.example\nAction: delayed\nStatus: 4.2.2\n"
    )
    found = judged(report(fields))
    assert isinstance(found, Bounce)
    assert (found.recipients, found.kind) == (("a@customer.example",), BounceKind.HARD)


@pytest.mark.parametrize(
    "fields",
    [
        "Final-Recipient: rfc822; gone@customer.example\n\nAction: failed\n\nStatus: 5.1.1\n",
        "Action: failed\nStatus: 5.1.1\n\nFinal-Recipient: rfc822; gone@customer.example\n",
        "  Final-Recipient: rfc822; gone@customer.example\n  Action: failed\n  Status: 5.1.1\n",
    ],
)
def test_fields_torn_apart_or_indented_belong_together(fields: str) -> None:
    found = judged(report(f"Reporting-MTA: dns; mx\n\n{fields}"))
    assert isinstance(found, Bounce)
    assert (found.recipients, found.kind, found.action) == (("gone@customer.example",), BounceKind.HARD, "failed")


@pytest.mark.parametrize(
    ("value", "address"),
    [
        (r"utf-8; jos\x{E9}@customer.example", "josé@customer.example"),
        ("utf-8; jos+C3+A9@customer.example", "josé@customer.example"),
        ("rfc822; Gone+2Btag@customer.example", "gone+tag@customer.example"),
        ('rfc822; "gone"@customer.example', "gone@customer.example"),
    ],
)
def test_addresses_are_decoded_whatever_their_type(value: str, address: str) -> None:
    found = judged(report(f"Reporting-MTA: dns; mx\n\nFinal-Recipient: {value}\nAction: failed\nStatus: 5.1.1\n"))
    assert isinstance(found, Bounce)
    assert found.recipients == (address,)


PEOPLE = {
    "a postmaster who answers": (
        "Our old address info@reed.example is no longer valid, mail there is rejected. Please call me.",
        {
            "sender": "Jim Reed <postmaster@reed.example>",
            "In_Reply_To": "<s1@our-outreach.example>",
            "User_Agent": "Mail",
        },
    ),
    "a company with a name like a system": (
        "sales@ms.example is an invalid address and was not delivered, please send it again to me.",
        {"sender": "Mail Systems GmbH <tom@ms.example>"},
    ),
    "a team with a name like a system": (
        "My old address mike.old@customer.example is no longer in use; mails there are returned.",
        {"sender": "Mike Webb, Mail Server Team <mike@customer.example>"},
    ),
    "a newsletter": (
        "These boots are no longer available? Returned mail orders: contact sales@shop.example.",
        {"sender": "Shoe Shop <bounce-77@mail.shop.example>", "List_Unsubscribe": "<https://shop.example/u>"},
    ),
    "a notification": (
        "User unknown error when account not found\nfoo@bar.example: not found",
        {"sender": "noreply@code.example", "subject": "[repo] Problem: user unknown (#55)"},
    ),
    "an order": (
        "Your order could not be delivered to the address. Contact: help@shop.example",
        {"sender": "System <notifications@shop.example>", "subject": "Your order was returned"},
    ),
}


@pytest.mark.parametrize("who", PEOPLE)
def test_people_and_shops_report_no_bounce(who: str) -> None:
    text, head = PEOPLE[who]
    assert not isinstance(judged(letter(text, **head)), Bounce)


@pytest.mark.parametrize("sender", ["postmaster@customer.example", "Mail Administrator <admin@customer.example>"])
def test_a_request_to_stop_counts_although_a_postmaster_wrote_it(sender: str) -> None:
    text = "Please stop emailing us. Your mail to jim@customer.example was rejected and not delivered."
    assert isinstance(judged(letter(text, sender=sender)), OptOut)


def test_the_words_of_a_person_outweigh_a_report_they_attach() -> None:
    body = (
        "--b\nContent-Type: text/plain\n\nI got this when I wrote to you. Please take me off your list.\n"
        "--b\nContent-Type: message/delivery-status\nContent-Disposition: attachment\n\n"
        "Reporting-MTA: dns; mx\n\nFinal-Recipient: rfc822; sales@our-outreach.example\nAction: failed\nStatus: 5.1.1\n--b--\n"
    )
    raw = letter(body, content_type="multipart/mixed; boundary=b", In_Reply_To="<s1@our-outreach.example>")
    assert isinstance(judged(raw), OptOut)


def test_a_read_receipt_stays_one_whatever_our_subject_was() -> None:
    body = (
        "--b\nContent-Type: text/plain\n\nYour message\n\n  Subject: New storage quota offers, rejected by nobody\n\n"
        "was read on Monday.\n--b\nContent-Type: message/disposition-notification\n\n"
        "Final-Recipient: rfc822; tom.reed@customer.example\n"
        "Disposition: manual-action/MDN-sent-manually; displayed\n--b--\n"
    )
    raw = letter(body, content_type="multipart/report; report-type=disposition-notification; boundary=b")
    assert isinstance(judged(raw), Receipt)


@pytest.mark.parametrize(
    "text",
    [
        "Your message was successfully delivered to gone@customer.example. No failure.",
        "Your message has been successfully relayed to the following recipients:\n\ngone@customer.example\n",
    ],
)
def test_a_notice_of_success_in_words_is_a_receipt(text: str) -> None:
    assert isinstance(judged(letter(text, **DAEMON)), Receipt)


@pytest.mark.parametrize(
    "text",
    [
        "<gone@customer.example> could not be delivered yet: user unknown. We keep trying for 2 days.",
        "Not delivered to gone@customer.example: timeout.\nFurther attempts are made for 5 days, then it is returned to sender.",
    ],
)
def test_who_goes_on_trying_reports_a_delay(text: str) -> None:
    assert bounce_of(text).kind is BounceKind.DELAYED


SES = '{"notificationType":"%s","%s":{"bounceType":"Permanent","%s":[%s]},"mail":{"messageId":"1"}}'


def test_each_address_of_a_notification_has_its_own_cause() -> None:
    dead = '{"emailAddress":"a@customer.example","status":"5.1.1","diagnosticCode":"smtp; 550 5.1.1 user unknown"}'
    full = '{"emailAddress":"b@customer.example","status":"5.2.2","diagnosticCode":"smtp; 552 mailbox full"}'
    found = judged(letter(SES % ("Bounce", "bounce", "bouncedRecipients", f"{full},{dead}")))
    assert isinstance(found, Bounce)
    assert (found.recipients, found.kind) == (("a@customer.example",), BounceKind.HARD)


def test_a_notification_of_a_complaint_names_who_complained_and_of_which_mail() -> None:
    found = judged(letter(SES % ("Complaint", "complaint", "complainedRecipients", '{"emailAddress":"jim@c.example"}')))
    assert isinstance(found, Complaint)
    assert (found.feedback_type, found.recipients) == ("abuse", ("jim@c.example",))
    assert found.original_message_ids == ("1",)


def test_a_notification_of_a_delivery_bans_nobody() -> None:
    found = judged(letter(SES % ("Delivery", "delivery", "recipients", '"jim@c.example"')))
    assert isinstance(found, Receipt)
    assert (found.kind, found.recipients) == (ReceiptKind.DELIVERED, ("jim@c.example",))


@pytest.mark.parametrize(
    "text",
    [
        SES % ("Rendering Failure", "failure", "bouncedRecipients", '{"emailAddress":"jim@c.example"}'),
        (SES % ("Bounce", "bounce", "bouncedRecipients", '{"emailAddress":"jim@c.example"}'))[:-20],
    ],
    ids=["of another kind", "cut short"],
)
def test_a_notification_that_says_nothing_of_a_bounce_is_none(text: str) -> None:
    assert not isinstance(judged(letter(text)), Bounce | Complaint)


def test_half_a_character_in_a_notification_is_read() -> None:
    odd = r'{"emailAddress":"a@customer.example","diagnosticCode":"\ud800 user unknown"}'
    assert isinstance(judged(letter(SES % ("Bounce", "bounce", "bouncedRecipients", odd))), Bounce)


def test_a_quoted_notification_is_nobodys() -> None:
    quoted = SES % ("Complaint", "complaint", "complainedRecipients", '{"emailAddress":"jim@customer.example"}')
    found = judged(letter(f"Please remove me from your list.\n\n> {quoted}\n"))
    assert isinstance(found, OptOut)
    assert not isinstance(found, Complaint)


def test_user_unknown_in_answer_to_the_mail_itself_is_a_filter() -> None:
    assert cause_of("550 user unknown", None, "DATA").reason == "filtered"
    assert cause_of("550 user unknown", None, "RCPT").reason == "user_unknown"
    assert cause_of("550 5.1.1 user unknown", None, "DATA").reason == "user_unknown"
