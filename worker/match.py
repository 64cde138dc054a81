"""Step 4: whose mail is this? Which send of ours a message answers, and how surely.

A match is a precondition for every effect: mail about people whom this team never mailed changes nothing.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

# The clocks of the sending system and of the mail server differ, and a rejection may come within the second.
CLOCK_SKEW = timedelta(hours=1)


class Strength(StrEnum):
    """How surely a message belongs to a send of ours, strongest first."""

    STRONG = "strong"
    """It names a Message-ID or a token of ours."""
    WEAK = "weak"
    """The address and the subject are ours."""
    FROM_ALONE = "from alone"
    """The sender is somebody we mailed; nothing else fits."""


class Family(StrEnum):
    """Which matching rules a verdict follows."""

    REPLY = "reply"
    REPORT = "report"
    """Bounces, complaints and receipts: written by a machine about an address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clues:
    """What a message offers for matching; stored, so that it can be asked again when more sends are known."""

    family: Family
    answers: tuple[str, ...] = ()
    """Message-IDs, most telling first: of the returned mail, In-Reply-To, then References from the newest back."""
    from_address: str | None = None
    subject: str = ""
    """The subject; for a report the subject of the returned mail."""
    addresses: tuple[str, ...] = ()
    """For a report: the addresses it is about."""
    tokens: tuple[str, ...] = ()
    """Detail parts of the plus or VERP addresses of ours that the mail was sent to."""
    links: tuple[str, ...] = ()
    """What may be the token of an unsubscribe link of ours: from the subject of an opt-out by mail."""
    authentic: bool = True
    """False where our own provider says that the From is not authentic (RFC 8601)."""
    junk: bool = False
    """The server took it for junk, and nobody has said otherwise by moving it."""


@dataclass(frozen=True, slots=True)
class Send:
    """One mail we sent, as the matcher sees it."""

    send_id: str
    sent_at: datetime
    subject_key: str
    recipient_id: int
    contact_id: int
    campaign_id: int
    address: str
    """The contact's own address."""


@dataclass(frozen=True, slots=True)
class Sends:
    """The sends that may explain a batch of messages."""

    by_message_id: Mapping[str, Sequence[Send]] = field(default_factory=dict)
    by_token: Mapping[str, Sequence[Send]] = field(default_factory=dict)
    by_address: Mapping[str, Sequence[Send]] = field(default_factory=dict)
    """By the contact's own address and by every second one."""
    by_link: Mapping[str, Sequence[Send]] = field(default_factory=dict)
    """By tokens that were verified."""
    learnt: Collection[str] = ()
    """Addresses that mail taught to be second ones of somebody."""

    def to(self, address: str | None) -> Sequence[Send]:
        """Return the sends to whom the address belongs; none where a mail names no address."""
        return self.by_address.get(address or "", ())

    def is_mailed(self, address: str | None) -> bool:
        """Say whether an address is a contact of its own that we have mailed."""
        return any(send.address == address for send in self.to(address))


TOKEN_KEY = "token"  # noqa: S105 - the name of a key, no password


@dataclass(frozen=True, slots=True)
class Match:
    """A message tied to a send, by which keys, and from which other address of the same person."""

    send: Send
    strength: Strength
    keys: tuple[str, ...]
    other_address: str | None = None
    shared: bool = False
    """What it names belongs to mail to several people, so that the mail's own words pick this one."""

    @property
    def by_token(self) -> bool:
        """Say whether an unguessable token of this very recipient tied it."""
        return self.keys[0].startswith(TOKEN_KEY)


def match(clues: Clues, arrived_at: datetime, sends: Sends, weak_days: int) -> tuple[Match, ...]:
    """Return the sends a message belongs to: one for a reply, one for each person a report is about.

    A reply to a mail of one person in the name of another whom we mailed too is both theirs, the other's only perhaps.

    Args:
        clues: what the message offers.
        arrived_at: when it arrived, aware UTC; only mail sent before counts.
        sends: every send that one of the clues may name.
        weak_days: how many days after a send a match without its id counts.
    """
    since = arrived_at - timedelta(days=weak_days)
    strong = _strong(clues, arrived_at, sends)
    if strong:
        return (*strong, *_in_the_name_of_another(clues, strong, since, arrived_at, sends))
    if clues.family is Family.REPORT:
        found = (_latest(sends, address, since, arrived_at, clues.subject) for address in clues.addresses)
        return tuple(Match(send, Strength.WEAK, ("failed address", "subject")) for send in found if send)
    return _by_sender(clues, since, arrived_at, sends)


