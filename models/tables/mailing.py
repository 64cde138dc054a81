"""The tables of whom we mail: campaigns, contacts, recipients, and what was sent to them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import (
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from models.base import WORDS, Base, BigKey, by_value
from models.events import (
    EndReason,
    SequenceState,
    Status,
)


class AutoResponsePolicy(StrEnum):
    """What an automatic answer does to a campaign's sequence."""

    CONTINUE = "continue"
    PAUSE = "pause"
    END = "end"


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
