"""The months in which PostgreSQL keeps what is bulky of messages: made ahead of time, and dropped as a whole.

SQLite keeps everything in one table, so that there is nothing to do here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from sqlalchemy import Select, Table, column, func, insert, select, table, text
from sqlalchemy.orm import Session

from models.tables.mail import InboundMessage, MessageClue, VerdictRow

TABLES: tuple[Table, ...] = tuple(VerdictRow.metadata.tables[each.__tablename__] for each in (VerdictRow, MessageClue))
AHEAD = 2
"""Months that are made before they begin."""
LOCK = int.from_bytes(b"months", "big")
"""Number of the advisory lock under which one process at a time changes the months."""
PATIENCE = "500ms"
"""How long a change of the months waits for whoever uses the tables: others queue up behind it, and it has time.

It is less than the second after which PostgreSQL looks for deadlocks, so that of two the writer is never given up.
"""
NAME = re.compile(r"_(before_)?(\d{4})_(\d{2})$")
DEFAULT = "default"
"""Ends the name of the partition that takes whatever fits no month, so that no row is ever refused."""


@dataclass(frozen=True, slots=True)
class Month:
    """One partition of a table: the rows from the first day of a month up to `until`; since None: all before."""

    until: date
    since: date | None
    table: str

    @property
    def name(self) -> str:
        """Return the partition's name, which says all of this."""
        begin = self.since or self.until
        return f"{self.table}_{'' if self.since else 'before_'}{begin.year:04}_{begin.month:02}"


def month_of(now: datetime) -> date:
    """Return the first day of the month in which a time lies, in UTC."""
    return now.astimezone(UTC).date().replace(day=1)


def later(month: date, number: int) -> date:
    """Return the first day of the month so many months later."""
    years, index = divmod(month.month - 1 + number, 12)
    return date(month.year + years, index + 1, 1)


def months(session: Session) -> list[Month]:
    """Return the partitions of all tables, the oldest first, without what lies beside the months; SQLite has none."""
    if session.get_bind().dialect.name != "postgresql":
        return []
    query = text(
        "SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid WHERE inhparent = :t ::regclass"
    )
    found = (_named(each.name, name) for each in TABLES for name in session.scalars(query, {"t": each.name}))
    return sorted(filter(None, found), key=lambda month: (month.until, month.table))


def missing_months(session: Session, now: datetime) -> Iterator[Month]:
    """Yield the months from this one to `AHEAD` later that are not made yet."""
    if session.get_bind().dialect.name != "postgresql":
        return
    known = months(session)
    for month in (later(month_of(now), number) for number in range(AHEAD + 1)):
        for parent in TABLES:
            own = [each for each in known if each.table == parent.name]
            if not any((each.since is None and month < each.until) or each.since == month for each in own):
                yield Month(later(month, 1), month, parent.name)


def any_beside(session: Session, month: date) -> bool:
    """Say whether rows of this month or a later one lie beside the months; older ones are kept there on purpose."""
    if session.get_bind().dialect.name != "postgresql":
        return False
    since = {"since": datetime.combine(month, time(), UTC)}
    query = "SELECT 1 FROM {}_{} WHERE recorded_at >= :since LIMIT 1"
    return any(session.scalar(text(query.format(each.name, DEFAULT)), since) for each in TABLES)


def keep_ahead(session: Session, now: datetime) -> list[Month]:
    """Make the months from this one to `AHEAD` later where they are missing, and return those that were made.

    Rows that lie beside the months for want of one move into it. Where nothing is missing nothing is locked.

    Raises:
        OperationalError: others use the tables; nothing is made, and another time will do.
    """
    if not list(missing_months(session, now)):
        return []
    _begin(session)
    # Another process may have made them meanwhile.
    missing = list(missing_months(session, now))
    for month in missing:
        _make(session, month)
    return missing


def drop_before(session: Session, month: date, kept: Select[int]) -> list[Month]:
    """Drop the partitions that end by a month, but not the rows of the messages that `kept` selects, and return them.

    What is kept moves beside the months: it is little, and the rest goes without a row being touched.

    Raises:
        OperationalError: as in `keep_ahead`.
    """
    if not _ending(session, month):
        return []
    _begin(session)
    gone = _ending(session, month)
    for each in gone:
        _drop(session, each, kept)
    return gone


def _named(parent: str, name: str) -> Month | None:
    found = NAME.fullmatch(name, len(parent))
    if found is None:
        return None
    begin = date(int(found[2]), int(found[3]), 1)
    return Month(begin, None, parent) if found[1] else Month(later(begin, 1), begin, parent)


def _ending(session: Session, month: date) -> list[Month]:
    return [each for each in months(session) if each.until <= month]


def _begin(session: Session) -> None:
    """Wait for another process that changes the months, then be quick about it."""
    session.execute(select(func.pg_advisory_xact_lock(LOCK)))
    _run(session, f"SET LOCAL lock_timeout = '{PATIENCE}'")
    # It is referred to. Whoever writes a message begins with it, so that neither waits for the other crosswise.
    _run(session, f"LOCK TABLE {InboundMessage.__tablename__} IN SHARE ROW EXCLUSIVE MODE")


def _make(session: Session, month: Month) -> None:
    rest = f"{month.table}_{DEFAULT}"
    bounds = f"'{month.since} 00:00:00+00'", f"'{month.until} 00:00:00+00'"
    _run(session, f"CREATE TABLE {month.name} (LIKE {month.table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)")
    _run(session, f"LOCK TABLE {rest} IN ACCESS EXCLUSIVE MODE")
    _run(
        session,
        f"WITH moved AS (DELETE FROM {rest} WHERE recorded_at >= {bounds[0]} AND recorded_at < {bounds[1]} RETURNING *)"  # noqa: S608 - names of our own tables
        f" INSERT INTO {month.name} SELECT * FROM moved",
    )
    _run(
        session,
        f"ALTER TABLE {month.table} ATTACH PARTITION {month.name} FOR VALUES FROM ({bounds[0]}) TO ({bounds[1]})",
    )


def _drop(session: Session, month: Month, kept: Select[int]) -> None:
    parent = next(each for each in TABLES if each.name == month.table)
    names = parent.columns.keys()
    part = table(month.name, *(column(name) for name in names))
    _run(session, f"ALTER TABLE {month.table} DETACH PARTITION {month.name}")
    session.execute(insert(parent).from_select(names, select(part).where(part.c.message_id.in_(kept))))
    _run(session, f"DROP TABLE {month.name}")


def _run(session: Session, statement: str) -> None:
    session.connection().exec_driver_sql(statement)
