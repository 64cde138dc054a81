"""Recognises a mail we sent that is known already: imported before, or learnt from a Sent folder."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from models.tables.mailing import Campaign, Recipient, SentMessage, SentMessageId
from worker.chunks import chunks
from worker.errors import InputError
from worker.match import subject_key
from worker.writing.book import LEARNT

# Providers rewrite Message-IDs: what was learnt and what was imported is one mail where subject and time agree.
SAME_SEND = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One mail that was sent to one recipient of one campaign; `sent_at` is aware UTC."""

    campaign: str
    to: str
    message_ids: tuple[str, ...]
    sent_at: datetime
    subject: str = ""
    send_id: str
    token: str | None = None
    campaign_name: str | None = None
    mailbox_id: int | None = None

    @property
    def learnt(self) -> bool:
        """Say whether it comes from a Sent folder, which does not know the campaign."""
        return self.campaign.startswith(LEARNT)


@dataclass(slots=True)
class Slot:
    """One mail to one contact: its row if it has one, what is to be written, and every Message-ID heard of now."""

    contact_id: int
    send_id: str
    subject_key: str
    sent_at: datetime
    learnt: bool
    row_id: int | None = None
    write: Sent | None = None
    message_ids: set[str] = field(default_factory=set)


class KnownSends:
    """The sends of some contacts, and which of them a further one is."""

    def __init__(self, session: Session, team_id: int, sends: Sequence[Sent], contact_ids: Collection[int]) -> None:
        """Load the contacts' sends, and whatever bears one of the new ones' ids."""
        self.slots: list[Slot] = []
        self._by_send_id: dict[str, Slot] = {}
        self._by_message_id: dict[tuple[str, int], Slot] = {}
        self._by_subject: dict[tuple[str, int], list[Slot]] = defaultdict(list)
        of_contacts, of_ids = Recipient.contact_id.in_, SentMessage.send_id.in_
        for chunk in chunks(sorted(set(contact_ids))):
            self._load(session, team_id, of_contacts(chunk))
        for names in chunks(sorted({send.send_id for send in sends} - self._by_send_id.keys())):
            self._load(session, team_id, of_ids(names))
        rows = {slot.row_id: slot for slot in self.slots}
        for row_ids in chunks([slot.row_id for slot in self.slots]):
            query = select(SentMessageId.message_id, SentMessageId.sent_message_id)
            for row in session.execute(query.where(SentMessageId.sent_message_id.in_(row_ids))):
                slot = rows[row.sent_message_id]
                self._by_message_id[row.message_id, slot.contact_id] = slot

    def place(self, send: Sent, contact_id: int) -> Slot:
        """Return the slot of a send: a known one, which an import takes over from what was learnt, or a new one.

        Raises:
            InputError: its send_id is that of a mail to somebody else.
        """
        slot = self._find(send, contact_id)
        if slot is None:
            slot = Slot(contact_id, send.send_id, subject_key(send.subject), send.sent_at, send.learnt, write=send)
            self._add(slot)
        elif slot.learnt and not send.learnt:
            slot.send_id, slot.learnt, slot.write = send.send_id, False, send
            self._by_send_id[send.send_id] = slot
        slot.message_ids.update(send.message_ids)
        for message_id in send.message_ids:
            self._by_message_id[message_id, contact_id] = slot
        return slot

    def _find(self, send: Sent, contact_id: int) -> Slot | None:
        slot = self._by_send_id.get(send.send_id)
        if slot is not None:
            if slot.contact_id != contact_id:
                raise InputError(f"send_id {send.send_id!r} is known for a mail to somebody else than {send.to}")
            return slot
        for message_id in send.message_ids:
            if (message_id, contact_id) in self._by_message_id:
                return self._by_message_id[message_id, contact_id]
        near = [
            slot
            for slot in self._by_subject[subject_key(send.subject), contact_id]
            if slot.learnt != send.learnt and abs(slot.sent_at - send.sent_at) <= SAME_SEND
        ]
        return min(near, key=lambda slot: (abs(slot.sent_at - send.sent_at), slot.send_id), default=None)

    def _load(self, session: Session, team_id: int, which: ColumnElement[bool]) -> None:
        query = (
            select(
                SentMessage.id,
                SentMessage.send_id,
                SentMessage.subject_key,
                SentMessage.sent_at,
                Recipient.contact_id,
                Campaign.key,
            )
            .join(Recipient, Recipient.id == SentMessage.recipient_id)
            .join(Campaign, Campaign.id == Recipient.campaign_id)
            .where(SentMessage.team_id == team_id, which)
        )
        for row in session.execute(query):
            learnt = row.key.startswith(LEARNT)
            self._add(Slot(row.contact_id, row.send_id, row.subject_key, row.sent_at, learnt, row.id))

    def _add(self, slot: Slot) -> None:
        self.slots.append(slot)
        self._by_send_id[slot.send_id] = slot
        self._by_subject[slot.subject_key, slot.contact_id].append(slot)
