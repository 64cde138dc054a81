"""`/v1/labels`: what the classifier learns from. A label never changes a recipient's status."""

from __future__ import annotations

from datetime import date, datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import HTTPException, Path, Query, Request
from pydantic import BaseModel, Field

from classifier.verdict import ReplyClass
from console.api.frame import Done, Listed, Teacher, Viewer, act_of, api
from console.errands import RETRY_SECONDS, BusyError, errands_of
from console.learning import MOST_DOUBTS, Look, look, status_of, unsettled
from console.values import LARGEST_BIGINT, LONGEST_TEXT, PLAIN, PLAIN_OR_NONE, Strict, Text
from console.visitor import TheOffice
from models.session import reading, transaction
from models.tables.learning import LabelSource
from worker.learning.labels import drop as forget
from worker.learning.labels import relabel
from worker.queries.label_pages import LabelFilter, label_of, labels_page, statistics
from worker.queries.pages import LIMIT

router = api("labels")

MOST = 500
LabelId = Annotated[int, Path(ge=1, le=LARGEST_BIGINT, description="As `GET /v1/labels` names it.")]


class LabelRow(BaseModel):
    """A reply and the class a person gave it."""

    id: int
    label: ReplyClass
    machine: ReplyClass | None = Field(description="What the machine had called it; null: it was not asked.")
    subject: str
    text: str = Field(description="The sender's own words, as they were classified.")
    language: str = Field(description='Two letters; "": not known.')
    source: LabelSource
    hard: bool
    sampled: bool = Field(description="Its mail was drawn at random.")
    note: str
    message: int | None = Field(description="The mail: GET /v1/messages/{id} shows it.")
    by: str | None
    at: datetime = Field(description="When the newest word about it was said.")


class Relabel(Strict):
    """What a reply really is."""

    label: ReplyClass
    why: Annotated[Text, Field(description="Kept in place of its note.")] = ""


class LabelClassRow(BaseModel):
    """The labels of one class."""

    label: ReplyClass
    count: int
    compared: int = Field(description="Those that the machine had judged.")
    agreed: int = Field(description="Those of them on which person and machine agree.")


class LanguageCount(BaseModel):
    """The labels of one language; "": not known."""

    language: str
    count: int


class WeekCount(BaseModel):
    """The labels whose newest word was said in a week (UTC)."""

    monday: date
    count: int


class StatisticsRow(BaseModel):
    """What the labels of a team are, in numbers."""

    total: int
    classes: list[LabelClassRow]
    sources: dict[LabelSource, int]
    languages: list[LanguageCount] = Field(description="The commonest, the most first.")
    weeks: list[WeekCount]


class Because(BaseModel):
    """One reason."""

    detector: str
    because: str


class DoubtfulRow(BaseModel):
    """A label that is likely wrong."""

    label: LabelRow
    instead: ReplyClass = Field(description="What rules and classifier would call it.")
    confidence: float = Field(description="How likely they find the class that it has.")
    by_rule: bool = Field(description="A rule decides it.")
    probabilities: dict[ReplyClass, float]
    evidence: list[Because]


class DoubtfulList(BaseModel):
    """The most doubtful labels, the most doubtful first."""

    rows: list[DoubtfulRow]
    artifact: str | None = Field(description="The version that was asked; null: there are no labels.")
    labels: int = Field(description="How many were looked at.")
    left_out: int = Field(description="The artifact learnt from these without a test; nothing honest can be said.")


@router.get("/labels")
def labels(  # noqa: PLR0913, PLR0917 - one argument a filter
    office: TheOffice,
    caller: Viewer,
    label: Annotated[ReplyClass | None, Query(description="Only this class.")] = None,
    source: Annotated[LabelSource | None, Query(description="Only from there.")] = None,
    language: Annotated[
        str | None, Query(max_length=20, pattern=PLAIN_OR_NONE, description='Only this; "": those not known.')
    ] = None,
    differs: Annotated[bool, Query(description="Only those where person and machine differ.")] = False,  # noqa: FBT002
    after: Annotated[
        str | None, Query(max_length=LONGEST_TEXT, pattern=PLAIN, description="`next` of the page before.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=MOST)] = LIMIT,
) -> Listed[LabelRow]:
    """List the team's labels, the newest first."""
    wanted = LabelFilter(
        label=status_of(label) if label else None, source=source, language=language, differs=differs
    )  # fmt: skip
    with reading(office.engine) as session:
        found = labels_page(session, caller.team_id, wanted, after, limit)
    return Listed(rows=[LabelRow.model_validate(row) for row in found.rows], next=found.next)


@router.get("/labels/statistics")
def numbers(office: TheOffice, caller: Viewer) -> StatisticsRow:
    """Tell what the team's labels are, in numbers."""
    with reading(office.engine) as session:
        found = statistics(session, caller.team_id, office.clock())
    return StatisticsRow(
        total=found.total,
        classes=[LabelClassRow.model_validate(each, from_attributes=True) for each in found.classes],
        sources=found.sources,
        languages=[LanguageCount(language=language, count=count) for language, count in found.languages],
        weeks=[WeekCount(monday=day, count=count) for day, count in found.weeks],
    )


@router.get("/labels/doubtful")
def doubtful(
    request: Request, office: TheOffice, caller: Teacher, limit: Annotated[int, Query(ge=1, le=MOST_DOUBTS)] = LIMIT
) -> DoubtfulList:
    """Look for labels that are likely wrong; it takes seconds, and with many thousand labels minutes.

    While two calls of the team wait for that already, it answers 409 with Retry-After.
    """
    name = "doubts of a program", caller.team_id
    try:
        seen: Look = errands_of(request).finish(name, caller.actor, look(office, caller.team_id))
    except BusyError as error:
        raise HTTPException(HTTPStatus.CONFLICT, str(error), {"Retry-After": RETRY_SECONDS}) from error
    rows = [
        DoubtfulRow(
            label=LabelRow.model_validate(row),
            instead=found.instead,
            confidence=found.confidence,
            by_rule=found.by_rule,
            probabilities={ReplyClass(label): share for label, share in found.probabilities},
            evidence=[Because(detector=each.detector, because=each.because) for each in found.evidence],
        )
        for row, found in unsettled(office, caller.team_id, seen)
    ]
    return DoubtfulList(rows=rows[:limit], artifact=seen.version, labels=seen.labels, left_out=seen.left_out)


@router.get("/labels/{label_id}")
def label_(office: TheOffice, caller: Viewer, label_id: LabelId) -> LabelRow:
    """Tell one label."""
    with reading(office.engine) as session:
        return LabelRow.model_validate(label_of(session, caller.team_id, label_id))


@router.post("/labels/{label_id}")
def change(office: TheOffice, caller: Teacher, label_id: LabelId, asked: Relabel) -> LabelRow:
    """Say that a label should be another class; no status changes."""
    act = act_of(office, caller, asked.why)
    with transaction(office.engine) as session:
        relabel(session, caller.team_id, label_id, status_of(asked.label), act)
        return LabelRow.model_validate(label_of(session, caller.team_id, label_id))


@router.post("/labels/{label_id}/drop")
def drop(office: TheOffice, caller: Teacher, label_id: LabelId) -> Done:
    """Forget a label with its text; the mail itself and what was decided stay."""
    with transaction(office.engine) as session:
        forget(session, caller.team_id, label_id)
    return Done()