def _strong(clues: Clues, arrived_at: datetime, sends: Sends) -> tuple[Match, ...]:
    for key, known, values in (
        (TOKEN_KEY, sends.by_token, clues.tokens),
        ("link", sends.by_link, clues.links),
        ("message-id", sends.by_message_id, clues.answers),
    ):
        for value in values:
            before = [send for send in known.get(value, ()) if send.sent_at <= arrived_at + CLOCK_SKEW]
            meant = _meant(before, clues)
            if meant:
                keys, shared = (f"{key} {value}",), len({send.contact_id for send in before}) > 1
                return tuple(
                    Match(send, Strength.STRONG, keys, _other_address(clues, send, sends), shared) for send in meant
                )
    return ()


def _in_the_name_of_another(
    clues: Clues, strong: Sequence[Match], since: datetime, arrived_at: datetime, sends: Sends
) -> tuple[Match, ...]:
    """Return the latest send to the sender of a mail that answers a mail to somebody else: the two may be two people.

    Who holds a mail of ours may write in any name; who is meant to be kept from mail shall be, all the same.
    """
    people = {send.contact_id for send in sends.to(clues.from_address)}
    if clues.family is Family.REPORT or clues.junk or people & {one.send.contact_id for one in strong}:
        return ()
    return _from_alone(clues, since, arrived_at, sends)


def _meant(sends: Sequence[Send], clues: Clues) -> list[Send]:
    """Return the latest send to each person meant: of a mail to several people those it is from or about."""
    by_contact = {send.contact_id: send for send in sorted(sends, key=lambda send: (send.sent_at, send.send_id))}
    if len(by_contact) == 1:
        return list(by_contact.values())
    return [send for send in by_contact.values() if send.address in {clues.from_address, *clues.addresses}]


def _other_address(clues: Clues, send: Send, sends: Sends) -> str | None:
    """Return from which other address of the same person a reply came.

    None where From is not authentic, and where the address is another contact's, be it the own or a second one: a mail
    does not tell that two contacts are one person, and what is asked from there would go to the wrong one.
    """
    sender = clues.from_address if clues.family is Family.REPLY and clues.authentic else None
    anothers = any(each.contact_id != send.contact_id for each in sends.to(sender))
    return sender if sender != send.address and not anothers else None


def _by_sender(clues: Clues, since: datetime, arrived_at: datetime, sends: Sends) -> tuple[Match, ...]:
    by_subject = _latest(sends, clues.from_address, since, arrived_at, clues.subject)
    if by_subject:
        return (Match(by_subject, Strength.WEAK, ("from", "subject"), _other_address(clues, by_subject, sends)),)
    return () if clues.junk else _from_alone(clues, since, arrived_at, sends)


def _from_alone(clues: Clues, since: datetime, arrived_at: datetime, sends: Sends) -> tuple[Match, ...]:
    send = _latest(sends, clues.from_address, since, arrived_at)
    return (Match(send, Strength.FROM_ALONE, ("from",), _other_address(clues, send, sends)),) if send else ()


def _latest(
    sends: Sends, address: str | None, since: datetime, arrived_at: datetime, subject: str | None = None
) -> Send | None:
    fitting = [
        send
        for send in sends.to(address)
        if since <= send.sent_at <= arrived_at and (subject is None or answers_subject(subject, send.subject_key))
    ]
    return max(fitting, key=lambda send: (send.sent_at, send.send_id), default=None)


# "Re:", "AW:", "Fwd:", "RE[2]:", "SV:", also repeated; on a subject of our own any short word before a colon.
_PREFIXES = re.compile(r"^(?:[^\W\d_]{1,5}(?:\[\d+\])?\s?:\s*)+")
_MOST = 200


def subject_key(subject: str) -> str:
    """Return a sent subject without its prefixes, folded for comparison; at most 200 characters."""
    return _PREFIXES.sub("", _folded(subject))[:_MOST]


def answers_subject(subject: str, sent_key: str) -> bool:
    """Say whether a received subject is the sent one behind any prefix, in any language ("Automatic reply: ...")."""
    received = _PREFIXES.sub("", _folded(subject))[:_MOST]
    if not sent_key or not received.endswith(sent_key):
        return False
    prefix = received.removesuffix(sent_key).rstrip()
    return not prefix or prefix.endswith((":", "]"))


def _folded(subject: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", subject).casefold().split())
