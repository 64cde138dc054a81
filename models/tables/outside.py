"""The tables of what goes in and out besides mail: automations, events for other systems, alarms, tokens."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BigKey, by_value


class EventType(StrEnum):
    """What other systems can hear of."""

    STATUS_CHANGED = "recipient.status_changed"
    DNE_ADDED = "dne.added"
    DNE_LIFTED = "dne.lifted"
    DNE_WITHDRAWN = "dne.withdrawn"
    REVIEW_OPENED = "review.opened"
    REVIEW_CLOSED = "review.closed"
    ALARM_OPENED = "alarm.opened"
    ALARM_CLOSED = "alarm.closed"
    CONTACT_ERASED = "contact.erased"
    """Somebody asked to be forgotten; its address stands in it until everybody has heard."""
    AUTOMATION = "automation.called"
    """A rule of a campaign calls one endpoint by its name."""


class DeliveryState(StrEnum):
    """How far an event has come on its way to one endpoint."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"
    """Given up; a person may replay it."""


class AlarmKind(StrEnum):
    """What somebody should hear of."""

    BOUNCE_RATE = "bounce rate"
    POLICY_BOUNCES = "policy bounces"
    MAILBOX_STALE = "mailbox stale"
    MAILBOX_FAILING = "mailbox failing"
    UNMATCHED = "unmatched mail growing"
    SIGN_IN = "mailbox stopped"
    TOKEN = "access token refused"  # noqa: S105 - the name of an alarm, no password


class AutomationRule(Base):
    """One version of a rule of a campaign; changing it ends this row and makes another."""

    __tablename__ = "automation_rule"
    id: Mapped[int] = mapped_column(primary_key=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    definition: Mapped[dict[str, Any]]
    """`models.automation.Automation` as JSON; validated when it is stored and when it is read."""
    since: Mapped[datetime]
    until: Mapped[datetime | None]
    """It acts on what happens from `since` and before `until`; None: still."""
    actor: Mapped[str] = mapped_column(String(200))
    recorded_at: Mapped[datetime]


class AutomationCommand(Base):
    """What a rule did outside the fold: once for the event that made it act, and never undone."""

    __tablename__ = "automation_command"
    __table_args__ = (UniqueConstraint("recipient_id", "rule_id", "event_key", "action"),)
    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    recipient_id: Mapped[int] = mapped_column(ForeignKey("recipient.id"))
    rule_id: Mapped[int] = mapped_column(ForeignKey("automation_rule.id"), index=True)
    event_key: Mapped[str] = mapped_column(String(64))
    action: Mapped[str] = mapped_column(String(250))
    """What and where to: "move CAMPAIGN" or "call ENDPOINT"."""
    outcome: Mapped[str] = mapped_column(Text)
    recorded_at: Mapped[datetime]


class OutboxEvent(Base):
    """Something that happened, written in the transaction in which it did; append-only."""

    __tablename__ = "outbox_event"
    __table_args__ = (
        Index(
            "ix_outbox_event_waiting",
            "id",
            sqlite_where=text("dispatched_at IS NULL"),
            postgresql_where=text("dispatched_at IS NULL"),
        ),
        # Those few that are to lose their address.
        Index(
            "ix_outbox_event_erased",
            "id",
            sqlite_where=text("type = 'contact.erased'"),
            postgresql_where=text("type = 'contact.erased'"),
        ),
    )
    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"))
    type: Mapped[EventType] = mapped_column(by_value(EventType))
    subject: Mapped[str] = mapped_column(String(320))
    """The address, domain, mailbox or campaign it is about; events of one subject are delivered in order."""
    payload: Mapped[dict[str, Any]]
    endpoint: Mapped[str | None] = mapped_column(String(100))
    """Only for the endpoint of this name."""
    recorded_at: Mapped[datetime]
    dispatched_at: Mapped[datetime | None]
    """When the deliveries to the endpoints of that time were written down."""


class WebhookEndpoint(Base):
    """Where a team wants to hear of its events."""

    __tablename__ = "webhook_endpoint"
    __table_args__ = (UniqueConstraint("team_id", "name"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"))
    name: Mapped[str] = mapped_column(String(100))
    url: Mapped[str] = mapped_column(Text)
    secret: Mapped[str] = mapped_column(Text)
    """Signs what is sent (Standard Webhooks: "whsec_" and base64); encrypted (`worker.secrets.vault`)."""
    types: Mapped[list[str]] = mapped_column(default=list)
    """Which events; empty: all."""
    allow_private: Mapped[bool] = mapped_column(default=False)
    paused_at: Mapped[datetime | None]
    recorded_at: Mapped[datetime]


class Delivery(Base):
    """One event on its way to one endpoint."""

    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("endpoint_id", "event_id"),
        Index(None, "endpoint_id", "state", "next_attempt_at", "id"),
        Index(
            "ix_delivery_waiting",
            "endpoint_id",
            "subject",
            "event_id",
            sqlite_where=text("state = 'pending'"),
            postgresql_where=text("state = 'pending'"),
        ),
    )
    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    endpoint_id: Mapped[int] = mapped_column(ForeignKey("webhook_endpoint.id", ondelete="CASCADE"))
    event_id: Mapped[int] = mapped_column(ForeignKey("outbox_event.id"), index=True)
    subject: Mapped[str] = mapped_column(String(320))
    state: Mapped[DeliveryState] = mapped_column(by_value(DeliveryState), default=DeliveryState.PENDING)
    attempts: Mapped[int] = mapped_column(default=0)
    first_attempt_at: Mapped[datetime | None]
    next_attempt_at: Mapped[datetime]
    """While somebody is at it: when it counts as abandoned."""
    last_error: Mapped[str | None] = mapped_column(Text)
    delivered_at: Mapped[datetime | None]


class Alarm(Base):
    """Something somebody should look at; open until what raised it is over."""

    __tablename__ = "alarm"
    __table_args__ = (
        Index(
            "ix_alarm_open",
            "team_id",
            "kind",
            "subject",
            unique=True,
            sqlite_where=text("closed_at IS NULL"),
            postgresql_where=text("closed_at IS NULL"),
        ),
    )
    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"))
    kind: Mapped[AlarmKind] = mapped_column(by_value(AlarmKind))
    subject: Mapped[str] = mapped_column(String(320))
    """The mailbox or campaign it is about."""
    says: Mapped[str] = mapped_column(Text)
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class ApiToken(Base):
    """What another system signs in with; only its hash is kept."""

    __tablename__ = "api_token"
    id: Mapped[int] = mapped_column(primary_key=True)
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"))
    name: Mapped[str] = mapped_column(String(100))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    scopes: Mapped[list[str]] = mapped_column(default=lambda: ["sending"], server_default='["sending"]')
    """What it may be used for: `worker.people.api_tokens.SCOPES`."""
    actor: Mapped[str] = mapped_column(String(200))
    recorded_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class IdempotencyKey(Base):
    """A request that was answered, so that asking again gives the same answer and does nothing twice."""

    __tablename__ = "idempotency_key"
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"), primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    request_hash: Mapped[str] = mapped_column(String(64))
    status_code: Mapped[int]
    answer: Mapped[dict[str, Any]]
    recorded_at: Mapped[datetime] = mapped_column(index=True)
