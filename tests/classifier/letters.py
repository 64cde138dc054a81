"""Mails written for the tests, and the world they arrive in."""

from __future__ import annotations

from datetime import UTC, datetime

from classifier.context import JudgeContext
from classifier.judge import judge
from classifier.message import parse
from classifier.verdict import Verdict

NOW = datetime(2026, 6, 3, 9, 0, tzinfo=UTC)  # A Wednesday.
OURS = "lena@our-outreach.example"
ALIAS = "stop+team7@our-outreach.example"


def letter(
    body: str = "",
    *,
    subject: str = "Re: A question about your warehouse",
    sender: str = "Tom Reed <tom.reed@customer.example>",
    content_type: str = "text/plain; charset=utf-8",
    **fields: str,
) -> bytes:
    """Build a mail; field names have underscores for hyphens."""
    head = {"From": sender, "To": OURS, "Subject": subject, "Message-ID": "<r1@customer.example>"}
    head |= {name.replace("_", "-"): value for name, value in fields.items()}
    lines = [f"{name}: {value}" for name, value in head.items()]
    return ("\n".join([*lines, f"Content-Type: {content_type}", "MIME-Version: 1.0"]) + "\n\n" + body).encode()


def report(
    fields: str, *, words: str = "Your message could not be delivered.", returned: str = "", **head: str
) -> bytes:
    """Build a delivery status notification (RFC 3464)."""
    original = returned or (
        "From: Lena <lena@our-outreach.example>\nTo: gone@customer.example\n"
        "Subject: A question about your warehouse\nMessage-ID: <s1@our-outreach.example>"
    )
    body = (
        f"--b\nContent-Type: text/plain\n\n{words}\n--b\nContent-Type: message/delivery-status\n\n{fields}\n"
        f"--b\nContent-Type: message/rfc822\n\n{original}\n\nHello Tom\n--b--\n"
    )
    return letter(
        body,
        subject=head.pop("subject", "Undelivered Mail Returned to Sender"),
        sender=head.pop("sender", "MAILER-DAEMON@mx.customer.example"),
        content_type='multipart/report; report-type=delivery-status; boundary="b"',
        **head,
    )


def context(**changes: object) -> JudgeContext:
    world = {
        "own_addresses": frozenset({OURS}),
        "opt_out_aliases": frozenset({ALIAS}),
        "trusted_authserv_ids": frozenset(),
        "arrived_at": NOW,
        "classifier": None,
    }
    return JudgeContext(**{**world, **changes})  # type: ignore[arg-type]


def judged(raw: bytes) -> Verdict:
    return judge(parse(raw), context())
