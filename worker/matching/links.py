"""Links in our mail that say whom they were sent to: opt-out by one press (RFC 8058), and a booking's origin.

A token holds the recipient's id and a signature over what it is for, the id, the address and the campaign. So it can
be made up by nobody, serves no other purpose, and never hits somebody else should ids change.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from models.tables.mailboxes import Mailbox
from models.tables.mailing import Campaign, Contact, Recipient
from worker.chunks import chunks
from worker.errors import InputError

ID_BYTES = 8
MAC_BYTES = 17
"""136 bits; with the id 25 bytes, which base32 writes without padding."""
TOKEN = re.compile(r"[a-z2-7]{40}")
ONE_CLICK = "List-Unsubscribe=One-Click"
BOOKING_PARAMETER = "utm_content"
"""Calendly hands it on with the booking, in `tracking`."""
LARGEST_ID = 2**63 - 1


class Purpose(StrEnum):
    """What a token may be used for."""

    UNSUBSCRIBE = "unsubscribe"
    BOOKING = "booking"


@dataclass(frozen=True, slots=True)
class Linked:
    """The recipient a link speaks of."""

    recipient_id: int
    contact_id: int
    team_id: int
    address: str
    campaign: str


@dataclass(frozen=True, slots=True)
class Links:
    """Where links lead and the keys that sign them: the first signs, all are accepted."""

    public_url: str
    keys: tuple[str, ...]

    def __repr__(self) -> str:
        """Keep the keys out of logs."""
        return f"Links({self.public_url!r})"


@dataclass(frozen=True, slots=True)
class ListUnsubscribe:
    """What a mail to one recipient carries: the link in its text, and the values of two header fields."""

    link: str
    list_unsubscribe: str
    list_unsubscribe_post: str = ONE_CLICK


def links_with(public_url: str | None, keys: tuple[str, ...]) -> Links:
    """Return what links are made with.

    Raises:
        InputError: a setting is missing; names it.
    """
    if not public_url:
        raise InputError("INBOX_PUBLIC_URL is missing: set it to the address at which recipients reach the console")
    if not keys:
        raise InputError("INBOX_LINK_KEYS is missing: set it to a secret of 32 characters or more, and keep it")
    return Links(public_url, keys)


def list_unsubscribe(links: Links, whose: Linked, alias: str | None = None) -> ListUnsubscribe:
    """Return the opt-out link of a recipient and the header fields that carry it (RFC 2369, RFC 8058).

    Args:
        links: where they lead, and the keys.
        whose: the recipient.
        alias: an address of ours, mail to which is an opt-out; the subject then carries the token.
    """
    token = make_token(links.keys[0], Purpose.UNSUBSCRIBE, whose)
    link = f"{links.public_url}/u/{token}"
    mail = f", <mailto:{quote(alias, safe='@+')}?subject=unsubscribe%20{token}>" if alias else ""
    return ListUnsubscribe(link, f"<{link}>{mail}")


def booking_link(links: Links, whose: Linked, url: str) -> str:
    """Return the link to a booking page that tells whom it was sent to.

    Raises:
        InputError: it is no https address.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.netloc:
        raise InputError(f"{url!r} is no address of a booking page; write https://calendly.com/...")
    token = make_token(links.keys[0], Purpose.BOOKING, whose)
    kept = [each for each in parse_qsl(parts.query, keep_blank_values=True) if each[0] != BOOKING_PARAMETER]
    return urlunsplit(parts._replace(query=urlencode([*kept, (BOOKING_PARAMETER, token)])))


def make_token(key: str, purpose: Purpose, whose: Linked) -> str:
    """Return the token of a recipient: 40 letters and digits, whose case means nothing."""
    signed = _signed(key, purpose, whose.recipient_id, whose.address, whose.campaign)
    return base64.b32encode(whose.recipient_id.to_bytes(ID_BYTES, "big") + signed).decode().lower()


def find_linked(session: Session, keys: Sequence[str], purpose: Purpose, tokens: Collection[str]) -> dict[str, Linked]:
    """Return the recipients that valid tokens speak of; whatever else a token is, it is left out."""
    claimed = {token: read for token in tokens if (read := _read(token)) is not None}
    whose: dict[int, Linked] = {}
    for chunk in chunks({recipient_id for recipient_id, _ in claimed.values()}):
        for row in session.execute(_linked().where(Recipient.id.in_(chunk))):
            whose[row[0]] = Linked(*row)
    nobody = Linked(0, 0, 0, "", "")
    found: dict[str, Linked] = {}
    for token, (recipient_id, mac) in claimed.items():
        one = whose.get(recipient_id, nobody)
        # Compared with every key also where nobody has this id, so that the time of the answer tells nothing.
        fits = [
            hmac.compare_digest(mac, _signed(key, purpose, recipient_id, one.address, one.campaign)) for key in keys
        ]
        if any(fits) and one is not nobody:
            found[token] = one
    return found


def linked_of_campaign(session: Session, team_id: int, campaign: str) -> Iterator[Linked]:
    """Yield every listed recipient of a campaign by address, without holding them all."""
    query = _linked().where(Contact.team_id == team_id, Campaign.key == campaign, Recipient.listed.is_(True))
    rows = session.execute(query.order_by(Contact.address), execution_options={"yield_per": 1_000})
    return (Linked(*row) for row in rows)


def linked_of_addresses(
    session: Session, team_id: int, addresses: Collection[str], campaign: str | None = None
) -> list[Linked]:
    """Return the recipients of addresses in their normal form, of one campaign where it is named."""
    query = _linked().where(Contact.team_id == team_id)
    if campaign is not None:
        query = query.where(Campaign.key == campaign)
    return [
        Linked(*row)
        for chunk in chunks(addresses)
        for row in session.execute(query.where(Contact.address.in_(chunk)).order_by(Recipient.id))
    ]


def opt_out_alias(session: Session, team_id: int) -> str | None:
    """Return an address of the team, mail to which is an opt-out; the first that a mailbox has."""
    query = select(Mailbox.opt_out_aliases).where(Mailbox.team_id == team_id).order_by(Mailbox.id)
    return next((alias for aliases in session.scalars(query) for alias in aliases), None)


def _linked() -> Select[int, int, int, str, str]:
    return (
        select(Recipient.id, Recipient.contact_id, Contact.team_id, Contact.address, Campaign.key)
        .join(Contact, Contact.id == Recipient.contact_id)
        .join(Campaign, Campaign.id == Recipient.campaign_id)
    )


def _signed(key: str, purpose: Purpose, recipient_id: int, address: str, campaign: str) -> bytes:
    said = "\0".join((purpose.value, str(recipient_id), address, campaign))
    return hmac.digest(key.encode(), said.encode(), hashlib.sha256)[:MAC_BYTES]


def _read(token: str) -> tuple[int, bytes] | None:
    token = token.lower()
    if not TOKEN.fullmatch(token):
        return None
    raw = base64.b32decode(token.upper())
    recipient_id = int.from_bytes(raw[:ID_BYTES], "big")
    return (recipient_id, raw[ID_BYTES:]) if recipient_id <= LARGEST_ID else None
