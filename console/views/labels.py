"""`/labels`: what the classifier learns from: look, correct, import, export, and settle what is doubtful."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from pathlib import Path as File
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Path, Query, Request, Response, UploadFile
from pydantic import AwareDatetime, BaseModel, Field

from classifier.verdict import ReplyClass
from console import uploads
from console.charts import Bar, Series, bars, stacked, status_css
from console.errands import Name, errands_of, nothing_new
from console.files import download, refresh_after
from console.learning import CLASSES, KEYS, Look, look, status_of, unsettled
from console.render import go, link, ours, render
from console.values import LARGEST_BIGINT, PLAIN_OR_NONE
from console.visitor import Teacher, TheOffice, Viewer
from models.session import reading, transaction
from models.tables.learning import LabelSource
from worker.learning.label_export import export_labels
from worker.learning.label_files import CSV, JSON_LINES, format_of, read_labels, sort_out
from worker.learning.label_store import new_rows, store
from worker.learning.labels import Word, relabel
from worker.learning.labels import drop as forget
from worker.queries.label_pages import LabelFilter, Statistics, labels_page, statistics
from worker.queries.marks import marked

router = APIRouter(prefix="/labels", include_in_schema=False)

Id = Annotated[int, Path(ge=1, le=LARGEST_BIGINT)]
Form_ = Annotated[Literal["csv", "jsonl"], Form()]
LONGEST_QUERY = 1_000
LONGEST_UNDO = 2_000
"""Of an address; a browser keeps it in a cookie, which holds four thousand."""
SHOWN = 20
AT_ONCE = 25
"""Each label of the list shows its text."""
UNKNOWN = "unknown"
"""Asks for labels whose language is not known."""
MEDIA_TYPES = {CSV: "text/csv", JSON_LINES: "application/jsonl"}


class Looking(BaseModel):
    """What the address of the list says: which labels, and from where on."""

    label: ReplyClass | Literal[""] = ""
    source: LabelSource | Literal[""] = ""
    language: Annotated[str, Field(max_length=20, pattern=PLAIN_OR_NONE)] = ""
    differs: Literal["", "yes"] = ""
    after: Annotated[str, Field(max_length=LONGEST_QUERY)] = ""

    @property
    def wanted(self) -> LabelFilter:
        """Which labels."""
        return LabelFilter(
            label=status_of(self.label) if self.label else None,
            source=self.source or None,
            language=None if not self.language else "" if self.language == UNKNOWN else self.language.strip().lower(),
            differs=bool(self.differs),
        )

    @property
    def filter(self) -> dict[str, str]:
        """What is asked for, as a query of the list has it."""
        said = self.model_dump(mode="json", exclude={"after"})
        return {name: value for name, value in said.items() if value}

    @property
    def address(self) -> str:
        """The page of the list."""
        return link("/labels", **self.filter, after=self.after)


class Said(BaseModel):
    """What somebody says a reply is, and the page to go to afterwards."""

    label: ReplyClass
    seen: ReplyClass
    """What they saw it called."""
    seen_at: AwareDatetime
    """Since when."""
    why: Annotated[str, Field(max_length=1_000)] = ""
    back: Annotated[str, Field(max_length=LONGEST_QUERY)] = ""

    @property
    def word(self) -> Word:
        """What they saw the label say."""
        return Word(status_of(self.seen), self.seen_at)


class TakenBack(Said):
    """What a label said before, with its note if that was changed."""

    noted: Literal["", "yes"] = ""
    why: Annotated[str, Field(max_length=LONGEST_UNDO)] = ""


@router.get("")
def page(request: Request, office: TheOffice, visitor: Viewer, looking: Annotated[Looking, Query()]) -> Response:
    """Show the team's labels, the newest first."""
    with reading(office.engine) as session:
        found = labels_page(session, visitor.team_id, looking.wanted, looking.after or None, AT_ONCE)
    return render(
        request, "labels.html", found=found, looking=looking, classes=CLASSES, sources=list(LabelSource)
    )  # fmt: skip


@router.get("/statistics")
def numbers(request: Request, office: TheOffice, visitor: Viewer) -> Response:
    """Show what the labels are as a whole."""
    with reading(office.engine) as session:
        found = statistics(session, visitor.team_id, office.clock())
    return render(request, "labels_statistics.html", found=found, unknown=UNKNOWN, **_drawn(found))


@router.post("/{label_id:int}")
def change(
    request: Request, office: TheOffice, visitor: Teacher, label_id: Id, said: Annotated[Said, Form()]
) -> Response:
    """Say that a label should be another class."""
    act = visitor.act(office, said.why)
    with transaction(office.engine) as session:
        before = relabel(session, visitor.team_id, label_id, status_of(said.label), act, seen=said.word)
    if seen := _seen(request, visitor.team_id):
        seen.reopened.discard(label_id)
    back = ours(said.back, "/labels")
    note = {"noted": "yes", "why": before.note} if act.why is not None else {}
    undo = link(
        f"/labels/{label_id}/undo",
        label=before.label.value, seen=said.label.value, seen_at=act.at.isoformat(), back=back, **note,
    )  # fmt: skip
    says = f"Label {label_id} is {said.label.value} now; no status has changed."
    # Without its note the label would not be what it was.
    return go(request, back, says, undo if len(undo) <= LONGEST_UNDO else None)


