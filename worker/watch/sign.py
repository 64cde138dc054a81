"""What is told of something that is wrong: a sign, and from where on there is one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from config.settings import Settings
from models.tables.mailboxes import Mailbox
from models.tables.mailing import Campaign
from models.tables.outside import AlarmKind

MAILBOX, CAMPAIGN = "mailbox", "campaign"
LONGEST_SUBJECT = 320


@dataclass(frozen=True, slots=True)
class Limits:
    """From where on bounces are an alarm: their share of the sends of so many days, and the least sends that tell."""

    bounce_share: float = 0.02
    bounce_days: int = 28
    bounce_sends: int = 20
    poll_seconds: int = 60


@dataclass(frozen=True, slots=True)
class Sign:
    """One thing that is wrong, and what it says to a person."""

    team_id: int
    kind: AlarmKind
    subject: str
    """"mailbox NAME" or "campaign KEY"."""
    says: str


def limits_of(settings: Settings) -> Limits:
    """Return the limits that the settings ask for."""
    return Limits(
        bounce_share=settings.alarm_bounce_share,
        bounce_days=settings.alarm_bounce_days,
        bounce_sends=settings.alarm_bounce_sends,
        poll_seconds=settings.poll_seconds,
    )


def named(session: Session, kind: AlarmKind, what: str, says: Mapping[int, str]) -> Iterator[Sign]:
    """Make signs of what is said of mailboxes or campaigns by their ids."""
    table: Any = Mailbox if what == MAILBOX else Campaign
    name = Mailbox.name if what == MAILBOX else Campaign.key
    rows: Iterable[Any] = (
        session.execute(select(table.id, table.team_id, name).where(table.id.in_(says))) if says else ()
    )
    for row_id, team_id, called in rows:
        yield sign_of(team_id, kind, what, called, says[row_id])


def sign_of(team_id: int, kind: AlarmKind, what: str, name: str, says: str) -> Sign:
    """Make a sign of what is said of a mailbox or campaign by its name."""
    return Sign(team_id, kind, f"{what} {name}"[:LONGEST_SUBJECT], says)
