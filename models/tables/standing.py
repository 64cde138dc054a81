"""The tables of what follows: events, the status they lead to, the Do Not Email list, open questions."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from models.base import WORDS, Base, BigKey, by_value
from models.events import (
    Bounced,
    DneReason,
    EventKind,
    ReviewKind,
    SequenceState,
    Status,
    Trust,
)


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
