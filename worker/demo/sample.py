"""The sample mailbox: what was sent, what came back, and what must follow; all of it invented."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from models.events import Status
from worker.demo.template import attachment, date_values, fill, header_date, quotes

BASE = date(2026, 3, 16)
"""The day that the files count back from; loading moves it."""
NEWEST = 2
"""So many days before it the newest mail came."""
MAILBOX = "mila@outreach.example"
SENDER = f"Mila Hartmann <{MAILBOX}>"
OPT_OUT_ALIAS = "unsubscribe@outreach.example"
AUTHSERV_ID = "mail.outreach.example"
"""Our own provider, which writes the Authentication-Results (RFC 8601)."""

HERE = Path(__file__).parent
MAILS = HERE / "mails"
SENT = HERE / "sent"
UNDER_WAY = timedelta(seconds=20)
"""How long every sample mail travelled from its author to our mailbox."""
_NOON = time(12)


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSend:
    """One mail that we sent, as `sends import` reads it; `sent_at` is aware UTC."""

    campaign: str
    campaign_name: str
    to: str
    message_ids: tuple[str, ...]
    """What we wrote first, what the world saw last: providers rewrite Message-IDs."""
    subject: str
    sent_at: datetime
    send_id: str
    mailbox: str
    token: str | None = None

    def row(self) -> dict[str, Any]:
        """Return the send as a row of a file of sends."""
        return asdict(self) | {"sent_at": self.sent_at.isoformat()}


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleMail:
    """One mail of the mailbox, and what must follow from it."""

    name: str
    raw: bytes
    arrived_at: datetime
    story: str = ""
    answers: SampleSend | None = None
    """The send that it is about; None where it concerns nobody we mailed."""
    verdict: str | None = None
    """What it must be judged to be (`classifier.verdict.NAMES`); None where that does not matter."""
    expect: Status | None = None
    """The recipient's status after the whole mailbox; None where it changes nobody."""
    review: bool = False
    """A person must look at it."""
    back: date | None = None
    """The day that an absence names."""

    @property
    def about(self) -> str | None:
        """The recipient's address."""
        return self.answers.to if self.answers else None


@dataclass(frozen=True, slots=True)
class Sample:
    """A mailbox with its sends, oldest first."""

    sends: tuple[SampleSend, ...]
    inbox: tuple[SampleMail, ...]
    sent: tuple[SampleMail, ...]
    """The copies in the Sent folder."""

    def days(self) -> Iterator[tuple[datetime, Sample]]:
        """Return for each day (UTC) its end, a minute after the last mail, and what was sent and came on it."""
        moments = [send.sent_at for send in self.sends] + [mail.arrived_at for mail in self.inbox]
        day = min(moments).date()
        while day <= max(moments).date():
            last = max((each for each in moments if each.date() == day), default=datetime.combine(day, _NOON, UTC))
            yield (
                last + timedelta(minutes=1),
                Sample(
                    tuple(send for send in self.sends if send.sent_at.date() == day),
                    tuple(mail for mail in self.inbox if mail.arrived_at.date() == day),
                    tuple(mail for mail in self.sent if mail.arrived_at.date() == day),
                ),
            )
            day += timedelta(days=1)

    def sends_file(self) -> str:
        """Return the sends as JSON lines, the format of `sends import`."""
        return "".join(json.dumps(send.row()) + "\n" for send in self.sends)


def load(now: datetime) -> Sample:
    """Read the sample, every date in it moved by whole days so that the newest mail is of yesterday.

    Args:
        now: aware.
    """
    shift = now.astimezone(UTC).date() - BASE + timedelta(days=NEWEST - 1)
    sends = {send.send_id: replace(send, sent_at=send.sent_at + shift) for send in _sends()}
    mails = (_mail(entry, sends, shift) for entry in _index()["mail"])
    return Sample(
        tuple(sends.values()),
        tuple(sorted(mails, key=lambda mail: mail.arrived_at)),
        tuple(_sent_copy(send, sends) for send in sends.values()),
    )


