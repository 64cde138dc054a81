"""What the sending side tells: sends, and what became of them."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.events import Bounced, Event, EventKind
from models.session import Writer, insert_new
from models.tables.mailboxes import Mailbox
from models.tables.mailing import Campaign, Contact, Recipient, SentMessage, SentMessageId
from models.tables.standing import RecipientEvent
from worker.chunks import chunks
from worker.decide import event_key
from worker.matching.known_sends import Sent
from worker.matching.veil import hider
from worker.rules import Rules
from worker.secrets.pseudonyms import is_pseudonym
from worker.sending.sends import BATCH, import_sends
from worker.writing.locks import lock, lock_team
from worker.writing.refold import refold
from worker.writing.stored import event_columns, storable
from worker.writing.suppression import erased

LONGEST_REASON = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """What became of a send: `row` is its place in the batch, `happened_at` aware UTC.

    It names the send by its send_id, or by a Message-ID and, where a mail went to several people, the address.
    """

    row: int
    kind: EventKind
    happened_at: datetime
    send_id: str | None = None
    message_id: str | None = None
    to: str | None = None
    event_id: str | None = None
    """The sending side's own id of what happened."""
    link: str | None = None
    bounce: Bounced | None = None
    because: str = ""


@dataclass(slots=True)
class Told:
    """A batch of what the sending side tells, by what is done with it."""

    sends: list[Sent] = field(default_factory=list)
    attempts: list[Sent] = field(default_factory=list)
    """Mails that were refused while they were sent; one of the signals tells that, and counts the row."""
    signals: list[Signal] = field(default_factory=list)


@dataclass(slots=True)
class Taken:
    """What a batch was: rows that were new, rows known before, and rows that name no send of this team."""

    new: int = 0
    known: int = 0
    unknown: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Place:
    """The send a signal is about, and whose it is."""

    send_id: str
    recipient_id: int
    contact_id: int
    address: str
    campaign: str


def take_in(
    writer: Writer,
    rules: Rules,
    told: Told,
    actor: str,
    now: datetime,
) -> Taken:
    """Record sends and then what became of sends, in transactions of at most some thousand rows.

    Everything is known by its key when it comes again, so a batch that broke off may be sent once more.

    Args:
        writer: opens a write transaction.
        rules: the team and its settings.
        told: sends, and what became of these or of earlier ones.
        actor: who tells.
        now: aware UTC.

    Raises:
        InputError: a send_id is known for a mail to somebody else; the batches before it are recorded.
    """
    taken = Taken()
    for batch in chunks(told.sends, BATCH):
        with writer() as session:
            report = import_sends(session, rules, batch, now)
        taken.new += report.new
        taken.known += report.known
    for batch in chunks(told.attempts, BATCH):
        with writer() as session:
            import_sends(session, rules, batch, now)
    for some in chunks(told.signals, BATCH):
        with writer() as session:
            _take_signals(session, rules, some, taken, actor=actor, now=now)
    return taken


def mailbox_ids(session: Session, team_id: int) -> dict[str, int]:
    """Return name -> id of the team's mailboxes."""
    return {row.name: row.id for row in session.execute(select(Mailbox.name, Mailbox.id).filter_by(team_id=team_id))}


def _take_signals(
    session: Session, rules: Rules, signals: Sequence[Signal], taken: Taken, *, actor: str, now: datetime
) -> None:
    lock_team(session, rules.team_id, exclusive=False)
    names = erased(session, rules.team_id, {signal.to for signal in signals if signal.to})
    signals = [replace(signal, to=names.get(signal.to, signal.to)) if signal.to else signal for signal in signals]
    places = _places(session, rules.team_id, signals)
    taken.unknown += [signal.row for signal in signals if signal.row not in places]
    locked = lock(session, {place.contact_id for place in places.values()})
    rows = [_row(signal, places[signal.row], actor, now) for signal in signals if signal.row in places]
    new = insert_new(session, RecipientEvent, rows)
    taken.new += new
    taken.known += len(rows) - new
    refold(session, locked, now)


def _row(signal: Signal, place: _Place, actor: str, now: datetime) -> dict[str, Any]:
    event = Event(
        kind=signal.kind,
        # Nothing happened in the future: the sending side's clock is ahead.
        happened_at=min(signal.happened_at, now),
        key=_key(signal, place),
        send_id=place.send_id,
        # A link or an answer of a server may say whom it was for.
        link=None if is_pseudonym(place.address) else storable(signal.link),
        bounce=signal.bounce,
    )
    said = "" if is_pseudonym(place.address) else signal.because
    return event_columns(event) | {
        "recipient_id": place.recipient_id,
        "because": storable([said or f"{signal.kind.value}, says the sending side"], LONGEST_REASON),
        "actor": actor,
        "recorded_at": now,
    }


def _key(signal: Signal, place: _Place) -> str:
    """Return the lasting key: by the sending side's own id of the event, else by what happened to which send, when."""
    own = (
        ("event", signal.event_id)
        if signal.event_id
        else ("send", place.send_id, signal.happened_at.isoformat(), signal.link or "")
    )
    source = hashlib.sha256(storable("\0".join(("sending side", *own))).encode()).hexdigest()
    return event_key(source, signal.kind, place.campaign, place.address)


def _places(session: Session, team_id: int, signals: Iterable[Signal]) -> dict[int, _Place]:
    """Return row -> the send it is about; without those that name none, or one of several."""
    signals = list(signals)
    hidden, named = hider(session), {each.send_id for each in signals if each.send_id}
    by_send_id = _found(session, team_id, SentMessage.send_id, named | set(map(hidden, named)))
    by_message_id = _found(
        session, team_id, SentMessageId.message_id, {each.message_id for each in signals if each.message_id}
    )
    places: dict[int, _Place] = {}
    for signal in signals:
        send_id = signal.send_id or ""
        meant = by_send_id.get(send_id) or by_send_id.get(hidden(send_id))
        meant = meant or by_message_id.get(signal.message_id or "", [])
        fitting = [place for place in meant if signal.to in {None, place.address}]
        if len(fitting) == 1:
            places[signal.row] = fitting[0]
    return places


def _found(session: Session, team_id: int, column: Any, values: set[str]) -> Mapping[str, list[_Place]]:
    query = (
        select(
            column.label("named"),
            SentMessage.send_id,
            SentMessage.recipient_id,
            Recipient.contact_id,
            Contact.address,
            Campaign.key,
        )
        .select_from(SentMessage)
        .join(Recipient, Recipient.id == SentMessage.recipient_id)
        .join(Contact, Contact.id == Recipient.contact_id)
        .join(Campaign, Campaign.id == Recipient.campaign_id)
        .where(SentMessage.team_id == team_id)
    )
    if column is SentMessageId.message_id:
        query = query.join(SentMessageId, SentMessageId.sent_message_id == SentMessage.id)
    found: dict[str, list[_Place]] = defaultdict(list)
    for chunk in chunks(values):
        for row in session.execute(query.where(column.in_(chunk))):
            found[row.named].append(_Place(*row[1:]))
    return found
