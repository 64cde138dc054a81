"""The tables. What may stand in them is said by `models.events`; who writes them by `worker.apply`."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from secrets import randbelow
from typing import Any

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Text,
    UniqueConstraint,
    and_,
    false,
    text,
    true,
)
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, by_value
from models.events import (
    Bounced,
    DneReason,
    EndReason,
    EventKind,
    ReviewKind,
    SequenceState,
    Status,
    Trust,
)

# SQLite counts rows up by itself for INTEGER keys only.
BigKey = BigInteger().with_variant(Integer, "sqlite")


WORDS = "to_tsvector('simple'::regconfig, translate({}, '@._-+', '     '))"
"""The words of the addresses of a column, by whose beginnings PostgreSQL finds them among millions."""


class MessageState(StrEnum):
    """What became of a message we saw."""

    JUDGED = "judged"
    UNMATCHED = "unmatched"
    """Judged, and tied to nobody we mailed; matched again whenever sends arrive."""
    DUPLICATE = "duplicate"
    SET_ASIDE = "set aside"
    ERASED = "erased"
    """Of somebody who was erased: only its place and content hash are kept, so that it is never taken in again."""


class SignIn(StrEnum):
    """What a mailbox's server is shown."""

    PASSWORD = "password"  # noqa: S105 - the name of a way, no password
    GOOGLE = "google"
    MICROSOFT = "microsoft"


class AutoResponsePolicy(StrEnum):
    """What an automatic answer does to a campaign's sequence."""

    CONTINUE = "continue"
    PAUSE = "pause"
    END = "end"


class Team(Base):
    """Who shares campaigns and one Do Not Email list."""

    __tablename__ = "team"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    time_zone: Mapped[str] = mapped_column(String(64), default="UTC", server_default="UTC")
    working_days: Mapped[str] = mapped_column(String(7), default="12345", server_default="12345")
    """ISO weekdays on which the team works; Monday is 1."""
    holidays: Mapped[str | None] = mapped_column(String(10))
    """Whose public holidays are no working days (ISO 3166: "DE" or "DE-BY")."""
    calendly_key: Mapped[str | None] = mapped_column(Text)
    """Signs the bookings that Calendly tells of; encrypted (`worker.secrets.vault`)."""


class Mailbox(Base):
    """One IMAP account that campaigns are sent from, and the health of polling it."""

    __tablename__ = "mailbox"
    id: Mapped[int] = mapped_column(primary_key=True)
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"))
    name: Mapped[str] = mapped_column(String(320), unique=True)
    host: Mapped[str] = mapped_column(String(255))
    port: Mapped[int]
    security: Mapped[str] = mapped_column(String(10), default="tls")
    sign_in: Mapped[SignIn] = mapped_column(by_value(SignIn), default=SignIn.PASSWORD, server_default="password")
    username: Mapped[str] = mapped_column(String(320))
    password: Mapped[str] = mapped_column(Text)
    """Encrypted (`worker.secrets.vault`); empty where tokens take its place (`models.handling.OAuthGrant`)."""
    ca_file: Mapped[str | None] = mapped_column(Text)
    addresses: Mapped[list[str]] = mapped_column(default=list)
    """Our own addresses: mail from them is outgoing."""
    opt_out_aliases: Mapped[list[str]] = mapped_column(default=list)
    authserv_ids: Mapped[list[str]] = mapped_column(default=list)
    """Whose Authentication-Results we believe (RFC 8601); empty: the topmost."""
    folders: Mapped[list[str]] = mapped_column(default=list)
    """Paths, or special uses such as \\Archive (RFC 6154); empty: the inbox."""
    read_junk: Mapped[bool] = mapped_column(default=True, server_default=true())
    """Also the junk folder, whose mail is believed less."""
    bounces_to: Mapped[str | None] = mapped_column(String(500))
    opt_outs_to: Mapped[str | None] = mapped_column(String(500))
    """Folders that such mail is moved to once it is dealt with; empty: it stays."""
    sent_folder: Mapped[str | None] = mapped_column(String(500))
    learn_sends: Mapped[bool] = mapped_column(default=True)
    paused_at: Mapped[datetime | None]
    stopped_at: Mapped[datetime | None]
    """When polling was given up, since only a person can mend what `last_error` says."""
    next_poll_at: Mapped[datetime | None] = mapped_column(index=True)
    last_success_at: Mapped[datetime | None]
    last_error: Mapped[str | None] = mapped_column(Text)
    failures: Mapped[int] = mapped_column(default=0)
    backlog: Mapped[int | None]
    """Messages that the last poll found and left for the next one; None: not known."""
    revision: Mapped[int] = mapped_column(
        default=lambda: randbelow(2**30), server_default="0", onupdate=text("revision + 1")
    )
    """Counts the changes of what describes it, so that a daemon need not read everything at every poll.

    It begins anywhere: SQLite gives the id of a mailbox that was removed to the next one.
    """


