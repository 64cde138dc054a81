"""`/model`: which classifier serves, how good it is, and which others there are."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Query, Request, Response

from console.chart_tables import matrix_table, reliability_table
from console.errands import errands_of, nothing_new
from console.learning import Asked as Wanted
from console.learning import promotion, trial_of
from console.model_charts import Point, matrix, reliability
from console.render import go, render
from console.values import VERSION
from console.visitor import Teacher, TheOffice, Viewer
from models.session import reading, transaction
from worker.errors import InputError
from worker.learning.accuracy import accuracy, months
from worker.learning.artifact_report import ArtifactReport, report_of
from worker.learning.comparison import compare
from worker.learning.promotion import history, in_service, list_artifacts
from worker.learning.promotion import rollback as take_back
from worker.learning.registered import find

router = APIRouter(prefix="/model", include_in_schema=False)

Version = Annotated[str, Path(pattern=VERSION)]
Asked = Annotated[str, Query(pattern=VERSION)]
Why = Annotated[str, Form(max_length=1_000)]
MOST_SHOWN = 50
"""Of artifacts and of decisions; the command line and the API list all."""


@router.get("")
def page(request: Request, office: TheOffice, visitor: Viewer) -> Response:
    """Show what serves and how often it was right, all artifacts, and who decided what."""
    begins = months(office.clock())
    with reading(office.engine) as session:
        artifacts, decisions = list_artifacts(session, MOST_SHOWN), history(session, MOST_SHOWN)
        standing = in_service(session).standing
        since = decisions[0]["at"] if decisions else None
        (now,) = accuracy(session, visitor.team_id, [since or begins[0]])
        by_month = accuracy(session, visitor.team_id, begins)
    return render(
        request,
        "model.html",
        artifacts=artifacts,
        decisions=decisions,
        serving=standing[0],
        before=standing[1] if len(standing) > 1 else None,
        decision=decisions[0] if decisions else None,
        right=now,
        months=[each for each in by_month if each.answered],
        fixed=office.settings.artifact,
    )


@router.get("/compare")
def compared(request: Request, office: TheOffice, visitor: Viewer, a: Asked, b: Asked) -> Response:
    """Show the figures of two artifacts side by side."""
    del visitor
    with reading(office.engine) as session:
        first, second = (report_of(session, each, office.settings.artifact_folder) for each in (a, b))
        versions = [each["version"] for each in list_artifacts(session, MOST_SHOWN)]
    return render(
        request, "model_compare.html", first=first, second=second, found=compare(first, second), versions=versions
    )


@router.post("/rollback")
def rollback(request: Request, office: TheOffice, visitor: Teacher, why: Why, instead_of: Why) -> Response:
    """Take the newest promotion back."""
    if not why.strip():
        raise InputError("say why; it is kept in the history")
    with transaction(office.engine) as session:
        serving = take_back(session, visitor.act(office, why), instead_of)
    return go(request, "/model", f"{serving.artifact.version} serves again; what was decided meanwhile stays.")


@router.get("/{version}")
def report(request: Request, office: TheOffice, visitor: Viewer, version: Version) -> Response:
    """Show everything there is to know of one artifact."""
    del visitor
    with reading(office.engine) as session:
        found = report_of(session, version, office.settings.artifact_folder)
        serving = in_service(session).artifact.version
    trial = errands_of(request).newest(trial_of(version))
    return render(request, "model_report.html", report=found, serving=serving, trial=trial, **_drawn(found))


@router.post("/{version}/promote")
def promote(
    request: Request, office: TheOffice, visitor: Teacher, version: Version, why: Why = "", force: Why = ""
) -> Response:
    """Hold an artifact against what serves; if the gate lets it through, it serves."""
    if force and not why.strip():
        raise InputError("say why it is to serve although the gate refuses it; that is kept in the history")
    with reading(office.engine) as session:
        if find(session, version) == in_service(session).artifact:
            raise InputError(f"artifact {version} is in service already")
    act = visitor.act(office, why)
    wanted = Wanted(version, bool(force), act.why)
    errands_of(request).begin(wanted.name, visitor.name, promotion(office, wanted, act), asked=wanted)
    return go(request, f"/model/{version}/trial")


@router.get("/{version}/trial")
def trial(request: Request, office: TheOffice, visitor: Viewer, version: Version) -> Response:
    """Show how the newest trial of an artifact goes, or went."""
    del visitor
    errand = errands_of(request).newest(trial_of(version))
    if nothing_new(request, errand):
        return Response(status_code=HTTPStatus.NO_CONTENT)
    with reading(office.engine) as session:
        find(session, version)
        serving = in_service(session).artifact.version
    return render(
        request, "model_trial.html", version=version, errand=errand, serving=serving, fixed=office.settings.artifact
    )


def _drawn(found: ArtifactReport) -> dict[str, Any]:
    """Return the pictures of a report, and the same numbers as tables."""
    points = [Point(each.confidence, each.accuracy, each.rows) for each in found.spans]
    return {
        "matrix": matrix("Which class is taken for which", found.names, found.counts) if found.counts else None,
        "matrix_table": matrix_table(found.names, found.counts),
        "reliability": reliability("Is it as right as it is sure?", points) if points else None,
        "reliability_table": reliability_table(points),
    }
