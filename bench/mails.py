"""Mail for benchmarks, made here: about 5 KB on average, 5 % delivery reports, a third multipart, quoted originals."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_string
from email.message import EmailMessage
from email.mime.message import MIMEMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.utils import format_datetime

OURS = "mila@outreach.example"
START = datetime(2026, 3, 2, 9, tzinfo=UTC)

WORDS = [
    "account",
    "agenda",
    "budget",
    "call",
    "campaign",
    "client",
    "colleague",
    "contract",
    "customer",
    "date",
    "deadline",
    "delivery",
    "department",
    "details",
    "director",
    "draft",
    "figures",
    "finance",
    "forecast",
    "friday",
    "growth",
    "hiring",
    "idea",
    "invoice",
    "issue",
    "january",
    "launch",
    "lead",
    "manager",
    "market",
    "meeting",
    "message",
    "minutes",
    "monday",
    "number",
    "office",
    "offer",
    "order",
    "partner",
    "phone",
    "plan",
    "price",
    "process",
    "product",
    "project",
    "proposal",
    "quarter",
    "question",
    "region",
    "reply",
    "report",
    "request",
    "result",
    "review",
    "sales",
    "schedule",
    "service",
    "solution",
    "stock",
    "strategy",
    "summer",
    "supplier",
    "support",
    "system",
    "target",
    "team",
    "thursday",
    "ticket",
    "timeline",
    "training",
    "travel",
    "trial",
    "update",
    "vendor",
    "version",
    "visit",
    "volume",
    "warehouse",
    "website",
    "week",
    "winter",
]

OPENERS = [
    "Thanks for writing, that sounds interesting. Could we talk on Thursday afternoon?",
    "No thanks, we are happy with what we have.",
    "Please take me off your list.",
    "I am out of the office until Monday and will answer when I am back.",
    "Who at your company looks after the contract side of this?",
    "Could you send the details again? My colleague asked for the figures.",
    "We have no budget for this at the moment.",
    "Your request has been received. A ticket was opened and an agent will answer.",
]
AUTOMATIC = {opener for opener in OPENERS if "out of the office" in opener or "ticket" in opener}


@dataclass(frozen=True)
class Sample:
    """One mail to deliver, and the send it answers."""

    raw: bytes
    arrived_at: datetime
    send: dict[str, object]


def make(count: int, seed: int = 1, start: datetime = START, hours: int = 200, first: int = 0) -> Iterator[Sample]:
    """Yield `count` mails, numbered from `first`, the same for the same seed; each answers a send of its own.

    The first is sent at `start`, each a second later, and answered within so many hours.
    """
    chance = random.Random(seed)  # noqa: S311 - the same mail at every run
    for number in range(first, first + count):
        sent_at = start + timedelta(seconds=number - first)
        yield _one(number, sent_at, sent_at + timedelta(hours=chance.randint(1, hours)), chance)


def _one(number: int, sent_at: datetime, arrived_at: datetime, chance: random.Random) -> Sample:
    address = f"person{number}@company{number % 997}.example"
    message_id = f"<send-{number}@outreach.example>"
    subject = f"A question about {chance.choice(WORDS)} {number}"
    send = {
        "campaign": f"campaign-{number % 20}",
        "to": address,
        "message_ids": [message_id],
        "subject": subject,
        "sent_at": sent_at.isoformat(),
        "send_id": f"send-{number}",
    }
    original = _original(address, message_id, subject, sent_at, chance)
    bounced = chance.random() < 0.05
    mail = _report(address, original, arrived_at, number) if bounced else _reply(address, original, number, chance)
    mail["Date"] = format_datetime(arrived_at)
    received = f"from mx.{address.partition('@')[2]} by mx.outreach.example with ESMTPS id {number:x}; "
    raw = f"Received: {received}{format_datetime(arrived_at)}\r\n".encode() + mail.as_bytes()
    return Sample(raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"), arrived_at, send)


def _text(words: int, chance: random.Random) -> str:
    lines, line = [], []
    for _ in range(words):
        line.append(chance.choice(WORDS))
        if len(line) == 11:
            lines.append(" ".join(line).capitalize() + ".")
            line = []
    return "\n".join([*lines, " ".join(line)])


def _original(address: str, message_id: str, subject: str, at: datetime, chance: random.Random) -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"], mail["Message-ID"] = OURS, address, subject, message_id
    mail["Date"] = format_datetime(at)
    mail.set_content(_text(230, chance))
    return mail


def _reply(address: str, original: EmailMessage, number: int, chance: random.Random) -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = f"Person {number} <{address}>", OURS, f"Re: {original['Subject']}"
    mail["Message-ID"] = f"<reply-{number}@{address.partition('@')[2]}>"
    mail["In-Reply-To"] = mail["References"] = original["Message-ID"]
    mail["MIME-Version"] = "1.0"
    quoted = "\n".join(f"> {line}" for line in original.get_content().splitlines())
    opener = chance.choice(OPENERS)
    if opener in AUTOMATIC:
        mail["Auto-Submitted"] = "auto-replied"
    own = f"{opener}\n\n{_text(chance.randint(5, 90), chance)}\n\nBest regards\nPerson {number}"
    text = f"{own}\n\nOn Mon, 2 Mar 2026 at 10:00, Mila <{OURS}> wrote:\n{quoted}\n"
    html = "".join(f"<p>{line}</p>" for line in own.splitlines()) + f'<div class="gmail_quote">{quoted}</div>'
    form = chance.random()
    if form < 0.08:
        mail.set_content(f"<html><body>{html}</body></html>", subtype="html")
    else:
        mail.set_content(text)
        if form < 0.44:
            mail.add_alternative(
                f"<html><head><style>{'p{margin:0} ' * 200}</style></head><body>{html}</body></html>", subtype="html"
            )
    return mail


def _report(address: str, original: EmailMessage, at: datetime, number: int) -> MIMEMultipart:
    mail = MIMEMultipart("report", **{"report-type": "delivery-status"})
    mail["From"], mail["To"], mail["Subject"] = (
        "Mail Delivery System <mailer-daemon@mx.example>",
        OURS,
        "Undelivered mail",
    )
    mail["Message-ID"] = f"<report-{number}@mx.example>"
    mail.attach(MIMEText(f"The mail to {address} could not be delivered: the mailbox does not exist.\n"))
    status = message_from_string(
        "Content-Type: message/delivery-status\n\n"
        f"Reporting-MTA: dns; mx.example\nArrival-Date: {format_datetime(at)}\n\nFinal-Recipient: rfc822; {address}\n"
        "Action: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 no such user here\n"
    )
    mail.attach(status)
    mail.attach(MIMEMessage(original))
    return mail
