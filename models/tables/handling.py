"""The tables of how mailboxes are handled: consent to read them, what is read of them, mail set aside, mail moved."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BigKey, by_value


class GrantKind(StrEnum):
    """How access tokens are come by (RFC 6749)."""

    REFRESH = "refresh token"
    """A person consented once (6)."""
    CLIENT = "client credentials"
    """The application itself may read the mailbox (4.4)."""


class MoveState(StrEnum):
    """How far a mail has come on its way to another folder."""

    WANTED = "wanted"
    MOVED = "moved"
    REFUSED = "refused"
    """The server would not; tried no more."""
    GONE = "gone"
    """Somebody else had moved or deleted it by then."""
    RETURNED = "returned"
    """A person put it back."""


class Wish(StrEnum):
    """What a person asks the daemon to do with a mailbox."""

    CHECK = "check"
    POLL = "poll"
    BACKFILL = "backfill"


class Purpose(StrEnum):
    """What mail is read for; each has a budget of its own."""

    LIVE = "live"
    BACKFILL = "backfill"


class OAuthGrant(Base):
    """A provider's consent that a mailbox may be read; the tokens are encrypted (`worker.secrets.vault`)."""

    __tablename__ = "oauth_grant"
    mailbox_id: Mapped[int] = mapped_column(ForeignKey("mailbox.id", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[GrantKind] = mapped_column(by_value(GrantKind))
    refresh_token: Mapped[str | None] = mapped_column(Text)
    access_token: Mapped[str | None] = mapped_column(Text)
    expires_at: Mapped[datetime | None]
    error: Mapped[str | None] = mapped_column(Text)
    """What the provider said when it last refused to give a token; empty once it has given one."""
    granted_at: Mapped[datetime]
    """When the provider gave what is stored; with `expires_at` it tells how long the access token lives."""


class MailboxTraffic(Base):
    """Octets read of a mailbox on one day (UTC), so that providers' limits are kept."""

    __tablename__ = "mailbox_traffic"
    mailbox_id: Mapped[int] = mapped_column(ForeignKey("mailbox.id", ondelete="CASCADE"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    purpose: Mapped[Purpose] = mapped_column(by_value(Purpose), primary_key=True)
    octets: Mapped[int] = mapped_column(BigInteger, default=0)


class AsideMessage(Base):
    """The octets of a message that could not be judged or written, and how often it was tried."""

    __tablename__ = "aside_message"
    message_id: Mapped[int] = mapped_column(ForeignKey("inbound_message.id", ondelete="CASCADE"), primary_key=True)
    raw: Mapped[bytes | None] = mapped_column(LargeBinary)
    """None where the server would not hand it over."""
    omitted: Mapped[list[str]] = mapped_column(default=list)
    attempts: Mapped[int] = mapped_column(default=1)
    last_attempt_at: Mapped[datetime]


class MessageMove(Base):
    """One mail that is to be moved, or was, after what it caused was committed."""

    __tablename__ = "message_move"
    __table_args__ = (
        Index(
            "ix_message_move_wanted",
            "mailbox_id",
            sqlite_where=text("state = 'wanted'"),
            postgresql_where=text("state = 'wanted'"),
        ),
    )
    message_id: Mapped[int] = mapped_column(ForeignKey("inbound_message.id", ondelete="CASCADE"), primary_key=True)
    mailbox_id: Mapped[int] = mapped_column(ForeignKey("mailbox.id", ondelete="CASCADE"))
    to_folder: Mapped[str] = mapped_column(String(500))
    state: Mapped[MoveState] = mapped_column(by_value(MoveState), default=MoveState.WANTED)
    uidvalidity: Mapped[int | None] = mapped_column(BigInteger)
    uid: Mapped[int | None] = mapped_column(BigInteger)
    """Where it lies now, if the server told (COPYUID, RFC 4315)."""
    error: Mapped[str | None] = mapped_column(Text)
    changed_at: Mapped[datetime]


class MailboxRequest(Base):
    """Work with a mailbox that a person asked for in the console; the daemon carries it out and reports on it."""

    __tablename__ = "mailbox_request"
    __table_args__ = (
        Index(None, "mailbox_id", "id"),
        Index(
            "ix_mailbox_request_open",
            "id",
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )
    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    mailbox_id: Mapped[int] = mapped_column(ForeignKey("mailbox.id", ondelete="CASCADE"))
    wish: Mapped[Wish] = mapped_column(by_value(Wish))
    since: Mapped[date | None]
    """Of a backfill: only mail that arrived on this day or later."""
    actor: Mapped[str] = mapped_column(String(200))
    recorded_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    seen_at: Mapped[datetime | None]
    """When whoever carries it out said last that it goes on; silent for long, another may take it up."""
    stop_at: Mapped[datetime | None]
    """When a person asked to stop it."""
    ended_at: Mapped[datetime | None]
    coming: Mapped[int] = mapped_column(default=0)
    """Messages to take in, as far as is known."""
    done: Mapped[int] = mapped_column(default=0)
    result: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    """Findings of a check, or what a poll or a backfill brought."""
    error: Mapped[str | None] = mapped_column(Text)


class BackfillRange(Base):
    """A part of a backfill that one worker of a fleet takes in: messages of a folder whose UIDs follow each other.

    Together the ranges of a request say how far it is. One of them, of no folder, is what its coordinator did itself;
    while that has not ended, the others are not laid out yet.
    """

    __tablename__ = "backfill_range"
    __table_args__ = (UniqueConstraint("request_id", "folder", "uidvalidity", "first_uid"),)
    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    request_id: Mapped[int] = mapped_column(ForeignKey("mailbox_request.id", ondelete="CASCADE"))
    folder: Mapped[str] = mapped_column(String(500))
    junk: Mapped[bool] = mapped_column(default=False)
    uidvalidity: Mapped[int] = mapped_column(BigInteger)
    first_uid: Mapped[int] = mapped_column(BigInteger)
    last_uid: Mapped[int] = mapped_column(BigInteger)
    coming: Mapped[int] = mapped_column(default=0)
    """Messages that were not recorded when the range was laid out."""
    done: Mapped[int] = mapped_column(default=0)
    counts: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    holder: Mapped[str | None] = mapped_column(String(64))
    """Who takes it in at the moment; whoever finds another name here writes nothing more of it."""
    again_at: Mapped[datetime | None]
    """When it is tried again after an error that passes."""
    more: Mapped[bool] = mapped_column(default=False)
    """It ended since the folder was numbered anew, and has to be laid out again."""
    error: Mapped[str | None] = mapped_column(Text)
    ended_at: Mapped[datetime | None]
