"""The tables of the mailboxes that campaigns are sent from, and how far each was read."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from secrets import randbelow

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    String,
    Text,
    text,
    true,
)
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, by_value


class SignIn(StrEnum):
    """What a mailbox's server is shown."""

    PASSWORD = "password"  # noqa: S105 - the name of a way, no password
    GOOGLE = "google"
    MICROSOFT = "microsoft"


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
    """Encrypted (`worker.secrets.vault`); empty where tokens take its place (`models.tables.handling.OAuthGrant`)."""
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