def expected_statuses() -> dict[tuple[str, str], Status]:
    """Return (campaign, address) -> the status after all mail, for every recipient; Active where nothing came."""
    sends = {send.send_id: send for send in _sends()}
    index = _index()
    told = {entry["answers"]: Status(entry["expect"]) for entry in index["mail"] if "answers" in entry}
    told |= {entry["send"]: Status(entry["expect"]) for entry in index["elsewhere"]}
    statuses = {(send.campaign, send.to): Status.ACTIVE for send in sends.values()}
    return statuses | {(sends[key].campaign, sends[key].to): status for key, status in told.items()}


def _index() -> dict[str, Any]:
    return tomllib.loads((MAILS / "index.toml").read_text("utf-8"))


def _sends() -> Iterator[SampleSend]:
    for line in (HERE / "sends.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        sent_at = datetime.fromisoformat(row.pop("sent_at"))
        yield SampleSend(**row | {"message_ids": tuple(row["message_ids"]), "sent_at": sent_at})


def _mail(entry: Mapping[str, Any], sends: Mapping[str, SampleSend], shift: timedelta) -> SampleMail:
    arrived_at = _moment(entry["days"], entry["time"]) + shift
    send = sends[entry["answers"]] if "answers" in entry else None
    values = {"date": header_date(arrived_at - UNDER_WAY), "received": header_date(arrived_at)}
    back = BASE + timedelta(days=entry["back"]) + shift if "back" in entry else None
    if back:
        values |= date_values(back, "back")
    if "attachment" in entry:
        values["attachment"] = attachment(entry["attachment"])
    if send:
        values |= _send_values(send, sends)
    text = (MAILS / f"{entry['name']}.eml").read_text("utf-8")
    return SampleMail(
        name=entry["name"],
        raw=_wire(fill(text, values)),
        arrived_at=arrived_at,
        story=entry["story"],
        answers=send,
        verdict=entry.get("verdict"),
        expect=Status(entry["expect"]) if send else None,
        review=entry.get("review", False),
        back=back,
    )


def _moment(days_before: int, at: time) -> datetime:
    return datetime.combine(BASE - timedelta(days=days_before), at, UTC)


def _send_values(send: SampleSend, sends: Mapping[str, SampleSend]) -> dict[str, str]:
    """Return what a template may say about the send it answers, as the recipient saw it."""
    original = _outgoing(send, sends, send.message_ids[-1])
    header, _, body = original.partition("\n\n")
    return {
        "to": send.to,
        "message_id": send.message_ids[-1],
        "subject": send.subject,
        "token": send.token or "",
        "sent_date": header_date(send.sent_at),
        "original": original,
        "original_headers": header,
    } | quotes(SENDER, send.to, send.subject, send.sent_at, body)


def _sent_copy(send: SampleSend, sends: Mapping[str, SampleSend]) -> SampleMail:
    raw = _wire(_outgoing(send, sends, send.message_ids[0]))
    return SampleMail(name=send.send_id, raw=raw, arrived_at=send.sent_at, verdict="outgoing")


def _outgoing(send: SampleSend, sends: Mapping[str, SampleSend], message_id: str) -> str:
    campaign, step, local = send.send_id.split("/")
    first = sends[f"{campaign}/1/{local}"].message_ids[0]
    first_name, _, last_name = local.title().partition(".")
    body = (SENT / f"{campaign}.{step}.txt").read_text("utf-8")
    alias, _, domain = OPT_OUT_ALIAS.partition("@")
    values = {
        "sent_date": header_date(send.sent_at),
        "to": send.to,
        "to_name": f"{first_name} {last_name}".strip(),
        "subject": send.subject,
        "message_id": message_id,
        "thread": "" if step == "1" else f"In-Reply-To: {first}\nReferences: {first}\n",
        "opt_out": f"{alias}+{send.token}@{domain}" if send.token else OPT_OUT_ALIAS,
        # An address like office@ belongs to nobody who could be greeted by name.
        "body": fill(body, {"greeting": f"Hello {first_name}," if last_name else "Hello,"}),
    }
    return fill((SENT / "outgoing.eml").read_text("utf-8"), values)


def _wire(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode()
