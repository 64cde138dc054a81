"""Small mails whose meaning needs no trained classifier, each an answer to a mail we sent: what fault tests deliver."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any

from worker.matching.known_sends import Sent

OURS = "mila@outreach.example"


@dataclass(frozen=True)
class Exchange:
    """A mail to a person and what came back; `learnt` says that only the Sent folder knows of ours."""

    number: int
    sent_at: datetime
    learnt: bool = False

    @property
    def to(self) -> str:
        return f"person{self.number}@client{self.number % 7}.example"

    @property
    def message_id(self) -> str:
        return f"question-{self.number}@outreach.example"

    @property
    def subject(self) -> str:
        return f"Question {self.number}"

    @property
    def arrived_at(self) -> datetime:
        return self.sent_at + timedelta(hours=1)

    @property
    def ours(self) -> bytes:
        """Our mail as the Sent folder holds it."""
        return (
            f"From: Mila <{OURS}>\r\nTo: {self.to}\r\nSubject: {self.subject}\r\nMessage-ID: <{self.message_id}>\r\n"
            f"Date: {format_datetime(self.sent_at)}\r\n\r\nMay I ask you something?\r\n"
        ).encode()

    @property
    def raw(self) -> bytes:
        """What came back: a bounce, an absence, an opt-out, or an answer."""
        kinds = (self._bounce, self._absence, self._opt_out, self._answer)
        return kinds[self.number % len(kinds)]().encode()

    @property
    def row(self) -> dict[str, Any]:
        """Our mail as a line of a sends file."""
        return {
            "campaign": f"campaign-{self.number % 3}", "to": self.to, "message_ids": [self.message_id],
            "subject": self.subject, "sent_at": self.sent_at.isoformat(), "send_id": f"send-{self.number}",
        }  # fmt: skip

    @property
    def send(self) -> Sent:
        """Our mail as an import knows it."""
        row = self.row
        return Sent(**row | {"message_ids": (self.message_id,), "sent_at": self.sent_at})

    def _head(self, sender: str, subject: str, *more: str) -> str:
        return "".join(
            f"{line}\r\n"
            for line in (
                f"From: {sender}", f"To: {OURS}", f"Subject: {subject}", f"Date: {format_datetime(self.arrived_at)}",
                f"Message-ID: <answer-{self.number}@{self.to.partition('@')[2]}>", *more,
            )
        )  # fmt: skip

    def _bounce(self) -> str:
        kind = 'Content-Type: multipart/report; report-type=delivery-status; boundary="b"'
        return (
            self._head("Mail System <mailer-daemon@mx.example>", "Undelivered", "MIME-Version: 1.0", kind)
            + "\r\n--b\r\nContent-Type: text/plain\r\n\r\nNobody of that name is here.\r\n"
            "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\n"
            f"Final-Recipient: rfc822; {self.to}\r\nAction: failed\r\nStatus: 5.1.1\r\n"
            f"\r\n--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <{self.message_id}>\r\n--b--\r\n"
        )

    def _absence(self) -> str:
        head = self._head(self.to, f"Re: {self.subject}", self._thread, "Auto-Submitted: auto-replied")
        return f"{head}\r\nI am out of the office and will read your mail when I am back.\r\n"

    def _opt_out(self) -> str:
        return self._head(self.to, f"Re: {self.subject}", self._thread) + "\r\nPlease remove me from your list.\r\n"

    def _answer(self) -> str:
        return self._head(self.to, f"Re: {self.subject}", self._thread) + "\r\nLet me think about it.\r\n"

    @property
    def _thread(self) -> str:
        return f"In-Reply-To: <{self.message_id}>"


def exchanges(count: int, start: datetime, learnt: int = 0) -> list[Exchange]:
    """Return so many exchanges a minute apart; of the last `learnt` only the Sent folder knows that we began them."""
    return [Exchange(number, start + timedelta(minutes=number), number >= count - learnt) for number in range(count)]


def sends(mails: Sequence[Exchange]) -> list[Sent]:
    """Return what an import knows of."""
    return [each.send for each in mails if not each.learnt]
