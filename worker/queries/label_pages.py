"""Labels in pages, the newest first, and what they say as a whole; reads only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from models.events import Status
from models.tables.learning import Label, LabelSource
from worker.learning.labels import find_label
from worker.queries.pages import LIMIT, Page
from worker.queries.places import id_place, place
from worker.queries.story import Row

WEEKS = 13
MOST_LANGUAGES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelFilter:
    """Which labels are asked for; None: any."""

    label: Status | None = None
    source: LabelSource | None = None
    language: str | None = None
    """"" asks for those whose language is not known."""
    differs: bool = False
    """Only those where person and machine differ."""


@dataclass(frozen=True, slots=True)
class ClassCount:
    """The labels of one class, and how far person and machine agree on them."""

    label: Status
    count: int
    compared: int
    """Those about which the machine was asked as well."""
    agreed: int

    @property
    def agreement(self) -> float | None:
        """The share on which both agree; None: the machine was asked about none."""
        return self.agreed / self.compared if self.compared else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """What the labels of a team are, in numbers."""

    total: int
    classes: list[ClassCount]
    """Those that any label has; the most first."""
    sources: dict[LabelSource, int]
    languages: list[tuple[str, int]]
    """The most first; "" is a language that is not known."""
    weeks: list[tuple[date, int]]
    """The Monday of each of the last weeks (UTC), the oldest first, and the labels whose newest word was said in it."""

    @property
    def compared(self) -> int:
        """Labels about which the machine was asked as well."""
        return sum(each.compared for each in self.classes)

    @property
    def agreed(self) -> int:
        """Those of them on which both agree."""
        return sum(each.agreed for each in self.classes)


def labels_page(
    session: Session, team_id: int, wanted: LabelFilter, after: str | None = None, limit: int = LIMIT
) -> Page:
    """Return labels, the newest first.

    Raises:
        InputError: the cursor `after` is damaged.
    """
    query = select(Label).where(Label.team_id == team_id, *_asked(wanted)).order_by(Label.id.desc()).limit(limit + 1)
    if after:
        query = query.where(Label.id < id_place(after))
    found = session.scalars(query).all()
    rows = [label_row(each) for each in found[:limit]]
    return Page(rows, place(found[limit - 1].id) if len(found) > limit else None)


def label_of(session: Session, team_id: int, label_id: int) -> Row:
    """Return one label.

    Raises:
        InputError: the team has no such label.
    """
    return label_row(find_label(session, team_id, label_id))


def labels_of(session: Session, team_id: int, label_ids: Sequence[int]) -> dict[int, Row]:
    """Return some labels by their ids; those that are gone are left out."""
    query = select(Label).where(Label.team_id == team_id, Label.id.in_(label_ids))
    return {each.id: label_row(each) for each in session.scalars(query)}


def label_row(label: Label) -> Row:
    """Return a label as it is shown."""
    return {
        "id": label.id,
        "label": label.label.value,
        "machine": label.machine.value if label.machine else None,
        "subject": label.subject,
        "text": label.text,
        "language": label.language,
        "source": label.source.value,
        "hard": label.hard,
        "sampled": label.sampled,
        "note": label.note,
        "message": label.message_id,
        "by": label.actor,
        "at": label.recorded_at,
    }


def _asked(wanted: LabelFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.label is not None:
        conditions.append(Label.label == wanted.label)
    if wanted.source is not None:
        conditions.append(Label.source == wanted.source)
    if wanted.language is not None:
        conditions.append(Label.language == wanted.language)
    if wanted.differs:
        conditions.append(Label.machine != Label.label)
    return conditions


def statistics(session: Session, team_id: int, now: datetime) -> Statistics:
    """Return what the labels of a team are, in numbers."""
    query = (
        select(Label.label, Label.source, Label.language, Label.machine, func.count())
        .where(Label.team_id == team_id)
        .group_by(Label.label, Label.source, Label.language, Label.machine)
    )
    classes: Counter[Status] = Counter()
    compared: Counter[Status] = Counter()
    agreed: Counter[Status] = Counter()
    sources: Counter[LabelSource] = Counter()
    languages: Counter[str] = Counter()
    for label, source, language, machine, number in session.execute(query):
        classes[label] += number
        compared[label] += number if machine else 0
        agreed[label] += number if machine is label else 0
        sources[source] += number
        languages[language] += number
    return Statistics(
        total=classes.total(),
        classes=[ClassCount(each, number, compared[each], agreed[each]) for each, number in classes.most_common()],
        sources=dict(sources.most_common()),
        languages=languages.most_common(MOST_LANGUAGES),
        weeks=_weeks(session, team_id, now),
    )


def _weeks(session: Session, team_id: int, now: datetime) -> list[tuple[date, int]]:
    today = datetime.combine(now.astimezone(UTC).date(), datetime.min.time(), UTC)
    monday = today - timedelta(days=today.weekday())
    begins = [monday - timedelta(weeks=back) for back in reversed(range(WEEKS))]
    counts = [func.count().filter(_within(begin, begin + timedelta(weeks=1))) for begin in begins]
    row = session.execute(select(*counts).where(Label.team_id == team_id, Label.recorded_at >= begins[0])).one()
    return [(begin.date(), number) for begin, number in zip(begins, row, strict=True)]


def _within(begin: datetime, end: datetime) -> ColumnElement[bool]:
    return (Label.recorded_at >= begin) & (Label.recorded_at < end)
