"""The tables of what the classifier learns from, and of which artifact serves."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BigKey, by_value
from models.events import Status


class LabelSource(StrEnum):
    """Where a label comes from."""

    STATUS = "status"
    """A person set a recipient's status, and so said what its newest mail is."""
    REVIEW = "review"
    IMPORT = "import"


class Label(Base):
    """A reply and the class a person gave it: what the classifier learns from and is measured by."""

    __tablename__ = "label"
    __table_args__ = (
        UniqueConstraint("team_id", "key"),
        Index(None, "team_id", "text_key"),
        # How somebody fares in reviews today.
        Index(
            "ix_label_reviewed",
            *("team_id", "actor", "recorded_at"),
            sqlite_where=text("source = 'review'"),
            postgresql_where=text("source = 'review'"),
        ),
    )
    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"))
    key: Mapped[str] = mapped_column(String(64))
    """The content hash of the mail, or the text key of an imported row."""
    text_key: Mapped[str] = mapped_column(String(64))
    """Equal for texts that the classifier cannot tell apart."""
    subject: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    """The sender's own words, as they were classified."""
    language: Mapped[str] = mapped_column(String(20))
    label: Mapped[Status] = mapped_column(by_value(Status))
    hard: Mapped[bool] = mapped_column(default=False)
    note: Mapped[str] = mapped_column(Text, default="")
    source: Mapped[LabelSource] = mapped_column(by_value(LabelSource))
    machine: Mapped[Status | None] = mapped_column(by_value(Status))
    """What the machine had called it; None where it was asked by nobody."""
    sampled: Mapped[bool] = mapped_column(default=False)
    """Its mail was drawn at random, whatever the machine thought of it: by these its accuracy is measured."""
    message_id: Mapped[int | None] = mapped_column(ForeignKey("inbound_message.id", ondelete="SET NULL"), index=True)
    actor: Mapped[str | None] = mapped_column(String(200))
    recorded_at: Mapped[datetime]


class Artifact(Base):
    """A trained classifier on disk."""

    __tablename__ = "artifact"
    id: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[str] = mapped_column(String(80), unique=True)
    path: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(String(64))
    metrics: Mapped[dict[str, Any]]
    recorded_at: Mapped[datetime]


class Promotion(Base):
    """Append-only: who put which artifact into service, or took the last one out of it again, and why."""

    __tablename__ = "promotion"
    id: Mapped[int] = mapped_column(primary_key=True)
    artifact_id: Mapped[int | None] = mapped_column(ForeignKey("artifact.id"))
    """None: the shipped one."""
    rolls_back: Mapped[bool] = mapped_column(default=False)
    """It takes back the newest promotion that was not taken back; `artifact_id` is then what serves again."""
    forced: Mapped[bool] = mapped_column(default=False)
    reasons: Mapped[list[str]] = mapped_column(default=list)
    """What the gate said."""
    actor: Mapped[str] = mapped_column(String(200))
    why: Mapped[str | None] = mapped_column(Text)
    recorded_at: Mapped[datetime]
