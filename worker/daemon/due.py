"""Which mailboxes are due for a poll, and how their polls went: the part of the daemon that the database holds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import islice
from random import Random
from typing import Any

from sqlalchemy import ARRAY, Engine, Integer, Update, any_, bindparam, cast, or_, select, true, update
from sqlalchemy.orm import Session

from config.settings import Settings
from models.session import reading, transaction
from models.tables.mailboxes import Mailbox
from worker.daemon.duties import SHARD
from worker.errors import MailboxError
from worker.writing.stored import storable

MOST_READ = 10_000
"""Due mailboxes looked at in one go, where hosts that may not be reached now keep many waiting."""
LONGEST_ERROR = 2_000


@dataclass(frozen=True, slots=True)
class Due:
    """A mailbox that is due: at which server, and of which revision its row is."""

    mailbox_id: int
    host: str
    revision: int
    failures: int


POLLED = "polled_revision"
Result = Mapping[str, Any]
"""How a poll went: columns of the mailbox, and what they are now."""


def success(now: datetime, next_poll_at: datetime, backlog: int = 0) -> Result:
    """Return the result of a poll that went well, and left so many messages for the next one."""
    said = {"failures": 0, "last_error": None, "backlog": backlog}
    return {"last_success_at": now, "next_poll_at": next_poll_at, **said}


def failure(
    error: Exception, failures: int, next_poll_at: datetime, stopped_at: datetime | None, revision: int
) -> Result:
    """Return the result of a poll that failed, as so many in a row; `stopped_at` where it was the last.

    It counts only while the mailbox is described as it was: who mended it meanwhile is not overruled.
    """
    said: dict[str, Any] = {"failures": failures, "last_error": storable(str(error), LONGEST_ERROR)}
    if isinstance(error, MailboxError) and error.backlog is not None:
        said["backlog"] = error.backlog
    return {"next_poll_at": next_poll_at, "stopped_at": stopped_at, POLLED: revision, **said}


def wait(next_poll_at: datetime) -> Result:
    """Return the result of a poll whose turn has not come."""
    return {"next_poll_at": next_poll_at}


_DUE = (
    select(Mailbox.id, Mailbox.host, Mailbox.revision, Mailbox.failures)
    .where(
        Mailbox.paused_at.is_(None),
        Mailbox.stopped_at.is_(None),
        # So far ahead no pause leads: the clock was wrong when it was written.
        or_(
            Mailbox.next_poll_at.is_(None),
            Mailbox.next_poll_at <= bindparam("now"),
            Mailbox.next_poll_at > bindparam("farthest"),
        ),
    )
    .order_by(Mailbox.next_poll_at.is_not(None), Mailbox.next_poll_at, Mailbox.id)
    .limit(MOST_READ)
    .execution_options(yield_per=100)
)
"""Asked every second: writing it anew would cost more than the answer."""


_DUE_IN_SHARDS = _DUE.where(Mailbox.id // SHARD == any_(cast(bindparam("shards"), ARRAY(Integer))))


def due_mailboxes(
    engine: Engine,
    now: datetime,
    most: int,
    wanted: Callable[[Due], bool],
    longest: timedelta,
    shards: Sequence[int] | None = None,
) -> list[Due]:
    """Return at most so many wanted mailboxes that are due, the longest due first; pauses are never over `longest`.

    With `shards`, those of these alone (PostgreSQL).
    """
    query, values = (_DUE, {}) if shards is None else (_DUE_IN_SHARDS, {"shards": list(shards)})
    with reading(engine) as session, session.execute(query, {"now": now, "farthest": now + longest} | values) as rows:
        return list(islice(filter(wanted, (Due(*row) for row in rows)), most))


def active(session: Session) -> set[int]:
    """Return the mailboxes that are polled: neither paused nor stopped."""
    return set(session.scalars(select(Mailbox.id).where(Mailbox.paused_at.is_(None), Mailbox.stopped_at.is_(None))))


def write_results(engine: Engine, results: Mapping[int, Result]) -> None:
    """Write down how polls went, by mailbox id, in one transaction; what describes the mailboxes stays as it is."""
    alike: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for mailbox_id, result in results.items():
        alike[tuple(sorted(result))].append({"mailbox": mailbox_id, **result})
    with transaction(engine) as session:
        for columns, rows in alike.items():
            session.connection().execute(_update(columns), rows)


@lru_cache
def _update(columns: tuple[str, ...]) -> Update:
    table: Any = Mailbox.__table__
    values = {name: bindparam(name) for name in columns if name != POLLED} | {"revision": table.c.revision}
    meant = [table.c.id == bindparam("mailbox")]
    if POLLED in columns:
        meant.append(table.c.revision == bindparam(POLLED))
    return update(table).where(*meant).values(values)


def spread(engine: Engine, settings: Settings, now: datetime, random: Random, shard: int | None = None) -> None:
    """Make every mailbox due within the next interval, so that a start finds all of them soon and none all at once.

    Where one was refused before, its pause stands. With `shard`, those of it alone.
    """
    with transaction(engine) as session:
        well = or_(Mailbox.next_poll_at.is_(None), Mailbox.failures == 0)
        here = true() if shard is None else Mailbox.id.between(shard * SHARD, (shard + 1) * SHARD - 1)
        ids = list(session.scalars(select(Mailbox.id).where(well, here)))
        within = min(settings.poll_seconds, len(ids) / settings.host_connects_a_second)
        due = {each: wait(now + timedelta(seconds=random.uniform(0, within))) for each in ids}
    write_results(engine, due)