class FolderCursor(Base):
    """How far a folder has been read."""

    __tablename__ = "folder_cursor"
    mailbox_id: Mapped[int] = mapped_column(ForeignKey("mailbox.id", ondelete="CASCADE"), primary_key=True)
    folder: Mapped[str] = mapped_column(String(500), primary_key=True)
    uidvalidity: Mapped[int] = mapped_column(BigInteger)
    last_uid: Mapped[int] = mapped_column(BigInteger)


class Campaign(Base):
    """A sequence of mails, and the policy that replies to it follow."""

    __tablename__ = "campaign"
    __table_args__ = (UniqueConstraint("team_id", "key"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"))
    key: Mapped[str] = mapped_column(String(200))
    """The sending side's own name for it."""
    name: Mapped[str] = mapped_column(String(200))
    stop_on_reply: Mapped[bool] = mapped_column(default=True)
    auto_response: Mapped[AutoResponsePolicy] = mapped_column(
        by_value(AutoResponsePolicy), default=AutoResponsePolicy.CONTINUE
    )
    auto_response_days: Mapped[int] = mapped_column(default=3)
    policy_version: Mapped[int] = mapped_column(default=1)


class Contact(Base):
    """One address in one team."""

    __tablename__ = "contact"
    __table_args__ = (
        UniqueConstraint("team_id", "address"),
        Index("ix_contact_words", text(WORDS.format("address")), postgresql_using="gin").ddl_if(dialect="postgresql"),
    )
    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"))
    address: Mapped[str] = mapped_column(String(320))
    domain: Mapped[str] = mapped_column(String(255), index=True)


class SecondAddress(Base):
    """Another address the same person answered from."""

    __tablename__ = "second_address"
    contact_id: Mapped[int] = mapped_column(ForeignKey("contact.id", ondelete="CASCADE"), primary_key=True)
    address: Mapped[str] = mapped_column(String(320), primary_key=True, index=True)
    actor: Mapped[str | None] = mapped_column(String(200))
    """The person who said so; empty where a reply with our Message-ID came from it."""
    why: Mapped[str | None] = mapped_column(Text)
    recorded_at: Mapped[datetime | None]


class Recipient(Base):
    """One contact in one campaign; status and sequence are what the fold gave last."""

    __tablename__ = "recipient"
    __table_args__ = (
        UniqueConstraint("campaign_id", "contact_id"),
        # For pages of a list of millions, the newest change first.
        Index(None, "team_id", "changed_at", "id"),
        Index(None, "team_id", "status", "changed_at", "id"),
        Index(None, "campaign_id", "changed_at", "id"),
        Index(None, "campaign_id", "status", "changed_at", "id"),
    )
    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"))
    """The campaign's, once more: lists of a team's recipients are read by it."""
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"))
    contact_id: Mapped[int] = mapped_column(ForeignKey("contact.id"), index=True)
    status: Mapped[Status] = mapped_column(by_value(Status), default=Status.ACTIVE)
    removed_by_person: Mapped[bool] = mapped_column(default=False)
    sequence: Mapped[SequenceState] = mapped_column(by_value(SequenceState), default=SequenceState.RUNNING)
    sequence_until: Mapped[datetime | None]
    sequence_reason: Mapped[EndReason | None] = mapped_column(by_value(EndReason))
    next_change_at: Mapped[datetime | None] = mapped_column(index=True)
    decided_by: Mapped[str | None] = mapped_column(String(64))
    listed: Mapped[bool] = mapped_column(default=True)
    changed_at: Mapped[datetime]
    """When it was written last: it joined, or what the fold gave changed."""


class SentMessage(Base):
    """One mail we sent to one recipient."""

    __tablename__ = "sent_message"
    __table_args__ = (UniqueConstraint("team_id", "send_id"), Index(None, "mailbox_id", "sent_at"))
    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"))
    recipient_id: Mapped[int] = mapped_column(ForeignKey("recipient.id"), index=True)
    mailbox_id: Mapped[int | None] = mapped_column(ForeignKey("mailbox.id", ondelete="SET NULL"))
    send_id: Mapped[str] = mapped_column(String(500))
    """The sending side's id of the send; its first Message-ID where there is none."""
    subject_key: Mapped[str] = mapped_column(String(200))
    """The subject without its prefixes, folded for comparison."""
    token: Mapped[str | None] = mapped_column(String(200), index=True)
    """The unguessable part of a VERP or plus address of ours."""
    sent_at: Mapped[datetime]


class SentMessageId(Base):
    """Every Message-ID of a send (providers rewrite them); a mail to several people has one for several sends."""

    __tablename__ = "sent_message_id"
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"), primary_key=True)
    message_id: Mapped[str] = mapped_column(String(998), primary_key=True)
    sent_message_id: Mapped[int] = mapped_column(
        ForeignKey("sent_message.id", ondelete="CASCADE"), primary_key=True, index=True
    )


class InboundMessage(Base):
    """One message seen in a mailbox, whatever became of it."""

    __tablename__ = "inbound_message"
    __table_args__ = (
        UniqueConstraint("mailbox_id", "folder", "uidvalidity", "uid"),
        Index(None, "mailbox_id", "content_hash"),
        Index(None, "state", "arrived_at"),
    )
    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    mailbox_id: Mapped[int] = mapped_column(ForeignKey("mailbox.id", ondelete="CASCADE"))
    folder: Mapped[str] = mapped_column(String(500))
    uidvalidity: Mapped[int] = mapped_column(BigInteger)
    uid: Mapped[int] = mapped_column(BigInteger)
    message_id: Mapped[str | None] = mapped_column(String(998))
    content_hash: Mapped[str] = mapped_column(String(64))
    """With the Message-ID the second key: the same mail under another UID."""
    arrived_at: Mapped[datetime]
    size: Mapped[int] = mapped_column(BigInteger)
    from_address: Mapped[str | None] = mapped_column(String(320))
    subject: Mapped[str] = mapped_column(Text, default="")
    state: Mapped[MessageState] = mapped_column(by_value(MessageState))
    duplicate_of: Mapped[int | None] = mapped_column(BigInteger)
    error: Mapped[str | None] = mapped_column(Text)
    problems: Mapped[list[str]] = mapped_column(default=list)
    clues: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """What the matcher needs to know, so that it can be asked again."""
    recorded_at: Mapped[datetime]


class MessageClue(Base):
    """A Message-ID or address by which an inbound message may be tied to a send that is imported later.

    On PostgreSQL it lies in months, as `VerdictRow` does.
    """

    __tablename__ = "message_clue"
    __table_args__ = (PrimaryKeyConstraint("message_id", "value", "recorded_at"),)
    __mapper_args__ = {"primary_key": ("message_id", "value")}  # noqa: RUF012 - read by SQLAlchemy
    message_id: Mapped[int] = mapped_column(ForeignKey("inbound_message.id", ondelete="CASCADE"))
    value: Mapped[str] = mapped_column(String(998), index=True)
    recorded_at: Mapped[datetime]
    """The message's own; of older rows only that they are older than the months (`migrations`)."""


class VerdictRow(Base):
    """What we thought a message was when we first judged it; an old message has none (`worker.privacy.months`).

    On PostgreSQL it lies in months (`models.partitions`), whose key has to name the time as well; a message has one
    verdict all the same, since its own row is written once.
    """

    __tablename__ = "verdict"
    __table_args__ = (PrimaryKeyConstraint("message_id", "recorded_at"),)
    __mapper_args__ = {"primary_key": ("message_id",)}  # noqa: RUF012 - read by SQLAlchemy
    message_id: Mapped[int] = mapped_column(ForeignKey("inbound_message.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(20), index=True)
    reply_class: Mapped[str | None] = mapped_column(String(20))
    confidence: Mapped[float | None]
    artifact: Mapped[str | None] = mapped_column(String(80))
    details: Mapped[dict[str, Any]]
    """The whole verdict, evidence included."""
    rest: Mapped[str | None] = mapped_column(Text, deferred=True)
    """What a reader sees besides the sender's own words: the quoted mail, a footer; of a report all of its text."""
    recorded_at: Mapped[datetime]
    """The message's own: by it PostgreSQL knows in which month to look."""


VERDICT_OF_MESSAGE = and_(
    VerdictRow.message_id == InboundMessage.id, VerdictRow.recorded_at == InboundMessage.recorded_at
)
"""Joins a message with its verdict, so that only one month is looked into."""


class RecipientEvent(Base):
    """One cause on one recipient: the stored form of `models.events.Event`."""

    __tablename__ = "recipient_event"
    __table_args__ = (
        UniqueConstraint("recipient_id", "key"),
        Index(
            "ix_recipient_event_bounced",
            "bounce",
            "happened_at",
            sqlite_where=text("bounce IS NOT NULL"),
            postgresql_where=text("bounce IS NOT NULL"),
        ),
        Index(
            "ix_recipient_event_booking",
            "booking_id",
            sqlite_where=text("booking_id IS NOT NULL"),
            postgresql_where=text("booking_id IS NOT NULL"),
        ),
        # What somebody did today.
        Index(
            "ix_recipient_event_actor",
            *("actor", "kind", "recorded_at", "id"),
            sqlite_where=text("actor IS NOT NULL"),
            postgresql_where=text("actor IS NOT NULL"),
        ),
    )
    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    recipient_id: Mapped[int] = mapped_column(ForeignKey("recipient.id"))
    message_id: Mapped[int | None] = mapped_column(ForeignKey("inbound_message.id", ondelete="SET NULL"), index=True)
    key: Mapped[str] = mapped_column(String(64), index=True)
    kind: Mapped[EventKind] = mapped_column(by_value(EventKind))
    happened_at: Mapped[datetime]
    status: Mapped[Status | None] = mapped_column(by_value(Status))
    sure: Mapped[bool] = mapped_column(default=True)
    confidence: Mapped[float | None]
    ends: Mapped[bool] = mapped_column(default=False)
    until: Mapped[datetime | None]
    dated: Mapped[bool] = mapped_column(default=False)
    bounce: Mapped[Bounced | None] = mapped_column(by_value(Bounced))
    send_id: Mapped[str | None] = mapped_column(String(500))
    booking_id: Mapped[str | None] = mapped_column(String(200))
    trust: Mapped[Trust] = mapped_column(by_value(Trust), default=Trust.ACTS)
    review: Mapped[ReviewKind | None] = mapped_column(by_value(ReviewKind))
    sampled: Mapped[bool] = mapped_column(default=False, server_default=false())
    about: Mapped[str | None] = mapped_column(String(64))
    rule: Mapped[str | None] = mapped_column(String(200))
    link: Mapped[str | None] = mapped_column(Text)
    other_address: Mapped[str | None] = mapped_column(String(320))
    because: Mapped[list[str]] = mapped_column(default=list)
    """Which match keys tied it here, which rule or words decided."""
    artifact: Mapped[str | None] = mapped_column(String(80))
    policy_version: Mapped[int | None]
    actor: Mapped[str | None] = mapped_column(String(200))
    retracted_at: Mapped[datetime | None]
    """Sends that came later tied the mail to somebody else."""
    recorded_at: Mapped[datetime]


class StatusChange(Base):
    """Append-only history: what was current, what became current, and why."""

    __tablename__ = "status_change"
    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    recipient_id: Mapped[int] = mapped_column(ForeignKey("recipient.id"), index=True)
    from_status: Mapped[Status | None] = mapped_column(by_value(Status))
    to_status: Mapped[Status] = mapped_column(by_value(Status))
    from_sequence: Mapped[SequenceState | None] = mapped_column(by_value(SequenceState))
    to_sequence: Mapped[SequenceState] = mapped_column(by_value(SequenceState))
    event_key: Mapped[str | None] = mapped_column(String(64))
    because: Mapped[list[str]] = mapped_column(default=list)
    artifact: Mapped[str | None] = mapped_column(String(80))
    confidence: Mapped[float | None]
    actor: Mapped[str | None] = mapped_column(String(200))
    recorded_at: Mapped[datetime]


class DneEntry(Base):
    """One reason why an address or a domain may not be mailed; live until a person lifts it."""

    __tablename__ = "dne_entry"
    __table_args__ = (
        UniqueConstraint("team_id", "target", "reason", "source"),
        Index(None, "team_id", "id"),
        Index("ix_dne_entry_words", text(WORDS.format("target")), postgresql_using="gin").ddl_if(dialect="postgresql"),
    )
    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"))
    target: Mapped[str] = mapped_column(String(320))
    """An address, or a domain (which has no @ and covers its subdomains)."""
    reason: Mapped[DneReason] = mapped_column(by_value(DneReason))
    source: Mapped[str] = mapped_column(String(64))
    """Key of the event behind it, or of the person's act."""
    recipient_id: Mapped[int | None] = mapped_column(ForeignKey("recipient.id"), index=True)
    """Whose events made it; empty where a person or an import did."""
    since: Mapped[datetime]
    actor: Mapped[str | None] = mapped_column(String(200))
    note: Mapped[str | None] = mapped_column(Text)
    lifted_at: Mapped[datetime | None]
    lifted_by: Mapped[str | None] = mapped_column(String(200))
    lifted_why: Mapped[str | None] = mapped_column(Text)
    withdrawn_at: Mapped[datetime | None]
    """The fold took a bounce entry back: a mail that came late proved the address alive."""
    recorded_at: Mapped[datetime]


class ReviewItem(Base):
    """An open question for a person; unique per recipient, event and kind."""

    __tablename__ = "review_item"
    __table_args__ = (
        UniqueConstraint("recipient_id", "event_key", "kind"),
        # The open ones in the two orders of the list. Kind and campaign stand behind, so that a filter by them reads
        # the index alone.
        *(
            Index(
                f"ix_review_item_{order}",
                *("team_id", order, "opened_at", "id", "kind", "campaign_id"),
                sqlite_where=text("closed_at IS NULL"),
                postgresql_where=text("closed_at IS NULL"),
            )
            for order in ("urgency", "lesson")
        ),
    )
    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"))
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"))
    """Both the recipient's, once more: the list is read by them."""
    recipient_id: Mapped[int] = mapped_column(ForeignKey("recipient.id"))
    event_key: Mapped[str] = mapped_column(String(64))
    kind: Mapped[ReviewKind] = mapped_column(by_value(ReviewKind))
    holds: Mapped[bool] = mapped_column(default=False)
    urgency: Mapped[float]
    """Its place in the list, the least first: see `worker.writing.urgency`."""
    lesson: Mapped[float]
    """Its place in the list for whoever teaches the classifier."""
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None] = mapped_column(index=True)
