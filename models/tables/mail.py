"""The tables of what came back: each mail once, what it was judged to be, and what it may be matched by."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Index,
    PrimaryKeyConstraint,
    String,
    Text,
    UniqueConstraint,
    and_,
)
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BigKey, by_value


class MessageState(StrEnum):
    """What became of a message we saw."""

    JUDGED = "judged"
    UNMATCHED = "unmatched"
    """Judged, and tied to nobody we mailed; matched again whenever sends arrive."""
    DUPLICATE = "duplicate"
    SET_ASIDE = "set aside"
    ERASED = "erased"
    """Of somebody who was erased: only its place and content hash are kept, so that it is never taken in again."""


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
