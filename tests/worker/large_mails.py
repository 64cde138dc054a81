"""Large mails for the tests of reading them in part, built octet by octet so that nothing rewrites them."""

from __future__ import annotations

import base64
from collections.abc import Sequence

CRLF = b"\r\n"
ATTACHMENT = base64.encodebytes(bytes(range(256)) * 800).replace(b"\n", CRLF)
"""About 280 KB of base64."""


def lines(*texts: str) -> bytes:
    return b"".join(text.encode() + CRLF for text in texts)


def part(content_type: str, body: bytes, *fields: str) -> bytes:
    return lines(f"Content-Type: {content_type}", *fields) + CRLF + body


def multipart(kind: str, boundary: str, parts: Sequence[bytes]) -> bytes:
    """Return a multipart with its Content-Type field; put other fields in front of it for a message."""
    between = b"".join(b"--" + boundary.encode() + CRLF + each + CRLF for each in parts)
    return part(f'multipart/{kind}; boundary="{boundary}"', between + b"--" + boundary.encode() + b"--" + CRLF)


def message(content: bytes, subject: str = "Hello", message_id: str = "one@partner.example") -> bytes:
    head = lines(
        "From: Nora Field <nora@partner.example>",
        "To: mila@outreach.example",
        f"Subject: {subject}",
        f"Message-ID: <{message_id}>",
        "Date: Mon, 2 Mar 2026 10:00:00 +0100",
        "MIME-Version: 1.0",
    )
    return head + content


def pdf(name: str = "offer.pdf") -> bytes:
    disposition = f'Content-Disposition: attachment; filename="{name}"'
    return part("application/pdf", ATTACHMENT, "Content-Transfer-Encoding: base64", disposition)


def bounce_with_original(original: bytes) -> bytes:
    """Return a delivery status notification (RFC 3464) that hands the whole original back."""
    status = lines("Reporting-MTA: dns; mx.partner.example", "") + lines(
        "Final-Recipient: rfc822; gone@partner.example", "Action: failed", "Status: 5.1.1"
    )
    report = [
        part("text/plain; charset=us-ascii", lines("gone@partner.example is not known here.")),
        part("message/delivery-status", status),
        part("message/rfc822", original, "Content-Disposition: attachment"),
    ]
    return message(multipart("report; report-type=delivery-status", "report", report), "Undelivered", "dsn@partner")
