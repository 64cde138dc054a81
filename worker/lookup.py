"""What the database knows about the sends that a batch of messages may answer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from models.tables import Contact, Recipient, SecondAddress, SentMessage, SentMessageId
from worker.chunks import chunks
from worker.links import Purpose, find_linked
from worker.match import Clues, Send, Sends


def find_sends(session: Session, team_id: int, clues: Sequence[Clues], link_keys: Sequence[str] = ()) -> Sends:
    """Load every send of the team that one of the clues names by Message-ID, token, link or address."""
    ids = {value for each in clues for value in each.answers}
    tokens = {value for each in clues for value in each.tokens}
    addresses = {value for each in clues for value in (each.from_address, *each.addresses) if value}
    of_id = SentMessageId.sent_message_id == SentMessage.id
    of_contact = SecondAddress.contact_id == Contact.id
    by_id = _found(session, _sends(team_id, SentMessageId.message_id).join(SentMessageId, of_id), ids)
    by_token = _found(session, _sends(team_id, SentMessage.token), tokens)
    by_address = _found(session, _sends(team_id, Contact.address), addresses)
    for address, sends in _found(
        session, _sends(team_id, SecondAddress.address).join(SecondAddress, of_contact), addresses
    ).items():
        by_address[address] += sends
    return Sends(by_id, by_token, by_address, _by_link(session, team_id, clues, link_keys))


def _by_link(session: Session, team_id: int, clues: Sequence[Clues], keys: Sequence[str]) -> dict[str, list[Send]]:
    """Return the sends to the recipients whose links these are; a token that no key of ours signed names nobody."""
    tokens = {token for each in clues for token in each.links}
    linked = find_linked(session, keys, Purpose.UNSUBSCRIBE, tokens) if tokens and keys else {}
    sends = _found(session, _sends(team_id, SentMessage.recipient_id), {each.recipient_id for each in linked.values()})
    return {token: sends[each.recipient_id] for token, each in linked.items()}


def _sends(team_id: int, key: InstrumentedAttribute[Any]) -> Select[Any]:
    return (
        select(
            key.label("key"),
            SentMessage.send_id,
            SentMessage.sent_at,
            SentMessage.subject_key,
            SentMessage.recipient_id,
            Recipient.contact_id,
            Recipient.campaign_id,
            Contact.address,
        )
        .select_from(SentMessage)
        .join(Recipient, Recipient.id == SentMessage.recipient_id)
        .join(Contact, Contact.id == Recipient.contact_id)
        .where(SentMessage.team_id == team_id)
    )


def _found(session: Session, query: Select[Any], values: set[Any]) -> defaultdict[Any, list[Send]]:
    found: defaultdict[Any, list[Send]] = defaultdict(list)
    key = query.selected_columns["key"]
    for chunk in chunks(sorted(values)):
        for row in session.execute(query.where(key.in_(chunk))):
            found[row.key].append(Send(*row[1:]))
    return found
