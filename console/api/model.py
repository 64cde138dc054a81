"""`/v1/artifacts` and `/v1/promotions`: trained classifiers, how good they are, and which one serves all teams."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import HTTPException, Path, Query, Request
from pydantic import BaseModel, Field

from console.api.frame import Listed, Teacher, Viewer, act_of, api
from console.errands import RETRY_SECONDS, BusyError, errands_of
from console.learning import Asked, Promoted, promotion
from console.values import VERSION, Strict, Text
from console.visitor import TheOffice
from models.session import reading, transaction
from worker.errors import InputError
from worker.learning.artifact_report import ArtifactReport, report_of
from worker.learning.promotion import history, list_artifacts
from worker.learning.promotion import rollback as take_back
from worker.learning.registered import find

router = api("model")

MOST = 500
Version = Annotated[str, Path(pattern=VERSION, description="As `GET /v1/artifacts` names it.")]


class ArtifactRow(BaseModel):
    """A trained classifier, with its key figures on replies that it had not seen."""

    version: str
    serves: bool = Field(description="It judges the mail of every team; INBOX_ARTIFACT may stand above it.")
    trained_at: datetime | None = Field(description="null: shipped with the product.")
    rows: int | None = Field(description="Labelled replies it was trained on.")
    macro_f1: float | None
    opt_outs_kept: float | None = Field(description="Share of the opt-outs that are recognised or held.")
    reviewed: float | None = Field(description="Share of all replies that wait for a person.")
    cost: float | None = Field(description="Of a reply: missed opt-outs 10, wrong ones 4, other errors and reviews 1.")
    promoted_at: datetime | None = Field(description="When it was put into service last.")
    by: str | None = Field(description="Who did.")
    forced: bool = Field(description="The gate had refused it.")
    why: str | None


class FigureRow(BaseModel):
    """One figure of an artifact."""

    name: str
    label: str
    value: float
    means: str
    more_is_better: bool | None = Field(description="null: it does not say how good the artifact is.")


class ClassRow(BaseModel):
    """How well one class is told."""

    name: str
    rows: int
    precision: float
    recall: float
    f1: float
    sure_from: float | None = Field(description="The probability from which it is acted upon without a person.")


class LanguageRow(BaseModel):
    """One language it learnt from; "": not known."""

    name: str
    rows: int
    macro_f1: float | None


class Span(BaseModel):
    """The replies of one span of confidence."""

    rows: int
    confidence: float
    accuracy: float


class Report(BaseModel):
    """Everything there is to know of an artifact; each figure is of replies that it had not seen."""

    version: str
    serves: bool
    trained_at: datetime | None
    figures: list[FigureRow]
    classes: list[ClassRow]
    confusion: dict[str, dict[str, int]] = Field(description="For each true class how many were called what.")
    spans: list[Span] = Field(description="How sure it was, and how often right.")
    languages: list[LanguageRow]
    learning: list[tuple[int, float]] = Field(description="Replies the learner was shown, and its macro-F1.")
    rows: int | None
    data_sha256: str | None
    hold_from: float | None = Field(description="The probability of Unsubscribed from which a reply is held.")
    libraries: dict[str, str]
    problem: str | None = Field(description="Why its file cannot be used; null: nothing speaks against it.")


class Promote(Strict):
    """That an artifact is to serve."""

    force: Annotated[bool, Field(description="Also where the gate refuses it; needs `why`.")] = False
    why: Annotated[Text, Field(description="Kept in the history.")] = ""


class CheckRow(BaseModel):
    """One thing the gate asks for."""

    what: str
    on: str = Field(description="Which replies, and how many.")
    before: float = Field(description="Of what serves now.")
    after: float = Field(description="Of the candidate.")
    limit: float
    passed: bool
    says: str


class Decision(BaseModel):
    """How a trial came out."""

    version: str
    promoted: bool = Field(description="false: the gate refused it, and nothing has changed.")
    forced: bool
    against: str = Field(description="What it was held against.")
    problem: str | None = Field(description="Why that was not what had been put into service.")
    checks: list[CheckRow]


class Rollback(Strict):
    """Why the newest promotion is taken back."""

    why: Annotated[str, Field(min_length=1, max_length=2_000, description="Kept in the history.")]
    instead_of: Annotated[
        str | None, Field(max_length=80, description="The version that you see in service; refused if another serves.")
    ] = None


class Serving(BaseModel):
    """What serves now."""

    version: str


class PromotionRow(BaseModel):
    """Who put which artifact into service, or took the newest promotion back."""

    at: datetime
    act: Literal["promote", "rollback"]
    serves: str = Field(description="The version that served from then on.")
    by: str
    forced: bool
    why: str | None
    gate: list[str] = Field(description="What the gate said, a sentence a check.")


@router.get("/artifacts")
def artifacts(office: TheOffice, caller: Viewer) -> Listed[ArtifactRow]:
    """List the artifacts of the installation, the newest first and the shipped one last; they belong to no team."""
    del caller
    with reading(office.engine) as session:
        return Listed(rows=[ArtifactRow.model_validate(row) for row in list_artifacts(session)])


@router.get("/artifacts/{version}")
def artifact(office: TheOffice, caller: Viewer, version: Version) -> Report:
    """Tell everything there is to know of an artifact."""
    del caller
    with reading(office.engine) as session:
        return _report(report_of(session, version, office.settings.artifact_folder))


@router.post("/artifacts/rollback")
def rollback(office: TheOffice, caller: Teacher, asked: Rollback) -> Serving:
    """Take the newest promotion back: what served before serves again, for every team."""
    act = act_of(office, caller, asked.why)
    if act.why is None:
        raise InputError("say why; it is kept in the history")
    with transaction(office.engine) as session:
        return Serving(version=take_back(session, act, asked.instead_of).artifact.version)


@router.post("/artifacts/{version}/promote")
def promote(request: Request, office: TheOffice, caller: Teacher, version: Version, asked: Promote) -> Decision:
    """Let an artifact judge the mail of every team, if the gate finds it no worse than what serves.

    It answers when the gate has decided, which takes seconds, and with many thousand labels minutes. Where the gate
    refuses it, `promoted` is false, `checks` say why, and nothing has changed. One trial runs at a time: while another
    does, or two calls wait for the same, it answers 409 with Retry-After.
    """
    act = act_of(office, caller, asked.why)
    if asked.force and act.why is None:
        raise InputError("say why it is to serve although the gate refuses it; that is kept in the history")
    with reading(office.engine) as session:
        find(session, version)
    wanted = Asked(version, asked.force, act.why)
    try:
        done: Promoted = errands_of(request).finish(
            wanted.name, caller.actor, promotion(office, wanted, act), asked=wanted
        )
    except BusyError as error:
        raise HTTPException(HTTPStatus.CONFLICT, str(error), {"Retry-After": RETRY_SECONDS}) from error
    return _decision(done)


@router.get("/promotions")
def promotions(
    office: TheOffice, caller: Viewer, limit: Annotated[int, Query(ge=1, le=MOST)] = MOST
) -> Listed[PromotionRow]:
    """List who put which artifact into service, the newest first."""
    del caller
    with reading(office.engine) as session:
        return Listed(rows=[PromotionRow.model_validate(row) for row in history(session, limit)])


def _report(found: ArtifactReport) -> Report:
    return Report(
        version=found.version,
        serves=found.serves,
        trained_at=found.trained_at,
        figures=[
            FigureRow(
                name=each.measure.key,
                label=each.measure.label,
                value=each.value,
                means=each.measure.means,
                more_is_better=each.measure.more_is_better,
            )
            for each in found.figures
        ],
        classes=[ClassRow.model_validate(each, from_attributes=True) for each in found.classes],
        confusion={
            name: dict(zip(found.names, row, strict=True)) for name, row in zip(found.names, found.counts, strict=True)
        },
        spans=[Span.model_validate(each, from_attributes=True) for each in found.spans],
        languages=[LanguageRow.model_validate(each, from_attributes=True) for each in found.languages],
        learning=found.learning,
        rows=found.rows,
        data_sha256=found.sha256,
        hold_from=found.hold,
        libraries=found.libraries,
        problem=found.problem,
    )


def _decision(done: Promoted) -> Decision:
    return Decision(
        version=done.version,
        promoted=done.promoted,
        forced=done.forced,
        against=done.against,
        problem=done.problem,
        checks=[
            CheckRow(
                what=each.what,
                on=each.on,
                before=each.before,
                after=each.after,
                limit=each.limit,
                passed=each.passed,
                says=str(each),
            )
            for each in done.checks
        ],
    )
