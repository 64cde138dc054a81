"""What lies in the mailbox of the pages: four mails that Mila sent, and what came back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from tests.servers import MailServer

MILA = "mila@outreach.example"
HOST = "imap.outreach.example"
SUBJECT = "A question about your warehouse"
PEOPLE = {
    "anna": "anna@client.example",
    "boris": "boris@shop.example",
    "clara": "clara@works.example",
    "tom": "tom.reed@customer.example",
}
NOTICE = """\
From: Tom Reed <tom.reed@customer.example>
To: Mila <mila@outreach.example>
Subject: Re: A question about your warehouse
Date: Mon, 1 Jun 2026 10:00:00 +0000
Message-ID: <away-1@customer.example>
Auto-Submitted: auto-replied

I am away until 12 June 2026.
Please write to ann@customer.example.

--
Tom Reed
Customer Ltd
"""
BOUNCE = """\
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="part"

--part
Content-Type: text/plain

Your message could not be delivered.

--part
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.shop.example

Final-Recipient: rfc822; boris@shop.example
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 No such user here

--part
Content-Type: text/rfc822-headers

Message-ID: <question-boris@outreach.example>

--part--
"""


def furnish(server: MailServer, now: datetime) -> None:
    """Let Mila have sent her question two days ago, and four answers have come."""
    for folder, mail, at in (*_sent(now), *_came(now)):
        server.deliver(MILA, mail.replace("\n", "\r\n").encode(), folder, at)


def _sent(now: datetime) -> Iterator[tuple[str, str, datetime]]:
    at = now - timedelta(days=2)
    for name, address in PEOPLE.items():
        head = f"From: Mila <{MILA}>\nTo: {address}\nSubject: {SUBJECT}\nMessage-ID: <question-{name}@outreach.example>"
        yield "Sent", f"{head}\nDate: {format_datetime(at)}\n\nHow do you store spare parts?\n", at


def _came(now: datetime) -> Iterator[tuple[str, str, datetime]]:
    back = f"{now + timedelta(days=9):%-d %B %Y}"
    answers = {
        "anna": ("", "Yes, I am interested. Could you call me on Tuesday?\n"),
        "clara": ("", "Please remove me from your list.\n"),
        "tom": ("Auto-Submitted: auto-replied\n", f"I am out of the office and back on {back}.\n"),
    }
    for number, (name, (more, text)) in enumerate(answers.items(), start=1):
        at = now - timedelta(days=1, minutes=-number)
        head = f"In-Reply-To: <question-{name}@outreach.example>\nSubject: Re: {SUBJECT}\n{more}"
        yield "INBOX", f"{_head(PEOPLE[name], name, at)}{head}\n{text}", at
    at = now - timedelta(days=1)
    subject = "Subject: Undelivered Mail Returned to Sender\n"
    yield "INBOX", f"{_head('mailer-daemon@mx.shop.example', 'boris', at)}{subject}{BOUNCE}", at


def _head(sender: str, name: str, at: datetime) -> str:
    identity = f"Message-ID: <answer-{name}@{sender.partition('@')[2]}>\n"
    return f"From: {sender}\nTo: {MILA}\nDate: {format_datetime(at.astimezone(UTC))}\n{identity}"
