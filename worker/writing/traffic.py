"""Octets read of each mailbox a day, for live mail and for backfills apart, so that providers' limits are kept.

Neither eats the other's budget. By default both together stay below the 2,500 MB a day that Gmail lets be downloaded
over IMAP before it locks a mailbox for a day.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Engine, delete
from sqlalchemy.orm import Session

from config.settings import Settings
from models.session import INSERTS, transaction
from models.tables.handling import MailboxTraffic, Purpose
from worker.errors import MailboxError, Trouble

MEGABYTE: Final = 1_000_000
KEPT: Final = timedelta(days=31)
"""How long the octets of a day are remembered."""
_SETTINGS: Final = {Purpose.LIVE: "mailbox_megabytes_a_day", Purpose.BACKFILL: "backfill_megabytes_a_day"}


def budget_of(settings: Settings, purpose: Purpose) -> int:
    """Return how many octets of one mailbox may be read for a purpose a day."""
    megabytes: int = getattr(settings, _SETTINGS[purpose])
    return megabytes * MEGABYTE


def spend(session: Session, mailbox_id: int, purpose: Purpose, now: datetime, octets: int) -> None:
    """Count octets that were read; call it inside the transaction that writes what they held."""
    insert = INSERTS[session.get_bind().dialect.name](MailboxTraffic)
    row = {"mailbox_id": mailbox_id, "day": now.astimezone(UTC).date(), "purpose": purpose, "octets": octets}
    session.execute(
        insert.values(row).on_conflict_do_update(
            index_elements=["mailbox_id", "day", "purpose"],
            set_={"octets": MailboxTraffic.octets + insert.excluded.octets},
        )
    )


def left(session: Session, mailbox_id: int, purpose: Purpose, now: datetime, budget: int) -> int:
    """Return how many octets of today's budget (UTC) are left; never below 0."""
    row = session.get(MailboxTraffic, (mailbox_id, now.astimezone(UTC).date(), purpose), populate_existing=True)
    spent = row.octets if row else 0
    return max(0, budget - spent)


def used_up(name: str, purpose: Purpose, now: datetime, settings: Settings) -> MailboxError:
    """Return the error that says of the mailbox called `name` that today's budget is used up, and when it goes on."""
    setting = _SETTINGS[purpose]
    tomorrow = now.astimezone(UTC).date() + timedelta(days=1)
    what = "live mail" if purpose is Purpose.LIVE else "backfills"
    return MailboxError(
        f"{name}: the {getattr(settings, setting)} MB a day that may be read of it for {what} are used up; it goes on"
        f" after {tomorrow} 00:00 UTC. INBOX_{setting.upper()} allows more; providers lock mailboxes of which too much"
        " is read",
        permanent=False,
        trouble=Trouble.BUDGET,
    )


def forget(engine: Engine, now: datetime) -> None:
    """Remove the octets of days long past."""
    with transaction(engine) as session:
        session.execute(delete(MailboxTraffic).where(MailboxTraffic.day < (now.astimezone(UTC) - KEPT).date()))
