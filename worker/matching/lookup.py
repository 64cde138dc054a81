"""What the database knows about the sends that a batch of messages may answer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Select, bindparam, false, literal_column, select, union_all
from sqlalchemy.orm import Session

from models.among import among, unindexed
from models.tables.mailing import Contact, Recipient, SecondAddress, SentMessage, SentMessageId
from worker.match import Clues, Send, Sends
from worker.matching.links import Purpose, find_linked

_CONTACT, _RECIPIENT, _SECOND = Contact.__table__.c, Recipient.__table__.c, SecondAddress.__table__.c
_SENT, _SENT_ID = SentMessage.__table__.c, SentMessageId.__table__.c
_TEAM: BindParameter[int] = bindparam("team_id")
_BY_ID, _BY_TOKEN, _BY_ADDRESS, _BY_SECOND = range(4)


def find_sends(session: Session, team_id: int, clues: Sequence[Clues], link_keys: Sequence[str] = ()) -> Sends:
    """Load every send of the team that one of the clues names by Message-ID, token, link or address."""
    names = {
        "ids": {value for each in clues for value in each.answers},
        "tokens": {value for each in clues for value in each.tokens},
        "addresses": {value for each in clues for value in (each.from_address, *each.addresses) if value},
    }
    rows = session.execute(_NAMED, {"team_id": team_id, **names}).all() if any(names.values()) else ()
    found: list[defaultdict[str, list[Send]]] = [defaultdict(list) for _ in range(4)]
    for row in rows:
        if row[3] is not None:
            found[row[0]][row[1]].append(Send(*row[3:]))
    learnt = {row[1] for row in rows if row[2]}
    by_id, by_token, by_address, by_second = found
    for address, sends in by_second.items():
        by_address[address] += sends
    return Sends(by_id, by_token, by_address, _by_link(session, team_id, clues, link_keys), learnt)


def _by_link(session: Session, team_id: int, clues: Sequence[Clues], keys: Sequence[str]) -> dict[str, list[Send]]:
    """Return the sends to the recipients whose links these are; a token that no key of ours signed names nobody."""
    tokens = {token for each in clues for token in each.links}
    linked = find_linked(session, keys, Purpose.UNSUBSCRIBE, tokens) if tokens and keys else {}
    if not linked:
        return {}
    sends: defaultdict[int, list[Send]] = defaultdict(list)
    recipients = {each.recipient_id for each in linked.values()}
    for row in session.execute(_TO_RECIPIENTS, {"team_id": team_id, "recipients": recipients}):
        sends[row.recipient_id].append(Send(*row))
    return {token: sends[each.recipient_id] for token, each in linked.items()}


_SEND = (
    _SENT.send_id,
    _SENT.sent_at,
    _SENT.subject_key,
    _SENT.recipient_id,
    _RECIPIENT.contact_id,
    _RECIPIENT.campaign_id,
    _CONTACT.address,
)
"""The columns of `Send`, in its order."""
_SENDS = (
    SentMessage.__table__.join(Recipient.__table__, _RECIPIENT.id == _SENT.recipient_id)
    .join(Contact.__table__, _CONTACT.id == _RECIPIENT.contact_id)
)  # fmt: skip
_TO_RECIPIENTS = (
    select(*_SEND).select_from(_SENDS).where(unindexed(_SENT.team_id) == _TEAM, among(_SENT.recipient_id, "recipients"))
)


def _named(how: int, key: ColumnElement[str], by_mail: ColumnElement[bool] | None = None) -> Select[Any]:
    return select(literal_column(str(how)), key, false() if by_mail is None else by_mail, *_SEND)


# One statement for all that a batch names: most of what each would cost is asking it.
_NAMED = union_all(
    _named(_BY_ID, _SENT_ID.message_id)
    .select_from(_SENDS.join(SentMessageId.__table__, _SENT_ID.sent_message_id == _SENT.id))
    .where(_SENT_ID.team_id == _TEAM, among(_SENT_ID.message_id, "ids"), unindexed(_SENT.team_id) == _TEAM),
    _named(_BY_TOKEN, _SENT.token)
    .select_from(_SENDS)
    .where(unindexed(_SENT.team_id) == _TEAM, among(_SENT.token, "tokens")),
    _named(_BY_ADDRESS, _CONTACT.address)
    .select_from(_SENDS)
    .where(_CONTACT.team_id == _TEAM, unindexed(_SENT.team_id) == _TEAM, among(_CONTACT.address, "addresses")),
    # A second address is known also where nothing was sent to its contact.
    _named(_BY_SECOND, _SECOND.address, _SECOND.actor.is_(None))
    .select_from(
        SecondAddress.__table__.join(Contact.__table__, _CONTACT.id == _SECOND.contact_id)
        .outerjoin(Recipient.__table__, _RECIPIENT.contact_id == _CONTACT.id)
        .outerjoin(SentMessage.__table__, _SENT.recipient_id == _RECIPIENT.id)
    )
    .where(unindexed(_CONTACT.team_id) == _TEAM, among(_SECOND.address, "addresses")),
)
