"""The tables of what remains of people who asked to be forgotten: a key, and that and why it was done."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class ErasureKey(Base):
    """The one key under which addresses become pseudonyms; made at the first erasure, and the same ever after."""

    __tablename__ = "erasure_key"
    id: Mapped[int] = mapped_column(primary_key=True)
    sealed: Mapped[str] = mapped_column(Text)
    """Encrypted (`worker.secrets.vault`): whoever has the database alone cannot try out whose pseudonym it holds."""
    made_at: Mapped[datetime]


class Erasure(Base):
    """Append-only: that somebody was erased, by whom and why, and how much that was; no address."""

    __tablename__ = "erasure"
    id: Mapped[int] = mapped_column(primary_key=True)
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"))
    pseudonyms: Mapped[list[str]]
    """What stands in place of the person's addresses from now on."""
    counts: Mapped[dict[str, Any]]
    """How many rows of each kind were emptied or renamed."""
    actor: Mapped[str] = mapped_column(String(200))
    why: Mapped[str] = mapped_column(Text)
    recorded_at: Mapped[datetime]