@router.post("/{label_id:int}/undo")
def change_back(
    request: Request, office: TheOffice, visitor: Teacher, label_id: Id, said: Annotated[TakenBack, Query()]
) -> Response:
    """Give a label the class again that it had, and its note."""
    act = replace(visitor.act(office), why=said.why if said.noted else None)
    with transaction(office.engine) as session:
        relabel(session, visitor.team_id, label_id, status_of(said.label), act, seen=said.word)
    if seen := _seen(request, visitor.team_id):
        seen.reopened.add(label_id)
    return go(request, ours(said.back, "/labels"), f"Label {label_id} is {said.label.value} again.")


@router.post("/{label_id:int}/drop")
def drop(
    request: Request,
    office: TheOffice,
    visitor: Teacher,
    label_id: Id,
    back: Annotated[str, Form(max_length=LONGEST_QUERY)] = "",
) -> Response:
    """Forget a label, with its text."""
    with transaction(office.engine) as session:
        forget(session, visitor.team_id, label_id)
    return go(request, ours(back, "/labels"), f"Label {label_id} is forgotten; the mail itself stays.")


@router.get("/doubtful")
def doubtful(
    request: Request,
    office: TheOffice,
    visitor: Viewer,
    after: Annotated[int, Query(ge=0, le=LARGEST_BIGINT)] = 0,
) -> Response:
    """Show the most doubtful label that nobody has settled since they were looked for; `after` one that was skipped."""
    errand = errands_of(request).newest(_doubts(visitor.team_id))
    if nothing_new(request, errand):
        return Response(status_code=HTTPStatus.NO_CONTENT)
    seen = _seen(request, visitor.team_id)
    left = list(unsettled(office, visitor.team_id, seen)) if seen else []
    skipped = next((at for at, (row, _) in enumerate(left, start=1) if row["id"] == after), 0)
    row, found = left[skipped] if skipped < len(left) else (None, None)
    own = marked(row["text"], found.evidence) if row and found else []
    return render(
        request,
        "labels_doubtful.html",
        errand=errand, seen=seen, left=left, skipped=skipped, row=row, found=found, own=own, keys=KEYS, after=after,
    )  # fmt: skip


@router.post("/doubtful/look")
def look_for_doubts(request: Request, office: TheOffice, visitor: Teacher) -> Response:
    """Look for doubtful labels; it takes seconds."""
    errands_of(request).begin(_doubts(visitor.team_id), visitor.name, look(office, visitor.team_id))
    return go(request, "/labels/doubtful")


@router.get("/export")
def export(office: TheOffice, visitor: Viewer, form: Literal["csv", "jsonl"] = "csv") -> Response:
    """Write all labels with their texts, as the import reads them."""
    return download(
        office.engine,
        f"labels.{form}",
        MEDIA_TYPES[form],
        lambda session: export_labels(session, visitor.team_id, None, form),
    )


@router.get("/import")
def choose(request: Request, visitor: Teacher) -> Response:
    """Ask for a file."""
    del visitor
    return render(request, "labels_import.html", rows=None, title="", classes=CLASSES)


@router.post("/import")
def preview(request: Request, office: TheOffice, visitor: Teacher, file: UploadFile) -> Response:
    """Show what a file holds, and which of its rows cannot be used; nothing is stored yet."""
    called = file.filename or "file"
    form = format_of(File(called))
    name = uploads.keep(file, visitor.team_id)
    path = uploads.kept(name, visitor.team_id)
    try:
        rows, bad = sort_out(read_labels(path, form, called))
    except Exception:
        uploads.forget(path)
        raise
    with reading(office.engine) as session:
        rows, known = new_rows(session, visitor.team_id, rows)
    bad = sorted(bad + known, key=lambda each: each.number)
    return render(
        request,
        "labels_import.html",
        rows=rows, bad=bad, name=name, form=form, title=called, classes=CLASSES, shown=SHOWN,
    )  # fmt: skip


@router.post("/import/{name}")
def take_in(request: Request, office: TheOffice, visitor: Teacher, name: str, form: Form_) -> Response:
    """Store the good rows of a file."""
    path = uploads.kept(name, visitor.team_id)
    rows, _ = sort_out(read_labels(path, form))
    imported, _ = store(office.engine, visitor.team_id, rows, visitor.act(office), skip_bad=True)
    uploads.forget(path)
    refresh_after(office.engine, imported)
    return go(request, "/labels", f"{imported:,} {'label' if imported == 1 else 'labels'} imported.")


def _doubts(team_id: int) -> Name:
    return "doubts", team_id


def _seen(request: Request, team_id: int) -> Look | None:
    """Return what the newest look for doubtful labels of a team has found."""
    errand = errands_of(request).newest(_doubts(team_id))
    seen: Look | None = errand.result if errand else None
    return seen


def _drawn(found: Statistics) -> dict[str, Any]:
    """Return the pictures of the statistics."""
    weeks = Series("Labels", "series-1", [number for _, number in found.weeks])
    of_class = [Bar(each.label.value, each.count, status_css(each.label.value)) for each in found.classes]
    return {
        "weeks": stacked("Labels by week", [day for day, _ in found.weeks], [weeks]) if any(weeks.values) else None,
        "bars": bars("Labels by class", of_class) if of_class else None,
    }
