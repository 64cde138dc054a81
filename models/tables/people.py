"""The tables of teams and of the people who use the console, and what they did with many recipients at once."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, Text, true
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BigKey, by_value


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


class Role(StrEnum):
    """What a person may do; `console.rights` says what each role means."""

    VIEWER = "viewer"
    EDITOR = "editor"
    DATA_STAFF = "data staff"
    ADMIN = "admin"


class User(Base):
    """A person who signs in to the console, bound to one team."""

    __tablename__ = "console_user"
    id: Mapped[int] = mapped_column(primary_key=True)
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"))
    name: Mapped[str] = mapped_column(String(200), unique=True)
    """What is typed to sign in, in lower case: an address, or any word."""
    role: Mapped[Role] = mapped_column(by_value(Role))
    password_hash: Mapped[str | None] = mapped_column(Text)
    """Argon2id (RFC 9106); empty: only the identity provider lets this person in."""
    time_zone: Mapped[str | None] = mapped_column(String(64))
    """In which times are shown; empty: the team's."""
    guess_first: Mapped[bool] = mapped_column(default=True, server_default=true())
    """In reviews the machine's guess is shown before the person has chosen; otherwise after."""
    epoch: Mapped[int] = mapped_column(default=0, server_default="0")
    """Counts what ends every session: a new password, a new role, signing out everywhere."""
    disabled_at: Mapped[datetime | None]
    recorded_at: Mapped[datetime]


class SignInFailure(Base):
    """One failed attempt to sign in; many of them make the next ones wait."""

    __tablename__ = "sign_in_failure"
    __table_args__ = (Index(None, "name", "at"), Index(None, "client", "at"))
    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    client: Mapped[str] = mapped_column(String(64))
    """The network address that asked."""
    at: Mapped[datetime] = mapped_column(index=True)


class EndedSession(Base):
    """A browser's session that was signed out before its time; its cookie opens nothing any more."""

    __tablename__ = "ended_session"
    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    until: Mapped[datetime] = mapped_column(index=True)
    """From when on the cookie would be too old in any case."""


class BulkAct(Base):
    """What a person did with many recipients or contacts at once, so that it can be taken back as one."""

    __tablename__ = "bulk_act"
    __table_args__ = (Index(None, "team_id", "id"),)
    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"))
    actor: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(20))
    """What was done: "status", "dne add" or "dne lift"."""
    says: Mapped[str] = mapped_column(Text)
    targets: Mapped[list[str]] = mapped_column(default=list)
    """Ids of recipients, or addresses and domains."""
    recorded_at: Mapped[datetime]
    undone_at: Mapped[datetime | None]
    undone_by: Mapped[str | None] = mapped_column(String(200))
