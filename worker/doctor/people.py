"""Findings about teams and the people who use the console."""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.tables.people import Role, Team, User
from worker.watch.health import Finding, notable, well, wrong


def users(session: Session) -> Iterator[Finding]:
    """Find whether somebody may sign in to the console, and do everything there."""
    query = select(User.role, func.count()).where(User.disabled_at.is_(None)).group_by(User.role)
    counts: dict[Role, int] = dict(session.execute(query).all())
    add = "run: inbox-worker users add NAME --role admin"
    if not counts:
        yield well("users", f"none, so nobody signs in to the console; {add}")
    elif Role.ADMIN not in counts:
        yield notable("users", f"{sum(counts.values())}, of whom none is admin: nobody adds mailboxes or users", add)
    else:
        yield well("users", f"{sum(counts.values())}, of whom {counts[Role.ADMIN]} admin")


def time_zones(session: Session) -> Iterator[Finding]:
    """Find teams whose time zone this machine does not know: their pauses could not end."""
    for name, zone in session.execute(select(Team.name, Team.time_zone).order_by(Team.name)):
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            step = f"install time zone data (Debian: tzdata), or run: inbox-worker teams set {name} --time-zone ZONE"
            yield wrong(f"team {name}", f"this machine does not know the time zone {zone}", step)
