"""The table of what was counted: figures that would take too long to count whenever a page shows them."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import BigInteger, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, by_value


class Counted(StrEnum):
    """What is counted of a team's day (UTC)."""

    STATUS = "status"
    """Listed recipients by status, at the end of the day or at the last count of today."""
    VERDICT = "verdict"
    """Mails that arrived on the day by what they were judged to be."""
    SENT = "sent"
    BOUNCED = "bounced"
    """Bounces that arrived on the day by their kind."""


class DayFigure(Base):
    """How many there were of something in a team on one day."""

    __tablename__ = "day_figure"
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    counted: Mapped[Counted] = mapped_column(by_value(Counted), primary_key=True)
    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    """Of which kind: a status, a verdict, a kind of bounce; empty where there is one kind only."""
    count: Mapped[int] = mapped_column(BigInteger)
    counted_at: Mapped[datetime]
